//! Plays a schedule: each step goes to the real log and into the history, and what the disk went through meanwhile is
//! judged.

use gracchus_base::{LeaderEpoch, Offset, ProducerEpoch, ProducerId, Sequence, Timestamp};
use gracchus_log::fs::FileSystem;
use gracchus_log::fs::sim::{Fault, Op};
use gracchus_log::{AppendError, FlushError, FlushTicket, Flushed, RetainError, RollError, WholeFlush};
use gracchus_state::partition::AppendDecision;
use gracchus_wire::records::{Batch, BatchBuilder, BatchOptions, BatchProducer};

use crate::history::{Checkpointed, Claims, History};
use crate::judge::Judge;
use crate::schedule::{End, How, Shape, Step, Trouble};
use crate::world::{self, NOW, World};

/// A log at work, and its history.
pub(crate) struct Player {
    world: World,
    history: History,
}

/// What a step came to, if it did not violate anything.
type Played = Result<(), String>;

impl Player {
    /// A new log.
    pub(crate) fn new() -> Self {
        Self::with(World::new(LeaderEpoch(0)), History::default())
    }

    /// A log that was recovered.
    pub(crate) fn with(world: World, history: History) -> Self {
        world.disk.keep_points();
        Self { world, history }
    }

    /// Takes all steps, and then ends with a power cut.
    pub(crate) fn play(mut self, steps: &[Step], judge: &mut Judge) -> Played {
        for (n, step) in steps.iter().enumerate() {
            self.take(step, judge).map_err(|violation| format!("step {n}: {violation}"))?;
            if self.world.log.is_offline() {
                self.world.disk.heal();
                self.restart(End::Killed, judge)
                    .map_err(|violation| format!("after step {n}: {violation}"))?;
            }
        }
        judge.cut_power(&self.world.disk, &self.claims(&self.history))
    }

    fn claims<'a>(&'a self, before: &'a History) -> Claims<'a> {
        Claims { before, after: &self.history, power_cut: true }
    }

    /// Judges what the disk went through since `before`.
    fn settle(&self, before: &History, judge: &mut Judge) -> Played {
        for point in self.world.disk.take_points() {
            judge.cut_power(&point, &self.claims(before))?;
        }
        Ok(())
    }

    fn take(&mut self, step: &Step, judge: &mut Judge) -> Played {
        if self.world.log.is_offline() {
            // Something has failed in this very step: what is left of it waits for nobody.
            return Ok(());
        }
        match step {
            Step::Append(shapes) => self.append(shapes, judge),
            Step::Flush(how, meanwhile) => self.flush(*how, meanwhile, judge),
            Step::Roll => self.roll(judge),
            Step::NewEpoch => self.new_epoch(),
            Step::Checkpoint => {
                self.history.checkpoint = self.world.checkpoint();
                Ok(())
            }
            Step::Retain(thousandth) => self.retain(*thousandth, judge),
            Step::Truncate(thousandth) => self.truncate(*thousandth, judge),
            Step::Restart(end) => self.restart(*end, judge),
            Step::Trouble(trouble, after) => {
                self.trouble(*trouble, *after);
                Ok(())
            }
        }
    }

    fn append(&mut self, shapes: &[Shape], judge: &mut Judge) -> Played {
        let mut batches: Vec<Batch> = Vec::new();
        let mut at = self.world.leader.offsets().log_end;
        for shape in shapes {
            let batch = self.made(shape, at);
            at = batch.header.next_offset();
            batches.push(batch);
        }
        let bytes: usize = batches.iter().map(|batch| batch.header.total_bytes()).sum();
        let Some(first) = batches.first() else { return Ok(()) };
        let full = self.world.log.log_end().position as usize + bytes > 2500;
        if self.world.log.needs_roll(&first.header, NOW) || full {
            self.roll(judge)?;
            if self.world.log.is_offline() {
                return Ok(());
            }
        }
        let before = self.history.clone();
        self.history.written.extend(batches.iter().cloned());
        match self.world.log.append(&batches, NOW) {
            Ok(_) => {
                for batch in batches {
                    self.world.leader.apply_append(&world::meta(&batch.header), batch.header.base_offset);
                    self.history.given.push(batch);
                }
            }
            Err(AppendError::NoSpace(_)) => self.world.disk.heal(),
            Err(AppendError::Io(_)) => {}
            Err(error) => return Err(format!("an append was refused: {error}")),
        }
        self.settle(&before, judge)
    }

