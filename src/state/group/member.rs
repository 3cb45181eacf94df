//! One member of a classic group.

use gracchus_base::Monotonic;
use gracchus_base::limits::GROUP_COMMITS_SELDOM_MS;

use super::effects::Token;
use super::request::{JoinGroup, Protocol};

/// A member that joined, with the requests of its own that wait.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) id: String,
    pub(super) instance_id: Option<String>,
    pub(super) client_id: String,
    pub(super) client_host: String,
    pub(super) rebalance_timeout_ms: i32,
    pub(super) session_timeout_ms: i32,
    pub(super) protocol_type: String,
    /// In the order of preference.
    pub(super) protocols: Vec<Protocol>,
    pub(super) assignment: Vec<u8>,
    /// The JoinGroup that waits for the join phase to end.
    pub(super) join: Option<Token>,
    /// The SyncGroup that waits for the leader's assignment.
    pub(super) sync: Option<Token>,
    /// When it last committed offsets, since this broker leads.
    pub(super) committed: Option<Monotonic>,
    /// Not yet answered with a first JoinGroup: it cannot send heartbeats, and may have gone without a trace.
    pub(super) is_new: bool,
}

impl Member {
    /// A member that joins for the first time.
    pub(super) fn new(id: String, join: &JoinGroup) -> Self {
        Self {
            id,
            instance_id: join.group_instance_id.clone(),
            client_id: join.client_id.clone(),
            client_host: join.client_host.clone(),
            rebalance_timeout_ms: rebalance_timeout_ms(join),
            session_timeout_ms: join.session_timeout_ms,
            protocol_type: join.protocol_type.clone(),
            protocols: join.protocols.clone(),
            assignment: Vec::new(),
            join: None,
            sync: None,
            committed: None,
            is_new: true,
        }
    }

    pub(super) const fn is_static(&self) -> bool {
        self.instance_id.is_some()
    }

    /// The metadata for a protocol; empty if the member does not speak it.
    pub(super) fn metadata(&self, protocol: &str) -> &[u8] {
        self.protocols.iter().find(|p| p.name == protocol).map_or(&[], |p| &p.metadata)
    }

    /// A member that waits for the group need not send heartbeats, except for its very first join.
    pub(super) const fn is_excused(&self) -> bool {
        !self.is_new && (self.join.is_some() || self.sync.is_some())
    }

    /// Notes that it commits offsets; says whether it does so seldom.
    pub(super) fn commits_seldom(&mut self, now: Monotonic) -> bool {
        let before = self.committed.replace(now);
        before.is_none_or(|before| now.since_ms(before) >= GROUP_COMMITS_SELDOM_MS)
    }

    /// What it weighs in `Usage::bytes`.
    pub(super) fn bytes(&self) -> usize {
        let protocols: usize = self.protocols.iter().map(|p| p.name.len() + p.metadata.len() + 48).sum();
        self.id.len() * 2
            + self.instance_id.as_ref().map_or(0, |id| id.len() * 2)
            + self.client_id.len()
            + self.client_host.len()
            + self.protocol_type.len()
            + self.assignment.len()
            + protocols
            + 384
    }
}

/// The rebalance timeout of a request: version 0 has none and means the session timeout.
pub(super) const fn rebalance_timeout_ms(join: &JoinGroup) -> i32 {
    if join.rebalance_timeout_ms == -1 { join.session_timeout_ms } else { join.rebalance_timeout_ms }
}
