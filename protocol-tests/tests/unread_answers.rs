//! Clients that ask for large answers and do not read them: together they hold no more than the bound, nobody else
//! notices, and whoever reads in the end gets all of it (FAULTS, hostile input).

use bytes::Bytes;
use gracchus_base::ErrorCode;
use gracchus_wire::messages::metadata_request::MetadataRequestTopic;
use gracchus_wire::messages::{FindCoordinatorRequest, MetadataRequest};
use gracchus_wire::{ApiKey, Response};
use protocol_tests::client::topic_name;
use protocol_tests::process::serve;
use protocol_tests::typed::encode;
use protocol_tests::{Client, TestBroker, batch};
use tokio::task::JoinSet;

/// What a bound of answers can be at the least.
const BOUND_BYTES: u64 = 1 << 20;
/// Of a topic: Metadata of it takes some 20 KB, more than a socket takes in.
const PARTITIONS: i32 = 800;
const ANSWER_BYTES: u64 = 20_000;
const SETTINGS: [(&str, &str); 2] =
    [("queued.max.response.bytes", "1048576"), ("socket.send.buffer.bytes", "4096")];

/// So many answers one client asks for at once.
const PIPELINED: usize = 3;

fn all_topics() -> MetadataRequest {
    MetadataRequest::default().with_topics(None)
}

/// Asks for large answers.
async fn ask(client: &mut Client) {
    let frame = encode(12, all_topics());
    client.send_raw(&frame.repeat(PIPELINED)).await;
}

async fn rude(address: std::net::SocketAddr, count: usize) -> Vec<Client> {
    let mut crowd = Vec::new();
    for _ in 0..count {
        let mut client = Client::connect_to_read_slowly(address).await;
        ask(&mut client).await;
        crowd.push(client);
    }
    crowd
}

/// What well-behaved clients do all day, all of it with small answers.
async fn live(client: &mut Client) {
    let small = MetadataRequestTopic::default().with_name(Some(topic_name("small")));
    for _ in 0..10 {
        let answer = client.produce("small", 0, -1, batch::values(&["v"])).await;
        assert_eq!(answer.responses[0].partition_responses[0].error_code, 0);
        let answer = client.call(12, MetadataRequest::default().with_topics(Some(vec![small.clone()]))).await;
        assert_eq!(answer.topics[0].partitions.len(), 1);
        let answer = client.call(3, FindCoordinatorRequest::default().with_key("g".into())).await;
        let expected = [ErrorCode::None, ErrorCode::CoordinatorNotAvailable];
        assert!(expected.iter().any(|code| code.code() == answer.error_code), "{answer:?}");
    }
}

async fn create_topics(client: &mut Client) {
    client.create_topic("large", PARTITIONS, &[]).await;
    client.create_topic("small", 1, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_clients_that_do_not_read_hold_no_more_than_the_bound_and_nobody_else_waits() {
    const CLIENTS: usize = 1000;
    /// What connections with requests in progress need besides; measured 6 KB each.
    const CONNECTION_BYTES: u64 = 10_000;
    let dir = tempfile::tempdir().unwrap();
    let (mut process, address) = serve(dir.path(), &SETTINGS);
    let mut client = Client::connect(address).await;
    create_topics(&mut client).await;
    live(&mut client).await;
    let before = process.memory_peak_bytes();
    let crowd = rude(address, CLIENTS).await;
    live(&mut client).await;
    let told = process.wait_for("bounds of memory were hit");
    assert!(told.contains("responses") && told.contains("of 1048576"), "{told}");
    live(&mut client).await;
    let bound = BOUND_BYTES + CLIENTS as u64 * CONNECTION_BYTES;
    let grown = process.memory_peak_bytes() - before;
    assert!(grown < bound, "{grown} bytes");
    // Once they are gone, large answers find room again.
    drop(crowd);
    assert_eq!(client.call(12, all_topics()).await.topics.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_stops_in_the_middle_of_an_answer_and_goes_on_later_gets_all_of_it() {
    let broker = TestBroker::start_with(&SETTINGS).await;
    let mut client = broker.client().await;
    create_topics(&mut client).await;
    live(&mut client).await;
    client.send_raw(&encode(12, all_topics())).await;
    let whole = client.receive_raw().await.expect("an answer");
    assert!(whole.len() as u64 > ANSWER_BYTES);

    let mut slow = Client::connect_to_read_slowly(broker.address()).await;
    ask(&mut slow).await;
    let beginning = slow.receive_bytes(1000).await;
    let crowd = rude(broker.address(), 100).await;
    let full = broker.until_memory(|memory| memory.responses.hits >= 60).await;
    let Some(room) = full.responses.max.checked_sub(full.responses.held) else {
        panic!("over the bound: {full}")
    };
    assert!(room < 2 * whole.len() as u64, "{full}");
    live(&mut client).await;
    // What it waits for in the middle it can have although there is no room for others.
    let rest = slow.receive_bytes(4 + whole.len() - beginning.len()).await;
    let first = Bytes::from([beginning, rest].concat());
    assert_eq!(first.slice(4..), whole);
    drop(crowd);
    for _ in 1..PIPELINED {
        assert_eq!(slow.receive_raw().await.expect("the next answer"), whole);
    }
    broker.until_memory(|memory| memory.responses.held == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_there_is_room_for_few_answers_many_clients_get_theirs_one_after_the_other() {
    let broker = TestBroker::start_with(&SETTINGS).await;
    create_topics(&mut broker.client().await).await;
    let crowd = rude(broker.address(), 100).await;
    broker.until_memory(|memory| memory.responses.hits >= 60).await;
    let mut reading = JoinSet::new();
    for mut client in crowd {
        reading.spawn(async move {
            for _ in 0..PIPELINED {
                let (_, Response::Metadata(answer)) = client.receive(ApiKey::Metadata, 12).await else {
                    panic!("not Metadata")
                };
                let partitions = answer.topics.iter().map(|topic| topic.partitions.len());
                assert_eq!(partitions.max(), usize::try_from(PARTITIONS).ok());
            }
        });
    }
    reading.join_all().await;
    broker.until_memory(|memory| memory.responses.held == 0).await;
}
