//! The time of day jumps by an hour, forward, back, and to and fro (FAULTS 31): what counts durations does not notice,
//! and what compares records' timestamps with the time of day does what Kafka does.

use std::time::{Duration, Instant};

use gracchus_base::{Clock, ErrorCode, Timestamp};
use gracchus_wire::messages::FetchRequest;
use gracchus_wire::records::{BatchBuilder, BatchOptions};
use protocol_tests::{Client, TestBroker, batch};

use super::members::*;
use super::support::*;

const HOUR_MS: i64 = 3_600_000;

/// Forward, back to where it was, back, and to and fro.
const JUMPS: [i64; 7] = [HOUR_MS, -HOUR_MS, -HOUR_MS, 2 * HOUR_MS, -2 * HOUR_MS, 2 * HOUR_MS, -HOUR_MS];

/// A record with that timestamp.
fn stamped(at: i64, value: &str) -> bytes::Bytes {
    let mut builder = BatchBuilder::new(BatchOptions::default());
    builder.push(Timestamp(at), None, Some(value.as_bytes()), &[]);
    builder.finish().expect("a batch").to_bytes()
}

fn now() -> i64 {
    Clock::system().now().0
}

#[tokio::test]
async fn faults_31_members_stay_and_groups_do_not_rebalance_when_the_time_of_day_jumps() {
    let Some((broker, mut client)) = start_with(&[]).await else { return };
    ready(&mut client).await;
    // Their sessions last ten seconds, a part of an hour.
    let (member, generation) = stable(&mut client, "jumping").await;
    for by_ms in JUMPS.into_iter().cycle().take(JUMPS.len() * 20) {
        broker.jump(by_ms);
        assert_eq!(heartbeat(&mut client, 4, "jumping", (&member, generation)).await, 0, "after {by_ms} ms");
    }
}

#[tokio::test]
async fn faults_31_a_member_that_is_silent_is_removed_in_time_whatever_the_time_of_day_does() {
    let Some((broker, mut client)) = start_with(&[("group.min.session.timeout.ms", "1")]).await else {
        return;
    };
    ready(&mut client).await;
    let mut request = join_request(3, "silent", "", RANGE);
    request.session_timeout_ms = 300;
    let joined = client.call(3, request).await;
    assert_eq!(joined.error_code, 0);
    let member = joined.member_id.to_string();
    let assigned = [(&*member, &b"all"[..])];
    let synced = sync(&mut client, 3, "silent", (&member, joined.generation_id), &assigned).await;
    assert_eq!(synced.error_code, 0);
    broker.jump(-HOUR_MS);
    // Another one asks, whose questions keep nobody alive.
    let patience = Patience::new();
    let request = gracchus_wire::messages::DescribeGroupsRequest::default();
    let request = request.with_groups(vec![group_id("silent")]);
    while !client.call(5, request.clone()).await.groups[0].members.is_empty() {
        patience.wait();
    }
}

#[tokio::test]
async fn faults_31_long_polls_end_in_time_and_fetches_go_on() {
    let Some((broker, mut client)) = start_with(&[]).await else { return };
    let topic = create(&mut client, "polled", 1, &[]).await;
    let mut writer = broker.client().await;
    for (n, by_ms) in (0..).zip(JUMPS) {
        // One that nothing ends but its time, and one that a record ends.
        let wait = |ms: i32| long_poll(&topic, n, ms);
        let began = Instant::now();
        client.send(12, &gracchus_wire::Request::Fetch(wait(200))).await;
        broker.jump(by_ms);
        let answer = client.receive_answer(12, wait(200)).await;
        assert_eq!(answer.responses[0].partitions[0].error_code, 0);
        let took = began.elapsed();
        assert!((Duration::from_millis(190)..Duration::from_secs(10)).contains(&took), "{took:?}");
        client.send(12, &gracchus_wire::Request::Fetch(wait(60_000))).await;
        broker.jump(by_ms);
        broker.jump(-by_ms);
        assert_eq!(produced(&mut writer, &topic, batch::values(&["x"])).await, n);
        let answer = client.receive_answer(12, wait(60_000)).await;
        assert_eq!(records_of(&answer.responses[0].partitions[0]).len(), 1);
    }
}

fn long_poll(topic: &Topic, offset: i64, max_wait_ms: i32) -> FetchRequest {
    let request = fetch_request(vec![fetch_topic(12, topic, vec![fetch_partition(0, offset)])]);
    request.with_min_bytes(1).with_max_wait_ms(max_wait_ms)
}

