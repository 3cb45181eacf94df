//! The replay driver: requests are encoded once and sent again and again, answers are looked at and not decoded, so that
//! the broker and not the client is the limit.

pub mod fetch;
pub mod frame;
mod incoming;
mod lane;
pub mod produce;

pub use fetch::{FetchReplay, Fetcher, Wanted};
pub use produce::{Amount, Outcome, ProduceReplay};
