//! What must be so before figures mean anything.

use std::fs;
use std::path::Path;
use std::thread;

use crate::BenchError;

/// Is in a program that checks its arithmetic, as the profile `dev` has it done and `release` has not.
const DEBUG_MARK: &[u8] = b"attempt to add with overflow";

/// An error if this program or the broker that it would measure is a debug build. Builds the broker if that
/// is stale.
pub fn refuse_debug_builds() -> Result<(), BenchError> {
    if cfg!(debug_assertions) {
        return refuse("this is a debug build; use `cargo run --release -p compat-bench -- ...`");
    }
    let broker = compat_harness::binary::gracchus().map_err(BenchError::Failed)?;
    if is_debug_build(&broker, &fs::read(&broker)?) {
        return refuse(&format!("{} is a debug build", broker.display()));
    }
    Ok(())
}

/// A line on stderr if others already use the machine.
pub fn warn_if_busy() -> Result<(), BenchError> {
    let cores = thread::available_parallelism()?.get();
    if let Some(line) = busy(&fs::read_to_string("/proc/loadavg")?, cores) {
        eprintln!("{line}");
    }
    Ok(())
}

fn refuse(why: &str) -> Result<(), BenchError> {
    Err(BenchError::Failed(why.to_owned()))
}

fn is_debug_build(path: &Path, program: &[u8]) -> bool {
    let in_debug_folder = path.parent().is_some_and(|folder| folder.ends_with("debug"));
    in_debug_folder || program.windows(DEBUG_MARK.len()).any(|bytes| bytes == DEBUG_MARK)
}

fn busy(loadavg: &str, cores: usize) -> Option<String> {
    let load: f64 = loadavg.split_whitespace().next()?.parse().ok()?;
    let more = load > cores as f64;
    more.then(|| {
        format!("warning: the load average is {load} on {cores} cores: only ratios will say something")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_debug_build_is_known_by_its_folder_and_by_its_checks() {
        assert!(is_debug_build(Path::new("/x/target/debug/gracchus"), b""));
        assert!(!is_debug_build(Path::new("/x/target/release/gracchus"), b"program"));
        let checked = [b"program ", DEBUG_MARK, b" program"].concat();
        assert!(is_debug_build(Path::new("/elsewhere/gracchus"), &checked));
    }

    #[test]
    fn a_load_above_the_number_of_cores_is_busy() {
        assert!(busy("2.51 1.00 0.50 3/345 1234\n", 2).is_some());
        assert_eq!(busy("1.99 9.00 9.00 3/345 1234\n", 2), None);
    }
}
