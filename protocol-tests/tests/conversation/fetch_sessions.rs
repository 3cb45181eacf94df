//! Fetch sessions (KIP-227, TRAPS 27, 28).

use gracchus_wire::ApiKey;
use gracchus_wire::messages::fetch_request::{FetchPartition, FetchTopic, ForgottenTopic};
use gracchus_wire::messages::{FetchRequest, FetchResponse};
use protocol_tests::typed::encode;
use protocol_tests::{Client, batch};

use super::support::*;

/// The versions with sessions.
fn with_sessions() -> impl Iterator<Item = i16> {
    versions(ApiKey::Fetch).filter(|version| *version >= 7)
}

fn session_request(id: i32, epoch: i32, topics: Vec<FetchTopic>) -> FetchRequest {
    fetch_request(topics).with_session_id(id).with_session_epoch(epoch)
}

/// Indexes and codes of the partitions in an answer.
fn told(answer: &FetchResponse) -> Vec<(i32, i16)> {
    let partitions = answer.responses.iter().flat_map(|topic| &topic.partitions);
    partitions.map(|partition| (partition.partition_index, partition.error_code)).collect()
}

fn partitions(indexes: &[i32]) -> Vec<FetchPartition> {
    indexes.iter().map(|index| fetch_partition(*index, 0)).collect()
}

/// Opens a session over these partitions.
async fn open(client: &mut Client, version: i16, topic: &Topic, indexes: &[i32]) -> i32 {
    let topics = vec![fetch_topic(version, topic, partitions(indexes))];
    let answer = client.call(version, session_request(0, 0, topics)).await;
    assert_eq!(answer.error_code, 0);
    assert!(answer.session_id > 0, "a full fetch with epoch 0 opens a session");
    assert_eq!(told(&answer).len(), indexes.len(), "a full answer names every partition");
    answer.session_id
}

async fn write(client: &mut Client, topic: &Topic, partition: i32) {
    let answer = client.call(9, produce_request(9, topic, partition, -1, batch::values(&["v"]))).await;
    assert_eq!(answer.responses[0].partition_responses[0].error_code, 0);
}

#[tokio::test]
async fn traps_28_epoch_minus_1_opens_no_session() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "none", 1, &[]).await;
    for version in versions(ApiKey::Fetch) {
        let request = fetch_request(vec![fetch_topic(version, &topic, partitions(&[0]))]);
        let answer = client.call(version, request).await;
        assert_eq!((answer.error_code, answer.session_id), (0, 0), "version {version}");
    }
}

#[tokio::test]
async fn traps_28_incremental_answers_hold_only_what_changed() {
    let (_broker, mut client) = start().await;
    for version in with_sessions() {
        let topic = create(&mut client, &format!("changed-{version}"), 3, &[]).await;
        let id = open(&mut client, version, &topic, &[0, 1, 2]).await;
        let answer = client.call(version, session_request(id, 1, vec![])).await;
        assert_eq!((answer.error_code, answer.session_id, told(&answer)), (0, id, vec![]), "nothing changed");
        write(&mut client, &topic, 1).await;
        for epoch in [2, 3] {
            let answer = client.call(version, session_request(id, epoch, vec![])).await;
            assert_eq!(told(&answer), [(1, 0)], "records are sent until the client moves on");
            assert_eq!(records_of(&answer.responses[0].partitions[0]).len(), 1);
        }
        let moved = vec![fetch_topic(version, &topic, vec![fetch_partition(1, 1)])];
        let answer = client.call(version, session_request(id, 4, moved)).await;
        assert_eq!(told(&answer), [], "it moved on");
    }
}

