//! Connections whose peers are gone without a word: their cable is cut, which takes root. A legitimate client measures
//! meanwhile how long it waits.

use std::cell::Cell;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use gracchus_wire::Request;
use gracchus_wire::messages::{ApiVersionsRequest, FetchRequest, fetch_request as f};
use tokio::net::TcpSocket;

use super::member::Member;
use super::network::{Cable, HERE};
use super::timed::{TOPIC, Timed, p99};
use super::{LOOK, PATIENCE, until};
use crate::client::topic_name;
use crate::process::{Process, binary, serve_everywhere};
use crate::{Client, batch};

/// `connections.max.idle.ms`
const IDLE: Duration = Duration::from_secs(3);

/// Of the member of a group: the shortest that the broker allows.
const SESSION: Duration = Duration::from_secs(6);

/// How much later than due something may be seen, on a machine that has other work.
const LITTLE: Duration = Duration::from_secs(3);

/// What the peers do when they are cut off, and how many do it.
const PEERS: [(Does, usize); 5] = [
    (Does::Nothing, 100),
    (Does::NothingMore, 100),
    (Does::SendHalf, 100),
    (Does::LeaveUnread, 50),
    (Does::WaitForWeeks, 50),
];

/// A frame, of which half comes.
const FRAME_BYTES: i32 = 40_000;

/// A topic to be fetched and not read, of so many records of a megabyte.
const LARGE: &str = "large";
const LARGE_RECORDS: i64 = 4;

/// Files that may be open more than before: logs that were read.
const FILES_GROWN_MAX: usize = 8;

/// What may be resident more than before: what the allocator keeps.
const GROWN_BYTES_MAX: u64 = 4 << 20;

/// What was measured.
#[derive(Clone, Copy, Debug)]
pub struct Done {
    pub connections: usize,
    /// From the cut until the last connection was closed.
    pub closed: Duration,
    /// From its last heartbeat until the member was no longer in its group.
    pub removed: Duration,
    /// The 99th percentile of Produce and Fetch before the cut, and from it until all that.
    pub produce_p99: [Duration; 2],
    pub fetch_p99: [Duration; 2],
    /// Resident memory without the peers, at most, and afterwards.
    pub memory_bytes: [u64; 3],
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { connections, closed, removed, produce_p99, fetch_p99, memory_bytes } = self;
        let [produce, fetch] = [produce_p99, fetch_p99].map(|p99| p99.map(|time| time.as_micros()));
        let [before, peak, after] = memory_bytes.map(|bytes| bytes >> 10);
        write!(
            f,
            "{connections} connections cut off, the last closed after {:.1} s of {} allowed, a member removed after \
             {:.1} s of {}; p99 of Produce {} us before and {} us meanwhile, of Fetch {} us and {} us; {before} KiB \
             resident before, at most {peak}, {after} after",
            closed.as_secs_f64(),
            IDLE.as_secs(),
            removed.as_secs_f64(),
            SESSION.as_secs(),
            produce[0],
            produce[1],
            fetch[0],
            fetch[1],
        )
    }
}

/// Cuts a cable with hundreds of connections.
///
/// # Errors
/// When no cable can be laid.
///
/// # Panics
/// When a connection or the member stays, somebody else is not served, or memory does not come back.
pub async fn run() -> Result<Done, String> {
    // To build it may take a network, which there is none of where it will run.
    binary();
    let cable = Cable::lay()?;
    let dir = tempfile::tempdir().expect("a temporary directory");
    let idle_ms = IDLE.as_millis().to_string();
    let settings = [("connections.max.idle.ms", idle_ms.as_str()), ("group.initial.rebalance.delay.ms", "0")];
    let (process, port) = cable.here.enter(|| serve_everywhere(dir.path(), &settings));
    let [near, far] = [Ipv4Addr::LOCALHOST, HERE].map(|address| SocketAddr::from((address, port)));
    let next = async || Client::connect_by(cable.here.sockets(1).remove(0), near).await;

    let mut client = next().await;
    fill(&mut client).await;
    // What the first ones take for good is not counted; these hang up.
    let files = process.open_files() + FILES_GROWN_MAX;
    drop(connect(&cable, far, "hung up").await);
    assert!(until(PATIENCE, || process.open_files() <= files).await, "{} files", process.open_files());
    drop(client);

    let mut client = next().await;
    let mut timed = Timed::default();
    timed.often(&mut client).await;
    let (produce_before, fetch_before) = (p99(&mut timed.produce), p99(&mut timed.fetch));
    let before = process.memory_bytes();
    let mut timed = timed.anew();
    let peers = connect(&cable, far, "cut off").await;
    let there = peers.open.len();
    let all_came = until(PATIENCE, || process.open_files() >= there).await;
    cable.cut()?;
    let cut = Instant::now();
    assert!(
        all_came && process.open_files() >= there,
        "nobody is noticed to be gone, and {there} were there"
    );

    let over = Cell::new(false);
    let watch = async {
        let closed = until(IDLE + LITTLE, || process.open_files() <= files).await;
        assert!(
            closed,
            "{} files {:?} after the cut, of {there} + {files}",
            process.open_files(),
            cut.elapsed()
        );
        let closed = cut.elapsed();
        let removed = peers.member_removed(next().await).await;
        over.set(true);
        (closed, removed)
    };
    let go_on = async {
        while !over.get() {
            timed.once(&mut client).await;
        }
    };
    let ((closed, removed), ()) = tokio::join!(watch, go_on);
    Ok(Done {
        connections: there,
        closed,
        removed,
        produce_p99: [produce_before, p99(&mut timed.produce)],
        fetch_p99: [fetch_before, p99(&mut timed.fetch)],
        memory_bytes: [before, process.memory_peak_bytes(), memory_after(&process, before).await],
    })
}

