//! Bodies of requests, written field by field from the layouts that the broker checks them with. Where every length,
//! count and value stands is noted, so that lies can be put there; a value can be set to anything by its path.

use gracchus_wire::ApiKey;
use gracchus_wire::shape::{Field, Kind, layout};

use crate::values;

/// What stands in a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Set {
    Int(i64),
    /// `{n}` stands for the number of the case, `{i}` for the element of the innermost array.
    Text(&'static str),
    Bytes(Vec<u8>),
    Null,
    /// Elements of an array.
    Count(usize),
}

/// A path of names from the body's top, or the end of one (`topics.name`), and what stands there.
pub type Setting = (&'static str, Set);

/// A body and where its parts are.
#[derive(Clone, Debug, Default)]
pub struct Body {
    pub bytes: Vec<u8>,
    pub places: Vec<Place>,
    /// Settings that no field of this version has.
    pub unused: usize,
}

/// A length or count and what it counts.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    pub what: What,
    /// Where the length begins, and its bytes.
    pub at: usize,
    pub prefix: usize,
    /// Bytes of the value behind the length.
    pub value: usize,
    pub may_be_null: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    Text,
    Data,
    Array,
    /// The count of a struct's tagged fields; these bodies have none of them.
    Tags,
}

/// Writes the body of a request of this version; `number` makes its names its own.
pub fn body(api: ApiKey, version: i16, number: usize, settings: &[Setting]) -> Body {
    let mut writer = Writer {
        api,
        version,
        flexible: api.is_flexible(version),
        number,
        settings,
        used: vec![false; settings.len()],
        path: Vec::new(),
        elements: Vec::new(),
        body: Body::default(),
    };
    writer.fields(layout(api));
    writer.body.unused = writer.used.iter().filter(|used| !**used).count();
    writer.body
}

struct Writer<'a> {
    api: ApiKey,
    version: i16,
    flexible: bool,
    number: usize,
    settings: &'a [Setting],
    used: Vec<bool>,
    path: Vec<&'static str>,
    elements: Vec<usize>,
    body: Body,
}

impl Writer<'_> {
    fn fields(&mut self, fields: &'static [Field]) {
        let version = self.version;
        for field in fields.iter().filter(|f| f.exists(version) && f.tag_number().is_none()) {
            self.path.push(field.name);
            self.value(&field.kind, field.may_be_null(version));
            self.path.pop();
        }
        if self.flexible {
            self.place(What::Tags, 1, false);
            self.body.bytes.push(0);
        }
    }

    fn value(&mut self, kind: &'static Kind, may_be_null: bool) {
        let set = self.set();
        match kind {
            Kind::Fixed(bytes) => self.fixed(*bytes, &set),
            Kind::Text | Kind::Data => self.bytes(kind, &set, may_be_null),
            Kind::Struct(fields) => {
                if may_be_null {
                    let there = set != Set::Null;
                    self.body.bytes.push(if there { 1 } else { 0xff });
                    if !there {
                        return;
                    }
                }
                self.fields(fields);
            }
            Kind::Array(item) => self.array(item, &set, may_be_null),
        }
    }

    /// What a setting, or else the table of ordinary values, says about the field at this path.
    fn set(&mut self) -> Set {
        let path = self.path.join(".");
        let named = |(name, _): &Setting| path == *name || path.ends_with(&format!(".{name}"));
        match self.settings.iter().position(named) {
            Some(at) => {
                self.used[at] = true;
                self.settings[at].1.clone()
            }
            None => values::ordinary(self.api, &path),
        }
    }

    fn fixed(&mut self, bytes: usize, set: &Set) {
        let Set::Int(value) = set else {
            return self.body.bytes.extend(if let Set::Bytes(id) = set {
                id.clone()
            } else {
                vec![0; bytes]
            });
        };
        let wide = i128::from(*value).to_be_bytes();
        self.body.bytes.extend_from_slice(&wide[wide.len() - bytes..]);
    }

    fn bytes(&mut self, kind: &Kind, set: &Set, may_be_null: bool) {
        let what = if matches!(kind, Kind::Text) { What::Text } else { What::Data };
        let value = match set {
            Set::Null => None,
            Set::Bytes(bytes) => Some(bytes.clone()),
            Set::Text(text) => {
                let element = self.elements.last().copied().unwrap_or(0);
                let text = text.replace("{n}", &format!("{:06}", self.number));
                Some(text.replace("{i}", &element.to_string()).into_bytes())
            }
            other => panic!("{} {}: {other:?} is no text", self.api, self.path.join(".")),
        };
        let place = self.length(what, value.as_ref().map(Vec::len), may_be_null);
        self.body.bytes.extend(value.unwrap_or_default());
        self.close(place);
    }

    fn array(&mut self, item: &'static Kind, set: &Set, may_be_null: bool) {
        let count = match set {
            Set::Null => None,
            Set::Count(count) => Some(*count),
            _ => Some(1),
        };
        let place = self.length(What::Array, count, may_be_null);
        let inner = !matches!(item, Kind::Struct(_));
        for element in 0..count.unwrap_or(0) {
            self.elements.push(element);
            if inner {
                self.path.push("item");
                self.value(item, false);
                self.path.pop();
            } else {
                self.value(item, false);
            }
            self.elements.pop();
        }
        self.close(place);
    }

    /// Writes a length or count; -1 and, in compact form, 0 is null. Gives the place that it begins.
    fn length(&mut self, what: What, length: Option<usize>, may_be_null: bool) -> usize {
        let at = self.body.bytes.len();
        let prefix = match (self.flexible, what) {
            (true, _) => varint(length.map_or(0, |n| n as u32 + 1)),
            (false, What::Text) => length.map_or(-1, |n| n as i16).to_be_bytes().to_vec(),
            (false, _) => length.map_or(-1, |n| n as i32).to_be_bytes().to_vec(),
        };
        self.body.bytes.extend_from_slice(&prefix);
        debug_assert_eq!(at + prefix.len(), self.body.bytes.len(), "the prefix was written");
        self.place_at(what, at, prefix.len(), may_be_null)
    }

    fn place(&mut self, what: What, prefix: usize, may_be_null: bool) -> usize {
        self.place_at(what, self.body.bytes.len(), prefix, may_be_null)
    }

    fn place_at(&mut self, what: What, at: usize, prefix: usize, may_be_null: bool) -> usize {
        self.body.places.push(Place { what, at, prefix, value: 0, may_be_null });
        self.body.places.len() - 1
    }

    fn close(&mut self, place: usize) {
        let place = &mut self.body.places[place];
        place.value = self.body.bytes.len() - place.at - place.prefix;
    }
}

/// An unsigned varint in as few bytes as it needs.
pub fn varint(value: impl Into<u64>) -> Vec<u8> {
    let mut value = value.into();
    let mut out = Vec::new();
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}
