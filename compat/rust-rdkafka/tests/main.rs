//! librdkafka against a real broker process: ours, or with `COMPAT_SUBJECT=reference` the reference, which shows
//! that the tests ask for what Kafka does. Each test starts its own broker on an empty directory.

mod admin;
mod crash;
mod groups;
mod positions;
mod records;
mod support;
mod worker;
