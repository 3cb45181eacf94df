//! The environment, as the official Kafka image reads it: `KAFKA_LOG_DIRS` is `log.dirs`, `__` stands for `_` and
//! `___` for `-`. Checked against the image's own wrapper of 4.3.1.

use std::ffi::OsString;

use gracchus_state::config::Settings;

use super::CliError;

/// Variables that configure the image or the Java virtual machine, not the broker.
const NO_SETTINGS: &[&str] = &[
    "KAFKA_GC_LOG_OPTS",
    "KAFKA_HEAP_OPTS",
    "KAFKA_JVM_PERFORMANCE_OPTS",
    "KAFKA_OPTS",
    "KAFKA_TOOLS_LOG4J_LOGLEVEL",
    "KAFKA_VERSION",
];

/// Beginnings of such names.
const NO_SETTINGS_PREFIXES: &[&str] = &["KAFKA_JMX_", "KAFKA_LOG4J_"];

/// What the environment says.
#[derive(Debug, Default)]
pub struct Environment {
    /// Broker settings.
    pub settings: Settings,
    /// `CLUSTER_ID`, which the official image formats its storage with.
    pub cluster_id: Option<String>,
    /// `RUST_LOG`.
    pub log_filter: Option<String>,
}

impl Environment {
    /// Reads what concerns the broker and leaves the rest alone.
    pub fn read(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Result<Self, CliError> {
        let mut environment = Self::default();
        for (name, value) in variables {
            let Some(name) = name.to_str() else { continue };
            let setting = setting_name(name);
            if setting.is_none() && !matches!(name, "CLUSTER_ID" | "RUST_LOG") {
                continue;
            }
            let value = value
                .into_string()
                .map_err(|_| CliError::usage(format!("the environment variable {name} is not UTF-8")))?;
            match (name, setting) {
                (_, Some(setting)) => drop(environment.settings.insert(setting, value)),
                ("CLUSTER_ID", _) => environment.cluster_id = Some(value).filter(|id| !id.is_empty()),
                _ => environment.log_filter = Some(value).filter(|filter| !filter.is_empty()),
            }
        }
        Ok(environment)
    }
}

fn setting_name(variable: &str) -> Option<String> {
    let rest = variable.strip_prefix("KAFKA_").filter(|rest| !rest.is_empty())?;
    let skipped = NO_SETTINGS.contains(&variable)
        || NO_SETTINGS_PREFIXES.iter().any(|prefix| variable.starts_with(prefix));
    if skipped {
        return None;
    }
    // In this order, longest first, as the image does it.
    Some(rest.to_lowercase().replace('_', ".").replace("...", "-").replace("..", "_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Environment {
        Environment::read(pairs.iter().map(|(k, v)| ((*k).into(), (*v).into()))).unwrap()
    }

    #[test]
    fn names_are_mapped_as_the_official_image_maps_them() {
        let cases = [
            ("KAFKA_LOG_DIRS", "log.dirs"),
            ("KAFKA_A__B", "a_b"),
            ("KAFKA_A___B", "a-b"),
            ("KAFKA_A____B", "a-.b"),
            ("KAFKA_A_____B", "a-_b"),
            ("KAFKA_Num_Partitions", "num.partitions"),
        ];
        for (variable, setting) in cases {
            assert_eq!(setting_name(variable).as_deref(), Some(setting));
        }
    }

    #[test]
    fn variables_of_the_image_and_of_java_are_no_settings() {
        let names = [
            "KAFKA_HEAP_OPTS",
            "KAFKA_OPTS",
            "KAFKA_JMX_PORT",
            "KAFKA_JMX_OPTS",
            "KAFKA_JMX_HOSTNAME",
            "KAFKA_LOG4J_OPTS",
            "KAFKA_LOG4J_LOGGERS",
            "KAFKA_LOG4J_ROOT_LOGLEVEL",
            "KAFKA_TOOLS_LOG4J_LOGLEVEL",
            "KAFKA_GC_LOG_OPTS",
            "KAFKA_JVM_PERFORMANCE_OPTS",
            "KAFKA_VERSION",
            "KAFKA_",
            "kafka_log_dirs",
            "PATH",
        ];
        for name in names {
            assert_eq!(setting_name(name), None, "{name}");
        }
    }

    #[test]
    fn the_cluster_id_and_the_log_filter_have_their_usual_names() {
        let environment =
            read(&[("CLUSTER_ID", "x"), ("RUST_LOG", "debug"), ("KAFKA_NODE_ID", "3"), ("HOME", "/")]);
        assert_eq!(environment.cluster_id.as_deref(), Some("x"));
        assert_eq!(environment.log_filter.as_deref(), Some("debug"));
        assert_eq!(environment.settings.len(), 1);
        assert_eq!(read(&[("CLUSTER_ID", ""), ("RUST_LOG", "")]).cluster_id, None);
    }

    #[cfg(unix)]
    #[test]
    fn a_setting_that_is_no_text_is_refused_and_other_variables_may_be_anything() {
        use std::os::unix::ffi::OsStringExt;
        let bytes = || OsString::from_vec(vec![0xff]);
        assert!(Environment::read([("PATH".into(), bytes()), (bytes(), bytes())]).is_ok());
        assert!(Environment::read([("KAFKA_LOG_DIRS".into(), bytes())]).is_err());
    }
}
