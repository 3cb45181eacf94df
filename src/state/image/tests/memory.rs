//! Counts the bytes of the heap that belong to an image, as glibc's allocator rounds them.

use counting_allocator::{Counting, held_by};
use gracchus_base::metadata_record::MetadataRecord;

use super::super::{MetadataImage, Partition};
use super::{partition, topic};

#[global_allocator]
static COUNTING: Counting = Counting;

/// Heap bytes of an image with `topics` topics of `partitions` partitions, all of them on one broker.
fn heap_bytes(topics: u32, partitions: i32) -> usize {
    // Ids as random as real ones: their order decides how full the nodes of the map are.
    let spread = |n: u32| n.wrapping_mul(0x9e37_79b9);
    let (bytes, image) = held_by(|| {
        let mut image = MetadataImage::default();
        let mut apply = |record: MetadataRecord| image.apply(&record, &mut Vec::new()).unwrap();
        for n in 0..topics {
            apply(topic(&format!("some-topic-name-{n:05}"), spread(n)));
            (0..partitions).for_each(|index| apply(partition(spread(n), index, &[1])));
        }
        image
    });
    assert_eq!(image.partition_count(), topics as usize * partitions as usize);
    bytes
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
