//! Tests only: bodies of requests made from the tables, so that the tables can be held against `kafka_protocol`.

use super::field::{Field, Kind};
use super::tables;
use crate::api::ApiKey;

/// SplitMix64: the same numbers for the same seed.
pub struct Dice(pub u64);

impl Dice {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }
}

/// What a body is filled with.
#[derive(Clone, Copy)]
pub struct Fill {
    /// Elements of an array at the top; those inside have up to 3, or none where this is not random.
    pub elements: Option<usize>,
    /// Put unknown tagged fields into every struct.
    pub unknown_tags: bool,
    /// Put null where it is forbidden, at the n-th such place.
    pub null_at: Option<usize>,
}

pub const RANDOM: Fill = Fill { elements: None, unknown_tags: false, null_at: None };

pub struct Generator {
    dice: Dice,
    tag_dice: Dice,
    fill: Fill,
    version: i16,
    flexible: bool,
    depth: usize,
    /// Places so far where null is forbidden.
    pub not_null: usize,
    pub out: Vec<u8>,
}

/// A body of a request.
pub fn body(api: ApiKey, version: i16, seed: u64, fill: Fill) -> Vec<u8> {
    generate(api, version, seed, fill).out
}

pub fn generate(api: ApiKey, version: i16, seed: u64, fill: Fill) -> Generator {
    let mut generator = Generator {
        dice: Dice(seed),
        tag_dice: Dice(seed),
        fill,
        version,
        flexible: api.is_flexible(version),
        depth: 0,
        not_null: 0,
        out: Vec::new(),
    };
    generator.fields(tables::request(api));
    generator
}

impl Generator {
    fn fields(&mut self, fields: &'static [Field]) {
        let version = self.version;
        for field in fields.iter().filter(|f| f.exists(version) && f.tag_number().is_none()) {
            self.value(&field.kind, field.may_be_null(version));
        }
        if self.flexible {
            self.tags(fields);
        }
    }

    fn tags(&mut self, fields: &'static [Field]) {
        let mut tags: Vec<(u32, Vec<u8>)> = Vec::new();
        let version = self.version;
        for field in fields.iter().filter(|f| f.exists(version)) {
            if let Some(tag) = field.tag_number()
                && self.fill.elements.is_none()
            {
                // Present and not null: a tagged field at its default is not written.
                let before = std::mem::take(&mut self.out);
                let (places, null_at) = (self.not_null, self.fill.null_at.take());
                self.value(&field.kind, false);
                (self.not_null, self.fill.null_at) = (places, null_at);
                tags.push((tag, std::mem::replace(&mut self.out, before)));
            }
        }
        if self.fill.unknown_tags {
            let unknown = self.tag_dice.below(3) as u32;
            tags.extend((0..unknown).map(|n| (100 + 300 * n, vec![n as u8; 2 * n as usize])));
        }
        self.varint(tags.len() as u32);
        for (tag, value) in tags {
            self.varint(tag);
            self.varint(value.len() as u32);
            self.out.extend(value);
        }
    }

    fn value(&mut self, kind: &'static Kind, may_be_null: bool) {
        let null = match kind {
            Kind::Fixed(_) => false,
            Kind::Struct(_) if !may_be_null => false,
            _ if may_be_null => self.fill.elements.is_some() || self.dice.below(4) == 0,
            _ => {
                self.not_null += 1;
                self.fill.null_at == Some(self.not_null - 1)
            }
        };
        match kind {
            Kind::Fixed(1) => self.out.push(self.dice.below(2) as u8),
            Kind::Fixed(n) => (0..*n).for_each(|_| self.out.push(self.dice.next() as u8)),
            Kind::Text if null && !self.flexible => self.out.extend((-1i16).to_be_bytes()),
            Kind::Struct(_) if may_be_null && null => self.out.push(255),
            _ if null => self.length(None),
            Kind::Text | Kind::Data => self.bytes(kind),
            Kind::Struct(fields) => {
                if may_be_null {
                    self.out.push(1);
                }
                self.fields(fields);
            }
            Kind::Array(item) => self.array(item),
        }
    }

    fn bytes(&mut self, kind: &Kind) {
        let most = if self.dice.below(8) == 0 { 300 } else { 12 };
        let n = if self.fill.elements.is_some() { 0 } else { self.dice.below(most) };
        match kind {
            Kind::Text if !self.flexible => self.out.extend((n as i16).to_be_bytes()),
            _ => self.length(Some(n)),
        }
        (0..n).for_each(|_| self.out.push(b'a' + self.dice.below(26) as u8));
    }

    fn array(&mut self, item: &'static Kind) {
        let n = match self.fill.elements {
            Some(n) if self.depth == 0 => n,
            Some(_) => 0,
            None => self.dice.below(4),
        };
        self.length(Some(n));
        self.depth += 1;
        (0..n).for_each(|_| self.value(item, false));
        self.depth -= 1;
    }

    fn length(&mut self, length: Option<usize>) {
        if self.flexible {
            self.varint(length.map_or(0, |n| n as u32 + 1));
        } else {
            self.out.extend(length.map_or(-1, |n| n as i32).to_be_bytes());
        }
    }

    fn varint(&mut self, mut value: u32) {
        while value >= 0x80 {
            self.out.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.out.push(value as u8);
    }
}
