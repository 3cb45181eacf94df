//! The flags, and the page that `--help` prints.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, FromArgMatches, Parser, ValueEnum};

use super::CliError;
use super::verify::Verify;

const EXAMPLES: &str = "\
Examples:
  gracchus                                    127.0.0.1:9092, ./gracchus-data
  gracchus --ephemeral --listen 127.0.0.1:0   for tests: a free port, no traces
  gracchus --listen 0.0.0.0:9092 --advertise kafka.example.org --data-dir /data
  gracchus server.properties --set log.retention.hours=24
  gracchus verify /data                       reads every batch, changes nothing
Precedence: flags, environment (KAFKA_LOG_DIRS=/data), file, defaults.";

/// An event-streaming broker that speaks the Kafka protocol.
#[derive(Debug, Parser)]
#[command(name = "gracchus", version, disable_help_subcommand = true)]
#[command(override_usage = "gracchus [OPTIONS] [FILE]", after_help = EXAMPLES, term_width = 120)]
#[command(help_template = "{about}\nUsage: {usage}\n\n{all-args}{after-help}")]
pub struct Flags {
    /// A Kafka server.properties file
    #[arg(value_name = "FILE", hide = true)]
    pub file: Option<PathBuf>,
    /// A Kafka server.properties file, like FILE
    #[arg(short, long, value_name = "FILE", conflicts_with = "file")]
    pub config: Option<PathBuf>,
    /// Where to listen, whatever the file says
    #[arg(long, value_name = "HOST:PORT")]
    pub listen: Option<String>,
    /// What clients are told to connect to
    #[arg(long, value_name = "HOST[:PORT]")]
    pub advertise: Option<String>,
    /// Where data is; repeatable
    #[arg(long, value_name = "DIR")]
    pub data_dir: Vec<PathBuf>,
    /// Data in a temporary directory, gone at exit
    #[arg(long, conflicts_with = "data_dir")]
    pub ephemeral: bool,
    /// A broker setting by Kafka's name; repeatable
    #[arg(long, value_name = "KEY=VALUE", alias = "override")]
    pub set: Vec<String>,
    /// The id of a new cluster; made up when absent
    #[arg(long, value_name = "ID")]
    pub cluster_id: Option<String>,
    /// How log lines look: human or json
    #[arg(long, value_name = "FORMAT", default_value = "human", hide_possible_values = true)]
    #[arg(hide_default_value = true)]
    pub log_format: LogFormat,
}

/// How log lines look: for people, or one JSON object per line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    Human,
    Json,
}

/// What the command line asks for.
#[derive(Debug)]
pub enum Parsed {
    /// To run.
    Flags(Box<Flags>),
    /// To check data directories.
    Verify(Verify),
    /// To print this and leave: `--help` or `--version`.
    Print(String),
}

impl Flags {
    /// Reads the arguments, the program's name first.
    pub fn parse_args(args: impl IntoIterator<Item = OsString>) -> Result<Parsed, CliError> {
        let args: Vec<_> = args.into_iter().collect();
        let parsed = if args.get(1).is_some_and(|word| word == Verify::WORD) {
            Verify::try_parse_from(args.into_iter().skip(1)).map(Parsed::Verify)
        } else {
            let matches = Self::command().try_get_matches_from(args);
            matches.and_then(|m| Self::from_arg_matches(&m)).map(|flags| Parsed::Flags(Box::new(flags)))
        };
        match parsed {
            Ok(parsed) => Ok(parsed),
            Err(e) if matches!(e.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
                Ok(Parsed::Print(e.render().to_string()))
            }
            Err(e) => Err(CliError::usage(explain(&e))),
        }
    }
}

/// clap's explanation takes a paragraph; this is its first line with the suggestion.
fn explain(error: &clap::Error) -> String {
    let rendered = error.render().to_string();
    let first = rendered.lines().next().unwrap_or_default();
    let first = first.strip_prefix("error: ").unwrap_or(first);
    let suggestion = match error.get(ContextKind::SuggestedArg) {
        Some(ContextValue::String(arg)) => format!(", did you mean '{arg}'?"),
        _ => String::new(),
    };
    format!("{first}{suggestion} (gracchus --help lists the flags)")
}
