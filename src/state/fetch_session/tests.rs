use gracchus_base::limits::FETCH_SESSION_EVICTION_MS;
use gracchus_base::{Entropy, Monotonic};

use super::*;

const EVICTION_MS: i64 = FETCH_SESSION_EVICTION_MS;

fn ask(fetch_offset: i64) -> FetchAsk {
    FetchAsk {
        fetch_offset: Offset(fetch_offset),
        max_bytes: 1000,
        log_start_offset: Offset(-1),
        current_leader_epoch: LeaderEpoch::NONE,
        last_fetched_epoch: LeaderEpoch::NONE,
    }
}

fn name(text: &str) -> TopicName {
    TopicName::parse(text).unwrap()
}

fn id(byte: u8) -> TopicId {
    TopicId([byte; 16])
}

fn named(partition: i32) -> FetchTarget {
    FetchTarget::by_name(name("t"), PartitionIndex(partition), ask(0))
}

const QUIET: PartitionAnswer = PartitionAnswer {
    error: ErrorCode::None,
    high_watermark: Offset(10),
    log_start_offset: Offset(0),
    has_records: false,
    has_preferred_replica: false,
    is_diverging: false,
    is_watched: false,
    is_at_end: true,
};
const RECORDS: PartitionAnswer = PartitionAnswer { has_records: true, ..QUIET };

fn error(error: ErrorCode) -> PartitionAnswer {
    PartitionAnswer { error, high_watermark: Offset(-1), log_start_offset: Offset(-1), ..QUIET }
}

/// A session of the targets, of which the client was told `QUIET`.
fn session_of(targets: Vec<FetchTarget>) -> FetchSession {
    let ids = matches!(targets[0].key.topic, TopicKey::Id(_));
    let plan = full_plan(targets);
    let answers: Vec<_> = plan.iter().map(|read| (read.slot, QUIET)).collect();
    FetchSession::create(FetchSessionId(1), ids, &plan, &answers)
}

fn request(epoch: i32, targets: &[FetchTarget]) -> IncrementalFetch<'_> {
    IncrementalFetch {
        epoch,
        uses_topic_ids: false,
        reads_committed: false,
        targets,
        forgotten: &[],
        partitions_max: 100,
    }
}

fn plan_of(session: &mut FetchSession, request: &IncrementalFetch<'_>) -> FetchPlan {
    match session.begin(request, |_| None) {
        Ok(Begun::Read(plan)) => plan,
        other => panic!("{other:?}"),
    }
}

fn partitions(plan: &FetchPlan) -> Vec<i32> {
    plan.reads.iter().map(|read| read.target.key.partition.0).collect()
}

/// Which of the plan's partitions are answered, when each gets `answer_of` its index.
fn answered(
    session: &mut FetchSession,
    plan: &FetchPlan,
    answer_of: impl Fn(i32) -> PartitionAnswer,
) -> Vec<i32> {
    let answers: Vec<_> =
        plan.reads.iter().map(|read| (read.slot, answer_of(read.target.key.partition.0))).collect();
    let include = session.finish(plan.epoch, &answers).unwrap();
    partitions(plan).into_iter().zip(include).filter_map(|(p, yes)| yes.then_some(p)).collect()
}

#[test]
fn traps_28_session_id_and_epoch_say_what_kind_of_fetch_it_is() {
    let seven = FetchSessionId(7);
    assert_eq!(classify(FetchSessionId::NONE, 0), FetchKind::Full { close: None });
    assert_eq!(classify(FetchSessionId::NONE, -1), FetchKind::Sessionless { close: None });
    assert_eq!(classify(seven, 0), FetchKind::Full { close: Some(seven) });
    assert_eq!(classify(seven, -1), FetchKind::Sessionless { close: Some(seven) });
    assert_eq!(classify(seven, 3), FetchKind::Incremental { id: seven, epoch: 3 });
    assert_eq!(
        classify(FetchSessionId::NONE, 3),
        FetchKind::Incremental { id: FetchSessionId::NONE, epoch: 3 }
    );
    assert_eq!(classify(seven, -5), FetchKind::Incremental { id: seven, epoch: -5 });
}

