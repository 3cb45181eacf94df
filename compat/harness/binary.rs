//! Where the `gracchus` binary under test is.
//!
//! `GRACCHUS_BIN` wins. Otherwise it is the one beside the running test binary, built first if it is absent
//! or older than a source file: `cargo test` alone does not build another package's binary.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::SystemTime;

/// The path of the binary, built at most once per process. The error is one line for a person.
pub fn gracchus() -> Result<PathBuf, String> {
    static FOUND: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    FOUND.get_or_init(find).clone()
}

fn find() -> Result<PathBuf, String> {
    if let Some(path) = env::var_os("GRACCHUS_BIN") {
        return fs::canonicalize(&path).map_err(|e| format!("GRACCHUS_BIN={}: {e}", path.display()));
    }
    let profile_dir = profile_dir()?;
    let binary = profile_dir.join("gracchus");
    if is_stale(&binary) {
        build(&profile_dir)?;
    }
    if binary.exists() { Ok(binary) } else { Err(format!("{} is not there", binary.display())) }
}

/// `target/<profile>`, from `target/<profile>/deps/<test binary>` or `target/<profile>/<binary>`.
fn profile_dir() -> Result<PathBuf, String> {
    let exe = env::current_exe().map_err(|e| format!("the path of the running binary: {e}"))?;
    let mut dir = exe.parent().unwrap_or(Path::new("."));
    if dir.ends_with("deps") {
        dir = dir.parent().unwrap_or(dir);
    }
    Ok(dir.to_path_buf())
}

fn is_stale(binary: &Path) -> bool {
    let Some(built) = modified(binary) else { return true };
    let root = crate::repository_root();
    let mut newest = modified(&root.join("Cargo.lock")).max(modified(&root.join("Cargo.toml")));
    let mut folders = vec![root.join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|kind| kind == "rs" || kind == "toml") {
                newest = newest.max(modified(&path));
            }
        }
    }
    newest > Some(built)
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|meta| meta.modified()).ok()
}

fn build(profile_dir: &Path) -> Result<(), String> {
    let profile = match profile_dir.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(name) => name,
    };
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(crate::repository_root()).args(["build", "--bin", "gracchus", "--profile", profile]);
    if profile == "dev" {
        // The same features as `cargo test --workspace` chose, so that no dependency is compiled twice.
        command.args(["--quiet", "--workspace"]);
    } else {
        // What is measured is what a user builds, with the broker's own features and no others.
        eprintln!("building the broker, profile {profile}");
    }
    if let Some(target_dir) = profile_dir.parent() {
        command.arg("--target-dir").arg(target_dir);
    }
    let status = command.status().map_err(|e| format!("cargo build: {e}"))?;
    if status.success() { Ok(()) } else { Err(format!("cargo build of the broker failed: {status}")) }
}
