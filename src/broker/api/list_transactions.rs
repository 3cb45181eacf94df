//! ListTransactions (key 66): the transactional ids that fit some filters (KIP-664, KIP-994, KIP-1152). There are none until
//! transactions are served, so that what is left of the filters is whether they can be meant.

use gracchus_base::ErrorCode;
use gracchus_wire::messages::{ListTransactionsRequest, ListTransactionsResponse, StrBytes};

use super::each_once;
use super::re2_pattern::is_re2_pattern;

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

pub fn handle(request: ListTransactionsRequest) -> ListTransactionsResponse {
    let answer = ListTransactionsResponse::default();
    if !request.transactional_id_pattern.as_deref().is_none_or(is_re2_pattern) {
        return answer.with_error_code(ErrorCode::InvalidRegularExpression.code());
    }
    let unknown = request.state_filters.into_iter().filter(|state| !STATES.contains(&state.as_str()));
    answer.with_unknown_state_filters(each_once(unknown, StrBytes::clone))
}
