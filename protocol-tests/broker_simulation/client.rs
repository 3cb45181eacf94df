//! How clients reach the broker: frames in, frames out, and the patience they have.

use std::sync::Arc;
use std::time::Duration;

use gracchus_base::{Entropy, ErrorCode};
use gracchus_broker::LocalConnection;
use tokio::time::{sleep, timeout};

use super::history::History;
use crate::typed::{self, Ask};

/// How long a client waits for an answer before it asks again; it hears no late one.
const PATIENCE: Duration = Duration::from_secs(15);

/// Of the requests that change something one in so many is given up much sooner: its answer is lost.
const LOST_ONE_IN: u64 = 12;

/// One client of one life.
#[derive(Clone)]
pub(super) struct Client {
    pub connection: LocalConnection,
    pub chance: Entropy,
    pub history: Arc<History>,
}

impl Client {
    /// A client with its own chance, so that what others do does not change what it draws.
    pub(super) fn another(&self) -> Self {
        Self { chance: Entropy::seeded(self.chance.next_u64()), ..self.clone() }
    }

    /// Asks; `None` when no answer came in time.
    pub(super) async fn call<R: Ask>(&self, version: i16, request: R) -> Option<R::Answer> {
        self.call_within(PATIENCE, version, request).await
    }

    /// The same, where the answer may be lost.
    pub(super) async fn call_unsure<R: Ask>(&self, version: i16, request: R) -> Option<R::Answer> {
        let lost = self.below(LOST_ONE_IN) == 0;
        let patience = if lost { Duration::from_millis(self.below(8)) } else { PATIENCE };
        self.call_within(patience, version, request).await
    }

    async fn call_within<R: Ask>(&self, patience: Duration, version: i16, request: R) -> Option<R::Answer> {
        let request = request.request();
        let frame = typed::frame(version, &request);
        let answer = timeout(patience, self.connection.call(frame)).await.ok()?;
        match answer {
            Ok(frame) => {
                let frame = frame.expect("a request that is answered");
                let (_, response) = gracchus_wire::client::decode_response(request.api(), version, frame)
                    .expect("an answer that can be read");
                R::answer(response)
            }
            Err(closed) => {
                self.history.violated(format!("{} v{version}: {closed}", request.api().name()));
                None
            }
        }
    }

    /// A number below `end`.
    pub(super) fn below(&self, end: u64) -> u64 {
        self.chance.next_u64() % end.max(1)
    }

    /// Does nothing for up to so many milliseconds.
    pub(super) async fn rest(&self, ms: u64) {
        sleep(Duration::from_millis(self.below(ms))).await;
    }
}

/// What a client is told while something is being made, loaded, or offline: it asks again.
pub(super) fn is_passing(error: i16) -> bool {
    [
        ErrorCode::CoordinatorLoadInProgress,
        ErrorCode::NotCoordinator,
        ErrorCode::CoordinatorNotAvailable,
        ErrorCode::KafkaStorageError,
        ErrorCode::NotLeaderOrFollower,
        ErrorCode::NotController,
        ErrorCode::UnknownTopicOrPartition,
        ErrorCode::RequestTimedOut,
    ]
    .iter()
    .any(|code| code.code() == error)
}
