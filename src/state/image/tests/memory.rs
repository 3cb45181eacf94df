//! Counts the bytes of the heap that belong to an image, as glibc's allocator rounds them.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use gracchus_base::metadata_record::MetadataRecord;

use super::super::{MetadataImage, Partition};
use super::{partition, topic};

thread_local! {
    /// Per thread, so that tests beside this one do not count.
    static LIVE: Cell<isize> = const { Cell::new(0) };
}

struct Counting;

/// glibc adds 8 bytes, rounds up to 16, and gives 32 at least.
fn rounded(layout: Layout) -> isize {
    ((layout.size() + 8).next_multiple_of(16)).max(32) as isize
}

// SAFETY: every call goes to the system's allocator as it came; counting does not allocate.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.set(LIVE.get() + rounded(layout));
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        LIVE.set(LIVE.get() - rounded(layout));
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Heap bytes of an image with `topics` topics of `partitions` partitions, all of them on one broker.
fn heap_bytes(topics: u32, partitions: i32) -> usize {
    // Ids as random as real ones: their order decides how full the nodes of the map are.
    let spread = |n: u32| n.wrapping_mul(0x9e37_79b9);
    let before = LIVE.get();
    let mut image = MetadataImage::default();
    let mut apply = |record: MetadataRecord| image.apply(&record, &mut Vec::new()).unwrap();
    for n in 0..topics {
        apply(topic(&format!("some-topic-name-{n:05}"), spread(n)));
        (0..partitions).for_each(|index| apply(partition(spread(n), index, &[1])));
    }
    assert_eq!(image.partition_count(), topics as usize * partitions as usize);
    usize::try_from(LIVE.get() - before).unwrap()
}

#[test]
fn a_partition_with_one_replica_costs_under_100_bytes() {
    let per_partition = heap_bytes(1, 10_000) / 10_000;
    assert!(per_partition <= 100, "{per_partition}");
    assert!(size_of::<Partition>() <= 56, "{}", size_of::<Partition>());
}

#[test]
fn a_topic_with_one_partition_costs_under_600_bytes() {
    let per_topic = heap_bytes(10_000, 1) / 10_000;
    assert!(per_topic <= 600, "{per_topic}");
    println!("{per_topic} bytes per topic of one partition");
}
