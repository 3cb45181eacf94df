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
