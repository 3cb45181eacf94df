//! Identifiers as newtypes, so that an offset is never passed where an epoch is meant.
//!
//! All of them are plain values of the width they have on the wire.

use std::fmt;
use std::sync::Arc;

use crate::topic_name::TopicName;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $inner);

        impl $name {
            /// The bare number, as it stands on the wire.
            pub const fn get(self) -> $inner {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number!(
    /// The position of a record in a partition; 0 is the first one ever written.
    Offset(i64)
);
number!(
    /// Counts the leaders a partition has had (KIP-101); it only grows for one topic id (TRAPS 24).
    LeaderEpoch(i32)
);
number!(
    /// Identifies one producer instance (KIP-98).
    ProducerId(i64)
);
number!(
    /// Fences older instances with the same producer id (KIP-98).
    ProducerEpoch(i16)
);
number!(
    /// The sequence number of a record of an idempotent producer; wraps from `i32::MAX` to 0 (TRAPS 46).
    Sequence(i32)
);
number!(
    /// `node.id` of a broker.
    BrokerId(i32)
);
number!(
    /// The index of a partition within its topic, counted from 0.
    PartitionIndex(i32)
);

impl Offset {
    /// The start of every log.
    pub const ZERO: Self = Self(0);

    /// The offset `n` places later; saturates at the ends of the range.
    #[must_use]
    pub const fn plus(self, n: i64) -> Self {
        Self(self.0.saturating_add(n))
    }

    /// How many offsets lie between `earlier` and this one; saturates at the ends of the range.
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl LeaderEpoch {
    /// What the wire says where an epoch is not known or not given.
    pub const NONE: Self = Self(-1);
}

impl ProducerId {
    /// "No producer id": the batch is not idempotent.
    pub const NONE: Self = Self(-1);
}

impl ProducerEpoch {
    /// The epoch that goes with [`ProducerId::NONE`].
    pub const NONE: Self = Self(-1);
}

impl Sequence {
    /// The sequence that goes with [`ProducerId::NONE`].
    pub const NONE: Self = Self(-1);

    /// The sequence `n` records later: after `i32::MAX` comes 0 (TRAPS 46).
    #[must_use]
    pub const fn plus(self, n: i32) -> Self {
        Self((self.0 as i64 + n as i64).rem_euclid(1 << 31) as i32)
    }
}

/// A topic's id: 16 random bytes, made when the topic is created (KIP-516). Shown as 22 URL-safe base64 characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicId(pub [u8; 16]);

/// The alphabet of URL-safe base64 (RFC 4648, section 5), which Kafka's `Uuid` prints with.
const BASE64_URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

impl TopicId {
    /// "No topic id": sixteen zero bytes.
    pub const ZERO: Self = Self([0; 16]);

    /// The id of `__cluster_metadata` (KIP-516): 1 as a 128-bit number.
    pub const CLUSTER_METADATA: Self = Self([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);

    /// Whether this is [`TopicId::ZERO`].
    pub const fn is_zero(self) -> bool {
        u128::from_be_bytes(self.0) == 0
    }

    /// Reads the 22 characters that [`fmt::Display`] writes; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != 22 {
            return None;
        }
        let mut bits: u128 = 0;
        for (i, c) in text.bytes().enumerate() {
            let digit = BASE64_URL.iter().position(|b| *b == c)? as u128;
            // 22 characters carry 132 bits: the last one holds two bits of the id and four of padding.
            bits = if i < 21 { bits << 6 | digit } else { bits << 2 | digit >> 4 };
        }
        Some(Self(bits.to_be_bytes()))
    }
}

impl fmt::Display for TopicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = u128::from_be_bytes(self.0);
        for i in 0..22 {
            let digit = if i < 21 { (bits >> (122 - 6 * i)) & 63 } else { (bits & 3) << 4 };
            write!(f, "{}", BASE64_URL[digit as usize] as char)?;
        }
        Ok(())
    }
}

/// The name of a consumer group. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId(pub Arc<str>);

impl GroupId {
    /// Wraps a name as it came from the wire.
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for GroupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A partition by name, shown as `topic-0`, which is also the name of its directory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicPartition {
    pub topic: TopicName,
    pub partition: PartitionIndex,
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.topic, self.partition)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_id_reads_back_what_it_prints() {
        for id in [TopicId([7; 16]), TopicId([255; 16]), TopicId::CLUSTER_METADATA] {
            assert_eq!(TopicId::parse(&id.to_string()), Some(id));
        }
        assert_eq!(TopicId::CLUSTER_METADATA.to_string(), "AAAAAAAAAAAAAAAAAAAAAQ");
        assert_eq!(TopicId::parse("too short"), None);
    }

    #[test]
    fn traps_46_sequences_wrap_to_zero() {
        assert_eq!(Sequence(i32::MAX).plus(1), Sequence(0));
        assert_eq!(Sequence(i32::MAX - 1).plus(3), Sequence(1));
        assert_eq!(Sequence(5).plus(3), Sequence(8));
    }
}
