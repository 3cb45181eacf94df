//! The settings of one resource. There are few, and many resources: a sorted list in one allocation.

use std::sync::Arc;

use crate::config::Settings;

/// Settings by name, as their records gave them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigValues(Option<Arc<[Setting]>>);

type Setting = (Box<str>, Box<str>);

impl ConfigValues {
    pub(super) const EMPTY: &'static Self = &Self(None);

    /// The value of a setting, if this resource has its own.
    pub fn get(&self, name: &str) -> Option<&str> {
        let at = self.as_slice().binary_search_by(|(n, _)| (**n).cmp(name)).ok()?;
        self.as_slice().get(at).map(|(_, value)| &**value)
    }

    /// All settings by name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.as_slice().iter().map(|(name, value)| (&**name, &**value))
    }

    /// Whether the resource has no settings of its own.
    pub fn is_empty(&self) -> bool {
        self.as_slice().is_empty()
    }

    /// The same settings as the `config` module takes them.
    pub fn to_settings(&self) -> Settings {
        self.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    fn as_slice(&self) -> &[Setting] {
        self.0.as_deref().unwrap_or_default()
    }

    /// These settings with one set, or removed where `value` is `None`.
    pub(super) fn with(&self, name: &str, value: Option<&str>) -> Self {
        let mut settings: Vec<Setting> =
            self.as_slice().iter().filter(|(n, _)| **n != *name).cloned().collect();
        if let Some(value) = value {
            let at = settings.partition_point(|(n, _)| **n < *name);
            settings.insert(at, (name.into(), value.into()));
        }
        Self((!settings.is_empty()).then(|| settings.into()))
    }
}
