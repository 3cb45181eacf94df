//! What ends the process: one line for people, one number for scripts.

use std::process::ExitCode;

/// Why the process ends early. Its text is one line; `main` prints it on stderr after the program's name.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// What was asked for cannot be right: flags, files, settings. Nothing was started, nothing changed on disk.
    #[error("{0}")]
    Usage(String),
    /// The broker could not start, or had to stop.
    #[error("{0}")]
    Failed(String),
}

impl CliError {
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::Usage(one_line(&message.into()))
    }

    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self::Failed(one_line(&message.into()))
    }

    /// 2 for what must be changed in the command or the configuration, 1 for everything else.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Usage(_) => ExitCode::from(2),
            Self::Failed(_) => ExitCode::from(1),
        }
    }
}

/// Scripts and log collectors read line by line, so that an error never has two.
fn one_line(text: &str) -> String {
    text.split(['\n', '\r']).map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}
