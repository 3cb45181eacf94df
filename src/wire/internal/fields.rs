//! Fields as Kafka's generated code writes them: fixed-width numbers big endian, and the two ways of strings and arrays,
//! fixed-width lengths and, since KIP-482, compact ones with tagged fields behind each struct (TRAPS 14).
//!
//! A length is believed only if that many bytes are there (TRAPS 68).

use gracchus_base::TopicId;

use crate::records::put_unsigned;

/// Why bytes do not hold the fields they should.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    #[error("the bytes end in the middle of a field")]
    Truncated,
    #[error("a length of {0}")]
    Length(i64),
    #[error("null where a value must be")]
    Null,
    #[error("a text that is no UTF-8")]
    Utf8,
    #[error("a number has too many bytes")]
    Varint,
    #[error("{0} bytes are left over")]
    LeftOver(usize),
}

/// Reads fields off the front of a slice.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Errors unless everything has been read.
    pub(crate) const fn end(self) -> Result<(), FieldError> {
        if self.rest.is_empty() { Ok(()) } else { Err(FieldError::LeftOver(self.rest.len())) }
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], FieldError> {
        let (field, rest) = self.rest.split_first_chunk().ok_or(FieldError::Truncated)?;
        self.rest = rest;
        Ok(*field)
    }

    fn bytes_of(&mut self, length: usize) -> Result<&'a [u8], FieldError> {
        let (field, rest) = self.rest.split_at_checked(length).ok_or(FieldError::Truncated)?;
        self.rest = rest;
        Ok(field)
    }

    pub(crate) fn i8(&mut self) -> Result<i8, FieldError> {
        self.fixed().map(i8::from_be_bytes)
    }

    pub(crate) fn bool(&mut self) -> Result<bool, FieldError> {
        self.i8().map(|b| b != 0)
    }

    pub(crate) fn i16(&mut self) -> Result<i16, FieldError> {
        self.fixed().map(i16::from_be_bytes)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, FieldError> {
        self.fixed().map(u16::from_be_bytes)
    }

    pub(crate) fn i32(&mut self) -> Result<i32, FieldError> {
        self.fixed().map(i32::from_be_bytes)
    }

    pub(crate) fn i64(&mut self) -> Result<i64, FieldError> {
        self.fixed().map(i64::from_be_bytes)
    }

    pub(crate) fn f64(&mut self) -> Result<f64, FieldError> {
        self.fixed().map(f64::from_be_bytes)
    }

    pub(crate) fn uuid(&mut self) -> Result<TopicId, FieldError> {
        self.fixed().map(TopicId)
    }

    /// An unsigned varint of at most 5 bytes.
    pub(crate) fn unsigned(&mut self) -> Result<u32, FieldError> {
        let mut bits = 0_u64;
        for shift in [0, 7, 14, 21, 28] {
            let [byte] = self.fixed::<1>()?;
            bits |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return u32::try_from(bits).map_err(|_| FieldError::Varint);
            }
        }
        Err(FieldError::Varint)
    }

    /// The length of a compact string, array or byte field; `None` for null.
    fn compact_length(&mut self) -> Result<Option<usize>, FieldError> {
        Ok(self.unsigned()?.checked_sub(1).map(|length| length as usize))
    }

    /// A length of 2 bytes, -1 for null.
    fn short_length(&mut self) -> Result<Option<usize>, FieldError> {
        match self.i16()? {
            -1 => Ok(None),
            n => usize::try_from(n).map(Some).map_err(|_| FieldError::Length(n.into())),
        }
    }

    /// A length of 4 bytes, -1 for null.
    fn long_length(&mut self) -> Result<Option<usize>, FieldError> {
        match self.i32()? {
            -1 => Ok(None),
            n => usize::try_from(n).map(Some).map_err(|_| FieldError::Length(n.into())),
        }
    }

    pub(crate) fn nullable_string(&mut self, compact: bool) -> Result<Option<&'a str>, FieldError> {
        let length = if compact { self.compact_length() } else { self.short_length() }?;
        let Some(length) = length else { return Ok(None) };
        let text = std::str::from_utf8(self.bytes_of(length)?).map_err(|_| FieldError::Utf8)?;
        Ok(Some(text))
    }

    pub(crate) fn string(&mut self, compact: bool) -> Result<&'a str, FieldError> {
        self.nullable_string(compact)?.ok_or(FieldError::Null)
    }

    pub(crate) fn bytes(&mut self, compact: bool) -> Result<&'a [u8], FieldError> {
        let length = if compact { self.compact_length() } else { self.long_length() }?;
        self.bytes_of(length.ok_or(FieldError::Null)?)
    }

    /// An array, `None` for null. More elements than bytes are refused before the first is read.
    pub(crate) fn nullable_array<T>(
        &mut self,
        compact: bool,
        mut element: impl FnMut(&mut Self) -> Result<T, FieldError>,
    ) -> Result<Option<Vec<T>>, FieldError> {
        let length = if compact { self.compact_length() } else { self.long_length() }?;
        let Some(length) = length else { return Ok(None) };
        if length > self.rest.len() {
            return Err(FieldError::Truncated);
        }
        (0..length).map(|_| element(self)).collect::<Result<_, _>>().map(Some)
    }

    pub(crate) fn array<T>(
        &mut self,
        compact: bool,
        element: impl FnMut(&mut Self) -> Result<T, FieldError>,
    ) -> Result<Vec<T>, FieldError> {
        self.nullable_array(compact, element)?.ok_or(FieldError::Null)
    }

    /// The tagged fields at the end of a struct; `field` reads those it knows and leaves the others, which are skipped.
    pub(crate) fn tagged(
        &mut self,
        mut field: impl FnMut(u32, &mut Self) -> Result<(), FieldError>,
    ) -> Result<(), FieldError> {
        for _ in 0..self.unsigned()? {
            let tag = self.unsigned()?;
            let size = self.unsigned()? as usize;
            let mut value = Fields::new(self.bytes_of(size)?);
            field(tag, &mut value)?;
        }
        Ok(())
    }

    /// Tagged fields of which none is known.
    pub(crate) fn no_tagged(&mut self) -> Result<(), FieldError> {
        self.tagged(|_, _| Ok(()))
    }
}

