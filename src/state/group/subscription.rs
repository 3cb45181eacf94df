//! The topics in a `ConsumerProtocolSubscription`: the metadata that members of type `consumer` join with.
//!
//! Metadata is the client's own (TRAPS 55), so that nothing here may fail loudly: bytes that do not parse mean that the
//! topics are not known. Only version 0, the prefix of every later version, is read.

use std::collections::BTreeSet;

/// The topics a member subscribes to; `None` if the bytes are no subscription. Reads at most what is there.
pub(super) fn subscribed_topics(metadata: &[u8]) -> Option<BTreeSet<String>> {
    let mut rest = metadata;
    if take_i16(&mut rest)? < 0 {
        return None;
    }
    let count = take_i32(&mut rest)?;
    if count < 0 {
        return None;
    }
    let mut topics = BTreeSet::new();
    for _ in 0..count {
        let len = usize::try_from(take_i16(&mut rest)?).ok()?;
        let name = take(&mut rest, len)?;
        topics.insert(String::from_utf8_lossy(name).into_owned());
    }
    let user_data = take_i32(&mut rest)?;
    if user_data >= 0 {
        take(&mut rest, usize::try_from(user_data).ok()?)?;
    }
    Some(topics)
}

fn take<'a>(rest: &mut &'a [u8], len: usize) -> Option<&'a [u8]> {
    let (head, tail) = rest.split_at_checked(len)?;
    *rest = tail;
    Some(head)
}

fn take_i16(rest: &mut &[u8]) -> Option<i16> {
    let (head, tail) = rest.split_first_chunk()?;
    *rest = tail;
    Some(i16::from_be_bytes(*head))
}

fn take_i32(rest: &mut &[u8]) -> Option<i32> {
    let (head, tail) = rest.split_first_chunk()?;
    *rest = tail;
    Some(i32::from_be_bytes(*head))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with `ConsumerProtocol.serializeSubscription(new Subscription(List.of("a", "bc")))` of Kafka 4.3.1.
    const FROM_KAFKA: &[u8] = &[
        0, 3, 0, 0, 0, 2, 0, 1, b'a', 0, 2, b'b', b'c', 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff,
    ];

    #[test]
    fn the_topics_of_any_version_are_read() {
        let topics = subscribed_topics(FROM_KAFKA).unwrap();
        assert_eq!(topics.into_iter().collect::<Vec<_>>(), ["a", "bc"]);
    }

    #[test]
    fn every_cut_of_the_part_that_is_read_means_unknown() {
        for len in 0..17 {
            assert_eq!(subscribed_topics(&FROM_KAFKA[..len]), None, "{len}");
        }
    }

    #[test]
    fn lengths_that_lie_mean_unknown_and_reserve_nothing() {
        assert_eq!(subscribed_topics(&[0, 0, 0x7f, 0xff, 0xff, 0xff]), None);
        assert_eq!(subscribed_topics(&[0, 0, 0xff, 0xff, 0xff, 0xff]), None);
        assert_eq!(subscribed_topics(&[0, 0, 0, 0, 0, 1, 0xff, 0xff, 0, 0, 0, 0]), None);
        assert_eq!(subscribed_topics(&[0, 0, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff]), None);
        assert_eq!(subscribed_topics(&[0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]), None);
    }
}