#[test]
fn traps_28_epochs_count_from_one_and_wrap_to_one() {
    assert_eq!([next_epoch(0), next_epoch(1), next_epoch(i32::MAX), next_epoch(-1)], [1, 2, 1, -1]);
}

#[test]
fn traps_28_a_wrong_epoch_is_71_and_changes_nothing() {
    let mut session = session_of(vec![named(0)]);
    for epoch in [2, -5, i32::MAX] {
        let refused = session.begin(&request(epoch, &[named(1)]), |_| None).unwrap_err();
        assert_eq!(refused.code(), ErrorCode::InvalidFetchSessionEpoch);
    }
    assert_eq!(session.len(), 1);
    assert_eq!(plan_of(&mut session, &request(1, &[])).epoch, 2);
}

#[test]
fn traps_28_mixed_use_of_topic_ids_is_106() {
    let mut session = session_of(vec![named(0)]);
    let with_ids = IncrementalFetch { uses_topic_ids: true, ..request(1, &[]) };
    let refused = session.begin(&with_ids, |_| None).unwrap_err();
    assert_eq!(refused.code(), ErrorCode::FetchSessionTopicIdError);
    assert_eq!(plan_of(&mut session, &request(1, &[])).epoch, 2);
}

#[test]
fn traps_28_incremental_answers_hold_only_changed_partitions() {
    let mut session = session_of((0..6).map(named).collect());
    let plan = plan_of(&mut session, &request(1, &[]));
    let news = |partition: i32| match partition {
        0 => QUIET,
        1 => RECORDS,
        2 => PartitionAnswer { high_watermark: Offset(11), ..QUIET },
        3 => PartitionAnswer { log_start_offset: Offset(1), ..QUIET },
        4 => PartitionAnswer { has_preferred_replica: true, ..QUIET },
        _ => PartitionAnswer { is_diverging: true, ..QUIET },
    };
    assert_eq!(answered(&mut session, &plan, news), [1, 2, 3, 4, 5]);
    let plan = plan_of(&mut session, &request(2, &[]));
    let unchanged = |partition: i32| match partition {
        1 => QUIET,
        4 | 5 => QUIET,
        _ => news(partition),
    };
    assert_eq!(answered(&mut session, &plan, unchanged), Vec::<i32>::new());
}

#[test]
fn an_error_is_told_each_time_and_so_is_its_end() {
    let mut session = session_of(vec![named(0)]);
    for epoch in [1, 2] {
        let plan = plan_of(&mut session, &request(epoch, &[]));
        assert_eq!(answered(&mut session, &plan, |_| error(ErrorCode::NotLeaderOrFollower)), [0]);
    }
    let plan = plan_of(&mut session, &request(3, &[]));
    assert_eq!(answered(&mut session, &plan, |_| QUIET), [0]);
    let plan = plan_of(&mut session, &request(4, &[]));
    assert_eq!(answered(&mut session, &plan, |_| QUIET), Vec::<i32>::new());
}

#[test]
fn the_end_of_an_error_is_told_also_when_the_error_came_with_offsets() {
    let mut session = session_of(vec![named(0)]);
    let with_offsets = PartitionAnswer { error: ErrorCode::OffsetOutOfRange, ..QUIET };
    for (epoch, answer, told) in [(1, with_offsets, 1), (2, QUIET, 1), (3, QUIET, 0)] {
        let plan = plan_of(&mut session, &request(epoch, &[]));
        assert_eq!(answered(&mut session, &plan, |_| answer).len(), told);
    }
}

#[test]
fn partitions_are_added_changed_and_forgotten() {
    let mut session = session_of(vec![named(0), named(1)]);
    let changed = FetchTarget { ask: ask(50), ..named(1) };
    let targets = [named(2), changed.clone()];
    let forgotten = [named(0).key];
    let plan = plan_of(&mut session, &IncrementalFetch { forgotten: &forgotten, ..request(1, &targets) });
    assert_eq!(partitions(&plan), [1, 2]);
    assert_eq!(plan.reads[0].target, changed);
    // What was added was never told, so it is answered whatever it is.
    assert_eq!(answered(&mut session, &plan, |_| QUIET), [2]);
}

