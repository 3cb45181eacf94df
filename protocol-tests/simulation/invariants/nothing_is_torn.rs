//! No byte of a torn batch is served or left behind, and what lies beside the batches fits them.

use bytes::Buf;
use gracchus_base::Offset;
use gracchus_base::limits::BATCH_HEADER_BYTES;
use gracchus_log::verify::{self, Known};
use gracchus_log::{Fs, LogView};
use gracchus_wire::records::{Batch, BatchHeader, crc_matches};

use crate::world::{World, dir};

/// Bytes that are read at a time.
const READ_BYTES: u32 = 700;

pub(crate) fn check(world: &World) -> Result<(), String> {
    let fs = Fs::new(world.disk.clone());
    let mut first = None;
    let known = Known { flushed: Offset(i64::MAX), compacted: false };
    let totals = verify::partition(&fs, &dir(), known, &mut |finding| {
        first.get_or_insert(finding);
    });
    if let Some(finding) = first {
        return Err(format!("{}: {}", finding.path.display(), finding.problem));
    }
    if totals.bytes != world.log.size_bytes() {
        return Err(format!("the files hold {} bytes, the log {}", totals.bytes, world.log.size_bytes()));
    }
    Ok(())
}

/// All batches of a log, as a consumer reads them, each with its CRC checked.
pub(crate) fn read_all(view: &LogView) -> Result<Vec<Batch>, String> {
    let mut batches = Vec::new();
    let mut at = view.log_start();
    loop {
        let range =
            view.read(at, view.log_end(), READ_BYTES, true).map_err(|error| format!("at {at}: {error}"))?;
        let Some(range) = range else { return Ok(batches) };
        let mut bytes = range.read_all().map_err(|error| format!("at {at}: {error}"))?;
        let before = at;
        while let Ok(header) = BatchHeader::parse(&bytes) {
            if header.total_bytes() > bytes.len() {
                break;
            }
            let mut batch = bytes.split_to(header.total_bytes());
            if !crc_matches(&header, &batch) {
                return Err(format!("at {at}: the CRC is wrong"));
            }
            at = header.next_offset();
            batch.advance(BATCH_HEADER_BYTES);
            batches.push(Batch { header, body: batch });
        }
        if at == before {
            return Err(format!("at {at}: nothing can be read"));
        }
    }
}
