//! `broker`: the metadata log and the file beside it, as a start reads them.

use std::path::{Path, PathBuf};

use gracchus_base::metadata_record::MetadataRecord;
use gracchus_base::{BrokerId, Clock, LeaderEpoch, Offset, Timestamp};
use gracchus_broker::quorum::{Quorum, QuorumOptions};
use gracchus_log::fs::sim::SimDisk;
use gracchus_wire::internal::metadata;
use gracchus_wire::records::{BatchBuilder, BatchOptions};

use super::log::{env, put};
use super::metadata::records;
use super::wire::all_made_right;
use crate::{Bound, Target};

const DIR: &str = "/__cluster_metadata-0";

/// A log keeps room for the entries of its indexes.
const QUORUM_BYTES: usize = 96 * 1024;

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
    samples: || vec![segment(&records()), segment(&records()[..3])],
    run: |input| started_with("00000000000000000000.log", &all_made_right(input.to_vec())),
    // See `metadata-image` for the records, which are in the image of each of two starts.
    bound: Bound { per_byte: 256, always: QUORUM_BYTES },
};

/// Two batches of records.
fn segment(records: &[MetadataRecord]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut base = 0;
    for part in records.chunks(7) {
        let options = BatchOptions {
            base_offset: Offset(base),
            leader_epoch: LeaderEpoch(1),
            ..BatchOptions::default()
        };
        let mut builder = BatchBuilder::new(options);
        part.iter().for_each(|r| builder.push(Timestamp(9), None, Some(&metadata::encode(r)), &[]));
        bytes.extend_from_slice(&builder.finish().expect("a batch").to_bytes());
        base += i64::try_from(part.len()).unwrap_or(0);
    }
    bytes
}

/// Starts with a file of that content, twice.
fn started_with(file: &str, content: &[u8]) {
    let disk = SimDisk::new();
    put(&disk, Path::new(DIR), file, content);
    let Some((first, end)) = started(&disk) else { return };
    match started(&disk) {
        Some((second, _)) => assert!(first < second, "no epoch is used twice"),
        None => assert_eq!(first, LeaderEpoch(i32::MAX), "what has started once starts again"),
    }
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
