//! Every target for some thousand cases, and that the judge finds what there is to find.

use counting_allocator::Counting;

use crate::{Bound, Failure, TARGETS, Target, watched};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Cases of each target; the variable is for longer runs.
fn cases_each() -> u64 {
    std::env::var("GRACCHUS_FUZZ_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(1000)
}

#[test]
fn whatever_comes_from_outside_ends_without_a_panic_and_in_bounded_memory() {
    for target in TARGETS {
        // Each sample a few times: there is one of every API and version.
        let samples = u64::try_from((target.samples)().len()).unwrap();
        let done =
            watched(target, 0..cases_each().max(5 * samples)).unwrap_or_else(|failure| panic!("{failure}"));
        println!("{}: {} cases, {:.0} % of the memory", target.name, done.cases, 100.0 * done.memory);
    }
}

#[test]
fn every_sample_passes_as_it_is() {
    for target in TARGETS {
        for sample in (target.samples)() {
            crate::judge::judge(target, &sample).unwrap_or_else(|how| panic!("{}: {how}", target.name));
        }
    }
}

fn failure(run: fn(&[u8])) -> Failure {
    let leaked: &'static Target = Box::leak(Box::new(Target {
        name: "planted",
        run,
        samples: || vec![vec![0; 64]],
        bound: Bound { per_byte: 2, always: 1000 },
    }));
    *watched(leaked, 0..5000).expect_err("it is found")
}

#[test]
fn a_panic_is_found_and_shown_with_its_seed_and_the_smallest_input() {
    let found = failure(|input| assert!(!input.contains(&0x7f), "a planted panic"));
    assert_eq!(found.input, [0x7f]);
    let text = found.to_string();
    assert!(text.contains("a planted panic") && text.contains("found: 7f\n"), "{text}");
    assert!(text.contains(&format!("--target planted --seed {} --cases 1", found.seed)), "{text}");
}

#[test]
fn memory_that_a_length_of_the_input_asks_for_is_found() {
    let found = failure(|input| {
        if let Some([0xff, high, low]) = input.first_chunk() {
            drop(Vec::<u8>::with_capacity(usize::from(u16::from_be_bytes([*high, *low]))));
        }
    });
    assert!(found.how.contains("at a time for 3 of input"), "{found}");
}
