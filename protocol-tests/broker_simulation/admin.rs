//! Topics that are made and deleted.

use gracchus_base::ErrorCode;
use gracchus_wire::messages::{
    CreateTopicsRequest, DeleteTopicsRequest, MetadataRequest, create_topics_request::CreatableTopic,
};

use super::client::{Client, is_passing};
use crate::client::topic_name;

/// Makes a topic; answers whether it is there.
pub(super) async fn create(client: &Client, name: &str, partitions: i32) -> bool {
    let topic = CreatableTopic::default()
        .with_name(topic_name(name))
        .with_num_partitions(partitions)
        .with_replication_factor(-1);
    let request = CreateTopicsRequest::default().with_topics(vec![topic]).with_timeout_ms(5000);
    let Some(answer) = client.call_unsure(7, request).await else { return false };
    let error = answer.topics[0].error_code;
    client.history.saw(|| format!("topic {name} is made: {error}"));
    let exists = error == ErrorCode::TopicAlreadyExists.code();
    client.history.check(error == 0 || exists || is_passing(error), || format!("{name}: error {error}"));
    error == 0 || exists
}

/// Makes topics, and deletes some of them.
pub(super) async fn make_and_delete(client: Client, life: u64) {
    let mut n = 0;
    loop {
        client.rest(400).await;
        let name = format!("made-{life}-{n}");
        n += 1;
        if !create(&client, &name, 2).await {
            continue;
        }
        client.history.told().topics.insert(name.clone());
        if client.below(3) == 0 {
            client.history.told().maybe_gone.insert(name.clone());
            delete(&client, &name).await;
        }
    }
}

async fn delete(client: &Client, name: &str) {
    let request =
        DeleteTopicsRequest::default().with_topic_names(vec![topic_name(name)]).with_timeout_ms(5000);
    let answer = client.call_unsure(5, request).await;
    let error = answer.map(|answer| answer.responses[0].error_code);
    client.history.saw(|| format!("topic {name} is deleted: {error:?}"));
    if error == Some(0) {
        let mut told = client.history.told();
        told.topics.remove(name);
        told.maybe_gone.remove(name);
        told.gone.insert(name.to_owned());
    }
}

/// Compares the topics that are there with those that were told of.
pub(super) async fn check(client: &Client) {
    let Some(metadata) = client.call(12, MetadataRequest::default().with_topics(None)).await else { return };
    let there: Vec<_> = metadata
        .topics
        .iter()
        .filter_map(|topic| topic.name.as_ref())
        .map(|name| name.0.to_string())
        .collect();
    let told = client.history.told();
    let lost: Vec<_> =
        told.topics.difference(&told.maybe_gone).filter(|name| !there.contains(name)).cloned().collect();
    let back: Vec<_> = told.gone.iter().filter(|name| there.contains(name)).cloned().collect();
    drop(told);
    client.history.check(lost.is_empty(), || format!("topics are lost: {lost:?}"));
    client.history.check(back.is_empty(), || format!("deleted topics are there again: {back:?}"));
}
