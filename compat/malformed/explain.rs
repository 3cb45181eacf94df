//! Why a difference is meant. What stands here is the list of all ways in which malformed input is answered otherwise
//! than by Kafka; a difference that is not here makes the run fail.

use gracchus_wire::ApiKey;
use gracchus_wire::DecodeError;
use gracchus_wire::shape::Problem;

use ApiKey::*;

use crate::case::{Case, refusal};
use crate::outcome::CLOSED;

/// A difference that is known. Empty texts and `None` stand for any.
struct Known {
    api: Option<ApiKey>,
    /// How the case's name and the two outcomes begin.
    name: &'static str,
    kafka: &'static str,
    ours: &'static str,
    why: &'static str,
}

const WAITS: &str = "waits for more";
const BATCH: &str = "responses.partition_responses: ";

const KNOWN: &[Known] = &[
    known("2^32-1 tagged fields", "", CLOSED, "Kafka takes the count for -1 and reads none"),
    known("negative length where null may be", "", CLOSED, NEGATIVE),
    known("a known tagged field of a wrong size", "", CLOSED, TAG_LENGTH),
    known("null records", WAITS, BATCH, "Kafka fails inside and never answers"),
    known("batch length 2^31-1", "", BATCH, "Kafka's sum overflows and it fails inside; neither appends"),
    known(
        "record length of 6 bytes",
        "",
        BATCH,
        "Kafka fails inside; ours says what is wrong. Neither appends",
    ),
    known(
        "gzip with bytes behind",
        "no error",
        BATCH,
        "Java's gzip skips what follows the data; other readers may fail on it, so the batch is not stored",
    ),
    known("key of length -2", "no error", BATCH, NEGATIVE_IN_RECORD),
    known("value of length -2", "no error", BATCH, NEGATIVE_IN_RECORD),
    known("header value of length -2", "no error", BATCH, NEGATIVE_IN_RECORD),
    known("offset delta", "no error", BATCH, DELTAS),
    known(
        "log append time bit",
        "no error",
        BATCH,
        "Kafka lets it pass where times are the producer's and does not look at those of the records; it is refused",
    ),
    of(Metadata, "a null name without an id", "", "", "Kafka fails inside; ours says what is wrong"),
    of(CreatePartitions, "2^31-1 partitions", "", "", "Kafka fails inside; ours has a bound and says so"),
    of(
        IncrementalAlterConfigs,
        "",
        "responses: UNKNOWN_SERVER_ERROR",
        "responses: INVALID_REQUEST",
        OPERATION,
    ),
    of(InitProducerId, "transaction timeout 0", "", "TRANSACTIONAL_ID", "transactions are not served yet"),
    of(
        DescribeTransactions,
        "",
        "transaction_states: NOT_COORDINATOR",
        "transaction_states: TRANSACTIONAL",
        NONE_MADE,
    ),
    of(ListTransactions, RANDOM, "no error", "INVALID_REGULAR_EXPRESSION", BRACE),
    of(
        FindCoordinator,
        "key type 1",
        "",
        "no error",
        "Kafka makes its topic of transactions and has the client ask again; here nothing is to be made",
    ),
    of(JoinGroup, "", WAITS, "no error", JOIN),
    of(AlterConfigs, "the same resource twice", WAITS, "", "Kafka fails inside and never answers"),
    of(Fetch, "max_bytes -1", SIZE_KAFKA, "no error", SIZE),
    of(Fetch, "partition_max_bytes -1", SIZE_KAFKA, "no error", SIZE),
    of(Fetch, RANDOM, SIZE_KAFKA, "no error", SIZE),
    of(Fetch, RANDOM, "UNKNOWN_SERVER_ERROR", "no error", SESSION),
    of(Fetch, RANDOM, "UNKNOWN_SERVER_ERROR", "FETCH_SESSION_ID_NOT_FOUND", SESSION),
    of(Fetch, RANDOM, "NONE; responses.partitions: UNKNOWN_TOPIC", "UNKNOWN_SERVER_ERROR", ISOLATION),
    of(AlterConfigs, TWICE_IN_HEADER, "responses: UNKNOWN_SERVER_ERROR", "no error", HANDED_ON),
    of(IncrementalAlterConfigs, TWICE_IN_HEADER, "responses: UNKNOWN_SERVER_ERROR", "no error", HANDED_ON),
    of(CreatePartitions, RANDOM, "results: INVALID_PARTITIONS", "results: INVALID_REPLICA_ASSIGNMENT", GROWN),
    of(Produce, RANDOM, "responses.partition_responses: TRANSACTIONAL", BATCH, TRANSACTIONAL),
    of(Produce, RANDOM, "responses.partition_responses: CORRUPT", BATCH, CORRUPT),
];

