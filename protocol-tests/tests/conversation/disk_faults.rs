//! Disks that are full or damaged under a running process, and processes that stand still or are killed again and again.

use std::path::{Path, PathBuf};

use gracchus_base::ErrorCode;
use gracchus_wire::messages::{CreateTopicsRequest, InitProducerIdRequest};
use protocol_tests::process::{Signal, run, serve};
use protocol_tests::{Client, batch, kill_loop};

use super::support::*;

/// A value of about a kilobyte.
fn kilobyte(n: usize) -> String {
    format!("{n}-{}", "x".repeat(1000))
}

#[tokio::test]
async fn faults_26_without_space_errors_are_retriable_reads_go_on_and_writes_resume() {
    if !is_ours() {
        return;
    }
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (mut process, address) = serve(dir.path(), &[]);
    let mut client = Client::connect(address).await;
    let topic = create(&mut client, "full", 1, &[]).await;
    let small = create(&mut client, "small", 1, &[]).await;
    // A file that may not grow: in the middle of a batch, so that a part of it is written.
    process.limit_file_bytes(Some(20_500));
    let mut expected = Vec::new();
    let error = loop {
        let value = kilobyte(expected.len());
        let answer = produce(&mut client, 9, &topic, batch::values(&[&value])).await;
        if answer.error_code != 0 {
            break answer.error_code;
        }
        expected.push(value);
        assert!(expected.len() < 100, "the limit holds");
    };
    assert_eq!(error, ErrorCode::KafkaStorageError.code());
    assert!(expected.len() > 10);
    for _ in 0..3 {
        let answer = produce(&mut client, 9, &topic, batch::values(&[&kilobyte(0)])).await;
        assert_eq!(answer.error_code, ErrorCode::KafkaStorageError.code());
        assert_eq!(values(&mut client, &topic).await, expected, "nothing of a refused batch is seen");
    }
    produced(&mut client, &small, batch::values(&["others go on"])).await;
    process.limit_file_bytes(None);
    for _ in 0..3 {
        let value = kilobyte(expected.len());
        assert_eq!(produced(&mut client, &topic, batch::values(&[&value])).await, expected.len() as i64);
        expected.push(value);
    }
    process.signal(Signal::KILL);
    process.wait();
    for once in ["clients may retry until there is space", "there is space again"] {
        let lines = process.seen.iter().filter(|line| line.contains(once)).count();
        assert_eq!(lines, 1, "{once}: however often clients try");
    }
    let (_process, address) = serve(dir.path(), &[]);
    let mut client = Client::connect(address).await;
    assert_eq!(values(&mut client, &topic).await, expected);
    assert_eq!(values(&mut client, &small).await, ["others go on"]);
}

#[tokio::test]
async fn faults_27_without_space_for_metadata_changes_are_refused_whole_and_records_go_on() {
    if !is_ours() {
        return;
    }
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (mut process, address) = serve(dir.path(), &[]);
    let mut client = Client::connect(address).await;
    let topic = create(&mut client, "before", 1, &[]).await;
    let log = dir.path().join("data/__cluster_metadata-0/00000000000000000000.log");
    process.limit_file_bytes(Some(log.metadata().expect("the metadata log").len() + 300));
    let refused = CreateTopicsRequest::default().with_topics(vec![creatable("refused", 50, &[])]);
    let answer = client.call(7, refused.with_timeout_ms(10_000)).await;
    assert_eq!(answer.topics[0].error_code, ErrorCode::KafkaStorageError.code());
    produced(&mut client, &topic, batch::values(&["records go on"])).await;
    process.limit_file_bytes(None);
    create_named(&mut client, "refused", 2, &[]).await;
    process.signal(Signal::KILL);
    process.wait();
    let (_process, address) = serve(dir.path(), &[]);
    let mut client = Client::connect(address).await;
    assert_eq!(describe(&mut client, &topic_name("refused")).await.partitions.len(), 2);
    assert_eq!(values(&mut client, &topic).await, ["records go on"]);
}

/// Files of a directory with that ending, in order.
pub fn files(dir: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).expect("a partition").map(|entry| entry.expect("an entry").path());
    let mut files: Vec<_> = entries.filter(|path| path.to_string_lossy().ends_with(ending)).collect();
    files.sort();
    files
}

