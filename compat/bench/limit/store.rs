//! One file per partition, made when the first batch for it comes, removed when the last connection ends.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gracchus_base::limits::BATCH_HEADER_BYTES;

/// Where in a batch's header its fields stand.
const BASE_OFFSET: std::ops::Range<usize> = 0..8;
const CRC: std::ops::Range<usize> = 17..21;
const RECORDS_COUNT: std::ops::Range<usize> = 57..61;

/// All files.
#[derive(Debug)]
pub struct Store {
    dir: PathBuf,
    partitions: Mutex<Vec<Arc<Partition>>>,
    connections: Mutex<usize>,
}

/// One file.
#[derive(Debug)]
pub struct Partition {
    pub topic: Vec<u8>,
    pub index: i32,
    pub file: File,
    end: Mutex<End>,
}

#[derive(Debug, Default)]
struct End {
    position: u64,
    offset: i64,
}

impl Store {
    /// In that directory, which is there.
    pub fn new(dir: PathBuf) -> Store {
        Store { dir, partitions: Mutex::default(), connections: Mutex::default() }
    }

    /// The file of a partition.
    pub fn partition(&self, topic: &[u8], index: i32) -> io::Result<Arc<Partition>> {
        let mut partitions = lock(&self.partitions);
        if let Some(partition) = partitions.iter().find(|partition| partition.is(topic, index)) {
            return Ok(Arc::clone(partition));
        }
        let file = File::create(self.dir.join(index.to_string()))?;
        let partition = Partition { topic: topic.to_vec(), index, file, end: Mutex::default() };
        let partition = Arc::new(partition);
        partitions.push(Arc::clone(&partition));
        Ok(partition)
    }

    /// A connection begins.
    pub fn enter(&self) {
        *lock(&self.connections) += 1;
    }

    /// A connection ended; after the last one the disk is given back.
    pub fn leave(&self) -> io::Result<()> {
        let mut connections = lock(&self.connections);
        *connections -= 1;
        if *connections == 0 {
            for partition in lock(&self.partitions).drain(..) {
                fs::remove_file(self.dir.join(partition.index.to_string()))?;
            }
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
            end.position += batch.len() as u64;
            end.offset += i64::from(records);
            at
        };
        batch[BASE_OFFSET].copy_from_slice(&offset.to_be_bytes());
        self.file.write_all_at(batch, position)?;
        Ok(offset)
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
        store.enter();
        let partition = store.partition(b"topic", 3).unwrap();
        let batch = BatchShape::of_bytes(5 * 1024).encode().unwrap();
        assert_eq!(partition.append(&mut batch.to_vec()).unwrap(), 0);
        assert_eq!(partition.append(&mut batch.to_vec()).unwrap(), 5);
        let stored = fs::read(dir.path().join("3")).unwrap();
        assert_eq!(stored[batch.len() + 8..], batch[8..]);
        store.leave().unwrap();
        assert!(!dir.path().join("3").exists());
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
