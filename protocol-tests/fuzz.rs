//! All targets of the fuzz crate, one after the other, for so long.

use std::time::{Duration, Instant};

use gracchus_fuzz::{Done, Failure, TARGETS, Target, watched};

/// When to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// So much time in all, shared evenly.
    Passed(Duration),
    /// So many of each target.
    Cases(u64),
}

/// Runs the targets, or the one of that name, from a seed on; tells of each one that is done. Answers how many cases there
/// were.
///
/// # Errors
/// The first case that fails.
pub fn run(
    until: Until,
    seed: u64,
    only: Option<&str>,
    mut tell: impl FnMut(&str, Done),
) -> Result<u64, Box<Failure>> {
    let targets: Vec<_> =
        TARGETS.iter().filter(|target| only.is_none_or(|name| target.name == name)).collect();
    let mut cases = 0;
    for target in &targets {
        let done = one(target, until, seed, targets.len())?;
        tell(target.name, done);
        cases += done.cases;
    }
    Ok(cases)
}

fn one(target: &'static Target, until: Until, seed: u64, targets: usize) -> Result<Done, Box<Failure>> {
    match until {
        Until::Cases(cases) => watched(target, seed..seed.saturating_add(cases)),
        Until::Passed(time) => {
            let time = time / u32::try_from(targets).unwrap_or(u32::MAX);
            let began = Instant::now();
            watched(target, (seed..).take_while(move |_| began.elapsed() < time))
        }
    }
}
