//! Well-formed requests of groups and of their offsets with values that make no sense.

use ApiKey::*;
use Set::{Count, Int, Null, Text};
use gracchus_wire::ApiKey;

use crate::cases::{LONG_NAME, Lie};
use crate::fill::{Set, Setting};
use crate::values::{COMMITTED_GROUP, LIVE_GROUP, MEMBER_ID};

/// Members and groups.
pub fn groups() -> Vec<Lie> {
    let live = |more: Vec<Setting>| {
        [vec![("group_id", Text(LIVE_GROUP)), ("member_id", Text(MEMBER_ID))], more].concat()
    };
    vec![
        (JoinGroup, "an empty group id", vec![("group_id", Text(""))]),
        (JoinGroup, "session timeout 0", vec![("session_timeout_ms", Int(0))]),
        (JoinGroup, "session timeout -1", vec![("session_timeout_ms", Int(-1))]),
        (JoinGroup, "session timeout 2^31-1", vec![("session_timeout_ms", Int(0x7fff_ffff))]),
        (JoinGroup, "rebalance timeout -1", vec![("rebalance_timeout_ms", Int(-1))]),
        (JoinGroup, "an unknown member id", vec![("member_id", Text("nobody"))]),
        (JoinGroup, "no protocols", vec![("protocols", Count(0))]),
        (JoinGroup, "an empty protocol type", vec![("protocol_type", Text(""))]),
        (JoinGroup, "the same protocol twice", vec![("protocols", Count(2))]),
        (JoinGroup, "an empty protocol name", vec![("protocols.name", Text(""))]),
        (JoinGroup, "metadata that is none", vec![("protocols.metadata", Set::Bytes(b"\xff".to_vec()))]),
        (JoinGroup, "metadata of 2 MB", vec![("protocols.metadata", Set::Bytes(vec![7; 2_000_000]))]),
        (JoinGroup, "an empty instance id", vec![("group_instance_id", Text(""))]),
        (JoinGroup, "an illegal instance id", vec![("group_instance_id", Text("a/b"))]),
        (JoinGroup, "instance id \"..\"", vec![("group_instance_id", Text(".."))]),
        (JoinGroup, "an instance id of 250 letters", vec![("group_instance_id", Text(LONG_NAME))]),
        (JoinGroup, "another protocol type in a live group", {
            vec![("group_id", Text(LIVE_GROUP)), ("protocol_type", Text("connect"))]
        }),
        (JoinGroup, "no common protocol in a live group", {
            vec![("group_id", Text(LIVE_GROUP)), ("protocols.name", Text("other"))]
        }),
        (JoinGroup, "an unknown member in a live group", {
            vec![("group_id", Text(LIVE_GROUP)), ("member_id", Text("nobody"))]
        }),
        (SyncGroup, "an empty group id", vec![("group_id", Text(""))]),
        (SyncGroup, "an unknown group", vec![("group_id", Text("nowhere"))]),
        (SyncGroup, "an unknown member", vec![("group_id", Text(LIVE_GROUP))]),
        (SyncGroup, "generation -1", live(vec![("generation_id", Int(-1))])),
        (SyncGroup, "generation 99", live(vec![("generation_id", Int(99))])),
        (SyncGroup, "another protocol type", live(vec![("protocol_type", Text("connect"))])),
        (SyncGroup, "another protocol", live(vec![("protocol_name", Text("other"))])),
        (SyncGroup, "an unknown instance id", live(vec![("group_instance_id", Text("nobody"))])),
        (Heartbeat, "an empty group id", vec![("group_id", Text(""))]),
        (Heartbeat, "an unknown group", vec![("group_id", Text("nowhere"))]),
        (Heartbeat, "an unknown member", vec![("group_id", Text(LIVE_GROUP))]),
        (Heartbeat, "an empty member id", vec![("group_id", Text(LIVE_GROUP)), ("member_id", Text(""))]),
        (Heartbeat, "generation -1", live(vec![("generation_id", Int(-1))])),
        (Heartbeat, "generation 99", live(vec![("generation_id", Int(99))])),
        (Heartbeat, "generation 1", live(Vec::new())),
        (Heartbeat, "an unknown instance id", live(vec![("group_instance_id", Text("nobody"))])),
        (LeaveGroup, "an empty group id", vec![("group_id", Text(""))]),
        (LeaveGroup, "an unknown group", vec![("group_id", Text("nowhere"))]),
        (LeaveGroup, "an unknown member", vec![("group_id", Text(LIVE_GROUP))]),
        (LeaveGroup, "an unknown member twice", vec![("group_id", Text(LIVE_GROUP)), ("members", Count(2))]),
        (LeaveGroup, "no members", vec![("group_id", Text(LIVE_GROUP)), ("members", Count(0))]),
        (LeaveGroup, "an unknown instance id", {
            vec![("group_id", Text(LIVE_GROUP)), ("members.group_instance_id", Text("nobody"))]
        }),
        (DescribeGroups, "an empty group id", vec![("groups.item", Text(""))]),
        (
            DescribeGroups,
            "the same group twice",
            vec![("groups", Count(2)), ("groups.item", Text(LIVE_GROUP))],
        ),
        (DescribeGroups, "no groups", vec![("groups", Count(0))]),
        (DeleteGroups, "an empty group id", vec![("groups_names.item", Text(""))]),
        (DeleteGroups, "a live group", vec![("groups_names.item", Text(LIVE_GROUP))]),
        (DeleteGroups, "an unknown group twice", vec![("groups_names", Count(2))]),
        (ListGroups, "an unknown state", vec![("states_filter.item", Text("Odd"))]),
        (ListGroups, "an empty state", vec![("states_filter.item", Text(""))]),
        (ListGroups, "an unknown type", vec![("types_filter.item", Text("odd"))]),
        (FindCoordinator, "key type 9", vec![("key_type", Int(9))]),
        (FindCoordinator, "key type -1", vec![("key_type", Int(-1))]),
        (FindCoordinator, "key type 1, transactions", vec![("key_type", Int(1))]),
        (FindCoordinator, "key type 2, share groups", vec![("key_type", Int(2))]),
        (FindCoordinator, "an empty key", vec![("key", Text(""))]),
        (FindCoordinator, "an empty key among keys", vec![("coordinator_keys.item", Text(""))]),
        (FindCoordinator, "the same key twice", vec![("coordinator_keys", Count(2))]),
        (FindCoordinator, "no keys", vec![("coordinator_keys", Count(0))]),
    ]
}

