//! Members of a group: they join, share the partitions, commit what they own, leave, and now and then stand still for
//! longer than their session lasts.

use std::time::Duration;

use gracchus_base::ErrorCode;
use gracchus_wire::messages::{
    HeartbeatRequest, JoinGroupRequest, JoinGroupResponse, LeaveGroupRequest, StrBytes, SyncGroupRequest,
    join_group_request::JoinGroupRequestProtocol, leave_group_request::MemberIdentity,
    sync_group_request::SyncGroupRequestAssignment,
};
use tokio::time::sleep;

use super::client::{Client, is_passing};
use super::committer::{As, commit, committed, group_id};
use super::producer::PARTITIONS;

const SESSION_MS: i32 = 6000;
const REBALANCE_MS: i32 = 4000;

/// A place in a generation.
struct Joined {
    member: String,
    generation: i32,
    owned: Vec<i32>,
}

/// Takes part in `group` until the life ends.
pub(super) async fn take_part(client: Client, group: &str) {
    let mut member = String::new();
    loop {
        client.rest(300).await;
        let Some(joined) = join(&client, group, &mut member).await else { continue };
        if work(&client, group, &joined).await == Then::Begin {
            member.clear();
        }
    }
}

/// How a member goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    /// Joins again as itself.
    Join,
    /// Is unknown, or has left: begins as somebody new.
    Begin,
}

async fn join(client: &Client, group: &str, member: &mut String) -> Option<Joined> {
    let protocol = JoinGroupRequestProtocol::default().with_name(StrBytes::from_static_str("range"));
    let request = JoinGroupRequest::default()
        .with_group_id(group_id(group))
        .with_session_timeout_ms(SESSION_MS)
        .with_rebalance_timeout_ms(REBALANCE_MS)
        .with_member_id(text(member))
        .with_protocol_type(StrBytes::from_static_str("consumer"))
        .with_protocols(vec![protocol]);
    let answer = client.call(7, request).await?;
    if answer.error_code == ErrorCode::MemberIdRequired.code() {
        *member = answer.member_id.to_string();
        return None;
    }
    if answer.error_code != 0 {
        client.history.check(is_expected(answer.error_code), || {
            format!("{group}: error {} for a join", answer.error_code)
        });
        if answer.error_code == ErrorCode::UnknownMemberId.code() {
            member.clear();
        }
        if is_passing(answer.error_code) {
            let _unknown = committed(client, group, 0).await;
        }
        return None;
    }
    *member = answer.member_id.to_string();
    sync(client, group, &answer).await
}

async fn sync(client: &Client, group: &str, joined: &JoinGroupResponse) -> Option<Joined> {
    let (member, generation) = (joined.member_id.to_string(), joined.generation_id);
    client.history.saw(|| format!("{group}: {member} joins generation {generation}"));
    let mut assignments = Vec::new();
    if joined.leader == joined.member_id {
        for (n, other) in joined.members.iter().enumerate() {
            let owned: Vec<u8> =
                (0..PARTITIONS as u8).filter(|p| usize::from(*p) % joined.members.len() == n).collect();
            let assignment = SyncGroupRequestAssignment::default().with_member_id(other.member_id.clone());
            assignments.push(assignment.with_assignment(owned.into()));
        }
    }
    let request = SyncGroupRequest::default()
        .with_group_id(group_id(group))
        .with_generation_id(generation)
        .with_member_id(joined.member_id.clone())
        .with_protocol_type(joined.protocol_type.clone())
        .with_protocol_name(joined.protocol_name.clone())
        .with_assignments(assignments);
    let answer = client.call(5, request).await?;
    if answer.error_code != 0 {
        client.history.check(is_expected(answer.error_code), || {
            format!("{group}: error {} for a sync", answer.error_code)
        });
        return None;
    }
    let owned: Vec<i32> = answer.assignment.iter().map(|partition| i32::from(*partition)).collect();
    client.history.saw(|| format!("{group}: {member} owns {owned:?} in {generation}"));
    for partition in &owned {
        let key = (group.to_owned(), generation, *partition);
        let owner = client.history.told().owners.entry(key).or_insert_with(|| member.clone()).clone();
        client.history.check(owner == member, || {
            format!("{group}: {owner} and {member} own partition {partition} in generation {generation}")
        });
    }
    Some(Joined { member, generation, owned })
}

/// Beats and commits until something else is to be done.
async fn work(client: &Client, group: &str, joined: &Joined) -> Then {
    let by = As { generation: joined.generation, member: &joined.member };
    loop {
        client.rest(500).await;
        for partition in &joined.owned {
            let Some(there) = committed(client, group, *partition).await else { continue };
            match commit(client, group, by, *partition, there + 1).await {
                Some(error) if error == ErrorCode::IllegalGeneration.code() => return Then::Join,
                Some(error) if error == ErrorCode::UnknownMemberId.code() => return Then::Begin,
                _ => {}
            }
        }
        match client.below(40) {
            0 => {
                leave(client, group, &joined.member).await;
                return Then::Begin;
            }
            // It is taken for dead, and comes back as if nothing had happened.
            1 => sleep(Duration::from_millis(u64::from(SESSION_MS.unsigned_abs()) * 2)).await,
            _ => {}
        }
        match heartbeat(client, group, joined).await {
            Some(error) if error == ErrorCode::UnknownMemberId.code() => return Then::Begin,
            Some(error) if error == ErrorCode::RebalanceInProgress.code() => return Then::Join,
            Some(error) if error == ErrorCode::IllegalGeneration.code() => return Then::Join,
            _ => {}
        }
    }
}

async fn heartbeat(client: &Client, group: &str, joined: &Joined) -> Option<i16> {
    let request = HeartbeatRequest::default()
        .with_group_id(group_id(group))
        .with_generation_id(joined.generation)
        .with_member_id(text(&joined.member));
    let error = client.call(4, request).await?.error_code;
    client
        .history
        .check(error == 0 || is_expected(error), || format!("{group}: error {error} for a heartbeat"));
    Some(error)
}

async fn leave(client: &Client, group: &str, member: &str) {
    let identity = MemberIdentity::default().with_member_id(text(member));
    let request = LeaveGroupRequest::default().with_group_id(group_id(group)).with_members(vec![identity]);
    let left = client.call(4, request).await;
    client.history.saw(|| format!("{group}: {member} leaves: {:?}", left.map(|answer| answer.error_code)));
}

fn is_expected(error: i16) -> bool {
    let of_groups =
        [ErrorCode::UnknownMemberId, ErrorCode::IllegalGeneration, ErrorCode::RebalanceInProgress];
    is_passing(error) || of_groups.iter().any(|code| code.code() == error)
}

fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}
