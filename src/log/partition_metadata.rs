//! `partition.metadata`: which topic a partition's directory belongs to (KIP-516).

use std::io;
use std::path::Path;

use gracchus_base::TopicId;

use crate::fs::{Fs, write_all};
use crate::names::PARTITION_METADATA;

/// Far more than the file can have.
const BYTES_MAX: u64 = 4096;

/// Writes the file; it is durable when it and the directory have been synced.
pub(crate) fn write(fs: &Fs, dir: &Path, topic_id: TopicId) -> io::Result<()> {
    let file = fs.create(&dir.join(PARTITION_METADATA))?;
    write_all(&*file, 0, format!("version: 0\ntopic_id: {topic_id}").as_bytes())
}

/// Makes the file's content durable. It is not held open until then, which would cost a new partition a second
/// descriptor: a file that was lost is written anew by the next start.
pub(crate) fn sync(fs: &Fs, dir: &Path) -> io::Result<()> {
    fs.open(&dir.join(PARTITION_METADATA))?.sync_data()
}

/// The topic id, `None` if there is no such file or it cannot be made out.
pub(crate) fn read(fs: &Fs, dir: &Path) -> io::Result<Option<TopicId>> {
    let bytes = match fs.read_small(&dir.join(PARTITION_METADATA), BYTES_MAX) {
        Ok(bytes) => bytes,
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidData) => {
            return Ok(None);
        }
        Err(e) => return Err(e),
    };
    Ok(std::str::from_utf8(&bytes).ok().and_then(parse))
}

fn parse(text: &str) -> Option<TopicId> {
    let mut lines = text.lines();
    if lines.next()?.trim() != "version: 0" {
        return None;
    }
    TopicId::parse(lines.next()?.strip_prefix("topic_id:")?.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kafkas_own_file_is_read_and_other_text_is_not() {
        let text = include_str!("fixtures/kafka-4.3.1-ledger-0/partition.metadata");
        assert_eq!(parse(text).unwrap().to_string(), "lUL1tD6YQnKePu_zZSxIuA");
        for bad in
            ["", "version: 0", "version: 1\ntopic_id: lUL1tD6YQnKePu_zZSxIuA", "version: 0\ntopic_id: x"]
        {
            assert_eq!(parse(bad), None, "{bad:?}");
        }
    }
}
