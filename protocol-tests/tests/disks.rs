//! What a start makes of what lies on the disk: logs of topics that are gone, logs that are gone, several directories.

use std::path::{Path, PathBuf};

use gracchus_base::ErrorCode;
use gracchus_wire::messages::{
    DeleteTopicsRequest, DescribeLogDirsRequest, ListOffsetsRequest, list_offsets_request as lo,
};
use gracchus_wire::{Request, Response};
use protocol_tests::client::topic_name;
use protocol_tests::{Client, TestBroker, batch};

async fn produce(client: &mut Client, topic: &str, value: &str) -> i16 {
    let answer = client.produce(topic, 0, -1, batch::values(&[value])).await;
    answer.responses[0].partition_responses[0].error_code
}

/// The end of partition 0, or the error.
async fn end(client: &mut Client, topic: &str) -> Result<i64, i16> {
    let partition = lo::ListOffsetsPartition::default().with_partition_index(0).with_timestamp(-1);
    let topic = lo::ListOffsetsTopic::default().with_name(topic_name(topic)).with_partitions(vec![partition]);
    let request = ListOffsetsRequest::default().with_replica_id((-1).into()).with_topics(vec![topic]);
    let Response::ListOffsets(answer) = client.ask(5, &Request::ListOffsets(request)).await else {
        panic!("not ListOffsets")
    };
    let partition = &answer.topics[0].partitions[0];
    if partition.error_code == 0 { Ok(partition.offset) } else { Err(partition.error_code) }
}

async fn delete(client: &mut Client, topic: &str) {
    let request = DeleteTopicsRequest::default().with_topic_names(vec![topic_name(topic)]);
    let request = Request::DeleteTopics(request.with_timeout_ms(10_000));
    let Response::DeleteTopics(answer) = client.ask(5, &request).await else { panic!("not DeleteTopics") };
    assert_eq!(answer.responses[0].error_code, 0);
}

fn dirs_ending_with(dir: &Path, end: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.is_dir() && path.to_str().is_some_and(|path| path.ends_with(end))).collect()
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[tokio::test]
async fn a_log_of_a_topic_that_is_gone_is_set_aside_and_its_name_can_be_used_again() {
    let mut broker = TestBroker::start().await;
    let (path, kept) = (broker.dir().join("t-0"), broker.dir().join("kept"));
    let mut client = broker.client().await;
    client.create_topic("t", 1, &[]).await;
    assert_eq!(produce(&mut client, "t", "old").await, 0);
    broker.stop().await;
    copy(&path, &kept);
    let checkpoint = std::fs::read(broker.dir().join("recovery-point-offset-checkpoint")).unwrap();
    broker.restart().await;
    delete(&mut broker.client().await, "t").await;
    broker.stop().await;

    // As a crash leaves it, that came after the deletion was committed and before the directory was renamed.
    std::fs::rename(&kept, &path).unwrap();
    std::fs::write(broker.dir().join("recovery-point-offset-checkpoint"), checkpoint).unwrap();
    broker.restart().await;
    let strays = dirs_ending_with(broker.dir(), "-stray");
    assert_eq!((strays.len(), path.exists()), (1, false));
    assert!(strays[0].join("00000000000000000000.log").metadata().unwrap().len() > 0, "nothing is removed");
    let mut client = broker.client().await;
    client.create_topic("t", 1, &[]).await;
    assert_eq!(end(&mut client, "t").await, Ok(0));
    assert_eq!(produce(&mut client, "t", "new").await, 0);
    broker.restart().await;
    assert_eq!(end(&mut broker.client().await, "t").await, Ok(1));
    assert_eq!(dirs_ending_with(broker.dir(), "-stray").len(), 1);
}

#[tokio::test]
async fn a_log_of_a_topic_that_was_deleted_and_made_again_before_a_crash_is_not_its_successors() {
    let mut broker = TestBroker::start().await;
    let (path, kept) = (broker.dir().join("t-0"), broker.dir().join("kept"));
    let mut client = broker.client().await;
    client.create_topic("t", 1, &[]).await;
    assert_eq!(produce(&mut client, "t", "old").await, 0);
    broker.stop().await;
    copy(&path, &kept);
    let checkpoint = std::fs::read(broker.dir().join("recovery-point-offset-checkpoint")).unwrap();
    broker.restart().await;
    let mut client = broker.client().await;
    delete(&mut client, "t").await;
    client.create_topic("t", 1, &[]).await;
    broker.stop().await;
    std::fs::rename(&kept, &path).unwrap();
    std::fs::write(broker.dir().join("recovery-point-offset-checkpoint"), checkpoint).unwrap();
    broker.restart().await;
    assert_eq!(dirs_ending_with(broker.dir(), "-stray").len(), 1);
    let mut client = broker.client().await;
    assert_eq!(end(&mut client, "t").await, Ok(0));
    assert_eq!(produce(&mut client, "t", "new").await, 0);
}

#[tokio::test]
async fn what_the_checkpoints_say_of_a_topic_is_forgotten_with_it() {
    let mut broker = TestBroker::start().await;
    let mut client = broker.client().await;
    client.create_topic("t", 1, &[]).await;
    assert_eq!(produce(&mut client, "t", "old").await, 0);
    broker.restart().await;
    let mut client = broker.client().await;
    delete(&mut client, "t").await;
    for name in ["recovery-point", "log-start", "replication"] {
        let text = std::fs::read_to_string(broker.dir().join(format!("{name}-offset-checkpoint"))).unwrap();
        assert_eq!(text, "0\n0\n", "{name}");
    }
}

