//! The only member of a group.

use std::time::{Duration, Instant};

use gracchus_wire::messages::{
    DescribeGroupsRequest, FindCoordinatorRequest, GroupId, HeartbeatRequest, JoinGroupRequest, StrBytes,
    SyncGroupRequest, join_group_request::JoinGroupRequestProtocol,
    sync_group_request::SyncGroupRequestAssignment,
};

use super::{LOOK, PATIENCE};
use crate::Client;

/// Who it is.
pub struct Member {
    group: &'static str,
    id: StrBytes,
    generation: i32,
}

impl Member {
    /// Joins a group alone, with a session of that length.
    pub async fn join(client: &mut Client, group: &'static str, session: Duration) -> Self {
        let session_ms = i32::try_from(session.as_millis()).expect("a short session");
        let mut tries = tokio::time::interval(LOOK);
        let deadline = Instant::now() + PATIENCE;
        let joined = loop {
            tries.tick().await;
            client.call(3, FindCoordinatorRequest::default().with_key(group.into())).await;
            let protocol = JoinGroupRequestProtocol::default().with_name(StrBytes::from_static_str("range"));
            let request = JoinGroupRequest::default()
                .with_group_id(group_id(group))
                .with_session_timeout_ms(session_ms)
                .with_rebalance_timeout_ms(session_ms)
                .with_protocol_type(StrBytes::from_static_str("any"))
                .with_protocols(vec![protocol]);
            let joined = client.call(3, request).await;
            if joined.error_code == 0 {
                break joined;
            }
            assert!(Instant::now() < deadline, "no coordinator: {}", joined.error_code);
        };
        let member = Self { group, id: joined.member_id.clone(), generation: joined.generation_id };
        let assignment = SyncGroupRequestAssignment::default().with_member_id(member.id.clone());
        let sync = SyncGroupRequest::default()
            .with_group_id(group_id(group))
            .with_member_id(member.id.clone())
            .with_generation_id(member.generation)
            .with_assignments(vec![assignment]);
        assert_eq!(client.call(3, sync).await.error_code, 0);
        member
    }

    /// Says that it is there; answers the error.
    pub async fn heartbeat(&self, client: &mut Client) -> i16 {
        let request = HeartbeatRequest::default()
            .with_group_id(group_id(self.group))
            .with_member_id(self.id.clone())
            .with_generation_id(self.generation);
        client.call(3, request).await.error_code
    }

    /// Whether it is still in its group, by what the broker tells others.
    pub async fn is_there(&self, client: &mut Client) -> bool {
        let request = DescribeGroupsRequest::default().with_groups(vec![group_id(self.group)]);
        let answer = client.call(5, request).await;
        let group = &answer.groups[0];
        assert_eq!(group.error_code, 0);
        group.members.iter().any(|member| member.member_id == self.id)
    }
}

fn group_id(name: &'static str) -> GroupId {
    GroupId(StrBytes::from_static_str(name))
}
