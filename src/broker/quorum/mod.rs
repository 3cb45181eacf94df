//! The metadata quorum behind one door: records in, committed or not.
//!
//! For now the quorum has a single voter: append, flush, apply. One entry is one record and its index is the record's
//! offset; a change of several records stands between BeginTransaction and EndTransaction, so that it is applied at
//! once or not at all; the term is the batch's leader epoch. openraft fits behind this door later (DESIGN section 4).

mod load;
mod quorum_state;

use std::path::{Path, PathBuf};

use gracchus_base::metadata_record::MetadataRecord;
use gracchus_base::{BrokerId, Clock, LeaderEpoch, Offset, TopicName};
use gracchus_log::{
    AppendError, CloseError, FlushError, Log, LogConfig, LogEnv, OpenError, ReadError, RecoveryStart,
    RollError,
};
use gracchus_state::controller::{UnsupportedLevel, check_features};
use gracchus_state::image::{ImageError, ImageLoader, MetadataImage};
use gracchus_wire::internal::kraft_control::{self, KraftControl};
use gracchus_wire::internal::metadata::{self, MetadataRecordError};
use gracchus_wire::records::{Batch, BatchBuilder, BatchOptions, BuildError};

/// Records that one batch of the metadata log holds at most; Kafka's controller has the same bound.
const BATCH_RECORDS_MAX: usize = 10_000;

