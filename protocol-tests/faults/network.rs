//! A cable between two network namespaces, which can be cut without a word to either end. Takes root.

use std::fs::File;
use std::net::Ipv4Addr;
use std::os::fd::AsFd;
use std::panic::resume_unwind;
use std::process::Command;
use std::thread;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use tokio::net::TcpSocket;

use super::command;

/// The end where the broker is, in a network that is for documentation.
pub const HERE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

/// The other end.
const THERE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);

/// The interface, at both ends.
const INTERFACE: &str = "cable";

/// A network namespace; nothing of it is left when dropped.
pub struct Namespace {
    name: String,
}

impl Namespace {
    fn new(end: &str) -> Result<Self, String> {
        let name = format!("gracchus-{end}-{}", std::process::id());
        command("ip", &["netns", "add", &name])?;
        let namespace = Self { name };
        namespace.ip(&["link", "set", "lo", "up"])?;
        // A closed socket whose peer is gone keeps its namespace until it gives up: soon.
        let retries = || std::fs::write("/proc/sys/net/ipv4/tcp_orphan_retries", "1");
        namespace.enter(retries).map_err(|error| format!("tcp_orphan_retries: {error}"))?;
        Ok(namespace)
    }

    fn ip(&self, args: &[&str]) -> Result<(), String> {
        command("ip", &[&["-n", &self.name], args].concat())
    }

    fn set_up(&self, address: Ipv4Addr) -> Result<(), String> {
        self.ip(&["address", "add", &format!("{address}/30"), "dev", INTERFACE])?;
        self.ip(&["link", "set", INTERFACE, "up"])
    }

    /// Does something there: what it opens and starts stays there.
    ///
    /// # Panics
    /// As it does.
    pub fn enter<T: Send>(&self, what: impl FnOnce() -> T + Send) -> T {
        let file = File::open(format!("/run/netns/{}", self.name)).expect("a namespace has a name");
        let inside = || {
            // A thread is moved, and ends there.
            move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network)).expect("root may");
            what()
        };
        thread::scope(|scope| scope.spawn(inside).join()).unwrap_or_else(|panic| resume_unwind(panic))
    }

    /// Sockets, to be connected from anywhere.
    pub fn sockets(&self, count: usize) -> Vec<TcpSocket> {
        let open = || (0..count).map(|_| TcpSocket::new_v4().expect("a socket")).collect();
        self.enter(open)
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // Also the cable, of which it may be the second end.
        drop(Command::new("ip").args(["-n", &self.name, "link", "delete", INTERFACE]).output());
        drop(Command::new("ip").args(["netns", "delete", &self.name]).output());
    }
}

/// Two namespaces, connected.
pub struct Cable {
    /// Where the broker is.
    pub here: Namespace,
    /// Where its peers are.
    pub there: Namespace,
}

impl Cable {
    /// Lays it.
    ///
    /// # Errors
    /// When that is not allowed, or a tool is missing.
    pub fn lay() -> Result<Self, String> {
        let cable = Self { here: Namespace::new("here")?, there: Namespace::new("there")? };
        let (here, there) = (&cable.here.name, &cable.there.name);
        let ends =
            ["link", "add", INTERFACE, "netns", here, "type", "veth", "peer", INTERFACE, "netns", there];
        command("ip", &ends)?;
        cable.here.set_up(HERE)?;
        cable.there.set_up(THERE)?;
        Ok(cable)
    }

    /// Cuts it: what is sent from now on does not arrive, and nobody is told.
    ///
    /// # Errors
    /// When the tool fails.
    pub fn cut(&self) -> Result<(), String> {
        self.there.ip(&["link", "set", INTERFACE, "down"])
    }
}
