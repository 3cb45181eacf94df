//! Java's string hash, on which two things that clients and tools see depend: the partition of a group, and which
//! protocol wins a tie of votes.

/// `String.hashCode()` of Java: over UTF-16 units, wrapping.
pub(super) fn hash_code(text: &str) -> i32 {
    text.encode_utf16().fold(0i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)))
}

/// The partition of `__consumer_offsets`, of `partitions`, that holds a group (TRAPS 58).
///
/// `partitions` must be positive; 0 is returned for anything else.
pub fn partition_for(group_id: &str, partitions: i32) -> i32 {
    // Kafka's `Utils.abs` maps the one number without an absolute value to 0.
    let hash = hash_code(group_id).checked_abs().unwrap_or(0);
    hash.checked_rem(partitions).unwrap_or(0)
}

/// Where an entry stands in a `HashMap` of Java with its first table of 16 buckets.
pub(super) fn bucket_of_16(text: &str) -> i32 {
    let hash = hash_code(text).cast_unsigned();
    ((hash ^ (hash >> 16)) & 15).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    // Values printed by `Utils.abs(id.hashCode()) % 50` of Kafka 4.3.1 on a JVM.
    #[test]
    fn traps_58_partitions_are_those_of_the_reference() {
        for (group, hash, partition) in JAVA {
            assert_eq!(hash_code(group), *hash, "{group}");
            assert_eq!(partition_for(group, 50), *partition, "{group}");
        }
        assert_eq!(partition_for("any", 0), 0);
    }

    const JAVA: &[(&str, i32, i32)] = include!("tests/java_hash.in");
}
