//! Keeps the house: sizes of files, forbidden words, the direction of dependencies, links of the docs.

use std::fs;
use std::path::{Path, PathBuf};

/// Lines that a file of code may have.
const FILE_LINES_MAX: usize = 500;

/// Files that are longer, with the lines they may have. The list may only shrink.
const LONGER: &[(&str, usize)] = &[];

/// Words that have no place in committed code, and where they are allowed all the same.
const FORBIDDEN: &[&str] = &["todo!(", "dbg!(", "unimplemented!(", "thread::sleep("];

pub(super) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

/// All files below `dir` with that ending, build folders left out.
fn files(dir: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(dir) else { return found };
    for entry in entries {
        let path = entry.expect("a directory that can be read").path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() && !name.starts_with('.') && !name.starts_with("target") {
            found.extend(files(&path, ending));
        } else if name.ends_with(ending) {
            found.push(path);
        }
    }
    found
}

fn relative(path: &Path) -> String {
    path.strip_prefix(root()).expect("below the workspace").display().to_string()
}

pub(super) fn sources() -> Vec<(String, String)> {
    let dirs = ["src", "protocol-tests", "compat"];
    let paths = dirs.iter().flat_map(|dir| files(&root().join(dir), ".rs"));
    paths.map(|path| (relative(&path), fs::read_to_string(&path).expect("a source file"))).collect()
}

#[test]
fn files_stay_short_enough_to_read() {
    let too_long: Vec<_> = sources()
        .into_iter()
        .map(|(path, text)| (text.lines().count(), path))
        .filter(|(lines, path)| {
            let longer = LONGER.iter().find(|(name, _)| name == path);
            *lines > longer.map_or(FILE_LINES_MAX, |(_, lines)| *lines)
        })
        .collect();
    assert!(too_long.is_empty(), "longer than {FILE_LINES_MAX} lines: {too_long:?}");
}

#[test]
fn forbidden_words_are_nowhere() {
    for (path, text) in sources().into_iter().filter(|(path, _)| !path.ends_with("tidy.rs")) {
        for word in FORBIDDEN {
            assert!(!text.contains(word), "{path} contains {word}");
        }
    }
}

#[test]
fn every_module_says_what_it_is() {
    // The tests of a module are described by it.
    for (path, text) in sources().into_iter().filter(|(path, _)| !path.contains("tests")) {
        assert!(
            text.starts_with("//!") || text.starts_with("#!"),
            "{path} does not begin with a module comment"
        );
    }
}

#[test]
fn dependencies_go_one_way() {
    let allowed: &[(&str, &[&str])] = &[
        ("base", &[]),
        ("wire", &["base"]),
        ("log", &["base", "wire"]),
        ("state", &["base"]),
        ("broker", &["base", "wire", "log", "state"]),
    ];
    for (name, may) in allowed {
        let manifest =
            fs::read_to_string(root().join("src").join(name).join("Cargo.toml")).expect("a manifest");
        let named = manifest.lines().filter_map(|line| line.strip_prefix("gracchus-"));
        for dependency in named.filter_map(|line| line.split('.').next()) {
            assert!(may.contains(&dependency), "{name} depends on {dependency}");
        }
    }
    for (path, text) in sources() {
        let of = |folder: &str| path.starts_with(folder);
        assert!(
            !of("src/") || of("src/wire") || !text.contains("kafka_protocol"),
            "{path} names kafka_protocol"
        );
        assert!(
            !(of("src/log") || of("src/state") || of("src/wire")) || !text.contains("tokio::"),
            "{path} uses tokio"
        );
        let handler = of("src/broker/api/");
        assert!(!handler || !text.contains("gracchus_log"), "{path} is a handler and knows the log");
    }
}

#[test]
fn docs_name_files_that_exist() {
    let docs = files(&root(), ".md");
    assert!(docs.len() > 3, "the docs were found");
    for doc in docs {
        let text = fs::read_to_string(&doc).expect("a document");
        let folder = doc.parent().expect("a folder");
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let path = link.split('#').next().unwrap_or_default();
            if path.is_empty() || path.contains("://") {
                continue;
            }
            assert!(folder.join(path).exists(), "{} links to {path}", relative(&doc));
        }
    }
}
