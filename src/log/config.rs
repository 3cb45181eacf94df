//! What a log is told from outside: the settings of its topic, and the disk, caches and threads it shares with others.

use std::sync::Arc;

use gracchus_base::Entropy;

use crate::deleter::Deleter;
use crate::files::FileCache;
use crate::fs::Fs;

/// The settings of one partition's log, named after Kafka's topic settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogConfig {
    /// `segment.bytes`
    pub segment_bytes: u32,
    /// `segment.ms`
    pub segment_ms: i64,
    /// `segment.jitter.ms`: the upper end of what is taken off `segment_ms`, drawn anew for each segment.
    pub segment_jitter_ms: i64,
    /// `index.interval.bytes`
    pub index_interval_bytes: u32,
    /// `segment.index.bytes`: a segment whose index has that many bytes is full.
    pub segment_index_bytes: u32,
    /// `retention.ms`, -1 for no limit.
    pub retention_ms: i64,
    /// `retention.bytes`, -1 for no limit.
    pub retention_bytes: i64,
    /// `cleanup.policy` contains `delete`. If not, only what lies before the log start is deleted.
    pub delete: bool,
    /// `cleanup.policy` contains `compact`: offsets may be missing between batches.
    pub compact: bool,
    /// `file.delete.delay.ms`: how long readers may go on with a file that was deleted.
    pub file_delete_delay_ms: i64,
}

impl Default for LogConfig {
    /// Kafka's defaults.
    fn default() -> Self {
        Self {
            segment_bytes: 1024 * 1024 * 1024,
            segment_ms: 7 * 24 * 60 * 60 * 1000,
            segment_jitter_ms: 0,
            index_interval_bytes: 4096,
            segment_index_bytes: 10 * 1024 * 1024,
            retention_ms: 7 * 24 * 60 * 60 * 1000,
            retention_bytes: -1,
            delete: true,
            compact: false,
            file_delete_delay_ms: 60_000,
        }
    }
}

/// What the logs of one data directory share.
#[derive(Clone)]
pub struct LogEnv {
    pub fs: Fs,
    pub files: Arc<FileCache>,
    pub deleter: Deleter,
    pub entropy: Entropy,
}
