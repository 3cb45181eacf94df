//! Commits of a group: those without members, and what members do for the partitions they own.

use gracchus_wire::messages::{
    FindCoordinatorRequest, GroupId, OffsetCommitRequest, OffsetFetchRequest, StrBytes,
    offset_commit_request as oc, offset_fetch_request as of,
};

use super::client::{Client, is_passing};
use super::producer::TOPIC;
use crate::client::topic_name;

/// Who commits: a member of a generation, or nobody in particular.
#[derive(Clone, Copy, Debug)]
pub(super) struct As<'a> {
    pub generation: i32,
    pub member: &'a str,
}

/// A client that commits without being a member.
pub(super) const NOBODY: As<'static> = As { generation: -1, member: "" };

pub(super) fn group_id(group: &str) -> GroupId {
    GroupId(StrBytes::from_string(group.to_owned()))
}

/// Commits one offset after the other, and looks now and then whether it is still there.
pub(super) async fn commit_on(client: Client, group: &str) {
    loop {
        client.rest(60).await;
        let Some(there) = committed(&client, group, 0).await else { continue };
        for next in there + 1..there + 6 {
            if commit(&client, group, NOBODY, 0, next).await != Some(0) {
                break;
            }
            client.rest(20).await;
        }
    }
}

/// Commits an offset; answers the error, `None` when no answer came.
pub(super) async fn commit(
    client: &Client,
    group: &str,
    by: As<'_>,
    partition: i32,
    offset: i64,
) -> Option<i16> {
    let key = (group.to_owned(), partition);
    {
        let mut told = client.history.told();
        let sent = told.commits.entry(key.clone()).or_default();
        sent.asked = sent.asked.max(offset);
    }
    let asked = oc::OffsetCommitRequestPartition::default()
        .with_partition_index(partition)
        .with_committed_offset(offset);
    let topic =
        oc::OffsetCommitRequestTopic::default().with_name(topic_name(TOPIC)).with_partitions(vec![asked]);
    let request = OffsetCommitRequest::default()
        .with_group_id(group_id(group))
        .with_generation_id_or_member_epoch(by.generation)
        .with_member_id(StrBytes::from_string(by.member.to_owned()))
        .with_topics(vec![topic]);
    let error = client.call_unsure(8, request).await?.topics[0].partitions[0].error_code;
    client.history.saw(|| format!("{group} commits {offset} of {partition} in {}: {error}", by.generation));
    if error == 0 {
        let mut told = client.history.told();
        told.commits_acknowledged += 1;
        let sent = told.commits.entry(key).or_default();
        sent.acknowledged = sent.acknowledged.max(offset);
    } else if is_passing(error) {
        let key = StrBytes::from_string(group.to_owned());
        let _made = client.call(3, FindCoordinatorRequest::default().with_key(key)).await;
    }
    Some(error)
}

/// The committed offset of a group, -1 for none; `None` if nobody can say now. It is what was acknowledged, or something
/// later that was asked for.
pub(super) async fn committed(client: &Client, group: &str, partition: i32) -> Option<i64> {
    let key = (group.to_owned(), partition);
    let before = client.history.told().commits.get(&key).copied().unwrap_or_default();
    let topic = of::OffsetFetchRequestTopics::default()
        .with_name(topic_name(TOPIC))
        .with_partition_indexes(vec![partition]);
    let asked = of::OffsetFetchRequestGroup::default().with_group_id(group_id(group));
    let request = OffsetFetchRequest::default().with_groups(vec![asked.with_topics(Some(vec![topic]))]);
    let answer = client.call(8, request).await?;
    let answer = &answer.groups[0];
    if is_passing(answer.error_code) {
        let key = StrBytes::from_string(group.to_owned());
        let _made = client.call(3, FindCoordinatorRequest::default().with_key(key)).await;
        return None;
    }
    client.history.check(answer.error_code == 0, || format!("{group} was told error {}", answer.error_code));
    let there = answer.topics.first()?.partitions.first()?.committed_offset;
    let asked = client.history.told().commits.get(&key).copied().unwrap_or_default().asked;
    client.history.saw(|| format!("{group} has {there} of {partition}"));
    client.history.check(there >= before.acknowledged, || {
        format!(
            "{group} has committed {there} of {partition}, after {} was acknowledged",
            before.acknowledged
        )
    });
    client
        .history
        .check(there <= asked, || format!("{group} has {there} of {partition}, which nobody committed"));
    Some(there)
}
