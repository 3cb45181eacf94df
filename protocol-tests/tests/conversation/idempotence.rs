//! Idempotent producers (TRAPS 46, 47): duplicates, gaps, epochs, and all of it after a restart.

use gracchus_wire::ApiKey;
use gracchus_wire::messages::{InitProducerIdRequest, ProducerId, TransactionalId};
use protocol_tests::{Client, batch};

use super::support::*;

fn init(id: Option<TransactionalId>) -> InitProducerIdRequest {
    InitProducerIdRequest::default().with_transactional_id(id).with_transaction_timeout_ms(1000)
}

async fn producer_id(client: &mut Client) -> i64 {
    let patience = Patience::new();
    let answer = loop {
        patience.wait();
        let answer = client.call(4, init(None)).await;
        // A broker that has just started may still ask for a block of ids.
        if answer.error_code != 14 {
            break answer;
        }
    };
    assert_eq!((answer.error_code, answer.producer_epoch), (0, 0));
    answer.producer_id.0
}

/// Produces one record as producer `id`; answers code and offset.
async fn send(client: &mut Client, topic: &Topic, (id, epoch): (i64, i16), sequence: i32) -> (i16, i64) {
    let answer = produce(client, 9, topic, batch::idempotent(id, epoch, sequence, &["v"])).await;
    (answer.error_code, answer.base_offset)
}

#[tokio::test]
async fn every_version_gives_a_new_producer_id_with_epoch_0() {
    let (_broker, mut client) = start().await;
    let mut seen = vec![producer_id(&mut client).await];
    for version in versions(ApiKey::InitProducerId) {
        let request = init(None);
        let answer = client.call(version, request).await;
        assert_eq!((answer.error_code, answer.producer_epoch), (0, 0), "version {version}");
        assert!(answer.producer_id.0 >= 0 && !seen.contains(&answer.producer_id.0));
        seen.push(answer.producer_id.0);
    }
    let answer = client.call(4, init(Some(TransactionalId(text(""))))).await;
    assert_eq!((answer.error_code, answer.producer_id), (42, ProducerId(-1)));
}

#[tokio::test]
async fn a_transactional_id_is_refused_for_good_until_transactions_are_served() {
    let Some((_broker, mut client)) = start_with(&[]).await else { return };
    for version in versions(ApiKey::InitProducerId) {
        let id = Some(TransactionalId(text("tx")));
        assert_eq!(client.call(version, init(id)).await.error_code, 53);
    }
}

#[tokio::test]
async fn traps_46_a_duplicate_of_the_last_five_batches_has_the_original_offset() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "five", 1, &[]).await;
    let producer = (producer_id(&mut client).await, 0);
    for sequence in 0..7 {
        assert_eq!(send(&mut client, &topic, producer, sequence).await, (0, i64::from(sequence)));
    }
    for sequence in 2..7 {
        assert_eq!(
            send(&mut client, &topic, producer, sequence).await,
            (0, i64::from(sequence)),
            "the same offset"
        );
    }
    // Older than what is remembered.
    for sequence in 0..2 {
        assert_eq!(send(&mut client, &topic, producer, sequence).await, (45, -1));
    }
    assert_eq!(end(&mut client, &topic).await, 7);
}

#[tokio::test]
async fn traps_46_a_gap_is_out_of_order() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "gap", 1, &[]).await;
    let producer = (producer_id(&mut client).await, 0);
    assert_eq!(send(&mut client, &topic, producer, 0).await, (0, 0));
    for sequence in [2, 3, 100, i32::MAX] {
        assert_eq!(send(&mut client, &topic, producer, sequence).await, (45, -1), "{sequence}");
    }
    assert_eq!(send(&mut client, &topic, producer, 1).await, (0, 1), "it goes on where it was");
    assert_eq!(end(&mut client, &topic).await, 2);
}

#[tokio::test]
async fn traps_46_sequences_wrap_to_0() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "wrap", 1, &[]).await;
    let id = producer_id(&mut client).await;
    // A producer that is not known may start anywhere (TRAPS 47).
    let first =
        produce(&mut client, 9, &topic, batch::idempotent(id, 0, i32::MAX - 1, &["a", "b", "c"])).await;
    assert_eq!((first.error_code, first.base_offset), (0, 0), "{first:?}");
    assert_eq!(send(&mut client, &topic, (id, 0), 2).await, (45, -1));
    assert_eq!(send(&mut client, &topic, (id, 0), 1).await, (0, 3));
    let again =
        produce(&mut client, 9, &topic, batch::idempotent(id, 0, i32::MAX - 1, &["a", "b", "c"])).await;
    assert_eq!((again.error_code, again.base_offset), (0, 0), "a duplicate across the wrap");
}

