//! One file per partition, made when the first batch for it comes.

use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gracchus_base::limits::BATCH_HEADER_BYTES;

/// Where in a batch's header its fields stand.
const BASE_OFFSET: Range<usize> = 0..8;
const CRC: Range<usize> = 17..21;
const RECORDS_COUNT: Range<usize> = 57..61;

/// All files.
#[derive(Debug)]
pub struct Store {
    dir: PathBuf,
    files: Mutex<Files>,
}

#[derive(Debug, Default)]
struct Files {
    partitions: Vec<Arc<Partition>>,
    made: usize,
}

/// One file.
#[derive(Debug)]
pub struct Partition {
    pub topic: Vec<u8>,
    pub index: i32,
    pub file: File,
    path: PathBuf,
    end: Mutex<End>,
}

#[derive(Debug, Default)]
struct End {
    position: u64,
    offset: i64,
    /// Where each batch begins: offset and position.
    batches: Vec<(i64, u64)>,
}

impl Store {
    /// In that directory, which is there.
    pub fn new(dir: PathBuf) -> Store {
        Store { dir, files: Mutex::default() }
    }

    /// The file of a partition.
    pub fn partition(&self, topic: &[u8], index: i32) -> io::Result<Arc<Partition>> {
        let Files { partitions, made } = &mut *lock(&self.files);
        if let Some(partition) = partitions.iter().find(|partition| partition.is(topic, index)) {
            return Ok(Arc::clone(partition));
        }
        *made += 1;
        let path = self.dir.join(made.to_string());
        let file = File::options().read(true).write(true).create_new(true).open(&path)?;
        let partition = Partition { topic: topic.to_vec(), index, file, path, end: Mutex::default() };
        let partition = Arc::new(partition);
        partitions.push(Arc::clone(&partition));
        Ok(partition)
    }

    /// Removes a topic's files.
    pub fn delete(&self, topic: &[u8]) -> io::Result<()> {
        for deleted in lock(&self.files).partitions.extract_if(.., |partition| partition.topic == topic) {
            fs::remove_file(&deleted.path)?;
            // Connections that go away at their leisure may hold the file open.
            deleted.file.set_len(0)?;
        }
        Ok(())
    }
}

impl Partition {
    pub fn is(&self, topic: &[u8], index: i32) -> bool {
        self.index == index && self.topic == topic
    }

    /// Checks a batch, gives it its offset, writes it, and returns the offset.
    pub fn append(&self, batch: &mut [u8]) -> io::Result<i64> {
        let broken = || io::Error::new(io::ErrorKind::InvalidData, "not a batch, or a wrong checksum");
        let header = batch.first_chunk::<BATCH_HEADER_BYTES>().ok_or_else(broken)?;
        let crc = header[CRC].try_into().map(u32::from_be_bytes).map_err(|_| broken())?;
        let records = header[RECORDS_COUNT].try_into().map(i32::from_be_bytes).map_err(|_| broken())?;
        if crc32c::crc32c(&batch[CRC.end..]) != crc {
            return Err(broken());
        }
        let (position, offset) = {
            let mut end = lock(&self.end);
            let at = (end.position, end.offset);
            end.batches.push((at.1, at.0));
            end.position += batch.len() as u64;
            end.offset += i64::from(records);
            at
        };
        batch[BASE_OFFSET].copy_from_slice(&offset.to_be_bytes());
        self.file.write_all_at(batch, position)?;
        Ok(offset)
    }

    /// From where to where in the file to read for a fetch of at most `bytes` from `offset` on.
    pub fn range(&self, offset: i64, bytes: u64) -> Range<u64> {
        let end = lock(&self.end);
        let behind = end.batches.partition_point(|(base_offset, _)| *base_offset <= offset);
        let batch = behind.checked_sub(1).and_then(|at| end.batches.get(at)).filter(|_| offset < end.offset);
        let begin = batch.map_or(end.position, |(_, position)| *position);
        begin..end.position.min(begin + bytes)
    }
}

pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::frame::BatchShape;

    #[test]
    fn a_batch_is_stored_behind_the_one_before_it() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::new(dir.path().to_path_buf());
        let partition = store.partition(b"topic", 3).unwrap();
        let batch = BatchShape::of_bytes(5 * 1024).encode().unwrap();
        assert_eq!(partition.append(&mut batch.to_vec()).unwrap(), 0);
        assert_eq!(partition.append(&mut batch.to_vec()).unwrap(), 5);
        let stored = fs::read(&partition.path).unwrap();
        assert_eq!(stored[batch.len() + 8..], batch[8..]);
        let bytes = batch.len() as u64;
        assert_eq!(partition.range(7, 1000), bytes..bytes + 1000);
        assert_eq!(partition.range(4, 3 * bytes), 0..2 * bytes);
        assert_eq!(partition.range(10, 1000), 2 * bytes..2 * bytes);
        store.delete(b"topic").unwrap();
        assert!(!partition.path.exists());
    }

    #[test]
    fn a_wrong_checksum_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::new(dir.path().to_path_buf());
        let partition = store.partition(b"topic", 0).unwrap();
        let mut batch = BatchShape::one_record(100).encode().unwrap().to_vec();
        *batch.last_mut().unwrap() ^= 1;
        assert!(partition.append(&mut batch).is_err());
    }
}
