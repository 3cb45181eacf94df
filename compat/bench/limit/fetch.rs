//! Answers to Fetch requests: `sendfile` from the page cache.

use std::io::{self, Write};
use std::net::TcpStream;
use std::ops::Range;
use std::sync::Arc;

use rustix::net::SendFlags;

use super::frame::Fetch;
use super::store::{Partition, Store};

/// Sends the answer; data that is not there is an empty answer, at once.
pub fn answer(stream: &TcpStream, store: &Store, request: &Fetch<'_>) -> io::Result<()> {
    let mut parts = Vec::new();
    let mut total = 0;
    for (index, offset, bytes) in &request.partitions {
        let partition = store.partition(request.topic, *index)?;
        let range = partition.range(*offset, u64::try_from(*bytes).unwrap_or(0));
        let head = partition_head(*index, range.end - range.start);
        total += head.len() as u64 + range.end - range.start + 1;
        parts.push((head, partition, range));
    }
    let mut out = answer_head(request);
    // Behind the partitions: no tagged fields of the topic and the answer.
    let length = out.len() as u64 + total + 2;
    let mut head = (length as u32).to_be_bytes().to_vec();
    head.append(&mut out);
    for (partition_head, partition, range) in parts {
        head.extend_from_slice(&partition_head);
        send(stream, &head, true)?;
        send_file(stream, &partition, range)?;
        // No tagged fields of the partition.
        head = vec![0];
    }
    head.extend_from_slice(&[0, 0]);
    send(stream, &head, false)
}

fn answer_head(request: &Fetch<'_>) -> Vec<u8> {
    let mut out = request.correlation_id.to_be_bytes().to_vec();
    // No tagged fields, throttle time, error code, session id; one topic.
    out.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
    out.push(request.topic.len() as u8 + 1);
    out.extend_from_slice(request.topic);
    out.extend(varint(request.partitions.len() as u64 + 1));
    out
}

fn partition_head(index: i32, bytes: u64) -> Vec<u8> {
    let mut head = index.to_be_bytes().to_vec();
    // Error code, high watermark, last stable offset, log start offset.
    head.extend_from_slice(&[0; 2 + 3 * 8]);
    // No aborted transactions, no preferred replica.
    head.push(1);
    head.extend_from_slice(&(-1i32).to_be_bytes());
    head.extend(varint(bytes + 1));
    head
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value > 0x7f {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

fn send(mut stream: &TcpStream, bytes: &[u8], more: bool) -> io::Result<()> {
    let flags = if more { SendFlags::MORE } else { SendFlags::empty() };
    let sent = rustix::net::send(stream, bytes, flags)?;
    stream.write_all(&bytes[sent..])
}

fn send_file(stream: &TcpStream, partition: &Arc<Partition>, range: Range<u64>) -> io::Result<()> {
    let mut at = range.start;
    while at < range.end {
        let left = (range.end - at) as usize;
        if rustix::fs::sendfile(stream, &partition.file, Some(&mut at), left)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(())
}
