//! Clients that push more than the broker takes: reading from their sockets pauses, nothing is dropped, and its memory
//! stays within the budget and a constant.

use gracchus_wire::{ApiKey, Request, Response};
use protocol_tests::client::produce_request;
use protocol_tests::process::serve;
use protocol_tests::{Client, batch};
use tokio::task::JoinSet;

const CONNECTIONS: i32 = 40;
const REQUESTS: i32 = 10;
const VALUE_BYTES: usize = 900_000;

/// `queued.max.request.bytes`. All clients together send forty times as much.
const BUDGET_BYTES: u64 = 8_000_000;

/// What else the process needs for 40 connections, their requests and partitions: measured 2 MB.
const CONSTANT_BYTES: u64 = 12_000_000;

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_push_more_than_is_taken_wait_and_memory_stays_within_the_budget() {
    let dir = tempfile::tempdir().unwrap();
    let budget = BUDGET_BYTES.to_string();
    let settings = [("queued.max.request.bytes", &*budget), ("socket.request.max.bytes", "2000000")];
    let (process, address) = serve(dir.path(), &settings);
    Client::connect(address).await.create_topic("t", CONNECTIONS, &[]).await;
    let before = process.memory_peak_bytes();
    let mut clients = JoinSet::new();
    for partition in 0..CONNECTIONS {
        let mut client = Client::connect(address).await;
        clients.spawn(async move {
            let value = "x".repeat(VALUE_BYTES);
            let request = produce_request("t", partition, -1, batch::values(&[&value]));
            let request = Request::Produce(request.with_timeout_ms(60_000));
            // No answer is read before all is sent.
            for _ in 0..REQUESTS {
                client.send(9, &request).await;
            }
            for offset in 0..REQUESTS {
                let (correlation_id, Response::Produce(answer)) = client.receive(ApiKey::Produce, 9).await
                else {
                    panic!("not Produce")
                };
                let answer = &answer.responses[0].partition_responses[0];
                let stored = (correlation_id - 1, answer.error_code, answer.base_offset);
                assert_eq!(stored, (offset, 0, i64::from(offset)));
            }
        });
    }
    clients.join_all().await;
    let grown = process.memory_peak_bytes() - before;
    assert!(grown < BUDGET_BYTES + CONSTANT_BYTES, "{grown} bytes");
}