#[tokio::test]
async fn partitions_in_which_nothing_happened_for_some_polls_are_told_when_something_does() {
    let (broker, mut client) = start().await;
    let mut other = broker.client().await;
    for version in with_sessions() {
        let topic = create(&mut client, &format!("slept-{version}"), 3, &[]).await;
        let id = open(&mut client, version, &topic, &[0, 1, 2]).await;
        for epoch in 1..4 {
            let answer = client.call(version, session_request(id, epoch, vec![])).await;
            assert_eq!(told(&answer), [], "version {version}, epoch {epoch}");
        }
        // Between two polls, and during one.
        write(&mut other, &topic, 1).await;
        let answer = client.call(version, session_request(id, 4, vec![])).await;
        assert_eq!(told(&answer), [(1, 0)], "version {version}");
        let moved = vec![fetch_topic(version, &topic, vec![fetch_partition(1, 1)])];
        let poll = session_request(id, 5, moved).with_max_wait_ms(60_000).with_min_bytes(1);
        client.send_raw(&encode(version, poll)).await;
        write(&mut other, &topic, 2).await;
        let answer = client.receive_answer(version, FetchRequest::default()).await;
        assert_eq!(told(&answer), [(2, 0)], "version {version}");
        let answer = client.call(version, session_request(id, 6, vec![])).await;
        assert_eq!(told(&answer), [(2, 0)], "version {version}: the client has not moved on");
    }
}

#[tokio::test]
async fn a_topic_whose_partitions_slept_is_told_to_be_deleted() {
    let (broker, mut client) = start().await;
    let mut other = broker.client().await;
    for version in with_sessions() {
        let topic = create(&mut client, &format!("gone-{version}"), 2, &[]).await;
        let id = open(&mut client, version, &topic, &[0, 1]).await;
        for epoch in 1..3 {
            assert_eq!(told(&client.call(version, session_request(id, epoch, vec![])).await), []);
        }
        super::topics::delete(&mut other, &topic).await;
        for epoch in 3..5 {
            let answer = client.call(version, session_request(id, epoch, vec![])).await;
            assert_eq!(told(&answer), [(0, 3), (1, 3)], "version {version}");
        }
    }
}

#[tokio::test]
async fn traps_28_partitions_are_added_and_forgotten() {
    let (_broker, mut client) = start().await;
    for version in with_sessions() {
        let topic = create(&mut client, &format!("forgotten-{version}"), 2, &[]).await;
        let id = open(&mut client, version, &topic, &[0]).await;
        write(&mut client, &topic, 0).await;
        write(&mut client, &topic, 1).await;
        let added = vec![fetch_topic(version, &topic, partitions(&[1]))];
        let mut got = told(&client.call(version, session_request(id, 1, added)).await);
        got.sort_unstable();
        assert_eq!(got, [(0, 0), (1, 0)]);
        let mut forgotten = ForgottenTopic::default().with_partitions(vec![0]);
        if version >= 13 {
            forgotten.topic_id = topic.id;
        } else {
            forgotten.topic = topic.name.clone();
        }
        let request = session_request(id, 2, vec![]).with_forgotten_topics_data(vec![forgotten]);
        assert_eq!(told(&client.call(version, request).await), [(1, 0)]);
    }
}

#[tokio::test]
async fn traps_28_wrong_epochs_and_unknown_ids_are_told() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "wrong", 1, &[]).await;
    for version in with_sessions() {
        let id = open(&mut client, version, &topic, &[0]).await;
        for epoch in [2, 5, i32::MAX] {
            let answer = client.call(version, session_request(id, epoch, vec![])).await;
            assert_eq!((answer.error_code, told(&answer)), (71, vec![]), "epoch {epoch}");
        }
        let answer = client.call(version, session_request(id ^ 0x55, 1, vec![])).await;
        assert_eq!((answer.error_code, answer.session_id, told(&answer)), (70, 0, vec![]));
        // The session is as it was.
        let answer = client.call(version, session_request(id, 1, vec![])).await;
        assert_eq!((answer.error_code, answer.session_id), (0, id));
        // Closing: epoch -1 with the id. After that it is not known.
        let topics = vec![fetch_topic(version, &topic, partitions(&[0]))];
        let answer = client.call(version, session_request(id, -1, topics)).await;
        assert_eq!((answer.error_code, answer.session_id), (0, 0));
        assert_eq!(client.call(version, session_request(id, 2, vec![])).await.error_code, 70);
    }
}

