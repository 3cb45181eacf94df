//! What kafka-dump-log prints of a broker's files, brought into a form that two brokers can share.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use compat_harness::Tools;
use regex::Regex;

use crate::mask;
use crate::scenario::Filter;

const LIMIT: Duration = Duration::from_secs(120);
const COMPLAINTS_SHOWN: usize = 20;
const KINDS: &[&str] = &["log", "index", "timeindex", "txnindex", "snapshot"];

/// Words by which kafka-dump-log says that it does not like a file. It also says "Non-consecutive offsets" of every
/// segment that does not begin at 0, followed by "-1 is followed by 300": so what it lists there is looked at.
static COMPLAINT: LazyLock<Regex> = LazyLock::new(|| {
    mask::fixed(
        "(?i)exception|mismatch|corrupt|unrecognized|out of order|^ *\\d+ is followed by|isvalid: false|\
         could not|failed|is not valid|wrong|unknown",
    )
});

/// The files in the partition directories of `data_dir` whose name matches, in order.
pub fn files(data_dir: &Path, wanted: impl Fn(&str) -> bool) -> Result<Vec<PathBuf>, String> {
    let mut found = Vec::new();
    for partition in list(data_dir)? {
        let name = compat_harness::tools::file_name(&partition);
        if !partition.is_dir() || !wanted(&name) {
            continue;
        }
        let known =
            |path: &PathBuf| path.extension().is_some_and(|kind| KINDS.iter().any(|known| kind == *known));
        found.extend(list(&partition)?.into_iter().filter(known));
    }
    Ok(found)
}

/// The entries of a folder, sorted.
pub fn list(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = std::fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    Ok(paths)
}

/// Runs kafka-dump-log over `files`; returns its lines, and those that are complaints.
pub fn dump(tools: &Tools, files: &[PathBuf], option: &str) -> Result<(Vec<String>, Vec<String>), String> {
    let names: Vec<String> = files.iter().map(|path| path.display().to_string()).collect();
    let args = [option.to_owned(), "--files".to_owned(), names.join(",")];
    let outcome = tools.run("kafka-dump-log", &args, b"", LIMIT).map_err(|e| e.to_string())?;
    let lines: Vec<String> = outcome.stdout.lines().map(str::to_owned).collect();
    let all = outcome.stdout.lines().chain(outcome.stderr.lines());
    let bad = all.filter(|line| COMPLAINT.is_match(line)).take(COMPLAINTS_SHOWN);
    let mut complaints: Vec<String> = bad.map(str::to_owned).collect();
    if outcome.code != Some(0) {
        complaints.push(format!("kafka-dump-log {option} ended with {:?}: {}", outcome.code, outcome.stderr));
    }
    Ok((lines, complaints))
}

/// Masks what two brokers cannot share: where the file is, checksums over times, producer ids.
pub fn masked(lines: &[String], data_dir: &Path) -> Vec<String> {
    let filters = [r"producerId: \d+", r"crc: \d+"].map(|pattern| Filter::Mask(mask::fixed(pattern)));
    let text = lines.join("\n").replace(&data_dir.display().to_string(), "");
    mask::apply(&text, &filters)
}

/// The latest payload of each key of `__consumer_offsets` that names one of the groups, masked.
pub fn latest_offsets(lines: &[String], groups: &str) -> Vec<String> {
    let mut latest = BTreeMap::new();
    for line in lines {
        let record = line.split_once(" key: ").and_then(|(_, rest)| rest.split_once(" payload: "));
        if let Some((key, payload)) = record.filter(|(key, _)| key.contains(groups)) {
            latest.insert(key.to_owned(), payload.to_owned());
        }
    }
    let text: Vec<String> = latest.into_iter().map(|(key, payload)| format!("{key} = {payload}")).collect();
    mask::apply(&text.join("\n"), &[])
}

/// The metadata records that name topics beginning with `prefix`, masked and sorted.
pub fn metadata_records(lines: &[String], prefix: &str) -> Vec<String> {
    let records = lines.iter().filter_map(|line| line.split_once(" payload: ").map(|(_, record)| record));
    let named = records.filter(|record| {
        (record.contains("\"TOPIC_RECORD\"") || record.contains("\"CONFIG_RECORD\""))
            && record.contains(prefix)
    });
    let text: Vec<&str> = named.collect();
    mask::apply(&text.join("\n"), &[Filter::Sort])
}
