use super::*;

const PRODUCER: ProducerId = ProducerId(7);
const DAY_MS: i64 = 86_400_000;

fn batch(epoch: i16, base_sequence: i32, records: i32) -> BatchMeta {
    let last_offset_delta = records - 1;
    BatchMeta {
        producer_id: PRODUCER,
        producer_epoch: ProducerEpoch(epoch),
        base_sequence: Sequence(base_sequence),
        last_sequence: Sequence(base_sequence).plus(last_offset_delta),
        ..BatchMeta::plain(last_offset_delta, Timestamp(1000))
    }
}

fn transactional(epoch: i16, base_sequence: i32, records: i32) -> BatchMeta {
    BatchMeta { transactional: true, ..batch(epoch, base_sequence, records) }
}

fn marker(epoch: i16, coordinator_epoch: i32) -> BatchMeta {
    BatchMeta {
        producer_id: PRODUCER,
        producer_epoch: ProducerEpoch(epoch),
        transactional: true,
        control: true,
        coordinator_epoch: LeaderEpoch(coordinator_epoch),
        ..BatchMeta::plain(0, Timestamp(2000))
    }
}

/// A table that was fed the batches one behind the other, from offset 0 on.
fn table_of(batches: &[BatchMeta]) -> ProducerTable {
    let mut table = ProducerTable::new(100);
    let mut end = Offset::ZERO;
    for batch in batches {
        table.apply(batch, end);
        end = end.plus(i64::from(batch.last_offset_delta) + 1);
    }
    table
}

fn code(table: &ProducerTable, batch: BatchMeta) -> ErrorCode {
    match table.check(&batch) {
        Ok(Verdict::New) => ErrorCode::None,
        Ok(Verdict::Duplicate(_)) => ErrorCode::DuplicateSequenceNumber,
        Err(error) => error.code(),
    }
}

#[test]
fn traps_46_the_last_five_batches_are_recognised_and_the_sixth_is_not() {
    let sent: Vec<_> = (0..6).map(|i| batch(0, i * 10, 10)).collect();
    let table = table_of(&sent);
    for (i, batch) in sent.iter().enumerate().skip(1) {
        let Ok(Verdict::Duplicate(first)) = table.check(batch) else {
            panic!("batch {i} is a duplicate");
        };
        assert_eq!(first.base_offset(), Offset(i as i64 * 10));
        assert_eq!((first.base_sequence(), first.timestamp), (batch.base_sequence, Timestamp(1000)));
    }
    assert_eq!(code(&table, sent[0]), ErrorCode::OutOfOrderSequenceNumber);
}

#[test]
fn traps_46_only_the_exact_range_is_a_duplicate() {
    let table = table_of(&[batch(0, 0, 10), batch(0, 10, 10)]);
    for (base, records) in [(10, 9), (11, 9), (0, 20), (5, 5)] {
        assert_eq!(code(&table, batch(0, base, records)), ErrorCode::OutOfOrderSequenceNumber);
    }
}

#[test]
fn traps_46_a_gap_is_refused_and_the_next_sequence_accepted() {
    let table = table_of(&[batch(0, 0, 10)]);
    assert_eq!(code(&table, batch(0, 11, 1)), ErrorCode::OutOfOrderSequenceNumber);
    assert_eq!(code(&table, batch(0, 10, 1)), ErrorCode::None);
}

#[test]
fn traps_46_sequences_wrap_to_zero_between_batches_and_within_one() {
    let table = table_of(&[batch(0, i32::MAX - 4, 5)]);
    assert_eq!(code(&table, batch(0, 0, 3)), ErrorCode::None);
    assert_eq!(code(&table, batch(0, 1, 3)), ErrorCode::OutOfOrderSequenceNumber);

    let spans = batch(0, i32::MAX - 1, 5);
    assert_eq!(spans.last_sequence, Sequence(2));
    let table = table_of(&[spans]);
    assert_eq!(code(&table, spans), ErrorCode::DuplicateSequenceNumber);
    assert_eq!(code(&table, batch(0, 3, 1)), ErrorCode::None);
}

#[test]
fn an_older_epoch_is_fenced_and_a_newer_one_begins_at_zero() {
    let table = table_of(&[batch(3, 0, 5)]);
    assert_eq!(code(&table, batch(2, 5, 1)), ErrorCode::InvalidProducerEpoch);
    assert_eq!(code(&table, batch(2, 0, 5)), ErrorCode::InvalidProducerEpoch);
    assert_eq!(code(&table, batch(4, 5, 1)), ErrorCode::OutOfOrderSequenceNumber);
    assert_eq!(code(&table, batch(4, 0, 5)), ErrorCode::None);
}

