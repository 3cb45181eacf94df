//! What stands in the fields of an ordinary request, by the field's name: enough for the broker to act on it, and for
//! nothing to change that a later case rests on.

use gracchus_wire::ApiKey;
use gracchus_wire::records::{BatchBuilder, BatchOptions};

use crate::fill::Set;

/// Stands for the id of [`TOPIC`], which each broker chooses: replaced when a frame is sent.
pub const TOPIC_ID: [u8; 16] = [0xa5; 16];
/// Stands for the id of the member of [`LIVE_GROUP`], which each broker chooses: replaced when a frame is sent.
pub const MEMBER_ID: &str = "protocol-tests-mmmmmmmm-mmmm-mmmm-mmmm-mmmmmmmmmmmm";
/// What every case calls its client.
pub const CLIENT_ID: &str = "malformed";
/// A topic of three partitions with records in the first.
pub const TOPIC: &str = "t";
/// A topic whose settings may be changed.
pub const CONFIGURED_TOPIC: &str = "c";
/// A topic of three partitions that may get more, where one of the two brokers takes a change of the request for sense.
pub const GROWING_TOPIC: &str = "w";
/// A group with one member that stays.
pub const LIVE_GROUP: &str = "live";
/// A group with a committed offset and no member.
pub const COMMITTED_GROUP: &str = "committed";
/// When the records were made that every run sends: 1 January 2024.
pub const TIMESTAMP: i64 = 1_704_067_200_000;

/// What a field holds unless a case says otherwise.
pub fn ordinary(api: ApiKey, path: &str) -> Set {
    let name = path.rsplit('.').next().unwrap_or(path);
    match name {
        "records" => Set::Bytes(batch(BatchOptions::default(), 2)),
        "topic_id" if matches!(api, ApiKey::Metadata | ApiKey::DeleteTopics) => Set::Int(0),
        "topic_id" => Set::Bytes(TOPIC_ID.to_vec()),
        "metadata" | "assignment" => Set::Bytes(b"\0\x01\0\0\0\x01\0\x01t\xff\xff\xff\xff\0\0\0\0".to_vec()),
        "auth_bytes" | "salt" | "salted_password" => Set::Bytes(b"0123456789".to_vec()),
        "transactional_id" | "group_instance_id" => Set::Null,
        "member_id" if api == ApiKey::OffsetFetch => Set::Null,
        // Eight bytes that are the number 1.
        "value" if api == ApiKey::AlterClientQuotas => Set::Int(0x3ff0_0000_0000_0000),
        _ => text(api, path, name).map_or_else(|| number(path, name), Set::Text),
    }
}

fn text(api: ApiKey, path: &str, name: &str) -> Option<&'static str> {
    let text = match (api, path, name) {
        (ApiKey::CreateTopics, "topics.name", _) => "new-{n}",
        (ApiKey::DeleteTopics, ..) if name == "name" || path == "topic_names.item" => "none-{n}",
        (ApiKey::AlterUserScramCredentials, "deletions.name", _) => "none-{n}",
        (ApiKey::AlterUserScramCredentials, "upsertions.name", _) => "new-{n}",
        (ApiKey::CreatePartitions, "topics.name", _) => GROWING_TOPIC,
        (ApiKey::OffsetDelete, "group_id", _) => COMMITTED_GROUP,
        (_, "group_id" | "groups.group_id" | "groups.item" | "groups_names.item", _) => "g{n}",
        (_, "key" | "coordinator_keys.item", _) => "g{n}",
        (_, "protocols.name", _) | (.., "protocol_name") => "range",
        (_, _, "protocol_type") => "consumer",
        (ApiKey::OffsetCommit | ApiKey::JoinGroup, _, "member_id") => "",
        (_, _, "member_id") => "nobody",
        (_, "topics.configs.name" | "resources.configs.name" | "resources.configuration_keys.item", _) => {
            "retention.ms"
        }
        (_, _, "value") => "86400000",
        (_, _, "resource_name") => CONFIGURED_TOPIC,
        (_, _, "name" | "topic" | "topic_name") => TOPIC,
        (_, _, "committed_metadata" | "reason") => "why",
        (_, _, "rack_id") => "",
        (_, "states_filter.item", _) => "Stable",
        (_, "types_filter.item", _) => "classic",
        (ApiKey::SaslHandshake, _, "mechanism") => "PLAIN",
        (_, _, "entity_type") => "user",
        (_, _, "feature") => "metadata.version",
        (_, _, "resource_name_filter") => CONFIGURED_TOPIC,
        (_, _, "principal" | "principal_filter") => "User:somebody",
        (_, _, "host" | "host_filter") => "*",
        (_, "transactional_ids.item", _) | (.., "transactional_id_pattern") => "transaction",
        (_, "state_filters.item", _) => "Ongoing",
        (_, _, "entity_name" | "match") => "somebody",
        (ApiKey::AlterClientQuotas, _, "key") => "request_percentage",
        (_, _, "client_software_name" | "client_software_version") => "1",
        _ => return None,
    };
    Some(text)
}

fn number(path: &str, name: &str) -> Set {
    let number = match name {
        // Both brokers have this id.
        "item" if path.ends_with("broker_ids.item") => 1,
        "item" if path.ends_with("replicas.item") => 1,
        "item" if path == "resource_types.item" => 2,
        "acks" | "replica_id" | "session_epoch" | "current_leader_epoch" | "last_fetched_epoch" => -1,
        "log_start_offset" | "timestamp" | "generation_id_or_member_epoch" | "retention_time_ms" => -1,
        "committed_leader_epoch" | "member_epoch" | "num_partitions" | "replication_factor" => -1,
        "producer_id" | "producer_epoch" => -1,
        "timeout_ms" | "transaction_timeout_ms" => 1000,
        "max_bytes" | "partition_max_bytes" => 1 << 20,
        "session_timeout_ms" | "rebalance_timeout_ms" => 10_000,
        "mechanism" | "upgrade_type" => 1,
        "max_version_level" => 30,
        // Kafka lets its only broker be taken away: no change of three bytes makes this its id.
        "broker_id" => 0x7f7f_7f7f,
        "iterations" => 4096,
        "committed_offset" | "response_partition_limit" => 5,
        // As many as there are: where a lie turns off "validate_only" on one side, nothing is made all the same.
        "count" => 3,
        "resource_type" | "resource_type_filter" => 2,
        // Of ACLs: this very name, reading, allowed.
        "pattern_type_filter" | "resource_pattern_type" | "operation" | "permission_type" => 3,
        // Requests that change something only say that they would.
        "validate_only" | "generation_id" | "endpoint_type" => 1,
        _ => 0,
    };
    Set::Int(number)
}

/// A batch of so many records.
pub fn batch(options: BatchOptions, records: i64) -> Vec<u8> {
    let mut builder = BatchBuilder::new(options);
    for record in 0..records {
        let time = gracchus_base::Timestamp(TIMESTAMP + record);
        builder.push(time, Some(b"key"), Some(b"value"), &[("header", Some(b"x"))]);
    }
    builder.finish().expect("a batch with records").to_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::versions;
    use crate::fill::body;

    #[test]
    fn every_field_of_every_request_that_is_served_has_a_value() {
        for api in ApiKey::ALL {
            for version in versions(*api) {
                let made = body(*api, version, 1, &[]).bytes;
                let decoded = gracchus_wire::request::decode(*api, version, made.into());
                assert!(decoded.is_ok(), "{api} version {version}: {decoded:?}");
            }
        }
    }
}
