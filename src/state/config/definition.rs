//! One row of a table of settings, and the checks a row can ask for.

use super::ConfigError;
use super::value::{Kind, Value};

/// How a broker setting can be changed while the broker runs (KIP-226).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Update {
    /// Only with a restart.
    ReadOnly,
    /// For one broker, through its own resource.
    PerBroker,
    /// For one broker, or for all of them through the resource without a name.
    ClusterWide,
}

/// What a value must be besides its type; each variant has Kafka's words for a breach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    Any,
    AtLeast(i64),
    Between(i64, i64),
    /// Between the two, or -1.
    BetweenOrMinusOne(i64, i64),
    OneOf(&'static [&'static str]),
    /// Not empty when it is given, and of these values only.
    SomeOf(&'static [&'static str]),
    /// A list that is not empty when it is given.
    NotEmpty,
    /// `*`, or `partition:broker` pairs.
    ThrottledReplicas,
}

/// One setting.
#[derive(Clone, Copy, Debug)]
pub struct Definition {
    pub name: &'static str,
    pub kind: Kind,
    /// The text of the default; `None` is Kafka's null.
    pub default: Option<&'static str>,
    pub check: Check,
    pub update: Update,
    /// Whether the setting has its effect here. One that has none is known for what it means elsewhere.
    pub implemented: bool,
    /// Of a topic setting: the broker setting that is its default.
    pub synonym: Option<&'static str>,
    /// Kept out of DescribeConfigs until it is set, as Kafka's internal settings are.
    pub internal: bool,
    pub documentation: &'static str,
}

impl Definition {
    const fn new(name: &'static str, kind: Kind, default: &'static str) -> Self {
        Self {
            name,
            kind,
            default: Some(default),
            check: Check::Any,
            update: Update::ReadOnly,
            implemented: true,
            synonym: None,
            internal: false,
            documentation: "",
        }
    }

    pub(super) const fn boolean(name: &'static str, default: &'static str) -> Self {
        Self::new(name, Kind::Boolean, default)
    }

    pub(super) const fn int(name: &'static str, default: &'static str) -> Self {
        Self::new(name, Kind::Int, default)
    }

    pub(super) const fn short(name: &'static str, default: &'static str) -> Self {
        Self::new(name, Kind::Short, default)
    }

    pub(super) const fn long(name: &'static str, default: &'static str) -> Self {
        Self::new(name, Kind::Long, default)
    }

    pub(super) const fn double(name: &'static str, default: &'static str) -> Self {
        Self::new(name, Kind::Double, default)
    }

    pub(super) const fn string(name: &'static str, default: &'static str) -> Self {
        Self::new(name, Kind::String, default)
    }

    pub(super) const fn list(name: &'static str, default: &'static str) -> Self {
        Self::new(name, Kind::List, default)
    }

    pub(super) const fn at_least(mut self, min: i64) -> Self {
        self.check = Check::AtLeast(min);
        self
    }

    pub(super) const fn check(mut self, check: Check) -> Self {
        self.check = check;
        self
    }

    pub(super) const fn null(mut self) -> Self {
        self.default = None;
        self
    }

    pub(super) const fn cluster_wide(mut self) -> Self {
        self.update = Update::ClusterWide;
        self
    }

    pub(super) const fn internal(mut self) -> Self {
        self.internal = true;
        self
    }

    pub(super) const fn not_implemented(mut self) -> Self {
        self.implemented = false;
        self
    }

    pub(super) const fn of(mut self, broker_setting: &'static str) -> Self {
        self.synonym = Some(broker_setting);
        self
    }

    pub(super) const fn doc(mut self, documentation: &'static str) -> Self {
        self.documentation = documentation;
        self
    }

    /// Reads and checks a value.
    pub fn parse(&self, text: &str) -> Result<Value, ConfigError> {
        let value = Value::parse(self.name, self.kind, text)?;
        self.verify(&value)?;
        Ok(value)
    }

    /// The default, typed; `None` is Kafka's null.
    pub fn default_value(&self) -> Option<Value> {
        let text = self.default?;
        Some(Value::parse(self.name, self.kind, text).expect("a default has its setting's type: tested"))
    }

    /// Whether the value is a secret that no answer may show.
    pub const fn is_sensitive(&self) -> bool {
        matches!(self.kind, Kind::Password)
    }

    fn verify(&self, value: &Value) -> Result<(), ConfigError> {
        let refuse = |why: &str| Err(ConfigError::invalid(self.name, &value.show(), why));
        let number = match value {
            Value::Integer(n) => Some(*n as f64),
            Value::Double(n) => Some(*n),
            _ => None,
        };
        match (self.check, number, value) {
            (Check::AtLeast(min) | Check::Between(min, _), Some(n), _) if n < min as f64 => {
                refuse(&format!("Value must be at least {min}"))
            }
            (Check::Between(_, max), Some(n), _) if n > max as f64 => {
                refuse(&format!("Value must be no more than {max}"))
            }
            (Check::BetweenOrMinusOne(min, max), Some(n), _)
                if n != -1.0 && !(min as f64..=max as f64).contains(&n) =>
            {
                refuse(&format!("Value must be between {min} and {max} or equal to -1"))
            }
            (Check::OneOf(valid), _, Value::Text(text)) => self.verify_one_of(valid, text),
            (check, _, Value::List(items)) => self.verify_list(check, items),
            _ => Ok(()),
        }
    }

    fn verify_one_of(&self, valid: &[&str], text: &str) -> Result<(), ConfigError> {
        if valid.contains(&text) {
            return Ok(());
        }
        let why = format!("String must be one of: {}", valid.join(", "));
        Err(ConfigError::invalid(self.name, text, &why))
    }

    fn verify_list(&self, check: Check, items: &[String]) -> Result<(), ConfigError> {
        let name = self.name;
        if items.is_empty() {
            let valid = match check {
                Check::SomeOf(valid) => format!("[{}]", valid.join(", ")),
                Check::NotEmpty => "any non-empty value".to_owned(),
                _ => return Ok(()),
            };
            let message = format!("Configuration '{name}' must not be empty. Valid values include: {valid}");
            return Err(ConfigError::new(message));
        }
        if items.iter().any(String::is_empty) {
            return Err(ConfigError::new(format!("Configuration '{name}' values must not be empty.")));
        }
        match check {
            Check::OneOf(valid) | Check::SomeOf(valid) => {
                items.iter().try_for_each(|item| self.verify_one_of(valid, item))
            }
            Check::ThrottledReplicas if !are_throttled_replicas(items) => {
                let shown = format!("[{}]", items.join(", "));
                let why = format!(
                    "{name} must be the literal '*' or a list of replicas in the following format: \
                     [partitionId]:[brokerId],[partitionId]:[brokerId],..."
                );
                Err(ConfigError::invalid(name, &shown, &why))
            }
            _ => Ok(()),
        }
    }
}

fn are_throttled_replicas(items: &[String]) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let is_pair = |item: &String| item.split_once(':').is_some_and(|(p, b)| is_number(p) && is_number(b));
    items == ["*"] || items.iter().all(is_pair)
}