#[test]
fn a_session_without_partitions_ends() {
    let mut session = session_of(vec![named(0)]);
    let forgotten = [named(0).key];
    let emptied = session.begin(&IncrementalFetch { forgotten: &forgotten, ..request(1, &[]) }, |_| None);
    assert_eq!(emptied, Ok(Begun::Emptied));
}

#[test]
fn a_session_that_grows_too_large_is_declared_unknown() {
    let mut session = session_of(vec![named(0)]);
    let targets = [named(1), named(2)];
    let refused = session.begin(&IncrementalFetch { partitions_max: 2, ..request(1, &targets) }, |_| None);
    let refused = refused.unwrap_err();
    assert_eq!((refused.code(), refused.ends_session()), (ErrorCode::FetchSessionIdNotFound, true));
}

#[test]
fn an_answer_that_another_request_overtook_is_71() {
    let mut session = session_of(vec![named(0)]);
    let slow = plan_of(&mut session, &request(1, &[]));
    let _quick = plan_of(&mut session, &request(2, &[]));
    assert!(!session.is_current(slow.epoch));
    let late = session.finish(slow.epoch, &[(slow.reads[0].slot, RECORDS)]).unwrap_err();
    assert_eq!(late.code(), ErrorCode::InvalidFetchSessionEpoch);
}

#[test]
fn traps_29_partitions_that_got_records_go_to_the_end() {
    let mut session = session_of((0..4).map(named).collect());
    let mut order = Vec::new();
    for epoch in 1..=4 {
        let plan = plan_of(&mut session, &request(epoch, &[]));
        let first = partitions(&plan)[0];
        order.push(first);
        // The byte limit lets only the first one through.
        answered(&mut session, &plan, |p| if p == first { RECORDS } else { QUIET });
    }
    assert_eq!(order, [0, 1, 2, 3]);
    assert_eq!(partitions(&plan_of(&mut session, &request(5, &[]))), [0, 1, 2, 3]);
}

const WATCHED: PartitionAnswer = PartitionAnswer { is_watched: true, ..QUIET };

#[test]
fn watched_partitions_at_their_end_sleep_until_they_change() {
    let mut session = session_of((0..3).map(named).collect());
    let plan = plan_of(&mut session, &request(1, &[]));
    let slots: Vec<_> = plan.reads.iter().map(|read| read.slot).collect();
    answered(&mut session, &plan, |p| if p == 0 { QUIET } else { WATCHED });
    assert_eq!(partitions(&plan_of(&mut session, &request(2, &[]))), [0], "nobody watches it");
    session.changed([slots[2]]);
    let plan = plan_of(&mut session, &request(3, &[]));
    assert_eq!(partitions(&plan), [0, 2]);
    assert_eq!(plan.reads.iter().map(|read| read.is_watched).collect::<Vec<_>>(), [false, false]);
    session.changed([slots[1]]);
    assert_eq!(session.read_on(plan.epoch, |_| None).unwrap().reads.len(), 3, "it woke during the request");
    assert!(session.read_on(plan.epoch - 1, |_| None).is_err());
}

#[test]
fn what_a_client_asks_anew_is_read_though_it_slept_and_is_still_watched() {
    let mut session = session_of(vec![named(0)]);
    let plan = plan_of(&mut session, &request(1, &[]));
    answered(&mut session, &plan, |_| WATCHED);
    let plan = plan_of(&mut session, &request(2, &[FetchTarget { ask: ask(50), ..named(0) }]));
    assert_eq!((partitions(&plan), plan.reads[0].is_watched), (vec![0], true));
}

#[test]
fn another_isolation_wakes_all() {
    let mut session = session_of(vec![named(0), named(1)]);
    let plan = plan_of(&mut session, &request(1, &[]));
    answered(&mut session, &plan, |_| WATCHED);
    let committed = IncrementalFetch { reads_committed: true, ..request(2, &[]) };
    assert_eq!(partitions(&plan_of(&mut session, &committed)), [0, 1]);
}

