//! Workloads whose parts follow each other: sizes of a partition, or minutes.

/// Their names, with what their parts count.
const SERIES: &[(&str, &str)] = &[("growth", "GB"), ("soak", "minutes")];

/// What the parts of a workload count; `None` if they do not.
pub fn counts(workload: &str) -> Option<&'static str> {
    SERIES.iter().find(|(name, _)| *name == workload).map(|(_, counted)| *counted)
}

/// What was measured, and where in the series: `produce, 5 GB` is `produce` at 5, `minute 3` has no name but 3.
pub fn position(part: &str) -> Option<(&str, f64)> {
    let at = part.find(|character: char| character.is_ascii_digit())?;
    let (thing, number) = part.split_at(at);
    let end = number.find(|character: char| !character.is_ascii_digit() && character != '.');
    let position = number[..end.unwrap_or(number.len())].parse().ok()?;
    Some((thing.trim_end_matches([',', ' ']).trim_end_matches("minute"), position))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_in_a_part_says_where_it_is() {
        assert_eq!(position("produce, 5 GB"), Some(("produce", 5.0)));
        assert_eq!(position("0.5 GB"), Some(("", 0.5)));
        assert_eq!(position("minute 10"), Some(("", 10.0)));
        assert_eq!(position("alone"), None);
    }
}