#[tokio::test]
async fn traps_28_a_session_with_names_does_not_take_ids() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "mixed", 2, &[]).await;
    for (opened, asked) in [(12, 13), (13, 12)] {
        let id = open(&mut client, opened, &topic, &[0]).await;
        let topics = vec![fetch_topic(asked, &topic, partitions(&[1]))];
        let answer = client.call(asked, session_request(id, 1, topics)).await;
        assert_eq!((answer.error_code, told(&answer)), (106, vec![]), "opened in {opened}, asked in {asked}");
    }
}

#[tokio::test]
async fn traps_28_a_full_fetch_with_an_id_replaces_the_session() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "replaced", 1, &[]).await;
    for version in with_sessions() {
        let old = open(&mut client, version, &topic, &[0]).await;
        let topics = vec![fetch_topic(version, &topic, partitions(&[0]))];
        let new = client.call(version, session_request(old, 0, topics)).await;
        assert!(new.error_code == 0 && new.session_id > 0 && new.session_id != old);
        assert_eq!(client.call(version, session_request(old, 1, vec![])).await.error_code, 70);
    }
}

#[tokio::test]
async fn a_session_whose_last_partition_is_forgotten_ends() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "emptied", 1, &[]).await;
    for version in with_sessions() {
        let id = open(&mut client, version, &topic, &[0]).await;
        let mut forgotten = ForgottenTopic::default().with_partitions(vec![0]);
        if version >= 13 {
            forgotten.topic_id = topic.id;
        } else {
            forgotten.topic = topic.name.clone();
        }
        let request = session_request(id, 1, vec![]).with_forgotten_topics_data(vec![forgotten]);
        let answer = client.call(version, request).await;
        assert_eq!(
            (answer.error_code, answer.session_id, told(&answer)),
            (0, 0, vec![]),
            "version {version}"
        );
        assert_eq!(client.call(version, session_request(id, 2, vec![])).await.error_code, 70);
    }
}

#[tokio::test]
async fn errors_are_repeated_in_every_incremental_answer() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "repeated", 1, &[]).await;
    for version in with_sessions() {
        let id = open(&mut client, version, &topic, &[0, 7]).await;
        for epoch in 1..4 {
            let answer = client.call(version, session_request(id, epoch, vec![])).await;
            assert_eq!(told(&answer), [(7, 3)], "version {version}, epoch {epoch}");
        }
    }
}

#[tokio::test]
async fn traps_27_a_topic_made_again_under_its_name_is_told_until_it_is_forgotten() {
    let (_broker, mut client) = start().await;
    for version in with_sessions().filter(|version| *version >= 13) {
        let topic = create(&mut client, &format!("again-{version}"), 1, &[]).await;
        let id = open(&mut client, version, &topic, &[0]).await;
        super::topics::delete(&mut client, &topic).await;
        let again = create_named(&mut client, &topic.name, 1, &[]).await;
        assert_ne!(again.id, topic.id, "TRAPS 24: a new id");
        write(&mut client, &again, 0).await;
        for epoch in 1..3 {
            let answer = client.call(version, session_request(id, epoch, vec![])).await;
            assert_eq!(told(&answer), [(0, 103)], "version {version}");
        }
        let forgotten = ForgottenTopic::default().with_topic_id(topic.id).with_partitions(vec![0]);
        let topics = vec![fetch_topic(version, &again, partitions(&[0]))];
        let request = session_request(id, 3, topics).with_forgotten_topics_data(vec![forgotten]);
        let answer = client.call(version, request).await;
        assert_eq!((told(&answer), answer.responses[0].topic_id), (vec![(0, 0)], again.id));
    }
}
