//! What is measured: the reference, ours in its two durability modes, and the machine's own limit.

use std::net::SocketAddr;
use std::time::Duration;

use compat_harness::{Broker, Jars, Kind};
use serde::{Deserialize, Serialize};

use crate::BenchError;
use crate::limit::LimitServer;
use crate::process_usage::ProcessUsage;

/// One side of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Subject {
    /// Apache Kafka 4.3.1, which acknowledges from the page cache.
    Reference,
    /// Ours with `log.flush.before.ack=false`: the reference's durability.
    Relaxed,
    /// Ours as it comes: flushed before it is acknowledged.
    Flushed,
    /// Socket, CRC32C, `pwrite` and the answer; nothing else.
    LimitRelaxed,
    /// The same and one `fdatasync` for all that waits.
    LimitFlushed,
}

impl Subject {
    /// The brokers: most workloads compare these.
    pub const BROKERS: &[Subject] = &[Subject::Reference, Subject::Relaxed, Subject::Flushed];
    /// All of them: for the replayed produce workloads, which the limit servers understand too.
    pub const ALL: &[Subject] = &[
        Subject::Reference,
        Subject::Relaxed,
        Subject::Flushed,
        Subject::LimitRelaxed,
        Subject::LimitFlushed,
    ];
    /// The reference and ours in its default mode: for what durability does not touch.
    pub const DEFAULTS: &[Subject] = &[Subject::Reference, Subject::Flushed];

    /// By the name that `--subject` takes.
    pub fn parse(name: &str) -> Result<Subject, BenchError> {
        match name {
            "reference" => Ok(Subject::Reference),
            "relaxed" => Ok(Subject::Relaxed),
            "flushed" => Ok(Subject::Flushed),
            "limit-relaxed" => Ok(Subject::LimitRelaxed),
            "limit-flushed" => Ok(Subject::LimitFlushed),
            _ => Err(BenchError::Failed(format!("there is no subject {name:?}"))),
        }
    }

    /// How tables call it.
    pub const fn label(self) -> &'static str {
        match self {
            Subject::Reference => "Apache Kafka 4.3.1",
            Subject::Relaxed => "Gracchus, relaxed",
            Subject::Flushed => "Gracchus, flushed",
            Subject::LimitRelaxed => "limit, unflushed",
            Subject::LimitFlushed => "limit, flushed",
        }
    }
}

/// A subject as a process that runs. Dropping it kills the process and removes its directory.
#[derive(Debug)]
pub struct Running {
    subject: Subject,
    process: Host,
    /// Ended, with their directories.
    finished: Vec<Running>,
}

#[derive(Debug)]
enum Host {
    Broker(Box<Broker>),
    Limit(LimitServer),
}

impl Running {
    /// Starts a subject on an empty directory, with `settings` on top of its own; returns when it answers.
    pub fn start(subject: Subject, jars: &Jars, settings: &[(&str, &str)]) -> Result<Running, BenchError> {
        let relaxed = [settings, &[("log.flush.before.ack", "false")]].concat();
        let process = match subject {
            Subject::Reference => {
                let one_node = [settings, &[("group.initial.rebalance.delay.ms", "0")]].concat();
                Host::Broker(Box::new(Broker::start(Kind::Reference(jars.clone()), &one_node)?))
            }
            Subject::Relaxed => Host::Broker(Box::new(Broker::start(Kind::Gracchus, &relaxed)?)),
            Subject::Flushed => Host::Broker(Box::new(Broker::start(Kind::Gracchus, settings)?)),
            Subject::LimitRelaxed => Host::Limit(LimitServer::start(false)?),
            Subject::LimitFlushed => Host::Limit(LimitServer::start(true)?),
        };
        Ok(Running { subject, process, finished: Vec::new() })
    }

    /// Ends what a round has started of its own. Its directory stays until the workload is over: some file systems are
    /// slow to make files for minutes after many were removed (`docs/decisions/004`).
    pub fn finish(&mut self, fresh: Running) {
        if let Host::Broker(broker) = &fresh.process {
            broker.kill();
        }
        self.finished.push(fresh);
    }

    pub const fn subject(&self) -> Subject {
        self.subject
    }

    pub fn address(&self) -> SocketAddr {
        match &self.process {
            Host::Broker(broker) => broker.socket_address(),
            Host::Limit(server) => server.address(),
        }
    }

    /// The broker behind it; `None` for the limit servers, which have no topics.
    pub fn broker(&mut self) -> Option<&mut Broker> {
        match &mut self.process {
            Host::Broker(broker) => Some(broker),
            Host::Limit(_) => None,
        }
    }

    /// From exec to the first answer, of the latest start.
    pub fn start_took(&self) -> Duration {
        match &self.process {
            Host::Broker(broker) => broker.start_took(),
            Host::Limit(_) => Duration::ZERO,
        }
    }

    pub fn pid(&self) -> i32 {
        match &self.process {
            Host::Broker(broker) => broker.pid(),
            Host::Limit(server) => server.pid(),
        }
    }

    /// What the process has used so far.
    pub fn usage(&self) -> Result<ProcessUsage, BenchError> {
        Ok(ProcessUsage::of(self.pid())?)
    }
}
