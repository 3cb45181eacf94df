//! The broker settings that have an effect here, and our own. What else Kafka knows is in `known`.
//! Defaults are Kafka's unless the row says "Kafka:".

use super::definition::{Check, Definition, Update};

const COMPRESSION: Check = Check::OneOf(&["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"]);

/// Every broker setting that is implemented, and those that are only shown as another one's default.
pub const BROKER: &[Definition] = &[
    // Who the node is and where it listens.
    Definition::int("node.id", "1").at_least(0).doc("The number of this node. Kafka: no default."),
    Definition::int("broker.id", "-1").doc("The old name of node.id."),
    Definition::list("process.roles", "broker,controller")
        .check(Check::SomeOf(&["broker", "controller"]))
        .doc("What this process does; one node is both. Kafka: no default."),
    Definition::list("controller.quorum.voters", "")
        .check(Check::NotEmpty)
        .doc("The controllers as id@host:port; at most this node."),
    Definition::list("controller.quorum.bootstrap.servers", "")
        .check(Check::NotEmpty)
        .doc("Where to find the controllers as host:port; at most one."),
    Definition::list("controller.listener.names", "")
        .check(Check::NotEmpty)
        .null()
        .doc("Listeners of the controller; accepted, and not served while a node is its own controller."),
    Definition::list("listeners", "PLAINTEXT://127.0.0.1:9092")
        .check(Check::NotEmpty)
        .doc("Where to listen, as NAME://host:port. Kafka: all addresses."),
    Definition::list("advertised.listeners", "")
        .check(Check::NotEmpty)
        .null()
        .doc("What clients are told to connect to; without it, the address that they did connect to."),
    Definition::string(
        "listener.security.protocol.map",
        "SASL_SSL:SASL_SSL,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT",
    )
    .doc("The security protocol of each listener name; PLAINTEXT is served."),
    Definition::string("inter.broker.listener.name", "").null().doc("The listener that brokers use."),
    Definition::string("security.inter.broker.protocol", "PLAINTEXT")
        .check(Check::OneOf(&["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]))
        .doc("The security protocol that brokers use among themselves."),
    Definition::string("broker.rack", "").null().doc("The rack of this broker, told to clients."),
    // Where data is.
    Definition::list("log.dir", "./gracchus-data")
        .check(Check::NotEmpty)
        .doc("The data directory when log.dirs is not set. Kafka: /tmp/kafka-logs."),
    Definition::list("log.dirs", "")
        .check(Check::NotEmpty)
        .null()
        .doc("The data directories; each shard belongs to one of them."),
    Definition::string("metadata.log.dir", "")
        .null()
        .doc("The directory of the metadata log; without it, the first data directory."),
    Definition::int("num.recovery.threads.per.data.dir", "2")
        .at_least(1)
        .cluster_wide()
        .doc("Threads per data directory that recover logs at start."),
    Definition::int("num.log.shards", "")
        .at_least(1)
        .null()
        .doc("Threads that own the partitions' logs; without it, one per core. Not a Kafka setting."),
    Definition::boolean("log.flush.before.ack", "true").cluster_wide().doc(
        "Whether acks=all waits for stable storage; false is Kafka's own behaviour. Not a Kafka setting.",
    ),
    Definition::string("log.validate.records", "strict")
        .check(Check::OneOf(&["strict", "header"]))
        .doc("Whether every record of a batch is checked, or its header only. Not a Kafka setting."),
    // Defaults of topics.
    Definition::int("log.segment.bytes", "1073741824")
        .at_least(1024 * 1024)
        .cluster_wide()
        .doc("The size in bytes at which a segment is rolled."),
    Definition::long("log.roll.ms", "")
        .null()
        .cluster_wide()
        .doc("The age in milliseconds at which a segment is rolled; goes before log.roll.hours."),
    Definition::int("log.roll.hours", "168")
        .at_least(1)
        .doc("The age in hours at which a segment is rolled."),
    Definition::long("log.roll.jitter.ms", "")
        .null()
        .cluster_wide()
        .doc("The most that a roll by age is brought forward, in milliseconds; goes before the hours."),
    Definition::int("log.roll.jitter.hours", "0")
        .at_least(0)
        .doc("The most that a roll by age is brought forward, in hours."),
    Definition::long("log.retention.ms", "")
        .null()
        .cluster_wide()
        .doc("How long records are kept, in milliseconds; goes before minutes and hours, -1 for ever."),
    Definition::int("log.retention.minutes", "")
        .null()
        .doc("How long records are kept, in minutes; goes before hours."),
    Definition::int("log.retention.hours", "168").doc("How long records are kept, in hours."),
    Definition::long("log.retention.bytes", "-1")
        .cluster_wide()
        .doc("The size in bytes a partition is cut down to; -1 sets no limit."),
    Definition::int("log.index.size.max.bytes", "10485760")
        .at_least(4)
        .cluster_wide()
        .doc("The size in bytes of a segment's index."),
    Definition::int("log.index.interval.bytes", "4096")
        .at_least(0)
        .cluster_wide()
        .doc("The bytes of log between two index entries."),
    Definition::list("log.cleanup.policy", "delete")
        .check(Check::OneOf(&["compact", "delete"]))
        .cluster_wide()
        .doc("What becomes of old records: `delete`, `compact`, both, or neither."),
    Definition::long("log.cleaner.delete.retention.ms", "86400000")
        .at_least(0)
        .cluster_wide()
        .doc("How long compaction keeps the markers of deleted keys, in milliseconds."),
    Definition::double("log.cleaner.min.cleanable.ratio", "0.5")
        .check(Check::Between(0, 1))
        .cluster_wide()
        .doc("The part of a log that is not compacted yet from which compaction is worth a run."),
    Definition::long("log.cleaner.min.compaction.lag.ms", "0")
        .at_least(0)
        .cluster_wide()
        .doc("The shortest time in milliseconds that a record stays out of compaction."),
    Definition::long("log.cleaner.max.compaction.lag.ms", "9223372036854775807")
        .at_least(1)
        .cluster_wide()
        .doc("The longest time in milliseconds that a record stays out of compaction."),
    Definition::long("log.segment.delete.delay.ms", "60000")
        .at_least(0)
        .cluster_wide()
        .doc("How long a deleted segment's files stay before they are unlinked, in milliseconds."),
    Definition::long("log.flush.interval.messages", "9223372036854775807")
        .at_least(1)
        .cluster_wide()
        .doc("The number of records after which an append is flushed at once."),
    Definition::long("log.flush.interval.ms", "")
        .null()
        .cluster_wide()
        .doc("The longest time in milliseconds that an appended record waits for a flush."),
    Definition::boolean("log.preallocate", "false")
        .cluster_wide()
        .doc("Whether a new segment's file is made at its full size."),
    Definition::string("log.message.timestamp.type", "CreateTime")
        .check(Check::OneOf(&["CreateTime", "LogAppendTime"]))
        .cluster_wide()
        .doc("Whether a record's timestamp is the producer's or the time of the append."),
    Definition::long("log.message.timestamp.before.max.ms", "9223372036854775807")
        .at_least(0)
        .cluster_wide()
        .doc("How far in the past a producer's timestamp may be, in milliseconds."),
    Definition::long("log.message.timestamp.after.max.ms", "3600000")
        .at_least(0)
        .cluster_wide()
        .doc("How far in the future a producer's timestamp may be, in milliseconds."),
    Definition::int("message.max.bytes", "1048588")
        .at_least(0)
        .cluster_wide()
        .doc("The largest record batch that is taken, in bytes, after compression."),
    Definition::int("min.insync.replicas", "1")
        .at_least(1)
        .cluster_wide()
        .doc("Replicas that must be in sync for a write with acks=all to be taken."),
    Definition::boolean("unclean.leader.election.enable", "false")
        .cluster_wide()
        .doc("Whether a replica outside the in-sync set may become leader, losing records."),
    Definition::string("compression.type", "producer")
        .check(COMPRESSION)
        .cluster_wide()
        .doc("The codec batches are stored with; `producer` keeps them as they were sent."),
    Definition::int("compression.gzip.level", "-1")
        .check(Check::BetweenOrMinusOne(1, 9))
        .cluster_wide()
        .doc("The level of gzip when compression.type is gzip; -1 is the codec's own default."),
    Definition::int("compression.lz4.level", "9")
        .check(Check::Between(1, 17))
        .cluster_wide()
        .doc("The level of lz4 when compression.type is lz4."),
    Definition::int("compression.zstd.level", "3")
        .check(Check::Between(-131_072, 22))
        .cluster_wide()
        .doc("The level of zstd when compression.type is zstd."),
    Definition::long("log.local.retention.ms", "-2")
        .at_least(-2)
        .cluster_wide()
        .not_implemented()
        .doc("How long tiered segments stay on the broker, in milliseconds."),
    Definition::long("log.local.retention.bytes", "-2")
        .at_least(-2)
        .cluster_wide()
        .not_implemented()
        .doc("How much of a tiered partition stays on the broker, in bytes."),
    // Work in the background.
    Definition::long("log.retention.check.interval.ms", "300000")
        .at_least(1)
        .doc("How often retention is looked at, in milliseconds."),
    Definition::long("log.initial.task.delay.ms", "30000")
        .at_least(0)
        .internal()
        .doc("How long after the start retention is first looked at, in milliseconds."),
    Definition::long("log.flush.scheduler.interval.ms", "9223372036854775807").doc(
        "How often logs are looked at for flush.ms, in milliseconds; the default of log.flush.interval.ms.",
    ),
    Definition::int("log.flush.offset.checkpoint.interval.ms", "60000")
        .at_least(0)
        .doc("How often recovery points are written, in milliseconds."),
    Definition::int("log.flush.start.offset.checkpoint.interval.ms", "60000")
        .at_least(0)
        .doc("How often log start offsets are written, in milliseconds."),
    // Topics.
    Definition::int("num.partitions", "1").at_least(1).doc("Partitions of a topic that does not say."),
    Definition::int("default.replication.factor", "1").doc("Replicas of a topic that does not say."),
    Definition::boolean("auto.create.topics.enable", "true")
        .doc("Whether asking for an unknown topic's metadata makes the topic."),
    Definition::boolean("delete.topic.enable", "true").doc("Whether topics can be deleted."),
    // Connections and requests.
    Definition::int("socket.request.max.bytes", "104857600")
        .at_least(1)
        .doc("The largest request, in bytes."),
    Definition::long("queued.max.request.bytes", "134217728")
        .doc("Bytes of requests held at one time; more wait in their sockets. Kafka: no limit, which is -1."),
    Definition::long("queued.max.response.bytes", "134217728")
        .check(Check::BetweenOrMinusOne(1 << 20, 1 << 40))
        .doc("Bytes of answers that wait to be sent; at the bound requests with large answers wait. Not a Kafka setting."),
    Definition::int("socket.send.buffer.bytes", "262144")
        .doc("The send buffer of a socket in bytes; -1 is the system's. Kafka: 102400."),
    Definition::int("socket.receive.buffer.bytes", "-1")
        .doc("The receive buffer of a socket in bytes; -1 is the system's. Kafka: 102400."),
    Definition::int("socket.listen.backlog.size", "50")
        .at_least(1)
        .doc("Connections that wait to be accepted."),
    Definition::long("connections.max.idle.ms", "600000")
        .doc("How long a connection may be silent before it is closed, in milliseconds."),
    Definition::int("max.connections", "2147483647")
        .at_least(0)
        .cluster_wide()
        .doc("Connections at one time."),
    Definition::int("max.connections.per.ip", "2147483647")
        .at_least(0)
        .cluster_wide()
        .doc("Connections from one address at one time."),
    Definition::string("max.connections.per.ip.overrides", "")
        .cluster_wide()
        .doc("Connections from particular addresses, as host:count pairs."),
    Definition::int("fetch.max.bytes", "57671680")
        .at_least(1024)
        .doc("The most that a fetch answers, in bytes, whatever the client asks for."),
    Definition::int("max.incremental.fetch.session.cache.slots", "1000")
        .at_least(0)
        .doc("Incremental fetch sessions that are kept."),
    Definition::int("max.incremental.fetch.session.cache.partitions", "200000")
        .check(Check::Between(1, 100_000_000))
        .doc("Partitions in all fetch sessions together, at about 250 bytes each. Not a Kafka setting."),
    Definition::int("max.request.partition.size.limit", "2000")
        .at_least(1)
        .doc("Partitions in one answer to DescribeTopicPartitions."),
    // Groups and offsets.
    Definition::int("group.min.session.timeout.ms", "6000")
        .doc("The shortest session timeout that a member may ask for, in milliseconds."),
    Definition::int("group.max.session.timeout.ms", "1800000")
        .doc("The longest session timeout that a member may ask for, in milliseconds."),
    Definition::int("group.max.size", "2147483647").at_least(1).doc("Members of one group."),
    Definition::int("group.initial.rebalance.delay.ms", "3000")
        .doc("How long an empty group waits for more members, in milliseconds; 0 with --ephemeral."),
    Definition::int("group.coordinator.append.linger.ms", "-1")
        .at_least(-1)
        .doc("How long group state waits to be stored with more of it, in milliseconds; -1: 5 where many members commit."),
    Definition::int("max.groups", "1000000")
        .at_least(1)
        .doc("Groups of this broker; more are refused. Not a Kafka setting."),
    Definition::int("max.groups.per.offsets.partition", "100000")
        .at_least(1)
        .doc("Groups in one partition of __consumer_offsets; more are refused. Not a Kafka setting."),
    Definition::long("max.group.state.bytes", "1073741824")
        .check(Check::Between(1 << 20, 1 << 40))
        .doc("Bytes of members, assignments and offsets of all groups of this broker. Not a Kafka setting."),
    Definition::long("max.group.state.bytes.per.offsets.partition", "268435456")
        .check(Check::Between(1 << 20, 1 << 40))
        .doc("The same for the groups in one partition of __consumer_offsets. Not a Kafka setting."),
    Definition::int("offset.metadata.max.bytes", "4096")
        .doc("The longest text that goes with a committed offset, in bytes."),
    Definition::int("offsets.commit.timeout.ms", "5000")
        .at_least(1)
        .doc("How long a commit waits to be replicated, in milliseconds."),
    Definition::int("offsets.retention.minutes", "10080")
        .at_least(1)
        .doc("How long offsets outlive their group's last member, in minutes."),
    Definition::long("offsets.retention.check.interval.ms", "600000")
        .at_least(1)
        .doc("How often expired offsets are looked for, in milliseconds."),
    Definition::int("offsets.topic.num.partitions", "50")
        .at_least(1)
        .doc("Partitions of __consumer_offsets when it is made."),
    Definition::short("offsets.topic.replication.factor", "1")
        .at_least(1)
        .doc("Replicas of __consumer_offsets when it is made. Kafka: 3."),
    Definition::int("offsets.topic.segment.bytes", "104857600")
        .at_least(1)
        .doc("The size of a segment of __consumer_offsets, in bytes."),
    Definition::int("offsets.topic.compression.codec", "0")
        .not_implemented()
        .doc("The codec of __consumer_offsets: 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd."),
    // Producers.
    Definition::int("producer.id.expiration.ms", "86400000")
        .at_least(1)
        .cluster_wide()
        .doc("How long an idle producer id is remembered by a partition, in milliseconds."),
    Definition::int("producer.id.expiration.check.interval.ms", "600000")
        .at_least(1)
        .internal()
        .doc("How often idle producer ids are looked for, in milliseconds."),
    Definition::int("max.producer.ids", "1000000")
        .check(Check::Between(1, 100_000_000))
        .doc("Producer ids that this broker remembers, at about 250 bytes each; the quietest go. Not a Kafka setting."),
    Definition::int("max.producer.ids.per.partition", "10000")
        .check(Check::Between(1, 10_000_000))
        .doc("Producer ids that one partition remembers; the quietest go. Not a Kafka setting."),
    Definition::int("transaction.max.timeout.ms", "900000")
        .at_least(1)
        .not_implemented()
        .doc("The longest transaction timeout that a producer may ask for, in milliseconds."),
];

const _: () = {
    // Only these two modes occur so far; a row for one broker only would need a check in alter.
    let mut i = 0;
    while i < BROKER.len() {
        assert!(!matches!(BROKER[i].update, Update::PerBroker));
        i += 1;
    }
};
