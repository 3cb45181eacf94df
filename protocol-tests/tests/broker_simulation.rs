//! The quick part of the simulation of a whole broker.

use protocol_tests::broker_simulation;

const SEEDS: u64 = 12;

#[test]
fn a_whole_broker_keeps_what_it_promised_whatever_fails() {
    match broker_simulation::run_many(0, SEEDS, 2) {
        Ok(done) => assert!(
            done.power_cuts > SEEDS && done.records > 1000 && done.commits > 1000 && done.generations > SEEDS,
            "hardly anything was done: {done:?}"
        ),
        Err(failure) => panic!("{failure}"),
    }
}

#[test]
fn a_seed_repeats_every_step() {
    let once = || broker_simulation::run(7).unwrap_or_else(|failure| panic!("{failure}"));
    assert_eq!(once(), once());
}
