//! ListTransactions and DescribeTransactions, where there are no transactions.

use gracchus_wire::ApiKey;
use gracchus_wire::messages::{
    DescribeTransactionsRequest, FindCoordinatorRequest, ListTransactionsRequest, TransactionalId,
    describe_transactions_response::TransactionState,
};
use protocol_tests::Client;

use super::support::*;

const COORDINATOR_LOAD_IN_PROGRESS: i16 = 14;
const COORDINATOR_NOT_AVAILABLE: i16 = 15;
const NOT_COORDINATOR: i16 = 16;
const INVALID_REQUEST: i16 = 42;
const TRANSACTIONAL_ID_NOT_FOUND: i16 = 105;
const INVALID_REGULAR_EXPRESSION: i16 = 128;

fn list(states: &[&str]) -> ListTransactionsRequest {
    ListTransactionsRequest::default().with_state_filters(states.iter().map(|state| text(state)).collect())
}

#[tokio::test]
async fn there_are_no_transactions_to_list() {
    let (_broker, mut client) = start().await;
    let states = [
        "Empty",
        "Ongoing",
        "PrepareCommit",
        "PrepareAbort",
        "CompleteCommit",
        "CompleteAbort",
        "Dead",
        "PrepareEpochFence",
    ];
    for version in versions(ApiKey::ListTransactions) {
        for mut request in [list(&[]), list(&states), list(&states[..1])] {
            request.producer_id_filters = vec![7.into(), (-1).into()];
            if version >= 1 {
                request.duration_filter = 5;
            }
            let answer = client.call(version, request).await;
            assert_eq!((answer.error_code, answer.transaction_states.len()), (0, 0), "version {version}");
            assert!(answer.unknown_state_filters.is_empty(), "version {version}");
        }
    }
}

#[tokio::test]
async fn states_that_nobody_knows_are_told_once_each() {
    let (_broker, mut client) = start().await;
    for version in versions(ApiKey::ListTransactions) {
        let asked = list(&["z", "Ongoing", "ongoing", "z", "", "PREPARE_COMMIT"]);
        let mut answer = client.call(version, asked).await;
        // In the reference they come in the order of a hash table.
        answer.unknown_state_filters.sort_unstable_by(|a, b| a.as_str().cmp(b));
        let unknown = ["", "PREPARE_COMMIT", "ongoing", "z"].map(text);
        assert_eq!((answer.error_code, answer.transaction_states.len()), (0, 0));
        assert_eq!(answer.unknown_state_filters, unknown, "version {version}");
    }
}

#[tokio::test]
async fn a_pattern_of_ids_that_is_no_expression_is_refused() {
    let (_broker, mut client) = start().await;
    for (pattern, error) in [
        ("x.*", 0),
        ("", 0),
        ("[", INVALID_REGULAR_EXPRESSION),
        ("(", INVALID_REGULAR_EXPRESSION),
        ("(?=a)", INVALID_REGULAR_EXPRESSION),
    ] {
        let request = list(&["z"]).with_transactional_id_pattern(Some(text(pattern)));
        let answer = client.call(2, request).await;
        assert_eq!((answer.error_code, answer.transaction_states.len()), (error, 0), "{pattern}");
        assert_eq!(answer.unknown_state_filters.len(), usize::from(error == 0), "{pattern}");
    }
}

/// Asks until the coordinator has made up its mind.
async fn describe(client: &mut Client, version: i16, ids: &[&str]) -> Vec<TransactionState> {
    let ids: Vec<_> = ids.iter().map(|id| TransactionalId(text(id))).collect();
    let patience = Patience::new();
    loop {
        patience.wait();
        let request = DescribeTransactionsRequest::default().with_transactional_ids(ids.clone());
        let states = client.call(version, request).await.transaction_states;
        let waits = [COORDINATOR_LOAD_IN_PROGRESS, COORDINATOR_NOT_AVAILABLE, NOT_COORDINATOR];
        if !states.iter().any(|state| waits.contains(&state.error_code)) {
            return states;
        }
    }
}

#[tokio::test]
async fn a_transactional_id_that_nobody_has_used_is_not_found() {
    let (_broker, mut client) = start().await;
    // In the reference this makes the topic of transactions.
    let find = FindCoordinatorRequest::default().with_key_type(1).with_coordinator_keys(vec![text("a")]);
    client.call(4, find).await;
    for version in versions(ApiKey::DescribeTransactions) {
        let states = describe(&mut client, version, &["a", "", "b"]).await;
        let told: Vec<_> = states.iter().map(|s| (s.transactional_id.as_str(), s.error_code)).collect();
        let expected =
            [("a", TRANSACTIONAL_ID_NOT_FOUND), ("", INVALID_REQUEST), ("b", TRANSACTIONAL_ID_NOT_FOUND)];
        assert_eq!(told, expected, "version {version}");
        for state in states {
            assert_eq!((state.transaction_state.as_str(), state.topics.len()), ("", 0));
            assert_eq!((state.producer_id.0, state.producer_epoch), (0, 0));
            assert_eq!((state.transaction_timeout_ms, state.transaction_start_time_ms), (0, 0));
        }
        assert_eq!(describe(&mut client, version, &[]).await, []);
    }
}
