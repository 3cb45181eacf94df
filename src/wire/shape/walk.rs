//! The walker: a position in a body that only moves over bytes that are there.

use super::field::{Field, Kind};
use gracchus_base::limits::FRAME_ELEMENTS_MAX;

/// The longest text that Kafka reads, also where its length is compact.
const TEXT_BYTES_MAX: usize = i16::MAX as usize;

/// A varint that holds a 32-bit number in the most bytes allowed, so that it can be filled in later.
const VARINT_BYTES_MAX: usize = 5;

/// Where and why a body is not what its API and version say.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} at byte {at}: {problem}")]
pub struct ShapeError {
    /// Kafka's name of the field.
    pub field: &'static str,
    /// Bytes from the start of what was walked over.
    pub at: usize,
    pub problem: Problem,
}

/// What is wrong with a field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    #[error("needs {need} bytes, {left} are left")]
    Truncated { need: usize, left: usize },
    #[error("length {0}")]
    Negative(i64),
    #[error("must not be null")]
    Null,
    #[error("a text of {0} bytes")]
    TextTooLong(usize),
    #[error("not UTF-8")]
    Utf8,
    #[error("a varint of more than 32 bits")]
    Varint,
    #[error("more than {max} elements in one request", max = FRAME_ELEMENTS_MAX)]
    TooManyElements,
    #[error("tag {0} does not exist in this version")]
    TagVersion(u32),
    #[error("tag {0} stands after a higher one or twice")]
    TagOrder(u32),
    #[error("the tagged field is not as long as it says")]
    TagLength,
    #[error("{0} does not say whether the struct is there")]
    Presence(i8),
}

/// A position in the bytes of a request, and what was counted on the way.
pub(crate) struct Walk<'a> {
    body: &'a [u8],
    at: usize,
    flexible: bool,
    elements: usize,
    tags_unknown: usize,
    /// What was walked over, without unknown tagged fields; only where it is asked for.
    copy: Option<Vec<u8>>,
}

impl<'a> Walk<'a> {
    /// Stands at the start of `body`.
    pub const fn new(body: &'a [u8], flexible: bool) -> Self {
        Self { body, at: 0, flexible, elements: 0, tags_unknown: 0, copy: None }
    }

    /// Like [`Walk::new`], and copies what it walks over, less the unknown tagged fields.
    pub fn copying(body: &'a [u8], flexible: bool) -> Self {
        Self { copy: Some(Vec::with_capacity(body.len())), ..Self::new(body, flexible) }
    }

    /// The copy made by a walk from [`Walk::copying`].
    pub fn into_copy(self) -> Vec<u8> {
        self.copy.unwrap_or_default()
    }

    /// Bytes walked over.
    pub const fn at(&self) -> usize {
        self.at
    }

    /// Array elements walked over.
    pub const fn elements(&self) -> usize {
        self.elements
    }

    /// Unknown tagged fields walked over.
    pub const fn tags_unknown(&self) -> usize {
        self.tags_unknown
    }

    /// Walks over a struct: its plain fields, then the tagged ones.
    pub fn fields(&mut self, fields: &'static [Field], version: i16) -> Result<(), ShapeError> {
        for field in fields {
            if field.exists(version) && field.tag_number().is_none() {
                self.value(field.name, &field.kind, field.may_be_null(version), version)?;
            }
        }
        if self.flexible { self.tags(fields, version) } else { Ok(()) }
    }

    fn value(
        &mut self,
        name: &'static str,
        kind: &'static Kind,
        may_be_null: bool,
        version: i16,
    ) -> Result<(), ShapeError> {
        match kind {
            Kind::Fixed(n) => self.skip(name, *n),
            Kind::Text => self.text(name, may_be_null),
            Kind::Data => {
                let length = self.long_length(name)?;
                self.not_null(name, length, may_be_null)?;
                self.skip(name, length.unwrap_or(0))
            }
            Kind::Struct(fields) if may_be_null => match i8::from_be_bytes(self.array(name)?) {
                1 => self.fields(fields, version),
                -1 => Ok(()),
                other => Err(self.error(name, Problem::Presence(other))),
            },
            Kind::Struct(fields) => self.fields(fields, version),
            Kind::Array(item) => self.items(name, item, may_be_null, version),
        }
    }

