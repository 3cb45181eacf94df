//! One line per check as it is done, and the closing count.

use std::time::Instant;

use compat_harness::everything_required;

/// Counts what was checked; prints as it goes.
#[derive(Debug, Default)]
pub struct Report {
    passed: usize,
    failed: usize,
    skipped: usize,
}

impl Report {
    /// `problems` empty: it passed.
    pub fn check(&mut self, name: &str, begun: Instant, problems: &[String]) {
        let seconds = begun.elapsed().as_secs_f32();
        if problems.is_empty() {
            self.passed += 1;
            println!("PASS {name} ({seconds:.1} s)");
        } else {
            self.failed += 1;
            println!("FAIL {name} ({seconds:.1} s)");
            problems.iter().for_each(|line| println!("    {line}"));
        }
    }

    /// Something that cannot be run here; a failure where everything is required.
    pub fn missing(&mut self, name: &str, why: &str) {
        if everything_required() {
            self.check(name, Instant::now(), &[format!("{why}, and COMPAT_REQUIRE=all")]);
        } else {
            self.skip(name, why);
        }
    }

    pub fn skip(&mut self, name: &str, why: &str) {
        self.skipped += 1;
        println!("SKIP {name}: {why}");
    }

    /// Prints the last line; true if nothing failed.
    pub fn close(&self) -> bool {
        println!("{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped);
        self.failed == 0
    }
}
