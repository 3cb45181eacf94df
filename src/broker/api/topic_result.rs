//! How the outcomes of administrative decisions are told: the same code and text for one topic or many.

use gracchus_base::ErrorCode;
use gracchus_base::limits::ANSWER_WORDS_BYTES_MAX;
use gracchus_state::controller::AdminError;
use gracchus_wire::messages::StrBytes;

/// Code and message of a decision about one item of a request.
pub fn code_and_message<T>(result: &Result<T, AdminError>) -> (i16, Option<StrBytes>) {
    match result {
        Ok(_) => (ErrorCode::None.code(), None),
        Err(error) => (error.code.code(), error.message.clone().map(Into::into)),
    }
}

/// The texts of one answer whose items are much smaller than what may have to be said about each: there are
/// [`ANSWER_WORDS_BYTES_MAX`] of them at most, and items beyond have their codes alone.
#[derive(Debug)]
pub struct Words {
    bytes_left: usize,
}

impl Words {
    pub const fn new() -> Self {
        Self { bytes_left: ANSWER_WORDS_BYTES_MAX }
    }

    /// Code and message of the next item. A message that names what is too long for the wire is left out too.
    pub fn code_and_message<T>(&mut self, result: &Result<T, AdminError>) -> (i16, Option<StrBytes>) {
        let (code, message) = code_and_message(result);
        let message = message.filter(|message| i16::try_from(message.len()).is_ok());
        let Some(bytes_left) = self.bytes_left.checked_sub(message.as_ref().map_or(0, |text| text.len()))
        else {
            return (code, None);
        };
        self.bytes_left = bytes_left;
        (code, message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_says_so_many_words_and_then_codes_alone() {
        let mut words = Words::new();
        let error = |bytes: usize| {
            let message = Some("x".repeat(bytes));
            Err::<(), _>(AdminError { code: ErrorCode::ElectionNotNeeded, message })
        };
        assert_eq!(words.code_and_message(&error(32_768)), (84, None), "longer than the wire has it");
        let told = (0..100).filter(|_| words.code_and_message(&error(32_767)).1.is_some()).count();
        assert_eq!(told, ANSWER_WORDS_BYTES_MAX / 32_767);
        assert_eq!(words.code_and_message(&error(32_767)), (84, None));
        assert_eq!(words.code_and_message(&Ok(())), (0, None));
    }
}
