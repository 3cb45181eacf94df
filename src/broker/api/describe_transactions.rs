//! DescribeTransactions (key 65): the state of transactional ids (KIP-664). There are none until transactions are served.

use gracchus_base::ErrorCode;
use gracchus_wire::messages::{
    DescribeTransactionsRequest, DescribeTransactionsResponse, TransactionalId,
    describe_transactions_response::TransactionState,
};

use super::each_once;

pub fn handle(request: DescribeTransactionsRequest) -> DescribeTransactionsResponse {
    let ids = each_once(request.transactional_ids, TransactionalId::clone);
    let states = ids.into_iter().map(|id| {
        let error =
            if id.is_empty() { ErrorCode::InvalidRequest } else { ErrorCode::TransactionalIdNotFound };
        TransactionState::default().with_error_code(error.code()).with_transactional_id(id)
    });
    DescribeTransactionsResponse::default().with_transaction_states(states.collect())
}