    fn text(&mut self, name: &'static str, may_be_null: bool) -> Result<(), ShapeError> {
        let length = if self.flexible { self.compact_length(name)? } else { self.short_length(name)? };
        self.not_null(name, length, may_be_null)?;
        match length {
            Some(n) if n > TEXT_BYTES_MAX => Err(self.error(name, Problem::TextTooLong(n))),
            Some(n) => self.utf8(name, n),
            None => Ok(()),
        }
    }

    /// Kafka replaces what is not UTF-8 and goes on with a name nobody meant; that is refused here.
    pub fn utf8(&mut self, name: &'static str, n: usize) -> Result<(), ShapeError> {
        let start = self.at;
        self.skip(name, n)?;
        match self.body.get(start..self.at).map(std::str::from_utf8) {
            Some(Err(_)) => Err(self.error(name, Problem::Utf8)),
            _ => Ok(()),
        }
    }

    fn items(
        &mut self,
        name: &'static str,
        item: &'static Kind,
        may_be_null: bool,
        version: i16,
    ) -> Result<(), ShapeError> {
        let count = self.long_length(name)?;
        self.not_null(name, count, may_be_null)?;
        let count = count.unwrap_or(0);
        // Every element takes at least a byte: a count above what is left lies, whatever the elements are.
        if count > self.left() {
            return Err(self.error(name, Problem::Truncated { need: count, left: self.left() }));
        }
        self.elements = self.elements.saturating_add(count);
        if self.elements > FRAME_ELEMENTS_MAX {
            return Err(self.error(name, Problem::TooManyElements));
        }
        if let Kind::Fixed(n) = item {
            return self.skip(name, count.saturating_mul(*n));
        }
        for _ in 0..count {
            self.value(name, item, false, version)?;
        }
        Ok(())
    }

    /// Walks over the tagged fields of a struct, which tags of `fields` are known.
    fn tags(&mut self, fields: &'static [Field], version: i16) -> Result<(), ShapeError> {
        let count_at = self.copied();
        let count = self.varint("tagged fields")?;
        self.reserve(count_at, 1);
        let mut known: u8 = 0;
        let mut last: Option<u32> = None;
        for _ in 0..count {
            let start = self.copied();
            let tag = self.varint("tag")?;
            if last.is_some_and(|last| tag <= last) {
                return Err(self.error("tag", Problem::TagOrder(tag)));
            }
            last = Some(tag);
            let size_at = self.copied();
            let size = self.varint("tag size")? as usize;
            if size > self.left() {
                return Err(self.error("tag size", Problem::Truncated { need: size, left: self.left() }));
            }
            match fields.iter().find(|field| field.tag_number() == Some(tag)) {
                Some(field) => {
                    known = known.saturating_add(1);
                    self.tagged(field, size, size_at, version)?;
                }
                None => {
                    self.tags_unknown = self.tags_unknown.saturating_add(1);
                    self.skip("unknown tag", size)?;
                    self.reserve(start, 0);
                }
            }
        }
        // Known tags are few, and none comes twice: their count is a varint of one byte.
        self.patch(count_at, &[known]);
        Ok(())
    }

    /// Walks over the tagged fields of a struct that knows none.
    pub fn unknown_tags(&mut self, name: &'static str) -> Result<(), ShapeError> {
        debug_assert!(self.copy.is_none(), "headers are not copied");
        let count = self.varint(name)?;
        for _ in 0..count {
            self.varint(name)?;
            let size = self.varint(name)?;
            self.skip(name, size as usize)?;
        }
        Ok(())
    }

    /// Walks over the value of a known tagged field, which must take exactly `size` bytes.
    fn tagged(
        &mut self,
        field: &'static Field,
        size: usize,
        size_at: Option<usize>,
        version: i16,
    ) -> Result<(), ShapeError> {
        let tag = field.tag_number().unwrap_or_default();
        if !field.exists(version) {
            return Err(self.error(field.name, Problem::TagVersion(tag)));
        }
        self.reserve(size_at, VARINT_BYTES_MAX);
        let value_at = self.copied();
        let end = self.at.saturating_add(size);
        self.value(field.name, &field.kind, field.may_be_null(version), version)?;
        if self.at != end {
            return Err(self.error(field.name, Problem::TagLength));
        }
        if let (Some(value_at), Some(value_end)) = (value_at, self.copied()) {
            // Shorter than it was if an unknown tag was cut out of a struct in it.
            self.patch(size_at, &wide_varint(value_end.saturating_sub(value_at)));
        }
        Ok(())
    }
}

