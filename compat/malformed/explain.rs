//! Why a difference is meant. What stands here is the list of all ways in which malformed input is answered otherwise
//! than by Kafka; a difference that is not here makes the run fail.

use gracchus_wire::ApiKey;
use gracchus_wire::DecodeError;
use gracchus_wire::shape::Problem;

use crate::case::{Case, Group, refusal};
use crate::outcome::CLOSED;

/// A difference that is known. Empty texts and `None` stand for any.
struct Known {
    group: Option<Group>,
    api: Option<ApiKey>,
    name: &'static str,
    /// How the two outcomes begin.
    kafka: &'static str,
    ours: &'static str,
    why: &'static str,
}

const KNOWN: &[Known] = &[];

/// Why `ours` is not `kafka`; `None`: nobody knows.
pub fn why(case: &Case, kafka: &str, ours: &str) -> Option<&'static str> {
    if ours == CLOSED
        && let Some(DecodeError::Shape(error)) = refusal(case)
        && let Some(why) = refused(&error.problem)
    {
        return Some(why);
    }
    let known = |known: &&Known| {
        known.group.is_none_or(|group| group == case.group)
            && known.api.is_none_or(|api| Some(api) == case.api)
            && (known.name.is_empty() || known.name == case.name)
            && kafka.starts_with(known.kafka)
            && ours.starts_with(known.ours)
    };
    KNOWN.iter().find(known).map(|known| known.why)
}

/// Why a body is refused that Kafka reads.
const fn refused(problem: &Problem) -> Option<&'static str> {
    match problem {
        Problem::Utf8 => Some("Kafka replaces what is not UTF-8 and goes on with a name that nobody meant"),
        Problem::Negative(_) => {
            Some("Kafka takes every negative length for null where null may be; clients send -1")
        }
        Problem::Varint => Some("Kafka drops the bits of a varint above the 32nd; clients send none"),
        Problem::TagOrder(_) => Some("KIP-482 has tags in ascending order, each once; Kafka does not look"),
        Problem::TagLength => {
            Some("Kafka does not compare a known tag's size with what it reads, and reads on askew")
        }
        Problem::TagVersion(_) => Some("Kafka fails on the tag with an error of its own making, or skips it"),
        _ => None,
    }
}
