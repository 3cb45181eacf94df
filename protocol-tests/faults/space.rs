//! Small file systems until they are full, and read-only ones, at a start and while they are used (FAULTS 26, 27, 28). They
//! are mounted, which takes root.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use gracchus_base::ErrorCode;
use gracchus_wire::messages::{
    CreateTopicsRequest, FindCoordinatorRequest, GroupId, OffsetCommitRequest, StrBytes,
    create_topics_request::CreatableTopic, offset_commit_request as oc,
};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::{LOOK, PATIENCE, command, until};
use crate::client::topic_name;
use crate::ledger::{IN_FLIGHT, Producer, fetch};
use crate::process::{Process, Signal, run as run_to_end, serve_from};
use crate::{Client, batch};

const DISK_BYTES: u64 = 64 << 20;

/// What is removed to make space.
const BALLAST_BYTES: usize = 8 << 20;

/// Bytes of values: smaller ones once no larger one fits, until there is really no space.
const VALUE_BYTES: [usize; 3] = [100_000, 4_000, 1];

/// The data directory on the small disk.
const ON_DISK: &str = "disk/data";

/// Two data directories, of which the second is there.
const TWO: [&str; 2] = ["elsewhere", "disk/second"];

/// Records of a partition that nobody writes to while its disk turns read-only.
const QUIET_RECORDS: usize = 10;

/// Partitions that are written to meanwhile.
const WRITTEN_PARTITIONS: i32 = 4;

/// What was done.
#[derive(Clone, Copy, Debug, Default)]
pub struct Done {
    pub disks: u32,
    /// Records that were acknowledged, and found.
    pub acknowledged: usize,
    /// Batches that were refused, and not found.
    pub refused: usize,
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { disks, acknowledged, refused } = self;
        write!(
            f,
            "{disks} full and read-only file systems; {acknowledged} records acknowledged and found, {refused} refused \
             and not found"
        )
    }
}

/// Fills a tmpfs and an ext4 file system.
///
/// # Errors
/// When nothing can be mounted.
///
/// # Panics
/// When something does not hold.
pub async fn run() -> Result<Done, String> {
    let mut done = Done::default();
    for kind in [Kind::Tmpfs, Kind::Ext4] {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let mount = Mount::new(dir.path(), kind)?;
        let filled = fill(&mount).await;
        read_only(&mount, &filled).await?;
        done.disks += 1;
        done.acknowledged += filled.values.len();
        done.refused += filled.refused;
    }
    done.add(turns_read_only().await?);
    Ok(done)
}

impl Done {
    /// Both together.
    pub fn add(&mut self, other: Self) {
        self.disks += other.disks;
        self.acknowledged += other.acknowledged;
        self.refused += other.refused;
    }
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Tmpfs,
    Ext4,
}

/// A small file system at `disk` in a directory; unmounted when dropped.
struct Mount {
    dir: PathBuf,
    disk: PathBuf,
}

impl Mount {
    fn new(dir: &Path, kind: Kind) -> Result<Self, String> {
        let disk = dir.join("disk");
        std::fs::create_dir(&disk).expect("a directory");
        let at = disk.to_str().expect("a name that is text");
        match kind {
            Kind::Tmpfs => {
                command("mount", &["-t", "tmpfs", "-o", &format!("size={DISK_BYTES}"), "none", at])?
            }
            Kind::Ext4 => {
                let image = dir.join("image");
                let file = std::fs::File::create(&image).expect("a file");
                file.set_len(DISK_BYTES).expect("a file with a hole");
                let image = image.to_str().expect("a name that is text");
                command("mkfs.ext4", &["-q", "-F", image])?;
                command("mount", &["-o", "loop", image, at])?;
            }
        }
        Ok(Self { dir: dir.to_owned(), disk })
    }

    fn remount(&self, how: &str) -> Result<(), String> {
        command("mount", &["-o", &format!("remount,{how}"), self.disk.to_str().expect("text")])
    }

    /// Unmounts it and mounts it again, which an aborted file system needs before it can be written.
    fn again(&self) -> Result<(), String> {
        let at = self.disk.to_str().expect("text");
        command("umount", &[at])?;
        command("mount", &["-o", "loop", self.dir.join("image").to_str().expect("text"), at])
    }

    fn ballast(&self) -> PathBuf {
        self.disk.join("ballast")
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // A process that a failed check has left may still end.
        drop(Command::new("umount").arg("-l").arg(&self.disk).status());
    }
}

/// What a full disk has.
struct Filled {
    values: Vec<String>,
    refused: usize,
}

fn serve(mount: &Mount) -> (Process, SocketAddr) {
    serve_from(&mount.dir, &[ON_DISK], &[], &[])
}

