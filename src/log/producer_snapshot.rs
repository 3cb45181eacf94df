//! `.snapshot` files: what is remembered of idempotent producers at an offset, in Kafka's format of version 1.
//!
//! Version (2 bytes), CRC32C of everything behind it (4), entries (4), then for each: producer id 8, epoch 2, last
//! sequence 4, last offset 8, offset delta 4, timestamp 8, coordinator epoch 4, first offset of its transaction 8.

use std::io;
use std::path::Path;

use gracchus_base::producer::ProducerSnapshot;
use gracchus_base::{LeaderEpoch, Offset, ProducerEpoch, ProducerId, Sequence, Timestamp};

use crate::fs::{File, Fs, write_all};

const VERSION: i16 = 1;
/// Where the part begins that the CRC covers.
const ENTRIES_FROM: usize = 6;
const ENTRY_BYTES: usize = 46;
/// Far more producers than a partition has; guards against a file that is not ours.
const BYTES_MAX: u64 = 512 * 1024 * 1024;

/// Writes a snapshot. It is durable when the handle and the directory have been synced; one that a power cut tears fails
/// its CRC, and the one before it is used.
pub fn write(fs: &Fs, path: &Path, producers: &[ProducerSnapshot]) -> io::Result<File> {
    let file = fs.create(path)?;
    write_all(&*file, 0, &encode(producers))?;
    Ok(file)
}

/// Reads a snapshot; `None` if it is torn or of another version (FAULTS 24).
pub fn read(fs: &Fs, path: &Path) -> io::Result<Option<Vec<ProducerSnapshot>>> {
    match fs.read_small(path, BYTES_MAX) {
        Ok(bytes) => Ok(decode(&bytes)),
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidData) => Ok(None),
        Err(e) => Err(e),
    }
}

/// The bytes of a snapshot file.
pub fn encode(producers: &[ProducerSnapshot]) -> Vec<u8> {
    let mut entries = Vec::with_capacity(producers.len().saturating_mul(ENTRY_BYTES).saturating_add(4));
    entries.extend_from_slice(&u32::try_from(producers.len()).unwrap_or(u32::MAX).to_be_bytes());
    for producer in producers {
        entries.extend_from_slice(&producer.producer_id.get().to_be_bytes());
        entries.extend_from_slice(&producer.producer_epoch.get().to_be_bytes());
        entries.extend_from_slice(&producer.last_sequence.get().to_be_bytes());
        entries.extend_from_slice(&producer.last_offset.get().to_be_bytes());
        entries.extend_from_slice(&producer.offset_delta.to_be_bytes());
        entries.extend_from_slice(&producer.last_timestamp.get().to_be_bytes());
        entries.extend_from_slice(&producer.coordinator_epoch.get().to_be_bytes());
        let first_offset = producer.current_txn_first_offset.map_or(-1, Offset::get);
        entries.extend_from_slice(&first_offset.to_be_bytes());
    }
    let mut file = VERSION.to_be_bytes().to_vec();
    file.extend_from_slice(&crc32c::crc32c(&entries).to_be_bytes());
    file.extend_from_slice(&entries);
    file
}

/// Reads what [`encode`] and Kafka write; `None` for anything else.
pub fn decode(file: &[u8]) -> Option<Vec<ProducerSnapshot>> {
    let entries = file.get(ENTRIES_FROM..)?;
    let mut front = Fields(file);
    if i16::from_be_bytes(front.take()?) != VERSION
        || u32::from_be_bytes(front.take()?) != crc32c::crc32c(entries)
    {
        return None;
    }
    let mut fields = Fields(entries);
    let count = u32::from_be_bytes(fields.take()?) as usize;
    if fields.0.len() != count.checked_mul(ENTRY_BYTES)? {
        return None;
    }
    (0..count).map(|_| decode_entry(&mut fields)).collect()
}

fn decode_entry(fields: &mut Fields<'_>) -> Option<ProducerSnapshot> {
    Some(ProducerSnapshot {
        producer_id: ProducerId(i64::from_be_bytes(fields.take()?)),
        producer_epoch: ProducerEpoch(i16::from_be_bytes(fields.take()?)),
        last_sequence: Sequence(i32::from_be_bytes(fields.take()?)),
        last_offset: Offset(i64::from_be_bytes(fields.take()?)),
        offset_delta: i32::from_be_bytes(fields.take()?),
        last_timestamp: Timestamp(i64::from_be_bytes(fields.take()?)),
        coordinator_epoch: LeaderEpoch(i32::from_be_bytes(fields.take()?)),
        current_txn_first_offset: Some(Offset(i64::from_be_bytes(fields.take()?))).filter(|o| o.get() >= 0),
    })
}

/// Takes fields of fixed width from the front.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KAFKAS: &[u8] = include_bytes!("fixtures/kafka-4.3.1-ledger-0/00000000000000000090.snapshot");

    #[test]
    fn kafkas_snapshot_reads_and_writes_back_byte_for_byte() {
        let producers = decode(KAFKAS).unwrap();
        assert_eq!(producers.len(), 3);
        assert!(producers.iter().any(|p| p.last_offset == Offset(89)));
        assert_eq!(encode(&producers), KAFKAS);
        assert_eq!(encode(&[]).len(), 10);
    }

    #[test]
    fn faults_24_a_torn_or_changed_snapshot_is_no_snapshot() {
        for len in 0..KAFKAS.len() {
            assert_eq!(decode(&KAFKAS[..len]), None, "cut at {len}");
            let mut changed = KAFKAS.to_vec();
            changed[len] ^= 1;
            assert_eq!(decode(&changed), None, "changed at {len}");
        }
        // A count that lies, with a CRC that is right.
        let mut lying = encode(&[]);
        lying[6..10].copy_from_slice(&u32::MAX.to_be_bytes());
        let crc = crc32c::crc32c(&lying[6..]);
        lying[2..6].copy_from_slice(&crc.to_be_bytes());
        assert_eq!(decode(&lying), None);
    }
}
