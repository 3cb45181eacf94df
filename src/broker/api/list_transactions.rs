//! ListTransactions (key 66): the transactional ids that fit some filters (KIP-664, KIP-994, KIP-1152). There are none until
//! transactions are served, so that what is left of the filters is whether they can be meant.

use gracchus_base::ErrorCode;
use gracchus_wire::messages::{ListTransactionsRequest, ListTransactionsResponse, StrBytes};
use regex_syntax::ParserBuilder;

use super::each_once;

/// The states that a transaction can be in.
const STATES: [&str; 8] = [
    "Empty",
    "Ongoing",
    "PrepareCommit",
    "PrepareAbort",
    "CompleteCommit",
    "CompleteAbort",
    "Dead",
    "PrepareEpochFence",
];

/// How deep an expression may be nested: the parser goes down as deep. Kafka's takes 1000.
const PATTERN_DEPTH_MAX: u32 = 1000;

pub fn handle(request: ListTransactionsRequest) -> ListTransactionsResponse {
    let answer = ListTransactionsResponse::default();
    if !request.transactional_id_pattern.as_deref().is_none_or(is_pattern) {
        return answer.with_error_code(ErrorCode::InvalidRegularExpression.code());
    }
    let unknown = request.state_filters.into_iter().filter(|state| !STATES.contains(&state.as_str()));
    answer.with_unknown_state_filters(each_once(unknown, StrBytes::clone))
}

/// Whether this is an expression as RE2 has them. The few that only RE2/J refuses, as `a**` is, pass: there is nothing that
/// they could be matched with.
fn is_pattern(pattern: &str) -> bool {
    ParserBuilder::new().nest_limit(PATTERN_DEPTH_MAX).build().parse(pattern).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_taken_and_refused_as_by_kafka() {
        for pattern in ["", "x.*", r"\p{Greek}", "(?P<n>a)", "(?<n>a)", "a{1,1000}", "^[^a-z]+?$"] {
            assert!(is_pattern(pattern), "{pattern}");
        }
        for pattern in ["[", "(", "*", r"\", "(?=a)", "a{2,1}", "[z-a]"] {
            assert!(!is_pattern(pattern), "{pattern}");
        }
    }

    #[test]
    fn a_pattern_that_is_nested_without_end_is_refused() {
        assert!(!is_pattern(&"(".repeat(16_000)));
        let nested = |depth| format!("{}a{}", "(".repeat(depth), ")".repeat(depth));
        assert!(is_pattern(&nested(100)));
        assert!(!is_pattern(&nested(10_000)));
    }
}
