//! Starting and stopping, seen from outside: exit codes, lines, and what is on disk.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use protocol_tests::process::{Process, Signal, command, run};

/// Every file and directory under `dir`, with its content.
fn tree(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
        let path = entry.path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            let inner = tree(&path).into_iter().map(|(inner, content)| (format!("{name}/{inner}"), content));
            found.extend(inner);
            found.insert(name, Vec::new());
        } else {
            found.insert(name, fs::read(&path).unwrap());
        }
    }
    found
}

/// Runs a start that must be refused and gives the one line that it leaves.
fn refused(dir: &Path, args: &[&str], code: i32) -> String {
    let before = tree(dir);
    let output = run(dir, args);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{args:?}: {stderr}");
    assert!(output.stdout.is_empty(), "{args:?}");
    assert_eq!(tree(dir), before, "{args:?} changed something on disk");
    let lines: Vec<&str> = stderr.lines().filter(|line| line.starts_with("gracchus: ")).collect();
    assert_eq!(lines.len(), 1, "{args:?}: {stderr}");
    assert_eq!(stderr.lines().last(), lines.first().copied(), "{args:?}");
    lines[0].to_owned()
}

#[test]
fn what_cannot_be_right_ends_with_exit_code_2_one_line_and_nothing_on_disk() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| fs::write(dir.path().join(name), text).unwrap();
    file("broker-only", "process.roles=broker\nnode.id=1\n");
    file("voters", "controller.quorum.voters=1@a:9093,2@b:9093\n");
    file("secure", "listeners=SSL://127.0.0.1:9093\n");
    file("acls", "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer\n");
    file("broken", "num.partitions=\\u12\n");
    let cases: [(&[&str], &str); 9] = [
        (&["--lisen", "x"], "did you mean '--listen'?"),
        (&["--set", "log.dir.s=x"], "did you mean log.dirs?"),
        (&["--set", "num.partitions=0"], "Value must be at least 1"),
        (&["no-such-file"], "cannot read no-such-file"),
        (&["broker-only"], "process.roles=broker"),
        (&["voters"], "names 2 controllers"),
        (&["secure"], "only PLAINTEXT is"),
        (&["acls"], "authorization is not served yet"),
        (&["broken"], "line 1"),
    ];
    for (args, expected) in cases {
        let line = refused(dir.path(), args, 2);
        assert!(line.contains(expected), "{line}");
    }
}

#[test]
fn help_and_version_end_with_exit_code_0_and_start_nothing() {
    let dir = tempfile::tempdir().unwrap();
    for (flag, expected) in [("--help", "--ephemeral"), ("-h", "Examples:"), ("--version", "gracchus 0.")] {
        let output = run(dir.path(), &[flag]);
        assert_eq!(output.status.code(), Some(0));
        assert!(output.stderr.is_empty());
        assert!(String::from_utf8(output.stdout).unwrap().contains(expected));
    }
    assert!(tree(dir.path()).is_empty());
}

const FREE_PORT: &[&str] =
    &["--listen", "127.0.0.1:0", "--data-dir", "data", "--cluster-id", "MkU3OEVBNTcwNTJENDM2Qg"];

/// Starts a broker in `dir` and gives it with its last start-up line, which names the cluster.
fn started(dir: &Path, args: &[&str]) -> (Process, String) {
    let mut process = Process::start(command(dir, args));
    let line = process.wait_for("MkU3OEVBNTcwNTJENDM2Qg");
    (process, line)
}

/// The port in a line with `127.0.0.1:<port>`.
fn port_in(line: &str) -> u16 {
    let (_, rest) = line.split_once("127.0.0.1:").unwrap_or_else(|| panic!("no address in {line:?}"));
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap()
}

#[test]
fn port_0_is_a_free_port_and_the_last_line_says_which() {
    let dir = tempfile::tempdir().unwrap();
    let (_process, line) = started(dir.path(), FREE_PORT);
    assert_ne!(port_in(&line), 0);
    assert!(line.contains("data"), "the data directory is named: {line}");
    std::net::TcpStream::connect(("127.0.0.1", port_in(&line))).unwrap();
}

#[test]
fn a_port_in_use_ends_with_exit_code_1_and_nothing_on_disk() {
    let dir = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let line = refused(dir.path(), &["--listen", &address], 1);
    assert!(line.contains(&address), "{line}");
}

#[test]
fn a_data_directory_in_use_ends_with_exit_code_1_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (_process, _) = started(dir.path(), FREE_PORT);
    let output = run(dir.path(), FREE_PORT);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.lines().last().unwrap().starts_with("gracchus: "), "{stderr}");
}

#[test]
fn a_data_directory_of_another_cluster_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let (mut process, _) = started(dir.path(), FREE_PORT);
    process.signal(Signal::TERM);
    assert!(process.wait().0.success());
    let other = ["--listen", "127.0.0.1:0", "--data-dir", "data", "--cluster-id", "AAAAAAAAAAAAAAAAAAAAAA"];
    let line = refused(dir.path(), &other, 1);
    assert!(line.contains("MkU3OEVBNTcwNTJENDM2Qg"), "{line}");
}

#[test]
fn sigterm_and_sigint_end_within_two_seconds_with_exit_code_0() {
    for signal in [Signal::TERM, Signal::INT] {
        let dir = tempfile::tempdir().unwrap();
        let (mut process, _) = started(dir.path(), FREE_PORT);
        process.signal(signal);
        let (status, took) = process.wait();
        assert_eq!(status.code(), Some(0), "{:#?}", process.seen);
        assert!(took < Duration::from_secs(2), "{took:?}");
        assert!(dir.path().join("data/.kafka_cleanshutdown").exists());
    }
}

#[test]
fn an_ephemeral_broker_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let temporary = tempfile::tempdir().unwrap();
    let args = ["--ephemeral", "--listen", "127.0.0.1:0", "--cluster-id", "MkU3OEVBNTcwNTJENDM2Qg"];
    let mut process = Process::start({
        let mut command = command(dir.path(), &args);
        command.env("TMPDIR", temporary.path());
        command
    });
    process.wait_for("MkU3OEVBNTcwNTJENDM2Qg");
    assert_eq!(tree(temporary.path()).keys().filter(|name| !name.contains('/')).count(), 1);
    process.signal(Signal::TERM);
    assert_eq!(process.wait().0.code(), Some(0), "{:#?}", process.seen);
    assert!(tree(temporary.path()).is_empty() && tree(dir.path()).is_empty());
}
