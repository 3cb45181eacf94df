//! Idempotent producers. Answers are lost, and then the same batch is sent again.

use gracchus_base::ErrorCode;
use gracchus_wire::messages::InitProducerIdRequest;

use super::client::{Client, is_passing};
use crate::batch;
use crate::client::produce_request;

pub(super) const TOPIC: &str = "written";

/// Partitions; two producers write to each.
pub(super) const PARTITIONS: i32 = 3;

/// Producers.
pub(super) const PRODUCERS: usize = 6;

/// Where a producer stands, over all lives.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Position {
    id: Option<i64>,
    /// The first record of the next batch, and how many records it has once it was sent.
    next: i32,
    batch: Option<i32>,
}

/// The value of a producer's record.
pub(super) fn value(producer: usize, sequence: i32) -> String {
    format!("p{producer}-{sequence}")
}

/// Producer and sequence of a value.
pub(super) fn parse(value: &str) -> Option<(usize, i32)> {
    let (producer, sequence) = value.strip_prefix('p')?.split_once('-')?;
    Some((producer.parse().ok()?, sequence.parse().ok()?))
}

/// The partition a producer writes to.
pub(super) fn partition_of(producer: usize) -> i32 {
    producer as i32 % PARTITIONS
}

/// Writes until the life ends. `position` is kept from life to life.
pub(super) async fn write(client: Client, producer: usize, position: &std::sync::Mutex<Position>) {
    let partition = partition_of(producer);
    let mut at = *position.lock().expect("no client panics");
    loop {
        client.rest(80).await;
        let Some(id) = at.id else {
            let init = InitProducerIdRequest::default().with_transactional_id(None);
            if let Some(answer) = client.call(4, init).await.filter(|answer| answer.error_code == 0) {
                at.id = Some(answer.producer_id.0);
                *position.lock().expect("no client panics") = at;
            }
            continue;
        };
        let records = *at.batch.get_or_insert_with(|| 1 + client.below(3) as i32);
        *position.lock().expect("no client panics") = at;
        client.history.told().producers.entry(producer).or_default().asked = i64::from(at.next + records - 1);
        let values: Vec<_> = (at.next..at.next + records).map(|sequence| value(producer, sequence)).collect();
        let refs: Vec<_> = values.iter().map(String::as_str).collect();
        let stamped = batch::idempotent_at(client.history.now(), id, 0, at.next, &refs);
        let request = produce_request(TOPIC, partition, -1, stamped);
        let Some(answer) = client.call_unsure(9, request).await else {
            client.history.saw(|| format!("producer {producer} hears nothing of {}", at.next));
            continue;
        };
        let answer = &answer.responses[0].partition_responses[0];
        let (error, base) = (answer.error_code, answer.base_offset);
        client.history.saw(|| format!("producer {producer}: {} x{records}: {error} at {base}", at.next));
        if error == ErrorCode::None.code() {
            for (offset, value) in (base..).zip(&values) {
                client.history.value_at(partition, offset, value);
            }
            at = Position { next: at.next + records, batch: None, ..at };
            *position.lock().expect("no client panics") = at;
            client.history.told().producers.entry(producer).or_default().acknowledged =
                i64::from(at.next - 1);
        } else {
            client.history.check(is_passing(error), || format!("producer {producer} was told error {error}"));
            client.rest(200).await;
        }
    }
}