#[test]
fn a_new_epoch_forgets_the_batches_of_the_old_one() {
    let table = table_of(&[batch(0, 0, 5), batch(1, 0, 7)]);
    assert_eq!(code(&table, batch(1, 0, 7)), ErrorCode::DuplicateSequenceNumber);
    assert_eq!(code(&table, batch(1, 0, 5)), ErrorCode::OutOfOrderSequenceNumber);
}

#[test]
fn traps_47_an_unknown_producer_begins_with_any_sequence() {
    let table = table_of(&[]);
    assert_eq!(code(&table, batch(5, 1234, 1)), ErrorCode::None);
}

#[test]
fn traps_47_an_expired_producer_is_a_new_one() {
    let mut table = table_of(&[batch(0, 0, 10)]);
    assert_eq!(table.expire(Timestamp(1000 + DAY_MS - 1), DAY_MS), 0);
    assert_eq!(code(&table, batch(0, 50, 1)), ErrorCode::OutOfOrderSequenceNumber);
    assert_eq!(table.expire(Timestamp(1000 + DAY_MS), DAY_MS), 1);
    assert_eq!(code(&table, batch(0, 50, 1)), ErrorCode::None);
}

#[test]
fn a_producer_with_an_open_transaction_does_not_expire() {
    let mut table = table_of(&[transactional(0, 0, 1)]);
    assert_eq!(table.expire(Timestamp(i64::MAX), DAY_MS), 0);
}

#[test]
fn hostile_timestamps_neither_overflow_nor_keep_others_alive() {
    let mut table = table_of(&[BatchMeta { max_timestamp: Timestamp(i64::MIN), ..batch(0, 0, 1) }]);
    assert_eq!(table.expire(Timestamp(i64::MAX), DAY_MS), 1);
}

#[test]
fn a_marker_that_bumps_the_epoch_makes_the_next_sequence_zero() {
    let table = table_of(&[transactional(0, 0, 5), marker(1, 0)]);
    assert_eq!(code(&table, transactional(0, 5, 1)), ErrorCode::InvalidProducerEpoch);
    assert_eq!(code(&table, transactional(1, 5, 1)), ErrorCode::OutOfOrderSequenceNumber);
    assert_eq!(code(&table, transactional(1, 0, 1)), ErrorCode::None);
}

#[test]
fn a_marker_of_the_same_epoch_keeps_the_sequence_going() {
    let table = table_of(&[transactional(0, 0, 5), marker(0, 0)]);
    assert_eq!(code(&table, transactional(0, 0, 5)), ErrorCode::DuplicateSequenceNumber);
    assert_eq!(code(&table, transactional(0, 5, 1)), ErrorCode::None);
}

#[test]
fn markers_of_fenced_producers_and_coordinators_are_refused() {
    let table = table_of(&[transactional(2, 0, 5), marker(2, 8)]);
    assert_eq!(code(&table, marker(1, 8)), ErrorCode::InvalidProducerEpoch);
    assert_eq!(code(&table, marker(2, 7)), ErrorCode::TransactionCoordinatorFenced);
    assert_eq!(code(&table, marker(2, 9)), ErrorCode::None);
}

#[test]
fn plain_records_of_a_producer_with_an_open_transaction_are_refused() {
    let table = table_of(&[transactional(0, 0, 5)]);
    assert_eq!(code(&table, batch(0, 5, 1)), ErrorCode::InvalidTxnState);
}

#[test]
fn a_coordinators_data_has_no_sequence_to_check() {
    let offsets =
        BatchMeta { base_sequence: Sequence::NONE, last_sequence: Sequence::NONE, ..transactional(1, 0, 3) };
    let table = table_of(&[offsets, offsets]);
    assert_eq!(code(&table, offsets), ErrorCode::None);
    let fenced = BatchMeta { producer_epoch: ProducerEpoch(0), ..offsets };
    assert_eq!(code(&table, fenced), ErrorCode::InvalidProducerEpoch);
}

#[test]
fn traps_32_a_transaction_is_unstable_until_its_marker_is_below_the_high_watermark() {
    let mut table = table_of(&[batch(0, 0, 10), transactional(0, 10, 5)]);
    assert_eq!(table.first_unstable_offset(), Some(Offset(10)));
    let ended = table.apply(&marker(0, 0), Offset(15)).unwrap();
    assert_eq!((ended.first_offset, ended.last_offset), (Offset(10), Offset(15)));
    assert_eq!(ended.last_stable_offset, Offset(16));
    table.stable_below(Offset(15));
    assert_eq!(table.first_unstable_offset(), Some(Offset(10)));
    table.stable_below(Offset(16));
    assert_eq!(table.first_unstable_offset(), None);
}

