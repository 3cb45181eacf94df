//! Power cuts of a whole broker, the quick part. The long part: `cargo run --release -p protocol-tests -- power`.

use protocol_tests::power_cuts;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_03_a_whole_broker_keeps_every_promise_over_a_power_cut_at_any_moment() {
    let done = power_cuts::run(20, 1).await;
    let (records, commits, topics) = done.acknowledged;
    assert!(records > 0 && commits > 0 && topics > 0, "{done:?}");
}
