//! The threads that call `fdatasync`, so that a shard can go on appending meanwhile.
//!
//! Each partition has at most one flush in progress; what is appended during it is covered by the next. The queue holds
//! at most one ticket per partition.

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use gracchus_log::FlushTicket;

use super::{Message, ShardHandle};
use crate::partition::PartitionKey;

/// Flushes in parallel per shard: one file after another costs several times more than eight at once (DESIGN 4).
const FLUSHERS: usize = 4;

/// The way to the flushers of one shard. They end when it is dropped.
#[derive(Debug)]
pub struct Flushers(Sender<(PartitionKey, FlushTicket)>);

impl Flushers {
    /// Starts the threads; results go to `shard`.
    pub fn spawn(name: &str, shard: &ShardHandle) -> io::Result<Self> {
        let (sender, receiver) = channel();
        let receiver = Arc::new(Mutex::new(receiver));
        for n in 0..FLUSHERS {
            let (receiver, shard) = (receiver.clone(), shard.clone());
            thread::Builder::new()
                .name(format!("{name}-flush-{n}"))
                .stack_size(256 * 1024)
                .spawn(move || run(&receiver, &shard))?;
        }
        Ok(Self(sender))
    }

    /// Queues a flush.
    pub fn flush(&self, key: PartitionKey, ticket: FlushTicket) {
        if self.0.send((key, ticket)).is_err() {
            tracing::error!("the flushers have ended; nothing more is acknowledged");
        }
    }
}

fn run(receiver: &Mutex<Receiver<(PartitionKey, FlushTicket)>>, shard: &ShardHandle) {
    loop {
        let next = receiver.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((key, ticket)) = next else { return };
        shard.send(Message::Flushed(key, ticket.run()));
    }
}