    /// The batch at an offset that a producer would send now.
    fn made(&self, shape: &Shape, base_offset: Offset) -> Batch {
        let producer = shape.producer.map(|id| {
            let producer_id = ProducerId(i64::from(id));
            let known = self.world.leader.producers().snapshot();
            let last = known.iter().find(|known| known.producer_id == producer_id);
            let base_sequence = last.map_or(Sequence(0), |last| last.last_sequence.plus(1));
            BatchProducer { producer_id, producer_epoch: ProducerEpoch(0), base_sequence }
        });
        let leader_epoch = self.world.leader.leader_epoch();
        let mut builder = BatchBuilder::new(BatchOptions {
            base_offset,
            leader_epoch,
            producer,
            ..BatchOptions::default()
        });
        let bytes = usize::from(shape.bytes) / usize::from(shape.records);
        for n in 0..i64::from(shape.records) {
            let at = base_offset.plus(n).get();
            // No two records are alike, and the largest timestamp is not always the last.
            let value: Vec<u8> = (0..bytes as i64).map(|byte| (byte * 31 + at * 7 + 1) as u8).collect();
            builder.push(Timestamp(at + at * 5 % 11), None, Some(&value), &[]);
        }
        let batch = builder.finish().expect("a batch with records");
        let decided = self.world.leader.decide_append(&world::meta(&batch.header));
        debug_assert!(matches!(decided, AppendDecision::Append { .. }), "{decided:?}");
        batch
    }

    fn roll(&mut self, judge: &mut Judge) -> Played {
        let before = self.history.clone();
        let producers = self.world.leader.producers().snapshot();
        match self.world.log.roll(&producers, NOW) {
            Ok(()) | Err(RollError::Io(_)) => {}
            Err(RollError::NoSpace(_)) => {
                self.world.disk.heal();
                self.world.log.roll(&producers, NOW).map_err(|error| format!("not rolled: {error}"))?;
            }
            Err(error) => return Err(format!("not rolled: {error}")),
        }
        self.settle(&before, judge)
    }

    fn new_epoch(&mut self) -> Played {
        self.history.epoch = LeaderEpoch(self.history.epoch.get() + 1);
        self.world.leader.begin_epoch(self.history.epoch);
        self.world.log.write_epochs(&world::epochs(&self.world.leader));
        Ok(())
    }

    fn flush(&mut self, how: How, meanwhile: &[Step], judge: &mut Judge) -> Played {
        let Some(ticket) = self.world.log.flush_ticket() else { return Ok(()) };
        for step in meanwhile {
            self.take(step, judge)?;
        }
        let before = self.history.clone();
        match self.run(ticket, how) {
            Ok(flushed) if !self.world.log.is_offline() => {
                let to = self.world.log.flushed(flushed).offset;
                self.world.leader.flushed(to);
                self.history.heard_flushed(to);
                self.history.shown = self.world.leader.offsets().high_watermark;
            }
            // Something else has failed meanwhile.
            Ok(_) => {}
            Err(_) => {
                self.world.log.poison();
                self.history.flush_failed = true;
            }
        }
        self.settle(&before, judge)
    }

    fn run(&self, ticket: FlushTicket, how: How) -> Result<Flushed, FlushError> {
        match how {
            How::Alone => ticket.run(),
            How::Together => {
                let system: Box<dyn FileSystem> = Box::new(self.world.disk.clone());
                WholeFlush::new(system).run(vec![ticket]).remove(0)
            }
        }
    }

    fn retain(&mut self, thousandth: u16, judge: &mut Judge) -> Played {
        let before = self.history.clone();
        let shown = self.history.shown;
        let to = Offset(shown.get() * i64::from(thousandth) / 1000);
        let Ok(start) = self.world.leader.advance_log_start(to) else { return Ok(()) };
        self.history.log_start = self.world.log.advance_log_start(start);
        let producers = self.world.leader.producers().snapshot();
        match self.world.log.retain(NOW, shown, &mut || producers.clone()) {
            Ok(_) | Err(RetainError::Io(_) | RetainError::Roll(RollError::Io(_))) => {}
            Err(RetainError::Roll(RollError::NoSpace(_))) => self.world.disk.heal(),
            Err(error) => return Err(format!("nothing was removed: {error}")),
        }
        self.settle(&before, judge)
    }

