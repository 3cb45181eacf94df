//! `gracchus verify DIR…`: looks at everything in data directories and changes nothing.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Parser;
use gracchus_log::{Fs, verify};

use super::CliError;

/// Checks every batch and index entry in data directories; changes nothing.
#[derive(Debug, Parser)]
#[command(name = "gracchus verify", term_width = 80)]
#[command(
    after_help = "Exit status: 0 if nothing is damaged, 1 if something is, 2 for a mistake in the command."
)]
pub struct Verify {
    /// What the broker has as log.dirs; better without a broker that writes to it
    #[arg(value_name = "DIR", required = true)]
    dirs: Vec<PathBuf>,
}

impl Verify {
    /// The word that asks for it, in place of a file of settings.
    pub(super) const WORD: &str = "verify";

    /// Prints a line for everything that is not as it should be, and one for each directory.
    ///
    /// # Errors
    /// Something is damaged, or a directory cannot be read.
    pub fn run(&self, out: &mut impl Write) -> Result<(), CliError> {
        let mut damaged = 0;
        for dir in &self.dirs {
            damaged += check(dir, out).map_err(|e| CliError::failed(format!("{}: {e}", dir.display())))?;
        }
        match damaged {
            0 => Ok(()),
            1 => Err(CliError::failed("1 thing is damaged")),
            n => Err(CliError::failed(format!("{n} things are damaged"))),
        }
    }
}

/// Checks one directory; answers how much of it is damaged.
fn check(dir: &Path, out: &mut impl Write) -> io::Result<u64> {
    let mut damaged = 0;
    let mut printed = Ok(());
    let totals = verify::data_dir(&Fs::real(), dir, &mut |finding| {
        let is_damage = finding.problem.is_damage();
        damaged += u64::from(is_damage);
        let kind = if is_damage { "damaged" } else { "note" };
        let line = writeln!(out, "{kind}: {}: {}", finding.path.display(), finding.problem);
        if printed.is_ok() {
            printed = line;
        }
    })?;
    printed?;
    let verify::Totals { partitions, segments, batches, bytes } = totals;
    let found = if damaged == 0 { "nothing is damaged".to_owned() } else { format!("damaged: {damaged}") };
    writeln!(
        out,
        "{}: {partitions} partitions, {segments} segments, {batches} batches, {bytes} bytes; {found}",
        dir.display()
    )?;
    Ok(damaged)
}
