//! One connection: frames in, replies out, in the order of the requests (TRAPS 11).
//!
//! One task does both. Several Produce requests may be in progress: each is enqueued in arrival order (stage one) and
//! answered when it is durable (stage two). Any other request starts when the earlier ones are answered, since clients
//! rely on reading their own writes. What must not be here: what a request means; that is `api`.

mod frame_reader;
pub mod reply;

use std::collections::VecDeque;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use gracchus_base::limits::CONNECTION_PRODUCES_MAX;
use gracchus_wire::frame;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use self::frame_reader::{Frame, FrameError, FrameReader};
use self::reply::Reply;
use crate::api::{self, Outcome};
use crate::listener::Endpoint;
use crate::node::Node;
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
    idle_max: Duration,
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
        let idle_max = idle_ms.map_or(Duration::MAX, Duration::from_millis);
        let reader = FrameReader::new(node.budget.clone(), config.socket_request_max_bytes);
        let pending = VecDeque::new();
        Self { node, stream, info: Arc::new(info), shutdown, reader, pending, idle_max }
    }

    async fn run(&mut self) -> Result<(), ConnectionError> {
        loop {
            match self.next_event().await? {
                Event::Frame(frame) => self.accept(frame).await?,
                Event::Replied(reply) => self.send(reply).await?,
                Event::Stop => return self.finish().await,
            }
        }
    }

    /// The next thing to do: the oldest reply first, then more requests.
    async fn next_event(&mut self) -> Result<Event, ConnectionError> {
        let full = self.pending.len() >= CONNECTION_PRODUCES_MAX;
        let idle_until = Instant::now().checked_add(self.idle_max);
        tokio::select! {
            biased;
            reply = oldest(&mut self.pending), if !self.pending.is_empty() => Ok(Event::Replied(reply)),
            frame = self.reader.next(&mut self.stream), if !full => Ok(Event::Frame(frame?)),
            () = self.shutdown.started() => Ok(Event::Stop),
            () = sleep_until(idle_until.unwrap_or_else(Instant::now)),
                if idle_until.is_some() && self.pending.is_empty() => Err(ConnectionError::Idle(self.idle_max)),
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
            self.reader.hung_up(&self.stream).await;
            sleep(HUNG_UP_GRACE).await;
        };
        let outcome = tokio::select! {
            biased;
            outcome = outcome => outcome,
            () = hung_up => return Err(ConnectionError::HungUp),
            // A long poll or a waiting member must not hold up the shutdown.
            () = self.shutdown.started_for(SHUTDOWN_GRACE) => return Ok(()),
        };
        match outcome {
            Outcome::Now(reply) => self.send(reply).await?,
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

    async fn send(&mut self, reply: Reply) -> Result<(), ConnectionError> {
        match reply {
            Reply::Bytes(bytes) => reply::send_bytes(&self.stream, &bytes, self.idle_max).await?,
            Reply::Parts(parts) => {
                reply::send(&self.stream, parts, self.idle_max, &self.node.cold_reads).await?;
            }
            Reply::None => {}
            Reply::Close { reason } => return Err(ConnectionError::Refused(reason)),
        }
        Ok(())
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
