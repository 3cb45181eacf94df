//! SIGTERM and SIGINT: the first one asks for an orderly stop, the second one does not ask. SIGXFSZ: a limit on the size
//! of files is an error of the write that meets it, not the end of the process.

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::CliError;

/// The signals, caught from the moment this exists.
#[derive(Debug)]
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Begins to catch them; needs a runtime.
    pub fn catch() -> Result<Self, CliError> {
        let catch = |kind| signal(kind).map_err(|e| CliError::failed(format!("cannot catch signals: {e}")));
        // Caught once, it ends the process no more, whether anybody waits for it or not.
        drop(catch(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()))?);
        Ok(Self { terminate: catch(SignalKind::terminate())?, interrupt: catch(SignalKind::interrupt())? })
    }

    /// Waits for the next one and says which it was.
    pub async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
