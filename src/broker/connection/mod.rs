//! One connection: frames in, replies out, in the order of the requests (TRAPS 11).
//!
//! One task does both. Several Produce requests may be in progress: each is enqueued in arrival order (stage one) and
//! answered when it is durable (stage two). Any other request starts when the earlier ones are answered, since clients
//! rely on reading their own writes. What must not be here: what a request means; that is `api`.

mod frame_reader;
mod patience;
pub mod reply;

use std::collections::VecDeque;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::BytesMut;
use gracchus_base::limits::CONNECTION_PRODUCES_MAX;
use gracchus_wire::frame;
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep, sleep_until, timeout};

use self::frame_reader::{Frame, FrameError, FrameReader};
use self::patience::Patience;
use self::reply::Reply;
use crate::api::{self, Outcome};
use crate::listener::Endpoint;
use crate::node::Node;
use crate::responses::{Charge, NoRoom};
use crate::shutdown::Shutdown;

/// How long requests in progress may take once the broker is told to stop.
const SHUTDOWN_GRACE: Duration = Duration::from_millis(500);
/// When a connection is cut that has not ended by then, since its client does not take its answers.
const SHUTDOWN_CUT: Duration = Duration::from_millis(800);
/// How long a request goes on whose client has hung up: one that only closed its sending side still gets its answer, a
/// long poll or a waiting member does not keep the connection for nobody.
const HUNG_UP_GRACE: Duration = Duration::from_secs(1);

/// What handlers may know of the connection a request came in on.
#[derive(Debug)]
pub struct ConnectionInfo {
    pub peer: SocketAddr,
    /// The address the client connected to.
    pub local: SocketAddr,
    pub endpoint: Arc<Endpoint>,
}

/// A reply that is on its way.
type Pending = Pin<Box<dyn Future<Output = Reply> + Send>>;

/// Why a connection ended, when it did not end well.
#[derive(Debug, thiserror::Error)]
enum ConnectionError {
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error("{0}")]
    Refused(String),
    #[error("idle for {0:?}")]
    Idle(Duration),
    #[error("the client hung up before it was answered")]
    HungUp,
    #[error(transparent)]
    NoRoom(#[from] NoRoom),
}

/// Serves `stream` until either side ends it.
pub async fn serve(node: Arc<Node>, stream: TcpStream, info: ConnectionInfo, shutdown: Shutdown) {
    let peer = info.peer;
    let mut connection = Connection::new(node, stream, info, shutdown.clone());
    let ended = tokio::select! {
        ended = connection.run() => ended,
        () = shutdown.started_for(SHUTDOWN_CUT) => Err(ConnectionError::Refused("cut at shutdown".into())),
    };
    match ended {
        Ok(()) | Err(ConnectionError::Frame(FrameError::Closed)) => {}
        Err(ConnectionError::Io(error) | ConnectionError::Frame(FrameError::Io(error))) => {
            tracing::debug!(%peer, %error, "connection lost");
        }
        Err(
            error @ (ConnectionError::Idle(_)
            | ConnectionError::HungUp
            | ConnectionError::NoRoom(_)
            | ConnectionError::Frame(FrameError::ClosedInFrame)),
        ) => {
            tracing::debug!(%peer, %error, "connection closed");
        }
        Err(error) => tracing::info!(%peer, %error, "connection closed by the broker"),
    }
}

struct Connection {
    node: Arc<Node>,
    stream: TcpStream,
    info: Arc<ConnectionInfo>,
    shutdown: Shutdown,
    reader: FrameReader,
    /// At most [`CONNECTION_PRODUCES_MAX`]; more stay unread in the socket.
    pending: VecDeque<Pending>,
    idle: IdleTimer,
}

/// Notices that nothing happens on a connection. One timer for its whole life, which is set anew only when it rings:
/// a busy connection never touches it.
struct IdleTimer {
    /// `None`: for ever.
    max: Option<Duration>,
    active: Instant,
    timer: Pin<Box<Sleep>>,
}

/// What a connection wakes up for.
enum Event {
    Frame(Frame),
    Replied(Reply),
    Stop,
}

impl Connection {
    fn new(node: Arc<Node>, stream: TcpStream, info: ConnectionInfo, shutdown: Shutdown) -> Self {
        let config = node.config();
        let idle_ms = config.connections_max_idle_ms.and_then(|ms| u64::try_from(ms).ok());
        let idle = IdleTimer::new(idle_ms.map(Duration::from_millis));
        let reader =
            FrameReader::new(node.budget.clone(), node.buffers.clone(), config.socket_request_max_bytes);
        let pending = VecDeque::new();
        Self { node, stream, info: Arc::new(info), shutdown, reader, pending, idle }
    }

    async fn run(&mut self) -> Result<(), ConnectionError> {
        let shutdown = self.shutdown.clone();
        let mut stopping = Box::pin(shutdown.started());
        loop {
            self.idle.active = Instant::now();
            match self.next_event(stopping.as_mut()).await? {
                Event::Frame(frame) => self.accept(frame).await?,
                Event::Replied(reply) => self.send_ready(reply).await?,
                Event::Stop => return self.finish().await,
            }
        }
    }

    /// The next thing to do: the oldest reply first, then more requests.
    async fn next_event(
        &mut self,
        stopping: Pin<&mut (impl Future<Output = ()> + Send)>,
    ) -> Result<Event, ConnectionError> {
        let full = self.pending.len() >= CONNECTION_PRODUCES_MAX;
        tokio::select! {
            biased;
            reply = oldest(&mut self.pending), if !self.pending.is_empty() => Ok(Event::Replied(reply)),
            frame = self.reader.next(&mut self.stream), if !full => Ok(Event::Frame(frame?)),
            () = stopping => Ok(Event::Stop),
            idle_max = self.idle.expired(), if self.pending.is_empty() => Err(ConnectionError::Idle(idle_max)),
        }
    }

