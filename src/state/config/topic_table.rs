//! The settings of topics, in the order in which Kafka 4.3.1 lists them.

use super::definition::{Check, Definition};

const COMPRESSION: Check = Check::OneOf(&["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"]);

/// Every topic setting that Kafka knows, and our own at the end.
pub const TOPIC: &[Definition] = &[
    Definition::string("compression.type", "producer")
        .check(COMPRESSION)
        .of("compression.type")
        .doc("The codec batches are stored with; `producer` keeps them as they were sent."),
    Definition::boolean("remote.log.delete.on.disable", "false")
        .not_implemented()
        .doc("Whether tiered data goes when tiering is switched off."),
    Definition::list("leader.replication.throttled.replicas", "")
        .check(Check::ThrottledReplicas)
        .not_implemented()
        .doc("Replicas whose outgoing replication is throttled: `*` or partition:broker pairs."),
    Definition::boolean("remote.storage.enable", "false")
        .not_implemented()
        .doc("Whether segments are tiered; refused, because tiered storage is not served."),
    Definition::int("min.insync.replicas", "1")
        .at_least(1)
        .of("min.insync.replicas")
        .doc("Replicas that must be in sync for a write with acks=all to be taken."),
    Definition::long("segment.jitter.ms", "0")
        .at_least(0)
        .of("log.roll.jitter.ms")
        .doc("The most that a segment's roll by age is brought forward, at random, in milliseconds."),
    Definition::boolean("remote.log.copy.disable", "false")
        .not_implemented()
        .doc("Whether copying to tiered storage stands still."),
    Definition::long("local.retention.ms", "-2")
        .at_least(-2)
        .of("log.local.retention.ms")
        .not_implemented()
        .doc("How long tiered segments stay on the broker, in milliseconds; -2 follows retention.ms."),
    Definition::list("cleanup.policy", "delete")
        .check(Check::OneOf(&["compact", "delete"]))
        .of("log.cleanup.policy")
        .doc("What becomes of old records: `delete` by age and size, `compact` by key, both, or neither."),
    Definition::long("flush.ms", "9223372036854775807")
        .at_least(0)
        .of("log.flush.interval.ms")
        .doc("The longest time in milliseconds that an appended record waits for a flush."),
    Definition::list("follower.replication.throttled.replicas", "")
        .check(Check::ThrottledReplicas)
        .not_implemented()
        .doc("Replicas whose incoming replication is throttled: `*` or partition:broker pairs."),
    Definition::int("compression.lz4.level", "9")
        .check(Check::Between(1, 17))
        .of("compression.lz4.level")
        .doc("The level of lz4 when compression.type is lz4."),
    Definition::int("segment.bytes", "1073741824")
        .at_least(1024 * 1024)
        .of("log.segment.bytes")
        .doc("The size in bytes at which a segment is rolled."),
    Definition::long("retention.ms", "604800000")
        .at_least(-1)
        .of("log.retention.ms")
        .doc("How long records are kept under `delete`, in milliseconds; -1 for ever."),
    Definition::int("compression.gzip.level", "-1")
        .check(Check::BetweenOrMinusOne(1, 9))
        .of("compression.gzip.level")
        .doc("The level of gzip when compression.type is gzip; -1 is the codec's own default."),
    Definition::long("flush.messages", "9223372036854775807")
        .at_least(1)
        .of("log.flush.interval.messages")
        .doc("The number of records after which an append is flushed at once."),
    Definition::int("compression.zstd.level", "3")
        .check(Check::Between(-131_072, 22))
        .of("compression.zstd.level")
        .doc("The level of zstd when compression.type is zstd."),
    Definition::long("max.compaction.lag.ms", "9223372036854775807")
        .at_least(1)
        .of("log.cleaner.max.compaction.lag.ms")
        .not_implemented()
        .doc("The longest time in milliseconds that a record stays out of compaction."),
    Definition::long("file.delete.delay.ms", "60000")
        .at_least(0)
        .of("log.segment.delete.delay.ms")
        .doc("How long a deleted segment's files stay before they are unlinked, in milliseconds."),
    Definition::int("max.message.bytes", "1048588")
        .at_least(0)
        .of("message.max.bytes")
        .doc("The largest record batch that is taken, in bytes, after compression."),
    Definition::long("min.compaction.lag.ms", "0")
        .at_least(0)
        .of("log.cleaner.min.compaction.lag.ms")
        .not_implemented()
        .doc("The shortest time in milliseconds that a record stays out of compaction."),
    Definition::string("message.timestamp.type", "CreateTime")
        .check(Check::OneOf(&["CreateTime", "LogAppendTime"]))
        .of("log.message.timestamp.type")
        .doc("Whether a record's timestamp is the producer's or the time of the append."),
    Definition::long("local.retention.bytes", "-2")
        .at_least(-2)
        .of("log.local.retention.bytes")
        .not_implemented()
        .doc("How much of a tiered partition stays on the broker, in bytes; -2 follows retention.bytes."),
    Definition::boolean("preallocate", "false")
        .of("log.preallocate")
        .not_implemented()
        .doc("Whether a new segment's file is made at its full size."),
    Definition::int("index.interval.bytes", "4096")
        .at_least(0)
        .of("log.index.interval.bytes")
        .doc("The bytes of log between two index entries."),
    Definition::double("min.cleanable.dirty.ratio", "0.5")
        .check(Check::Between(0, 1))
        .of("log.cleaner.min.cleanable.ratio")
        .not_implemented()
        .doc("The part of a log that is not compacted yet from which compaction is worth a run."),
    Definition::boolean("unclean.leader.election.enable", "false")
        .of("unclean.leader.election.enable")
        .not_implemented()
        .doc("Whether a replica outside the in-sync set may become leader, losing records."),
    Definition::long("retention.bytes", "-1")
        .of("log.retention.bytes")
        .doc("The size in bytes a partition is cut down to under `delete`; -1 sets no limit."),
    Definition::long("delete.retention.ms", "86400000")
        .at_least(0)
        .of("log.cleaner.delete.retention.ms")
        .not_implemented()
        .doc("How long compaction keeps the markers of deleted keys, in milliseconds."),
    Definition::long("message.timestamp.after.max.ms", "3600000")
        .at_least(0)
        .of("log.message.timestamp.after.max.ms")
        .doc("How far in the future a producer's timestamp may be, in milliseconds."),
    Definition::long("message.timestamp.before.max.ms", "9223372036854775807")
        .at_least(0)
        .of("log.message.timestamp.before.max.ms")
        .doc("How far in the past a producer's timestamp may be, in milliseconds."),
    Definition::long("segment.ms", "604800000")
        .at_least(1)
        .of("log.roll.ms")
        .doc("The age in milliseconds at which a segment is rolled."),
    Definition::int("segment.index.bytes", "10485760")
        .at_least(4)
        .of("log.index.size.max.bytes")
        .doc("The size in bytes of a segment's index; a full index rolls the segment."),
    Definition::int("internal.segment.bytes", "")
        .null()
        .internal()
        .doc("A segment size without a lower limit, for tests."),
    Definition::boolean("flush.before.ack", "true").of("log.flush.before.ack").doc(
        "Whether acks=all waits for stable storage; false is Kafka's own behaviour. Not a Kafka setting.",
    ),
];
