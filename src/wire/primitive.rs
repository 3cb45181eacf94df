//! The protocol's primitive types, for the messages that are our own: fixed numbers, texts, arrays, empty tag buffers.
//!
//! Both sides know whether their message is flexible (KIP-482), so that the callers read like the schema.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use gracchus_base::TopicId;
use kafka_protocol::protocol::StrBytes;

use crate::api::ApiKey;
use crate::error::EncodeError;

/// Bytes of the length in front of a frame.
pub(crate) const FRAME_LENGTH_BYTES: usize = 4;

/// Writes one message.
pub(crate) struct Writer {
    pub out: BytesMut,
    flexible: bool,
    /// The first text, array or bytes too long to be said; [`Writer::frame`] refuses the message then.
    too_long: Option<usize>,
}

impl Writer {
    /// A writer with room for `capacity` bytes.
    pub fn new(flexible: bool, capacity: usize) -> Self {
        Self { out: BytesMut::with_capacity(capacity), flexible, too_long: None }
    }

    /// A writer that stands after the frame's length and the response's header.
    pub fn response(api: ApiKey, version: i16, correlation_id: i32, capacity: usize) -> Self {
        let mut writer = Self::new(api.is_flexible(version), capacity.saturating_add(16));
        writer.out.put_i32(0);
        writer.out.put_i32(correlation_id);
        if api.response_header_version(version) >= 1 {
            writer.out.put_u8(0);
        }
        writer
    }

    /// A text, or null.
    pub fn text(&mut self, text: Option<&str>) {
        let Some(text) = text else { return self.null_text() };
        match i16::try_from(text.len()) {
            Ok(_) if self.flexible => self.compact(text.len()),
            Ok(n) => self.out.put_i16(n),
            Err(_) => self.too_long = self.too_long.or(Some(text.len())),
        }
        self.out.put_slice(text.as_bytes());
    }

    fn null_text(&mut self) {
        if self.flexible { self.out.put_u8(0) } else { self.out.put_i16(-1) }
    }

    /// The length of an array or of bytes.
    pub fn length(&mut self, length: usize) {
        match i32::try_from(length) {
            Ok(_) if self.flexible => self.compact(length),
            Ok(n) => self.out.put_i32(n),
            Err(_) => self.too_long = self.too_long.or(Some(length)),
        }
    }

    /// Null in the place of an array or of bytes.
    pub fn null(&mut self) {
        if self.flexible { self.out.put_u8(0) } else { self.out.put_i32(-1) }
    }

    pub fn boolean(&mut self, value: bool) {
        self.out.put_u8(u8::from(value));
    }

    pub fn topic_id(&mut self, id: TopicId) {
        self.out.put_slice(&id.0);
    }

    /// The end of a struct without tagged fields.
    pub fn no_tags(&mut self) {
        if self.flexible {
            self.out.put_u8(0);
        }
    }

    /// An unsigned varint.
    pub fn varint(&mut self, value: u32) {
        let mut rest = value;
        while rest >= 0x80 {
            self.out.put_u8(rest as u8 | 0x80);
            rest >>= 7;
        }
        self.out.put_u8(rest as u8);
    }

    /// A tagged field whose value was written aside.
    pub fn tagged(&mut self, tag: u32, value: &Self) {
        self.varint(tag);
        self.varint(u32::try_from(value.out.len()).unwrap_or(u32::MAX));
        self.out.put_slice(&value.out);
        self.too_long = self.too_long.or(value.too_long);
    }

    fn compact(&mut self, length: usize) {
        self.varint(u32::try_from(length).unwrap_or(u32::MAX).saturating_add(1));
    }

    /// Writes the frame's length, which counts what was written and `more` bytes that follow it, and gives the frame.
    pub fn frame(mut self, api: ApiKey, version: i16, more: usize) -> Result<Bytes, EncodeError> {
        let bytes = self.out.len().saturating_sub(FRAME_LENGTH_BYTES).saturating_add(more);
        if let Some(bytes) = self.too_long {
            return Err(EncodeError::TooLong { api, version, bytes });
        }
        let Ok(length) = i32::try_from(bytes) else {
            return Err(EncodeError::TooLong { api, version, bytes });
        };
        if let Some(place) = self.out.first_chunk_mut::<FRAME_LENGTH_BYTES>() {
            *place = length.to_be_bytes();
        }
        Ok(self.out.freeze())
    }
}