/// Why a text could not be written: its length is 2 bytes wide, and the protocol refuses longer texts as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a text of {0} bytes, more than 32767")]
pub struct TextTooLong(pub usize);

/// Appends a string with a length of 2 bytes.
pub(crate) fn put_string(out: &mut Vec<u8>, text: &str) -> Result<(), TextTooLong> {
    let n = i16::try_from(text.len()).map_err(|_| TextTooLong(text.len()))?;
    out.extend_from_slice(&n.to_be_bytes());
    out.extend_from_slice(text.as_bytes());
    Ok(())
}

/// Appends a string with a length of 2 bytes, -1 for null.
pub(crate) fn put_nullable_string(out: &mut Vec<u8>, text: Option<&str>) -> Result<(), TextTooLong> {
    match text {
        Some(text) => put_string(out, text),
        None => {
            out.extend_from_slice(&(-1_i16).to_be_bytes());
            Ok(())
        }
    }
}

/// Appends bytes, or the number of elements of an array, with a length of 4 bytes.
pub(crate) fn put_long_length(out: &mut Vec<u8>, n: usize) {
    out.extend_from_slice(&i32::try_from(n).unwrap_or(i32::MAX).to_be_bytes());
}

/// Appends a compact length: one more than it is, so that 0 is null.
pub(crate) fn put_compact_length(out: &mut Vec<u8>, n: usize) {
    put_unsigned(out, (n as u64).saturating_add(1));
}

/// Appends a compact string.
pub(crate) fn put_compact_string(out: &mut Vec<u8>, text: &str) {
    put_compact_length(out, text.len());
    out.extend_from_slice(text.as_bytes());
}

/// Appends a compact string, or null.
pub(crate) fn put_compact_nullable_string(out: &mut Vec<u8>, text: Option<&str>) {
    match text {
        Some(text) => put_compact_string(out, text),
        None => out.push(0),
    }
}

/// Appends a compact array.
pub(crate) fn put_compact_array<T>(out: &mut Vec<u8>, elements: &[T], mut put: impl FnMut(&mut Vec<u8>, &T)) {
    put_compact_length(out, elements.len());
    for element in elements {
        put(out, element);
    }
}

/// The tagged fields of one struct, collected in the order of their tags.
#[derive(Default)]
pub(crate) struct Tagged {
    count: u64,
    bytes: Vec<u8>,
}

impl Tagged {
    /// Adds a field; `tag` is above those added before.
    pub(crate) fn add(&mut self, tag: u32, put: impl FnOnce(&mut Vec<u8>)) {
        let mut value = Vec::new();
        put(&mut value);
        self.count = self.count.saturating_add(1);
        put_unsigned(&mut self.bytes, tag.into());
        put_unsigned(&mut self.bytes, value.len() as u64);
        self.bytes.extend_from_slice(&value);
    }

    /// Appends them behind their struct.
    pub(crate) fn put(self, out: &mut Vec<u8>) {
        put_unsigned(out, self.count);
        out.extend_from_slice(&self.bytes);
    }
}

/// Appends "no tagged fields".
pub(crate) fn put_no_tagged(out: &mut Vec<u8>) {
    out.push(0);
}
