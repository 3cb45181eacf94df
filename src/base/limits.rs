//! Every limit that is no setting, with its unit and its reason. No number appears twice: relations are `const`
//! assertions.

/// The longest topic name: the directory `<topic>-<partition>.<32 hex>-delete` must fit 255 bytes, as in Kafka.
pub const TOPIC_NAME_BYTES_MAX: usize = 249;

/// Array elements that one request may hold over all its arrays. A decoded element costs up to about 150 bytes where
/// its shortest encoding is 2; this bounds what a full-size frame of empty elements can make us allocate.
pub const FRAME_ELEMENTS_MAX: usize = 2_000_000;

/// Bytes of a record batch's header (KIP-98): base offset to records count.
pub const BATCH_HEADER_BYTES: usize = 61;

/// Bytes before the part that a batch's length counts: base offset (8) and length (4).
pub const BATCH_PREFIX_BYTES: usize = 12;

/// Batches per producer that are remembered to recognise duplicates (TRAPS 46).
pub const PRODUCER_BATCHES_RETAINED: usize = 5;

/// What a compressed batch may unpack to, over its `max.message.bytes`: guards against decompression bombs.
pub const DECOMPRESSED_BYTES_MAX: usize = 128 * 1024 * 1024;

/// Records of one refused batch that a Produce answer names: a batch of a few kilobytes can hold millions. Kafka names
/// all of them.
pub const RECORD_ERRORS_MAX: usize = 1000;

/// Produce requests in progress on one connection; more wait in the socket. Kafka's clients use 5.
pub const CONNECTION_PRODUCES_MAX: usize = 32;

/// A fetch session must be unused, or exist, for longer than this before a consumer's session takes its place; Kafka's
/// constant of two minutes.
pub const FETCH_SESSION_EVICTION_MS: i64 = 120_000;

/// Partitions in one fetch session; who fetches more does so without a session.
pub const FETCH_SESSION_PARTITIONS_MAX: usize = 50_000;

/// Producer ids that are handed out per block written to the metadata log, as in Kafka.
pub const PRODUCER_ID_BLOCK: i64 = 1000;

/// How long commits of offsets wait for one another at most, in milliseconds, while there are many of them
/// (`docs/decisions/009`).
pub const GROUP_COMMITS_WAIT_MS: u64 = 5;

/// A member whose last commit is at least so many milliseconds ago commits seldom: its next one may wait.
pub const GROUP_COMMITS_SELDOM_MS: i64 = 50;

/// Tombstones of expired or deleted offsets in one batch: far below the segment and batch limits of the offsets topic.
pub const GROUP_TOMBSTONES_PER_APPEND_MAX: usize = 1000;

/// Partitions that one request may create over all its topics, as in Kafka.
pub const PARTITIONS_PER_REQUEST_MAX: usize = 10_000;

/// Records that one request may add to the metadata log by settings, quotas or credentials, as Kafka bounds those of any
/// request.
pub const CHANGES_PER_REQUEST_MAX: usize = 10_000;

/// Users, clients and addresses, and pairs of them, that may have quotas. Kafka has no bound.
pub const QUOTA_ENTITIES_MAX: usize = 10_000;

/// Credentials that may be kept, of each mechanism one for a user. Kafka has no bound.
pub const SCRAM_CREDENTIALS_MAX: usize = 10_000;

/// Bytes that a salt and a salted password may have in a credential: far more than any hash. Kafka has no bound.
pub const SCRAM_BYTES_MAX: usize = 1024;

/// Settings that one resource may have of its own. Topics have fewer names than this; of brokers Kafka takes any name,
/// and would let these grow for ever.
pub const CONFIGS_PER_RESOURCE_MAX: usize = 1_000;

/// Groups and subscriptions to client metrics that may have settings: unlike topics they need not exist for it.
pub const FREE_CONFIG_RESOURCES_MAX: usize = 10_000;

/// The longest value of a setting in bytes, as in Kafka.
pub const CONFIG_VALUE_BYTES_MAX: usize = i16::MAX as usize;

/// Bytes of error messages in one answer about many partitions: each may name a topic of 249 letters where the request
/// has 4 bytes. Kafka says all of them.
pub const ANSWER_WORDS_BYTES_MAX: usize = 1024 * 1024;

const _: () = assert!(BATCH_HEADER_BYTES > BATCH_PREFIX_BYTES);
const _: () = assert!(TOPIC_NAME_BYTES_MAX < 255);
// Who commits as fast as it is answered is slowed down by a tenth at most.
const _: () = assert!(GROUP_COMMITS_SELDOM_MS as u64 >= 10 * GROUP_COMMITS_WAIT_MS);
