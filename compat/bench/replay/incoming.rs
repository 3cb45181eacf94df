//! Reads one answer front to back, through a small buffer that stays in the processor's cache: what is skipped is read
//! from the socket, as a client must, and looked at no further.

use std::io::{self, Read};
use std::net::TcpStream;

use crate::BenchError;

const BUFFER_BYTES: usize = 256 * 1024;

/// The answers of a connection that has one request in flight.
#[derive(Debug)]
pub struct Incoming {
    buffer: Vec<u8>,
    begin: usize,
    end: usize,
    /// Of the answer that is being read.
    left: usize,
}

impl Default for Incoming {
    fn default() -> Incoming {
        Incoming { buffer: vec![0; BUFFER_BYTES], begin: 0, end: 0, left: 0 }
    }
}

impl Incoming {
    /// Begins the next answer.
    pub fn open(&mut self, stream: &TcpStream) -> Result<(), BenchError> {
        self.left = 4;
        self.left = self.u32(stream)? as usize;
        Ok(())
    }

    /// An error unless the answer was read to its end.
    pub fn close(&self) -> Result<(), BenchError> {
        match self.left {
            0 => Ok(()),
            left => Err(BenchError::Failed(format!("{left} bytes behind an answer"))),
        }
    }

    /// The next bytes.
    pub fn array<const N: usize>(&mut self, stream: &TcpStream) -> Result<[u8; N], BenchError> {
        self.take(N)?;
        while self.end - self.begin < N {
            self.buffer.copy_within(self.begin..self.end, 0);
            (self.begin, self.end) = (0, self.end - self.begin);
            self.read(stream)?;
        }
        let mut array = [0; N];
        array.copy_from_slice(&self.buffer[self.begin..self.begin + N]);
        self.begin += N;
        Ok(array)
    }

    pub fn u16(&mut self, stream: &TcpStream) -> Result<u16, BenchError> {
        Ok(u16::from_be_bytes(self.array(stream)?))
    }

    pub fn u32(&mut self, stream: &TcpStream) -> Result<u32, BenchError> {
        Ok(u32::from_be_bytes(self.array(stream)?))
    }

    pub fn varint(&mut self, stream: &TcpStream) -> Result<usize, BenchError> {
        let mut value = 0;
        for shift in [0, 7, 14, 21, 28] {
            let [byte] = self.array(stream)?;
            value |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(BenchError::Failed("a number in an answer is too long".into()))
    }

    /// Passes over so many bytes.
    pub fn skip(&mut self, stream: &TcpStream, count: usize) -> Result<(), BenchError> {
        self.take(count)?;
        let mut left = count;
        loop {
            let here = left.min(self.end - self.begin);
            self.begin += here;
            left -= here;
            if left == 0 {
                return Ok(());
            }
            (self.begin, self.end) = (0, 0);
            self.read(stream)?;
        }
    }

    /// Passes over tagged fields.
    pub fn skip_tags(&mut self, stream: &TcpStream) -> Result<(), BenchError> {
        for _ in 0..self.varint(stream)? {
            self.varint(stream)?;
            let length = self.varint(stream)?;
            self.skip(stream, length)?;
        }
        Ok(())
    }

    fn take(&mut self, count: usize) -> Result<(), BenchError> {
        let left = self.left.checked_sub(count);
        self.left = left.ok_or_else(|| BenchError::Failed("an answer is shorter than it says".into()))?;
        Ok(())
    }

    fn read(&mut self, mut stream: &TcpStream) -> io::Result<()> {
        match stream.read(&mut self.buffer[self.end..])? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            count => {
                self.end += count;
                Ok(())
            }
        }
    }
}
