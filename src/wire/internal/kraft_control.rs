//! The control records of the metadata log (KIP-595, KIP-630, KIP-853): who leads, how a snapshot begins and ends, which
//! version of the consensus protocol and which voters count.
//!
//! They stand in control batches. A key is its version (2 bytes, 0) and its type (2 bytes); a value is in the compact
//! form and begins with its own version.

use gracchus_base::{BrokerId, Timestamp, TopicId};

use super::fields::{FieldError, Fields, put_compact_array, put_compact_string, put_no_tagged};

/// The types of control records.
mod control_type {
    pub(super) const LEADER_CHANGE: i16 = 2;
    pub(super) const SNAPSHOT_HEADER: i16 = 3;
    pub(super) const SNAPSHOT_FOOTER: i16 = 4;
    pub(super) const KRAFT_VERSION: i16 = 5;
    pub(super) const KRAFT_VOTERS: i16 = 6;
}

/// The only version that Kafka 4.3 writes, of keys and of values.
const VERSION: i16 = 0;

/// A control record of the metadata log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KraftControl {
    /// The first record of each leader epoch. The schema has a version 1 with the voters' directories, which Kafka 4.3
    /// neither writes nor reads.
    LeaderChange {
        leader: BrokerId,
        voters: Vec<BrokerId>,
        granting_voters: Vec<BrokerId>,
    },
    /// The first record of a snapshot.
    SnapshotHeader {
        last_contained_log_timestamp: Timestamp,
    },
    /// The last record of a snapshot.
    SnapshotFooter,
    /// `kraft.version`: 1 where voters are told by records.
    KraftVersion(i16),
    Voters(Vec<Voter>),
}

/// A voter and where to reach it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Voter {
    pub id: BrokerId,
    pub directory: TopicId,
    pub endpoints: Vec<VoterEndpoint>,
    /// The versions of the consensus protocol that it knows, first and last.
    pub kraft_versions: (i16, i16),
}

/// One listener of a voter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoterEndpoint {
    pub name: String,
    pub host: String,
    pub port: u16,
}

/// Why a control record could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KraftControlError {
    #[error("the key of a control record: {0}")]
    Key(FieldError),
    #[error("a control record of type {0}")]
    Type(i16),
    #[error("a control record without a value")]
    NoValue,
    #[error("version {version} of a control record of type {control_type}")]
    Version { control_type: i16, version: i16 },
    #[error("a control record of type {control_type}: {source}")]
    Field { control_type: i16, source: FieldError },
}

/// Reads a control record of the metadata log.
///
/// # Errors
/// See [`KraftControlError`].
pub fn decode(key: &[u8], value: Option<&[u8]>) -> Result<KraftControl, KraftControlError> {
    let control_type = decode_key(key).map_err(KraftControlError::Key)?;
    let mut fields = Fields::new(value.ok_or(KraftControlError::NoValue)?);
    let wrong = |source| KraftControlError::Field { control_type, source };
    let version = fields.i16().map_err(wrong)?;
    if !(control_type::LEADER_CHANGE..=control_type::KRAFT_VOTERS).contains(&control_type) {
        return Err(KraftControlError::Type(control_type));
    }
    if version != VERSION {
        return Err(KraftControlError::Version { control_type, version });
    }
    let record = decode_fields(&mut fields, control_type).map_err(wrong)?;
    fields.no_tagged().map_err(wrong)?;
    fields.end().map_err(wrong)?;
    Ok(record)
}

/// Later versions of the key may have more fields (KIP-98).
fn decode_key(key: &[u8]) -> Result<i16, FieldError> {
    let mut fields = Fields::new(key);
    fields.i16()?;
    fields.i16()
}

