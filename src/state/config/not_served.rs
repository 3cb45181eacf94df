//! Settings that ask for something this broker does not do yet and that must not be taken for granted: clusters of
//! several nodes, and authorization. They are refused, never ignored.

use super::value::{Kind, Value};
use super::{ConfigError, Settings};

/// Refuses what is not served.
pub(super) fn verify(given: &Settings, node_id: i64) -> Result<(), ConfigError> {
    verify_roles(given)?;
    verify_voters(given, node_id)?;
    verify_controller_listener(given)?;
    if given.get("authorizer.class.name").is_some_and(|class| !class.trim().is_empty()) {
        return Err(ConfigError::new(
            "authorizer.class.name is set, but authorization is not served yet: everything would be allowed",
        ));
    }
    Ok(())
}

fn list(given: &Settings, name: &str) -> Option<Vec<String>> {
    match Value::parse(name, Kind::List, given.get(name)?) {
        Ok(Value::List(items)) => Some(items),
        _ => None,
    }
}

fn verify_roles(given: &Settings) -> Result<(), ConfigError> {
    let Some(roles) = list(given, "process.roles") else { return Ok(()) };
    match roles.as_slice() {
        [only] => Err(ConfigError::new(format!(
            "process.roles={only}: a node with only one of the two roles is not served yet; use broker,controller"
        ))),
        _ => Ok(()),
    }
}

fn verify_voters(given: &Settings, node_id: i64) -> Result<(), ConfigError> {
    const VOTERS: &str = "controller.quorum.voters";
    const SERVERS: &str = "controller.quorum.bootstrap.servers";
    let voters = list(given, VOTERS).unwrap_or_default();
    for entry in &voters {
        let parsed = entry.split_once('@').and_then(|(id, place)| {
            let (host, port) = place.rsplit_once(':')?;
            Some((id.parse::<i64>().ok()?, host, port.parse::<u16>().ok()?))
        });
        let Some((id, host, _)) = parsed else {
            return Err(ConfigError::new(format!(
                "Failed to parse host name from entry {entry} for the configuration {VOTERS}. Each entry should be \
                 in the form `{{id}}@{{host}}:{{port}}`."
            )));
        };
        if host == "0.0.0.0" {
            return Err(ConfigError::new(format!("Host string ({host}) is not routeable")));
        }
        if voters.len() == 1 && id != node_id {
            return Err(ConfigError::new(format!(
                "If process.roles contains the 'controller' role, the node id {node_id} must be included in the set \
                 of voters {VOTERS}=Set({id})"
            )));
        }
    }
    for (name, count) in [(VOTERS, voters.len()), (SERVERS, list(given, SERVERS).unwrap_or_default().len())] {
        if count > 1 {
            return Err(ConfigError::new(format!(
                "{name} names {count} controllers: clusters of several nodes are not served yet"
            )));
        }
    }
    Ok(())
}

/// As Kafka: a controller's listener that is named must exist, although it is not opened here.
fn verify_controller_listener(given: &Settings) -> Result<(), ConfigError> {
    let (Some(names), Some(listeners)) = (list(given, "controller.listener.names"), list(given, "listeners"))
    else {
        return Ok(());
    };
    let is_named = |listener: &String| {
        let name = listener.split("://").next().unwrap_or_default();
        names.iter().any(|n| n.eq_ignore_ascii_case(name))
    };
    if names.is_empty() || listeners.iter().any(is_named) {
        return Ok(());
    }
    Err(ConfigError::new(
        "controller.listener.names must contain at least one value appearing in the 'listeners' configuration when \
         running the KRaft controller role",
    ))
}
