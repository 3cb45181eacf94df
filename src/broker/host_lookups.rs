//! Whether a name is that of a host. A resolver may hang for many seconds, and cannot be called back: such lookups have
//! turns and a time, so that nobody who asks for names that nobody answers takes the threads of others.

use std::collections::HashSet;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::execution::Execution;

/// Lookups at a time, over all connections. Others wait for their turn as long as they have time.
const AT_A_TIME: usize = 4;

/// Names of hosts that are looked up for one request, one after the other.
const LOOKUPS_MAX: usize = 16;

/// How long all lookups of one request may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where names are looked up.
#[derive(Debug)]
pub struct HostLookups {
    turns: Arc<Semaphore>,
    execution: Execution,
    resolve: fn(&str) -> bool,
    patience: Duration,
}

impl HostLookups {
    /// By the system's resolver.
    pub fn new(execution: Execution) -> Self {
        let resolve =
            |name: &str| (name, 0).to_socket_addrs().is_ok_and(|mut addresses| addresses.next().is_some());
        Self { turns: Arc::new(Semaphore::new(AT_A_TIME)), execution, resolve, patience: PATIENCE }
    }

    /// Those of the names, each of which is there once, that are addresses or known as hosts. What is not known in time,
    /// or stands behind too many others, counts as unknown.
    pub async fn hosts(&self, names: Vec<&String>) -> HashSet<String> {
        let is_address = |name: &&String| name.parse::<IpAddr>().is_ok();
        let (addresses, others): (Vec<_>, Vec<_>) = names.into_iter().partition(is_address);
        let mut hosts: HashSet<String> = addresses.into_iter().cloned().collect();
        let look_up = async {
            for name in others.into_iter().take(LOOKUPS_MAX) {
                if self.is_host(name.clone()).await {
                    hosts.insert(name.clone());
                }
            }
        };
        // Its outcome is in `hosts`.
        tokio::time::timeout(self.patience, look_up).await.ok();
        hosts
    }

    /// When the caller gives up, the lookup still runs to its end, and keeps its turn.
    async fn is_host(&self, name: String) -> bool {
        let Ok(turn) = self.turns.clone().acquire_owned().await else { return false };
        let resolve = self.resolve;
        let with_turn = move || {
            let found = resolve(&name);
            drop(turn);
            found
        };
        self.execution.blocking(with_turn).await.unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// What a resolver that hangs has been asked, and what ends its hanging.
    static HANGING: Mutex<Option<Hanging>> = Mutex::new(None);

    type Hanging = (Sender<String>, Arc<Mutex<Receiver<()>>>);

    fn hang(name: &str) -> bool {
        let (asked, end) = HANGING.lock().unwrap().clone().unwrap();
        asked.send(name.to_owned()).unwrap();
        end.lock().unwrap().recv().is_ok()
    }

    #[tokio::test]
    async fn names_that_hang_take_so_many_threads_and_then_count_as_unknown() {
        let ((asked, questions), (end, hanging)) = (channel(), channel());
        *HANGING.lock().unwrap() = Some((asked, Arc::new(Mutex::new(hanging))));
        let patience = Duration::from_millis(20);
        let lookups = HostLookups { resolve: hang, patience, ..HostLookups::new(Execution::Threads) };
        let names: Vec<String> = (0..AT_A_TIME + 3).map(|n| format!("host{n}")).collect();
        for name in &names {
            let address = "192.0.2.1".to_owned();
            let known = lookups.hosts(vec![name, &address]).await;
            assert_eq!(known, HashSet::from([address]), "what needs no lookup is known all the same");
        }
        let mut begun: Vec<String> = (0..AT_A_TIME).map(|_| questions.recv().unwrap()).collect();
        begun.sort();
        assert_eq!(begun, names[..AT_A_TIME], "one turn each, and none for those behind them");
        assert!(questions.try_recv().is_err());
        drop(end);
        let patience = Duration::from_secs(600);
        let lookups = HostLookups { resolve: |_| true, patience, ..lookups };
        assert_eq!(lookups.hosts(vec![&names[0]]).await.len(), 1, "turns come back when lookups end");
    }

    #[tokio::test]
    async fn of_one_request_so_many_names_are_looked_up() {
        let lookups = HostLookups { resolve: |_| true, ..HostLookups::new(Execution::Threads) };
        let names: Vec<String> = (0..LOOKUPS_MAX + 1).map(|n| format!("host{n}")).collect();
        let hosts = lookups.hosts(names.iter().collect()).await;
        assert_eq!((hosts.len(), hosts.contains("host16")), (LOOKUPS_MAX, false));
    }
}
