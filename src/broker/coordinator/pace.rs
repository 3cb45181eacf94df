//! When appends are sent: each at once while they are few, many together while there are many.
//!
//! An append costs a wake-up of the shard, a flush, and a wake-up of the worker; under load each of them pays for several
//! (`docs/decisions/009`).

use std::time::Duration;

use gracchus_base::limits::GROUP_COMMITS_WAIT_MS;
use tokio::time::Instant;

/// Appends in a step from which on those of the next wait.
const BUSY_MIN: usize = 4;

/// Divides time into steps, and lets appends wait for the end of the step.
#[derive(Debug)]
pub(super) struct Pace {
    step: Duration,
    /// Appends wait whether there are many or few, and whoever waits for them.
    always: bool,
    step_ends: Instant,
    in_step: usize,
    busy: bool,
}

impl Pace {
    /// `linger_ms` is `group.coordinator.append.linger.ms`.
    pub(super) fn new(linger_ms: Option<u32>) -> Self {
        let step_ms = linger_ms.map_or(GROUP_COMMITS_WAIT_MS, u64::from);
        let (step, always) = (Duration::from_millis(step_ms), linger_ms.is_some());
        Self { step, always, step_ends: Instant::now(), in_step: 0, busy: false }
    }

    /// Counts an append; says whether it waits for the end of the step, unless [`Pace::may_send`] says otherwise.
    pub(super) const fn counts(&mut self, may_wait: bool) -> bool {
        self.in_step += 1;
        may_wait || self.always
    }

    /// Whether what waits is to be sent now; else it is at [`Pace::step_ends`].
    pub(super) fn may_send(&mut self, now: Instant) -> bool {
        if now < self.step_ends {
            return !self.busy;
        }
        let next_ends = self.step_ends + self.step;
        let just_ended = now < next_ends;
        self.busy = self.always || (just_ended && self.in_step >= BUSY_MIN);
        self.in_step = 0;
        self.step_ends = if just_ended { next_ends } else { now + self.step };
        true
    }

    /// When the step ends that [`Pace::may_send`] last looked at.
    pub(super) const fn step_ends(&self) -> Instant {
        self.step_ends
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A pace, and when it begins.
    fn pace(linger_ms: Option<u32>) -> (Pace, Instant) {
        let pace = Pace::new(linger_ms);
        let begun = pace.step_ends();
        (pace, begun)
    }

    /// What becomes of one append at each of these milliseconds: whether it is sent at once.
    fn at_once((pace, begun): &mut (Pace, Instant), times_ms: &[u64]) -> Vec<bool> {
        let each = |ms: &u64| {
            let waits = pace.counts(true);
            pace.may_send(*begun + Duration::from_millis(*ms)) || !waits
        };
        times_ms.iter().map(each).collect()
    }

    #[test]
    fn few_appends_never_wait() {
        let mut pace = pace(None);
        let times: Vec<_> = (0..50).map(|n| n * 2).collect();
        assert_eq!(at_once(&mut pace, &times), vec![true; 50]);
    }

    #[test]
    fn many_appends_wait_for_the_end_of_their_step_from_the_second_step_on() {
        let mut pace = pace(None);
        let times: Vec<_> = (0..15).collect();
        let sent = at_once(&mut pace, &times);
        assert_eq!(sent[..5], [true; 5]);
        // Each step's first finds that the one before has ended.
        assert_eq!(sent[5..10], [true, false, false, false, false]);
        assert_eq!(sent[10..], [true, false, false, false, false]);
        assert_eq!(pace.0.step_ends(), pace.1 + Duration::from_millis(15));
    }

    #[test]
    fn after_a_pause_an_append_does_not_wait() {
        let mut pace = pace(None);
        at_once(&mut pace, &[0, 1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(at_once(&mut pace, &[30, 31]), [true, true]);
    }

    #[test]
    fn who_is_in_a_hurry_does_not_wait_unless_it_is_set() {
        let mut set = pace(Some(20));
        assert!(!pace(None).0.counts(false));
        assert!(set.0.counts(false));
        assert_eq!(at_once(&mut set, &[0, 1, 19, 20, 21]), [true, false, false, true, false]);
        let mut never = pace(Some(0));
        assert_eq!(at_once(&mut never, &[0, 0, 0, 0, 1, 6, 6, 6, 6, 6, 11]), [true; 11]);
    }
}
