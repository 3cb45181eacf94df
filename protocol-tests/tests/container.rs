//! What the image promises to Testcontainers' `KafkaContainer` for `apache/kafka`, without a container: the same script, the
//! same environment, the same way of waiting.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use protocol_tests::process::{Process, Signal, binary};
use protocol_tests::{Client, client};

/// What the container is started with, but for the ports, which are the machine's here.
const ENVIRONMENT: [(&str, &str); 14] = [
    ("CLUSTER_ID", "4L6g3nShT-eMCtK--X86sw"),
    ("KAFKA_LISTENERS", "PLAINTEXT://127.0.0.1:0,BROKER://127.0.0.1:0,CONTROLLER://127.0.0.1:0"),
    ("KAFKA_LISTENER_SECURITY_PROTOCOL_MAP", "BROKER:PLAINTEXT,PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT"),
    ("KAFKA_INTER_BROKER_LISTENER_NAME", "BROKER"),
    ("KAFKA_PROCESS_ROLES", "broker,controller"),
    ("KAFKA_CONTROLLER_LISTENER_NAMES", "CONTROLLER"),
    ("KAFKA_CONTROLLER_QUORUM_VOTERS", "1@localhost:9094"),
    ("KAFKA_NODE_ID", "1"),
    ("KAFKA_BROKER_ID", "1"),
    ("KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR", "1"),
    ("KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS", "1"),
    ("KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR", "1"),
    ("KAFKA_LOG_FLUSH_INTERVAL_MESSAGES", "9223372036854775807"),
    ("KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS", "0"),
];

/// The line that is waited for.
const READY: &str = "Transitioning from RECOVERY to RUNNING";

#[tokio::test(flavor = "multi_thread")]
async fn a_start_script_that_is_copied_in_later_starts_the_broker_with_the_addresses_it_brings() {
    let dir = tempfile::tempdir().unwrap();
    let docker = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docker").canonicalize().unwrap();
    let script = dir.path().join("testcontainers_start.sh");
    let path = format!("{}:{}", binary().parent().unwrap().display(), std::env::var("PATH").unwrap());
    let mut command = Command::new("sh");
    let wait = format!("while [ ! -f {0} ]; do sleep 0.1; done; {0}", script.display());
    command.args(["-c", &wait]).env_clear().env("PATH", path).envs(ENVIRONMENT);
    // These lie at fixed places in the image.
    command
        .env("GRACCHUS_PROPERTIES", docker.join("server.properties"))
        .env("KAFKA_LOG_DIRS", dir.path().join("data"));
    // The end of a container's first process ends all of them; here they are a group.
    let mut broker = Process::start_group(command);

    let advertised = "PLAINTEXT://localhost:49092,BROKER://inside:9093";
    let run = docker.join("run");
    let text = format!("#!/bin/bash\nexport KAFKA_ADVERTISED_LISTENERS={advertised}\n{}\n", run.display());
    let copied = dir.path().join("copied");
    fs::write(&copied, text).unwrap();
    fs::set_permissions(&copied, fs::Permissions::from_mode(0o755)).unwrap();
    fs::rename(&copied, &script).unwrap();

    broker.wait_for(READY);
    let line = broker.wait_for("listening on ");
    let told = line.split_once("clients are told ").unwrap().1;
    assert!(told.starts_with("localhost:49092, inside:9093; cluster id 4L6g3nShT-eMCtK--X86sw"), "{line}");
    let addresses = line.split_once("listening on ").unwrap().1.split_once(';').unwrap().0;
    for (address, name) in addresses.split(", ").zip(["localhost", "inside"]) {
        let mut client = Client::connect(address.parse().unwrap()).await;
        let brokers = client.metadata().await.brokers;
        assert_eq!(brokers[0].host.as_str(), name, "each listener tells its own address");
        if name == "inside" {
            client.create_topic("t", 1, &[]).await;
            let answer = client.produce("t", 0, -1, protocol_tests::batch::values(&["v"])).await;
            assert_eq!(answer.responses[0].name, client::topic_name("t"));
            assert_eq!(answer.responses[0].partition_responses[0].error_code, 0);
        }
    }
    broker.signal(Signal::TERM);
    broker.wait();
}
