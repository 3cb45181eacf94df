//! A log against a plain list of batches, through random histories without crashes.

use gracchus_base::{Offset, Timestamp};
use gracchus_wire::records::Batch;
use proptest::prelude::*;

use super::support::*;
use crate::config::LogConfig;
use crate::fs::sim::SimDisk;
use crate::log::{Log, RecoveryStart};
use crate::retain::RemovedFor;

#[derive(Clone, Debug)]
enum Step {
    Append { records: i32, len: usize, timestamp: i64 },
    Roll,
    Flush,
    AdvanceStart(i64),
    RetainBytes(i64),
    RetainMs(i64),
    Truncate(i64),
    Restart { clean: bool },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (1..5i32, 0..400usize, 0..1000i64)
            .prop_map(|(records, len, timestamp)| Step::Append { records, len, timestamp }),
        1 => Just(Step::Roll),
        2 => Just(Step::Flush),
        1 => (0..100i64).prop_map(Step::AdvanceStart),
        1 => (0..10_000i64).prop_map(Step::RetainBytes),
        1 => (0..1000i64).prop_map(Step::RetainMs),
        1 => (0..200i64).prop_map(Step::Truncate),
        1 => any::<bool>().prop_map(|clean| Step::Restart { clean }),
    ]
}

struct Model {
    disk: SimDisk,
    log: Log,
    batches: Vec<Batch>,
}

impl Model {
    fn end(&self) -> Offset {
        self.batches.last().map_or(self.log.log_start(), |batch| batch.header.next_offset())
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Append { records, len, timestamp } => {
                let batch = batch(self.log.log_end().offset.0, records, len, timestamp);
                append(&mut self.log, batch.clone());
                self.batches.push(batch);
            }
            Step::Roll => self.log.roll(&[], NOW).unwrap(),
            Step::Flush => flush(&mut self.log),
            Step::AdvanceStart(by) => {
                let to = self.log.log_start().plus(by);
                assert_eq!(self.log.advance_log_start(to), to.min(self.log.log_end().offset));
            }
            Step::RetainBytes(bytes) => self.retain(LogConfig { retention_bytes: bytes, ..config() }),
            Step::RetainMs(ms) => self.retain(LogConfig { retention_ms: ms, ..config() }),
            Step::Truncate(by) => {
                let to = Offset(self.log.log_start().0 + by);
                self.batches.retain(|batch| batch.header.last_offset() < to);
                self.log.truncate_to(to).unwrap();
            }
            Step::Restart { clean } => self.restart(clean),
        }
    }

    fn retain(&mut self, config: LogConfig) {
        self.log.set_config(config);
        let before = self.log.size_bytes();
        let now = Timestamp(1000);
        let removed = self.log.retain(now, self.log.log_end().offset, &mut Vec::new).unwrap();
        let bytes: u64 = removed.iter().map(|segment| u64::from(segment.len)).sum();
        assert_eq!(self.log.size_bytes(), before - bytes);
        let for_size = removed.iter().all(|segment| segment.reason == RemovedFor::Size);
        if for_size && !removed.is_empty() {
            assert!(self.log.size_bytes() >= config.retention_bytes as u64, "not more than was too much");
        }
        if config.retention_ms >= 0 {
            let first = self.log.sealed.first();
            let old = first
                .is_some_and(|s| s.max_timestamp.0 >= 0 && 1000 - s.max_timestamp.0 > config.retention_ms);
            assert!(!old, "the first segment that is left is not too old");
        }
    }

    fn restart(&mut self, clean_shutdown: bool) {
        if clean_shutdown {
            close(&mut self.log, &[]);
        }
        if self.log.dir() != dir() || self.disk.ops() == 0 {
            return self.log = lazy(sim_env(&self.disk), &dir());
        }
        let start = RecoveryStart {
            clean_shutdown,
            recovery_point: self.log.recovery_point(),
            log_start: self.log.log_start(),
        };
        self.disk = self.disk.kill();
        // A disk that was copied counts its operations anew: make sure that it is not taken for an empty one.
        let env = sim_env(&self.disk);
        env.fs.sync_dir(std::path::Path::new("/")).unwrap();
        self.log = open(env, &dir(), start).0;
    }

    fn check(&mut self) {
        let from = self.log.log_start();
        self.batches.retain(|batch| batch.header.last_offset() >= from);
        let view = self.log.view();
        assert_eq!(self.log.log_end().offset, self.end().max(from));
        let there = read_all(&view);
        assert_same(&there, &self.batches);
        for batch in &self.batches {
            let offset = batch.header.last_offset();
            let at = view.position_of(offset).unwrap();
            let range = view.read(offset, view.log_end(), 1, true).unwrap().unwrap();
            assert_eq!(u64::from(at.position), range.position);
            assert_eq!(&range.read_all().unwrap()[..], &bytes_of(batch)[..]);
        }
        let max = self.batches.iter().map(|b| b.header.max_timestamp).max();
        let found = view.max_timestamp().unwrap().map(|found| found.header.max_timestamp);
        // Kafka too answers with what lies in the first segment before the log start.
        assert!(found >= max, "{found:?} < {max:?}");
    }
}

/// A snapshot that a restart found behind the end gets a segment of its own afterwards, and goes with it.
#[test]
fn a_snapshot_that_went_with_its_segment_is_not_missed_by_a_flush() {
    let append = Step::Append { records: 1, len: 140, timestamp: 0 };
    run(vec![
        append.clone(),
        Step::Restart { clean: true },
        Step::AdvanceStart(1),
        Step::Restart { clean: false },
        Step::RetainBytes(0),
        append,
        Step::RetainMs(0),
        Step::Flush,
    ]);
}

fn run(steps: Vec<Step>) {
    let disk = SimDisk::new();
    let log = lazy(sim_env(&disk), &dir());
    let mut model = Model { disk, log, batches: Vec::new() };
    for step in steps {
        model.take(step);
        model.check();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_log_holds_what_a_list_of_batches_holds(steps in prop::collection::vec(step(), 1..60)) {
        run(steps);
    }
}
