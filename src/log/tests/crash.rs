//! Power cuts at every point of many runs: what was flushed is there, in order, and nothing torn is served.

use gracchus_base::producer::ProducerSnapshot;
use gracchus_base::{Entropy, LeaderEpoch, Offset, ProducerEpoch, ProducerId, Sequence, Timestamp};
use gracchus_wire::records::Batch;

use super::support::*;
use crate::error::OpenError;
use crate::fs::sim::{Fault, SimDisk};
use crate::log::{Log, RecoveryStart};
use crate::recovery::Recovered;

/// What a run has done before the power went off.
#[derive(Default)]
struct Run {
    /// Every batch that was given to the log and not truncated, in order.
    given: Vec<Batch>,
    /// What was truncated last, if the log was not heard to be done with it.
    truncating: Option<Vec<Batch>>,
    /// So many of `given` were heard to be flushed.
    flushed: usize,
    log_start: Offset,
    epoch: i32,
    epochs: Vec<(LeaderEpoch, Offset)>,
    /// The recovery point as a checkpoint has it: at most what is flushed.
    recovery_point: Offset,
}

/// A snapshot that tells the offset it was taken at.
fn snapshot_at(end: Offset) -> Vec<ProducerSnapshot> {
    vec![ProducerSnapshot {
        producer_id: ProducerId(1),
        producer_epoch: ProducerEpoch(0),
        last_sequence: Sequence(0),
        last_offset: end,
        offset_delta: 0,
        last_timestamp: Timestamp(0),
        coordinator_epoch: LeaderEpoch(-1),
        current_txn_first_offset: None,
    }]
}

/// The way in which a flush is done.
enum How {
    Alone,
    /// With the whole file system.
    Together,
}

