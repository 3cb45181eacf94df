//! What both brokers have before the first case: topics, a group with a member, a group with a committed offset; and
//! what each of them chose by itself.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use gracchus_wire::messages::{
    FindCoordinatorRequest, GroupId, InitProducerIdRequest, JoinGroupRequest, OffsetCommitRequest, StrBytes,
    SyncGroupRequest,
    join_group_request::JoinGroupRequestProtocol,
    offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic},
    sync_group_request::SyncGroupRequestAssignment,
};
use protocol_tests::Client;
use protocol_tests::client::topic_name;

use crate::batches;
use crate::values::{
    COMMITTED_GROUP, CONFIGURED_TOPIC, GROWING_TOPIC, LIVE_GROUP, MEMBER_ID, TOPIC, TOPIC_ID,
};

/// How long a new topic or coordinator may take to answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// A broker that is ready for the cases.
#[derive(Clone, Debug)]
pub struct World {
    pub address: SocketAddr,
    topic_id: [u8; 16],
    member_id: String,
}

impl World {
    /// Makes what the cases expect.
    ///
    /// # Panics
    /// When the broker does not do what every client asks of it.
    pub fn make(address: SocketAddr) -> World {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(make(address))
    }

    /// The frame with what this broker chose in the places of what stands for it.
    pub fn own(&self, frame: &[u8]) -> Vec<u8> {
        let mut frame = frame.to_vec();
        for (stand_in, own) in
            [(&TOPIC_ID[..], &self.topic_id[..]), (MEMBER_ID.as_bytes(), self.member_id.as_bytes())]
        {
            let places: Vec<usize> = frame
                .windows(stand_in.len())
                .enumerate()
                .filter(|(_, bytes)| *bytes == stand_in)
                .map(|(at, _)| at)
                .collect();
            places.into_iter().for_each(|at| frame[at..at + own.len()].copy_from_slice(own));
        }
        frame
    }
}

async fn make(address: SocketAddr) -> World {
    let mut client = Client::connect(address).await;
    client.create_topic(TOPIC, 3, &[]).await;
    client.create_topic(CONFIGURED_TOPIC, 1, &[]).await;
    client.create_topic(GROWING_TOPIC, 3, &[]).await;
    for (topic, partition) in [(TOPIC, 0), (TOPIC, 1), (TOPIC, 2), (CONFIGURED_TOPIC, 0)] {
        // A leader that has just been chosen may not know it yet.
        until(async || {
            let answer = client.produce(topic, partition, -1, batches::ordinary()).await;
            answer.responses[0].partition_responses[0].error_code == 0
        })
        .await;
    }
    let metadata = client.metadata().await;
    let topic = metadata.topics.iter().find(|t| t.name.as_ref().is_some_and(|name| name.as_str() == TOPIC));
    let topic_id = topic.expect("the topic that was made").topic_id.into_bytes();
    for group in [LIVE_GROUP, COMMITTED_GROUP] {
        until(async || {
            let request = FindCoordinatorRequest::default().with_key(text(group));
            client.call(2, request).await.error_code == 0
        })
        .await;
    }
    // The first producer ids have to be fetched from the controller.
    until(async || {
        client.call(2, InitProducerIdRequest::default().with_transactional_id(None)).await.error_code == 0
    })
    .await;
    commit(&mut client).await;
    let member_id = join(&mut client).await;
    assert_eq!(member_id.len(), MEMBER_ID.len(), "the length of member id {member_id}");
    World { address, topic_id, member_id }
}

/// A member that stays for the run.
async fn join(client: &mut Client) -> String {
    let protocol = JoinGroupRequestProtocol::default()
        .with_name(text("range"))
        .with_metadata(b"\0\x01\0\0\0\x01\0\x01t\xff\xff\xff\xff\0\0\0\0"[..].into());
    let request = JoinGroupRequest::default()
        .with_group_id(group_id(LIVE_GROUP))
        .with_session_timeout_ms(1_800_000)
        .with_rebalance_timeout_ms(1_800_000)
        .with_protocol_type(text("consumer"))
        .with_protocols(vec![protocol]);
    let joined = client.call(3, request).await;
    assert_eq!((joined.error_code, joined.generation_id), (0, 1), "the first member joins");
    let assignment = SyncGroupRequestAssignment::default().with_member_id(joined.member_id.clone());
    let request = SyncGroupRequest::default()
        .with_group_id(group_id(LIVE_GROUP))
        .with_generation_id(joined.generation_id)
        .with_member_id(joined.member_id.clone())
        .with_assignments(vec![assignment]);
    assert_eq!(client.call(2, request).await.error_code, 0, "the first member is assigned");
    joined.member_id.to_string()
}

async fn commit(client: &mut Client) {
    let partition = OffsetCommitRequestPartition::default().with_committed_offset(1);
    let topic =
        OffsetCommitRequestTopic::default().with_name(topic_name(TOPIC)).with_partitions(vec![partition]);
    let request = OffsetCommitRequest::default()
        .with_group_id(group_id(COMMITTED_GROUP))
        .with_generation_id_or_member_epoch(-1)
        .with_topics(vec![topic]);
    // A coordinator that has just been found may still be loading.
    until(async || client.call(7, request.clone()).await.topics[0].partitions[0].error_code == 0).await;
}

async fn until(mut condition: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    let mut tries = tokio::time::interval(Duration::from_millis(100));
    while !condition().await {
        assert!(Instant::now() < deadline, "what is waited for does not come true");
        tries.tick().await;
    }
}

fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

fn group_id(name: &str) -> GroupId {
    GroupId(text(name))
}
