//! Answers in the order of a connection's requests, each after the flush that covers it.
//!
//! A few threads flush, each file always by the same: while it is flushed, others go on writing, and the next flush
//! covers all that was written meanwhile.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::net::TcpStream;
use std::process;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;

use super::frame::put_answer;
use super::store::{Partition, lock};

/// A request that is written but not flushed.
#[derive(Debug)]
pub struct Written {
    pub answers: Arc<Answers>,
    /// As [`Answers::reserve`] counted it.
    pub number: u64,
    pub partition: Arc<Partition>,
    pub base_offset: i64,
}

/// Files that are flushed at the same time: one after the other costs several times more.
const FLUSHERS: usize = 6;

/// All flushers.
#[derive(Debug, Default)]
pub struct Flushers([Flusher; FLUSHERS]);

impl Flushers {
    /// Starts the threads. The process ends with the first flush that fails.
    pub fn start() -> Arc<Flushers> {
        let flushers = Arc::new(Flushers::default());
        for number in 0..FLUSHERS {
            let flushers = Arc::clone(&flushers);
            thread::spawn(move || {
                let error = flushers.0[number].run();
                eprintln!("a flusher ended: {error:?}");
                process::exit(1);
            });
        }
        flushers
    }

    /// Hands a request over.
    pub fn submit(&self, written: Written) {
        self.0[written.partition.index as usize % FLUSHERS].submit(written);
    }
}

/// What waits for one flusher.
#[derive(Debug, Default)]
struct Flusher {
    waiting: Mutex<Vec<Written>>,
    not_empty: Condvar,
}

impl Flusher {
    fn submit(&self, written: Written) {
        let mut waiting = lock(&self.waiting);
        waiting.push(written);
        if waiting.len() == 1 {
            self.not_empty.notify_one();
        }
    }

    fn run(&self) -> io::Result<()> {
        let mut taken = Vec::new();
        loop {
            let mut waiting = lock(&self.waiting);
            while waiting.is_empty() {
                waiting = self.not_empty.wait(waiting).unwrap_or_else(PoisonError::into_inner);
            }
            std::mem::swap(&mut *waiting, &mut taken);
            drop(waiting);
            flush(&taken)?;
            for written in &taken {
                written.answers.complete(written.number, &written.partition, written.base_offset);
            }
            for written in taken.drain(..) {
                written.answers.write()?;
            }
        }
    }
}

fn flush(taken: &[Written]) -> io::Result<()> {
    let mut flushed: Vec<&Partition> = Vec::new();
    for written in taken {
        if !flushed.iter().any(|partition| std::ptr::eq(*partition, &raw const *written.partition)) {
            written.partition.file.sync_data()?;
            flushed.push(&written.partition);
        }
    }
    Ok(())
}

/// The answers that one connection still owes.
#[derive(Debug)]
pub struct Answers {
    stream: TcpStream,
    owed: Mutex<Owed>,
}

#[derive(Debug, Default)]
struct Owed {
    /// Correlation id, and the answer once it may be given; oldest request first.
    queue: VecDeque<(i32, Option<Vec<u8>>)>,
    /// The number of the first in the queue.
    first: u64,
    ready: Vec<u8>,
}

impl Answers {
    pub fn new(stream: TcpStream) -> Answers {
        Answers { stream, owed: Mutex::default() }
    }

    /// Keeps a place for the answer to the connection's next request; returns its number.
    pub fn reserve(&self, correlation_id: i32) -> u64 {
        let mut owed = lock(&self.owed);
        owed.queue.push_back((correlation_id, None));
        owed.first + owed.queue.len() as u64 - 1
    }

    /// The answer with that number may be given.
    fn complete(&self, number: u64, partition: &Partition, base_offset: i64) {
        let owed = &mut *lock(&self.owed);
        if let Some((correlation_id, answer)) = owed.queue.get_mut((number - owed.first) as usize) {
            let mut bytes = Vec::with_capacity(96);
            put_answer(&mut bytes, *correlation_id, &partition.topic, partition.index, base_offset);
            *answer = Some(bytes);
        }
        while let Some((_, Some(_))) = owed.queue.front() {
            if let Some((_, Some(answer))) = owed.queue.pop_front() {
                owed.ready.extend_from_slice(&answer);
                owed.first += 1;
            }
        }
    }

    /// Sends the answers that may be given and have no unanswered request before them.
    fn write(&self) -> io::Result<()> {
        // Under the lock: another flusher must not overtake.
        let mut owed = lock(&self.owed);
        if owed.ready.is_empty() {
            return Ok(());
        }
        // Who has closed the connection gets no answer.
        (&self.stream).write_all(&owed.ready).ok();
        owed.ready.clear();
        Ok(())
    }
}
