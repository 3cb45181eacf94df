//! What both brokers left on disk: read by the reference's kafka-dump-log and compared; and a partition written by
//! the reference, served by the subject.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use compat_harness::{Broker, Tools};

use crate::lane::Lane;
use crate::report::Report;
use crate::scenario::{self, Scenario};
use crate::{diff, dump, mask};

/// The scenario that fills the partitions looked at here.
pub const FILL: &str = "disk-fill";
const STOP_LIMIT: Duration = Duration::from_secs(2);
/// From and to. The times in the second are old: see the scenario that fills it.
const COPIED: &[(&str, &str)] = &[("disk-plain", "copied-plain"), ("disk-rolled", "copied-rolled")];
const OFFSETS: &str = "__consumer_offsets-";
const METADATA: &str = "__cluster_metadata-";

/// Stops both brokers, checks their files, and starts them again for the copied partitions.
pub fn check(
    report: &mut Report,
    tools: &Tools,
    reference: &mut Broker,
    subject: &mut Broker,
) -> Result<(), String> {
    let begun = Instant::now();
    report.check("disk-stop-on-sigterm", begun, &stop(subject));
    reference.stop();
    let dirs = (reference.data_dir(), subject.data_dir());
    type Check = fn(&Tools, &(PathBuf, PathBuf)) -> Result<Vec<String>, String>;
    let checks: [(&str, Check); 6] = [
        ("disk-dump-log-reads-every-file", every_file),
        ("disk-same-files", same_files),
        ("disk-same-batches-and-indexes", same_batches),
        ("disk-offsets-decoder", same_offsets),
        ("disk-cluster-metadata-decoder", same_metadata),
        ("disk-same-checkpoints", same_checkpoints),
    ];
    for (name, check) in checks {
        let begun = Instant::now();
        report.check(name, begun, &check(tools, &dirs).unwrap_or_else(|why| vec![why]));
    }
    let begun = Instant::now();
    let problems = serve_copied(tools, reference, subject).unwrap_or_else(|why| vec![why]);
    report.check("disk-segments-of-the-reference-are-served", begun, &problems);
    Ok(())
}

fn stop(subject: &Broker) -> Vec<String> {
    match subject.stop() {
        None => vec!["it did not stop".to_owned()],
        // A JVM ends with 143 after SIGTERM, and takes its time.
        Some(_) if subject.is_reference() => Vec::new(),
        Some((status, took)) if status.code() == Some(0) && took <= STOP_LIMIT => Vec::new(),
        Some((status, took)) => vec![format!("{status} after {took:?}")],
    }
}

fn every_file(tools: &Tools, (_, subject): &(PathBuf, PathBuf)) -> Result<Vec<String>, String> {
    let internal = |name: &str| name.starts_with(OFFSETS) || name.starts_with(METADATA);
    let mut files = dump::files(subject, |name| !internal(name))?;
    files.retain(|path| !path.ends_with("bootstrap.checkpoint"));
    let (lines, complaints) = dump::dump(tools, &files, "--deep-iteration")?;
    let unread = files.iter().filter(|path| {
        let title = format!("Dumping {}", path.display());
        !lines.contains(&title)
    });
    let unread = unread.map(|path| format!("not dumped: {}", path.display()));
    Ok(complaints.into_iter().chain(unread).collect())
}

fn same_files(_: &Tools, (reference, subject): &(PathBuf, PathBuf)) -> Result<Vec<String>, String> {
    let names = |dir: &Path| -> Result<Vec<String>, String> {
        Ok(dump::list(&dir.join("disk-plain-0"))?
            .iter()
            .map(|p| compat_harness::tools::file_name(p))
            .collect())
    };
    Ok(diff::lines(&names(reference)?, &names(subject)?))
}

fn same_batches(tools: &Tools, (reference, subject): &(PathBuf, PathBuf)) -> Result<Vec<String>, String> {
    let dumped = |dir: &Path| -> Result<Vec<String>, String> {
        let files = dump::files(dir, |name| name == "disk-plain-0")?;
        let (snapshots, logs): (Vec<_>, Vec<_>) =
            files.into_iter().partition(|path| path.extension().is_some_and(|kind| kind == "snapshot"));
        let mut lines = dump::masked(&dump::dump(tools, &logs, "--print-data-log")?.0, dir);
        let mut producers = dump::masked(&dump::dump(tools, &snapshots, "--deep-iteration")?.0, dir);
        // The reference writes them in the order of a hash map.
        producers.sort();
        lines.extend(producers);
        Ok(lines)
    };
    Ok(diff::lines(&dumped(reference)?, &dumped(subject)?))
}

fn same_offsets(tools: &Tools, (reference, subject): &(PathBuf, PathBuf)) -> Result<Vec<String>, String> {
    let dumped = |dir: &Path| {
        let files = dump::files(dir, |name| name.starts_with(OFFSETS))?;
        let (lines, complaints) = dump::dump(tools, &files, "--offsets-decoder")?;
        let latest = dump::latest_offsets(&lines, "\"disk-");
        Ok::<_, String>((latest, complaints))
    };
    let (expected, _) = dumped(reference)?;
    let (found, mut problems) = dumped(subject)?;
    if expected.is_empty() {
        problems.push("the reference has no offsets of disk-*: nothing was compared".to_owned());
    }
    problems.extend(diff::lines(&expected, &found));
    Ok(problems)
}