#[tokio::test]
async fn faults_21_a_flipped_bit_is_found_by_the_client_and_by_verify_and_takes_nothing_else_away() {
    if !is_ours() {
        return;
    }
    let dir = tempfile::tempdir().expect("a temporary directory");
    let data = dir.path().join("data");
    let (mut process, address) = serve(dir.path(), &[]);
    let mut client = Client::connect(address).await;
    let topic = create(&mut client, "flipped", 1, &[]).await;
    for n in 0..30 {
        produced(&mut client, &topic, batch::values(&[&kilobyte(n)])).await;
    }
    process.signal(Signal::TERM);
    process.wait();
    let whole = run(dir.path(), &["verify", "data"]);
    let (out, code) = (String::from_utf8_lossy(&whole.stdout).into_owned(), whole.status.code());
    assert_eq!(code, Some(0), "{out}");
    assert!(out.trim_end().ends_with("nothing is damaged"), "{out}");

    let log = files(&data.join(format!("{}-0", topic.name.as_str())), ".log").remove(0);
    let mut bytes = std::fs::read(&log).expect("the segment");
    let batch_bytes = bytes.len() / 30;
    // A byte of a value in the fifth batch.
    bytes[batch_bytes * 4 + 300] ^= 1;
    std::fs::write(&log, &bytes).expect("the segment can be damaged");
    let damaged = run(dir.path(), &["verify", "data"]);
    let out = String::from_utf8_lossy(&damaged.stdout);
    assert_eq!(damaged.status.code(), Some(1));
    let line = out.lines().find(|line| line.starts_with("damaged:")).expect("a line");
    assert!(line.contains(&log.file_name().expect("a name").to_string_lossy().into_owned()), "{line}");
    assert!(line.contains("offset 4 "), "{line}");
    assert_eq!(std::fs::read(&log).expect("the segment"), bytes, "nothing is changed");

    let (_process, address) = serve(dir.path(), &[]);
    let mut client = Client::connect(address).await;
    assert_eq!(end(&mut client, &topic).await, 30, "what is behind it is not cut off");
    let fetched = fetch(&mut client, 12, &topic, 0).await;
    let bad: Vec<_> = (0..).zip(batches_of(&fetched)).filter(|(_, batch)| !crc_is_right(batch)).collect();
    assert_eq!(bad.into_iter().map(|(n, _)| n).collect::<Vec<_>>(), [4], "the client's CRC finds it");
}

/// Whether a client would take a batch.
pub fn crc_is_right(batch: &bytes::Bytes) -> bool {
    let header = gracchus_wire::records::BatchHeader::parse(batch).expect("a header");
    gracchus_wire::records::crc_matches(&header, batch)
}

#[test]
fn verify_says_what_is_wrong_with_its_own_command() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let nothing = run(dir.path(), &["verify"]);
    assert_eq!(nothing.status.code(), Some(2));
    let absent = run(dir.path(), &["verify", "absent"]);
    assert_eq!(absent.status.code(), Some(1));
    let said = String::from_utf8_lossy(&absent.stderr);
    assert!(said.starts_with("gracchus: absent: ") && said.lines().count() == 1, "{said}");
    assert!(!dir.path().join("absent").exists());
}

#[tokio::test]
async fn a_process_that_stands_still_for_a_while_loses_nothing() {
    if !is_ours() {
        return;
    }
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (process, address) = serve(dir.path(), &[]);
    let mut client = Client::connect(address).await;
    let topic = create(&mut client, "stopped", 1, &[]).await;
    let mut expected = Vec::new();
    for round in 0..5 {
        process.signal(Signal::STOP);
        // All of it waits in the socket.
        for n in 0..20 {
            let value = format!("{round}-{n}");
            client.send(9, &request(&topic, &value)).await;
            expected.push(value);
        }
        process.signal(Signal::CONT);
        for _ in 0..20 {
            let (_, answer) = client.receive(gracchus_wire::ApiKey::Produce, 9).await;
            let gracchus_wire::Response::Produce(answer) = answer else { panic!("not Produce") };
            assert_eq!(answer.responses[0].partition_responses[0].error_code, 0);
        }
    }
    assert_eq!(values(&mut client, &topic).await, expected);
}

fn request(topic: &Topic, value: &str) -> gracchus_wire::Request {
    gracchus_wire::Request::Produce(produce_request(9, topic, 0, -1, batch::values(&[value])))
}

#[tokio::test]
async fn faults_02_killed_again_and_again_under_load_it_keeps_what_it_acknowledged_once_and_in_order() {
    if !is_ours() {
        return;
    }
    let done = kill_loop::run(3, 1).await;
    assert!(done.acknowledged > 0, "{done:?}");
}

#[tokio::test]
async fn faults_33_a_batch_whose_answer_was_lost_is_not_stored_twice() {
    let (target, mut client) = start().await;
    let topic = create(&mut client, "lost-answer", 1, &[]).await;
    let init = InitProducerIdRequest::default().with_transactional_id(None);
    let id = client.call(4, init).await.producer_id.0;
    let mut expected = Vec::new();
    for round in 0..10 {
        // Five in flight, and the connection is gone before any answer was read.
        let mut lost = target.client().await;
        for n in 0..5 {
            let sequence = round * 5 + n;
            let value = format!("{sequence}");
            let records = batch::idempotent(id, 0, sequence, &[&value]);
            lost.send(9, &gracchus_wire::Request::Produce(produce_request(9, &topic, 0, -1, records))).await;
            expected.push(value);
        }
        drop(lost);
        for n in 0..5 {
            let sequence = round * 5 + n;
            let records = batch::idempotent(id, 0, sequence, &[&format!("{sequence}")]);
            let patience = Patience::new();
            loop {
                // A batch of the lost connection may still be on its way; until then a later one is out of order.
                let answer = produce(&mut client, 9, &topic, records.clone()).await;
                if answer.error_code == 0 {
                    assert_eq!(answer.base_offset, i64::from(sequence));
                    break;
                }
                assert_eq!(answer.error_code, ErrorCode::OutOfOrderSequenceNumber.code());
                patience.wait();
            }
        }
    }
    assert_eq!(values(&mut client, &topic).await, expected);
}
