//! What is done to a log, step by step.

use crate::dice::Dice;

/// One thing that is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Batches that are appended with one write.
    Append(Vec<Shape>),
    /// A flush, and what is done between its asking and its beginning.
    Flush(How, Vec<Step>),
    /// A new segment begins.
    Roll,
    /// A new leader epoch begins.
    NewEpoch,
    /// The checkpoints are written.
    Checkpoint,
    /// The log's start moves to this thousandth of what readers have seen, and what lies before it is removed.
    Retain(u16),
    /// The log is cut at this thousandth of what readers have not seen.
    Truncate(u16),
    /// The process ends, and another opens what it has left.
    Restart(End),
    /// An operation of the disk fails, so many of them from now on.
    Trouble(Trouble, u8),
}

/// A batch to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// An idempotent producer; `None`: one without idempotence.
    pub producer: Option<u8>,
    pub records: u8,
    /// Bytes of all values.
    pub bytes: u16,
}

/// The way in which a flush is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    Alone,
    /// With the whole file system.
    Together,
}

/// How a process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// What it wrote is in the page cache.
    Killed,
    Closed,
}

/// What goes wrong with an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// No space for a write or a file; of a write some bytes are written.
    Full,
    /// EIO from anything but a flush.
    Io,
    /// EIO from a flush.
    Flush,
}

/// A schedule of `len` steps.
pub(crate) fn drawn(dice: &Dice, len: usize) -> Vec<Step> {
    (0..len).map(|_| step(dice)).collect()
}

fn step(dice: &Dice) -> Step {
    match dice.below(32) {
        0..=14 => append(dice),
        15..=19 => Step::Flush(how(dice), Vec::new()),
        20..=22 => Step::Flush(how(dice), (0..=dice.below(3)).map(|_| meanwhile(dice)).collect()),
        23 => Step::Roll,
        24 => Step::NewEpoch,
        25 | 26 => Step::Checkpoint,
        27 => Step::Retain(dice.below(1001) as u16),
        28 if dice.one_in(2) => Step::Truncate(dice.below(1000) as u16),
        29 => Step::Restart(if dice.one_in(2) { End::Killed } else { End::Closed }),
        30 => trouble(dice),
        _ => append(dice),
    }
}

fn append(dice: &Dice) -> Step {
    let mut producers: Vec<Option<u8>> = vec![None, None, Some(0), Some(1), Some(2)];
    let batches = 1 + dice.below(3) as usize;
    let shape = |_| {
        // One batch of a producer in a write: the next one is decided when it is applied.
        let producer = producers.swap_remove(dice.below(producers.len() as u64) as usize);
        let bytes = if dice.one_in(12) { 1500 } else { dice.below(250) as u16 };
        Shape { producer, records: 1 + dice.below(3) as u8, bytes }
    };
    Step::Append((0..batches).map(shape).collect())
}

/// What may happen while a flush waits for its turn.
fn meanwhile(dice: &Dice) -> Step {
    match dice.below(8) {
        0 => Step::Roll,
        1 => Step::NewEpoch,
        2 => Step::Truncate(dice.below(1000) as u16),
        _ => append(dice),
    }
}

fn how(dice: &Dice) -> How {
    if dice.one_in(3) { How::Together } else { How::Alone }
}

fn trouble(dice: &Dice) -> Step {
    let what = match dice.below(4) {
        0 => Trouble::Io,
        1 => Trouble::Flush,
        _ => Trouble::Full,
    };
    Step::Trouble(what, dice.below(6) as u8)
}
