//! Logging: to stderr, for people or as JSON; `RUST_LOG` says how much.

use std::backtrace::Backtrace;
use std::io::IsTerminal;
use std::panic;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use super::{CliError, LogFormat};

/// Starts logging for the whole process; call it once.
pub fn start_logging(format: LogFormat, filter: Option<&str>) -> Result<(), CliError> {
    let filter = parse_filter(filter)?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match format {
        LogFormat::Human => lines.with_target(false).with_ansi(std::io::stderr().is_terminal()).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(false).try_init(),
    };
    started.map_err(|e| CliError::failed(format!("cannot start logging: {e}")))?;
    panic::set_hook(Box::new(log_panic));
    Ok(())
}

/// A panic is a mistake of ours. It ends what it happened in: a connection, a partition's log, one group's request.
fn log_panic(info: &panic::PanicHookInfo<'_>) {
    let thread = std::thread::current();
    let backtrace = Backtrace::force_capture();
    tracing::error!(thread = thread.name(), %backtrace, "{info}");
}

fn parse_filter(filter: Option<&str>) -> Result<EnvFilter, CliError> {
    let builder = EnvFilter::builder().with_default_directive(LevelFilter::INFO.into());
    let text = filter.unwrap_or_default();
    builder.parse(text).map_err(|e| CliError::usage(format!("RUST_LOG={text} is no log filter: {e}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rust_log_is_refused_when_it_is_no_filter() {
        assert!(parse_filter(None).is_ok());
        assert!(parse_filter(Some("debug")).is_ok());
        assert!(parse_filter(Some("info,gracchus_broker=trace")).is_ok());
        let error = parse_filter(Some("gracchus=loud")).unwrap_err().to_string();
        assert!(error.starts_with("RUST_LOG=gracchus=loud is no log filter"), "{error}");
    }
}