#[tokio::test]
async fn a_log_that_is_lost_stays_offline_over_every_start_and_can_be_deleted() {
    let mut broker = TestBroker::start().await;
    let mut client = broker.client().await;
    client.create_topic("t", 1, &[]).await;
    assert_eq!(produce(&mut client, "t", "x").await, 0);
    broker.stop().await;
    std::fs::remove_dir_all(broker.dir().join("t-0")).unwrap();
    let storage_error = ErrorCode::KafkaStorageError.code();
    for _ in 0..3 {
        broker.restart().await;
        let mut client = broker.client().await;
        assert_eq!(end(&mut client, "t").await, Err(storage_error));
        assert_eq!(produce(&mut client, "t", "y").await, storage_error);
        assert!(!broker.dir().join("t-0").exists());
    }
    let mut client = broker.client().await;
    delete(&mut client, "t").await;
    client.create_topic("t", 1, &[]).await;
    assert_eq!(produce(&mut client, "t", "z").await, 0);
    broker.restart().await;
    assert_eq!(end(&mut broker.client().await, "t").await, Ok(1));
}

#[tokio::test]
async fn a_topic_deleted_and_made_again_at_once_can_be_written_at_once() {
    let broker = TestBroker::start_with(&[("num.log.shards", "4")]).await;
    let mut client = broker.client().await;
    for round in 0..20 {
        client.create_topic("t", 8, &[]).await;
        for partition in 0..8 {
            let answer = client.produce("t", partition, -1, batch::values(&["x"])).await;
            let answer = &answer.responses[0].partition_responses[0];
            assert_eq!((answer.error_code, answer.base_offset), (0, 0), "round {round}");
        }
        delete(&mut client, "t").await;
    }
}

#[tokio::test]
async fn a_log_that_was_moved_to_another_data_directory_is_served_from_there() {
    let dirs = tempfile::tempdir().unwrap();
    let (a, b) = (dirs.path().join("a"), dirs.path().join("b"));
    let setting = format!("{},{}", a.display(), b.display());
    let mut broker = TestBroker::start_with(&[("log.dirs", &setting)]).await;
    let mut client = broker.client().await;
    client.create_topic("t", 1, &[]).await;
    assert_eq!(produce(&mut client, "t", "x").await, 0);
    broker.stop().await;
    let (from, to) = if a.join("t-0").exists() { (a, b) } else { (b, a) };
    std::fs::rename(from.join("t-0"), to.join("t-0")).unwrap();
    for expected in 1..4 {
        broker.restart().await;
        let mut client = broker.client().await;
        assert_eq!(end(&mut client, "t").await, Ok(expected));
        assert_eq!(produce(&mut client, "t", "y").await, 0);
    }
    assert!(!from.join("t-0").exists());
}

/// Metadata of partition 0 of a topic: its error.
async fn partition_error(client: &mut Client, topic: &str) -> i16 {
    let metadata = client.metadata().await;
    let topic = metadata.topics.iter().find(|found| found.name == Some(topic_name(topic))).unwrap();
    topic.partitions[0].error_code
}

#[tokio::test]
async fn faults_28_of_several_data_directories_only_the_one_that_fails_is_offline() {
    let dirs = tempfile::tempdir().unwrap();
    let (a, b) = (dirs.path().join("a"), dirs.path().join("b"));
    let setting = format!("{},{}", a.display(), b.display());
    let mut broker = TestBroker::start_with(&[("log.dirs", &setting)]).await;
    let mut client = broker.client().await;
    for topic in ["t", "u"] {
        client.create_topic(topic, 1, &[]).await;
        assert_eq!(produce(&mut client, topic, "x").await, 0);
    }
    // Each has one of the two; the metadata log is in the first.
    let (here, there) = if a.join("t-0").exists() { ("t", "u") } else { ("u", "t") };
    broker.stop().await;
    let kept = dirs.path().join("kept");
    std::fs::rename(&b, &kept).unwrap();
    // What is no directory cannot be read as one: the error of a disk that is gone.
    std::fs::write(&b, "").unwrap();
    let storage_error = ErrorCode::KafkaStorageError.code();
    for offset in 1..3 {
        broker.restart().await;
        let mut client = broker.client().await;
        assert_eq!(end(&mut client, there).await, Err(storage_error));
        assert_eq!(produce(&mut client, there, "y").await, storage_error);
        assert_ne!(partition_error(&mut client, there).await, 0);
        assert_eq!((end(&mut client, here).await, partition_error(&mut client, here).await), (Ok(offset), 0));
        assert_eq!(produce(&mut client, here, "y").await, 0);
        let described = client.call(4, DescribeLogDirsRequest::default().with_topics(None)).await;
        let errors: Vec<_> = described.results.iter().map(|dir| dir.error_code).collect();
        assert_eq!(errors, [0, storage_error]);
        let new = format!("new-{offset}");
        client.create_topic(&new, 1, &[]).await;
        assert_eq!(produce(&mut client, &new, "x").await, 0);
        assert!(!a.join(format!("{there}-0")).exists(), "never made anew in another directory");
    }
    broker.stop().await;
    std::fs::remove_file(&b).unwrap();
    std::fs::rename(&kept, &b).unwrap();
    broker.restart().await;
    let mut client = broker.client().await;
    assert_eq!((end(&mut client, there).await, end(&mut client, here).await), (Ok(1), Ok(3)));
    assert_eq!(produce(&mut client, there, "y").await, 0);
}
