//! What retention leaves of a log, as clients see it.

use gracchus_base::Timestamp;
use gracchus_wire::records::{BatchBuilder, BatchOptions};
use protocol_tests::batch;

use super::support::*;

/// Checks often, so that a test need not wait.
const OFTEN: [(&str, &str); 3] = [
    ("log.initial.task.delay.ms", "0"),
    ("log.retention.check.interval.ms", "1"),
    ("log.flush.scheduler.interval.ms", "10"),
];

#[tokio::test]
async fn retention_by_size_moves_the_log_start_to_a_segment() {
    let Some((_broker, mut client)) = start_with(&OFTEN).await else { return };
    let configs =
        [("segment.bytes", "1048576"), ("retention.bytes", "1048576"), ("file.delete.delay.ms", "0")];
    let topic = create(&mut client, "by-size", 1, &configs).await;
    let value = "x".repeat(300_000);
    for offset in 0..12 {
        assert_eq!(produced(&mut client, &topic, batch::values(&[&value])).await, offset);
    }
    // Three such batches fill a segment. Whole segments go, one run after another, while what stays is as large as asked:
    // two of the four.
    let (patience, start) = (Patience::new(), 6);
    while log_start(&mut client, &topic).await != start {
        patience.wait();
    }
    assert_eq!(fetch(&mut client, 12, &topic, 0).await.error_code, 1, "OFFSET_OUT_OF_RANGE");
    assert_eq!(read(&mut client, &topic, start).await[0].0, start);
    let answer = produce(&mut client, 9, &topic, batch::values(&["next"])).await;
    assert_eq!(answer.base_offset, 12, "offsets go on");
}

#[tokio::test]
async fn retention_by_time_removes_what_is_too_old() {
    let Some((_broker, mut client)) = start_with(&OFTEN).await else { return };
    let topic =
        create(&mut client, "by-time", 1, &[("retention.ms", "3600000"), ("file.delete.delay.ms", "0")])
            .await;
    let now = gracchus_base::Clock::system().now().0;
    let mut builder = BatchBuilder::new(BatchOptions::default());
    builder.push(Timestamp(now - 7_200_000), None, Some(b"old"), &[]);
    produced(&mut client, &topic, builder.finish().unwrap().to_bytes()).await;
    let patience = Patience::new();
    while log_start(&mut client, &topic).await != 1 {
        patience.wait();
    }
    assert_eq!(end(&mut client, &topic).await, 1);
    assert_eq!(produced(&mut client, &topic, batch::values(&["new"])).await, 1);
    assert_eq!(read(&mut client, &topic, 1).await[0].2.as_deref(), Some("new"));
}
