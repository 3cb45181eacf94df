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

#[cfg(test)]
mod tests {
    use gracchus_base::{Offset, Timestamp};

    use super::*;
    use crate::records::{BatchBuilder, BatchOptions};

    fn batch(base_offset: i64) -> Vec<u8> {
        let options = BatchOptions { base_offset: Offset(base_offset), ..BatchOptions::default() };
        let mut builder = BatchBuilder::new(options);
        builder.push(Timestamp(1), None, Some(b"value"), &[]);
        builder.finish().unwrap().to_bytes().to_vec()
    }

    #[test]
    fn traps_31_whole_batches_are_walked_and_a_cut_one_is_left() {
        let (first, second, third) = (batch(3), batch(4), batch(5));
        for cut in [0, 1, 11, 61, third.len() - 1] {
            let bytes = [&first[..], &second, &third[..cut]].concat();
            let mut walk = batches(&bytes);
            let (header, whole) = walk.next().unwrap().unwrap();
            assert_eq!((header.base_offset, whole), (Offset(3), &first[..]));
            assert_eq!(walk.next().unwrap().unwrap().1, &second[..]);
            assert!(walk.next().is_none());
            assert_eq!(walk.rest(), &third[..cut]);
        }
    }

    #[test]
    fn bytes_that_are_no_batch_end_the_walk_with_an_error() {
        let bytes = [&batch(3)[..], &[0; 100]].concat();
        let walked: Vec<_> = batches(&bytes).map(|item| item.map(|(header, _)| header.base_offset)).collect();
        assert_eq!(walked, [Ok(Offset(3)), Err(HeaderError::Magic(0))]);
    }
}