#[tokio::test]
async fn traps_47_a_producer_that_is_not_known_may_start_at_any_sequence() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "fresh", 1, &[]).await;
    let producer = (producer_id(&mut client).await, 0);
    assert_eq!(send(&mut client, &topic, producer, 41).await, (0, 0));
    assert_eq!(send(&mut client, &topic, producer, 42).await, (0, 1));
}

#[tokio::test]
async fn traps_48_an_older_epoch_is_fenced_and_a_newer_one_starts_at_0() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "epochs", 1, &[]).await;
    let id = producer_id(&mut client).await;
    assert_eq!(send(&mut client, &topic, (id, 1), 0).await, (0, 0));
    assert_eq!(send(&mut client, &topic, (id, 0), 1).await, (47, -1), "INVALID_PRODUCER_EPOCH");
    assert_eq!(send(&mut client, &topic, (id, 2), 5).await, (45, -1), "a new epoch begins at 0");
    assert_eq!(send(&mut client, &topic, (id, 2), 0).await, (0, 1));
    assert_eq!(end(&mut client, &topic).await, 2);
}

#[tokio::test]
async fn producers_and_partitions_have_sequences_of_their_own() {
    let (_broker, mut client) = start().await;
    let one = create(&mut client, "one", 1, &[]).await;
    let other = create(&mut client, "other", 1, &[]).await;
    let (first, second) = ((producer_id(&mut client).await, 0), (producer_id(&mut client).await, 0));
    assert_ne!(first, second);
    assert_eq!(send(&mut client, &one, first, 0).await, (0, 0));
    assert_eq!(send(&mut client, &one, second, 0).await, (0, 1));
    assert_eq!(send(&mut client, &other, first, 0).await, (0, 0));
    assert_eq!(send(&mut client, &one, first, 1).await, (0, 2));
}

#[tokio::test]
async fn traps_46_duplicates_and_gaps_are_known_after_a_restart() {
    let Some((mut broker, mut client)) = start_with(&[]).await else { return };
    let topic = create(&mut client, "restarted", 1, &[]).await;
    let producer = (producer_id(&mut client).await, 0);
    for sequence in 0..6 {
        assert_eq!(send(&mut client, &topic, producer, sequence).await.0, 0);
    }
    broker.restart().await;
    let mut client = broker.client().await;
    assert_eq!(send(&mut client, &topic, producer, 5).await, (0, 5), "the last batch");
    // A snapshot, as Kafka writes it at a clean stop, holds a producer's last batch alone. None is appended twice.
    for sequence in 0..5 {
        assert_eq!(send(&mut client, &topic, producer, sequence).await, (45, -1));
    }
    assert_eq!(send(&mut client, &topic, producer, 7).await, (45, -1));
    assert_eq!(end(&mut client, &topic).await, 6);
    assert_eq!(send(&mut client, &topic, producer, 6).await, (0, 6));
    assert!(producer_id(&mut client).await > producer.0, "no id is given out twice");
}

#[tokio::test]
async fn pipelined_batches_of_a_producer_are_appended_in_order() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "pipelined", 1, &[]).await;
    let id = producer_id(&mut client).await;
    let frame = |sequence| {
        let records = batch::idempotent(id, 0, sequence, &["v"]);
        protocol_tests::typed::encode(9, produce_request(9, &topic, 0, -1, records))
    };
    // Sent again while the first five are under way, as clients do after a lost connection.
    let frames: Vec<_> = (0..5).chain(0..5).map(frame).collect();
    client.send_raw(&frames.concat()).await;
    for sequence in (0..5).chain(0..5) {
        let answer = client.receive_answer(9, gracchus_wire::messages::ProduceRequest::default()).await;
        let partition = &answer.responses[0].partition_responses[0];
        assert_eq!((partition.error_code, partition.base_offset), (0, sequence));
    }
    assert_eq!(end(&mut client, &topic).await, 5);
}
