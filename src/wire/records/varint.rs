//! Variable-length integers as record batches have them: 7 bits a byte, lowest first, signed ones zigzag-coded.
//!
//! Here is how they are written; reading is in `record`, which knows where its bytes come from.

/// The most bytes of a 32-bit varint.
pub(crate) const VARINT_BYTES_MAX: u32 = 5;

/// The most bytes of a 64-bit varint.
pub(crate) const VARLONG_BYTES_MAX: u32 = 10;

/// Appends a 32-bit number, zigzag-coded.
pub(crate) fn put_varint(out: &mut Vec<u8>, value: i32) {
    put_unsigned(out, u64::from(zigzag_32(value)));
}

/// Appends a 64-bit number, zigzag-coded.
pub(crate) fn put_varlong(out: &mut Vec<u8>, value: i64) {
    put_unsigned(out, zigzag_64(value));
}

/// Appends an unsigned number.
pub(crate) fn put_unsigned(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Bytes that [`put_varint`] writes.
pub(crate) fn varint_bytes(value: i32) -> usize {
    unsigned_bytes(u64::from(zigzag_32(value)))
}

/// Bytes that [`put_varlong`] writes.
pub(crate) fn varlong_bytes(value: i64) -> usize {
    unsigned_bytes(zigzag_64(value))
}

/// Turns the bits of a zigzag-coded number back.
pub(crate) const fn unzigzag_32(bits: u32) -> i32 {
    (bits >> 1) as i32 ^ ((bits & 1) as i32).wrapping_neg()
}

/// Turns the bits of a zigzag-coded number back.
pub(crate) const fn unzigzag_64(bits: u64) -> i64 {
    (bits >> 1) as i64 ^ ((bits & 1) as i64).wrapping_neg()
}

const fn zigzag_32(value: i32) -> u32 {
    ((value << 1) ^ (value >> 31)) as u32
}

const fn zigzag_64(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

fn unsigned_bytes(value: u64) -> usize {
    let bits = u64::BITS.saturating_sub((value | 1).leading_zeros());
    bits.div_ceil(7) as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::records::record::{MalformedRecord, SliceSource, Source, varint, varlong};

    fn written(put: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
        let mut out = Vec::new();
        put(&mut out);
        out
    }

    #[test]
    fn numbers_are_written_as_kafka_writes_them() {
        for (value, bytes) in [
            (0, &[0][..]),
            (-1, &[1]),
            (1, &[2]),
            (63, &[126]),
            (-64, &[127]),
            (64, &[0x80, 1]),
            (i32::MAX, &[0xfe, 0xff, 0xff, 0xff, 0x0f]),
            (i32::MIN, &[0xff, 0xff, 0xff, 0xff, 0x0f]),
        ] {
            assert_eq!(written(|out| put_varint(out, value)), bytes, "{value}");
        }
        assert_eq!(written(|out| put_varlong(out, i64::MIN)).len(), 10);
    }

    #[test]
    fn numbers_of_too_many_bytes_are_refused() {
        let mut bytes = [0x80; 11];
        bytes[10] = 0;
        let short = varint(&mut SliceSource::new(&bytes[5..]));
        assert_eq!(short, Err(MalformedRecord::Varint));
        assert_eq!(varint(&mut SliceSource::new(&bytes[6..])), Ok(0));
        assert_eq!(varlong(&mut SliceSource::new(&bytes)), Err(MalformedRecord::Varint));
        assert_eq!(varlong(&mut SliceSource::new(&bytes[1..])), Ok(0));
        assert_eq!(varint(&mut SliceSource::new(&bytes[..3])), Err(MalformedRecord::Truncated));
    }

    proptest! {
        #[test]
        fn numbers_read_back_as_they_were_written(small in any::<i32>(), big in any::<i64>()) {
            let bytes = written(|out| { put_varint(out, small); put_varlong(out, big); });
            prop_assert_eq!(bytes.len(), varint_bytes(small) + varlong_bytes(big));
            let mut source = SliceSource::new(&bytes);
            prop_assert_eq!(varint(&mut source), Ok(small));
            prop_assert_eq!(varlong(&mut source), Ok(big));
            prop_assert_eq!(source.is_at_end(), Ok(true));
        }
    }
}
