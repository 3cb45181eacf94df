//! Requests without a socket: for a program that has the broker inside, and for simulations.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use gracchus_wire::frame;

use crate::admission::Grant;
use crate::api::{self, Outcome, RequestContext};
use crate::connection::ConnectionInfo;
use crate::connection::reply::{Part, Reply};
use crate::listener::Endpoint;
use crate::node::Node;

/// The way of a client that lives in this process. Clones are the same client.
#[derive(Clone, Debug)]
pub struct LocalConnection {
    node: Arc<Node>,
    info: Arc<ConnectionInfo>,
}

/// What a broker would do with a connection: close it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the broker closes the connection: {0}")]
pub struct Closed(pub String);

impl LocalConnection {
    pub(crate) fn new(node: Arc<Node>) -> Self {
        let here = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let endpoint = Arc::new(Endpoint { name: "LOCAL".to_owned(), advertised: None });
        Self { node, info: Arc::new(ConnectionInfo { peer: here, local: here, endpoint }) }
    }

    /// Sends a request frame, without its length, and waits for the frame that answers it, without its length; `None` for
    /// a request that has no answer (TRAPS 38). Requests that are sent at once overtake one another.
    ///
    /// # Errors
    /// The frame is one for which a connection is closed.
    pub async fn call(&self, mut frame: Bytes) -> Result<Option<Bytes>, Closed> {
        let header = frame::parse_header(&mut frame).map_err(|error| Closed(error.to_string()))?;
        let grant = Arc::new(Grant::default());
        let context = RequestContext::new(self.node.clone(), self.info.clone(), header, grant);
        let reply = match api::dispatch(context, frame).await {
            Outcome::Now(reply) => reply,
            // Who holds the answer is no client that might not read it.
            Outcome::Charged(reply, _) => reply,
            Outcome::Later(reply) => reply.await,
        };
        match reply {
            Reply::Bytes(bytes) => Ok(Some(without_length(bytes))),
            Reply::Parts(parts) => Ok(Some(without_length(joined(parts).map_err(Closed)?))),
            Reply::None => Ok(None),
            Reply::Close { reason } => Err(Closed(reason)),
        }
    }
}

fn joined(parts: Vec<Part>) -> Result<Bytes, String> {
    let mut all = BytesMut::new();
    for part in parts {
        match part {
            Part::Bytes(bytes) => all.extend_from_slice(&bytes),
            Part::File(range) => all.extend_from_slice(&range.read_all().map_err(|error| error.to_string())?),
        }
    }
    Ok(all.freeze())
}

/// A frame begins with its length in four bytes.
fn without_length(mut frame: Bytes) -> Bytes {
    frame.split_off(4.min(frame.len()))
}
