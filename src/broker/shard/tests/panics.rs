//! Mistakes of ours, planted below the log: whoever waits is answered, and nothing is served that may be wrong.

use gracchus_log::fs::sim::{Op, SimDisk};

use super::many::{Many, are_stored};
use super::*;
use crate::partition::Status;

fn are_refused(outcomes: &[Option<AppendOutcome>]) -> bool {
    let storage_error = |outcome: &Option<AppendOutcome>| matches!(outcome, Some(Err(refusal)) if refusal.error == ErrorCode::KafkaStorageError);
    outcomes.iter().all(storage_error)
}

fn is_offline(partition: &Arc<Partition>) -> bool {
    partition.view().is_some_and(|view| view.status == Status::Offline)
}

#[tokio::test]
async fn a_panic_in_a_shard_takes_its_partitions_offline_and_everyone_is_answered() {
    let disk = SimDisk::new();
    let many = Many::start(&disk, Shares::new(usize::MAX, 1));
    let partitions = many.open(FoundLog::NeverWritten);
    assert!(are_stored(&many.append(&partitions).await));
    disk.fail(|_, op, _| {
        assert!(op != Op::Rename, "planted");
        None
    });
    // Its directory is renamed.
    many.shard.send(Message::Delete(partitions[0].key()));
    assert!(are_refused(&many.append(&partitions[1..]).await));
    // Answered once the shard has come to itself.
    many.ask(Message::Checkpoint).await;
    assert!(partitions[1..].iter().all(is_offline));
    disk.heal();
    assert!(are_refused(&many.append(&partitions[1..]).await), "also when the cause has passed");
    let closed = many.ask(Message::Close).await;
    assert!(!closed.clean, "the next start recovers");
}

#[tokio::test]
async fn a_panic_while_one_log_appends_takes_that_one_offline_and_no_other() {
    let disk = SimDisk::new();
    let many = Many::start(&disk, Shares::new(usize::MAX, 1));
    let partitions = many.open(FoundLog::NeverWritten);
    disk.fail(|_, op, name| {
        assert!(op != Op::CreateDir || name != "t-7", "planted");
        None
    });
    let outcomes = many.append(&partitions).await;
    many.ask(Message::Checkpoint).await;
    assert!(are_refused(&outcomes[7..8]) && is_offline(&partitions[7]));
    let others = outcomes[..7].iter().chain(&outcomes[8..]);
    assert!(others.into_iter().all(|outcome| matches!(outcome, Some(Ok(_)))));
}

#[tokio::test]
async fn a_panic_in_a_flush_is_a_failed_flush() {
    for op in [Op::SyncData, Op::SyncFs] {
        let disk = SimDisk::new();
        let many = Many::start(&disk, Shares::new(usize::MAX, 1));
        let partitions = many.open(FoundLog::NeverWritten);
        // One alone is flushed alone, many together.
        let concerned = if op == Op::SyncData { &partitions[..1] } else { &partitions[..] };
        disk.fail(move |_, done, _| {
            assert!(done != op, "planted");
            None
        });
        let outcomes = many.append(concerned).await;
        let failed = outcomes.iter().filter(|outcome| are_refused(std::slice::from_ref(outcome))).count();
        assert!(failed > 0, "{op:?}");
        disk.heal();
        let outcomes = many.append(concerned).await;
        assert_eq!(outcomes.iter().filter(|outcome| matches!(outcome, Some(Err(_)))).count(), failed);
    }
}
