//! Thousands of connections driven by one thread, so that the broker and not the driver is what is measured: sockets
//! that do not block, and one epoll for all of them.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::time::Instant;

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::io::Errno;

use crate::BenchError;

/// Connections that are looked at in one turn.
const EVENTS_MAX: usize = 512;
const READ_BYTES: usize = 64 * 1024;
/// A frame's length field.
const LENGTH_BYTES: usize = 4;

/// The connections, each by the place it was given in.
pub struct Crowd {
    epoll: OwnedFd,
    members: Vec<Member>,
    events: Vec<epoll::Event>,
    buffer: Vec<u8>,
}

#[derive(Debug)]
struct Member {
    stream: TcpStream,
    /// The beginning of an answer whose end has not come yet.
    partial: Vec<u8>,
}

/// The answers of one turn, in the order in which they came. Kept over turns, so that its memory is too.
#[derive(Debug, Default)]
pub struct Answers {
    bytes: Vec<u8>,
    frames: Vec<(usize, Range<usize>)>,
}

impl Answers {
    /// Who was answered and what, without the frame's length.
    pub fn iter(&self) -> impl Iterator<Item = (usize, &[u8])> {
        self.frames.iter().map(|(member, range)| (*member, &self.bytes[range.clone()]))
    }

    /// Takes the whole frames off the front of `bytes`; gives how many bytes that were.
    fn take(&mut self, member: usize, bytes: &[u8]) -> usize {
        let mut taken = 0;
        while let Some(length) = bytes[taken..].first_chunk() {
            let from = taken + LENGTH_BYTES;
            let Some(frame) = bytes[from..].get(..u32::from_be_bytes(*length) as usize) else { break };
            let at = self.bytes.len();
            self.bytes.extend_from_slice(frame);
            self.frames.push((member, at..self.bytes.len()));
            taken = from + frame.len();
        }
        taken
    }
}

impl Crowd {
    /// Takes over connections on which nothing is under way.
    pub fn new(streams: Vec<TcpStream>) -> io::Result<Crowd> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let mut members = Vec::with_capacity(streams.len());
        for (place, stream) in (0..).zip(streams) {
            stream.set_nonblocking(true)?;
            epoll::add(&epoll, &stream, epoll::EventData::new_u64(place), epoll::EventFlags::IN)?;
            members.push(Member { stream, partial: Vec::new() });
        }
        let events = Vec::with_capacity(EVENTS_MAX);
        Ok(Crowd { epoll, members, events, buffer: vec![0; READ_BYTES] })
    }

    /// Sends a whole frame. A member has so little under way that it always fits its socket's buffer.
    pub fn send(&mut self, member: usize, frame: &[u8]) -> io::Result<()> {
        self.members[member].stream.write_all(frame)
    }

    /// Waits until `until` at most for something to come, and puts what has come into `answers`.
    pub fn turn(&mut self, until: Instant, answers: &mut Answers) -> Result<(), BenchError> {
        answers.bytes.clear();
        answers.frames.clear();
        let left = until.saturating_duration_since(Instant::now());
        let timeout = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: left.subsec_nanos().into() };
        self.events.clear();
        match epoll::wait(&self.epoll, spare_capacity(&mut self.events), Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(io::Error::from(error).into()),
        }
        for event in &self.events {
            let place = event.data.u64() as usize;
            self.members[place].read(place, &mut self.buffer, answers)?;
        }
        Ok(())
    }
}

impl Member {
    fn read(&mut self, place: usize, buffer: &mut [u8], answers: &mut Answers) -> Result<(), BenchError> {
        let count = match self.stream.read(buffer) {
            Ok(0) => return Err(BenchError::Failed("a broker closed a connection".into())),
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let come = &buffer[..count];
        if self.partial.is_empty() {
            let taken = answers.take(place, come);
            self.partial.extend_from_slice(&come[taken..]);
        } else {
            self.partial.extend_from_slice(come);
            let taken = answers.take(place, &self.partial);
            self.partial.drain(..taken);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_frames_are_taken_and_the_rest_is_left() {
        let mut answers = Answers::default();
        let bytes = [&[0, 0, 0, 2, 7, 8, 0, 0, 0, 0, 0, 0, 0, 3, 1][..]].concat();
        assert_eq!(answers.take(5, &bytes), 10);
        let taken: Vec<_> = answers.iter().collect();
        assert_eq!(taken, [(5, &[7, 8][..]), (5, &[][..])]);
    }
}
