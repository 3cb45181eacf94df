//! Files that an earlier run has left in a partition's directory: to be removed, or to be put in their place.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use gracchus_base::Offset;

use crate::fs::Fs;
use crate::names::{DELETED, Kind, parse_segment_file, segment_file};
use crate::scan::{SWEEP_BUFFER, Scan, Step};

/// Files of compacted segments that were on their way to replace others.
const SWAP: &str = ".swap";
/// Files of compacted segments that were not finished.
const CLEANED: &str = ".cleaned";
/// A checkpoint that was not renamed.
const TEMPORARY: &str = ".tmp";

/// How the names end of what is to be tidied up.
const LEFTOVERS: [&str; 4] = [SWAP, CLEANED, TEMPORARY, DELETED];

/// What lies in a partition's directory, in order, without leftovers.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    pub segments: Vec<Offset>,
    pub snapshots: Vec<Offset>,
}

/// Cleans up in `dir` as Kafka does: removes what is marked or unfinished, finishes replacements, and removes index
/// files without a segment.
pub(crate) fn tidy(fs: &Fs, dir: &Path) -> io::Result<Listing> {
    let names = names(fs, dir)?;
    if !names.iter().any(|name| LEFTOVERS.iter().any(|end| name.ends_with(end))) {
        return listing(fs, dir, &names);
    }
    let unfinished: Vec<_> =
        names.iter().filter_map(|name| parse_segment_file(name.strip_suffix(CLEANED)?)).collect();
    for name in
        names.iter().filter(|name| [DELETED, CLEANED, TEMPORARY].iter().any(|end| name.ends_with(end)))
    {
        fs.remove_if_there(&dir.join(name))?;
    }
    // Replacements at or behind an unfinished file belong to a split that was not finished either.
    let split_at = unfinished.iter().map(|(base, _)| *base).min();
    finish_swaps(fs, dir, &names, split_at)?;
    listing(fs, dir, &self::names(fs, dir)?)
}

fn names(fs: &Fs, dir: &Path) -> io::Result<Vec<String>> {
    Ok(fs.list(dir)?.into_iter().filter(|entry| !entry.is_dir).map(|entry| entry.name).collect())
}

/// Puts compacted segments in the place of those they were made from, whose offsets they cover.
fn finish_swaps(fs: &Fs, dir: &Path, names: &[String], split_at: Option<Offset>) -> io::Result<()> {
    let mut swaps = Vec::new();
    for name in names {
        let Some((base, kind)) = name.strip_suffix(SWAP).and_then(parse_segment_file) else { continue };
        if split_at.is_some_and(|split_at| base >= split_at) {
            fs.remove_if_there(&dir.join(name))?;
        } else {
            swaps.push((base, kind));
        }
    }
    let path = |base: &Offset, kind: &Kind| -> PathBuf { dir.join(segment_file(*base, *kind) + SWAP) };
    let mut covered: Option<(Offset, Offset)> = None;
    for (base, kind) in swaps.iter().filter(|(_, kind)| *kind == Kind::Log) {
        let end = end_of(fs, &path(base, kind), *base)?;
        covered = Some(covered.map_or((*base, end), |(low, high)| (low.min(*base), high.max(end))));
    }
    if let Some((low, high)) = covered {
        for name in names {
            let inside = |(base, _): (Offset, Kind)| base >= low && base < high;
            if parse_segment_file(name).is_some_and(inside) {
                fs.remove_if_there(&dir.join(name))?;
            }
        }
    }
    swaps
        .iter()
        .try_for_each(|(base, kind)| fs.rename(&path(base, kind), &dir.join(segment_file(*base, *kind))))
}

/// The offset after the last batch of a segment file.
fn end_of(fs: &Fs, path: &Path, base: Offset) -> io::Result<Offset> {
    let file = fs.open(path)?;
    let len = u32::try_from(file.size()?).unwrap_or(u32::MAX);
    let mut scan = Scan::new(&*file, 0, len, SWEEP_BUFFER);
    let mut end = base;
    while let Step::Batch { header, .. } = scan.next()? {
        end = end.max(header.next_offset());
    }
    Ok(end)
}

/// Sorts segments and snapshots, and removes index files that have no segment.
fn listing(fs: &Fs, dir: &Path, names: &[String]) -> io::Result<Listing> {
    let files: Vec<_> = names.iter().filter_map(|name| parse_segment_file(name)).collect();
    let of = |wanted: Kind| files.iter().filter(move |(_, kind)| *kind == wanted).map(|(base, _)| *base);
    let segments: BTreeSet<_> = of(Kind::Log).collect();
    let snapshots: BTreeSet<_> = of(Kind::Snapshot).collect();
    for (base, kind) in &files {
        if matches!(kind, Kind::Index | Kind::TimeIndex | Kind::TxnIndex) && !segments.contains(base) {
            fs.remove_if_there(&dir.join(segment_file(*base, *kind)))?;
        }
    }
    Ok(Listing { segments: segments.into_iter().collect(), snapshots: snapshots.into_iter().collect() })
}
