//! `broker`: the metadata log and the file beside it, as a start reads them.

use std::path::{Path, PathBuf};

use gracchus_base::metadata_record::MetadataRecord;
use gracchus_base::{BrokerId, Clock, LeaderEpoch, Offset, Timestamp};
use gracchus_broker::quorum::{Quorum, QuorumOptions};
use gracchus_log::fs::sim::SimDisk;
use gracchus_wire::internal::metadata;
use gracchus_wire::records::{BatchBuilder, BatchOptions, Compression};

use super::log::{env, put};
use super::metadata::records;
use crate::{Bound, Target};

const DIR: &str = "/__cluster_metadata-0";

/// A log keeps room for the entries of its indexes.
const QUORUM_BYTES: usize = 256 * 1024;

/// The `quorum-state` file: a start that succeeds leads in an epoch of its own, and the next one in a later one.
pub(super) const QUORUM_STATE: Target = Target {
    name: "quorum-state",
    samples: || {
        let kafkas = b"{\"leaderId\":1,\"leaderEpoch\":7,\"votedId\":-1,\"appliedOffset\":0,\
                       \"currentVoters\":[{\"voterId\":1}],\"data_version\":0}";
        vec![kafkas.to_vec()]
    },
    run: |input| started_with("quorum-state", input),
    bound: Bound { per_byte: 16, always: QUORUM_BYTES },
};

/// The first segment of the metadata log.
pub(super) const METADATA_LOG: Target = Target {
    name: "metadata-log",
    samples: || {
        let compressed = [Compression::None, Compression::Gzip, Compression::Zstd];
        compressed.map(|compression| segment(compression, &records())).to_vec()
    },
    run: |input| started_with("00000000000000000000.log", &with_crcs(input.to_vec())),
    // A batch may unpack to a thousand times its length, twice while it grows; see `metadata-image` for what comes of it.
    bound: Bound { per_byte: 64 * 1024, always: 16 * 1024 * 1024 },
};

/// Two batches of records.
fn segment(compression: Compression, records: &[MetadataRecord]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut base = 0;
    for part in records.chunks(7) {
        let options = BatchOptions {
            base_offset: Offset(base),
            leader_epoch: LeaderEpoch(1),
            compression,
            ..BatchOptions::default()
        };
        let mut builder = BatchBuilder::new(options);
        part.iter().for_each(|r| builder.push(Timestamp(9), None, Some(&metadata::encode(r)), &[]));
        bytes.extend_from_slice(&builder.finish().expect("a batch").to_bytes());
        base += i64::try_from(part.len()).unwrap_or(0);
    }
    bytes
}

/// The CRC of each batch set right, as far as batches can be told apart: else hardly a change would get past recovery.
pub(super) fn with_crcs(mut bytes: Vec<u8>) -> Vec<u8> {
    let mut at = 0;
    while let Some(length) = bytes.get(at + 8..at + 12).and_then(|length| length.try_into().ok()) {
        let end =
            usize::try_from(i32::from_be_bytes(length)).ok().and_then(|length| at.checked_add(12 + length));
        let Some(end) = end.filter(|end| *end >= at + 61 && *end <= bytes.len()) else { break };
        let crc = crc32c::crc32c(&bytes[at + 21..end]);
        bytes[at + 17..at + 21].copy_from_slice(&crc.to_be_bytes());
        at = end;
    }
    bytes
}

/// Starts with a file of that content, twice.
fn started_with(file: &str, content: &[u8]) {
    let disk = SimDisk::new();
    put(&disk, Path::new(DIR), file, content);
    let Some((first, end)) = started(&disk) else { return };
    let (second, _) = started(&disk).expect("what has started once starts again");
    assert!(first < second, "no epoch is used twice");
    assert!(end > Offset(0), "a leader announces itself");
}

fn started(disk: &SimDisk) -> Option<(LeaderEpoch, Offset)> {
    let options = QuorumOptions {
        dir: PathBuf::from("/"),
        voter: BrokerId(1),
        env: env(disk),
        clock: Clock::manual(Timestamp(1_800_000_000_000)),
        never_flush: false,
    };
    let (mut quorum, image) = Quorum::open(options).ok()?;
    assert!(image.applied().0 < quorum.next_offset());
    let led = (quorum.epoch(), quorum.next_offset());
    quorum.append(&[MetadataRecord::NoOp]).expect("a leader appends");
    quorum.close().expect("it is closed");
    Some(led)
}