/// The power is off.
#[derive(Debug)]
struct Stopped(#[expect(dead_code, reason = "printed when a run stops that should not")] String);

impl Stopped {
    fn by(error: impl std::error::Error) -> Self {
        Self(error.to_string())
    }
}

impl Run {
    fn end(&self) -> Offset {
        self.given.last().map_or(Offset(0), |batch| batch.header.next_offset())
    }

    /// A run of random steps; stops at the first error, which must be the power cut.
    fn go(&mut self, log: &mut Log, chance: &Entropy, steps: usize) -> Result<(), Stopped> {
        for _ in 0..steps {
            match chance.next_u64() % 16 {
                0..=8 => self.append(log, chance)?,
                9 => self.flush(log, How::Alone, |_, _| Ok(()))?,
                10 => self.flush(log, How::Together, |_, _| Ok(()))?,
                11 => {
                    let how = if chance.next_u64().is_multiple_of(2) { How::Alone } else { How::Together };
                    self.flush(log, how, |run, log| run.go_on_writing(log, chance))?;
                }
                12 => log.roll(&snapshot_at(log.log_end().offset), NOW).map_err(Stopped::by)?,
                13 => self.new_epoch(log),
                14 => self.retain(log, chance)?,
                _ if chance.next_u64().is_multiple_of(4) => self.truncate(log, chance)?,
                _ => self.recovery_point = log.recovery_point(),
            }
        }
        Ok(())
    }

    fn append(&mut self, log: &mut Log, chance: &Entropy) -> Result<(), Stopped> {
        let mut batches = Vec::new();
        for _ in 0..1 + chance.next_u64() % 3 {
            let base = batches.last().map_or(self.end(), |batch: &Batch| batch.header.next_offset());
            let records = 1 + (chance.next_u64() % 3) as i32;
            let len = (chance.next_u64() % 300) as usize;
            let timestamp = base.0 + (chance.next_u64() % 20) as i64;
            batches.push(epoch_batch(base.0, records, len, timestamp, self.epoch));
        }
        if log.needs_roll(&batches[0].header, NOW) {
            log.roll(&snapshot_at(log.log_end().offset), NOW).map_err(Stopped::by)?;
        }
        self.given.extend(batches.iter().cloned());
        log.append(&batches, NOW).map(|_| ()).map_err(Stopped::by)
    }

    /// Flushes, with something done between taking the ticket and running it.
    fn flush(
        &mut self,
        log: &mut Log,
        how: How,
        between: impl FnOnce(&mut Self, &mut Log) -> Result<(), Stopped>,
    ) -> Result<(), Stopped> {
        let Some(ticket) = log.flush_ticket() else { return Ok(()) };
        between(self, log)?;
        let flushed = match how {
            How::Alone => ticket.run(),
            How::Together => run_together(vec![ticket], &log.shared.env.fs).remove(0),
        };
        let flushed = flushed.map_err(Stopped::by)?;
        let to = log.flushed(flushed);
        self.flushed = self.given.iter().filter(|batch| batch.header.next_offset() <= to.offset).count();
        Ok(())
    }

    /// What a flush that is on its way may cover, and what it may not: files and epochs that came after it was asked for.
    fn go_on_writing(&mut self, log: &mut Log, chance: &Entropy) -> Result<(), Stopped> {
        for _ in 0..1 + chance.next_u64() % 4 {
            match chance.next_u64() % 8 {
                0 => log.roll(&snapshot_at(log.log_end().offset), NOW).map_err(Stopped::by)?,
                1 => self.new_epoch(log),
                2 => self.truncate(log, chance)?,
                _ => self.append(log, chance)?,
            }
        }
        Ok(())
    }

    fn new_epoch(&mut self, log: &mut Log) {
        self.epoch += 1;
        let end = self.end();
        self.epochs.retain(|(_, start)| *start < end);
        self.epochs.push((LeaderEpoch(self.epoch), end));
        log.write_epochs(&self.epochs);
    }

    fn retain(&mut self, log: &mut Log, chance: &Entropy) -> Result<(), Stopped> {
        let flushed = log.recovery_point();
        let to = Offset((chance.next_u64() >> 1) as i64 % (flushed.0 + 1));
        self.log_start = log.advance_log_start(to);
        let end = log.log_end().offset;
        log.retain(NOW, flushed, &mut || snapshot_at(end)).map(|_| ()).map_err(Stopped::by)
    }

    fn truncate(&mut self, log: &mut Log, chance: &Entropy) -> Result<(), Stopped> {
        // Not at the start itself, unless that is 0: nothing is left then, and only the checkpoint of the log's start
        // could say where it begins, which no run here has.
        let least = log.log_start().0 + i64::from(log.log_start() > Offset(0));
        if least > self.end().0 {
            return Ok(());
        }
        let to = Offset(least + (chance.next_u64() >> 1) as i64 % (self.end().0 - least + 1));
        self.truncating = Some(self.given.clone());
        self.given.retain(|batch| batch.header.last_offset() < to);
        self.flushed = self.flushed.min(self.given.len());
        self.recovery_point = self.recovery_point.min(self.end());
        let end = log.truncate_to(to).map_err(Stopped::by)?;
        assert_eq!(end.offset, self.end());
        self.truncating = None;
        self.new_epoch(log);
        Ok(())
    }

    /// Opens what the power cut has left and checks it.
    fn check(&self, disk: &SimDisk) -> Option<Log> {
        let start = RecoveryStart {
            clean_shutdown: false,
            recovery_point: self.recovery_point,
            log_start: Offset(0),
        };
        let mut seen = Vec::new();
        let opened = Log::open(dir(), TOPIC_ID, config(), sim_env(disk), start, &mut |r| seen.push(r));
        let log = match opened {
            Ok(log) => log,
            // The directory was not durable yet, so nothing can have been promised.
            Err(OpenError::Io { .. }) if self.flushed == 0 => return None,
            Err(e) => panic!("{e}"),
        };
        let there = read_all(&log.view());
        let from = log.log_start();
        assert!(from <= self.log_start, "{from} was not given up");
        let expected: Vec<_> = self.given.iter().filter(|b| b.header.base_offset >= from).cloned().collect();
        let old = self.truncating.iter().flatten().filter(|b| b.header.base_offset >= from);
        let old: Vec<_> = old.cloned().collect();
        let whole = there.len() > expected.len() && self.truncating.is_some();
        let of = if whole { &old } else { &expected };
        assert!(there.len() <= of.len(), "{} batches of {}", there.len(), of.len());
        assert_same(&there, &of[..there.len()]);
        let flushed_end = self.given[..self.flushed].last().map_or(Offset(0), |b| b.header.next_offset());
        assert!(log.log_end().offset >= flushed_end, "{} < {flushed_end}", log.log_end().offset);
        check_recovered(&log, &there, &seen);
        check_timestamps(&log, &there);
        Some(log)
    }
}

/// Batches are found by time as if every one were looked at.
fn check_timestamps(log: &Log, there: &[Batch]) {
    let view = log.view();
    for batch in there.iter().step_by(5) {
        let wanted = Timestamp(batch.header.max_timestamp.0 - 3);
        let found = view.lookup_timestamp(wanted, view.log_start()).unwrap();
        let expected = there.iter().find(|b| b.header.max_timestamp >= wanted);
        let offset = |header: gracchus_wire::records::BatchHeader| header.base_offset;
        assert_eq!(found.map(|f| offset(f.header)), expected.map(|b| offset(b.header)), "at {wanted}");
    }
}

/// Snapshot, batches and epochs that were handed over fit what is in the log.
fn check_recovered(log: &Log, there: &[Batch], seen: &[Recovered]) {
    let mut from = log.log_start();
    let mut batches = Vec::new();
    let mut epochs = None;
    for recovered in seen {
        match recovered {
            Recovered::Snapshot(producers) => from = producers[0].last_offset,
            Recovered::Damage { .. } => panic!("a power cut damages nothing that was flushed"),
            Recovered::Batch(header) => batches.push(*header),
            Recovered::Epochs(e) => epochs = Some(e.clone()),
        }
    }
    let expected: Vec<_> = there.iter().map(|b| b.header).filter(|h| h.last_offset() >= from).collect();
    assert!(batches.ends_with(&expected), "every batch behind the snapshot at {from} is handed over");
    let mut from_batches: Vec<(LeaderEpoch, Offset)> = Vec::new();
    for batch in there {
        if from_batches.last().is_none_or(|last| last.0 < batch.header.leader_epoch) {
            from_batches.push((batch.header.leader_epoch, batch.header.base_offset));
        }
    }
    if !there.is_empty() {
        let epochs = epochs.unwrap();
        for (epoch, start) in from_batches {
            assert!(epochs.contains(&(epoch, start)), "epoch {epoch} from {start} on in {epochs:?}");
        }
    }
}

/// One run that is cut at its `cut`th operation. Returns whether there was one.
fn cut_at(seed: u64, cut: u64) -> bool {
    let disk = SimDisk::new();
    disk.fail(move |n, _, _| (n == cut).then_some(Fault::PowerCut));
    let mut run = Run { epochs: vec![(LeaderEpoch(0), Offset(0))], ..Run::default() };
    let mut log = lazy(sim_env(&disk), &dir());
    log.write_epochs(&run.epochs);
    let chance = Entropy::seeded(seed);
    match run.go(&mut log, &chance, 60) {
        Ok(()) => return false,
        Err(stopped) => assert!(disk.ops() > cut, "{stopped:?}"),
    }
    let after = disk.crash(seed.wrapping_mul(1000).wrapping_add(cut));
    let Some(mut log) = run.check(&after) else { return true };
    // It goes on from there, and holds what it has then.
    let epoch = run.epoch + 1;
    let end = log.log_end().offset;
    let mut more = read_all(&log.view());
    check_second_cut(&after, &more, epoch, cut);
    for n in 0..5 {
        let batch = epoch_batch(end.0 + n, 1, 150, end.0 + n, epoch);
        more.push(batch.clone());
        append(&mut log, batch);
    }
    flush(&mut log);
    let (reopened, _) = open(sim_env(&after.crash(cut)), &dir(), unclean(log.recovery_point()));
    assert_same(&read_all(&reopened.view()), &more);
    true
}

/// The power fails again, soon after the recovery: nothing that was cut comes back behind what was appended since.
fn check_second_cut(after: &SimDisk, there: &[Batch], epoch: i32, cut: u64) {
    let disk = after.kill();
    let (mut log, _) = open(sim_env(&disk), &dir(), unclean(Offset(0)));
    let mut given = there.to_vec();
    for n in 0..2 {
        // As long as batches that were cut may have been.
        let base = log.log_end().offset.0;
        let batch = epoch_batch(base, 1 + (cut % 3) as i32, (cut * 37 % 300) as usize, base + n, epoch);
        given.push(batch.clone());
        append(&mut log, batch);
    }
    for seed in 0..3 {
        let crashed = disk.crash(seed ^ cut << 8);
        let (log, _) = open(sim_env(&crashed), &dir(), unclean(Offset(0)));
        let left = read_all(&log.view());
        assert_same(&left, &given[..left.len().min(given.len())]);
    }
}

#[test]
fn faults_03_a_power_cut_at_any_point_loses_nothing_flushed_and_serves_nothing_torn() {
    let mut points = 0;
    for seed in 0..32 {
        let mut cut = 0;
        while cut_at(seed, cut) {
            cut += 1;
        }
        points += cut;
    }
    assert!(points > 2000, "{points} points");
}

/// Makes that many logs, each with a batch that is flushed together with the others', and then a second one. Returns for
/// each the batches that were heard to be flushed.
fn first_and_second(disk: &SimDisk, logs: usize) -> Vec<usize> {
    let env = sim_env(disk);
    let mut acked = vec![0; logs];
    let mut logs: Vec<_> = (0..logs).map(|n| lazy(env.clone(), &numbered(n))).collect();
    logs.iter_mut().for_each(|log| log.write_epochs(&[(LeaderEpoch(0), Offset(0))]));
    for n in 0..2 {
        let appended = |log: &mut Log| log.append(&[batch(n, 1, 100, n)], NOW).is_ok();
        if !logs.iter_mut().all(appended) {
            return acked;
        }
        let tickets = logs.iter_mut().map(|log| log.flush_ticket().unwrap()).collect();
        for (at, outcome) in run_together(tickets, &env.fs).into_iter().enumerate() {
            let Ok(flushed) = outcome else { return acked };
            acked[at] += 1;
            assert_eq!(logs[at].flushed(flushed).offset, Offset(n + 1));
        }
    }
    acked
}

fn numbered(n: usize) -> std::path::PathBuf {
    format!("/t-{n}").into()
}

#[test]
fn a_power_cut_between_making_logs_and_flushing_them_together_loses_nothing_that_was_acknowledged() {
    let mut cuts = 0;
    loop {
        let disk = SimDisk::new();
        disk.fail(move |n, _, _| (n == cuts).then_some(Fault::PowerCut));
        let acked = first_and_second(&disk, 4);
        for seed in 0..8 {
            let after = disk.crash(seed);
            for (n, acked) in acked.iter().enumerate() {
                let opened = Log::open(
                    numbered(n),
                    TOPIC_ID,
                    config(),
                    sim_env(&after),
                    unclean(Offset(0)),
                    &mut |_| {},
                );
                let there = opened.map_or(Vec::new(), |log| read_all(&log.view()));
                assert!(there.len() >= *acked, "cut {cuts}, seed {seed}: {} of {acked}", there.len());
                assert_same(&there, &[batch(0, 1, 100, 0), batch(1, 1, 100, 1)][..there.len()]);
            }
        }
        if acked == [2; 4] {
            break;
        }
        cuts += 1;
    }
    assert_eq!(cuts, 4 * 5 + 1 + 4 + 1, "for each log five operations and one; two flushes in all");
}

#[test]
fn a_power_cut_while_a_log_is_closed_loses_nothing_flushed() {
    for seed in 0..20 {
        for cut in 0.. {
            let disk = SimDisk::new();
            let mut run = Run { epochs: vec![(LeaderEpoch(0), Offset(0))], ..Run::default() };
            let mut log = lazy(sim_env(&disk), &dir());
            run.go(&mut log, &Entropy::seeded(seed), 40).unwrap();
            let before = disk.ops();
            disk.fail(move |n, _, _| (n == before + cut).then_some(Fault::PowerCut));
            let closed = log.close(&snapshot_at(run.end())).map_err(Stopped::by).and_then(|ticket| {
                let fs = &log.shared.env.fs;
                ticket
                    .map_or(Ok(()), |t| run_together(vec![t], fs).remove(0).map(|_| ()).map_err(Stopped::by))
            });
            run.check(&disk.crash(seed ^ cut));
            if closed.is_ok() {
                break;
            }
        }
    }
}

#[test]
fn a_power_cut_while_recovering_from_a_power_cut_loses_nothing_flushed() {
    for seed in 0..40 {
        let disk = SimDisk::new();
        let mut run = Run { epochs: vec![(LeaderEpoch(0), Offset(0))], ..Run::default() };
        let mut log = lazy(sim_env(&disk), &dir());
        run.go(&mut log, &Entropy::seeded(seed), 60).unwrap();
        let first = disk.crash(seed);
        for cut in 0.. {
            let second = first.kill();
            second.fail(move |n, _, _| (n == cut).then_some(Fault::PowerCut));
            let start = RecoveryStart {
                clean_shutdown: false,
                recovery_point: run.recovery_point,
                log_start: Offset(0),
            };
            let opened = Log::open(dir(), TOPIC_ID, config(), sim_env(&second), start, &mut |_| {});
            if opened.is_ok() {
                break;
            }
            run.check(&second.crash(cut));
        }
    }
}

#[test]
fn faults_02_the_end_of_the_process_loses_nothing_that_was_appended() {
    for seed in 0..40 {
        let disk = SimDisk::new();
        let mut run = Run { epochs: vec![(LeaderEpoch(0), Offset(0))], ..Run::default() };
        let mut log = lazy(sim_env(&disk), &dir());
        run.go(&mut log, &Entropy::seeded(seed), 100).unwrap();
        let log = run.check(&disk.kill()).unwrap();
        assert_eq!(log.log_end().offset, run.end());
    }
}

#[test]
fn faults_25_after_a_clean_end_nothing_is_scanned_and_nothing_is_missing() {
    for seed in 0..40 {
        let disk = SimDisk::new();
        let mut run = Run { epochs: vec![(LeaderEpoch(0), Offset(0))], ..Run::default() };
        let mut log = lazy(sim_env(&disk), &dir());
        run.go(&mut log, &Entropy::seeded(seed), 60).unwrap();
        close(&mut log, &snapshot_at(run.end()));
        let after = disk.crash(seed);
        let (log, seen) = open(sim_env(&after), &dir(), clean());
        assert_eq!((log.log_end().offset, log.recovery_point()), (run.end(), run.end()));
        let expected = run.given.iter().filter(|b| b.header.base_offset >= log.log_start());
        assert_same(&read_all(&log.view()), &expected.cloned().collect::<Vec<_>>());
        assert!(!seen.iter().any(|r| matches!(r, Recovered::Batch(_))));
        let ops = after.ops();
        let (mut log, _) = open(sim_env(&after), &dir(), clean());
        close(&mut log, &[]);
        assert_eq!(after.ops(), ops, "opening and closing changes nothing then");
    }
}
