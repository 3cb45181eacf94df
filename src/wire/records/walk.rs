//! From batch to batch over bytes that hold several, as a log's file or a Fetch answer does.

use super::header::{BatchHeader, HeaderError};

/// Goes over the whole batches at the front of `bytes`.
pub const fn batches(bytes: &[u8]) -> Batches<'_> {
    Batches { rest: bytes }
}

/// The iterator of [`batches`]: each batch's header, and its bytes from base offset to last record. A batch that is cut
/// at the end of the bytes ends the walk, as readers of Fetch answers need it (TRAPS 31); [`Batches::rest`] has it then.
/// Bytes that are no batch give one error, after which the walk ends. The CRC is not looked at.
#[derive(Clone, Debug)]
pub struct Batches<'a> {
    rest: &'a [u8],
}

impl<'a> Batches<'a> {
    /// What has not been walked over.
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }
}

impl<'a> Iterator for Batches<'a> {
    type Item = Result<(BatchHeader, &'a [u8]), HeaderError>;

    fn next(&mut self) -> Option<Self::Item> {
        match BatchHeader::parse(self.rest) {
            Ok(header) => {
                let (batch, rest) = self.rest.split_at_checked(header.total_bytes())?;
                self.rest = rest;
                Some(Ok((header, batch)))
            }
            Err(HeaderError::Truncated(_)) => None,
            Err(e) => {
                self.rest = &[];
                Some(Err(e))
            }
        }
    }
}
