//! The records of `__consumer_offsets`: committed offsets and classic groups.
//!
//! A key begins with the number of its type (2 bytes), a value with its version (2 bytes). Versions 0 to 4 of the values
//! are read; written is what Kafka 4.3 writes: offsets as version 4, or 1 where an old client gave a retention time,
//! groups as version 3.

use gracchus_base::group_record::{GroupMemberValue, GroupMetadataValue, GroupRecord, OffsetCommitValue};
use gracchus_base::{GroupId, LeaderEpoch, Offset, PartitionIndex, Timestamp, TopicId};

use super::fields::{
    FieldError, Fields, Tagged, TextTooLong, put_compact_string, put_long_length, put_nullable_string,
    put_string,
};

/// The types of keys.
const OFFSET_COMMIT: i16 = 1;
const GROUP_METADATA: i16 = 2;

/// The newest version of both values, and the first with compact fields.
const VALUE_VERSION_MAX: i16 = 4;
const VALUE_VERSION_COMPACT: i16 = 4;

/// Written for offsets that carry an expiry, which later versions have not.
const OFFSET_VERSION_WITH_EXPIRY: i16 = 1;
const OFFSET_VERSION: i16 = 4;
const GROUP_VERSION: i16 = 3;

/// Room that is enough for a key and for a committed offset, unless a name or metadata is long.
const FIELDS_BYTES: usize = 128;

/// A record of `__consumer_offsets`, or that it is none of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decoded {
    Record(GroupRecord),
    /// A type of key that belongs to another kind of group, or to the future: to be passed over.
    Unknown {
        key_type: i16,
    },
}

/// Why a record could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GroupRecordError {
    #[error("a key of type {key_type}: {source}")]
    Key { key_type: i16, source: FieldError },
    #[error("a key without a type")]
    NoKeyType,
    #[error("version {version} of a value for a key of type {key_type}")]
    ValueVersion { key_type: i16, version: i16 },
    #[error("a value for a key of type {key_type}: {source}")]
    Value { key_type: i16, source: FieldError },
}

/// Reads a record; no value is a tombstone.
///
/// # Errors
/// See [`GroupRecordError`]. A key type that is not known is no error.
pub fn decode(key: &[u8], value: Option<&[u8]>) -> Result<Decoded, GroupRecordError> {
    let mut fields = Fields::new(key);
    let key_type = fields.i16().map_err(|_| GroupRecordError::NoKeyType)?;
    let wrong_key = |source| GroupRecordError::Key { key_type, source };
    let record = match key_type {
        OFFSET_COMMIT => {
            let (group, topic, partition) = offset_key(fields).map_err(wrong_key)?;
            GroupRecord::Offset {
                group,
                topic,
                partition,
                value: decode_value(key_type, value, offset_value)?,
            }
        }
        GROUP_METADATA => {
            let group = group_key(fields).map_err(wrong_key)?;
            GroupRecord::Group { group, value: decode_value(key_type, value, group_value)? }
        }
        _ => return Ok(Decoded::Unknown { key_type }),
    };
    Ok(Decoded::Record(record))
}

fn offset_key(mut fields: Fields<'_>) -> Result<(GroupId, String, PartitionIndex), FieldError> {
    let group = GroupId::new(fields.string(false)?);
    let topic = fields.string(false)?.to_owned();
    let partition = PartitionIndex(fields.i32()?);
    fields.end()?;
    Ok((group, topic, partition))
}

fn group_key(mut fields: Fields<'_>) -> Result<GroupId, FieldError> {
    let group = GroupId::new(fields.string(false)?);
    fields.end()?;
    Ok(group)
}

