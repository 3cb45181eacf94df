//! The server's process: a thread per connection, blocking sockets, buffers that are used again.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use super::flusher::{Answers, Flushers, Written};
use super::frame::{Delete, Fetch, Produce, put_answer};
use super::store::{Partition, Store};
use super::{LISTENING, fetch};

/// What a connection's buffer begins with; it grows to the longest frame.
const BUFFER_BYTES: usize = 256 * 1024;
/// The rest of a frame that is at least so long is read alone, so that what follows it need not be moved.
const LONG: usize = 64 * 1024;

/// As Gracchus sets it (`socket.send.buffer.bytes`).
const SEND_BUFFER_BYTES: usize = 256 * 1024;

/// How the server is started.
#[derive(Clone, Debug, clap::Args)]
pub struct ServerArguments {
    /// Where its files are
    dir: PathBuf,
    /// Answer only what has been flushed
    #[arg(long)]
    flushed: bool,
}

/// Listens on a free port, prints its address, and serves until it is killed.
pub fn serve(arguments: ServerArguments) -> io::Result<()> {
    let server = Server::bind(arguments)?;
    println!("{LISTENING}{}", server.listener.local_addr()?);
    server.run()
}

struct Server {
    listener: TcpListener,
    store: Arc<Store>,
    flushers: Option<Arc<Flushers>>,
}

impl Server {
    fn bind(arguments: ServerArguments) -> io::Result<Server> {
        Ok(Server {
            listener: TcpListener::bind(("127.0.0.1", 0))?,
            store: Arc::new(Store::new(arguments.dir)),
            flushers: arguments.flushed.then(Flushers::start),
        })
    }

    fn run(self) -> io::Result<()> {
        for stream in self.listener.incoming() {
            let (stream, store, flushers) = (stream?, Arc::clone(&self.store), self.flushers.clone());
            thread::spawn(move || {
                let served = Connection::new(stream, &store, flushers).and_then(|mut it| it.serve());
                if let Err(error) = served {
                    eprintln!("a connection: {error}");
                }
            });
        }
        Ok(())
    }
}

struct Connection<'a> {
    stream: TcpStream,
    store: &'a Store,
    flush: Option<(Arc<Flushers>, Arc<Answers>)>,
    /// Those that this connection has written to.
    partitions: Vec<Arc<Partition>>,
    answers: Vec<u8>,
}

impl<'a> Connection<'a> {
    fn new(stream: TcpStream, store: &'a Store, flushers: Option<Arc<Flushers>>) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        rustix::net::sockopt::set_socket_send_buffer_size(&stream, SEND_BUFFER_BYTES)?;
        let flush = match flushers {
            Some(flushers) => Some((flushers, Arc::new(Answers::new(stream.try_clone()?)))),
            None => None,
        };
        Ok(Connection { stream, store, flush, partitions: Vec::new(), answers: Vec::new() })
    }

    fn serve(&mut self) -> io::Result<()> {
        let mut buffer = vec![0; BUFFER_BYTES];
        let (mut begin, mut end) = (0, 0);
        loop {
            let wanted = frame_bytes(&buffer[begin..end]);
            if wanted.is_none_or(|wanted| wanted > end - begin) {
                let needed = wanted.unwrap_or(LONG);
                if begin + needed > buffer.len() || begin == end {
                    buffer.copy_within(begin..end, 0);
                    (begin, end) = (0, end - begin);
                    buffer.resize(buffer.len().max(needed), 0);
                }
                self.write_answers()?;
                let missing = begin + needed - end;
                let until = if missing >= LONG && wanted.is_some() { end + missing } else { buffer.len() };
                match self.stream.read(&mut buffer[end..until])? {
                    0 => return Ok(()),
                    count => end += count,
                }
            } else if let Some(wanted) = wanted {
                self.take(&mut buffer[begin + 4..begin + wanted])?;
                begin += wanted;
            }
        }
    }

