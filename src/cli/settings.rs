//! Flags, environment and file laid over each other, and what there is to say about it.

use std::path::Path;

use gracchus_broker::{EphemeralDir, EphemeralError};
use gracchus_state::config::{
    BROKER, BrokerConfig, HostPort, IDLE, KNOWN_NOT_IMPLEMENTED, Settings, broker_definition,
    is_known_broker_config, properties, topic_definition,
};

use super::environment::Environment;
use super::flags::Flags;
use super::{CliError, LogFormat};

/// Settings that say where to listen; `--listen` takes the place of all of them, since each may name a listener that
/// no longer exists.
const LISTENING: &[&str] = &[
    "advertised.listeners",
    "controller.listener.names",
    "inter.broker.listener.name",
    "listener.security.protocol.map",
    "listeners",
    "security.inter.broker.protocol",
];

/// Everything the process needs to know to run.
#[derive(Debug)]
pub struct Setup {
    pub config: BrokerConfig,
    /// Of an ephemeral broker; its data goes there.
    pub ephemeral: Option<EphemeralDir>,
    /// The id that a new cluster gets, and an old one must have.
    pub cluster_id: Option<String>,
    pub log_format: LogFormat,
    pub log_filter: Option<String>,
    /// To be logged once logging runs.
    pub warnings: Vec<String>,
}

impl Setup {
    /// Puts everything together. Reads the file; makes nothing but the directory of an ephemeral broker, and that last.
    pub fn new(flags: &Flags, environment: Environment) -> Result<Self, CliError> {
        let file = match flags.file.as_deref().or(flags.config.as_deref()) {
            Some(path) => read_file(path)?,
            None => Settings::new(),
        };
        let from_flags = flag_settings(flags)?;
        let warnings = warnings(&from_flags, &environment.settings, &file);
        let mut settings = file;
        settings.extend(environment.settings);
        if flags.listen.is_some() {
            settings.retain(|name, _| !LISTENING.contains(&name.as_str()));
        }
        settings.extend(from_flags);
        if let Some(text) = &flags.advertise {
            advertise(&mut settings, text)?;
        }
        let config = checked(&settings)?;
        let (config, ephemeral) = match flags.ephemeral {
            true => ephemeral(settings).map(|(config, dir)| (config, Some(dir)))?,
            false => (config, None),
        };
        Ok(Self {
            config,
            ephemeral,
            cluster_id: flags.cluster_id.clone().or(environment.cluster_id),
            log_format: flags.log_format,
            log_filter: environment.log_filter,
            warnings,
        })
    }
}

fn checked(settings: &Settings) -> Result<BrokerConfig, CliError> {
    BrokerConfig::from_settings(settings).map_err(|e| CliError::usage(e.message))
}

fn read_file(path: &Path) -> Result<Settings, CliError> {
    let bytes =
        std::fs::read(path).map_err(|e| CliError::usage(format!("cannot read {}: {e}", path.display())))?;
    properties::parse(&bytes).map_err(|e| CliError::usage(format!("{}, {e}", path.display())))
}

/// The settings that flags stand for. Each may be given once, so that no flag silently loses.
fn flag_settings(flags: &Flags) -> Result<Settings, CliError> {
    let mut settings = Settings::new();
    let mut put = |name: &str, value: String| match settings.insert(name.to_owned(), value) {
        Some(_) => Err(CliError::usage(format!("{name} is set twice by flags"))),
        None => Ok(()),
    };
    for pair in &flags.set {
        let Some((name, value)) = pair.split_once('=') else {
            return Err(CliError::usage(format!("--set {pair}: KEY=VALUE is needed")));
        };
        let name = name.trim();
        if !is_known(name) {
            return Err(CliError::usage(format!("--set {pair}: there is no setting {name}, {}", hint(name))));
        }
        put(name, value.to_owned())?;
    }
    if let Some(text) = &flags.listen {
        let place = HostPort::parse(text)
            .ok_or_else(|| CliError::usage(format!("--listen {text}: HOST:PORT is needed")))?;
        put("listeners", format!("PLAINTEXT://{place}"))?;
    }
    if !flags.data_dir.is_empty() {
        put("log.dirs", data_dirs(flags)?)?;
    }
    Ok(settings)
}

fn data_dirs(flags: &Flags) -> Result<String, CliError> {
    let texts = flags.data_dir.iter().map(|dir| match dir.to_str() {
        // Kafka's list of directories has no way to write a comma.
        Some(text) if !text.trim().is_empty() && !text.contains(',') => Ok(text),
        _ => Err(CliError::usage(format!(
            "--data-dir {}: a directory whose name is UTF-8 and has no comma is needed",
            dir.display()
        ))),
    });
    Ok(texts.collect::<Result<Vec<_>, _>>()?.join(","))
}

/// `--advertise`: for the first listener that clients use.
fn advertise(settings: &mut Settings, text: &str) -> Result<(), CliError> {
    let place = HostPort::parse(text)
        .or_else(|| HostPort::parse(&format!("{text}:0")))
        .filter(|place| !place.host.is_empty())
        .ok_or_else(|| CliError::usage(format!("--advertise {text}: HOST or HOST:PORT is needed")))?;
    settings.remove("advertised.listeners");
    let name = match checked(settings)?.listeners.first() {
        Some(listener) => listener.name.clone(),
        None => return Err(CliError::usage("--advertise: there is no listener for clients")),
    };
    settings.insert("advertised.listeners".to_owned(), format!("{name}://{place}"));
    Ok(())
}

fn ephemeral(mut settings: Settings) -> Result<(BrokerConfig, EphemeralDir), CliError> {
    let failed = |error: EphemeralError| CliError::failed(error.to_string());
    let dir = EphemeralDir::create().map_err(failed)?;
    dir.settle(&mut settings).map_err(failed)?;
    Ok((checked(&settings)?, dir))
}

fn is_known(name: &str) -> bool {
    is_known_broker_config(name)
}

fn is_implemented(name: &str) -> bool {
    broker_definition(name).is_some_and(|d| d.implemented)
}

/// What may have been meant: a topic setting's broker-wide counterpart, else the most similar name.
fn hint(name: &str) -> String {
    if let Some(of_broker) = topic_definition(name).and_then(|d| d.synonym) {
        return format!("which is a topic's; {of_broker} is its default for all topics");
    }
    let names = BROKER.iter().chain(IDLE).map(|d| d.name).chain(KNOWN_NOT_IMPLEMENTED.iter().copied());
    let nearest = names.min_by_key(|known| strsim::damerau_levenshtein(known, name));
    format!("did you mean {}?", nearest.unwrap_or_default())
}

/// One line for each kind of setting that has no effect, however many there are.
fn warnings(flags: &Settings, environment: &Settings, file: &Settings) -> Vec<String> {
    let mut names: Vec<&str> =
        flags.keys().chain(environment.keys()).chain(file.keys()).map(String::as_str).collect();
    names.sort_unstable();
    names.dedup();
    let (known, unknown): (Vec<&str>, Vec<&str>) = names.into_iter().partition(|name| is_known(name));
    let idle: Vec<&str> = known.into_iter().filter(|name| !is_implemented(name)).collect();
    let mut lines = Vec::new();
    if !idle.is_empty() {
        lines.push(format!(
            "settings of Kafka that are not implemented here and have no effect: {}",
            idle.join(", ")
        ));
    }
    if !unknown.is_empty() {
        lines.push(format!("unknown settings that have no effect: {}", unknown.join(", ")));
    }
    lines
}
