use gracchus_base::{ErrorCode, LeaderEpoch, Offset, ProducerEpoch, ProducerId, Sequence, Timestamp};

use super::*;
use crate::producer::BatchMeta;

fn records(count: i32) -> BatchMeta {
    BatchMeta::plain(count - 1, Timestamp(1000))
}

fn idempotent(base_sequence: i32, count: i32) -> BatchMeta {
    BatchMeta {
        producer_id: ProducerId(1),
        producer_epoch: ProducerEpoch(0),
        base_sequence: Sequence(base_sequence),
        last_sequence: Sequence(base_sequence).plus(count - 1),
        ..records(count)
    }
}

/// A leader in epoch 5 that flushes before it acknowledges.
fn leader() -> PartitionLeader {
    PartitionLeader::new(LeaderEpoch(5), true, 100)
}

fn append(leader: &mut PartitionLeader, batch: &BatchMeta) -> Applied {
    let AppendDecision::Append { base_offset, leader_epoch } = leader.decide_append(batch) else {
        panic!("{batch:?} is appended");
    };
    assert_eq!(leader_epoch, leader.leader_epoch());
    leader.apply_append(batch, base_offset)
}

fn epochs(list: &[(i32, i64)]) -> EpochCache {
    let entries: Vec<_> =
        list.iter().map(|(e, o)| EpochStart { epoch: LeaderEpoch(*e), start_offset: Offset(*o) }).collect();
    EpochCache::from_entries(&entries)
}

#[test]
fn nothing_may_be_read_before_it_is_flushed() {
    let mut leader = leader();
    assert_eq!(append(&mut leader, &records(10)).high_watermark, None);
    append(&mut leader, &records(5));
    assert_eq!(leader.offsets().high_watermark, Offset(0));
    assert_eq!(leader.flushed(Offset(10)), Some(Offset(10)));
    assert_eq!(leader.flushed(Offset(10)), None);
    assert_eq!(leader.flushed(Offset(15)), Some(Offset(15)));
    assert_eq!(leader.offsets().log_end, Offset(15));
}

#[test]
fn in_relaxed_mode_the_log_end_counts() {
    let mut leader = PartitionLeader::new(LeaderEpoch(0), false, 100);
    assert_eq!(append(&mut leader, &records(10)).high_watermark, Some(Offset(10)));
    assert_eq!(leader.flushed(Offset(10)), None);
}

#[test]
fn the_high_watermark_does_not_move_back_when_relaxed_mode_ends() {
    let mut leader = leader();
    append(&mut leader, &records(10));
    assert_eq!(leader.set_flush_before_ack(false), Some(Offset(10)));
    assert_eq!(leader.set_flush_before_ack(true), None);
    append(&mut leader, &records(10));
    assert_eq!(leader.flushed(Offset(5)), None);
    assert_eq!(leader.offsets().high_watermark, Offset(10));
    assert_eq!(leader.flushed(Offset(20)), Some(Offset(20)));
}

#[test]
fn an_older_flush_that_reports_late_changes_nothing() {
    let mut leader = leader();
    append(&mut leader, &records(10));
    append(&mut leader, &records(10));
    assert_eq!(leader.flushed(Offset(20)), Some(Offset(20)));
    assert_eq!(leader.flushed(Offset(10)), None);
    assert_eq!(leader.offsets().flushed_end, Offset(20));
}

#[test]
fn traps_46_a_duplicate_is_answered_as_the_first_time_and_waits_for_the_same_flush() {
    let mut leader = leader();
    append(&mut leader, &records(10));
    append(&mut leader, &idempotent(0, 5));
    append(&mut leader, &idempotent(5, 5));
    let before = leader.clone();
    let first = AppendDecision::Duplicate {
        base_offset: Offset(10),
        last_offset: Offset(14),
        log_append_time: Timestamp(1000),
        wait_for: Offset(15),
    };
    assert_eq!(leader.decide_append(&idempotent(0, 5)), first);
    assert_eq!(leader, before);
}

#[test]
fn traps_46_a_gap_is_refused() {
    let mut leader = leader();
    append(&mut leader, &idempotent(0, 5));
    let AppendDecision::Refuse(error) = leader.decide_append(&idempotent(6, 1)) else {
        panic!("a gap is refused");
    };
    assert_eq!(error.code(), ErrorCode::OutOfOrderSequenceNumber);
    assert_eq!(leader.offsets().log_end, Offset(5));
}

