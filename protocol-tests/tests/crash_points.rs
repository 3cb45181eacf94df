//! Power cuts at every operation of a log, the quick part. The long part: `cargo run --release -p protocol-tests -- crashes`.

use protocol_tests::crash_points;

/// Schedules that once failed, or that a planted bug needs.
const FIRST_SEED: u64 = 0;

/// What takes a few seconds unoptimised.
const POINTS: u64 = 5_000;

#[test]
fn faults_03_23_29_power_cuts_anywhere_lose_nothing_flushed_and_serve_nothing_torn() {
    if let Err(failure) = crash_points::run(FIRST_SEED, POINTS, 2) {
        panic!("{failure}");
    }
}
