use gracchus_base::metadata_record::MetadataRecord;
use gracchus_base::{LeaderEpoch, Offset};

use super::super::{Change, ImageError, ImageLoader};
use super::{id, partition, topic};

fn begin() -> MetadataRecord {
    MetadataRecord::BeginTransaction { name: None }
}

fn load(loader: &mut ImageLoader, first: i64, records: &[MetadataRecord]) -> Result<(), ImageError> {
    for (offset, record) in (first..).zip(records) {
        loader.apply(Offset(offset), LeaderEpoch(3), record.clone())?;
    }
    Ok(())
}

#[test]
fn a_transaction_shows_at_its_end_and_not_before() {
    let mut loader = ImageLoader::default();
    load(&mut loader, 0, &[begin(), topic("a", 1), partition(1, 0, &[1])]).unwrap();
    assert!(loader.in_transaction());
    assert_eq!(loader.image().topic_count(), 0);
    assert_eq!(loader.image().applied(), (Offset(-1), LeaderEpoch(-1)));
    load(&mut loader, 3, &[MetadataRecord::EndTransaction]).unwrap();
    assert_eq!(loader.image().topic("a").map(|t| t.partition_count()), Some(1));
    assert_eq!(loader.image().applied(), (Offset(3), LeaderEpoch(3)));
    assert_eq!(loader.take_changes().first(), Some(&Change::TopicCreated(id(1))));
    assert!(loader.take_changes().is_empty());
}

#[test]
fn an_aborted_transaction_leaves_nothing() {
    let mut loader = ImageLoader::default();
    let abort = MetadataRecord::AbortTransaction { reason: None };
    load(&mut loader, 0, &[begin(), topic("a", 1), abort, topic("b", 2)]).unwrap();
    assert!(loader.image().topic("a").is_none() && loader.image().topic("b").is_some());
    assert_eq!(loader.take_changes(), [Change::TopicCreated(id(2))]);
    assert_eq!(loader.image().applied().0, Offset(3));
}

#[test]
fn a_transaction_with_a_record_that_does_not_fit_changes_nothing() {
    let mut loader = ImageLoader::default();
    let records = [begin(), topic("a", 1), partition(1, 1, &[1]), MetadataRecord::EndTransaction];
    assert!(matches!(load(&mut loader, 0, &records), Err(ImageError::PartitionGap { .. })));
    assert_eq!(loader.image().topic_count(), 0);
    assert!(loader.take_changes().is_empty());
}

#[test]
fn transactions_out_of_turn_are_refused() {
    let abort = MetadataRecord::AbortTransaction { reason: None };
    for records in [&[begin(), begin()][..], &[MetadataRecord::EndTransaction], &[abort]] {
        let result = load(&mut ImageLoader::default(), 0, records);
        assert_eq!(result, Err(ImageError::TransactionOutOfTurn), "{records:?}");
    }
}
