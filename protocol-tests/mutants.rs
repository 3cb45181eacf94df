//! Mistakes that are planted one at a time into a copy of the last commit, to see whether the tests find them and how soon.
//!
//! A mutant that is not found is a hole in the tests. The copy and its build are in `target/mutants`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// One mistake: a piece of code, what it becomes, and the tests that must notice.
pub struct Mutant {
    pub name: &'static str,
    file: &'static str,
    from: &'static str,
    to: &'static str,
    /// Arguments of `cargo test`.
    tests: &'static [&'static str],
}

/// Power cuts and disks first, then hostile input.
pub const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "acknowledges before the flush",
        file: "src/state/partition/leader.rs",
        from: "if self.flush_before_ack { self.flushed_end } else { self.log_end }",
        to: "self.log_end",
        tests: POWER_CUTS,
    },
    Mutant {
        name: "forgets to flush the directory",
        file: "src/log/flush.rs",
        from: "        if self.dir {",
        to: "        if self.dir && false {",
        tests: POWER_CUTS,
    },
    Mutant {
        name: "believes batches after a crash without looking at their CRC",
        file: "src/log/resume.rs",
        from: "(!check_crc || scan.crc_matches(position, &header)?)",
        to: "(true || !check_crc || scan.crc_matches(position, &header)?)",
        tests: POWER_CUTS,
    },
    Mutant {
        name: "does not flush that a torn tail was cut off",
        file: "src/log/recovery.rs",
        from: "        sync_or_forget(&*file)\n",
        to: "        drop(file);\n        Ok(())\n",
        tests: &["-p", "gracchus-log", "faults_03"],
    },
    Mutant {
        name: "takes damage to what was flushed for a torn tail",
        file: "src/log/recovery.rs",
        from: "    active.next_offset < flushed_to && ",
        to: "    false && active.next_offset < flushed_to && ",
        tests: &["-p", "gracchus-log", "faults_22"],
    },
    Mutant {
        name: "does not look behind damage",
        file: "src/log/resume.rs",
        from: "if self.next_offset >= how.flushed_to {",
        to: "if true || self.next_offset >= how.flushed_to {",
        tests: &["-p", "gracchus-log", "faults_22"],
    },
    Mutant {
        name: "asks the time of day when retention is due",
        file: "src/broker/shard/thread.rs",
        from: "        let now = self.env.clock.monotonic();\n        let due",
        to: "        let now = Monotonic(self.env.clock.now().get());\n        let due",
        tests: &["-p", "protocol-tests", "faults_31"],
    },
    Mutant {
        name: "reads from memory what a failed flush has lost",
        file: "src/log/flush.rs",
        from: "                file.forget_cached();\n",
        to: "                let _ = file;\n",
        tests: &["-p", "gracchus-log", "faults_29"],
    },
    Mutant {
        name: "takes a failed flush for a flush",
        file: "src/log/flush.rs",
        from: "            self.flush_file(file).map_err(failed(path))?;",
        to: "            let _ = self.flush_file(file).map_err(failed(path));",
        tests: BROKER_SIMULATION,
    },
    Mutant {
        name: "loads committed offsets from a partition that is offline",
        file: "src/broker/coordinator/load.rs",
        from: "    if view.status != Status::Online {",
        to: "    if false && view.status != Status::Online {",
        tests: BROKER_SIMULATION,
    },
    Mutant {
        name: "forgets producers over a restart",
        file: "src/broker/shard/lifecycle.rs",
        from: "            producers.replay(&batch_meta(&header));",
        to: "            let _ = batch_meta(&header);",
        tests: BROKER_SIMULATION,
    },
    Mutant {
        name: "goes offline where it should wait for space",
        file: "src/log/append.rs",
        from: "        if !is_no_space(&error) {",
        to: "        if is_no_space(&error) {",
        tests: &["-p", "gracchus-log", "faults_26"],
    },
    Mutant {
        name: "accepts a batch whose count is wrong",
        file: "src/wire/records/validate/frame.rs",
        from: "if delta < 0 || count <= 0 || delta != count.saturating_sub(1) {",
        to: "if delta < 0 || count <= 0 {",
        tests: &["-p", "gracchus-wire", "validate"],
    },
    Mutant {
        name: "accepts records behind those that the header counts",
        file: "src/wire/records/validate/walk.rs",
        from: "    if !source.is_at_end()? {",
        to: "    if false && !source.is_at_end()? {",
        tests: &["-p", "gracchus-wire", "validate"],
    },
    Mutant {
        name: "reserves memory for a length nobody checked",
        file: "src/wire/shape/walk.rs",
        from: "        if count > self.left() {",
        to: "        if false && count > self.left() {",
        tests: &["-p", "gracchus-wire", "traps_68"],
    },
];

const BROKER_SIMULATION: &[&str] = &["-p", "protocol-tests", "a_whole_broker_keeps"];
const POWER_CUTS: &[&str] = &["-p", "protocol-tests", "faults_03"];

/// What became of a mutant.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    pub name: &'static str,
    /// `None`: no test noticed.
    pub found_after: Option<Duration>,
}

/// Plants each mutant whose name contains `only`, and tells what became of it.
///
/// # Panics
/// When the copy cannot be made or built, or the tests fail without a mutant.
pub fn run(only: &str, mut tell: impl FnMut(Outcome)) {
    let tree = copy_of_last_commit();
    for mutant in MUTANTS.iter().filter(|mutant| mutant.name.contains(only)) {
        let path = tree.join(mutant.file);
        let whole = fs::read_to_string(&path).expect("the file of a mutant");
        assert_eq!(whole.matches(mutant.from).count(), 1, "{}: its place is not there once", mutant.name);
        assert!(test(&tree, mutant.tests).is_none(), "{}: its tests fail without it", mutant.name);
        fs::write(&path, whole.replace(mutant.from, mutant.to)).expect("the copy can be changed");
        let found_after = test(&tree, mutant.tests);
        fs::write(&path, whole).expect("the copy can be changed");
        tell(Outcome { name: mutant.name, found_after });
    }
}

fn copy_of_last_commit() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let tree = root.join("target/mutants/tree");
    drop(fs::remove_dir_all(&tree));
    fs::create_dir_all(&tree).expect("a place for the copy");
    let mut archive = Command::new("git")
        .args(["archive", "HEAD"])
        .current_dir(root)
        .stdout(Stdio::piped())
        .spawn()
        .expect("git runs");
    let unpacked = Command::new("tar")
        .args(["-x", "-C"])
        .arg(&tree)
        .stdin(archive.stdout.take().expect("git's output"))
        .status()
        .expect("tar runs");
    assert!(archive.wait().expect("git ends").success() && unpacked.success(), "the copy was made");
    tree
}

/// Builds and runs tests. Answers how long it took them to fail; `None` if they do not.
fn test(tree: &Path, tests: &[&str]) -> Option<Duration> {
    let cargo = |extra: &[&str]| {
        let status = Command::new("cargo")
            .args(["test", "--quiet", "--locked", "--lib", "--tests"])
            .args(extra)
            .args(tests)
            .current_dir(tree)
            .env("CARGO_TARGET_DIR", tree.with_file_name("build"))
            .env("RUSTFLAGS", "--cap-lints=allow")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        status.expect("cargo runs").success()
    };
    assert!(cargo(&["--no-run"]), "the copy is built");
    let began = Instant::now();
    if cargo(&[]) { None } else { Some(began.elapsed()) }
}
