//! Settings that Kafka lets be changed while a broker runs and that have no effect here. They are taken, checked as
//! Kafka checks them, kept and shown, so that tools which set them go on; `docs/CONFIGS.md` lists them. Each row's words
//! say why it is idle.
//!
//! What must not be here: settings whose silence would mislead, such as those of security. These are refused.

use super::definition::Definition;

/// Rows in alphabetical order.
pub const IDLE: &[Definition] = &[
    idle(Definition::int("background.threads", "10").at_least(1), "There is no pool of background threads."),
    idle(Definition::boolean("follower.fetch.last.tiered.offset.enable", "false"), TIERED),
    idle(Definition::long("follower.replication.throttled.rate", "").at_least(0).null(), ONE_BROKER),
    idle(Definition::int("group.consumer.assignment.interval.ms", "1000").at_least(0), NEWER_GROUPS),
    idle(
        Definition::int("group.coordinator.cached.buffer.max.bytes", "1048588").at_least(512 * 1024),
        "Records of groups are built without a cached buffer.",
    ),
    idle(Definition::int("group.share.assignment.interval.ms", "1000").at_least(0), NEWER_GROUPS),
    idle(Definition::int("group.streams.assignment.interval.ms", "1000").at_least(0), NEWER_GROUPS),
    idle(Definition::long("leader.replication.throttled.rate", "").at_least(0).null(), ONE_BROKER),
    idle(Definition::long("log.cleaner.backoff.ms", "15000").at_least(0), COMPACTION),
    idle(Definition::long("log.cleaner.dedupe.buffer.size", "134217728"), COMPACTION),
    idle(Definition::double("log.cleaner.io.buffer.load.factor", "0.9"), COMPACTION),
    idle(Definition::int("log.cleaner.io.buffer.size", "524288").at_least(0), COMPACTION),
    idle(Definition::double("log.cleaner.io.max.bytes.per.second", "1.7976931348623157E308"), COMPACTION),
    idle(Definition::int("log.cleaner.threads", "1").at_least(0), COMPACTION),
    idle(
        Definition::int("max.connection.creation.rate", "2147483647").at_least(0),
        "How fast connections come is not limited; max.connections is served.",
    ),
    idle(Definition::int("num.io.threads", "8").at_least(1), TASKS),
    idle(Definition::int("num.network.threads", "3").at_least(1), TASKS),
    idle(
        Definition::int("num.replica.fetchers", "1").at_least(1),
        "There are no other brokers to fetch from.",
    ),
    idle(Definition::int("remote.fetch.max.wait.ms", "500").at_least(1), TIERED),
    idle(Definition::long("remote.list.offsets.request.timeout.ms", "30000").at_least(1), TIERED),
    idle(Definition::long("remote.log.index.file.cache.total.size.bytes", "1073741824").at_least(1), TIERED),
    idle(Definition::int("remote.log.manager.copier.thread.pool.size", "10").at_least(1), TIERED),
    idle(
        Definition::long("remote.log.manager.copy.max.bytes.per.second", "9223372036854775807").at_least(1),
        TIERED,
    ),
    idle(Definition::int("remote.log.manager.expiration.thread.pool.size", "10").at_least(1), TIERED),
    idle(
        Definition::long("remote.log.manager.fetch.max.bytes.per.second", "9223372036854775807").at_least(1),
        TIERED,
    ),
    idle(Definition::int("remote.log.manager.follower.thread.pool.size", "2").at_least(1), TIERED),
    idle(Definition::int("remote.log.reader.threads", "10").at_least(1), TIERED),
    idle(
        Definition::long("replica.alter.log.dirs.io.max.bytes.per.second", "").at_least(0).null(),
        "Partitions are not moved between directories.",
    ),
    idle(
        Definition::int("share.coordinator.cached.buffer.max.bytes", "1048588").at_least(512 * 1024),
        NEWER_GROUPS,
    ),
    idle(
        Definition::boolean("transaction.partition.verification.enable", "true"),
        "Transactions are not served.",
    ),
];

const NEWER_GROUPS: &str = "Groups of the newer types are not served.";
const COMPACTION: &str = "Compaction is not served.";
const ONE_BROKER: &str = "There are no other brokers to replicate with.";
const TASKS: &str = "Requests are tasks of one runtime, with a thread per core.";
const TIERED: &str = "Tiered storage is not served.";

const fn idle(definition: Definition, why: &'static str) -> Definition {
    definition.cluster_wide().not_implemented().doc(why)
}

/// Settings that Kafka lets be changed for one broker only, and never for all of them at once.
#[rustfmt::skip]
pub(super) const PER_BROKER: &[&str] = &[
    "cordoned.log.dirs", "listener.security.protocol.map", "listeners", "principal.builder.class",
    "sasl.enabled.mechanisms", "sasl.jaas.config", "sasl.kerberos.kinit.cmd",
    "sasl.kerberos.min.time.before.relogin", "sasl.kerberos.principal.to.local.rules",
    "sasl.kerberos.service.name", "sasl.kerberos.ticket.renew.jitter",
    "sasl.kerberos.ticket.renew.window.factor", "sasl.login.refresh.buffer.seconds",
    "sasl.login.refresh.min.period.seconds", "sasl.login.refresh.window.factor",
    "sasl.login.refresh.window.jitter", "sasl.mechanism.inter.broker.protocol", "ssl.cipher.suites",
    "ssl.client.auth", "ssl.enabled.protocols", "ssl.endpoint.identification.algorithm",
    "ssl.engine.factory.class", "ssl.keymanager.algorithm", "ssl.protocol", "ssl.provider",
    "ssl.secure.random.implementation", "ssl.trustmanager.algorithm",
];

/// Settings that Kafka lets be changed for one listener only, under a name that begins with `listener.name.`.
#[rustfmt::skip]
pub(super) const PER_LISTENER: &[&str] = &[
    "ssl.key.password", "ssl.keystore.certificate.chain", "ssl.keystore.key", "ssl.keystore.location",
    "ssl.keystore.password", "ssl.keystore.type", "ssl.truststore.certificates", "ssl.truststore.location",
    "ssl.truststore.password", "ssl.truststore.type",
];
