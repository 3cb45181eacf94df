//! A consumer without a group, which goes on where it was, over all lives.

use gracchus_wire::messages::{FetchRequest, fetch_request as f};

use super::client::{Client, is_passing};
use super::producer::TOPIC;
use crate::batch;
use crate::client::topic_name;

/// What one Fetch has told of a partition.
pub(super) struct Read {
    pub error: i16,
    pub high_watermark: i64,
    pub records: Vec<(i64, String)>,
}

/// Reads a partition until the life ends, and remembers in `position` how far it came.
pub(super) async fn read_on(client: Client, partition: i32, position: &std::sync::Mutex<i64>) {
    loop {
        client.rest(50).await;
        let from = *position.lock().expect("no client panics");
        let Some(read) = fetch(&client, partition, from, 300).await else { continue };
        if read.error != 0 {
            client.history.check(is_passing(read.error), || {
                format!("a reader at {from} of partition {partition} was told error {}", read.error)
            });
            continue;
        }
        note(&client, partition, &read);
        if let Some((last, _)) = read.records.last() {
            client.history.saw(|| format!("a reader of {partition} comes to {last}"));
            *position.lock().expect("no client panics") = last + 1;
        }
    }
}

/// Notes what was read: one value for each offset, and an end that never moves back.
pub(super) fn note(client: &Client, partition: i32, read: &Read) {
    for (offset, value) in &read.records {
        client.history.value_at(partition, *offset, value);
    }
    let (now, before) = {
        let mut told = client.history.told();
        let end = told.ends.entry(partition).or_default();
        let before = *end;
        *end = before.max(read.high_watermark);
        (read.high_watermark, before)
    };
    client
        .history
        .check(now >= before, || format!("the end of partition {partition} moved from {before} to {now}"));
}

/// Reads once; `None` when no answer came.
pub(super) async fn fetch(client: &Client, partition: i32, from: i64, wait_ms: i32) -> Option<Read> {
    let wanted = f::FetchPartition::default()
        .with_partition(partition)
        .with_fetch_offset(from)
        .with_partition_max_bytes(2000);
    let topic = f::FetchTopic::default().with_topic(topic_name(TOPIC)).with_partitions(vec![wanted]);
    let request = FetchRequest::default().with_max_wait_ms(wait_ms).with_min_bytes(1).with_max_bytes(1 << 20);
    let answer = client.call(12, request.with_topics(vec![topic])).await?;
    let data = &answer.responses.first()?.partitions[0];
    let records = batch::records_from(from, data.records.clone().unwrap_or_default());
    Some(Read { error: data.error_code, high_watermark: data.high_watermark, records })
}