/// Fills the disk, looks at what goes on, makes space, and kills the process.
async fn fill(mount: &Mount) -> Filled {
    std::fs::write(mount.ballast(), vec![1; BALLAST_BYTES]).expect("space for the ballast");
    let (mut process, address) = serve(mount);
    let mut client = Client::connect(address).await;
    client.create_topic("full", 1, &[]).await;
    let mut filled = Filled { values: Vec::new(), refused: 0 };
    for bytes in VALUE_BYTES {
        while filled.add(&mut client, bytes).await == 0 {}
    }
    for _ in 0..5 {
        assert_ne!(filled.add(&mut client, VALUE_BYTES[0]).await, 0);
    }
    filled.check(&mut client).await;
    // Metadata, too: nothing of the change is there.
    assert_eq!(create(&mut client, "refused").await, ErrorCode::KafkaStorageError.code());
    assert_eq!(client.metadata().await.topics.len(), 1);

    std::fs::remove_file(mount.ballast()).expect("the ballast");
    let deadline = Instant::now() + PATIENCE;
    let mut tries = tokio::time::interval(LOOK);
    while filled.add(&mut client, VALUE_BYTES[0]).await != 0 {
        assert!(Instant::now() < deadline, "writes do not resume");
        tries.tick().await;
    }
    for _ in 0..10 {
        assert_eq!(filled.add(&mut client, VALUE_BYTES[0]).await, 0);
    }
    assert_eq!(create(&mut client, "refused").await, 0, "once there is space");
    process.signal(Signal::KILL);
    process.wait();
    let (mut process, address) = serve(mount);
    let mut client = Client::connect(address).await;
    filled.check(&mut client).await;
    assert_eq!(filled.add(&mut client, VALUE_BYTES[1]).await, 0);
    process.signal(Signal::TERM);
    process.wait();
    filled
}

/// Creates a topic of many partitions; answers the error.
async fn create(client: &mut Client, name: &str) -> i16 {
    let topic = CreatableTopic::default().with_name(topic_name(name)).with_num_partitions(1000);
    let request = CreateTopicsRequest::default().with_topics(vec![topic.with_replication_factor(-1)]);
    let answer = client.call(7, request.with_timeout_ms(10_000)).await;
    assert_eq!(answer.topics[0].name.0, StrBytes::from_string(name.to_owned()));
    answer.topics[0].error_code
}

impl Filled {
    /// Produces one more value; answers the error, which is none or one that clients retry.
    async fn add(&mut self, client: &mut Client, bytes: usize) -> i16 {
        let value = format!("{}-{}", self.values.len(), "x".repeat(bytes));
        let answer = client.produce("full", 0, -1, batch::values(&[&value])).await;
        let answer = &answer.responses[0].partition_responses[0];
        if answer.error_code == 0 {
            assert_eq!(usize::try_from(answer.base_offset), Ok(self.values.len()));
            self.values.push(value);
        } else {
            assert_eq!(answer.error_code, ErrorCode::KafkaStorageError.code());
            self.refused += 1;
        }
        answer.error_code
    }

    /// Everything that was acknowledged is there, and nothing else.
    async fn check(&self, client: &mut Client) {
        let mut there = 0;
        loop {
            let records = fetch(client, "full", 0, i64::try_from(there).expect("a number of records")).await;
            if records.is_empty() {
                break;
            }
            for (offset, value) in records {
                assert_eq!(usize::try_from(offset), Ok(there));
                assert!(self.values.get(there) == Some(&value), "record {there}");
                there += 1;
            }
        }
        assert_eq!(there, self.values.len());
    }
}

