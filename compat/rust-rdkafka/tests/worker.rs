//! A group member in a process of its own, so that it can be killed. It is this test binary started again, and it
//! prints one line for each thing that happens to it.

use std::process::Command;

use compat_harness::process::Signal;
use compat_harness::{Broker, Process, Stream};
use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext, Rebalance};
use rdkafka::message::Message;
use rdkafka::topic_partition_list::TopicPartitionList;

use crate::support::{LIMIT, config};

/// `name=value` lines of the client's configuration.
const CONFIG: &str = "COMPAT_WORKER_CONFIG";
const TOPIC: &str = "COMPAT_WORKER_TOPIC";

/// Not a test: what a started worker runs. Without its variables it does nothing.
#[test]
#[ignore = "started by other tests"]
fn consume() {
    let (Ok(settings), Ok(topic)) = (std::env::var(CONFIG), std::env::var(TOPIC)) else { return };
    let mut config = ClientConfig::new();
    settings.lines().filter_map(|line| line.split_once('=')).for_each(|(name, value)| {
        config.set(name, value);
    });
    let consumer: BaseConsumer<Announce> =
        BaseConsumer::from_config_and_context(&config, Announce).expect("a consumer");
    // The test runner has begun a line of its own.
    println!();
    consumer.subscribe(&[&topic]).expect("the subscription is taken");
    loop {
        match consumer.poll(LIMIT) {
            None => {}
            Some(Err(error)) => println!("error {error}"),
            Some(Ok(message)) => {
                let at = format!("{} {}", message.partition(), message.offset());
                println!("read {at}");
                match consumer.commit_message(&message, CommitMode::Sync) {
                    Ok(()) => println!("done {at}"),
                    Err(error) => println!("not-committed {at} {error}"),
                }
            }
        }
    }
}

/// Prints what is assigned and revoked.
struct Announce;

impl ClientContext for Announce {}

impl ConsumerContext for Announce {
    fn post_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        let list = |partitions: &TopicPartitionList| -> String {
            partitions.elements().iter().map(|element| format!(" {}", element.partition())).collect()
        };
        match rebalance {
            Rebalance::Assign(partitions) => println!("assigned{}", list(partitions)),
            Rebalance::Revoke(partitions) => println!("revoked{}", list(partitions)),
            Rebalance::Error(error) => println!("error {error}"),
        }
    }
}

/// A started worker, seen from outside.
pub struct Worker(Process);

impl Worker {
    /// Starts a member of `group` that reads `topic`, with further client settings.
    pub fn start(broker: &Broker, group: &str, topic: &str, settings: &[(&str, &str)]) -> Worker {
        let mut config = config(broker, &[("group.id", group), ("enable.auto.commit", "false")]);
        config.set("auto.offset.reset", "earliest").set("heartbeat.interval.ms", "300");
        for (name, value) in settings {
            config.set(*name, *value);
        }
        let lines: String =
            config.config_map().iter().map(|(name, value)| format!("{name}={value}\n")).collect();
        let mut command = Command::new(std::env::current_exe().expect("the path of this test"));
        command.args(["--exact", "worker::consume", "--ignored", "--nocapture", "--test-threads=1"]);
        command.env(CONFIG, lines).env(TOPIC, topic);
        Worker(Process::spawn(&mut command, b"").expect("a worker"))
    }

    /// Dies without a word to the broker.
    pub fn kill(&self) {
        self.0.signal(Signal::KILL);
        self.0.wait(LIMIT);
    }

    fn lines(&self) -> Vec<Vec<String>> {
        let text = self.0.text(Stream::Stdout);
        // The last line may be half written.
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        whole.lines().map(|line| line.split(' ').map(str::to_owned).collect()).collect()
    }

    fn numbers(words: &[String]) -> Vec<i64> {
        words.iter().filter_map(|word| word.parse().ok()).collect()
    }

    /// The partitions it has now.
    pub fn partitions(&self) -> Vec<i64> {
        let mut held = Vec::new();
        for line in self.lines() {
            match line.split_first() {
                Some((word, partitions)) if word == "assigned" => held.extend(Self::numbers(partitions)),
                Some((word, partitions)) if word == "revoked" => {
                    let gone = Self::numbers(partitions);
                    held.retain(|partition| !gone.contains(partition));
                }
                _ => {}
            }
        }
        held.sort_unstable();
        held
    }

    /// How often something was assigned to it or revoked.
    pub fn rebalances(&self) -> usize {
        let changes =
            |line: &&Vec<String>| matches!(line.first().map(String::as_str), Some("assigned" | "revoked"));
        self.lines().iter().filter(changes).count()
    }

    /// Partition and offset of each record that it read, or read and committed.
    pub fn records(&self, word: &str) -> Vec<(i64, i64)> {
        let lines = self.lines();
        let named = lines.iter().filter_map(|line| line.split_first()).filter(|(first, _)| *first == word);
        named
            .filter_map(|(_, rest)| Some((*Self::numbers(rest).first()?, *Self::numbers(rest).get(1)?)))
            .collect()
    }

    /// Everything it said, for the message of a failure.
    pub fn story(&self) -> String {
        format!("{}{}", self.0.text(Stream::Stdout), self.0.text(Stream::Stderr))
    }
}
