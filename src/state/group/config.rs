//! The settings of the group coordinator, with Kafka's names and defaults.

use gracchus_base::limits;

/// What a coordinator must know; times in milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupConfig {
    /// `group.min.session.timeout.ms`
    pub group_min_session_timeout_ms: i32,
    /// `group.max.session.timeout.ms`
    pub group_max_session_timeout_ms: i32,
    /// `group.initial.rebalance.delay.ms`: how long the first join of an empty group waits for others (TRAPS 53).
    pub group_initial_rebalance_delay_ms: i32,
    /// `group.max.size`: members of one group.
    pub group_max_size: i32,
    /// `offset.metadata.max.bytes`; counted in UTF-16 units, as Kafka does.
    pub offset_metadata_max_bytes: i32,
    /// `offsets.retention.minutes` in milliseconds (KIP-211).
    pub offsets_retention_ms: i64,
    /// How long a member may wait for its first JoinGroup to be answered. Kafka has no setting for it.
    pub new_member_join_timeout_ms: i32,
    /// `max.groups.per.offsets.partition`: groups in one coordinator; a new one beyond it is refused with
    /// POLICY_VIOLATION. Kafka has no such limit.
    pub groups_max: usize,
    /// `max.group.state.bytes.per.offsets.partition`: bytes of state in one coordinator (see [`Held`](super::Held)); what
    /// would add to it beyond that is refused with POLICY_VIOLATION. Kafka has no such limit.
    pub bytes_max: usize,
    /// Tombstones in one append when offsets expire or topics are deleted.
    pub tombstones_per_append_max: usize,
}

impl Default for GroupConfig {
    fn default() -> Self {
        Self {
            group_min_session_timeout_ms: 6_000,
            group_max_session_timeout_ms: 1_800_000,
            group_initial_rebalance_delay_ms: 3_000,
            group_max_size: i32::MAX,
            offset_metadata_max_bytes: 4_096,
            offsets_retention_ms: 7 * 24 * 60 * 60 * 1_000,
            new_member_join_timeout_ms: 5 * 60 * 1_000,
            groups_max: 100_000,
            bytes_max: 256 * 1024 * 1024,
            tombstones_per_append_max: limits::GROUP_TOMBSTONES_PER_APPEND_MAX,
        }
    }
}