/// The bytes end before the message does, or a text is not UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ReadError {
    #[error("the body ends early")]
    Early,
    #[error("a length is negative or a field is null")]
    Length,
    #[error("a text is not UTF-8")]
    Utf8,
}

/// Reads one message. Texts are slices of it. Never reserves more than what the bytes hold.
pub(crate) struct Reader<'a> {
    rest: &'a mut Bytes,
    flexible: bool,
}

impl<'a> Reader<'a> {
    pub const fn new(rest: &'a mut Bytes, flexible: bool) -> Self {
        Self { rest, flexible }
    }

    pub fn int16(&mut self) -> Result<i16, ReadError> {
        self.rest.try_get_i16().map_err(|_| ReadError::Early)
    }

    pub fn int32(&mut self) -> Result<i32, ReadError> {
        self.rest.try_get_i32().map_err(|_| ReadError::Early)
    }

    pub fn int64(&mut self) -> Result<i64, ReadError> {
        self.rest.try_get_i64().map_err(|_| ReadError::Early)
    }

    pub fn boolean(&mut self) -> Result<bool, ReadError> {
        Ok(self.rest.try_get_u8().map_err(|_| ReadError::Early)? != 0)
    }

    pub fn uuid(&mut self) -> Result<uuid::Uuid, ReadError> {
        let mut bytes = [0; 16];
        self.rest.try_copy_to_slice(&mut bytes).map_err(|_| ReadError::Early)?;
        Ok(uuid::Uuid::from_bytes(bytes))
    }

    /// A text that must not be null.
    pub fn text(&mut self) -> Result<StrBytes, ReadError> {
        self.text_or_null()?.ok_or(ReadError::Length)
    }

    pub fn text_or_null(&mut self) -> Result<Option<StrBytes>, ReadError> {
        let length = if self.flexible { self.compact()? } else { length(i32::from(self.int16()?))? };
        let Some(length) = length else { return Ok(None) };
        if length > self.rest.len() {
            return Err(ReadError::Early);
        }
        StrBytes::from_utf8(self.rest.split_to(length)).map(Some).map_err(|_| ReadError::Utf8)
    }

    /// An array of what `item` reads; `None` for null.
    pub fn array_or_null<T>(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<T, ReadError>,
    ) -> Result<Option<Vec<T>>, ReadError> {
        let count = if self.flexible { self.compact()? } else { length(self.int32()?)? };
        let Some(count) = count else { return Ok(None) };
        if count > self.rest.len() {
            return Err(ReadError::Early);
        }
        let mut items = Vec::with_capacity(count);
        for _ in 0..count {
            items.push(item(self)?);
        }
        Ok(Some(items))
    }

    /// An array that must not be null.
    pub fn array<T>(
        &mut self,
        item: impl FnMut(&mut Self) -> Result<T, ReadError>,
    ) -> Result<Vec<T>, ReadError> {
        self.array_or_null(item)?.ok_or(ReadError::Length)
    }

    /// Skips the tagged fields at the end of a struct.
    pub fn skip_tags(&mut self) -> Result<(), ReadError> {
        if !self.flexible {
            return Ok(());
        }
        for _ in 0..self.varint()? {
            self.varint()?;
            let size = self.varint()? as usize;
            if size > self.rest.len() {
                return Err(ReadError::Early);
            }
            self.rest.advance(size);
        }
        Ok(())
    }

    fn compact(&mut self) -> Result<Option<usize>, ReadError> {
        Ok((self.varint()? as usize).checked_sub(1))
    }

    fn varint(&mut self) -> Result<u32, ReadError> {
        let mut value: u32 = 0;
        for shift in [0, 7, 14, 21, 28] {
            let byte = self.rest.try_get_u8().map_err(|_| ReadError::Early)?;
            value |= u32::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(ReadError::Length)
    }
}

fn length(length: i32) -> Result<Option<usize>, ReadError> {
    match usize::try_from(length) {
        Ok(n) => Ok(Some(n)),
        Err(_) if length == -1 => Ok(None),
        Err(_) => Err(ReadError::Length),
    }
}