/// Offsets that groups commit, ask for and delete.
pub fn commits() -> Vec<Lie> {
    let live = |more: Vec<Setting>| {
        [vec![("group_id", Text(LIVE_GROUP)), ("member_id", Text(MEMBER_ID))], more].concat()
    };
    let generation = "generation_id_or_member_epoch";
    vec![
        (OffsetCommit, "an empty group id", vec![("group_id", Text(""))]),
        (OffsetCommit, "no member of a live group", vec![("group_id", Text(LIVE_GROUP))]),
        (OffsetCommit, "generation 99", live(vec![(generation, Int(99))])),
        (OffsetCommit, "generation -1 of a member", live(Vec::new())),
        (OffsetCommit, "generation -2", vec![(generation, Int(-2))]),
        (OffsetCommit, "generation 5 in a group that is not there", vec![(generation, Int(5))]),
        (
            OffsetCommit,
            "an unknown member",
            vec![("group_id", Text(LIVE_GROUP)), ("member_id", Text("nobody"))],
        ),
        (
            OffsetCommit,
            "an unknown instance id",
            live(vec![("group_instance_id", Text("nobody")), (generation, Int(1))]),
        ),
        (OffsetCommit, "partition -1", vec![("partition_index", Int(-1))]),
        (OffsetCommit, "partition 99", vec![("partition_index", Int(99))]),
        (OffsetCommit, "an unknown topic", vec![("topics.name", Text("nowhere"))]),
        (OffsetCommit, "an illegal topic name", vec![("topics.name", Text("a/b"))]),
        (OffsetCommit, "an unknown topic id", vec![("topics.topic_id", Int(77))]),
        (OffsetCommit, "a zero topic id", vec![("topics.topic_id", Int(0))]),
        (OffsetCommit, "no topics", vec![("topics", Count(0))]),
        (OffsetCommit, "the same partition twice", vec![("topics.partitions", Count(2))]),
        (OffsetCommit, "the same topic twice", vec![("topics", Count(2))]),
        (OffsetCommit, "offset -1", vec![("committed_offset", Int(-1))]),
        (OffsetCommit, "offset -2^63", vec![("committed_offset", Int(i64::MIN))]),
        (OffsetCommit, "leader epoch -2", vec![("committed_leader_epoch", Int(-2))]),
        (OffsetCommit, "null metadata", vec![("committed_metadata", Null)]),
        (OffsetCommit, "metadata of 5,000 bytes", vec![("committed_metadata", Set::Bytes(vec![b'm'; 5000]))]),
        (
            OffsetCommit,
            "metadata of 32,767 bytes",
            vec![("committed_metadata", Set::Bytes(vec![b'm'; 32_767]))],
        ),
        (OffsetFetch, "an empty group id", vec![("group_id", Text(""))]),
        (OffsetFetch, "an unknown group", vec![("group_id", Text("nowhere"))]),
        (
            OffsetFetch,
            "partition -1",
            vec![("group_id", Text(COMMITTED_GROUP)), ("partition_indexes.item", Int(-1))],
        ),
        (OffsetFetch, "an illegal topic name", {
            vec![("group_id", Text(COMMITTED_GROUP)), ("topics.name", Text("a/b"))]
        }),
        (
            OffsetFetch,
            "an unknown topic id",
            vec![("group_id", Text(COMMITTED_GROUP)), ("topic_id", Int(77))],
        ),
        (OffsetFetch, "no topics", vec![("group_id", Text(COMMITTED_GROUP)), ("topics", Count(0))]),
        (OffsetFetch, "null topics", vec![("group_id", Text(COMMITTED_GROUP)), ("topics", Null)]),
        (OffsetFetch, "the same group twice", vec![("groups", Count(2))]),
        (OffsetFetch, "no groups", vec![("groups", Count(0))]),
        (
            OffsetFetch,
            "the same topic twice",
            vec![("group_id", Text(COMMITTED_GROUP)), ("topics", Count(2))],
        ),
        (
            OffsetFetch,
            "an unknown member",
            vec![("group_id", Text(LIVE_GROUP)), ("member_id", Text("nobody")), ("member_epoch", Int(1))],
        ),
        (OffsetFetch, "a member epoch without a member", {
            vec![("group_id", Text(LIVE_GROUP)), ("member_epoch", Int(5))]
        }),
        (OffsetDelete, "an empty group id", vec![("group_id", Text(""))]),
        (OffsetDelete, "an unknown group", vec![("group_id", Text("nowhere"))]),
        (OffsetDelete, "an unknown topic", vec![("topics.name", Text("nowhere"))]),
        (OffsetDelete, "partition -1", vec![("partition_index", Int(-1))]),
        (OffsetDelete, "the same partition twice", vec![("topics.partitions", Count(2))]),
        (OffsetDelete, "a live group", vec![("group_id", Text(LIVE_GROUP))]),
        (OffsetDelete, "no topics", vec![("topics", Count(0))]),
    ]
}
