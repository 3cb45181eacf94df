//! Cuts the power at a point, opens what is left, and holds it against the history.

use std::io;

use gracchus_base::LeaderEpoch;
use gracchus_log::OpenError;
use gracchus_log::fs::sim::SimDisk;
use gracchus_wire::records::Batch;

use crate::Tally;
use crate::dice::{Dice, mixed};
use crate::history::Claims;
use crate::invariants::{self, Found};
use crate::player::{Player, after_recovery};
use crate::schedule::drawn;
use crate::world::World;

/// Of so many power cuts one is followed by others: while its recovery goes on, and soon after it.
const AGAIN_ONE_IN: u64 = 8;

/// Steps between a recovery and the next power cut.
const STEPS_AGAIN: usize = 5;

/// Judges one schedule.
pub(crate) struct Judge {
    seed: u64,
    /// Power cuts at each point.
    crashes: u32,
    /// A power cut is being followed by others.
    is_again: bool,
    pub tally: Tally,
}

impl Judge {
    pub(crate) fn new(seed: u64, crashes: u32) -> Self {
        Self { seed, crashes, is_again: false, tally: Tally::default() }
    }

    /// Checks what power cuts at this point leave.
    pub(crate) fn cut_power(&mut self, point: &SimDisk, claims: &Claims<'_>) -> Result<(), String> {
        for _ in 0..self.crashes {
            self.tally.points += 1;
            let lot = mixed(self.seed, self.tally.points);
            let dice = Dice::new(lot);
            let left = point.crash(lot);
            if self.is_again || !dice.one_in(AGAIN_ONE_IN) {
                self.open(left, claims, false)?;
                continue;
            }
            self.is_again = true;
            self.go_on(left, claims, &dice)
                .map_err(|violation| format!("power cut {lot}, then {violation}"))?;
            self.is_again = false;
        }
        Ok(())
    }

    /// Cuts the power at every point of the recovery, and of a few steps after it.
    fn go_on(&mut self, left: SimDisk, claims: &Claims<'_>, dice: &Dice) -> Result<(), String> {
        left.keep_points();
        let opened = self.open(left.clone(), claims, false)?;
        for point in left.take_points() {
            self.cut_power(&point, claims)
                .map_err(|violation| format!("during the recovery: {violation}"))?;
        }
        let Some((world, there)) = opened else { return Ok(()) };
        let mut history = after_recovery(claims.after, there, &world);
        history.epoch = world.leader.leader_epoch();
        let steps = drawn(dice, STEPS_AGAIN);
        let played = Player::with(world, history).play(&steps, self);
        played.map_err(|violation| format!("in {steps:?}: {violation}"))
    }

    /// Opens the log on `disk` and checks it. Answers the log, flushed, and its batches; `None` if there is none, and
    /// nothing of it was ever promised.
    pub(crate) fn open(
        &mut self,
        disk: SimDisk,
        claims: &Claims<'_>,
        clean_shutdown: bool,
    ) -> Result<Option<(World, Vec<Batch>)>, String> {
        let history = claims.after;
        let epoch = LeaderEpoch(history.epoch.get() + 1);
        let mut world = match World::open(disk, history.checkpoint, clean_shutdown, epoch) {
            Ok(world) => world,
            Err(OpenError::Io { error, .. })
                if error.kind() == io::ErrorKind::NotFound && claims.kept().get() == 0 =>
            {
                return Ok(None);
            }
            Err(error) => return Err(format!("not opened: {error}")),
        };
        let there = invariants::read_all(&world.log.view())?;
        self.tally.batches += there.len() as u64;
        invariants::check(&Found { world: &world, there: &there }, claims)?;
        if let Some(ticket) = world.log.flush_ticket() {
            let flushed = ticket.run().map_err(|error| format!("not flushed after recovery: {error}"))?;
            let end = world.log.flushed(flushed).offset;
            world.leader.flushed(end);
        }
        invariants::check_flushed(&world, claims)?;
        Ok(Some((world, there)))
    }
}
