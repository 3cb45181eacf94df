//! Makes a schedule that fails shorter.

use crate::schedule::Step;

/// Runs that shrinking may take.
const TRIES_MAX: usize = 400;

/// The shortest schedule found that fails, with how it fails: without halves of it, quarters, and so on down to single
/// steps, as long as something is still wrong without them.
pub(crate) fn shortest<T>(
    mut steps: Vec<Step>,
    mut violation: String,
    play: impl Fn(&[Step]) -> Result<T, String>,
) -> (Vec<Step>, String) {
    let mut tries = 0;
    let mut size = steps.len().div_ceil(2);
    while size > 0 && tries < TRIES_MAX {
        let mut shorter = false;
        let mut at = 0;
        while at < steps.len() && tries < TRIES_MAX {
            let end = (at + size).min(steps.len());
            let without = [&steps[..at], &steps[end..]].concat();
            tries += 1;
            match play(&without) {
                Err(error) => (steps, violation, shorter) = (without, error, true),
                Ok(_) => at = end,
            }
        }
        if !shorter || size > 1 {
            size /= 2;
        }
    }
    (steps, violation)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_matter_is_left_out() {
        let steps: Vec<_> = (0..50).map(Step::Retain).collect();
        let fails =
            |steps: &[Step]| match (steps.contains(&Step::Retain(7)), steps.contains(&Step::Retain(33))) {
                (true, true) => Err("both".to_owned()),
                _ => Ok(()),
            };
        let (steps, violation) = shortest(steps, String::new(), fails);
        assert_eq!((steps, violation.as_str()), (vec![Step::Retain(7), Step::Retain(33)], "both"));
    }
}