#[test]
fn who_got_records_is_read_again_and_watched_anew() {
    let mut session = session_of(vec![named(0)]);
    let plan = plan_of(&mut session, &request(1, &[]));
    // More lies behind the records, or not: the client has not said yet where it goes on.
    answered(&mut session, &plan, |_| PartitionAnswer { is_watched: true, ..RECORDS });
    let again = plan_of(&mut session, &request(2, &[]));
    assert_eq!((partitions(&again), again.reads[0].is_watched), (vec![0], false));
    session.changed([plan.reads[0].slot]);
    assert_eq!(plan_of(&mut session, &request(3, &[])).reads, again.reads, "the old slot means nothing");
}

#[test]
fn errors_and_what_the_byte_limit_kept_back_do_not_sleep() {
    let cut = PartitionAnswer { is_at_end: false, ..WATCHED };
    let offline = PartitionAnswer { is_watched: true, ..error(ErrorCode::KafkaStorageError) };
    for answer in [cut, offline] {
        let mut session = session_of(vec![named(0)]);
        let plan = plan_of(&mut session, &request(1, &[]));
        answered(&mut session, &plan, |_| answer);
        assert_eq!(partitions(&plan_of(&mut session, &request(2, &[]))), [0]);
    }
}

#[test]
fn a_partition_named_twice_stands_once_and_asks_what_it_asked_last() {
    let plan = full_plan(vec![named(0), named(1), FetchTarget { ask: ask(9), ..named(0) }]);
    assert_eq!(plan.len(), 2);
    assert_eq!(plan[0].target.ask, ask(9));
}

#[test]
fn traps_27_a_topic_made_again_is_inconsistent_until_it_is_forgotten() {
    let old = FetchTarget::by_id(id(1), Some(name("t")), PartitionIndex(0), ask(0));
    let mut session = session_of(vec![old.clone()]);
    let with_ids = |epoch, targets, forgotten| IncrementalFetch {
        uses_topic_ids: true,
        forgotten,
        ..request(epoch, targets)
    };
    // The topic has another id by now; the name stays as it was resolved.
    let again = [FetchTarget { name: None, ..old.clone() }];
    for (epoch, targets) in [(1, &[][..]), (2, &again[..])] {
        let plan = plan_of(&mut session, &with_ids(epoch, targets, &[]));
        let checked = plan.reads[0].target.check_topic(|_| Some(id(2)));
        assert_eq!(checked, Err(ErrorCode::InconsistentTopicId));
    }
    let new = [FetchTarget::by_id(id(2), Some(name("t")), PartitionIndex(0), ask(0))];
    let forgotten = [old.key];
    let plan = plan_of(&mut session, &with_ids(3, &new, &forgotten));
    assert_eq!(plan.reads.len(), 1);
    assert_eq!(plan.reads[0].target.check_topic(|_| Some(id(2))), Ok(&name("t")));
}

#[test]
fn traps_26_an_id_that_is_unknown_is_resolved_when_it_becomes_known() {
    let mut session = session_of(vec![FetchTarget::by_id(id(1), None, PartitionIndex(0), ask(0))]);
    let with_ids = |epoch| IncrementalFetch { uses_topic_ids: true, ..request(epoch, &[]) };
    let plan = plan_of(&mut session, &with_ids(1));
    assert_eq!(plan.reads[0].target.check_topic(|_| None), Err(ErrorCode::UnknownTopicId));
    let Ok(Begun::Read(plan)) = session.begin(&with_ids(2), |_| Some(name("t"))) else {
        panic!("the session goes on");
    };
    assert_eq!(plan.reads[0].target.check_topic(|_| Some(id(1))), Ok(&name("t")));
    assert_eq!(plan.reads[0].target.check_topic(|_| None), Err(ErrorCode::UnknownTopicOrPartition));
}

fn cache(sessions_max: usize, partitions_max: usize) -> FetchSessionCache {
    FetchSessionCache::new(FetchSessionLimits { sessions_max, partitions_max, eviction_ms: EVICTION_MS })
}

struct Cache {
    cache: FetchSessionCache,
    entropy: Entropy,
}

impl Cache {
    fn new(sessions_max: usize, partitions_max: usize) -> Self {
        Self { cache: cache(sessions_max, partitions_max), entropy: Entropy::seeded(1) }
    }