/// What a copying walk changes in its copy; without one, nothing.
impl Walk<'_> {
    /// Bytes copied so far.
    fn copied(&self) -> Option<usize> {
        self.copy.as_ref().map(Vec::len)
    }

    /// Drops what was copied from `at` on and leaves `bytes` bytes of room there.
    fn reserve(&mut self, at: Option<usize>, bytes: usize) {
        if let (Some(copy), Some(at)) = (&mut self.copy, at) {
            copy.truncate(at);
            copy.resize(at.saturating_add(bytes), 0);
        }
    }

    /// Writes `bytes` over those at `at`.
    fn patch(&mut self, at: Option<usize>, bytes: &[u8]) {
        if let (Some(copy), Some(at)) = (&mut self.copy, at)
            && let Some(place) = copy.get_mut(at..at.saturating_add(bytes.len()))
        {
            place.copy_from_slice(bytes);
        }
    }
}

/// Lengths and bytes.
impl Walk<'_> {
    /// Moves over `n` bytes.
    pub fn skip(&mut self, name: &'static str, n: usize) -> Result<(), ShapeError> {
        let end = self.at.checked_add(n);
        let Some((end, bytes)) = end.and_then(|end| Some((end, self.body.get(self.at..end)?))) else {
            return Err(self.error(name, Problem::Truncated { need: n, left: self.left() }));
        };
        if let Some(copy) = &mut self.copy {
            copy.extend_from_slice(bytes);
        }
        self.at = end;
        Ok(())
    }

    /// Moves over `N` bytes and gives them.
    pub fn array<const N: usize>(&mut self, name: &'static str) -> Result<[u8; N], ShapeError> {
        let bytes = self.body.get(self.at..).and_then(|rest| rest.first_chunk()).copied();
        self.skip(name, N)?;
        Ok(bytes.unwrap_or([0; N]))
    }

    /// The length of a text outside flexible versions; `None` for null.
    pub fn short_length(&mut self, name: &'static str) -> Result<Option<usize>, ShapeError> {
        let length = i16::from_be_bytes(self.array(name)?);
        self.length(name, i64::from(length))
    }

    /// The length of bytes or of an array; `None` for null.
    fn long_length(&mut self, name: &'static str) -> Result<Option<usize>, ShapeError> {
        if self.flexible {
            return self.compact_length(name);
        }
        let length = i32::from_be_bytes(self.array(name)?);
        self.length(name, i64::from(length))
    }

    /// One more than the length, 0 for null.
    fn compact_length(&mut self, name: &'static str) -> Result<Option<usize>, ShapeError> {
        Ok((self.varint(name)? as usize).checked_sub(1))
    }

    fn length(&self, name: &'static str, length: i64) -> Result<Option<usize>, ShapeError> {
        match usize::try_from(length) {
            Ok(n) => Ok(Some(n)),
            Err(_) if length == -1 => Ok(None),
            Err(_) => Err(self.error(name, Problem::Negative(length))),
        }
    }

    /// An unsigned varint of at most five bytes and 32 bits.
    fn varint(&mut self, name: &'static str) -> Result<u32, ShapeError> {
        let mut value: u32 = 0;
        for shift in [0, 7, 14, 21, 28] {
            let [byte] = self.array(name)?;
            let bits = u32::from(byte & 0x7f);
            if shift == 28 && byte > 0x0f {
                break;
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(self.error(name, Problem::Varint))
    }

    fn not_null(
        &self,
        name: &'static str,
        length: Option<usize>,
        may_be_null: bool,
    ) -> Result<(), ShapeError> {
        if length.is_none() && !may_be_null { Err(self.error(name, Problem::Null)) } else { Ok(()) }
    }

    const fn left(&self) -> usize {
        self.body.len().saturating_sub(self.at)
    }

    const fn error(&self, field: &'static str, problem: Problem) -> ShapeError {
        ShapeError { field, at: self.at, problem }
    }
}

/// `value` as a varint of five bytes; the values are lengths within a frame.
const fn wide_varint(value: usize) -> [u8; VARINT_BYTES_MAX] {
    [
        (value & 0x7f) as u8 | 0x80,
        (value >> 7 & 0x7f) as u8 | 0x80,
        (value >> 14 & 0x7f) as u8 | 0x80,
        (value >> 21 & 0x7f) as u8 | 0x80,
        (value >> 28 & 0x0f) as u8,
    ]
}