#[test]
fn traps_23_older_epochs_are_fenced_newer_ones_unknown_and_none_is_not_checked() {
    let leader = leader();
    assert_eq!(leader.check_leader_epoch(Some(LeaderEpoch(4))), Err(ErrorCode::FencedLeaderEpoch));
    assert_eq!(leader.check_leader_epoch(Some(LeaderEpoch(6))), Err(ErrorCode::UnknownLeaderEpoch));
    assert_eq!(leader.check_leader_epoch(Some(LeaderEpoch(5))), Ok(()));
    assert_eq!(leader.check_leader_epoch(Some(LeaderEpoch::NONE)), Ok(()));
    assert_eq!(leader.check_leader_epoch(None), Ok(()));
}

#[test]
fn traps_37_the_largest_epoch_not_above_the_asked_one_is_answered_with_its_end() {
    let cache = epochs(&[(2, 0), (4, 10), (5, 30)]);
    let ask = |epoch| cache.end_offset_for(LeaderEpoch(epoch), Offset(50)).map(|(e, o)| (e.0, o.0));
    assert_eq!(ask(5), Some((5, 50)));
    assert_eq!(ask(4), Some((4, 30)));
    assert_eq!(ask(3), Some((2, 10)));
    assert_eq!(ask(2), Some((2, 10)));
    assert_eq!(ask(1), Some((1, 0)));
    assert_eq!(ask(6), None);
    assert_eq!(ask(-1), None);
    assert_eq!(EpochCache::default().end_offset_for(LeaderEpoch(0), Offset(0)), None);
}

#[test]
fn traps_37_the_leaders_own_epoch_is_known_before_it_has_records() {
    let mut leader = leader();
    assert_eq!(leader.end_offset_for(LeaderEpoch(5)), Some((LeaderEpoch(5), Offset(0))));
    append(&mut leader, &records(3));
    assert!(leader.begin_epoch(LeaderEpoch(6)));
    assert_eq!(leader.end_offset_for(LeaderEpoch(5)), Some((LeaderEpoch(5), Offset(3))));
    assert!(!leader.begin_epoch(LeaderEpoch(6)));
}

#[test]
fn epochs_without_records_are_replaced_by_the_next() {
    let mut cache = epochs(&[(1, 0)]);
    assert!(cache.assign(LeaderEpoch(2), Offset(10)));
    assert!(!cache.assign(LeaderEpoch(2), Offset(12)));
    assert!(cache.assign(LeaderEpoch(3), Offset(10)));
    assert_eq!(cache, epochs(&[(1, 0), (3, 10)]));
}

#[test]
fn epochs_that_contradict_a_new_one_go() {
    let mut cache = epochs(&[(1, 0), (3, 10), (5, 20)]);
    cache.assign(LeaderEpoch(4), Offset(15));
    assert_eq!(cache, epochs(&[(1, 0), (3, 10), (4, 15)]));
    cache.assign(LeaderEpoch(0), Offset(0));
    assert_eq!(cache, epochs(&[(0, 0)]));
}

#[test]
fn epochs_are_cut_at_both_ends_of_the_log() {
    let whole = epochs(&[(1, 0), (3, 10), (5, 20)]);
    let cut = |start: Option<i64>, end: Option<i64>| {
        let mut cache = whole.clone();
        let changed = start.is_some_and(|o| cache.truncate_start(Offset(o)));
        (cache.clone(), end.is_some_and(|o| cache.truncate_end(Offset(o))) || changed, cache)
    };
    assert!(!cut(Some(0), None).1);
    assert_eq!(cut(Some(5), None).2, epochs(&[(1, 5), (3, 10), (5, 20)]));
    assert_eq!(cut(Some(10), None).2, epochs(&[(3, 10), (5, 20)]));
    assert_eq!(cut(Some(25), None).2, epochs(&[(5, 25)]));
    assert!(!cut(None, Some(21)).1);
    assert_eq!(cut(None, Some(20)).2, epochs(&[(1, 0), (3, 10)]));
    assert_eq!(cut(None, Some(0)).2, EpochCache::default());
}

#[test]
fn each_offset_belongs_to_the_epoch_that_wrote_it() {
    let cache = epochs(&[(1, 5), (3, 10)]);
    let of = |offset| cache.epoch_for_offset(Offset(offset)).map(|e| e.0);
    assert_eq!([of(4), of(5), of(9), of(10), of(99)], [None, Some(1), Some(1), Some(3), Some(3)]);
}

