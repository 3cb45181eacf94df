//! From valid samples to inputs that nobody has thought of.

use crate::dice::Dice;

/// Inputs are no longer than this: enough for a count to matter, few enough for many cases.
const BYTES_MAX: usize = 64 * 1024;

/// What lengths, counts, offsets and epochs lie with: the ends of every width, in both orders of bytes and as varints, and
/// in the words of text files.
const EXTREMES: &[&[u8]] = &[
    &[0],
    &[1],
    &[0x7f],
    &[0x80],
    &[0xff],
    &[0x7f, 0xff],
    &[0x80, 0],
    &[0xff, 0xff],
    &[0x7f, 0xff, 0xff, 0xff],
    &[0x80, 0, 0, 0],
    &[0xff, 0xff, 0xff, 0xff],
    &[0xff, 0xff, 0xff, 0xfe],
    &[0, 0xff, 0xff, 0xff],
    &[0xff, 0xff, 0xff, 0x7f],
    &[0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
    &[0x80, 0, 0, 0, 0, 0, 0, 0],
    &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
    &[0xff, 0xff, 0xff, 0xff, 0x0f],
    &[0xfe, 0xff, 0xff, 0xff, 0x0f],
    &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
    &[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80],
    b"-1",
    b"0",
    b"2147483647",
    b"-2147483648",
    b"9223372036854775807",
    b"9223372036854775808",
    b"-9223372036854775808",
    b"1e999",
    b"NaN",
    b"..",
    b"/",
    b",",
    b":",
    b"://",
    b"=",
    b"\n",
    b"\\\n",
    b"\\u0000",
    b"\\ud800",
    b" ",
    "\u{e9}".as_bytes(),
    &[0xc3, 0x28],
];

/// What numbers in text lie with.
const NUMBERS: &[&str] = &[
    "-1",
    "0",
    "1",
    "00000000000000000000007",
    "32768",
    "65536",
    "2147483646",
    "2147483647",
    "2147483648",
    "-2147483648",
    "4294967295",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "18446744073709551615",
    "99999999999999999999999999",
    "1e999",
    "",
];

/// One of the samples, with one to six changes.
pub(crate) fn changed(samples: &[Vec<u8>], which: usize, dice: &Dice) -> Vec<u8> {
    let mut bytes = samples.get(which).cloned().unwrap_or_default();
    for _ in 0..=dice.below(6) {
        change(&mut bytes, samples, dice);
        bytes.truncate(BYTES_MAX);
    }
    bytes
}

fn change(bytes: &mut Vec<u8>, samples: &[Vec<u8>], dice: &Dice) {
    let at = dice.below(bytes.len());
    match dice.below(12) {
        0 | 1 => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << dice.below(8)),
        2 => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = dice.byte()),
        3 | 4 => overwrite(bytes, at, dice.one(EXTREMES)),
        5 => drop(bytes.splice(at..at, dice.one(EXTREMES).iter().copied())),
        6 => bytes.truncate(at),
        7 => drop(bytes.drain(at..at + dice.below(bytes.len() - at + 1))),
        8 => bytes.iter_mut().skip(at).take(4).for_each(|byte| *byte = dice.byte()),
        9 => splice(bytes, at, samples, dice),
        10 => renumber(bytes, at, dice),
        _ => repeat(bytes, at, dice),
    }
}

fn overwrite(bytes: &mut Vec<u8>, at: usize, with: &[u8]) {
    let end = bytes.len().min(at + with.len());
    bytes.splice(at..end, with.iter().copied());
}

/// The next number of a text becomes another one.
fn renumber(bytes: &mut Vec<u8>, at: usize, dice: &Dice) {
    let behind = bytes.iter().skip(at);
    let start = at + behind.take_while(|byte| !byte.is_ascii_digit()).count();
    let digits = bytes.iter().skip(start).take_while(|byte| byte.is_ascii_digit()).count();
    bytes.splice(start..start + digits, dice.one(NUMBERS).bytes());
}

/// Goes on, from there, as another sample does from some place on.
fn splice(bytes: &mut Vec<u8>, at: usize, samples: &[Vec<u8>], dice: &Dice) {
    let Some(other) = samples.get(dice.below(samples.len())) else { return };
    bytes.truncate(at);
    bytes.extend_from_slice(&other[dice.below(other.len())..]);
}

/// Puts a short piece there many times: counts that are true, and large.
fn repeat(bytes: &mut Vec<u8>, at: usize, dice: &Dice) {
    let len = 1 + dice.below(bytes.len().saturating_sub(at).min(64));
    let piece: Vec<u8> = bytes.iter().skip(at).take(len).copied().collect();
    let times = if dice.one_in(8) { dice.below(4096) } else { dice.below(8) };
    let many = piece.iter().copied().cycle().take((piece.len() * times).min(BYTES_MAX));
    bytes.splice(at..at, many.collect::<Vec<_>>());
}
