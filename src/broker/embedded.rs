//! A broker inside another program, as tests in Rust want it.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::thread::{self, JoinHandle};

use gracchus_state::config::{BrokerConfig, ConfigError, Settings};
use tokio::sync::oneshot;

use crate::broker::{Broker, Options, StartError};
use crate::ephemeral::{EphemeralDir, EphemeralError};
use crate::system::System;

/// Threads that serve the connections of an embedded broker.
const WORKERS: usize = 2;

/// What an embedded broker is to be like. It listens on a free port of 127.0.0.1 unless `listeners` says something else.
#[derive(Clone, Debug)]
pub struct Builder {
    settings: Settings,
    is_ephemeral: bool,
}

/// A broker that runs on threads of its own, and stops when this is dropped.
#[derive(Debug)]
pub struct EmbeddedBroker {
    addresses: Vec<SocketAddr>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    /// Goes when the broker has stopped.
    _dir: Option<EphemeralDir>,
}

/// Why an embedded broker did not start.
#[derive(Debug, thiserror::Error)]
pub enum EmbedError {
    #[error("{}", .0.message)]
    Config(ConfigError),
    #[error(transparent)]
    Ephemeral(#[from] EphemeralError),
    #[error("a thread did not start: {0}")]
    Thread(#[source] io::Error),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error("the broker ended while it started")]
    Ended,
}

impl Broker {
    /// A broker inside this program:
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// use gracchus_broker::Broker;
    ///
    /// let broker = Broker::builder().ephemeral().start().await?;
    /// // Any Kafka client reaches it there.
    /// let bootstrap_servers = broker.address().to_string();
    /// # let _client = std::net::TcpStream::connect(bootstrap_servers)?;
    /// drop(broker); // It has stopped, and nothing is left of it.
    /// # Ok(())
    /// # })
    /// # }
    /// ```
    pub fn builder() -> Builder {
        let mut settings = Settings::new();
        settings.insert("listeners".to_owned(), "PLAINTEXT://127.0.0.1:0".to_owned());
        Builder { settings, is_ephemeral: false }
    }
}

impl Builder {
    /// In a temporary directory that is gone when the broker stops; nothing is flushed.
    #[must_use]
    pub fn ephemeral(mut self) -> Self {
        self.is_ephemeral = true;
        self
    }

    /// With its data there, to be found again by another broker.
    #[must_use]
    pub fn data_dir(self, path: impl AsRef<Path>) -> Self {
        self.set("log.dirs", &path.as_ref().display().to_string())
    }

    /// With a setting of Kafka's, such as `num.partitions`.
    #[must_use]
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.settings.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Starts it; it serves when this returns.
    ///
    /// # Errors
    /// A setting is wrong, or what [`Broker::start`] fails of.
    pub async fn start(mut self) -> Result<EmbeddedBroker, EmbedError> {
        let dir = if self.is_ephemeral { Some(EphemeralDir::create()?) } else { None };
        dir.as_ref().map_or(Ok(()), |dir| dir.settle(&mut self.settings))?;
        let config = BrokerConfig::from_settings(&self.settings).map_err(EmbedError::Config)?;
        let options =
            Options { config, ephemeral: self.is_ephemeral, cluster_id: None, system: System::real() };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(WORKERS)
            .enable_all()
            .build()
            .map_err(EmbedError::Thread)?;
        let ((started, addresses), (stop, stopping)) = (oneshot::channel(), oneshot::channel());
        // A thread and a runtime of its own: it serves and stops whatever the caller's runtime is busy with.
        let run = move || runtime.block_on(serve(options, started, stopping));
        let thread =
            thread::Builder::new().name("broker".to_owned()).spawn(run).map_err(EmbedError::Thread)?;
        let addresses = addresses.await.map_err(|_| EmbedError::Ended)??;
        Ok(EmbeddedBroker { addresses, stop: Some(stop), thread: Some(thread), _dir: dir })
    }
}

/// Tells where it listens, and serves until it is told to stop, or nobody can tell it any more.
async fn serve(
    options: Options,
    started: oneshot::Sender<Result<Vec<SocketAddr>, StartError>>,
    stopping: oneshot::Receiver<()>,
) {
    match Broker::start(options).await {
        Ok(broker) => {
            // Who asked for it may have given up; then nobody holds the other end either.
            let _gone = started.send(Ok(broker.addresses().to_vec())).is_err();
            let _dropped = stopping.await.is_err();
            broker.shutdown().await;
        }
        Err(error) => drop(started.send(Err(error))),
    }
}

impl EmbeddedBroker {
    /// Where it listens: the bootstrap server of its clients.
    ///
    /// # Panics
    /// Never: a broker has a listener.
    pub fn address(&self) -> SocketAddr {
        self.addresses[0]
    }

    /// Where it listens, in the order of `listeners`.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }
}

impl Drop for EmbeddedBroker {
    /// Stops it in good order, and waits for that: two seconds at most.
    fn drop(&mut self) {
        drop(self.stop.take());
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("an embedded broker panicked");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::*;

    #[tokio::test]
    async fn an_ephemeral_broker_serves_until_it_is_dropped_and_leaves_nothing() {
        let broker = Broker::builder().ephemeral().set("num.partitions", "3").start().await.unwrap();
        let (address, dir) = (broker.address(), broker._dir.as_ref().unwrap().path().to_owned());
        assert!(TcpStream::connect(address).is_ok() && dir.exists());
        drop(broker);
        assert!(TcpStream::connect(address).is_err() && !dir.exists());
    }

    #[tokio::test]
    async fn data_stays_where_it_was_put() {
        let dir = tempfile::tempdir().unwrap();
        for _ in 0..2 {
            drop(Broker::builder().data_dir(dir.path()).start().await.unwrap());
        }
        assert!(dir.path().join("meta.properties").exists());
    }

    #[tokio::test]
    async fn a_wrong_setting_and_a_directory_in_use_are_errors() {
        let wrong = Broker::builder().ephemeral().set("num.partitions", "none").start().await;
        assert!(wrong.unwrap_err().to_string().contains("num.partitions"));
        let dir = tempfile::tempdir().unwrap();
        let _holds_it = Broker::builder().data_dir(dir.path()).start().await.unwrap();
        let second = Broker::builder().data_dir(dir.path()).start().await;
        assert!(matches!(second, Err(EmbedError::Start(_))));
    }
}
