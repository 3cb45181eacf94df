//! What has to be done from time to time: checkpoints, retention, expiry of offsets.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::node::Node;
use crate::shutdown::Shutdown;

/// How often shards look at what is due by time at the least.
const SHARD_TICK: Duration = Duration::from_secs(1);

/// How long after the checkpoints they are written again at the earliest, unless settings ask for more.
const CHECKPOINT_SPACE: Duration = Duration::from_secs(1);

/// How long memory of frames is kept that nobody needs.
const TRIM: Duration = Duration::from_secs(5);

/// How often it is looked whether a bound of memory was hit.
const LOOK: Duration = Duration::from_secs(10);

/// Runs until the broker stops. Checkpoints wait for shards and disks, the rest waits for nobody.
pub async fn run(node: Arc<Node>, shutdown: Shutdown) {
    let config = node.config.load_full();
    let ticks = async {
        let mut tick = every(SHARD_TICK.min(millis(config.log_flush_scheduler_interval_ms)));
        let mut trim = every(TRIM);
        let mut look = every(LOOK);
        let mut hits = 0;
        let mut offsets = every(millis(config.offsets_retention_check_interval_ms));
        loop {
            tokio::select! {
                biased;
                _ = tick.tick() => node.data_dirs.tick(),
                _ = trim.tick() => node.buffers.trim(),
                _ = look.tick() => log_bounds(&node, &mut hits),
                _ = offsets.tick() => node.coordinators.expire_offsets(),
            }
        }
    };
    let checkpoints = async {
        // All checkpoint files are written together, as often as the more frequent of them asks for.
        let recovery_points = config.log_flush_offset_checkpoint_interval_ms;
        let mut checkpoint =
            every(millis(recovery_points.min(config.log_flush_start_offset_checkpoint_interval_ms)));
        let mut space = every(CHECKPOINT_SPACE.min(checkpoint.period()));
        loop {
            tokio::select! {
                biased;
                _ = checkpoint.tick() => {}
                () = node.data_dirs.segment_flushed() => {}
            }
            node.data_dirs.checkpoint().await;
            space.reset();
            space.tick().await;
        }
    };
    tokio::select! {
        biased;
        () = ticks => {}
        () = checkpoints => {}
        () = shutdown.started() => {}
    }
}

/// Tells of bounds that were hit since the last time, `hits` being those of all time.
fn log_bounds(node: &Node, hits: &mut u64) {
    let memory = node.memory();
    let now = memory.hits();
    if std::mem::replace(hits, now) != now {
        tracing::info!(%memory, "bounds of memory were hit");
    }
}

fn millis(ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or(1).max(1))
}

/// Ticks with that period, the first time after one period.
fn every(period: Duration) -> Interval {
    let mut interval = interval(period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval.reset();
    interval
}
