//! The reference's command-line tools, each a class in its jars, started without their shell scripts.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::{Jars, Outcome, Process};

/// Script name and class. This list only grows.
const CLASSES: &[(&str, &str)] = &[
    ("kafka-acls", "org.apache.kafka.tools.AclCommand"),
    ("kafka-broker-api-versions", "org.apache.kafka.tools.BrokerApiVersionsCommand"),
    ("kafka-client-metrics", "org.apache.kafka.tools.ClientMetricsCommand"),
    ("kafka-cluster", "org.apache.kafka.tools.ClusterTool"),
    ("kafka-configs", "kafka.admin.ConfigCommand"),
    ("kafka-console-consumer", "org.apache.kafka.tools.consumer.ConsoleConsumer"),
    ("kafka-console-producer", "org.apache.kafka.tools.ConsoleProducer"),
    ("kafka-consumer-groups", "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"),
    ("kafka-consumer-perf-test", "org.apache.kafka.tools.ConsumerPerformance"),
    ("kafka-delete-records", "org.apache.kafka.tools.DeleteRecordsCommand"),
    ("kafka-dump-log", "org.apache.kafka.tools.DumpLogSegments"),
    ("kafka-e2e-latency", "org.apache.kafka.tools.EndToEndLatency"),
    ("kafka-features", "org.apache.kafka.tools.FeatureCommand"),
    ("kafka-get-offsets", "org.apache.kafka.tools.GetOffsetShell"),
    ("kafka-groups", "org.apache.kafka.tools.GroupsCommand"),
    ("kafka-leader-election", "org.apache.kafka.tools.LeaderElectionCommand"),
    ("kafka-log-dirs", "org.apache.kafka.tools.LogDirsCommand"),
    ("kafka-metadata-quorum", "org.apache.kafka.tools.MetadataQuorumCommand"),
    ("kafka-producer-perf-test", "org.apache.kafka.tools.ProducerPerformance"),
    ("kafka-reassign-partitions", "org.apache.kafka.tools.reassign.ReassignPartitionsCommand"),
    ("kafka-replica-verification", "org.apache.kafka.tools.ReplicaVerificationTool"),
    ("kafka-storage", "kafka.tools.StorageTool"),
    ("kafka-topics", "org.apache.kafka.tools.TopicCommand"),
    ("kafka-transactions", "org.apache.kafka.tools.TransactionsCommand"),
    ("kafka-verifiable-consumer", "org.apache.kafka.tools.VerifiableConsumer"),
    ("kafka-verifiable-producer", "org.apache.kafka.tools.VerifiableProducer"),
];

/// Starts tools; shared between threads.
#[derive(Debug)]
pub struct Tools {
    jars: Jars,
    archives: PathBuf,
    /// Tools whose archive is being written by a run that is still under way.
    recording: Mutex<HashSet<String>>,
}

impl Tools {
    pub fn new(jars: Jars) -> io::Result<Tools> {
        let archives = jars.folder.join("archives");
        std::fs::create_dir_all(&archives)?;
        Ok(Tools { jars, archives, recording: Mutex::default() })
    }

    pub fn jars(&self) -> &Jars {
        &self.jars
    }

    /// Runs a tool to its end, at most for `limit`.
    pub fn run(&self, tool: &str, args: &[String], stdin: &[u8], limit: Duration) -> io::Result<Outcome> {
        let archive = self.archives.join(format!("{tool}.jsa"));
        let record = !archive.exists() && self.begin_recording(tool);
        let partial = self.archives.join(format!("{tool}.{}", std::process::id()));
        let mut command = self.command(tool, args, record.then_some(&partial))?;
        let outcome = Process::run(&mut command, stdin, limit)?;
        if record && partial.exists() {
            std::fs::rename(&partial, &archive)?;
        }
        Ok(outcome)
    }

    /// Starts a tool that goes on running beside others.
    pub fn spawn(&self, tool: &str, args: &[String], stdin: &[u8]) -> io::Result<Process> {
        Process::spawn(&mut self.command(tool, args, None)?, stdin)
    }

    fn begin_recording(&self, tool: &str) -> bool {
        self.recording.lock().unwrap_or_else(PoisonError::into_inner).insert(tool.to_owned())
    }

    /// An archive of the classes that a tool's first run loaded halves the start of all later ones
    /// (measured: 0.55 s to 0.25 s for `kafka-topics --describe`).
    fn command(&self, tool: &str, args: &[String], record: Option<&PathBuf>) -> io::Result<Command> {
        let class = class_of(tool)
            .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, format!("no tool named {tool}")))?;
        let mut command = quick_java(&self.jars);
        let archive = self.archives.join(format!("{tool}.jsa"));
        match record {
            Some(partial) => {
                command.arg(format!("-XX:ArchiveClassesAtExit={}", partial.display()));
            }
            None if archive.exists() => {
                command.arg(format!("-XX:SharedArchiveFile={}", archive.display()));
            }
            None => {}
        }
        command.arg(class).args(args);
        Ok(command)
    }
}

/// A JVM set up to start quickly rather than to run fast.
pub(crate) fn quick_java(jars: &Jars) -> Command {
    let mut command = Command::new("java");
    command.args(["-Xmx256M", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto"]);
    // The JVM writes what it thinks of its archives to stdout, among the tool's output.
    command.args(["-Xlog:disable", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"]);
    command.env("CLASSPATH", &jars.class_path);
    command
}

/// The class behind a script name.
pub fn class_of(tool: &str) -> Option<&'static str> {
    CLASSES.iter().find(|(name, _)| *name == tool).map(|(_, class)| *class)
}

/// The file name of a path, for messages.
pub fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
