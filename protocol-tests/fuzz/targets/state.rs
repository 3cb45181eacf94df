//! `state`: what clients of a group say about themselves, and the offsets topic as a coordinator is loaded from it.

use gracchus_base::group_record::GroupRecord;
use gracchus_base::{GroupId, Monotonic, Timestamp};
use gracchus_state::group::{Coordinator, GroupConfig};

use super::wire::{group_record, group_records, group_value, member};
use crate::{Bound, Target};

/// `ConsumerProtocol.serializeSubscription(new Subscription(List.of("a", "bc")))` of Kafka 4.3.1.
pub(super) const FROM_KAFKA: &[u8] = &[
    0, 3, 0, 0, 0, 2, 0, 1, b'a', 0, 2, b'b', b'c', 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff,
];

/// The metadata that a member of type `consumer` joins with.
pub(super) const SUBSCRIPTION: Target = Target {
    name: "subscription",
    samples: || vec![FROM_KAFKA.to_vec(), [&FROM_KAFKA[..5], &[0, 0, 0, 0, 0]].concat()],
    run: |input| {
        let group = GroupId::new("some-group");
        let value = Some(group_value(vec![member(0, input), member(1, input)]));
        let described = loaded([GroupRecord::Group { group: group.clone(), value }]).describe(&group);
        assert_eq!(described.map(|group| group.members.len()), Some(2));
    },
    // A topic's name is a text in a tree, 48 bytes for 3, for each member and for the group; the input itself four times.
    bound: Bound { per_byte: 64, always: 16 * 1024 },
};

/// Records of the offsets topic, each an input of `group-record` behind its length in two bytes.
pub(super) const OFFSETS_TOPIC: Target = Target {
    name: "offsets-topic",
    samples: || {
        let records: Vec<_> = group_records().iter().map(|record| framed(record)).collect();
        vec![records.concat(), records.iter().rev().flatten().copied().collect(), records[0].clone()]
    },
    run: |input| {
        let mut coordinator = loaded(unframed(input).filter_map(group_record));
        let later = coordinator.next_deadline().unwrap_or_default();
        for now in [later, Monotonic(i64::MAX)] {
            drop(coordinator.tick(now, WALL));
            drop(coordinator.expire_offsets(now, WALL));
        }
        let listed = coordinator.list(&[], &[]);
        assert_eq!(coordinator.usage().groups, listed.len());
        for group in listed {
            assert!(coordinator.describe(&group.group).is_some());
        }
    },
    // A group of a kilobyte or so in maps and timers, for a record of 20 bytes.
    bound: Bound { per_byte: 128, always: 8 * 1024 },
};

const WALL: Timestamp = Timestamp(1_800_000_000_000);

/// A coordinator that has read these from its partition.
fn loaded(records: impl IntoIterator<Item = GroupRecord>) -> Coordinator {
    let mut coordinator = Coordinator::new(GroupConfig::default());
    records.into_iter().for_each(|record| coordinator.replay(record));
    drop(coordinator.loaded(Monotonic(1), WALL));
    coordinator
}

/// An input with its length in front.
pub(super) fn framed(record: &[u8]) -> Vec<u8> {
    let bytes = u16::try_from(record.len()).unwrap_or(u16::MAX);
    [&bytes.to_be_bytes()[..], record].concat()
}

/// What [`framed`] has put together; a length that lies ends at the end.
pub(super) fn unframed(mut input: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (bytes, rest) = input.split_first_chunk()?;
        let (record, rest) = rest.split_at(rest.len().min(u16::from_be_bytes(*bytes).into()));
        input = rest;
        Some(record)
    })
}