/// Reads the version in front of a value, then the value by that version.
fn decode_value<T>(
    key_type: i16,
    value: Option<&[u8]>,
    read: impl FnOnce(&mut Fields<'_>, i16) -> Result<T, FieldError>,
) -> Result<Option<T>, GroupRecordError> {
    let Some(value) = value else { return Ok(None) };
    let wrong = |source| GroupRecordError::Value { key_type, source };
    let mut fields = Fields::new(value);
    let version = fields.i16().map_err(wrong)?;
    if !(0..=VALUE_VERSION_MAX).contains(&version) {
        return Err(GroupRecordError::ValueVersion { key_type, version });
    }
    let read = read(&mut fields, version).map_err(wrong)?;
    fields.end().map_err(wrong)?;
    Ok(Some(read))
}

fn offset_value(fields: &mut Fields<'_>, version: i16) -> Result<OffsetCommitValue, FieldError> {
    let compact = version >= VALUE_VERSION_COMPACT;
    let offset = Offset(fields.i64()?);
    let leader_epoch = if version >= 3 { LeaderEpoch(fields.i32()?) } else { LeaderEpoch::NONE };
    let metadata = fields.string(compact)?.to_owned();
    let commit_timestamp = Timestamp(fields.i64()?);
    let expire =
        if version == OFFSET_VERSION_WITH_EXPIRY { Timestamp(fields.i64()?) } else { Timestamp::NONE };
    let mut topic_id = TopicId::ZERO;
    if compact {
        fields.tagged(|tag, value| {
            if tag == 0 {
                topic_id = value.uuid()?;
            }
            Ok(())
        })?;
    }
    let expire_timestamp = Some(expire).filter(|expire| *expire != Timestamp::NONE);
    Ok(OffsetCommitValue { offset, leader_epoch, metadata, commit_timestamp, expire_timestamp, topic_id })
}

fn group_value(fields: &mut Fields<'_>, version: i16) -> Result<GroupMetadataValue, FieldError> {
    let compact = version >= VALUE_VERSION_COMPACT;
    let value = GroupMetadataValue {
        protocol_type: fields.string(compact)?.to_owned(),
        generation: fields.i32()?,
        protocol: fields.nullable_string(compact)?.map(str::to_owned),
        leader: fields.nullable_string(compact)?.map(str::to_owned),
        current_state_timestamp: if version >= 2 { Timestamp(fields.i64()?) } else { Timestamp::NONE },
        members: fields.array(compact, |fields| member(fields, version))?,
    };
    if compact {
        fields.no_tagged()?;
    }
    Ok(value)
}

fn member(fields: &mut Fields<'_>, version: i16) -> Result<GroupMemberValue, FieldError> {
    let compact = version >= VALUE_VERSION_COMPACT;
    let member_id = fields.string(compact)?.to_owned();
    let group_instance_id = if version >= 3 { fields.nullable_string(compact)? } else { None };
    let value = GroupMemberValue {
        member_id,
        group_instance_id: group_instance_id.map(str::to_owned),
        client_id: fields.string(compact)?.to_owned(),
        client_host: fields.string(compact)?.to_owned(),
        rebalance_timeout_ms: if version >= 1 { fields.i32()? } else { -1 },
        session_timeout_ms: fields.i32()?,
        subscription: fields.bytes(compact)?.to_vec(),
        assignment: fields.bytes(compact)?.to_vec(),
    };
    if compact {
        fields.no_tagged()?;
    }
    Ok(value)
}

/// Key and value of a record; no value is a tombstone.
///
/// # Errors
/// When a text is longer than the format can say. Cut, it would name another group.
pub fn encode(record: &GroupRecord) -> Result<(Vec<u8>, Option<Vec<u8>>), TextTooLong> {
    let mut key = Vec::with_capacity(FIELDS_BYTES);
    match record {
        GroupRecord::Offset { group, topic, partition, value } => {
            key.extend_from_slice(&OFFSET_COMMIT.to_be_bytes());
            put_string(&mut key, group.as_str())?;
            put_string(&mut key, topic)?;
            key.extend_from_slice(&partition.0.to_be_bytes());
            Ok((key, value.as_ref().map(encode_offset).transpose()?))
        }
        GroupRecord::Group { group, value } => {
            key.extend_from_slice(&GROUP_METADATA.to_be_bytes());
            put_string(&mut key, group.as_str())?;
            Ok((key, value.as_ref().map(encode_group).transpose()?))
        }
    }
}

fn encode_offset(value: &OffsetCommitValue) -> Result<Vec<u8>, TextTooLong> {
    let mut out = Vec::with_capacity(FIELDS_BYTES);
    if let Some(expire) = value.expire_timestamp {
        out.extend_from_slice(&OFFSET_VERSION_WITH_EXPIRY.to_be_bytes());
        out.extend_from_slice(&value.offset.0.to_be_bytes());
        put_string(&mut out, &value.metadata)?;
        out.extend_from_slice(&value.commit_timestamp.0.to_be_bytes());
        out.extend_from_slice(&expire.0.to_be_bytes());
        return Ok(out);
    }
    out.extend_from_slice(&OFFSET_VERSION.to_be_bytes());
    out.extend_from_slice(&value.offset.0.to_be_bytes());
    out.extend_from_slice(&value.leader_epoch.0.to_be_bytes());
    put_compact_string(&mut out, &value.metadata);
    out.extend_from_slice(&value.commit_timestamp.0.to_be_bytes());
    let mut tagged = Tagged::default();
    if !value.topic_id.is_zero() {
        tagged.add(0, |out| out.extend_from_slice(&value.topic_id.0));
    }
    tagged.put(&mut out);
    Ok(out)
}

fn encode_group(value: &GroupMetadataValue) -> Result<Vec<u8>, TextTooLong> {
    let mut out = Vec::new();
    out.extend_from_slice(&GROUP_VERSION.to_be_bytes());
    put_string(&mut out, &value.protocol_type)?;
    out.extend_from_slice(&value.generation.to_be_bytes());
    put_nullable_string(&mut out, value.protocol.as_deref())?;
    put_nullable_string(&mut out, value.leader.as_deref())?;
    out.extend_from_slice(&value.current_state_timestamp.0.to_be_bytes());
    put_long_length(&mut out, value.members.len());
    for member in &value.members {
        put_string(&mut out, &member.member_id)?;
        put_nullable_string(&mut out, member.group_instance_id.as_deref())?;
        put_string(&mut out, &member.client_id)?;
        put_string(&mut out, &member.client_host)?;
        out.extend_from_slice(&member.rebalance_timeout_ms.to_be_bytes());
        out.extend_from_slice(&member.session_timeout_ms.to_be_bytes());
        put_long_length(&mut out, member.subscription.len());
        out.extend_from_slice(&member.subscription);
        put_long_length(&mut out, member.assignment.len());
        out.extend_from_slice(&member.assignment);
    }
    Ok(out)
}

#[cfg(test)]
mod tests;
