//! What may differ between two brokers that do the same: addresses, random ids, the time of day.

use std::sync::LazyLock;

use regex::Regex;

use crate::scenario::Filter;

/// Applied to every line of every output. The list is short on purpose: each entry hides something.
static MASKS: LazyLock<Vec<(Regex, &'static str)>> = LazyLock::new(|| {
    [
        (r"127\.0\.0\.1:\d+", "ADDRESS"),
        (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "UUID"),
        (r#"(TopicId: |"topicId":"|topic_id: )[\w-]{22}"#, "${1}ID"),
        (r"\b(console-consumer|perf-consumer)-\d+", "${1}-N"),
        // 13 digits are milliseconds since 1970, of this decade.
        (r"\b1[6-9]\d{11}\b", "TIME"),
        (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d:\d{3}", "DATE"),
    ]
    .map(|(pattern, replacement)| (fixed(pattern), replacement))
    .into()
});

/// Log lines below ERROR and stack traces on stderr come and go with timing.
static NOISE: LazyLock<Regex> =
    LazyLock::new(|| fixed(r"^(\[.*\] (WARN|INFO|DEBUG) |\tat |\t\.\.\. \d+ more|OpenJDK )"));

/// A pattern written in this program.
pub fn fixed(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a pattern in the source is well formed")
}

/// One output stream, masked and filtered.
pub fn apply(text: &str, filters: &[Filter]) -> Vec<String> {
    let mut lines: Vec<String> = text.lines().map(|line| mask_line(line, filters)).collect();
    for filter in filters {
        match filter {
            Filter::Keep(regex) => lines.retain(|line| regex.is_match(line)),
            Filter::Hide(regex) => lines.retain(|line| !regex.is_match(line)),
            _ => {}
        }
    }
    if filters.iter().any(|filter| matches!(filter, Filter::Sort)) {
        lines.sort();
    }
    lines
}

/// As [`apply`], without the lines that a tool's logger writes for itself.
pub fn apply_stderr(text: &str, filters: &[Filter]) -> Vec<String> {
    let mut lines = apply(text, filters);
    lines.retain(|line| !line.trim().is_empty() && !NOISE.is_match(line));
    lines
}

fn mask_line(line: &str, filters: &[Filter]) -> String {
    let mut line = line.trim_end().to_owned();
    for (regex, replacement) in MASKS.iter() {
        line = regex.replace_all(&line, *replacement).into_owned();
    }
    for filter in filters {
        if let Filter::Mask(regex) = filter {
            line = regex.replace_all(&line, "*").into_owned();
        }
    }
    // Tables are padded to the width of what has just been masked.
    line.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Leaves out, on both sides, the rows of APIs of which the subject says `UNSUPPORTED`. Returns how many.
pub fn keep_served(reference: &mut Vec<String>, subject: &mut Vec<String>) -> usize {
    let api = |line: &str| line.split_once("): ").map(|(api, _)| api.trim().to_owned());
    let missing: Vec<String> =
        subject.iter().filter(|line| line.contains("): UNSUPPORTED")).filter_map(|line| api(line)).collect();
    for side in [&mut *reference, &mut *subject] {
        side.retain(|line| !api(line).is_some_and(|name| missing.contains(&name)));
        // The last row has no comma.
        side.iter_mut().for_each(|line| *line = line.trim_end_matches(',').to_owned());
    }
    missing.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_ids_and_times_are_masked() {
        let line = "Topic: a\tTopicId: _FCqVHzpQlq4EgzKfhgtZQ   CreateTime:1763707580123 127.0.0.1:9092";
        assert_eq!(apply(line, &[]), ["Topic: a\tTopicId: ID CreateTime:TIME ADDRESS"]);
    }

    #[test]
    fn rows_of_apis_not_served_are_left_out_on_both_sides() {
        let mut reference =
            vec!["\tA(0): 0 to 1 [usable: 1],".to_owned(), "\tB(1): 0 [usable: 0]".to_owned()];
        let mut subject = vec!["\tA(0): 0 to 1 [usable: 1],".to_owned(), "\tB(1): UNSUPPORTED".to_owned()];
        assert_eq!(keep_served(&mut reference, &mut subject), 1);
        assert_eq!(reference, subject);
    }
}