fn same_metadata(tools: &Tools, (reference, subject): &(PathBuf, PathBuf)) -> Result<Vec<String>, String> {
    let dumped = |dir: &Path| {
        let mut files = dump::files(dir, |name| name.starts_with(METADATA))?;
        files.retain(|path| path.extension().is_some_and(|kind| kind == "log"));
        let (lines, complaints) = dump::dump(tools, &files, "--cluster-metadata-decoder")?;
        Ok::<_, String>((dump::metadata_records(&lines, "\"disk-"), complaints))
    };
    let (expected, _) = dumped(reference)?;
    let (found, mut problems) = dumped(subject)?;
    if expected.is_empty() {
        problems.push("the reference has no records of disk-*: nothing was compared".to_owned());
    }
    problems.extend(diff::lines(&expected, &found));
    Ok(problems)
}

/// The small text files; of `meta.properties` only which names it holds.
fn same_checkpoints(_: &Tools, (reference, subject): &(PathBuf, PathBuf)) -> Result<Vec<String>, String> {
    let read = |dir: &Path| -> Result<Vec<String>, String> {
        let mut lines = Vec::new();
        for name in
            ["disk-plain-0/leader-epoch-checkpoint", "disk-plain-0/partition.metadata", "meta.properties"]
        {
            let path = dir.join(name);
            let text = fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
            let mut part = mask::apply(&text, &[]);
            if name == "meta.properties" {
                part.retain(|line| !line.starts_with('#'));
                part.iter_mut()
                    .for_each(|line| *line = line.split('=').next().unwrap_or_default().to_owned());
                part.sort();
            }
            lines.push(name.to_owned());
            lines.extend(part);
        }
        Ok(lines)
    };
    Ok(diff::lines(&read(reference)?, &read(subject)?))
}

fn serve_copied(tools: &Tools, reference: &mut Broker, subject: &mut Broker) -> Result<Vec<String>, String> {
    subject.restart().map_err(|e| e.to_string())?;
    for (_, to) in COPIED {
        let create = ["--create", "--topic", to, "--partitions", "1", "--config", "retention.ms=-1"];
        tool(tools, subject, "kafka-topics", &create)?;
    }
    let described = tool(tools, subject, "kafka-topics", &["--describe", "--topic", "copied-.*"])?;
    subject.stop();
    for (from, to) in COPIED {
        let from = reference.data_dir().join(format!("{from}-0"));
        let id = topic_id(&described, to).ok_or("no topic id is shown")?;
        copy_partition(&from, &subject.data_dir().join(format!("{to}-0")), &id).map_err(|e| e.to_string())?;
    }
    subject.restart().map_err(|e| e.to_string())?;
    reference.restart().map_err(|e| e.to_string())?;
    let mut problems = Vec::new();
    for (from, to) in COPIED {
        let count = end_offset(tools, reference, from)?;
        let [expected, found] =
            [read_all(tools, reference, from, count)?, read_all(tools, subject, to, count)?];
        problems.extend(diff::lines(&expected, &found));
    }
    Ok(problems)
}

fn topic_id(described: &str, topic: &str) -> Option<String> {
    let line = described.lines().find(|line| line.starts_with(&format!("Topic: {topic}\t")))?;
    line.split("TopicId: ").nth(1)?.split_whitespace().next().map(str::to_owned)
}

fn copy_partition(from: &Path, to: &Path, topic_id: &str) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        let name = compat_harness::tools::file_name(&path);
        if name != "partition.metadata" {
            fs::copy(&path, to.join(name))?;
        }
    }
    fs::write(to.join("partition.metadata"), format!("version: 0\ntopic_id: {topic_id}"))
}

/// Appends one record, so that what follows the copied ones is seen too, and reads everything.
fn read_all(tools: &Tools, broker: &Broker, topic: &str, count: u64) -> Result<Vec<String>, String> {
    let all = count + 1;
    let text = format!(
        "[read]
$ kafka-console-producer --topic {topic} --command-property client.id=last
< the last one
$ kafka-get-offsets --topic {topic}
% mask ^{topic}
$ kafka-get-offsets --topic {topic} --time 1500000000100
% mask ^{topic}
$ kafka-console-consumer --topic {topic} --from-beginning --max-messages {all} --formatter-property print.offset=true --formatter-property print.key=true --formatter-property print.headers=true
"
    );
    let scenarios: Vec<Scenario> = scenario::parse(&text)?;
    let lane = Lane { address: broker.address(), tools };
    let mut lines = Vec::new();
    for scenario in &scenarios {
        lines.extend(lane.run(scenario)?.into_iter().flat_map(|observed| observed.lines));
    }
    Ok(lines)
}

fn end_offset(tools: &Tools, broker: &Broker, topic: &str) -> Result<u64, String> {
    let shown = tool(tools, broker, "kafka-get-offsets", &["--topic", topic])?;
    let offset = shown.trim().rsplit(':').next().and_then(|offset| offset.parse().ok());
    offset.ok_or_else(|| format!("no offset in {shown:?}"))
}

fn tool(tools: &Tools, broker: &Broker, name: &str, args: &[&str]) -> Result<String, String> {
    let mut args: Vec<String> = args.iter().map(|arg| arg.to_string()).collect();
    args.extend(["--bootstrap-server".to_owned(), broker.address()]);
    let outcome = tools.run(name, &args, b"", Duration::from_secs(90)).map_err(|e| e.to_string())?;
    match outcome.code {
        Some(0) => Ok(outcome.stdout),
        code => Err(format!("{name}: {code:?}: {}{}", outcome.stdout, outcome.stderr)),
    }
}