const NONE_MADE: &str = "Kafka's coordinator has no topic of transactions yet; ours knows of none";
const BRACE: &str = "to RE2/J a brace that begins no repetition is a letter";
const SIZE_KAFKA: &str = "NONE; responses.partitions: UNKNOWN_SERVER_ERROR";
const SIZE: &str = "Kafka fails inside on a negative size once there is something to read; to ours it is 0";
const SESSION: &str = "Kafka fails inside on a session id far below 0; ours does not know such a session";
const ISOLATION: &str =
    "Kafka fails on an isolation level that is none once a partition is there, ours before it looks for one";
const TWICE_IN_HEADER: &str = "the same tagged field twice in the header";
const HANDED_ON: &str = "Kafka reads the header and fails when it writes it again for its controller";
const GROWN: &str =
    "an earlier change made Kafka's topic grow: it took a negative length for null, which ours refuses";
const RANDOM: &str = "one to three bytes changed";
const NEGATIVE: &str = "Kafka takes every negative length for null where null may be; clients send -1";
const NEGATIVE_IN_RECORD: &str =
    "Kafka takes every negative length for null and stores what it did not understand; clients send -1";
const DELTAS: &str = "Kafka does not look at the offsets of records that are not compressed: a consumer would see \
                      others than the producer was told";
const TAG_LENGTH: &str =
    "Kafka does not compare a known tag's size with what it reads, and may read on in the wrong place";
const OPERATION: &str = "Kafka fails inside on an operation that is none; ours says what is wrong";
const JOIN: &str = "Kafka fails on metadata that is no subscription and on a protocol named twice, and never answers; \
                    to ours metadata is the members' own";
const TRANSACTIONAL: &str =
    "Kafka looks at the transactional bit first, ours at the partition and the CRC; refused by both";
const CORRUPT: &str = "Kafka looks at the batch first, ours at the partition; refused by both";

/// A difference in any API.
const fn known(name: &'static str, kafka: &'static str, ours: &'static str, why: &'static str) -> Known {
    Known { api: None, name, kafka, ours, why }
}

/// A difference in one API.
const fn of(
    api: ApiKey,
    name: &'static str,
    kafka: &'static str,
    ours: &'static str,
    why: &'static str,
) -> Known {
    Known { api: Some(api), name, kafka, ours, why }
}

/// Why `ours` is not `kafka`; `None`: nobody knows.
pub fn why(case: &Case, kafka: &str, ours: &str) -> Option<&'static str> {
    let known = |known: &&Known| {
        known.api.is_none_or(|api| Some(api) == case.api)
            && case.name.starts_with(known.name)
            && kafka.starts_with(known.kafka)
            && ours.starts_with(known.ours)
    };
    if let Some(known) = KNOWN.iter().find(known) {
        return Some(known.why);
    }
    match refusal(case) {
        Some(DecodeError::Shape(error)) if ours == CLOSED => refused(&error.problem),
        _ => None,
    }
}

/// Why a body is refused that Kafka reads.
const fn refused(problem: &Problem) -> Option<&'static str> {
    match problem {
        Problem::Utf8 => Some("Kafka replaces what is not UTF-8 and goes on with a name that nobody meant"),
        Problem::Negative(_) => Some(NEGATIVE),
        Problem::Varint => Some("Kafka drops the bits of a varint above the 32nd; clients send none"),
        Problem::TagOrder(_) => Some("KIP-482 has tags in ascending order, each once; Kafka does not look"),
        Problem::TagLength => Some(TAG_LENGTH),
        Problem::Presence(_) => {
            Some("Kafka takes every byte that is not negative for a struct that is there; clients send 1")
        }
        _ => None,
    }
}