#[test]
fn a_reader_whose_log_came_apart_is_told_where() {
    let cache = epochs(&[(1, 0), (4, 10)]);
    let at = |epoch, offset| cache.fetch_position(LeaderEpoch(epoch), Offset(offset), Offset(2), Offset(20));
    let diverging =
        |epoch, end| Ok(FetchPosition::Diverging { epoch: LeaderEpoch(epoch), end_offset: Offset(end) });
    assert_eq!(at(-1, 99), Ok(FetchPosition::Valid));
    assert_eq!(at(1, 10), Ok(FetchPosition::Valid));
    assert_eq!(at(1, 11), diverging(1, 10));
    assert_eq!(at(3, 5), diverging(1, 10));
    assert_eq!(at(4, 21), diverging(4, 20));
    assert_eq!(at(5, 15), Err(ErrorCode::OffsetOutOfRange));
    assert_eq!(at(1, 1), Err(ErrorCode::OffsetOutOfRange));
}

#[test]
fn traps_64_minus_one_deletes_to_the_high_watermark_and_not_beyond() {
    let mut leader = leader();
    append(&mut leader, &records(10));
    leader.flushed(Offset(10));
    append(&mut leader, &records(10));
    assert_eq!(leader.advance_log_start(Offset(11)), Err(ErrorCode::OffsetOutOfRange));
    assert_eq!(leader.advance_log_start(Offset(-2)), Err(ErrorCode::OffsetOutOfRange));
    assert_eq!(leader.advance_log_start(Offset(4)), Ok(Offset(4)));
    assert_eq!(leader.advance_log_start(Offset(3)), Ok(Offset(4)));
    assert_eq!(leader.epochs(), &epochs(&[(5, 4)]));
    assert_eq!(leader.advance_log_start(Offset(-1)), Ok(Offset(10)));
    assert_eq!(leader.offsets().log_start, Offset(10));
}

#[test]
fn traps_32_the_last_stable_offset_stops_at_an_open_transaction() {
    let mut leader = leader();
    append(&mut leader, &records(10));
    append(&mut leader, &BatchMeta { transactional: true, ..idempotent(0, 5) });
    assert_eq!(leader.last_stable_offset(), Offset(0));
    leader.flushed(Offset(15));
    assert_eq!(leader.last_stable_offset(), Offset(10));
    let marker = BatchMeta {
        control: true,
        transactional: true,
        base_sequence: Sequence::NONE,
        last_sequence: Sequence::NONE,
        ..idempotent(0, 1)
    };
    let ended = append(&mut leader, &marker).completed_txn.unwrap();
    assert_eq!((ended.first_offset, ended.last_offset), (Offset(10), Offset(15)));
    assert_eq!(leader.last_stable_offset(), Offset(10));
    leader.flushed(Offset(16));
    assert_eq!(leader.last_stable_offset(), Offset(16));
}

#[test]
fn a_recovered_leader_begins_its_epoch_at_the_logs_end() {
    let found = RecoveredPartition {
        log_start: Offset(5),
        log_end: Offset(25),
        flushed_end: Offset(25),
        high_watermark: Offset(20),
        epochs: epochs(&[(1, 0), (3, 10), (4, 30)]),
        producers: crate::producer::ProducerTable::new(10),
    };
    let leader = PartitionLeader::recovered(LeaderEpoch(7), true, found);
    assert_eq!(leader.epochs(), &epochs(&[(1, 5), (3, 10), (7, 25)]));
    assert_eq!(leader.offsets().high_watermark, Offset(25));
}

#[test]
fn a_recovered_leader_keeps_what_readers_have_seen_and_hides_what_is_not_flushed() {
    let found = RecoveredPartition {
        log_start: Offset(0),
        log_end: Offset(25),
        flushed_end: Offset(10),
        high_watermark: Offset(20),
        epochs: epochs(&[(1, 0)]),
        producers: crate::producer::ProducerTable::new(10),
    };
    let leader = PartitionLeader::recovered(LeaderEpoch(2), true, found);
    assert_eq!(leader.offsets().high_watermark, Offset(20));
}

#[test]
fn an_idle_partition_is_small() {
    let leader = leader();
    let epoch_list = size_of::<EpochStart>() + 2 * size_of::<usize>();
    assert!(size_of_val(&leader) + epoch_list < 512, "{} bytes", size_of_val(&leader));
    assert_eq!(leader.epochs().entries().len(), 1);
}

#[test]
fn acknowledgements_are_released_in_order_as_the_high_watermark_passes_them() {
    let mut queue = AckQueue::default();
    for (offset, answer) in [(10, 'a'), (20, 'b'), (30, 'd'), (20, 'c')] {
        queue.push(Offset(offset), answer);
    }
    assert_eq!(queue.release(Offset(9)).count(), 0);
    assert_eq!(queue.release(Offset(25)).collect::<String>(), "abc");
    assert_eq!(queue.len(), 1);
    assert_eq!(queue.fail_all().collect::<String>(), "d");
    assert!(queue.is_empty());
}
