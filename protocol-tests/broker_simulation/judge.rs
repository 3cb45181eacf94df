//! Looks at a broker that has just started: is everything there that was promised?

use std::collections::BTreeMap;

use super::client::{Client, is_passing};
use super::producer::{self, PARTITIONS};
use super::{admin, committer, reader};

/// How often a question is asked again whose answer is to come later.
const TRIES: usize = 200;

/// Checks everything.
pub(super) async fn check(client: &Client) {
    admin::check(client).await;
    for partition in 0..PARTITIONS {
        check_partition(client, partition).await;
    }
    let commits: Vec<_> = client.history.told().commits.keys().cloned().collect();
    for (group, partition) in commits {
        for _ in 0..TRIES {
            if committer::committed(client, &group, partition).await.is_some() {
                break;
            }
            client.rest(20).await;
        }
    }
}

/// Reads a partition as a whole: every acknowledged record once, each producer's in their order and without a gap.
async fn check_partition(client: &Client, partition: i32) {
    let Some(records) = read_all(client, partition).await else { return };
    let mut next: BTreeMap<usize, i32> = BTreeMap::new();
    for (_, value) in &records {
        let Some((producer, sequence)) = producer::parse(value) else { continue };
        let due = next.entry(producer).or_default();
        client.history.check(sequence == *due, || {
            format!("partition {partition} has record {sequence} of producer {producer}, {due} is next")
        });
        *due = sequence + 1;
    }
    let told = client.history.told();
    let there: BTreeMap<i64, &String> = records.iter().map(|(offset, value)| (*offset, value)).collect();
    let lost =
        told.values.iter().find(|((at, offset), value)| *at == partition && there.get(offset) != Some(value));
    let lost = lost.map(|((_, offset), value)| (*offset, value.clone()));
    let unknown = next.iter().find(|(producer, next)| {
        let sent = told.producers.get(producer).copied().unwrap_or_default();
        i64::from(**next) <= sent.acknowledged || i64::from(**next) > sent.asked + 1
    });
    let unknown = unknown.map(|(producer, next)| (*producer, *next));
    drop(told);
    client.history.check(lost.is_none(), || format!("partition {partition} has lost {lost:?}"));
    client
        .history
        .check(unknown.is_none(), || format!("partition {partition}: (producer, records) {unknown:?}"));
}

/// Everything that readers see of a partition; `None` if it does not come online.
async fn read_all(client: &Client, partition: i32) -> Option<Vec<(i64, String)>> {
    let mut records = Vec::new();
    let mut from = 0;
    let mut tries = 0;
    loop {
        let read = reader::fetch(client, partition, from, 0).await;
        match read {
            Some(read) if read.error == 0 => {
                reader::note(client, partition, &read);
                let Some((last, _)) = read.records.last() else { return Some(records) };
                from = last + 1;
                records.extend(read.records);
            }
            Some(read) if !is_passing(read.error) => {
                client.history.violated(format!("partition {partition} from {from}: error {}", read.error));
                return None;
            }
            _ => {
                tries += 1;
                if tries > TRIES {
                    return None;
                }
                client.rest(20).await;
            }
        }
    }
}
