//! When, at which commit and on which machine a workload was measured: kept with its samples, so that the report says
//! what was true of the run and not what is true of the day it is written.

use std::env;
use std::fs;
use std::process::Command;

use gracchus_base::clock::{Clock, Timestamp};
use serde::{Deserialize, Serialize};

use crate::machine::Machine;

/// Where the samples of one workload come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// Day of the run, UTC, as year-month-day.
    pub date: String,
    /// Of the working tree the bench was run in; `None` without git.
    pub commit: Option<String>,
    /// The working tree held changes that are not in the commit.
    pub changed: bool,
    /// The broker was one that `GRACCHUS_BIN` named: it need not be of that commit.
    pub program_given: bool,
    /// Part of the full size; 1.0 is all of it.
    pub scale: f64,
    /// Load average of the last minute before the workload started.
    pub load: Option<f64>,
    pub machine: Machine,
}

impl Provenance {
    /// Of a workload that starts now.
    pub fn now(scale: f64) -> Provenance {
        let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        Provenance {
            date: day(Clock::system().now()),
            commit: git(&["rev-parse", "--short=12", "HEAD"]),
            changed: git(&["status", "--porcelain"]).is_some(),
            program_given: env::var_os("GRACCHUS_BIN").is_some(),
            scale,
            load: load.split(' ').next().and_then(|number| number.parse().ok()),
            machine: Machine::here(),
        }
    }
}

/// What git prints about this repository; `None` if that is nothing.
fn git(arguments: &[&str]) -> Option<String> {
    let output =
        Command::new("git").arg("-C").arg(env!("CARGO_MANIFEST_DIR")).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !text.is_empty()).then_some(text)
}

/// The day of a moment in the Gregorian calendar, UTC. Counts years from 1 March, so that a leap day is the last of its
/// year, and eras of 400 years, which all have 146,097 days.
fn day(at: Timestamp) -> String {
    let days = at.get().div_euclid(86_400_000) + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        let of = |seconds: i64| day(Timestamp(seconds * 1000));
        assert_eq!(of(0), "1970-01-01");
        assert_eq!(of(951_782_400), "2000-02-29");
        assert_eq!(of(1_709_164_800 - 1), "2024-02-28");
        assert_eq!(of(1_735_689_600), "2025-01-01");
        assert_eq!(of(4_107_542_400), "2100-03-01");
    }
}
