//! One broker and the tools that are run against it: the two lanes of a comparison run side by side.

use std::collections::HashMap;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use compat_harness::process::Signal;
use compat_harness::{Outcome, Process, Stream, Tools, wait_until};
use regex::Regex;

use crate::mask;
use crate::scenario::{Call, Filter, Scenario, Step};

/// For one tool, on a busy machine.
const TOOL_LIMIT: Duration = Duration::from_secs(90);
const UNTIL_LIMIT: Duration = Duration::from_secs(45);

/// What one step showed, ready to be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    pub title: String,
    pub lines: Vec<String>,
    pub served_only: bool,
}

/// Runs scenarios against the broker at `address`.
#[derive(Debug)]
pub struct Lane<'a> {
    pub address: String,
    pub tools: &'a Tools,
}

struct Running {
    process: Process,
    title: String,
    seen: usize,
}

impl Lane<'_> {
    /// Runs all steps; the error is what kept a step from being run at all.
    pub fn run(&self, scenario: &Scenario) -> Result<Vec<Observed>, String> {
        let dir = tempfile::tempdir().map_err(|e| e.to_string())?;
        let mut running = HashMap::new();
        let mut observed = Vec::new();
        for step in &scenario.steps {
            match step {
                Step::File { name, line } => append(&dir.path().join(name), line)?,
                Step::Run(call) => observed.push(self.call(call, dir.path())?),
                Step::Start { id, call } => {
                    let process = self.start(call, dir.path())?;
                    running.insert(id.clone(), Running { process, title: title(call), seen: 0 });
                }
                Step::WaitFor { id, text } => {
                    running.get_mut(id).ok_or_else(|| format!("{id} is not running"))?.wait_for(text)?;
                }
                Step::End { id, signal, filters } => {
                    let ended = running.remove(id).ok_or_else(|| format!("{id} is not running"))?;
                    observed.push(ended.end(signal, filters)?);
                }
            }
        }
        Ok(observed)
    }

    /// The names of APIs that the tools know and this broker does not advertise.
    pub fn unserved_apis(&self) -> Vec<String> {
        let args = ["--bootstrap-server".to_owned(), self.address.clone()];
        let asked = self.tools.run("kafka-broker-api-versions", &args, b"", TOOL_LIMIT);
        let text = asked.map(|outcome| outcome.stdout).unwrap_or_default();
        let rows = text.lines().filter_map(|line| line.trim().split_once("): "));
        let unserved = rows.filter(|(_, versions)| versions.starts_with("UNSUPPORTED"));
        unserved.filter_map(|(api, _)| api.split('(').next().map(str::to_owned)).collect()
    }

    fn call(&self, call: &Call, dir: &Path) -> Result<Observed, String> {
        let args = self.arguments(call, dir);
        let once = || -> Result<Outcome, String> {
            let stdin = call.stdin.as_bytes();
            let outcome = match call.tool.as_str() {
                "kcat" => Process::run(Command::new("kcat").args(&args), stdin, TOOL_LIMIT),
                tool => self.tools.run(tool, &args, stdin, TOOL_LIMIT),
            };
            outcome.map_err(|e| format!("{}: {e}", call.tool))
        };
        let mut outcome = once()?;
        if let Some(wanted) = until(&call.filters) {
            let matched = wait_until(UNTIL_LIMIT, || {
                if wanted.is_match(&outcome.stdout) {
                    return Some(());
                }
                outcome = once().unwrap_or_else(|_| outcome.clone());
                None
            });
            if matched.is_none() {
                return Err(format!("{} never matched {wanted}:\n{}", title(call), outcome.stdout));
            }
        }
        Ok(observe(title(call), &outcome, &call.filters))
    }

    fn start(&self, call: &Call, dir: &Path) -> Result<Process, String> {
        let args = self.arguments(call, dir);
        let process = match call.tool.as_str() {
            "kcat" => Process::spawn(Command::new("kcat").args(&args), call.stdin.as_bytes()),
            tool => self.tools.spawn(tool, &args, call.stdin.as_bytes()),
        };
        process.map_err(|e| format!("{}: {e}", call.tool))
    }

    /// Places filled in, and the broker's address given in the way the tool wants it.
    fn arguments(&self, call: &Call, dir: &Path) -> Vec<String> {
        let dir = dir.display().to_string();
        let mut args: Vec<String> = call.args.iter().map(|arg| arg.replace("{dir}", &dir)).collect();
        let option = match call.tool.as_str() {
            "kcat" => "-b",
            "kafka-replica-verification" => "--broker-list",
            _ => "--bootstrap-server",
        };
        // Behind the rest, since some tools begin with a subcommand; kcat's group mode takes all that follows, and other
        // tools have subcommands that do not know the option.
        let before = ["kcat", "kafka-features", "kafka-metadata-quorum", "kafka-transactions"];
        let at = if before.contains(&call.tool.as_str()) { 0 } else { args.len() };
        args.splice(at..at, [option.to_owned(), self.address.clone()]);
        args
    }
}

impl Running {
    fn wait_for(&mut self, text: &str) -> Result<(), String> {
        match self.process.wait_for(Stream::Stdout, text, self.seen, TOOL_LIMIT) {
            Some(behind) => {
                self.seen = behind;
                Ok(())
            }
            None => Err(format!("{:?} was never printed by: {}\n{}", text, self.title, self.output())),
        }
    }

    fn output(&self) -> String {
        format!("{}{}", self.process.text(Stream::Stdout), self.process.text(Stream::Stderr))
    }

    fn end(self, signal: &str, filters: &[Filter]) -> Result<Observed, String> {
        match signal {
            "TERM" => self.process.signal(Signal::TERM),
            "KILL" => self.process.signal(Signal::KILL),
            "-" => {}
            other => return Err(format!("no signal {other}")),
        }
        Ok(observe(self.title, &self.process.finish(TOOL_LIMIT), filters))
    }
}

fn observe(title: String, outcome: &Outcome, filters: &[Filter]) -> Observed {
    let mut lines = Vec::new();
    if !filters.iter().any(|filter| matches!(filter, Filter::Code)) {
        lines = mask::apply(&outcome.stdout, filters);
        let errors = mask::apply_stderr(&outcome.stderr, filters);
        lines.extend(errors.iter().map(|line| format!("stderr: {line}")));
    }
    lines.push(match outcome.code {
        Some(code) => format!("exit code {code}"),
        None if outcome.timed_out => "it did not end in time".to_owned(),
        None => "ended by a signal".to_owned(),
    });
    let served_only = filters.iter().any(|filter| matches!(filter, Filter::Served));
    Observed { title, lines, served_only }
}

fn until(filters: &[Filter]) -> Option<&Regex> {
    filters.iter().find_map(|filter| match filter {
        Filter::Until(regex) => Some(regex),
        _ => None,
    })
}

fn title(call: &Call) -> String {
    format!("{} {}", call.tool, call.args.join(" "))
}

fn append(path: &Path, line: &str) -> Result<(), String> {
    let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
    file.and_then(|mut file| writeln!(file, "{line}")).map_err(|e| format!("{}: {e}", path.display()))
}