fn decode_fields(f: &mut Fields<'_>, control_type: i16) -> Result<KraftControl, FieldError> {
    Ok(match control_type {
        control_type::LEADER_CHANGE => KraftControl::LeaderChange {
            leader: BrokerId(f.i32()?),
            voters: f.array(true, voter_id)?,
            granting_voters: f.array(true, voter_id)?,
        },
        control_type::SNAPSHOT_HEADER => {
            KraftControl::SnapshotHeader { last_contained_log_timestamp: Timestamp(f.i64()?) }
        }
        control_type::SNAPSHOT_FOOTER => KraftControl::SnapshotFooter,
        control_type::KRAFT_VERSION => KraftControl::KraftVersion(f.i16()?),
        _ => KraftControl::Voters(f.array(true, voter)?),
    })
}

fn voter_id(f: &mut Fields<'_>) -> Result<BrokerId, FieldError> {
    let id = BrokerId(f.i32()?);
    f.no_tagged()?;
    Ok(id)
}

fn voter(f: &mut Fields<'_>) -> Result<Voter, FieldError> {
    let (id, directory) = (BrokerId(f.i32()?), f.uuid()?);
    let endpoints = f.array(true, |f| {
        let (name, host) = (f.string(true)?.to_owned(), f.string(true)?.to_owned());
        let endpoint = VoterEndpoint { name, host, port: f.u16()? };
        f.no_tagged()?;
        Ok(endpoint)
    })?;
    let kraft_versions = (f.i16()?, f.i16()?);
    f.no_tagged()?;
    f.no_tagged()?;
    Ok(Voter { id, directory, endpoints, kraft_versions })
}

/// Key and value of a control record, for a batch with `is_control`.
pub fn encode(record: &KraftControl) -> (Vec<u8>, Vec<u8>) {
    let mut value = Vec::new();
    value.extend_from_slice(&VERSION.to_be_bytes());
    match record {
        KraftControl::LeaderChange { leader, voters, granting_voters } => {
            value.extend_from_slice(&leader.0.to_be_bytes());
            for voters in [voters, granting_voters] {
                put_compact_array(&mut value, voters, |out, id| {
                    out.extend_from_slice(&id.0.to_be_bytes());
                    put_no_tagged(out);
                });
            }
        }
        KraftControl::SnapshotHeader { last_contained_log_timestamp } => {
            value.extend_from_slice(&last_contained_log_timestamp.0.to_be_bytes());
        }
        KraftControl::SnapshotFooter => {}
        KraftControl::KraftVersion(version) => value.extend_from_slice(&version.to_be_bytes()),
        KraftControl::Voters(voters) => put_compact_array(&mut value, voters, put_voter),
    }
    put_no_tagged(&mut value);
    let mut key = Vec::new();
    key.extend_from_slice(&VERSION.to_be_bytes());
    key.extend_from_slice(&control_type_of(record).to_be_bytes());
    (key, value)
}

const fn control_type_of(record: &KraftControl) -> i16 {
    match record {
        KraftControl::LeaderChange { .. } => control_type::LEADER_CHANGE,
        KraftControl::SnapshotHeader { .. } => control_type::SNAPSHOT_HEADER,
        KraftControl::SnapshotFooter => control_type::SNAPSHOT_FOOTER,
        KraftControl::KraftVersion(_) => control_type::KRAFT_VERSION,
        KraftControl::Voters(_) => control_type::KRAFT_VOTERS,
    }
}

fn put_voter(out: &mut Vec<u8>, voter: &Voter) {
    out.extend_from_slice(&voter.id.0.to_be_bytes());
    out.extend_from_slice(&voter.directory.0);
    put_compact_array(out, &voter.endpoints, |out, endpoint| {
        put_compact_string(out, &endpoint.name);
        put_compact_string(out, &endpoint.host);
        out.extend_from_slice(&endpoint.port.to_be_bytes());
        put_no_tagged(out);
    });
    let (first, last) = voter.kraft_versions;
    out.extend_from_slice(&first.to_be_bytes());
    out.extend_from_slice(&last.to_be_bytes());
    put_no_tagged(out);
    put_no_tagged(out);
}

#[cfg(test)]
mod tests;
