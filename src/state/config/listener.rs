//! Listeners: `NAME://host:port`, and what the security protocol map says of the name.

use std::collections::BTreeMap;

use super::ConfigError;

/// A place to connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort {
    /// A name or an address, an IPv6 address without brackets. Empty means every address of the machine.
    pub host: String,
    pub port: u16,
}

impl std::fmt::Display for HostPort {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl HostPort {
    /// Reads `host:port`, `[v6]:port` or `:port`.
    pub fn parse(text: &str) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        let host = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '%');
        if !host.chars().all(legal) {
            return None;
        }
        Some(Self { host: host.to_owned(), port: port.parse().ok()? })
    }

    fn is_ipv6(&self) -> bool {
        self.host.contains(':')
    }
}

/// One listener; its security protocol is PLAINTEXT, the only one that is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// The name in capital letters.
    pub name: String,
    /// Where to bind; port 0 lets the system choose.
    pub bind: HostPort,
    /// What clients are told; `None` is the address that they connected to. An empty host is the host they connected
    /// to, port 0 the port that was bound.
    pub advertised: Option<HostPort>,
}

/// The settings that listeners are made of.
#[derive(Debug)]
pub(super) struct Inputs<'a> {
    pub listeners: &'a [String],
    pub advertised: Option<&'a [String]>,
    pub protocol_map: &'a str,
    pub protocol_map_is_default: bool,
    pub controller_names: &'a [String],
}

/// Listeners for clients, and those of the controller.
#[derive(Debug)]
pub(super) struct Listeners {
    pub broker: Vec<Listener>,
    pub controller: Vec<Listener>,
    /// Every name of the protocol map.
    pub mapped: Vec<String>,
}

/// Reads and checks all of them together.
pub(super) fn resolve(inputs: &Inputs<'_>) -> Result<Listeners, ConfigError> {
    let protocols = protocol_map(inputs)?;
    let bound = endpoints(inputs.listeners, &protocols)?;
    verify_ports(inputs.listeners, &bound)?;
    let advertised = match inputs.advertised {
        Some(texts) => endpoints(texts, &protocols)?,
        None => Vec::new(),
    };
    let is_controller = |name: &str| inputs.controller_names.iter().any(|c| c.eq_ignore_ascii_case(name));
    verify_advertised(inputs, &bound, &advertised, is_controller)?;
    let (controller, broker): (Vec<_>, Vec<_>) = bound
        .into_iter()
        .map(|(name, bind)| {
            let told = advertised.iter().find(|(n, _)| *n == name).map(|(_, place)| place.clone());
            Listener { name, bind, advertised: told }
        })
        .partition(|l| is_controller(&l.name));
    if broker.is_empty() {
        return Err(ConfigError::new(
            "There must be at least one broker advertised listener. Perhaps all listeners appear in \
             controller.listener.names?",
        ));
    }
    if let Some(other) = broker.iter().find(|l| protocols.get(&l.name).is_some_and(|p| p != "PLAINTEXT")) {
        return Err(ConfigError::new(format!(
            "Listener {} uses {}, which is not served yet: only PLAINTEXT is",
            other.name,
            protocols.get(&other.name).map_or("", String::as_str)
        )));
    }
    Ok(Listeners { broker, controller, mapped: protocols.into_keys().collect() })
}

fn protocol_map(inputs: &Inputs<'_>) -> Result<BTreeMap<String, String>, ConfigError> {
    const NAME: &str = "listener.security.protocol.map";
    let mut map = BTreeMap::new();
    for pair in inputs.protocol_map.split(',').map(str::trim).filter(|p| !p.is_empty()) {
        let Some((listener, protocol)) = pair.rsplit_once(':') else {
            return Err(ConfigError::new(format!(
                "Error parsing configuration property '{NAME}': '{pair}' is not NAME:PROTOCOL"
            )));
        };
        let protocol = protocol.trim().to_ascii_uppercase();
        if !matches!(&*protocol, "PLAINTEXT" | "SSL" | "SASL_PLAINTEXT" | "SASL_SSL") {
            return Err(ConfigError::new(format!(
                "Invalid security protocol `{protocol}` defined in {NAME}"
            )));
        }
        map.insert(listener.trim().to_ascii_uppercase(), protocol);
    }
    if inputs.protocol_map_is_default {
        // Kafka adds the controller's listeners itself as long as nobody gave a map.
        for name in inputs.controller_names {
            map.entry(name.to_ascii_uppercase()).or_insert_with(|| "PLAINTEXT".to_owned());
        }
    }
    Ok(map)
}

fn endpoints(
    texts: &[String],
    protocols: &BTreeMap<String, String>,
) -> Result<Vec<(String, HostPort)>, ConfigError> {
    let all = texts.join(", ");
    let refuse =
        |why: String| Err(ConfigError::new(format!("Error creating broker listeners from '[{all}]': {why}")));
    let mut found: Vec<(String, HostPort)> = Vec::new();
    for text in texts {
        let parsed = text.split_once("://").filter(|(name, _)| !name.is_empty());
        let Some((name, Some(place))) = parsed.map(|(name, place)| (name, HostPort::parse(place))) else {
            return refuse(format!("Unable to parse {text} to a broker endpoint"));
        };
        let name = name.to_ascii_uppercase();
        if !protocols.contains_key(&name) {
            return refuse(format!("No security protocol defined for listener {name}"));
        }
        if found.iter().any(|(n, _)| *n == name) {
            return refuse(format!("Each listener must have a different name, listeners: [{all}]"));
        }
        found.push((name, place));
    }
    Ok(found)
}

/// Two listeners may share a port only as an IPv4 and an IPv6 address (KIP-797); port 0 is a different one each time.
fn verify_ports(texts: &[String], bound: &[(String, HostPort)]) -> Result<(), ConfigError> {
    for (i, (_, a)) in bound.iter().enumerate() {
        let is_v4 = |p: &HostPort| p.host.parse::<std::net::Ipv4Addr>().is_ok();
        let clashes =
            |b: &HostPort| a.port == b.port && !(a.is_ipv6() && is_v4(b) || is_v4(a) && b.is_ipv6());
        if a.port != 0 && bound.iter().skip(i + 1).any(|(_, b)| clashes(b)) {
            let all = texts.join(", ");
            return Err(ConfigError::new(format!(
                "Error creating broker listeners from '[{all}]': Each listener must have a different port, \
                 listeners: [{all}]"
            )));
        }
    }
    Ok(())
}

fn verify_advertised(
    inputs: &Inputs<'_>,
    bound: &[(String, HostPort)],
    advertised: &[(String, HostPort)],
    is_controller: impl Fn(&str) -> bool,
) -> Result<(), ConfigError> {
    let names = |list: &[(String, HostPort)]| {
        list.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(",")
    };
    if inputs.advertised.is_some() && advertised.iter().all(|(name, _)| is_controller(name)) {
        return Err(ConfigError::new(
            "There must be at least one broker advertised listener. Perhaps all listeners appear in \
             controller.listener.names?",
        ));
    }
    for (name, place) in advertised {
        if place.host == "0.0.0.0" || place.host == "::" {
            return Err(ConfigError::new(format!(
                "advertised.listeners cannot use the nonroutable meta-address {}. Use a routable IP address.",
                place.host
            )));
        }
        if !bound.iter().any(|(n, _)| n == name) {
            return Err(ConfigError::new(format!(
                "advertised.listeners listener names must be equal to or a subset of the ones defined in listeners. \
                 Found {}. The valid options based on the current configuration are {}",
                names(advertised),
                names(bound)
            )));
        }
    }
    Ok(())
}
