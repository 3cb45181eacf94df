//! The only door to randomness: the system's for production, a seed for tests and simulations.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::ids::TopicId;

/// A handle to random numbers; clones share one sequence.
#[derive(Clone, Debug)]
pub struct Entropy(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    Seeded(Arc<AtomicU64>),
}

impl Entropy {
    /// The operating system's random numbers.
    pub const fn system() -> Self {
        Self(Source::System)
    }

    /// The same numbers for the same seed.
    pub fn seeded(seed: u64) -> Self {
        Self(Source::Seeded(Arc::new(AtomicU64::new(seed))))
    }

    /// 64 random bits.
    ///
    /// # Panics
    /// When the operating system has no random numbers to give; nothing can be made unique then.
    pub fn next_u64(&self) -> u64 {
        match &self.0 {
            Source::System => getrandom::u64().expect("the operating system gives random numbers"),
            Source::Seeded(state) => split_mix(state.fetch_add(GAMMA, Ordering::SeqCst).wrapping_add(GAMMA)),
        }
    }

    /// 16 random bytes laid out as a version 4 UUID, as Kafka's `Uuid.randomUuid` makes topic and cluster ids; never
    /// one whose text starts with a dash, which tools would take for an option.
    pub fn uuid(&self) -> TopicId {
        loop {
            let bits = u128::from(self.next_u64()) << 64 | u128::from(self.next_u64());
            let bits = bits & !(0xf << 76) | 4 << 76;
            let bits = bits & !(3 << 62) | 2 << 62;
            let id = TopicId(bits.to_be_bytes());
            if !id.to_string().starts_with('-') {
                return id;
            }
        }
    }

    /// The text of a random UUID with dashes, as member ids carry it.
    pub fn uuid_text(&self) -> String {
        let hex: String = self.uuid().0.iter().map(|b| format!("{b:02x}")).collect();
        format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
    }
}

/// The step of the SplitMix64 generator.
const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

/// The finalizer of SplitMix64 (Steele, Lea and Flood, 2014).
const fn split_mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
