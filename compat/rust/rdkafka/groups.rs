//! Members of groups.

use std::time::Duration;

use rdkafka::consumer::{CommitMode, Consumer, StreamConsumer};
use rdkafka::{Offset, TopicPartitionList};
use tokio::time::timeout;

use super::report::{Outcome, check, equal, soon};
use super::{LIMIT, READ, comes, consumer, kind, member, produce, take, topic, values};

const COMMITTED: &str = "rdkafka-committed";

/// What the group `commits` has committed.
fn committed() -> Outcome<Offset> {
    let mut asked = TopicPartitionList::new();
    asked.add_partition(COMMITTED, 0);
    let found = consumer("commits", &[])?.committed_offsets(asked, LIMIT)?;
    Ok(found.elements()[0].offset())
}

pub async fn group_checks() {
    check("group-rebalance", rebalance()).await;
    check("group-commit", async {
        topic(COMMITTED, 1).await?;
        produce(values(COMMITTED, &["a", "b", "c"]), &[]).await?;
        let consumer = member("commits", &[COMMITTED])?;
        take(&consumer, 1).await?;
        consumer.commit_message(&consumer.recv().await?, CommitMode::Sync)?;
        equal(committed()?, Offset::Offset(2))
    })
    .await;
    check("group-resume", async { comes(&member("commits", &[COMMITTED])?, &["c"]).await }).await;
    check("group-lag", async {
        let (_, end) = consumer("commits", &[])?.fetch_watermarks(COMMITTED, 0, LIMIT)?;
        equal(committed()?, Offset::Offset(end - 1))
    })
    .await;
}

/// Polls, which is what applies an assignment, and says how many partitions the member has.
async fn polled(consumer: &StreamConsumer) -> Outcome<usize> {
    if let Ok(record) = timeout(Duration::from_millis(200), consumer.recv()).await {
        record?;
    }
    Ok(consumer.assignment()?.count())
}

async fn rebalance() -> Outcome {
    topic("rdkafka-shared", 4).await?;
    let (first, second) = (member("shared", &["rdkafka-shared"])?, member("shared", &["rdkafka-shared"])?);
    soon(async || Ok(tokio::try_join!(polled(&first), polled(&second))? == (2, 2))).await?;
    drop(second);
    soon(async || Ok(polled(&first).await? == 4)).await
}

pub async fn fenced() -> Outcome<String> {
    let [first, second] = [(); 2].map(|()| consumer("static", &[("group.instance.id", "one")]));
    let (first, second) = (first?, second?);
    first.subscribe(&[READ])?;
    take(&first, 1).await?;
    second.subscribe(&[READ])?;
    take(&second, 1).await?;
    kind(take(&first, 1000).await)
}