/// Checks retention often, so that a test need not wait.
const OFTEN: [(&str, &str); 3] = [
    ("log.initial.task.delay.ms", "0"),
    ("log.retention.check.interval.ms", "1"),
    ("log.flush.scheduler.interval.ms", "10"),
];

/// Two topics that keep records for three hours, one with a record of now and one with a record that is four hours old:
/// when the second one is gone, the first one was looked at as well.
async fn one_to_keep_and_one_to_lose(client: &mut Client) -> (Topic, Topic) {
    let configs = [("retention.ms", "10800000"), ("file.delete.delay.ms", "0")];
    let kept = create(client, "kept", 1, &configs).await;
    let lost = create(client, "lost", 1, &configs).await;
    produced(client, &kept, stamped(now(), "young")).await;
    produced(client, &lost, stamped(now() - 4 * HOUR_MS, "old")).await;
    (kept, lost)
}

async fn is_gone(client: &mut Client, topic: &Topic) {
    let patience = Patience::new();
    while log_start(client, topic).await == 0 {
        patience.wait();
    }
}

#[tokio::test]
async fn faults_31_retention_takes_what_is_older_than_the_time_of_day_says_and_nothing_else() {
    let Some((broker, mut client)) = start_with(&OFTEN).await else { return };
    // An hour ahead: what is less than two hours old is kept, as in Kafka, which asks the time of day too.
    for by_ms in [HOUR_MS, -2 * HOUR_MS, 2 * HOUR_MS] {
        broker.jump(by_ms);
        let (kept, lost) = one_to_keep_and_one_to_lose(&mut client).await;
        if by_ms > 0 {
            is_gone(&mut client, &lost).await;
        }
        assert_eq!(values(&mut client, &kept).await, ["young"]);
    }
}

#[tokio::test]
async fn faults_31_retention_goes_on_after_the_time_of_day_was_set_back() {
    let Some((broker, mut client)) = start_with(&OFTEN).await else { return };
    let (_, lost) = one_to_keep_and_one_to_lose(&mut client).await;
    is_gone(&mut client, &lost).await;
    broker.jump(-HOUR_MS / 2);
    let (kept, lost) = one_to_keep_and_one_to_lose(&mut client).await;
    is_gone(&mut client, &lost).await;
    assert_eq!(values(&mut client, &kept).await, ["young"]);
}

#[tokio::test]
async fn faults_31_the_newest_timestamp_that_is_taken_is_counted_from_the_time_of_day() {
    let Some((broker, mut client)) = start_with(&[]).await else { return };
    // By default an hour ahead is the most.
    let topic = create(&mut client, "ahead", 1, &[]).await;
    let ahead = |ms| stamped(now() + ms, "ahead");
    let invalid = ErrorCode::InvalidTimestamp.code();
    for (by_ms, ahead_ms, error) in [
        (0, HOUR_MS + 60_000, invalid),
        (HOUR_MS, HOUR_MS + 60_000, 0),
        (-2 * HOUR_MS, 60_000, invalid),
        (HOUR_MS, 60_000, 0),
    ] {
        broker.jump(by_ms);
        let answer = produce(&mut client, 9, &topic, ahead(ahead_ms)).await;
        assert_eq!(answer.error_code, error, "{by_ms}, {ahead_ms} ahead");
    }
}

#[tokio::test]
async fn faults_31_relaxed_flushes_come_in_time_after_the_time_of_day_was_set_back() {
    let settings = [
        ("log.flush.before.ack", "false"),
        ("log.flush.interval.ms", "200"),
        ("log.flush.scheduler.interval.ms", "10"),
        ("log.flush.offset.checkpoint.interval.ms", "10"),
    ];
    let Some((broker, mut client)) = start_with(&settings).await else { return };
    let topic = create(&mut client, "relaxed", 1, &[]).await;
    produced(&mut client, &topic, batch::values(&["x"])).await;
    broker.jump(-HOUR_MS);
    recovery_point(&broker, &topic, 1).await;
}

/// Waits until the recovery point is at an offset.
async fn recovery_point(broker: &TestBroker, topic: &Topic, offset: i64) {
    let line = format!("{} 0 {offset}", topic.name.as_str());
    let patience = Patience::new();
    loop {
        let checkpoint = broker.dir().join("recovery-point-offset-checkpoint");
        let text = std::fs::read_to_string(checkpoint).unwrap_or_default();
        if text.lines().any(|found| found == line) {
            return;
        }
        patience.wait();
        tokio::task::yield_now().await;
    }
}