/// A start on a disk that is read-only is refused and changes nothing; of two directories the other one is served.
async fn read_only(mount: &Mount, filled: &Filled) -> Result<(), String> {
    mount.remount("ro")?;
    let output = run_to_end(&mount.dir, &["--listen", "127.0.0.1:0", "--data-dir", ON_DISK]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let last = said.lines().last().unwrap_or_default();
    assert!(last.starts_with("gracchus: ") && last.contains("disk"), "{said}");
    mount.remount("rw")?;

    let (mut process, address) = serve(mount);
    filled.check(&mut Client::connect(address).await).await;
    process.signal(Signal::TERM);
    process.wait();
    one_of_two(mount).await
}

/// Of two data directories the second is read-only at a start: its partitions are offline, others go on, and it has all
/// of them again when it can be written.
async fn one_of_two(mount: &Mount) -> Result<(), String> {
    let produce = async |client: &mut Client, partition: i32| {
        let answer = client.produce("two", partition, -1, batch::values(&["x"])).await;
        answer.responses[0].partition_responses[0].error_code
    };
    let is_on_disk = |partition: i32| mount.dir.join(TWO[1]).join(format!("two-{partition}")).exists();
    for (how, offline) in [("rw", false), ("ro", true), ("rw", false)] {
        mount.remount(how)?;
        let (mut process, address) = serve_from(&mount.dir, &TWO, &[], &[]);
        let mut client = Client::connect(address).await;
        if client.metadata().await.topics.is_empty() {
            client.create_topic("two", 2, &[]).await;
        }
        for partition in 0..2 {
            let error = produce(&mut client, partition).await;
            let refused = offline && is_on_disk(partition);
            let expected = if refused { ErrorCode::KafkaStorageError } else { ErrorCode::None };
            assert_eq!(error, expected.code(), "{how}, partition {partition}");
        }
        assert_ne!(is_on_disk(0), is_on_disk(1), "each directory has one");
        process.signal(Signal::TERM);
        process.wait();
    }
    Ok(())
}

/// A file system that turns read-only under a process, as ext4 does by itself after an error: what is written to goes
/// offline, what is not can be read, and the next start finds everything that was acknowledged before.
async fn turns_read_only() -> Result<Done, String> {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let mount = Mount::new(dir.path(), Kind::Ext4)?;
    let (mut process, address) = serve(&mount);
    let mut client = Client::connect(address).await;
    client.create_topic("full", 1, &[]).await;
    let mut quiet = Filled { values: Vec::new(), refused: 0 };
    while quiet.values.len() < QUIET_RECORDS {
        assert_eq!(quiet.add(&mut client, VALUE_BYTES[1]).await, 0);
    }
    client.create_topic("written", WRITTEN_PARTITIONS, &[]).await;
    assert_eq!(commit(&mut client, 1).await, 0);
    let producers = Producer::for_each(&mut client, "written", WRITTEN_PARTITIONS).await;
    let mut writing = JoinSet::new();
    producers.iter().for_each(|producer| drop(writing.spawn(producer.clone().write_until_refused(address))));
    let under_way = || producers.iter().all(|producer| producer.acknowledged() > 2 * IN_FLIGHT);
    assert!(until(PATIENCE, under_way).await, "producers stand still");

    mount.remount("abort")?;
    let refused = ErrorCode::KafkaStorageError.code();
    let ended = timeout(PATIENCE, writing.join_all()).await.expect("nobody waits for ever");
    assert_eq!(ended, vec![Some(refused); producers.len()]);
    quiet.check(&mut client).await;
    assert_eq!(quiet.add(&mut client, VALUE_BYTES[2]).await, refused);
    assert_eq!(create(&mut client, "more").await, refused);
    assert_eq!(client.metadata().await.topics.len(), 3, "two, and that of committed offsets");
    assert_eq!(commit(&mut client, 2).await, ErrorCode::NotCoordinator.code());

    process.signal(Signal::KILL);
    process.wait();
    mount.again()?;
    let (_process, address) = serve(&mount);
    let mut client = Client::connect(address).await;
    quiet.check(&mut client).await;
    assert_eq!(quiet.add(&mut client, VALUE_BYTES[2]).await, 0);
    assert_eq!(create(&mut client, "more").await, 0);
    assert_eq!(commit(&mut client, 3).await, 0);
    let mut done = Done { disks: 1, acknowledged: quiet.values.len(), refused: quiet.refused };
    for producer in &producers {
        // While its journal is being aborted, ext4 now and then answers fdatasync with success and drops the transaction: a
        // loop of pwrite and fdatasync sees it too. So the last flush of each may be gone, and nothing before it.
        let there = producer.check(&mut client, producer.acknowledged() - IN_FLIGHT).await;
        assert!(there <= producer.acknowledged() + IN_FLIGHT);
        done.acknowledged += usize::try_from(there).expect("a number of records");
    }
    Ok(done)
}

/// Commits an offset, once its coordinator is loaded; answers the error.
async fn commit(client: &mut Client, offset: i64) -> i16 {
    let group = || StrBytes::from_static_str("reader");
    client.call(3, FindCoordinatorRequest::default().with_key(group())).await;
    let partition = oc::OffsetCommitRequestPartition::default().with_committed_offset(offset);
    let topic = oc::OffsetCommitRequestTopic::default()
        .with_name(topic_name("full"))
        .with_partitions(vec![partition]);
    let request = OffsetCommitRequest::default().with_group_id(GroupId(group())).with_topics(vec![topic]);
    let deadline = Instant::now() + PATIENCE;
    let mut tries = tokio::time::interval(LOOK);
    loop {
        tries.tick().await;
        let error = client.call(8, request.clone()).await.topics[0].partitions[0].error_code;
        if error != ErrorCode::CoordinatorLoadInProgress.code() || Instant::now() > deadline {
            return error;
        }
    }
}
