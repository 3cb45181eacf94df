//! Members of groups.

use std::time::Duration;

use krafka::Kafka;
use krafka::consumer::{Consumer, TopicPartition};

use super::report::{Outcome, check, equal, soon};
use super::{READ, as_it_is, comes, connected, kind, member, produce, take, topic, usual, values};

pub async fn group_checks(kafka: &Kafka) {
    let (name, group) = ("krafka-committed", "krafka-commits");
    check("group-rebalance", rebalance(kafka)).await;
    check("group-commit", async {
        topic(kafka, name, 1).await?;
        produce(kafka, values(name, &["a", "b", "c"]), as_it_is).await?;
        let consumer = member(kafka, "commits", &[name]).await?;
        comes(&consumer, &["a", "b"]).await?;
        consumer.commit().await?;
        let committed = consumer.committed(&[(name, 0)]).await?;
        equal(committed.into_values().map(|position| position.offset).collect(), vec![2])?;
        Ok(consumer.close().await?)
    })
    .await;
    check("group-resume", async {
        let consumer = member(kafka, "commits", &[name]).await?;
        comes(&consumer, &["c"]).await?;
        Ok(consumer.close().await?)
    })
    .await;
    check("group-lag", async {
        let mut found = kafka.admin().consumer_group_lag(group, Default::default()).await?;
        equal(found.remove(&TopicPartition::new(name, 0)).ok_or("no partition")??.lag, Some(1))
    })
    .await;
}

async fn owned(consumer: &Consumer) -> usize {
    consumer.assignment().await.values().map(Vec::len).sum()
}

/// Polls, which is what applies an assignment, and says how many partitions the member has.
async fn polled(consumer: &Consumer) -> Outcome<usize> {
    consumer.poll(Duration::from_millis(200)).await?;
    Ok(owned(consumer).await)
}

async fn rebalance(kafka: &Kafka) -> Outcome {
    topic(kafka, "krafka-shared", 4).await?;
    let first = member(kafka, "shared", &["krafka-shared"]).await?;
    // All that a `Kafka` makes share connections: a member that waits in JoinGroup holds up the others' heartbeats.
    let second = member(&connected().await?, "shared", &["krafka-shared"]).await?;
    soon(async || Ok(tokio::try_join!(polled(&first), polled(&second))? == (2, 2))).await?;
    second.close().await?;
    soon(async || Ok(polled(&first).await? == 4)).await?;
    Ok(first.close().await?)
}

pub async fn fenced(kafka: &Kafka) -> Outcome<String> {
    let settings = || usual(kafka.consumer("krafka-static")).group_instance_id("one");
    let (first, second) = (settings().build().await?, settings().build().await?);
    first.subscribe([READ]).await?;
    take(&first, 1).await?;
    second.subscribe([READ]).await?;
    take(&second, 1).await?;
    kind(take(&first, 1000).await)
}
