//! `leader-epoch-checkpoint`: the leader epochs of a log and their first offsets (KIP-101), as text of version 0.

use std::io;
use std::path::Path;

use gracchus_base::{LeaderEpoch, Offset};

use crate::fs::Fs;
use crate::names::EPOCH_CHECKPOINT;
use crate::write_atomic::{put_in_place, write_atomic, write_beside};

/// More epochs than a log lives to see; guards against a file that is not ours.
const BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Replaces the checkpoint of the partition in `dir`; durable when this returns.
pub fn write(fs: &Fs, dir: &Path, epochs: &[(LeaderEpoch, Offset)]) -> io::Result<()> {
    write_atomic(fs, dir, EPOCH_CHECKPOINT, text(epochs).as_bytes())
}

/// Replaces the checkpoint without a flush. A power cut before the next one leaves the old content, the new one, or
/// something that [`read`] takes for no checkpoint.
pub(crate) fn replace(fs: &Fs, dir: &Path, epochs: &[(LeaderEpoch, Offset)]) -> io::Result<()> {
    write_beside(fs, dir, EPOCH_CHECKPOINT, text(epochs).as_bytes())?;
    put_in_place(fs, dir, EPOCH_CHECKPOINT)
}

fn text(epochs: &[(LeaderEpoch, Offset)]) -> String {
    let mut text = format!("0\n{}\n", epochs.len());
    for (epoch, start) in epochs {
        text.push_str(&format!("{epoch} {start}\n"));
    }
    text
}

/// The checkpoint of the partition in `dir`; `None` if there is none or it makes no sense (FAULTS 24): the epochs must
/// be read from the batches then.
pub fn read(fs: &Fs, dir: &Path) -> io::Result<Option<Vec<(LeaderEpoch, Offset)>>> {
    match fs.read_small(&dir.join(EPOCH_CHECKPOINT), BYTES_MAX) {
        Ok(bytes) => Ok(std::str::from_utf8(&bytes).ok().and_then(parse)),
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidData) => Ok(None),
        Err(e) => Err(e),
    }
}

/// Epochs and offsets must both grow. The last line must be whole: a number that was cut is another number.
fn parse(text: &str) -> Option<Vec<(LeaderEpoch, Offset)>> {
    let mut lines = text.strip_suffix('\n')?.lines();
    if lines.next()? != "0" {
        return None;
    }
    let count: usize = lines.next()?.parse().ok()?;
    let mut epochs: Vec<(LeaderEpoch, Offset)> = Vec::new();
    for line in lines {
        let (epoch, start) = line.split_once(' ')?;
        let entry = (LeaderEpoch(epoch.parse().ok()?), Offset(start.parse().ok()?));
        let grows = epochs.last().is_none_or(|last| last.0 < entry.0 && last.1 <= entry.1);
        if !grows || entry.0.get() < 0 || entry.1.get() < 0 {
            return None;
        }
        epochs.push(entry);
    }
    (epochs.len() == count).then_some(epochs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::sim::SimDisk;

    #[test]
    fn epochs_read_back_and_kafkas_file_is_read() {
        let fs = Fs::new(SimDisk::new());
        let dir = Path::new("/");
        assert_eq!(read(&fs, dir).unwrap(), None);
        let epochs = vec![(LeaderEpoch(0), Offset(0)), (LeaderEpoch(4), Offset(17))];
        write(&fs, dir, &epochs).unwrap();
        assert_eq!(read(&fs, dir).unwrap(), Some(epochs));
        write(&fs, dir, &[]).unwrap();
        assert_eq!(read(&fs, dir).unwrap(), Some(vec![]));
        let kafkas = include_str!("fixtures/kafka-4.3.1-ledger-0/leader-epoch-checkpoint");
        assert_eq!(parse(kafkas), Some(vec![(LeaderEpoch(0), Offset(0))]));
    }

    #[test]
    fn faults_24_an_epoch_file_that_makes_no_sense_is_no_epoch_file() {
        for bad in [
            "",
            "0",
            "1\n0\n",
            "0\n1\n",
            "0\n1\n0 0\n1 5\n",
            "0\n2\n3 0\n2 5\n",
            "0\n2\n1 9\n2 5\n",
            "0\n1\n0 17",
        ] {
            assert_eq!(parse(bad), None, "{bad:?}");
        }
        assert_eq!(parse("0\n1\n-1 0\n"), None);
        assert_eq!(parse("0\n1\n1 x\n"), None);
    }
}
