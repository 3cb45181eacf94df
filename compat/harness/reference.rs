//! Apache Kafka 4.3.1 as a single combined node: how its directory is formatted and its process is started.

use std::io;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::broker::StartError;
use crate::{Jars, Process, tools};

/// Any 22 characters of base64 will do; fixed so that two runs write the same.
const CLUSTER_ID: &str = "4L6g3nShT-eMCtK--X86sw";
const FORMAT_LIMIT: Duration = Duration::from_secs(60);

/// Everything a single node needs. The settings of a test come last and win.
fn properties(port: u16, controller_port: u16, data_dir: &Path, settings: &[(String, String)]) -> String {
    let mut text = format!(
        "process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs={}
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
",
        data_dir.display()
    );
    for (name, value) in settings {
        text.push_str(&format!("{name}={value}\n"));
    }
    text
}

/// A port that was free a moment ago: the reference has no way to say which one it was given.
pub(crate) fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// Formats the data directory if that is new, and starts the broker on `port`.
pub(crate) fn spawn(
    jars: &Jars,
    home: &Path,
    data_dir: &Path,
    port: u16,
    settings: &[(String, String)],
) -> Result<Process, StartError> {
    let file = home.join("server.properties");
    std::fs::write(&file, properties(port, free_port()?, data_dir, settings))?;
    if !data_dir.join("meta.properties").exists() {
        format(jars, &file)?;
    }
    let mut command = Command::new("java");
    command.args(["-Xms512M", "-Xmx1G", "-XX:+UseG1GC", "-Dorg.slf4j.simpleLogger.defaultLogLevel=info"]);
    command.env("CLASSPATH", &jars.class_path).arg("kafka.Kafka").arg(&file);
    Ok(Process::spawn(&mut command, b"")?)
}

fn format(jars: &Jars, properties: &Path) -> Result<(), StartError> {
    let mut command = tools::quick_java(jars);
    command.arg("kafka.tools.StorageTool").args(["format", "-t", CLUSTER_ID, "-c"]).arg(properties);
    let outcome = Process::run(&mut command, b"", FORMAT_LIMIT)?;
    match outcome.code {
        Some(0) => Ok(()),
        _ => Err(StartError::NotReady(format!("kafka-storage format: {}{}", outcome.stdout, outcome.stderr))),
    }
}
