//! How the outcomes of administrative decisions are told: the same code and text for one topic or many.

use gracchus_base::ErrorCode;
use gracchus_state::controller::TopicError;
use gracchus_wire::messages::StrBytes;

/// Code and message of a decision about one topic.
pub fn code_and_message<T>(result: &Result<T, TopicError>) -> (i16, Option<StrBytes>) {
    match result {
        Ok(_) => (ErrorCode::None.code(), None),
        Err(error) => (error.code.code(), Some(error.message.clone().into())),
    }
}
