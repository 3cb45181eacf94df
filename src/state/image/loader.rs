//! From the records of the metadata log, in order, to images: holds back what stands in a transaction (KIP-868).

use gracchus_base::metadata_record::MetadataRecord;
use gracchus_base::{LeaderEpoch, Offset};

use super::{Change, ImageError, MetadataImage};

/// Applies records in the order of their offsets. Its image never shows a part of a transaction.
#[derive(Clone, Debug, Default)]
pub struct ImageLoader {
    image: MetadataImage,
    changes: Vec<Change>,
    /// The records of the transaction that is open.
    held_back: Option<Vec<MetadataRecord>>,
}

impl ImageLoader {
    /// Goes on from an image.
    pub const fn new(image: MetadataImage) -> Self {
        Self { image, changes: Vec::new(), held_back: None }
    }

    /// The image after all records outside of open transactions.
    pub const fn image(&self) -> &MetadataImage {
        &self.image
    }

    /// What changed in the image since this was last asked, in order.
    pub fn take_changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    /// Whether a transaction is open. At the end of the log it means that its writer died: the new one aborts it.
    pub const fn in_transaction(&self) -> bool {
        self.held_back.is_some()
    }

    /// Takes the next record.
    ///
    /// # Errors
    /// When the record, or at the end of a transaction one of its records, does not fit. The image stays as it was, and
    /// the log must not be read further.
    pub fn apply(
        &mut self,
        offset: Offset,
        epoch: LeaderEpoch,
        record: MetadataRecord,
    ) -> Result<(), ImageError> {
        match record {
            MetadataRecord::BeginTransaction { .. } if self.held_back.is_none() => {
                self.held_back = Some(Vec::new());
            }
            MetadataRecord::EndTransaction => {
                let records = self.held_back.take().ok_or(ImageError::TransactionOutOfTurn)?;
                self.apply_all(&records)?;
            }
            MetadataRecord::AbortTransaction { .. } => {
                self.held_back.take().ok_or(ImageError::TransactionOutOfTurn)?;
            }
            record => match &mut self.held_back {
                Some(_) if matches!(record, MetadataRecord::BeginTransaction { .. }) => {
                    return Err(ImageError::TransactionOutOfTurn);
                }
                Some(records) => records.push(record),
                None => self.image.apply(&record, &mut self.changes)?,
            },
        }
        if self.held_back.is_none() {
            self.image.applied = (offset, epoch);
        }
        Ok(())
    }

    /// All or nothing: works on a clone, which shares what does not change.
    fn apply_all(&mut self, records: &[MetadataRecord]) -> Result<(), ImageError> {
        let mut image = self.image.clone();
        let mut changes = Vec::new();
        for record in records {
            image.apply(record, &mut changes)?;
        }
        self.image = image;
        self.changes.append(&mut changes);
        Ok(())
    }
}
