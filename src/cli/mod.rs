//! The command line: flags, environment and file become one checked configuration; logging, signals and exit codes.
//!
//! What must not be here: anything the broker does, and the meaning of a setting (`state::config`).

mod environment;
mod error;
mod flags;
mod log;
mod settings;
mod signals;
mod verify;

#[cfg(test)]
mod tests;

pub use environment::Environment;
pub use error::CliError;
pub use flags::{Flags, LogFormat, Parsed};
pub use log::start_logging;
pub use settings::Setup;
pub use signals::Signals;
