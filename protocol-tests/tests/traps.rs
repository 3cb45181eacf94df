//! Which protocol traps have tests, by the numbers in the names of the tests, and which have a reason why not.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;

use super::tidy::{root, sources};

/// Traps are numbered from one.
const TRAPS: u32 = 72;

/// The numbers in the names of tests: `traps_23_69_epochs` has two.
fn tested() -> BTreeSet<u32> {
    let mut numbers = BTreeSet::new();
    for (_, text) in sources() {
        for name in text.split("fn traps_").skip(1) {
            numbers.extend(name.split('_').map_while(|part| part.parse::<u32>().ok()));
        }
    }
    numbers
}

/// The numbers that have a row in the table.
fn explained() -> BTreeSet<u32> {
    let table = fs::read_to_string(root().join("docs/TRAPS.md")).expect("the table");
    let rows = table.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(" |"));
    rows.filter_map(|(number, _)| number.parse().ok()).collect()
}

#[test]
fn every_protocol_trap_has_a_test_or_a_reason_why_not() {
    let (tested, explained) = (tested(), explained());
    let both: Vec<_> = tested.intersection(&explained).collect();
    assert!(both.is_empty(), "they have tests and a row: {both:?}");
    let all: BTreeSet<_> = tested.union(&explained).copied().collect();
    assert_eq!(all, (1..=TRAPS).collect(), "tests and rows of docs/TRAPS.md together");
    // Not `println`, which a test that passes keeps to itself.
    let count = writeln!(std::io::stdout(), "{} of the {TRAPS} protocol traps have tests", tested.len());
    count.expect("standard output takes a line");
}
