//! What a client saw, reduced to what it acts on: whether there was an answer, and its error codes and where they stand.

use std::collections::BTreeMap;

use gracchus_wire::ApiKey;
use gracchus_wire::client::decode_response;
use kafka_protocol::error::ResponseError;

use crate::case::Case;
use crate::exchange::Seen;

pub const CLOSED: &str = "closes";

/// What a client saw, in the report's words.
pub fn outcome(case: &Case, seen: &Seen) -> String {
    match seen {
        Seen::Answered(frame) => answer(case, frame),
        Seen::AnsweredOnly(frame) => format!("{}, then closes", answer(case, frame)),
        Seen::Skipped => "no answer, stays open".to_owned(),
        Seen::Closed => CLOSED.to_owned(),
        Seen::Silent => "waits for more".to_owned(),
    }
}

fn answer(case: &Case, frame: &[u8]) -> String {
    let Some(api) = case.api else { return "answers".to_owned() };
    let decode = |version| decode_response(api, version, frame.to_vec().into());
    // To a version nobody knows ApiVersions answers in version 0 (KIP-511).
    let unknown = api == ApiKey::ApiVersions && !api.accepts(case.version);
    let decoded = decode(if unknown { 0 } else { case.version });
    let decoded = if api == ApiKey::ApiVersions { decoded.or_else(|_| decode(0)) } else { decoded };
    match decoded {
        Ok((_, response)) => codes(&format!("{response:?}")),
        Err(error) => format!("an answer that cannot be read ({error})"),
    }
}

/// The error codes in what `{:?}` prints of an answer. The order of elements says nothing: brokers group by name.
fn codes(text: &str) -> String {
    let mut found: BTreeMap<String, BTreeMap<i16, usize>> = BTreeMap::new();
    for (path, code) in error_codes(text) {
        *found.entry(path).or_default().entry(code).or_default() += 1;
    }
    if found.values().all(|codes| codes.keys().all(|code| *code == 0)) {
        return "no error".to_owned();
    }
    let said = found.iter().map(|(path, codes)| {
        let codes: Vec<String> = codes.iter().map(|(code, times)| named(*code, *times)).collect();
        if path.is_empty() { codes.join(", ") } else { format!("{path}: {}", codes.join(", ")) }
    });
    said.collect::<Vec<_>>().join("; ")
}

fn named(code: i16, times: usize) -> String {
    let name = match ResponseError::try_from_code(code) {
        Some(error) => screaming(&format!("{error:?}")),
        None => "NONE".to_owned(),
    };
    if times == 1 { name } else { format!("{times} × {name}") }
}

fn screaming(name: &str) -> String {
    let mut out = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.push(letter.to_ascii_uppercase());
    }
    out
}

/// Every `error_code` in printed structs, with the names of the fields around it.
fn error_codes(text: &str) -> Vec<(String, i16)> {
    const CODE: &str = "error_code";
    let mut found = Vec::new();
    let (mut path, mut name, mut rest): (Vec<&str>, &str, &str) = (Vec::new(), "", text);
    while let Some(first) = rest.chars().next() {
        match first {
            '"' => rest = behind_text(rest),
            '{' | '[' | '(' => {
                path.push(std::mem::take(&mut name));
                rest = &rest[1..];
            }
            '}' | ']' | ')' => {
                path.pop();
                rest = &rest[1..];
            }
            _ if first.is_ascii_alphanumeric() || first == '_' || first == '-' => {
                let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '-');
                let (word, behind) = rest.split_at(end.unwrap_or(rest.len()));
                if let (CODE, Ok(code)) = (name, word.parse()) {
                    let around: Vec<&str> = path.iter().copied().filter(|name| !name.is_empty()).collect();
                    found.push((around.join("."), code));
                }
                // The name of a struct behind the name of its field says nothing; a field's name ends with a colon.
                if behind.starts_with(": ") {
                    name = word;
                }
                rest = behind;
            }
            ',' => {
                name = "";
                rest = &rest[1..];
            }
            _ => rest = &rest[first.len_utf8()..],
        }
    }
    found
}

/// What follows the text that `rest` begins with.
fn behind_text(rest: &str) -> &str {
    let mut escaped = false;
    for (at, letter) in rest.char_indices().skip(1) {
        match letter {
            '"' if !escaped => return &rest[at + 1..],
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    ""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_codes_are_found_with_their_places_and_not_inside_texts() {
        let text = r#"R { error_code: 0, topics: [T { name: N("}]\" error_code: 5"), error_code: 3, l: [1, 2], 
            partitions: [P { error_code: -1 }, P { error_code: -1 }] }], after: 7 }"#;
        let found = error_codes(text);
        let expected = [("", 0), ("topics", 3), ("topics.partitions", -1), ("topics.partitions", -1)];
        assert_eq!(found, expected.map(|(path, code)| (path.to_owned(), code)));
        assert_eq!(
            codes(text),
            "NONE; topics: UNKNOWN_TOPIC_OR_PARTITION; topics.partitions: 2 × UNKNOWN_SERVER_ERROR"
        );
    }
}