    fn create(&mut self, size: usize, privileged: bool, at: i64) -> CreatedSession {
        let entropy = self.entropy.clone();
        self.cache.create(size, privileged, Monotonic(at), || entropy.next_u64())
    }

    fn id(&mut self, size: usize, privileged: bool, at: i64) -> FetchSessionId {
        self.create(size, privileged, at).id.unwrap()
    }
}

#[test]
fn traps_28_no_session_is_made_when_all_places_are_taken_by_young_ones() {
    let mut cache = Cache::new(1, 1000);
    cache.id(1, false, 0);
    assert_eq!(cache.create(100, false, EVICTION_MS), CreatedSession::default());
    let counters = FetchSessionCounters { sessions: 1, partitions: 1, slots_hit: 1, ..Default::default() };
    assert_eq!(cache.cache.counters(), counters);
}

#[test]
fn a_session_that_was_idle_for_more_than_two_minutes_makes_room() {
    let mut cache = Cache::new(2, 1000);
    let idle = cache.id(50, false, 0);
    let used = cache.id(1, false, 0);
    cache.cache.touch(used, 1, Monotonic(EVICTION_MS / 2)).unwrap();
    let created = cache.create(1, false, EVICTION_MS + 1);
    assert_eq!(created.evicted, [idle]);
    assert_eq!(cache.cache.touch(idle, 1, Monotonic(0)), Err(ErrorCode::FetchSessionIdNotFound));
    assert_eq!(cache.cache.counters().evictions, 1);
}

#[test]
fn a_larger_session_takes_the_place_of_an_older_smaller_one() {
    let mut cache = Cache::new(2, 1000);
    let small = cache.id(5, false, 0);
    let large = cache.id(9, false, 0);
    let now = EVICTION_MS + 1;
    // Both are in use, so neither is idle; both are old.
    cache.cache.touch(small, 5, Monotonic(now)).unwrap();
    cache.cache.touch(large, 9, Monotonic(now)).unwrap();
    assert_eq!(cache.create(5, false, now).id, None);
    assert_eq!(cache.create(6, false, now).evicted, [small]);
}

#[test]
fn a_follower_takes_the_place_of_a_young_consumer_but_not_of_a_young_follower() {
    let mut cache = Cache::new(2, 1000);
    let follower = cache.id(1, true, 0);
    let consumer = cache.id(100, false, 0);
    assert_eq!(cache.create(50, true, 1).evicted, [consumer]);
    assert_eq!(cache.create(500, true, 1).id, None);
    assert!(cache.cache.remove(follower));
}

#[test]
fn partitions_over_all_sessions_are_bounded() {
    let mut cache = Cache::new(10, 100);
    let first = cache.id(60, false, 0);
    assert_eq!(cache.create(101, false, 0).id, None);
    assert_eq!(cache.create(41, false, 0).id, None);
    let second = cache.id(40, false, 0);
    assert_eq!(cache.cache.touch(second, 41, Monotonic(1)), Err(ErrorCode::FetchSessionIdNotFound));
    assert_eq!(cache.cache.counters().partitions, 60);
    let created = cache.create(90, false, EVICTION_MS + 1);
    assert_eq!(created.evicted, [first]);
    let counters = cache.cache.counters();
    assert_eq!((counters.partitions, counters.partitions_hit, counters.slots_hit), (90, 4, 0));
}

#[test]
fn a_closed_session_leaves_nothing_behind() {
    let mut cache = Cache::new(1, 100);
    let id = cache.id(60, true, 0);
    assert!(cache.cache.remove(id) && !cache.cache.remove(id));
    assert_eq!(cache.cache.counters(), FetchSessionCounters::default());
    assert!(cache.create(60, true, 0).id.is_some());
}

#[test]
fn session_ids_are_positive_and_differ() {
    let mut cache = Cache::new(1000, 10_000);
    let ids: std::collections::BTreeSet<_> = (0..1000).map(|_| cache.id(1, false, 0)).collect();
    assert_eq!(ids.len(), 1000);
    assert!(ids.iter().all(|id| id.0 > 0));
}
