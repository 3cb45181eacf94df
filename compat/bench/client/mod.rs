//! librdkafka as the client of a workload: topics, a producer and a consumer that cost as little as that
//! library allows, so that the broker has what is left of the machine.
//!
//! What must not be here: what a workload sends and what it makes of it.

mod consumer;
mod producer;
mod topic;
mod values;

use std::net::SocketAddr;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::types::RDKafkaRespErr;

use crate::BenchError;

pub use consumer::Consumer;
pub use producer::Producer;
pub use topic::Topic;
pub use values::Values;

/// For any one answer on a busy machine; nothing that is measured takes as long.
pub const LIMIT: Duration = Duration::from_secs(60);
/// [`LIMIT`] as librdkafka's C functions take it.
const LIMIT_MS: i32 = LIMIT.as_millis() as i32;

/// A client of the broker there, with settings by librdkafka's names.
pub fn config(address: SocketAddr, settings: &[(&str, &str)]) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", address.to_string()).set("broker.address.family", "v4");
    for (name, value) in settings {
        config.set(*name, *value);
    }
    config
}

/// A code of librdkafka as an error of the bench, unless it says that all is well.
fn check(what: &str, code: RDKafkaRespErr) -> Result<(), BenchError> {
    match code {
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR => Ok(()),
        _ => Err(BenchError::Failed(format!("{what}: {}", rdkafka::error::RDKafkaErrorCode::from(code)))),
    }
}
