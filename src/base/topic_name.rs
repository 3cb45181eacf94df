//! Topic names and the rule for them. A name that was parsed is safe as part of a path.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use crate::limits;

/// A legal topic name: 1 to 249 characters of `[a-zA-Z0-9._-]`, not `.` or `..`. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicName(Arc<str>);

/// Why a text is no topic name; the texts are Kafka's, since tools print them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TopicNameError {
    #[error("the empty string is not allowed")]
    Empty,
    #[error("'{0}' is not allowed")]
    Dots(&'static str),
    #[error("the length of '{0}' is longer than the max allowed length {max}", max = limits::TOPIC_NAME_BYTES_MAX)]
    TooLong(String),
    #[error("'{0}' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'")]
    Character(String),
}

impl TopicName {
    /// Checks `text` by Kafka's rule for topic names.
    pub fn parse(text: &str) -> Result<Self, TopicNameError> {
        match text {
            "" => return Err(TopicNameError::Empty),
            "." => return Err(TopicNameError::Dots(".")),
            ".." => return Err(TopicNameError::Dots("..")),
            _ => {}
        }
        if text.len() > limits::TOPIC_NAME_BYTES_MAX {
            return Err(TopicNameError::TooLong(text.to_owned()));
        }
        if !text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-')) {
            return Err(TopicNameError::Character(text.to_owned()));
        }
        Ok(Self(text.into()))
    }

    /// The topic of committed offsets and group metadata.
    pub fn consumer_offsets() -> Self {
        Self("__consumer_offsets".into())
    }

    /// The topic whose only partition is the metadata log.
    pub fn cluster_metadata() -> Self {
        Self("__cluster_metadata".into())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether Kafka counts this topic as internal (`is_internal` in Metadata).
    pub fn is_internal(&self) -> bool {
        matches!(&*self.0, "__consumer_offsets" | "__transaction_state" | "__share_group_state")
    }

    /// Two names collide when they differ only in `.` and `_`, because metric names do not tell them apart (TRAPS 63).
    pub fn collides_with(&self, other: &Self) -> bool {
        self != other
            && self.0.len() == other.0.len()
            && self
                .0
                .bytes()
                .zip(other.0.bytes())
                .all(|(a, b)| a == b || is_dot_or_bar(a) && is_dot_or_bar(b))
    }
}

fn is_dot_or_bar(b: u8) -> bool {
    b == b'.' || b == b'_'
}

impl fmt::Display for TopicName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Borrow<str> for TopicName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_leave_their_directory_are_refused() {
        for bad in ["", ".", "..", "a/b", "a\0b", "ä", "a b", &"x".repeat(250)] {
            assert!(TopicName::parse(bad).is_err(), "{bad:?}");
        }
        for good in ["a", "...", "a.b_c-D9", &"x".repeat(249)] {
            assert!(TopicName::parse(good).is_ok(), "{good:?}");
        }
    }

    #[test]
    fn traps_63_names_collide_over_dot_and_underscore() {
        let name = |s| TopicName::parse(s).unwrap();
        assert!(name("a.b").collides_with(&name("a_b")));
        assert!(!name("a.b").collides_with(&name("a.b")));
        assert!(!name("a.b").collides_with(&name("a-b")));
    }
}
