mod many;
mod panics;

use bytes::Bytes;
use gracchus_base::{
    Clock, Entropy, PartitionIndex, ProducerEpoch, ProducerId, Sequence, Timestamp, TopicId, TopicName,
};
use gracchus_log::{Deleter, FileCache, Fs, LogEnv};
use gracchus_state::config::{BrokerConfig, Settings};
use gracchus_state::fetch_session::Slot;
use gracchus_wire::records::{BatchBuilder, BatchOptions, BatchProducer};

use super::partition_log::PartitionLog;
use super::*;
use crate::memory::Gauge;
use crate::open_files::Shares;
use crate::ticket::Completion;

fn env() -> ShardEnv {
    ShardEnv {
        log: LogEnv {
            fs: Fs::real(),
            files: Arc::new(FileCache::new(8)),
            deleter: Deleter::at_once(Arc::new(|_, _| {})),
            entropy: Entropy::seeded(1),
        },
        clock: Clock::system(),
        execution: crate::execution::Execution::Threads,
        segments_flushed: Arc::default(),
        never_flush: false,
        opening_threads: 1,
        open_files: Shares::new(usize::MAX, 1),
        producers_max: 10,
        producers: Gauge::new(1000),
        producer_expiration_ms: Arc::new(i64::MAX.into()),
        producer_check_ms: i64::MAX,
        retention_check_ms: i64::MAX,
        retention_delay_ms: 0,
    }
}

/// A partition in which nothing was ever written, with its face.
fn partition(dir: &std::path::Path) -> (PartitionLog, Arc<Partition>) {
    let (shard, _) = ShardHandle::for_test();
    let topic = TopicName::parse("t").unwrap();
    let id = TopicId([1; 16]);
    let face = Arc::new(Partition::new(topic, id, PartitionIndex(0), shard));
    let open = Open {
        partition: face.clone(),
        config: Arc::new(BrokerConfig::from_settings(&Settings::new()).unwrap().topic_defaults),
        dir: dir.join("t-0"),
        leader_epoch: LeaderEpoch(0),
        found: FoundLog::NeverWritten,
    };
    (PartitionLog::open(&open, &env()), face)
}

/// A batch with one record, as the shard gets it from a handler.
fn batch(producer: Option<(i64, i32)>) -> Batch {
    let producer = producer.map(|(id, sequence)| BatchProducer {
        producer_id: ProducerId(id),
        producer_epoch: ProducerEpoch(0),
        base_sequence: Sequence(sequence),
    });
    let mut builder = BatchBuilder::new(BatchOptions { producer, ..BatchOptions::default() });
    builder.push(Timestamp(1), None, Some(&Bytes::from_static(b"x")), &[]);
    builder.finish().unwrap()
}

/// Queues batches, and runs one round of them. Answers come into the completion, in order.
fn round(log: &mut PartitionLog, face: &Partition, batches: Vec<Batch>) -> Arc<Completion> {
    round_with(log, face, batches, Ack::Durable)
}

fn round_with(
    log: &mut PartitionLog,
    face: &Partition,
    batches: Vec<Batch>,
    ack: fn(Ticket) -> Ack,
) -> Arc<Completion> {
    let (completion, tickets) = Completion::new(batches.len(), Arc::default());
    for (batch, ticket) in batches.into_iter().zip(tickets) {
        log.queue.push(Append { key: face.key(), batch, log_append_time: Timestamp::NONE, ack: ack(ticket) });
    }
    log.append_queued(&env());
    log.finish_round();
    completion
}

fn flush(log: &mut PartitionLog) {
    let ticket = log.flush_ticket().unwrap();
    log.flushed(ticket.run());
    log.finish_round();
}

#[test]
fn traps_46_a_retry_is_answered_when_the_first_is_durable_and_not_before() {
    let dir = tempfile::tempdir().unwrap();
    let (mut log, face) = partition(dir.path());
    let first = round(&mut log, &face, vec![batch(Some((7, 0)))]);
    let retry = round(&mut log, &face, vec![batch(Some((7, 0)))]);
    assert_eq!((first.take(), retry.take()), (vec![None], vec![None]));
    let retry = round(&mut log, &face, vec![batch(Some((7, 0)))]);
    flush(&mut log);
    assert_eq!(retry.take()[0].as_ref().unwrap().as_ref().unwrap().base_offset, Offset(0));
    let late = round(&mut log, &face, vec![batch(Some((7, 0)))]);
    assert_eq!(late.take()[0].as_ref().unwrap().as_ref().unwrap().base_offset, Offset(0));
}

#[test]
fn what_is_only_written_is_published_once_a_client_was_told_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let (mut log, face) = partition(dir.path());
    log.publish();
    let end = || face.view().unwrap().log.as_ref().map(|log| log.log_end().offset);
    let _answers = round(&mut log, &face, vec![batch(None)]);
    assert_eq!(end(), None);
    let _answers = round_with(&mut log, &face, vec![batch(None)], Ack::Written);
    assert_eq!(end(), Some(Offset(2)));
    let _answers = round(&mut log, &face, vec![batch(None)]);
    assert_eq!(end(), Some(Offset(2)));
    flush(&mut log);
    assert_eq!(end(), Some(Offset(3)));
}

#[test]
fn a_retry_to_a_partition_that_is_offline_is_refused_like_everything_else() {
    let dir = tempfile::tempdir().unwrap();
    let (mut log, face) = partition(dir.path());
    let first = round(&mut log, &face, vec![batch(Some((7, 0)))]);
    log.go_offline();
    let second = round(&mut log, &face, vec![batch(Some((7, 0))), batch(None)]);
    let error = || Some(Err(ErrorCode::KafkaStorageError.into()));
    assert_eq!((first.take(), second.take()), (vec![error()], vec![error(), error()]));
}

#[test]
fn batches_that_use_up_a_segments_offsets_begin_a_new_one_and_do_no_harm() {
    let dir = tempfile::tempdir().unwrap();
    let (mut log, face) = partition(dir.path());
    let huge = || {
        let mut batch = batch(None);
        batch.header.last_offset_delta = i32::MAX / 2;
        batch
    };
    let answers = round(&mut log, &face, (0..5).map(|_| huge()).collect());
    flush(&mut log);
    assert!(answers.take().into_iter().all(|answer| matches!(answer, Some(Ok(_)))));
    assert_eq!(face.view().unwrap().high_watermark.offset, Offset(5 * (1 << 30)));
}

#[tokio::test]
async fn a_poll_is_woken_by_what_can_be_read_and_not_by_what_is_only_written() {
    let dir = tempfile::tempdir().unwrap();
    let (mut log, face) = partition(dir.path());
    log.publish();
    let poll = crate::waiters::Poll::new();
    face.waiters.register(&poll, Slot(0));
    let woken = || async {
        tokio::select! {
            biased;
            () = poll.changed() => true,
            () = std::future::ready(()) => false,
        }
    };
    let _answers = round(&mut log, &face, vec![batch(None)]);
    assert!(!woken().await);
    flush(&mut log);
    assert!(woken().await);
}
