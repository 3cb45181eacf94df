//! Values of records, made before anything is measured.

use std::fmt::Write;

use gracchus_base::entropy::Entropy;

/// Values that are sent in turn, over and over. One buffer holds them all.
#[derive(Debug)]
pub struct Values {
    bytes: Vec<u8>,
    /// Where each one ends.
    ends: Vec<usize>,
}

/// Distinct values: with 1 KB each, more than a batch holds and more than a compressor looks back.
const COUNT: usize = 16 * 1024;
const SEED: u64 = 0x6ac_c405;

impl Values {
    /// Random bytes, `len` in each. They are not compressed, so one value does for all.
    pub fn random(len: usize) -> Values {
        let entropy = Entropy::seeded(SEED);
        let mut bytes: Vec<u8> = std::iter::repeat_with(|| entropy.next_u64().to_le_bytes())
            .take(len.div_ceil(8))
            .flatten()
            .collect();
        bytes.truncate(len);
        Values { bytes, ends: vec![len] }
    }

    /// JSON of about 1 KB each, as a web shop's log of what visitors do.
    pub fn json() -> Values {
        let dice = Dice(Entropy::seeded(SEED));
        let mut text = String::new();
        let mut ends = Vec::with_capacity(COUNT);
        for number in 0..COUNT {
            event(&mut text, &dice, number as u64);
            ends.push(text.len());
        }
        Values { bytes: text.into_bytes(), ends }
    }

    /// The value of the `number`th record.
    pub fn get(&self, number: u64) -> &[u8] {
        let at = (number % self.ends.len() as u64) as usize;
        let begin = if at == 0 { 0 } else { self.ends[at - 1] };
        &self.bytes[begin..self.ends[at]]
    }

    /// The bytes of the first `count` records together.
    pub fn total(&self, count: u64) -> u64 {
        let len = self.ends.len() as u64;
        let rest = (count % len) as usize;
        (count / len) * self.bytes.len() as u64 + if rest == 0 { 0 } else { self.ends[rest - 1] as u64 }
    }
}

const ACTIONS: &[&str] = &["page_view", "search", "add_to_cart", "remove_from_cart", "checkout", "purchase"];
const COUNTRIES: &[&str] = &["DE", "FR", "US", "GB", "IN", "BR", "JP", "NL", "SE", "PL"];
const AGENTS: &[&str] = &[
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) AppleWebKit/605.1.15 (KHTML, like Gecko) Safari/605.1.15",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)",
];
const NAMES: &[&str] =
    &["lamp", "desk", "kettle", "chair", "backpack", "notebook", "bicycle", "teapot", "blanket", "mirror"];
const COLOURS: &[&str] = &["black", "white", "oak", "navy", "olive", "sand"];

/// Field names and some values repeat, identifiers and numbers do not: gzip and zstd leave 18 % of it, lz4 30 %.
fn event(text: &mut String, dice: &Dice, number: u64) {
    let at = 1_760_000_000_000 + number * 37 + dice.below(37);
    let (id, action) = (dice.0.next_u64(), dice.one_of(ACTIONS));
    // Writing to a String cannot fail, here and below.
    write!(text, r#"{{"event_id":"{id:016x}","action":"{action}","timestamp":{at},"user":{{"#).ok();
    user(text, dice);
    write!(text, r#"}},"request":{{"#).ok();
    request(text, dice);
    write!(text, r#"}},"items":["#).ok();
    for position in 0..6 {
        let comma = if position == 0 { "" } else { "," };
        write!(text, "{comma}{{").ok();
        item(text, dice);
        write!(text, "}}").ok();
    }
    write!(text, r#"],"trace":"{:016x}"}}"#, dice.0.next_u64()).ok();
}

fn user(text: &mut String, dice: &Dice) {
    let (id, session) = (dice.below(5_000_000), dice.0.next_u64());
    write!(text, r#""id":{id},"session":"{session:016x}","country":"{}""#, dice.one_of(COUNTRIES)).ok();
    let [a, b, c] = [dice.below(256), dice.below(256), dice.below(256)];
    write!(text, r#","ip":"{}.{a}.{b}.{c}","agent":"{}""#, dice.below(223) + 1, dice.one_of(AGENTS)).ok();
}

fn request(text: &mut String, dice: &Dice) {
    let (page, number, referrer) = (dice.one_of(NAMES), dice.below(100_000), dice.below(1 << 32));
    write!(text, r#""method":"GET","path":"/shop/{page}/{number}?ref={referrer:08x}""#).ok();
    let status = if dice.below(50) == 0 { 404 } else { 200 };
    let (ms, us, bytes) = (dice.below(400), dice.below(1000), dice.below(90_000));
    write!(text, r#","status":{status},"duration_ms":{ms}.{us:03},"bytes":{bytes}"#).ok();
}

fn item(text: &mut String, dice: &Dice) {
    let (sku, name, colour) = (dice.below(10_000_000), dice.one_of(NAMES), dice.one_of(COLOURS));
    write!(text, r#""sku":"SKU-{sku:08}","name":"{name}, {colour}","quantity":{}"#, dice.below(4) + 1).ok();
    let (euros, cents) = (dice.below(500), dice.below(100));
    write!(text, r#","price":{euros}.{cents:02},"currency":"EUR""#).ok();
}

struct Dice(Entropy);

impl Dice {
    fn below(&self, limit: u64) -> u64 {
        self.0.next_u64() % limit
    }

    fn one_of(&self, list: &[&'static str]) -> &'static str {
        list[self.below(list.len() as u64) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_the_sum_of_the_values_also_after_they_begin_again() {
        let values = Values::json();
        let count = COUNT as u64 + 3;
        let sum: u64 = (0..count).map(|number| values.get(number).len() as u64).sum();
        assert_eq!(values.total(count), sum);
        assert_eq!(Values::random(100).total(7), 700);
    }

    #[test]
    fn every_value_is_json_of_about_a_kilobyte() {
        let values = Values::json();
        for number in 0..COUNT as u64 {
            let value = values.get(number);
            assert!(serde_json::from_slice::<serde_json::Value>(value).unwrap().is_object());
            assert!((900..1100).contains(&value.len()), "{}", value.len());
        }
    }
}
