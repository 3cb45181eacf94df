//! The `gracchus` program: reads what it is asked to do, runs the broker, and stops when it is told to.
//!
//! What must not be here: anything that a user of the broker library would want to call.

mod cli;

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use gracchus_broker::{Broker, Options, System, open_files};

use cli::{CliError, Environment, Flags, Parsed, Setup, Signals, start_logging};

/// How long threads that hang in the kernel may delay the end of the process.
const LINGER: Duration = Duration::from_millis(200);

fn main() -> ExitCode {
    match start() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("gracchus: {error}");
            error.exit_code()
        }
    }
}

fn start() -> Result<(), CliError> {
    let flags = match Flags::parse_args(std::env::args_os())? {
        Parsed::Flags(flags) => flags,
        Parsed::Verify(verify) => return verify.run(&mut std::io::stdout().lock()),
        Parsed::Print(text) => return print(&text),
    };
    let setup = Setup::new(&flags, Environment::read(std::env::vars_os())?)?;
    start_logging(setup.log_format, setup.log_filter.as_deref())?;
    for warning in &setup.warnings {
        tracing::warn!("{warning}");
    }
    if let Err(error) = open_files::raise_limit() {
        tracing::warn!(%error, "no more files may be open than the shell has set");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| CliError::failed(format!("cannot start threads: {e}")))?;
    let result = runtime.block_on(serve(&setup));
    runtime.shutdown_timeout(LINGER);
    match setup.ephemeral {
        Some(dir) => result.and(dir.remove().map_err(|error| CliError::failed(error.to_string()))),
        None => result,
    }
}

fn print(text: &str) -> Result<(), CliError> {
    std::io::stdout().write_all(text.as_bytes()).map_err(|e| CliError::failed(format!("cannot print: {e}")))
}

/// Runs the broker until a signal asks it to stop. A second signal ends the process at once, whatever is in progress:
/// what was acknowledged is on disk, and the next start recovers the rest.
async fn serve(setup: &Setup) -> Result<(), CliError> {
    let mut signals = Signals::catch()?;
    let broker = tokio::select! {
        started = start_broker(setup) => started?,
        signal = signals.next() => {
            tracing::info!(signal, "stopped before the start was complete");
            return Ok(());
        }
    };
    let signal = signals.next().await;
    tracing::info!(signal, "stopping");
    tokio::select! {
        () = broker.shutdown() => Ok(()),
        signal = signals.next() => Err(CliError::failed(format!("a second {signal} ended the process at once"))),
    }
}

async fn start_broker(setup: &Setup) -> Result<Broker, CliError> {
    let options = Options {
        config: setup.config.clone(),
        ephemeral: setup.ephemeral.is_some(),
        cluster_id: setup.cluster_id.clone(),
        system: System::real(),
    };
    Broker::start(options).await.map_err(|error| CliError::failed(error.to_string()))
}
