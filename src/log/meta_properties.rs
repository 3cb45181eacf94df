//! `meta.properties`: which cluster and node a data directory belongs to, and its own id (KIP-858).

use std::io;
use std::path::Path;

use gracchus_base::{BrokerId, TopicId};

use crate::dir::{DirError, at};
use crate::fs::Fs;
use crate::write_atomic::write_atomic;

pub(crate) const FILE: &str = "meta.properties";
/// Far more than the file can have.
const BYTES_MAX: u64 = 64 * 1024;

/// What a data directory says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetaProperties {
    pub cluster_id: String,
    pub node_id: BrokerId,
    pub directory_id: TopicId,
}

pub(crate) fn write(fs: &Fs, dir: &Path, meta: &MetaProperties) -> io::Result<()> {
    let MetaProperties { cluster_id, node_id, directory_id } = meta;
    let text =
        format!("#\nnode.id={node_id}\ndirectory.id={directory_id}\nversion=1\ncluster.id={cluster_id}\n");
    write_atomic(fs, dir, FILE, text.as_bytes())
}

pub(crate) fn read(fs: &Fs, dir: &Path) -> Result<Option<MetaProperties>, DirError> {
    let bad = |why| DirError::Meta(dir.display().to_string(), why);
    let bytes = match fs.read_small(&dir.join(FILE), BYTES_MAX) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(at(dir)(e)),
    };
    let text = std::str::from_utf8(&bytes).map_err(|_| bad("it is no text"))?;
    parse(text).map(Some).map_err(bad)
}

fn parse(text: &str) -> Result<MetaProperties, &'static str> {
    if value(text, "version").ok_or("it has no version")? != "1" {
        return Err("its version is not 1");
    }
    let directory_id = value(text, "directory.id").ok_or("it has no directory.id")?;
    let node_id = value(text, "node.id").and_then(|id| id.parse().ok());
    Ok(MetaProperties {
        cluster_id: value(text, "cluster.id").ok_or("it has no cluster.id")?,
        node_id: BrokerId(node_id.ok_or("its node.id is no number")?),
        directory_id: TopicId::parse(&directory_id).ok_or("its directory.id is no id")?,
    })
}

/// The value of a key in a Java properties file, as far as ids need it: no continued lines, no Unicode escapes.
fn value(text: &str, key: &str) -> Option<String> {
    let lines = text.lines().map(str::trim_start).filter(|line| !line.starts_with(['#', '!']));
    let (_, value) = lines.filter_map(|line| line.split_once(['=', ':'])).find(|(k, _)| k.trim() == key)?;
    Some(value.trim().replace('\\', ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kafkas_own_file_is_read() {
        let text = "#\n#Sat Nov 21 06:54:19 UTC 2026\nnode.id=1\ndirectory.id=40GugFeZ1QopdviKd0KshA\nversion=1\n\
                    cluster.id=AAAAAAAAQQCCCCCCAAAAAA\n";
        let meta = parse(text).unwrap();
        assert_eq!((meta.cluster_id.as_str(), meta.node_id), ("AAAAAAAAQQCCCCCCAAAAAA", BrokerId(1)));
        assert_eq!(meta.directory_id.to_string(), "40GugFeZ1QopdviKd0KshA");
        assert!(parse(&text.replace("version=1", "version=0")).is_err());
        assert!(parse(&text.replace("node.id=1", "node.id=x")).is_err());
        assert!(parse("").is_err());
    }
}
