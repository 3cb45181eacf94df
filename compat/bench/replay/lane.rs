//! One connection of the replay: keeps so many requests in flight, never blocks.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use gracchus_base::Clock;

use super::frame::{Answer, Frame, Head};
use crate::BenchError;
use crate::histogram::Histogram;

/// Requests that one `writev` takes.
const WRITTEN_AT_ONCE: usize = 16;
/// Answers have about 60 bytes.
const READ_BYTES: usize = 16 * 1024;

/// A request that is not written entirely.
#[derive(Debug)]
struct Outgoing {
    head: Head,
    frame: usize,
    written: usize,
}

/// Requests at fixed times. Those that are late because too many are in flight are given out as soon as there is room,
/// and their latency counts from when they were due.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    pub next: Instant,
    pub interval: Duration,
}

/// A connection with what is under way on it.
#[derive(Debug)]
pub struct Lane<'a> {
    pub stream: TcpStream,
    frames: &'a [Frame],
    in_flight: usize,
    /// The frame that is sent next; they go round.
    next_frame: usize,
    next_correlation_id: i32,
    outgoing: VecDeque<Outgoing>,
    pace: Option<Pace>,
    /// No more requests are given out.
    finished: bool,
    clock: Clock,
    /// When each unanswered request was given out or due, and to which partition; oldest first.
    awaited: VecDeque<(Instant, usize)>,
    received: Vec<u8>,
    received_bytes: usize,
    tally: Tally,
}

/// What a connection has done.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    pub latencies: Histogram,
    /// Requests that were answered, by partition.
    pub answered: Vec<u64>,
    /// The base offset of the latest batch, by partition.
    pub last_base_offset: Vec<i64>,
}

impl<'a> Lane<'a> {
    /// Connects. The first request goes to partition `first`, the next to the one behind it, and so on.
    pub fn connect(
        address: SocketAddr,
        frames: &'a [Frame],
        in_flight: usize,
        first: usize,
        pace: Option<Pace>,
    ) -> io::Result<Lane<'a>> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        Ok(Lane {
            stream,
            frames,
            in_flight,
            next_frame: first % frames.len(),
            next_correlation_id: 0,
            outgoing: VecDeque::new(),
            pace,
            finished: false,
            clock: Clock::system(),
            awaited: VecDeque::new(),
            received: vec![0; READ_BYTES],
            received_bytes: 0,
            tally: Tally {
                latencies: Histogram::default(),
                answered: vec![0; frames.len()],
                last_base_offset: vec![-1; frames.len()],
            },
        })
    }

    /// Gives out requests until enough are in flight, none is due or `may_send` says no, and writes what the socket
    /// takes.
    pub fn send(&mut self, now: Instant, may_send: impl Fn() -> bool) -> io::Result<()> {
        while self.awaited.len() < self.in_flight && self.due().is_none_or(|due| due <= now) {
            if self.finished || !may_send() {
                self.finished = true;
                break;
            }
            self.give_out(now);
        }
        while !self.outgoing.is_empty() {
            match self.write_some() {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn give_out(&mut self, now: Instant) {
        let frame = &self.frames[self.next_frame];
        let head = frame.head(self.next_correlation_id, self.clock.now());
        self.outgoing.push_back(Outgoing { head, frame: self.next_frame, written: 0 });
        self.awaited.push_back((self.pace.map_or(now, |pace| pace.next), frame.partition));
        if let Some(pace) = &mut self.pace {
            pace.next += pace.interval;
        }
        self.next_correlation_id = self.next_correlation_id.wrapping_add(1);
        self.next_frame = (self.next_frame + 1) % self.frames.len();
    }

    fn write_some(&mut self) -> io::Result<()> {
        let mut slices = [IoSlice::new(&[]); 2 * WRITTEN_AT_ONCE];
        for (pair, outgoing) in slices.chunks_exact_mut(2).zip(&self.outgoing) {
            let head = outgoing.head.bytes();
            let rest_written = outgoing.written.saturating_sub(head.len());
            pair[0] = IoSlice::new(&head[outgoing.written.min(head.len())..]);
            pair[1] = IoSlice::new(&self.frames[outgoing.frame].rest[rest_written..]);
        }
        let filled = 2 * self.outgoing.len().min(WRITTEN_AT_ONCE);
        let mut written = (&self.stream).write_vectored(&slices[..filled])?;
        while let Some(outgoing) = self.outgoing.front_mut() {
            let left =
                outgoing.head.bytes().len() + self.frames[outgoing.frame].rest.len() - outgoing.written;
            if written < left {
                outgoing.written += written;
                break;
            }
            written -= left;
            self.outgoing.pop_front();
        }
        Ok(())
    }

    /// Whether the socket was too full for all that is to be written.
    pub fn wants_to_write(&self) -> bool {
        !self.outgoing.is_empty()
    }

    /// Whether requests are still to be given out or answered.
    pub fn is_at_work(&self) -> bool {
        !self.finished || !self.awaited.is_empty()
    }

    /// When the next request may be given out, if that is a matter of time.
    pub fn due(&self) -> Option<Instant> {
        let has_room = !self.finished && self.awaited.len() < self.in_flight;
        self.pace.filter(|_| has_room).map(|pace| pace.next)
    }

    /// Reads once, and takes the answers that are whole. An answer with an error code is an error.
    pub fn receive(&mut self) -> Result<(), BenchError> {
        match (&self.stream).read(&mut self.received[self.received_bytes..]) {
            Ok(0) => return Err(BenchError::Failed("the connection was closed".into())),
            Ok(count) => self.received_bytes += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        let now = Instant::now();
        let mut at = 0;
        while let Some((length, rest)) = self.received[at..self.received_bytes].split_first_chunk::<4>() {
            let length = u32::from_be_bytes(*length) as usize;
            let Some(answer) = rest.get(..length) else { break };
            let answer = Answer::read(answer);
            self.take(now, answer)?;
            at += 4 + length;
        }
        self.received.copy_within(at..self.received_bytes, 0);
        self.received_bytes -= at;
        Ok(())
    }

    fn take(&mut self, now: Instant, answer: Option<Answer>) -> Result<(), BenchError> {
        let oldest = self.next_correlation_id.wrapping_sub(self.awaited.len() as i32);
        let answer = answer.filter(|answer| answer.correlation_id == oldest);
        let (Some(answer), Some((sent, partition))) = (answer, self.awaited.pop_front()) else {
            return Err(BenchError::Failed("an answer to another request, or of another form".into()));
        };
        if answer.error_code != 0 {
            return Err(BenchError::Failed(format!("Produce: error {}", answer.error_code)));
        }
        self.tally.latencies.record(now - sent);
        self.tally.answered[partition] += 1;
        let last = &mut self.tally.last_base_offset[partition];
        *last = answer.base_offset.max(*last);
        Ok(())
    }

    /// What was done.
    pub fn into_tally(self) -> Tally {
        self.tally
    }
}