    /// A follower's step: only what readers were not shown is ever cut.
    fn truncate(&mut self, thousandth: u16, judge: &mut Judge) -> Played {
        let (least, end) = (self.history.shown.max(self.history.log_start), self.history.end());
        let to = least.plus(end.since(least) * i64::from(thousandth) / 1000);
        // At the log's start nothing is left, and only the checkpoint of log starts says where the log begins.
        if to >= end || to == self.history.log_start && to > Offset::ZERO {
            return Ok(());
        }
        let mut before = self.history.clone();
        let kept = self.history.given.iter().rev().find(|batch| batch.header.next_offset() <= to);
        let new_end = kept.map_or(self.history.log_start, |batch| batch.header.next_offset());
        // As Kafka does, before the log is cut.
        let Checkpointed { recovery_point, .. } = &mut self.history.checkpoint;
        *recovery_point = new_end.min(*recovery_point);
        before.checkpoint = self.history.checkpoint;
        match self.world.log.truncate_to(to) {
            Ok(end) if end.offset == new_end => self.history.cut(new_end),
            Ok(end) => return Err(format!("cut at {to} the log ends at {}, not {new_end}", end.offset)),
            // Whatever is left of it now.
            Err(_) => {
                self.history.flush_failed = true;
                let mut after = self.history.clone();
                after.cut(new_end);
                self.history.flushed = after.flushed;
                self.history.written.extend(self.history.given.iter().cloned());
                self.history.given = after.given;
            }
        }
        self.history.epoch = LeaderEpoch(self.history.epoch.get() + 1);
        let producers = world::replayed(self.history.given.iter().map(|batch| &batch.header));
        self.world.lead_what_is_left(self.history.epoch, producers);
        self.settle(&before, judge)
    }

    fn restart(&mut self, end: End, judge: &mut Judge) -> Played {
        let mut closed = false;
        if end == End::Closed && !self.world.log.is_offline() {
            closed = self.close(judge)?;
        }
        // Trouble that has not come yet goes with the process.
        self.world.disk.heal();
        let before = self.history.clone();
        let claims = Claims { before: &before, after: &before, power_cut: false };
        let epoch = LeaderEpoch(self.history.epoch.get() + 1);
        let left = self.world.disk.kill();
        let Some((world, there)) = judge.open(left, &claims, closed)? else {
            *self = Self::with(World::new(epoch), History { epoch, ..History::default() });
            return Ok(());
        };
        self.world = world;
        self.world.disk.keep_points();
        self.history = after_recovery(&before, there, &self.world);
        self.history.epoch = epoch;
        Ok(())
    }

    /// Closes the log as a shard does at its end. Answers whether that went well.
    fn close(&mut self, judge: &mut Judge) -> Result<bool, String> {
        let before = self.history.clone();
        let producers = self.world.leader.producers().snapshot();
        let checkpoint = self.world.leader.offsets();
        let closed = match self.world.log.close(&producers) {
            Ok(Some(ticket)) => ticket.run().map(|flushed| Some(self.world.log.flushed(flushed))).ok(),
            Ok(None) => Some(None),
            Err(_) => None,
        };
        if closed.is_some() {
            self.history.heard_flushed(self.history.end());
        } else {
            self.history.flush_failed = true;
        }
        self.settle(&before, judge)?;
        if closed.is_some() {
            self.history.checkpoint = Checkpointed {
                recovery_point: self.world.log.recovery_point(),
                log_start: checkpoint.log_start,
                high_watermark: self.history.end(),
            };
        }
        Ok(closed.is_some())
    }

    fn trouble(&self, trouble: Trouble, after: u8) {
        let from = self.world.disk.ops() + u64::from(after);
        self.world.disk.fail(move |n, op, _| {
            let is_flush = matches!(op, Op::SyncData | Op::SyncFs);
            match trouble {
                Trouble::Full if n >= from && matches!(op, Op::Write | Op::Create | Op::CreateDir) => {
                    Some(Fault::NoSpace { after: if n == from { n as usize * 37 % 200 } else { 0 } })
                }
                Trouble::Io if n == from && !is_flush && op != Op::SyncDir => Some(Fault::Io),
                Trouble::Flush if (from..from + 4).contains(&n) && is_flush => Some(Fault::Io),
                _ => None,
            }
        });
    }
}

/// The history of a log that was opened again, and flushed: what is there is what was given.
pub(crate) fn after_recovery(before: &History, there: Vec<Batch>, world: &World) -> History {
    let log_start = world.log.log_start();
    let removed = before.given.iter().filter(|batch| batch.header.next_offset() <= log_start).cloned();
    let mut history = History {
        given: removed.chain(there).collect(),
        log_start,
        epoch: before.epoch,
        checkpoint: before.checkpoint,
        ..History::default()
    };
    history.flushed = history.end();
    history.shown = world.leader.offsets().high_watermark;
    history
}