/// The memory that is resident once what the peers took has come back.
async fn memory_after(process: &Process, before: u64) -> u64 {
    let came_back = until(PATIENCE, || process.memory_bytes() <= before + GROWN_BYTES_MAX).await;
    assert!(came_back, "{} bytes, {before} before", process.memory_bytes());
    process.memory_bytes()
}

/// Makes the topics.
async fn fill(client: &mut Client) {
    client.create_topic(TOPIC, 1, &[]).await;
    client.create_topic(LARGE, 1, &[]).await;
    let value = "x".repeat(1_000_000);
    for _ in 0..LARGE_RECORDS {
        let answer = client.produce(LARGE, 0, -1, batch::values(&[&value])).await;
        assert_eq!(answer.responses[0].partition_responses[0].error_code, 0);
    }
}

/// Those at the other end.
struct Peers {
    /// All connections, also the member's.
    open: Vec<Client>,
    member: Member,
    /// Before the member's last heartbeat.
    heartbeat: Instant,
}

/// Connects all of them, one of which joins a group, until each does what it does.
async fn connect(cable: &Cable, far: SocketAddr, group: &'static str) -> Peers {
    let count = PEERS.iter().map(|(_, count)| count).sum::<usize>() + 1;
    let mut sockets = cable.there.sockets(count).into_iter();
    let mut open = Vec::new();
    let kinds = PEERS.iter().flat_map(|(does, count)| vec![*does; *count]);
    for (does, socket) in kinds.zip(&mut sockets) {
        open.push(does.connect(socket, far).await);
    }
    let mut client = Client::connect_by(sockets.next().expect("the member's"), far).await;
    let member = Member::join(&mut client, group, SESSION).await;
    let heartbeat = Instant::now();
    assert_eq!(member.heartbeat(&mut client).await, 0);
    open.push(client);
    Peers { open, member, heartbeat }
}

impl Peers {
    /// Waits until the member is no longer in its group; answers how long it has been silent then.
    async fn member_removed(&self, mut client: Client) -> Duration {
        let mut looks = tokio::time::interval(LOOK);
        while self.member.is_there(&mut client).await {
            assert!(self.heartbeat.elapsed() < SESSION + LITTLE, "the member stays");
            looks.tick().await;
        }
        let silent = self.heartbeat.elapsed();
        assert!(silent >= SESSION, "{silent:?}: removed before its session ended");
        silent
    }
}

/// What a peer does.
#[derive(Clone, Copy, Debug)]
enum Does {
    /// It has connected, and has never sent anything.
    Nothing,
    /// It has been answered.
    NothingMore,
    /// It has sent half of a frame.
    SendHalf,
    /// It has asked for much, and reads nothing.
    LeaveUnread,
    /// It waits for records that do not come.
    WaitForWeeks,
}

impl Does {
    /// Connects it.
    async fn connect(self, socket: TcpSocket, far: SocketAddr) -> Client {
        // What it does not read soon stays with the broker.
        socket.set_recv_buffer_size(4096).expect("a small buffer");
        let mut client = Client::connect_by(socket, far).await;
        match self {
            Self::Nothing => {}
            Self::NothingMore => {
                client.call(0, ApiVersionsRequest::default()).await;
            }
            Self::SendHalf => {
                client.send_raw(&FRAME_BYTES.to_be_bytes()).await;
                client.send_raw(&[0; FRAME_BYTES as usize / 2]).await;
            }
            Self::LeaveUnread => {
                client.send(12, &fetch_from(0)).await;
                // It has begun to come: the broker is at it.
                client.receive_bytes(4).await;
            }
            Self::WaitForWeeks => {
                client.send(12, &fetch_from(LARGE_RECORDS)).await;
            }
        }
        client
    }
}

/// A Fetch that waits as long as it can be said for records from this offset on, and takes as many as there are.
fn fetch_from(offset: i64) -> Request {
    let wanted = f::FetchPartition::default().with_fetch_offset(offset).with_partition_max_bytes(i32::MAX);
    let topic = f::FetchTopic::default().with_topic(topic_name(LARGE)).with_partitions(vec![wanted]);
    let request =
        FetchRequest::default().with_max_wait_ms(i32::MAX).with_min_bytes(1).with_max_bytes(i32::MAX);
    Request::Fetch(request.with_topics(vec![topic]))
}
