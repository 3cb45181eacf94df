//! Accepts connections on one address and gives each a task of its own.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gracchus_state::config::BrokerConfig;
use tokio::net::{TcpListener, TcpStream};

use crate::connection::{self, ConnectionInfo};
use crate::node::Node;
use crate::shutdown::Shutdown;

/// How long accepting pauses when the process has no descriptor left: the connection stays in the kernel's queue.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A listener as configured, and what clients are told about it.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// The listener's name, such as `PLAINTEXT`.
    pub name: String,
    /// `None`: clients are told the address they connected to.
    pub advertised: Option<(String, u16)>,
}

/// Connections that are open, in all and by client address (`max.connections`, `max.connections.per.ip`).
#[derive(Debug, Default)]
pub struct ConnectionCounts {
    by_ip: Mutex<(usize, HashMap<IpAddr, usize>)>,
}

/// A place among the open connections, given back when dropped.
#[derive(Debug)]
struct Place {
    counts: Arc<ConnectionCounts>,
    ip: IpAddr,
}

impl ConnectionCounts {
    fn enter(self: &Arc<Self>, ip: IpAddr, max: usize, max_per_ip: usize) -> Option<Place> {
        let mut counts = self.by_ip.lock().unwrap_or_else(PoisonError::into_inner);
        let (all, by_ip) = &mut *counts;
        let here = by_ip.entry(ip).or_default();
        if *all >= max || *here >= max_per_ip {
            if *here == 0 {
                by_ip.remove(&ip);
            }
            return None;
        }
        *all += 1;
        *here += 1;
        Some(Place { counts: self.clone(), ip })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.counts.by_ip.lock().unwrap_or_else(PoisonError::into_inner);
        let (all, by_ip) = &mut *counts;
        *all = all.saturating_sub(1);
        if let Some(here) = by_ip.get_mut(&self.ip) {
            *here = here.saturating_sub(1);
            if *here == 0 {
                by_ip.remove(&self.ip);
            }
        }
    }
}

/// Accepts until the broker stops.
pub async fn run(node: Arc<Node>, listener: TcpListener, endpoint: Arc<Endpoint>, shutdown: Shutdown) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shutdown.started() => return,
        };
        match accepted {
            Ok((stream, peer)) => admit(&node, stream, peer, &endpoint, &shutdown),
            Err(error) if is_about_one_connection(&error) => {
                tracing::debug!(%error, "a connection was not accepted")
            }
            Err(error) => {
                tracing::warn!(%error, "accepting connections pauses");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn admit(
    node: &Arc<Node>,
    stream: TcpStream,
    peer: SocketAddr,
    endpoint: &Arc<Endpoint>,
    shutdown: &Shutdown,
) {
    let config = node.config();
    let (max, max_per_ip) = (config.max_connections.unsigned_abs(), max_per_ip(&config, peer.ip()));
    let Some(place) = node.connections.enter(peer.ip(), max as usize, max_per_ip as usize) else {
        tracing::info!(%peer, "too many connections");
        return;
    };
    let local = stream.set_nodelay(true).and_then(|()| stream.local_addr());
    let Ok(local) = local else { return };
    let info = ConnectionInfo { peer, local, endpoint: endpoint.clone() };
    let (node, shutdown) = (node.clone(), shutdown.clone());
    tokio::spawn(async move {
        connection::serve(node, stream, info, shutdown).await;
        drop(place);
    });
}

/// `max.connections.per.ip`, or what the overrides say of this address.
fn max_per_ip(config: &BrokerConfig, ip: IpAddr) -> u32 {
    let overrides = config.max_connections_per_ip_overrides.iter();
    let mut of_ip = overrides.filter(|(host, _)| host.parse() == Ok(ip)).map(|(_, max)| *max);
    of_ip.next().unwrap_or(config.max_connections_per_ip).unsigned_abs()
}

/// Errors of accept(2) that say nothing about the listener.
fn is_about_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused
    )
}
