use std::io::IoSlice;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use gracchus_log::Fs;
use gracchus_log::fs::sim::SimDisk;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

use super::*;
use crate::responses::Charge;

/// A file of `len` bytes that differ.
fn file(fs: &Fs, len: usize) -> FileRange {
    let bytes: Vec<u8> = (0..len).map(|n| (n % 251) as u8).collect();
    let file = fs.create(Path::new("/f")).unwrap();
    file.write_at(&[IoSlice::new(&bytes)], 0).unwrap();
    FileRange { file, position: 0, len: len.try_into().unwrap(), left_out: 0 }
}

/// What a client gets of these parts.
async fn sent(parts: Vec<Part>) -> io::Result<Vec<u8>> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let mut client = TcpStream::connect(listener.local_addr()?).await?;
    let (mut server, _) = listener.accept().await?;
    let sending = async move {
        let charge = Charge::default();
        let patience = Patience::new(Duration::from_secs(60), &charge);
        let cold = ColdReads::new(Arc::default(), crate::Execution::Threads);
        send(&mut server, parts, patience, &cold).await
    };
    let mut got = Vec::new();
    let (sent, read) = tokio::join!(sending, client.read_to_end(&mut got));
    sent?;
    read?;
    Ok(got)
}

fn bytes(text: &'static str) -> Part {
    Part::Bytes(Bytes::from_static(text.as_bytes()))
}

#[tokio::test]
async fn parts_arrive_whole_and_in_order_whatever_their_size() {
    let dir = tempfile::tempdir().unwrap();
    let sizes = [1, 100, 16 * 1024, 16 * 1024 + 1, 70_000, 3_000_000];
    let all: Vec<u8> = (0..sizes[5]).map(|n| (n % 251) as u8).collect();
    std::fs::write(dir.path().join("f"), &all).unwrap();
    let on_disk = Fs::real().open(&dir.path().join("f")).unwrap();
    for front in sizes {
        for back in sizes {
            let range =
                |len: usize| FileRange { file: on_disk.clone(), position: 0, len: len as u32, left_out: 0 };
            let parts =
                vec![bytes("<"), Part::File(range(front)), bytes("|"), Part::File(range(back)), bytes(">")];
            let expected = [b"<", &all[..front], b"|", &all[..back], b">"].concat();
            assert!(sent(parts).await.unwrap() == expected, "{front} and {back} bytes");
        }
    }
}

#[tokio::test]
async fn what_only_the_disk_has_is_waited_for_on_another_thread() {
    let disk = SimDisk::new();
    let fs = Fs::new(disk.clone());
    let mut waits = 0;
    for len in [100, 100_000, 2_500_000] {
        let range = file(&fs, len);
        let parts = |range: &FileRange| vec![bytes("<"), Part::File(range.clone()), bytes(">")];
        let warm = sent(parts(&range)).await.unwrap();
        assert_eq!(disk.waits().len(), waits, "nobody waits for what is in memory");
        disk.evict(Path::new("/f"));
        assert!(sent(parts(&range)).await.unwrap() == warm, "{len} bytes");
        assert!(disk.waits().len() > waits, "{len} bytes");
        waits = disk.waits().len();
    }
    // The test's own thread is the only one that serves connections.
    assert!(!disk.waits().contains(&thread::current().id()));
}

#[tokio::test]
async fn a_file_that_is_shorter_than_its_range_ends_the_connection() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("f"), vec![0; 50_000]).unwrap();
    let file = Fs::real().open(&dir.path().join("f")).unwrap();
    for len in [50_001, 10_000_000] {
        let range = FileRange { file: file.clone(), position: 0, len, left_out: 0 };
        let error = sent(vec![Part::File(range)]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
    let small = FileRange { file, position: 49_999, len: 2, left_out: 0 };
    assert_eq!(sent(vec![Part::File(small)]).await.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
}