    /// Starts a request: Produce is enqueued at once, everything else waits for the replies before it.
    async fn accept(&mut self, frame: Frame) -> Result<(), ConnectionError> {
        let Frame { mut bytes, grant } = frame;
        let header =
            frame::parse_header(&mut bytes).map_err(|error| ConnectionError::Refused(error.to_string()))?;
        if !api::overlaps(&header) {
            self.drain().await?;
        }
        let context = api::RequestContext::new(self.node.clone(), self.info.clone(), header, grant);
        let outcome = api::dispatch(context, bytes);
        let hung_up = async {
            self.reader.hung_up(&mut self.stream).await;
            sleep(HUNG_UP_GRACE).await;
        };
        self.idle.active = Instant::now();
        let outcome = tokio::select! {
            biased;
            outcome = outcome => outcome,
            () = hung_up => return Err(ConnectionError::HungUp),
            // A client may wish to wait for weeks, and be gone without a word: waiting counts as idle, as in Kafka.
            idle_max = self.idle.expired() => return Err(ConnectionError::Idle(idle_max)),
            // A long poll or a waiting member must not hold up the shutdown.
            () = self.shutdown.started_for(SHUTDOWN_GRACE) => return Ok(()),
        };
        match outcome {
            Outcome::Now(reply) => self.send(reply).await?,
            Outcome::Charged(reply, charge) => self.send_charged(reply, &charge).await?,
            Outcome::Later(reply) => self.pending.push_back(reply),
        }
        Ok(())
    }

    /// Sends all replies that are on their way.
    async fn drain(&mut self) -> Result<(), ConnectionError> {
        while !self.pending.is_empty() {
            let reply = oldest(&mut self.pending).await;
            self.send(reply).await?;
        }
        Ok(())
    }

    /// The broker stops: what is in flight is finished, then the connection is closed.
    async fn finish(&mut self) -> Result<(), ConnectionError> {
        match timeout(SHUTDOWN_GRACE, self.drain()).await {
            Ok(result) => result,
            Err(_) => Err(ConnectionError::Refused("requests were in progress at shutdown".into())),
        }
    }

    /// Sends a reply, and with it those behind it that are there as well.
    async fn send_ready(&mut self, first: Reply) -> Result<(), ConnectionError> {
        let mut together = BytesMut::new();
        let mut next = Some(first);
        while let Some(reply) = next {
            match reply {
                Reply::Bytes(bytes) if self.pending.is_empty() && together.is_empty() => {
                    return self.send(Reply::Bytes(bytes)).await;
                }
                Reply::Bytes(bytes) => together.extend_from_slice(&bytes),
                Reply::None => {}
                other => {
                    self.send(Reply::Bytes(together.split().freeze())).await?;
                    self.send(other).await?;
                }
            }
            next = oldest_if_there(&mut self.pending).await;
        }
        self.send(Reply::Bytes(together.freeze())).await
    }

    async fn send(&mut self, reply: Reply) -> Result<(), ConnectionError> {
        let charge = self.node.responses.charge(reply.memory_bytes())?;
        self.send_charged(reply, &charge).await
    }

    async fn send_charged(&mut self, reply: Reply, charge: &Charge) -> Result<(), ConnectionError> {
        let mut patience = Patience::new(self.idle.max.unwrap_or(Duration::MAX), charge);
        match reply {
            Reply::Bytes(bytes) => reply::send_bytes(&mut self.stream, &bytes, &mut patience).await?,
            Reply::Parts(parts) => {
                reply::send(&mut self.stream, parts, patience, &self.node.cold_reads).await?;
            }
            Reply::None => {}
            Reply::Close { reason } => return Err(ConnectionError::Refused(reason)),
        }
        Ok(())
    }
}

impl IdleTimer {
    fn new(max: Option<Duration>) -> Self {
        let active = Instant::now();
        let rings = max.and_then(|max| active.checked_add(max)).unwrap_or(active);
        Self { max, active, timer: Box::pin(sleep_until(rings)) }
    }

    /// Waits until nothing has happened for the time that is allowed, and answers that time. Safe to cancel.
    async fn expired(&mut self) -> Duration {
        loop {
            let Some((max, rings)) = self.max.and_then(|max| Some((max, self.active.checked_add(max)?)))
            else {
                return std::future::pending().await;
            };
            self.timer.as_mut().await;
            if rings <= Instant::now() {
                return max;
            }
            self.timer.as_mut().reset(rings);
        }
    }
}

/// Waits for the oldest reply. Safe to cancel: the reply stays at the front until it is there.
async fn oldest(pending: &mut VecDeque<Pending>) -> Reply {
    match pending.front_mut() {
        Some(first) => {
            let reply = first.as_mut().await;
            pending.pop_front();
            reply
        }
        None => std::future::pending().await,
    }
}

/// The oldest reply if it is there, without waiting.
async fn oldest_if_there(pending: &mut VecDeque<Pending>) -> Option<Reply> {
    let first = pending.front_mut()?;
    let reply = std::future::poll_fn(|cx| match first.as_mut().poll(cx) {
        Poll::Ready(reply) => Poll::Ready(Some(reply)),
        Poll::Pending => Poll::Ready(None),
    });
    let reply = reply.await?;
    pending.pop_front();
    Some(reply)
}