#[test]
fn batches_without_a_producer_leave_no_trace() {
    let plain = BatchMeta::plain(9, Timestamp(5));
    let mut table = table_of(&[plain, plain]);
    assert!(table.is_empty());
    assert_eq!(table.check(&plain), Ok(Verdict::New));
    assert_eq!(table.replay(&plain), None);
}

#[test]
fn a_replay_takes_whatever_the_log_holds() {
    let mut table = table_of(&[]);
    let found = [batch(3, 50, 2), batch(1, 7, 2), batch(1, 100, 2)];
    for (i, batch) in found.iter().enumerate() {
        table.replay(&BatchMeta { base_offset: Offset(i as i64 * 2), ..*batch });
    }
    assert_eq!(code(&table, batch(1, 102, 1)), ErrorCode::None);
    assert_eq!(code(&table, batch(1, 100, 2)), ErrorCode::DuplicateSequenceNumber);
}

#[test]
fn a_snapshot_keeps_the_newest_batch_the_epochs_and_the_open_transaction() {
    let table = table_of(&[batch(2, 0, 5), batch(2, 5, 5), transactional(2, 10, 3)]);
    let snapshot = table.snapshot();
    assert_eq!((snapshot[0].last_sequence, snapshot[0].last_offset), (Sequence(12), Offset(12)));
    let mut restored = ProducerTable::new(100);
    restored.restore(&snapshot);
    assert_eq!(restored.snapshot(), snapshot);
    assert_eq!(restored.first_unstable_offset(), Some(Offset(10)));
    assert_eq!(code(&restored, transactional(2, 10, 3)), ErrorCode::DuplicateSequenceNumber);
    assert_eq!(code(&restored, transactional(2, 13, 1)), ErrorCode::None);
    assert_eq!(code(&restored, transactional(2, 5, 5)), ErrorCode::OutOfOrderSequenceNumber);
}

#[test]
fn a_snapshot_after_a_marker_alone_says_that_no_batch_is_known() {
    let table = table_of(&[marker(4, 1)]);
    let snapshot = table.snapshot();
    assert_eq!((snapshot[0].last_sequence, snapshot[0].last_offset), (Sequence::NONE, Offset(-1)));
    let mut restored = ProducerTable::new(100);
    restored.restore(&snapshot);
    assert_eq!(restored, table);
    assert_eq!(code(&restored, batch(4, 1, 1)), ErrorCode::OutOfOrderSequenceNumber);
}

/// Producer `id` appends one record at offset `at`.
fn append(table: &mut ProducerTable, id: i64, at: i64, transactional: bool) {
    let meta = BatchMeta { producer_id: ProducerId(id), transactional, ..batch(0, 0, 1) };
    table.apply(&meta, Offset(at));
}

fn ids(table: &ProducerTable) -> Vec<i64> {
    table.snapshot().iter().map(|p| p.producer_id.0).collect()
}

#[test]
fn at_the_bound_the_quietest_producer_without_a_transaction_goes() {
    let mut table = ProducerTable::new(3);
    append(&mut table, 1, 0, true);
    append(&mut table, 2, 1, false);
    append(&mut table, 3, 2, false);
    append(&mut table, 2, 3, false);
    append(&mut table, 4, 4, false);
    assert_eq!(ids(&table), [1, 2, 4]);
}

#[test]
fn a_flood_of_producers_stays_within_the_bound() {
    let mut table = ProducerTable::new(64);
    for id in 0..10_000 {
        append(&mut table, id, id, false);
        assert!(table.len() <= 64);
    }
    assert!(ids(&table).iter().all(|id| *id >= 10_000 - 64));
    assert_eq!(table.evicted(), 10_000 - table.len() as u64);
}

#[test]
fn a_table_that_is_to_shrink_forgets_the_quietest_without_a_transaction() {
    let mut table = ProducerTable::new(10);
    append(&mut table, 1, 0, true);
    for id in 2..=5 {
        append(&mut table, id, id, false);
    }
    append(&mut table, 2, 6, false);
    table.shrink_to(3);
    assert_eq!((ids(&table), table.evicted()), (vec![1, 2, 5], 2));
    table.shrink_to(4);
    assert_eq!(table.len(), 3, "it does not grow");
    table.shrink_to(0);
    assert_eq!(ids(&table), [1], "its transaction is open");
}

#[test]
fn a_new_producer_is_refused_when_all_known_ones_have_a_transaction_open() {
    let mut table = ProducerTable::new(2);
    append(&mut table, 1, 0, true);
    append(&mut table, 2, 1, true);
    let error = table.check(&BatchMeta { producer_id: ProducerId(3), ..batch(0, 0, 1) });
    assert_eq!(error, Err(ProducerError::TableFull(2)));
}
