//! What machine a run was made on, from `/proc` and `/sys`. What they do not say stays unknown.

use std::fs;
use std::io;
use std::num::NonZero;
use std::path::Path;
use std::thread;

use serde::{Deserialize, Serialize};

/// The machine, as the report names it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    pub processor: Option<String>,
    /// Cores that this process may use.
    pub cores: Option<usize>,
    pub memory_bytes: Option<u64>,
    pub kernel: Option<String>,
    /// File system and kind of disk below the directory for temporary files, where the brokers keep their data.
    pub disk: Option<String>,
}

impl Machine {
    /// This one.
    pub fn here() -> Machine {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let release = read("/proc/sys/kernel/osrelease");
        Machine {
            processor: field(&read("/proc/cpuinfo"), "model name"),
            cores: thread::available_parallelism().ok().map(NonZero::get),
            memory_bytes: meminfo_bytes(&read("/proc/meminfo"), "MemTotal"),
            kernel: kernel(&release),
            disk: disk(&read("/proc/self/mountinfo"), &std::env::temp_dir()),
        }
    }

    /// In one line; what is not known is said to be.
    pub fn text(&self) -> String {
        let cores = match self.cores {
            Some(1) => "1 core".into(),
            Some(cores) => format!("{cores} cores"),
            None => "cores not known".into(),
        };
        let processor = self.processor.as_ref().map(|name| format!(" of {name}")).unwrap_or_default();
        let memory = self.memory_bytes.map(|bytes| format!("{:.1} GB of memory", bytes as f64 / 1e9));
        format!(
            "{cores}{processor}, {}, {}, {}",
            memory.as_deref().unwrap_or("memory not known"),
            self.kernel.as_deref().unwrap_or("kernel not known"),
            self.disk.as_deref().unwrap_or("disk not known")
        )
    }
}

/// Memory that programs can still have.
pub fn available_bytes() -> io::Result<u64> {
    Ok(meminfo_bytes(&fs::read_to_string("/proc/meminfo")?, "MemAvailable").unwrap_or(0))
}

/// The value of the first line `name : value`.
fn field(text: &str, name: &str) -> Option<String> {
    let values = text.lines().filter_map(|line| line.split_once(':'));
    let mut named = values.filter(|(key, _)| key.trim() == name);
    named.next().map(|(_, value)| value.trim().to_owned()).filter(|value| !value.is_empty())
}

/// The version; what builders append to it says little to others.
fn kernel(release: &str) -> Option<String> {
    let version = release.trim().split('-').next().filter(|version| !version.is_empty())?;
    Some(format!("Linux {version}"))
}

fn meminfo_bytes(meminfo: &str, name: &str) -> Option<u64> {
    let value = field(meminfo, name)?;
    let kib: u64 = value.split_whitespace().next()?.parse().ok()?;
    Some(kib * 1024)
}

fn disk(mountinfo: &str, dir: &Path) -> Option<String> {
    let (device, file_system) = mount(mountinfo, dir)?;
    let queue = |file: &str| fs::read_to_string(format!("/sys/dev/block/{device}/queue/{file}"));
    // A partition has no queue of its own, its disk has.
    let parent = |file: &str| fs::read_to_string(format!("/sys/dev/block/{device}/../queue/{file}"));
    let kind = match queue("rotational").or_else(|_| parent("rotational")).as_deref().map(str::trim) {
        Ok("0") => " on a disk that does not rotate",
        Ok("1") => " on a disk that says it rotates",
        _ => "",
    };
    Some(format!("{file_system}{kind}"))
}

/// Device number and file system of the mount that holds `dir`: the last of those with the longest path.
fn mount(mountinfo: &str, dir: &Path) -> Option<(String, String)> {
    let mounts = mountinfo.lines().filter_map(|line| {
        let (before, after) = line.split_once(" - ")?;
        let mut fields = before.split(' ').skip(2);
        let (device, point) = (fields.next()?, fields.nth(1)?);
        let file_system = after.split(' ').next()?;
        dir.starts_with(point).then(|| (point.len(), device.to_owned(), file_system.to_owned()))
    });
    mounts.max_by_key(|(length, ..)| *length).map(|(_, device, file_system)| (device, file_system))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 253:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
28 27 0:25 / /tmp rw - tmpfs tmpfs rw,size=1024k";

    #[test]
    fn a_directory_is_on_the_mount_with_the_longest_path() {
        let on = |dir: &str| mount(MOUNTS, Path::new(dir));
        assert_eq!(on("/tmp/x"), Some(("0:25".into(), "tmpfs".into())));
        assert_eq!(on("/tmpfs"), Some(("253:0".into(), "ext4".into())));
        assert_eq!(mount("", Path::new("/tmp")), None);
    }

    #[test]
    fn what_proc_does_not_say_is_unknown() {
        assert_eq!(field("model name\t: One Core\nmodel name\t: Two", "model name"), Some("One Core".into()));
        assert_eq!(field("model\t: One", "model name"), None);
        assert_eq!(meminfo_bytes("MemTotal:       2048 kB\n", "MemTotal"), Some(2_097_152));
        assert_eq!(meminfo_bytes("", "MemTotal"), None);
        assert_eq!(kernel("6.1.0-18-amd64\n"), Some("Linux 6.1.0".into()));
        assert_eq!(kernel(""), None);
    }
}