/// Why the quorum did not open or did not commit.
#[derive(Debug, thiserror::Error)]
pub enum QuorumError {
    #[error("the metadata log was not opened: {0}")]
    Open(#[from] OpenError),
    #[error("the metadata log was not read: {0}")]
    Read(#[from] ReadError),
    #[error("the metadata log holds no batch at offset {0}: {1}")]
    Batch(Offset, String),
    #[error(
        "the metadata log or its quorum-state file says that there were as many leaders as can be counted"
    )]
    NoEpochLeft,
    #[error("the metadata record at offset {0} is damaged: {1}")]
    Record(Offset, MetadataRecordError),
    #[error(
        "the metadata record at offset {0} is of a kind that this version does not know ({1}); who used this directory \
         last, a newer version or another broker, can be started with it again"
    )]
    Newer(Offset, MetadataRecordError),
    #[error(
        "{0}; who used this directory last, a newer version or another broker, can be started with it again"
    )]
    Feature(#[from] UnsupportedLevel),
    #[error("the metadata record at offset {0} does not fit: {1}")]
    Image(Offset, ImageError),
    #[error("metadata was not appended: {0}")]
    Append(#[from] AppendError),
    #[error("metadata was not flushed: {0}")]
    Flush(#[from] FlushError),
    #[error("the metadata log was not rolled: {0}")]
    Roll(#[from] RollError),
    #[error("the metadata log was not closed: {0}")]
    Close(#[from] CloseError),
    #[error("metadata was not encoded: {0}")]
    Build(#[from] BuildError),
    #[error("{path}: {error}")]
    State {
        path: String,
        #[source]
        error: std::io::Error,
    },
}

/// The only voter's log.
pub struct Quorum {
    log: Log,
    epoch: LeaderEpoch,
    clock: Clock,
    never_flush: bool,
}

/// What a quorum needs to open.
pub struct QuorumOptions {
    /// The directory that holds `__cluster_metadata-0`.
    pub dir: PathBuf,
    pub voter: BrokerId,
    pub env: LogEnv,
    pub clock: Clock,
    /// `--ephemeral`.
    pub never_flush: bool,
}

impl Quorum {
    /// Opens the log, replays it, and takes the lead in a new epoch. The image holds everything that was committed.
    pub fn open(options: QuorumOptions) -> Result<(Self, MetadataImage), QuorumError> {
        let QuorumOptions { dir, voter, env, clock, never_flush } = options;
        let path = dir.join(format!("{}-0", TopicName::cluster_metadata()));
        let fs = env.fs.clone();
        let mut log = open_log(&path, env)?;
        let (mut loader, last_epoch) = load::replay(&log.view())?;
        check_features(loader.image())?;
        let last_epoch = quorum_state::epoch(&fs, &path)?.max(last_epoch.0);
        let epoch = last_epoch.checked_add(1).map(LeaderEpoch).ok_or(QuorumError::NoEpochLeft)?;
        log.write_epochs(&[]);
        let mut quorum = Self { log, epoch, clock, never_flush };
        quorum.lead(voter, &mut loader)?;
        quorum_state::write(&fs, &path, voter, epoch)?;
        Ok((quorum, loader.image().clone()))
    }

    /// The epoch of this leader.
    pub const fn epoch(&self) -> LeaderEpoch {
        self.epoch
    }

    /// The offset that the next record gets.
    pub fn next_offset(&self) -> Offset {
        self.log.log_end().offset
    }

    /// Commits records; all of them are durable when this returns. Changes of several records bring their own
    /// transaction records (`state::controller`).
    ///
    /// # Errors
    /// Nothing of them is applied after a restart, unless it was a failed flush, of which nobody can know.
    pub fn append(&mut self, records: &[MetadataRecord]) -> Result<(), QuorumError> {
        let start = self.next_offset();
        if let Err(error) = self.append_all(records) {
            // What is committed next must not stand behind half a change. If it cannot be cut off, the log is offline.
            if !self.log.is_offline()
                && let Err(error) = self.log.truncate_to(start)
            {
                tracing::error!(%error, "half a change of metadata was not taken back");
            }
            return Err(error);
        }
        self.flush()
    }

    fn append_all(&mut self, records: &[MetadataRecord]) -> Result<(), QuorumError> {
        for records in records.chunks(BATCH_RECORDS_MAX) {
            let mut builder = BatchBuilder::new(self.options(false));
            for record in records {
                builder.push(self.clock.now(), None, Some(&metadata::encode(record)), &[]);
            }
            self.append_batch(builder.finish()?)?;
        }
        Ok(())
    }

    /// Closes the log for a clean shutdown.
    pub fn close(&mut self) -> Result<(), QuorumError> {
        if !self.never_flush
            && let Some(ticket) = self.log.close(&[])?
        {
            let flushed = ticket.run()?;
            self.log.flushed(flushed);
        }
        Ok(())
    }

    /// Announces the new leader, and ends what the one before left open.
    fn lead(&mut self, voter: BrokerId, loader: &mut ImageLoader) -> Result<(), QuorumError> {
        let change =
            KraftControl::LeaderChange { leader: voter, voters: vec![voter], granting_voters: vec![voter] };
        let (key, value) = kraft_control::encode(&change);
        let mut builder = BatchBuilder::new(self.options(true));
        builder.push(self.clock.now(), Some(&key), Some(&value), &[]);
        self.append_batch(builder.finish()?)?;
        if loader.in_transaction() {
            let abort = MetadataRecord::AbortTransaction { reason: Some("its writer ended".to_owned()) };
            let mut builder = BatchBuilder::new(self.options(false));
            builder.push(self.clock.now(), None, Some(&metadata::encode(&abort)), &[]);
            let at = self.next_offset();
            self.append_batch(builder.finish()?)?;
            loader.apply(at, self.epoch, abort).map_err(|error| QuorumError::Image(at, error))?;
        }
        self.flush()
    }

    fn options(&self, is_control: bool) -> BatchOptions {
        let (base_offset, leader_epoch) = (self.next_offset(), self.epoch);
        BatchOptions { base_offset, leader_epoch, is_control, ..BatchOptions::default() }
    }

    fn append_batch(&mut self, batch: Batch) -> Result<(), QuorumError> {
        let now = self.clock.now();
        if self.log.needs_roll(&batch.header, now) {
            self.log.roll(&[], now)?;
        }
        self.log.append(&[batch], now)?;
        Ok(())
    }

    fn flush(&mut self) -> Result<(), QuorumError> {
        if self.never_flush {
            return Ok(());
        }
        let Some(ticket) = self.log.flush_ticket() else { return Ok(()) };
        match ticket.run() {
            Ok(flushed) => {
                self.log.flushed(flushed);
                Ok(())
            }
            Err(error) => {
                self.log.poison();
                Err(error.into())
            }
        }
    }
}

fn state_error(path: &Path, error: std::io::Error) -> QuorumError {
    QuorumError::State { path: path.display().to_string(), error }
}

fn open_log(path: &Path, env: LogEnv) -> Result<Log, QuorumError> {
    // Nothing of the metadata log is ever deleted: there are no snapshots yet that could stand for it.
    let config = LogConfig { delete: false, retention_ms: -1, ..LogConfig::default() };
    let id = gracchus_base::TopicId::CLUSTER_METADATA;
    let there = env.fs.stat_if_there(path).map_err(|error| state_error(path, error))?;
    if there.is_none() {
        return Ok(Log::new_lazy(path.to_owned(), id, config, env));
    }
    // Always read from the start: the image is rebuilt from all of it.
    let start =
        RecoveryStart { clean_shutdown: false, recovery_point: Offset::ZERO, log_start: Offset::ZERO };
    Ok(Log::open(path.to_owned(), id, config, env, start, &mut |_| {})?)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use gracchus_base::Entropy;
    use gracchus_log::fs::Disk;
    use gracchus_log::fs::sim::SimDisk;
    use gracchus_log::{Deleter, FileCache, Fs};

    use super::*;

    fn open(disk: &SimDisk) -> Result<(Quorum, MetadataImage), QuorumError> {
        let env = LogEnv {
            fs: Fs::new(disk.clone()),
            files: Arc::new(FileCache::new(8)),
            deleter: Deleter::at_once(Arc::new(|_, _| {})),
            entropy: Entropy::seeded(1),
        };
        let clock = Clock::manual(gracchus_base::Timestamp(1));
        Quorum::open(QuorumOptions { dir: "/".into(), voter: BrokerId(1), env, clock, never_flush: false })
    }

    /// Adds a value as it is.
    fn append_raw(quorum: &mut Quorum, value: &[u8]) {
        let mut builder = BatchBuilder::new(quorum.options(false));
        builder.push(quorum.clock.now(), None, Some(value), &[]);
        quorum.append_batch(builder.finish().unwrap()).unwrap();
        quorum.flush().unwrap();
    }

    #[test]
    fn what_a_newer_version_left_behind_ends_the_start_with_words_of_it_and_nothing_written() {
        let remove_acl = [1, 19, 0, 0];
        let group_version = MetadataRecord::FeatureLevel { name: "group.version".to_owned(), level: 1 };
        let metadata_version =
            MetadataRecord::FeatureLevel { name: "metadata.version".to_owned(), level: 31 };
        let cases = [
            (
                remove_acl.to_vec(),
                "at offset 1 is of a kind that this version does not know (record type 19 is",
            ),
            (metadata::encode(&group_version), "feature group.version is at level 1, of which this version"),
            (metadata::encode(&metadata_version), "at level 31, and this version supports 30 to 30"),
            (vec![1, 2], "at offset 1 is damaged"),
        ];
        for (value, words) in cases {
            let disk = SimDisk::new();
            disk.create_dir(Path::new("/__cluster_metadata-0")).unwrap();
            let (mut quorum, _) = open(&disk).unwrap();
            append_raw(&mut quorum, &value);
            quorum.close().unwrap();
            drop(quorum);
            let log = Path::new("/__cluster_metadata-0/00000000000000000000.log");
            let bytes = |disk: &SimDisk| disk.stat(log).unwrap().len;
            let before = bytes(&disk);
            let error = open(&disk).map(drop).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
            assert_eq!(bytes(&disk), before);
        }
    }

    #[test]
    fn faults_24_an_epoch_after_which_there_is_none_ends_the_start_instead_of_going_round() {
        let disk = SimDisk::new();
        let path = Path::new("/__cluster_metadata-0");
        disk.create_dir(path).unwrap();
        let fs = Fs::new(disk.clone());
        quorum_state::write(&fs, path, BrokerId(1), LeaderEpoch(i32::MAX - 1)).unwrap();
        let (mut last, _) = open(&disk).unwrap();
        assert_eq!(last.epoch(), LeaderEpoch(i32::MAX));
        last.close().unwrap();
        drop(last);
        assert!(matches!(open(&disk), Err(QuorumError::NoEpochLeft)));
        // The log says so too.
        disk.remove_file(&path.join("quorum-state")).unwrap();
        assert!(matches!(open(&disk), Err(QuorumError::NoEpochLeft)));
    }
}