    fn take(&mut self, frame: &mut [u8]) -> io::Result<()> {
        if let Some(fetch) = Fetch::read(frame) {
            return fetch::answer(&self.stream, self.store, &fetch);
        }
        if let Some(delete) = Delete::read(frame) {
            self.partitions.clear();
            self.store.delete(delete.topic)?;
            delete.put_answer(&mut self.answers);
            return Ok(());
        }
        let broken = || io::Error::new(io::ErrorKind::InvalidData, "not a request of the replay's form");
        let request = Produce::read(frame).ok_or_else(broken)?;
        let (correlation_id, index) = (request.correlation_id, request.partition);
        let partition = match self.partitions.iter().find(|known| known.is(request.topic, index)) {
            Some(partition) => Arc::clone(partition),
            None => {
                let partition = self.store.partition(request.topic, index)?;
                self.partitions.push(Arc::clone(&partition));
                partition
            }
        };
        let batch = request.batch_at..request.batch_at + request.batch_bytes;
        let base_offset = partition.append(&mut frame[batch])?;
        match &self.flush {
            Some((flushers, answers)) => {
                let number = answers.reserve(correlation_id);
                flushers.submit(Written { answers: Arc::clone(answers), number, partition, base_offset });
            }
            None => put_answer(&mut self.answers, correlation_id, &partition.topic, index, base_offset),
        }
        Ok(())
    }

    fn write_answers(&mut self) -> io::Result<()> {
        if !self.answers.is_empty() {
            self.stream.write_all(&self.answers)?;
            self.answers.clear();
        }
        Ok(())
    }
}

/// The length of the frame that `bytes` begin with, its own length field included.
fn frame_bytes(bytes: &[u8]) -> Option<usize> {
    bytes.first_chunk::<4>().map(|length| u32::from_be_bytes(*length) as usize + 4)
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::time::Duration;

    use super::*;
    use crate::protocol_client::ProtocolClient;
    use crate::replay::frame::BatchShape;
    use crate::replay::{Amount, Fetcher, ProduceReplay, Wanted};

    const REPLAY: ProduceReplay = ProduceReplay {
        batch: BatchShape { records: 4, value_bytes: 1000 },
        partitions: 3,
        connections: 4,
        in_flight: 5,
        amount: Amount::Requests(200),
        rate: None,
    };

    fn start(flushed: bool) -> (SocketAddr, tempfile::TempDir) {
        let dir = tempfile::tempdir().unwrap();
        let server = Server::bind(ServerArguments { dir: dir.path().to_path_buf(), flushed }).unwrap();
        let address = server.listener.local_addr().unwrap();
        thread::spawn(|| server.run());
        (address, dir)
    }

    #[test]
    fn what_was_replayed_can_be_fetched_again() {
        for flushed in [false, true] {
            let (address, dir) = start(flushed);
            let sent = REPLAY.run(address, "topic").unwrap();
            assert_eq!(sent.requests, 200);
            assert_eq!(sent.end_offsets.iter().sum::<i64>(), 800);
            // Answers end in the middle of a batch.
            let wanted = Wanted { partition_bytes: 10_000, ..Wanted::default() };
            let mut fetcher = Fetcher::connect(address, "topic", vec![(0, 0), (2, 0)], wanted).unwrap();
            let mut records = 0;
            loop {
                match fetcher.fetch().unwrap().records {
                    0 => break,
                    more => records += more,
                }
            }
            assert_eq!(fetcher.positions, [(0, sent.end_offsets[0]), (2, sent.end_offsets[2])]);
            assert_eq!(records, sent.end_offsets[0] + sent.end_offsets[2]);
            ProtocolClient::connect(address).unwrap().delete_topic("topic").unwrap();
            assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
        }
    }

    #[test]
    fn a_paced_replay_is_not_ahead_of_its_pace() {
        let (address, _dir) = start(false);
        let paced = ProduceReplay { amount: Amount::Requests(50), rate: Some(1000.0), ..REPLAY };
        let sent = paced.run(address, "topic").unwrap();
        assert_eq!(sent.requests, 50);
        // The last of 50 is due after 49 thousandths of a second; the connections may share them out unevenly.
        assert!(sent.took >= Duration::from_millis(40), "{:?}", sent.took);
    }

    #[test]
    fn a_replay_to_partitions_that_are_not_empty_must_say_so() {
        let (address, _dir) = start(false);
        let ends = REPLAY.run(address, "topic").unwrap().end_offsets;
        let ends = REPLAY.run_behind(address, "topic", &ends).unwrap().end_offsets;
        assert_eq!(ends.iter().sum::<i64>(), 1600);
        assert!(REPLAY.run(address, "topic").is_err());
    }

    #[test]
    fn a_connection_that_is_closed_fails_the_replay() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || listener.accept().map(drop));
        let replay = ProduceReplay { connections: 1, ..REPLAY };
        assert!(replay.run(address, "topic").is_err());
    }
}
