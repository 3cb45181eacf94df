//! The words in which `tables` describes a request: a field has a name, a kind and the versions it exists in.

/// A field of a struct.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Kafka's name of the field, for error messages.
    pub name: &'static str,
    pub kind: Kind,
    since: i16,
    until: i16,
    null_since: i16,
    tag: Option<u32>,
}

/// How a value is laid out. In flexible versions the lengths of texts, bytes and arrays are compact.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// So many bytes.
    Fixed(usize),
    /// A length of 16 bits and UTF-8.
    Text,
    /// A length of 32 bits and bytes.
    Data,
    /// A struct; where it may be null, a byte says whether it is there.
    Struct(&'static [Field]),
    /// A count of 32 bits and that many values.
    Array(&'static Kind),
}

impl Field {
    const fn new(name: &'static str, kind: Kind) -> Self {
        Self { name, kind, since: 0, until: i16::MAX, null_since: i16::MAX, tag: None }
    }

    /// Exists from this version on.
    pub const fn since(self, version: i16) -> Self {
        Self { since: version, ..self }
    }

    /// Exists up to this version.
    pub const fn until(self, version: i16) -> Self {
        Self { until: version, ..self }
    }

    /// May be null.
    pub const fn nullable(self) -> Self {
        self.nullable_since(0)
    }

    /// May be null from this version on.
    pub const fn nullable_since(self, version: i16) -> Self {
        Self { null_since: version, ..self }
    }

    /// Stands among the tagged fields, under this tag (KIP-482).
    pub const fn tag(self, tag: u32) -> Self {
        Self { tag: Some(tag), ..self }
    }

    /// Whether the field exists in `version`.
    pub const fn exists(&self, version: i16) -> bool {
        self.since <= version && version <= self.until
    }

    /// Whether the field may be null in `version`.
    pub const fn may_be_null(&self, version: i16) -> bool {
        version >= self.null_since
    }

    /// The field's tag; `None` if it stands in its place among the plain fields.
    pub const fn tag_number(&self) -> Option<u32> {
        self.tag
    }
}

pub const fn int8(name: &'static str) -> Field {
    Field::new(name, Kind::Fixed(1))
}

pub const fn boolean(name: &'static str) -> Field {
    Field::new(name, Kind::Fixed(1))
}

pub const fn int16(name: &'static str) -> Field {
    Field::new(name, Kind::Fixed(2))
}

pub const fn int32(name: &'static str) -> Field {
    Field::new(name, Kind::Fixed(4))
}

pub const fn int64(name: &'static str) -> Field {
    Field::new(name, Kind::Fixed(8))
}

pub const fn float64(name: &'static str) -> Field {
    Field::new(name, Kind::Fixed(8))
}

pub const fn uuid(name: &'static str) -> Field {
    Field::new(name, Kind::Fixed(16))
}

pub const fn text(name: &'static str) -> Field {
    Field::new(name, Kind::Text)
}

pub const fn data(name: &'static str) -> Field {
    Field::new(name, Kind::Data)
}

pub const fn one(name: &'static str, fields: &'static [Field]) -> Field {
    Field::new(name, Kind::Struct(fields))
}

pub const fn array(name: &'static str, item: &'static Kind) -> Field {
    Field::new(name, Kind::Array(item))
}
