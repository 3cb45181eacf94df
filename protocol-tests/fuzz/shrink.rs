//! From an input that fails to a small one that fails.

/// Inputs that are tried at most.
const TRIES_MAX: usize = 4000;

/// The smallest input found that fails, and how. `fails` says how an input fails, if it does.
pub(crate) fn smallest(
    input: Vec<u8>,
    how: String,
    fails: impl Fn(&[u8]) -> Option<String>,
) -> (Vec<u8>, String) {
    let (mut best, mut tries) = ((input, how), 0);
    let mut attempt = |best: &mut (Vec<u8>, String), smaller: Vec<u8>| {
        tries += 1;
        if tries > TRIES_MAX || smaller == best.0 {
            return false;
        }
        let Some(how) = fails(&smaller) else { return false };
        *best = (smaller, how);
        true
    };
    let mut piece = best.0.len();
    while piece > 0 {
        let mut at = 0;
        while at < best.0.len() {
            let mut without = best.0.clone();
            without.drain(at..without.len().min(at + piece));
            if !attempt(&mut best, without) {
                at += piece;
            }
        }
        piece /= 2;
    }
    for at in 0..best.0.len() {
        let mut zeroed = best.0.clone();
        zeroed[at] = 0;
        attempt(&mut best, zeroed);
    }
    best
}

#[cfg(test)]
mod tests {
    use super::smallest;

    #[test]
    fn what_does_not_matter_is_taken_away_or_made_zero() {
        let fails = |input: &[u8]| {
            let both = input.contains(&7) && input.len() >= 3;
            both.then(|| format!("{} bytes", input.len()))
        };
        let (input, how) = smallest((0..200).collect(), String::new(), fails);
        assert_eq!((input.len(), input.iter().filter(|byte| **byte != 0).count()), (3, 1));
        assert_eq!(how, "3 bytes");
    }
}
