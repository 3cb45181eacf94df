//! How many files the process may have open, and who may have how many of them. Connections get what is left.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files of logs that are kept open though nobody uses them at the moment.
const CACHED_MAX: usize = 1000;

/// Logs of a shard that are flushed at once: far more than one `syncfs` needs to be worth it.
const FLUSHING_MAX: usize = 2048;

/// Logs of a shard that hold data which nobody has asked to flush. Each holds a descriptor (FAULTS 29).
const UNFLUSHED_MAX: usize = 4096;

/// Fewer than that, and a shard would hardly get on.
const SHARE_MIN: usize = 16;

/// What the parts of the process may open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shares {
    /// For the cache of files, of all logs.
    pub cached: usize,
    /// Logs that are being flushed, of each shard.
    pub flushing: usize,
    /// Logs with unflushed data that are not, of each shard.
    pub unflushed: usize,
}

impl Shares {
    /// A quarter of the limit is for files that logs cannot do without, half of it for those that are kept open.
    pub fn new(limit: usize, shards: usize) -> Self {
        let of_shard = (limit / 8 / shards.max(1)).max(SHARE_MIN);
        Self {
            cached: (limit / 2).min(CACHED_MAX),
            flushing: of_shard.min(FLUSHING_MAX),
            unflushed: of_shard.min(UNFLUSHED_MAX),
        }
    }
}

/// How many files the process may have open.
pub fn limit() -> usize {
    let limit = getrlimit(Resource::Nofile).current;
    limit.map_or(usize::MAX, |files| usize::try_from(files).unwrap_or(usize::MAX))
}

/// Takes as many as the system allows without asking, as the JVM does: the limit that a shell starts with, 1024, is for
/// programs that use `select`.
pub fn raise_limit() -> std::io::Result<()> {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    Ok(setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_low_limit_leaves_a_quarter_to_connections_and_a_high_one_is_not_used_up() {
        for shards in [1, 2, 8] {
            let Shares { cached, flushing, unflushed } = Shares::new(1024, shards);
            assert!(cached + shards * (flushing + unflushed) <= 768, "{shards}");
        }
        let plenty = Shares { cached: CACHED_MAX, flushing: FLUSHING_MAX, unflushed: UNFLUSHED_MAX };
        assert_eq!(Shares::new(1 << 20, 2), plenty);
        assert_eq!(Shares::new(usize::MAX, 64), plenty);
    }
}
