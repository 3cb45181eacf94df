//! Values: from text to typed and back, by the rules of Kafka's `ConfigDef`.

use std::collections::HashSet;

use super::ConfigError;

/// The type of a setting, as DescribeConfigs names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i8)]
pub enum Kind {
    Boolean = 1,
    String = 2,
    Int = 3,
    Short = 4,
    Long = 5,
    Double = 6,
    List = 7,
    Class = 8,
    Password = 9,
}

impl Kind {
    /// The number in a DescribeConfigs response.
    pub const fn code(self) -> i8 {
        self as i8
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Boolean => "BOOLEAN",
            Self::String => "STRING",
            Self::Int => "INT",
            Self::Short => "SHORT",
            Self::Long => "LONG",
            Self::Double => "DOUBLE",
            Self::List => "LIST",
            Self::Class => "CLASS",
            Self::Password => "PASSWORD",
        }
    }
}

/// A parsed value. The three integer types of Kafka differ in range only.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Boolean(bool),
    Integer(i64),
    Double(f64),
    Text(String),
    List(Vec<String>),
}

impl Value {
    /// Reads `text` as Kafka does: blanks around it do not count, and a list drops repeated elements.
    pub fn parse(name: &str, kind: Kind, text: &str) -> Result<Self, ConfigError> {
        let trimmed = text.trim();
        let not_a_number =
            || ConfigError::invalid(name, text, &format!("Not a number of type {}", kind.name()));
        let integer = |min: i64, max: i64| match trimmed.parse::<i64>() {
            Ok(n) if (min..=max).contains(&n) => Ok(Self::Integer(n)),
            _ => Err(not_a_number()),
        };
        match kind {
            Kind::Boolean if trimmed.eq_ignore_ascii_case("true") => Ok(Self::Boolean(true)),
            Kind::Boolean if trimmed.eq_ignore_ascii_case("false") => Ok(Self::Boolean(false)),
            Kind::Boolean => {
                Err(ConfigError::invalid(name, text, "Expected value to be either true or false"))
            }
            Kind::Short => integer(i16::MIN.into(), i16::MAX.into()),
            Kind::Int => integer(i32::MIN.into(), i32::MAX.into()),
            Kind::Long => integer(i64::MIN, i64::MAX),
            Kind::Double => match trimmed.parse::<f64>() {
                Ok(n) if n.is_finite() => Ok(Self::Double(n)),
                _ => Err(not_a_number()),
            },
            Kind::String | Kind::Class | Kind::Password => Ok(Self::Text(trimmed.to_owned())),
            Kind::List => Ok(Self::List(split_list(trimmed))),
        }
    }

    /// The text that DescribeConfigs shows.
    pub fn show(&self) -> String {
        match self {
            Self::Boolean(b) => b.to_string(),
            Self::Integer(n) => n.to_string(),
            Self::Double(n) => show_double(*n),
            Self::Text(text) => text.clone(),
            Self::List(items) => items.join(","),
        }
    }
}

/// The elements of a list in order, each once. An empty text is an empty list, but `a,,b` has an empty element, which
/// the check refuses.
fn split_list(text: &str) -> Vec<String> {
    if text.is_empty() {
        return Vec::new();
    }
    let mut seen = HashSet::new();
    text.split(',').map(str::trim).filter(|item| seen.insert(*item)).map(str::to_owned).collect()
}

/// A number as Java's `Double.toString` prints it, which tools compare with.
fn show_double(n: f64) -> String {
    let size = n.abs();
    if n == 0.0 || (1e-3..1e7).contains(&size) {
        let text = n.to_string();
        return if text.contains('.') { text } else { format!("{text}.0") };
    }
    let text = format!("{n:E}");
    match text.split_once('E') {
        Some((digits, exponent)) if !digits.contains('.') => format!("{digits}.0E{exponent}"),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_are_shown_as_java_shows_them() {
        let shown = [
            (0.5, "0.5"),
            (1.0, "1.0"),
            (0.001, "0.001"),
            (1e-4, "1.0E-4"),
            (12_345_678.5, "1.23456785E7"),
            (f64::MAX, "1.7976931348623157E308"),
        ];
        for (n, text) in shown {
            assert_eq!(show_double(n), text);
        }
    }

    #[test]
    fn a_list_keeps_its_order_and_each_element_once() {
        assert_eq!(split_list("b , a,b"), ["b", "a"]);
        assert_eq!(split_list("a,,b"), ["a", "", "b"]);
        assert!(split_list("").is_empty());
    }
}
