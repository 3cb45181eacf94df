//! How the outcomes of administrative decisions are told: the same code and text for one topic or many.

use gracchus_base::ErrorCode;
use gracchus_state::controller::AdminError;
use gracchus_wire::messages::StrBytes;

/// Code and message of a decision about one item of a request.
pub fn code_and_message<T>(result: &Result<T, AdminError>) -> (i16, Option<StrBytes>) {
    match result {
        Ok(_) => (ErrorCode::None.code(), None),
        Err(error) => (error.code.code(), error.message.clone().map(Into::into)),
    }
}
