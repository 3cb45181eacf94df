//! The reference's jars: fetched once from Maven Central by `mvn`, into a folder that git ignores.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A folder of jars and the class path made of them.
#[derive(Clone, Debug)]
pub struct Jars {
    pub folder: PathBuf,
    pub class_path: OsString,
}

impl Jars {
    /// Finds the jars, or fetches them with `mvn`. The error is one line that says what is missing.
    /// `COMPAT_LIBS` names another folder, to share one between checkouts.
    pub fn find_or_fetch() -> Result<Jars, String> {
        on_path("java")?;
        if let Some(folder) = env::var_os("COMPAT_LIBS") {
            return Jars::of_folder(Path::new(&folder)).map_err(|e| format!("COMPAT_LIBS: {e}"));
        }
        let tools = crate::repository_root().join("compat/kafka-tools");
        let folder = tools.join("target-libs");
        // Written last, so that an interrupted fetch is not taken for a whole one.
        let complete = folder.join("complete");
        let wanted = fs::read(tools.join("pom.xml")).map_err(|e| format!("pom.xml: {e}"))?;
        if !fs::read(&complete).is_ok_and(|have| have == wanted) {
            fetch(&tools, &folder)?;
            fs::write(&complete, &wanted).map_err(|e| format!("{}: {e}", complete.display()))?;
        }
        Jars::of_folder(&folder).map_err(|e| format!("{}: {e}", folder.display()))
    }

    fn of_folder(folder: &Path) -> io::Result<Jars> {
        let mut jars = Vec::new();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|kind| kind == "jar") {
                jars.push(path);
            }
        }
        // An explicit, sorted class path: an archive of loaded classes is only valid for the same one.
        jars.sort();
        let class_path = env::join_paths(&jars).map_err(io::Error::other)?;
        Ok(Jars { folder: folder.to_path_buf(), class_path })
    }
}

/// An error unless `program` can be started from the search path.
pub fn on_path(program: &str) -> Result<(), String> {
    let folders = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&folders).any(|folder| folder.join(program).is_file());
    if found { Ok(()) } else { Err(format!("{program} is not installed")) }
}

fn fetch(tools: &Path, folder: &Path) -> Result<(), String> {
    on_path("mvn")?;
    if folder.exists() {
        // Jars of another version beside the wanted ones would be on the class path too.
        fs::remove_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    }
    let status = Command::new("mvn")
        .args(["-q", "-B", "dependency:copy-dependencies", "-DincludeScope=runtime"])
        .arg(format!("-DoutputDirectory={}", folder.display()))
        .current_dir(tools)
        .status()
        .map_err(|e| format!("mvn: {e}"))?;
    if status.success() { Ok(()) } else { Err(format!("mvn could not fetch the jars: {status}")) }
}
