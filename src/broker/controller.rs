//! The controller: the one thread that changes metadata.
//!
//! A change is a pure decision over the image, made here in order; its records are committed by the quorum, and only
//! then does the new image become visible. Everything that waits is committed together. What must not be here: the
//! decisions, which are `state::controller`, and what the broker does with a new image, which is `metadata`.

use std::ops::RangeInclusive;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::{io, mem};

use gracchus_base::metadata_record::MetadataRecord;
use gracchus_base::{BrokerId, ErrorCode};
use gracchus_state::controller;
use gracchus_state::image::{ImageError, ImageLoader, MetadataImage};
use tokio::sync::{mpsc, oneshot};

use crate::execution::{Execution, Running};
use crate::metadata::Publisher;
use crate::quorum::Quorum;

/// Changes that wait for the controller; more callers wait for room.
const QUEUE_MAX: usize = 1024;

/// The stack of the controller's thread.
const STACK_BYTES: usize = 2 * 1024 * 1024;

/// The way to the controller.
#[derive(Clone, Debug)]
pub struct Controller {
    queue: mpsc::Sender<Change>,
    broker: BrokerId,
}

/// Decides on the image as it is when the change's turn comes: the records to commit, and whom to tell.
type Change = Box<dyn FnOnce(&MetadataImage) -> Decided + Send>;

/// A decision with the end that waits for its commit.
struct Decided {
    records: Vec<MetadataRecord>,
    done: Box<dyn FnOnce(Result<(), ErrorCode>) + Send>,
}

impl Controller {
    /// Starts the thread. It ends, and closes the metadata log, when all handles are gone.
    pub fn spawn(
        broker: BrokerId,
        quorum: Quorum,
        publisher: Publisher,
        execution: Execution,
    ) -> io::Result<(Self, Running)> {
        let (queue, receiver) = mpsc::channel(QUEUE_MAX);
        let driver = Driver { quorum, publisher, is_failing: false };
        let running = execution.clone().start("controller", STACK_BYTES, driver.run(receiver, execution))?;
        Ok((Self { queue, broker }, running))
    }

    /// Runs `decide` in its turn and waits until its records are committed and applied.
    pub async fn change<T: Send + 'static>(
        &self,
        decide: impl FnOnce(&MetadataImage) -> (Vec<MetadataRecord>, T) + Send + 'static,
    ) -> Result<T, ErrorCode> {
        let (sender, receiver) = oneshot::channel();
        let change: Change = Box::new(move |image| {
            let (records, result) = decide(image);
            let done = Box::new(move |committed: Result<(), ErrorCode>| {
                // The caller may have gone away; the change stands all the same.
                drop(sender.send(committed.map(|()| result)));
            });
            Decided { records, done }
        });
        self.queue.send(change).await.map_err(|_| ErrorCode::NotController)?;
        receiver.await.unwrap_or(Err(ErrorCode::NotController))
    }

    /// A block of producer ids that nobody else will get.
    pub async fn allocate_producer_ids(&self) -> Result<RangeInclusive<i64>, ErrorCode> {
        let broker = self.broker;
        let block = self.change(move |image| {
            let epoch = image.broker(broker).map_or(-1, |broker| broker.broker_epoch);
            match controller::allocate_producer_ids(image, broker, epoch) {
                Ok(block) => (vec![block.record], Ok(block.first.0..=block.last.0)),
                Err(error) => {
                    tracing::error!(%error, "no producer ids are left");
                    (Vec::new(), Err(ErrorCode::UnknownServerError))
                }
            }
        });
        block.await?
    }
}

/// The thread's state.
struct Driver {
    quorum: Quorum,
    publisher: Publisher,
    /// The last change was not committed. Logged when that changes, and not for every client that tries again.
    is_failing: bool,
}

impl Driver {
    async fn run(mut self, mut receiver: mpsc::Receiver<Change>, execution: Execution) {
        let mut changes = Vec::new();
        while receiver.recv_many(&mut changes, QUEUE_MAX).await > 0 {
            execution.step().await;
            self.commit(&mut changes);
        }
        if let Err(error) = self.quorum.close() {
            tracing::error!(%error, "the metadata log was not closed");
        }
    }

    /// Decides everything that waits, each change on the outcome of those before it, and commits it in one flush.
    fn commit(&mut self, changes: &mut Vec<Change>) {
        let mut loader = ImageLoader::new(MetadataImage::clone(&self.publisher.image()));
        let (mut records, mut waiting) = (Vec::new(), Vec::new());
        for change in changes.drain(..) {
            // A decision that panics is a mistake of ours; its caller hears of it, since the change is dropped.
            let Ok(decided) = catch_unwind(AssertUnwindSafe(|| change(loader.image()))) else {
                tracing::error!("a change of metadata panicked");
                continue;
            };
            match self.apply(&loader, records.len(), &decided.records) {
                Ok(next) => {
                    loader = next;
                    records.extend(decided.records);
                    waiting.push(decided.done);
                }
                Err(error) => {
                    // A decision that does not fit its own image is a mistake of ours; nothing of it is committed.
                    tracing::error!(%error, "a change of metadata was refused");
                    (decided.done)(Err(ErrorCode::UnknownServerError));
                }
            }
        }
        let committed = if records.is_empty() { Ok(()) } else { self.append(&records, loader) };
        for done in waiting {
            done(committed);
        }
    }

    /// The image after a change, which is not committed yet; `before` records of others come before it.
    fn apply(
        &self,
        loader: &ImageLoader,
        before: usize,
        records: &[MetadataRecord],
    ) -> Result<ImageLoader, ImageError> {
        let mut next = loader.clone();
        let first = self.quorum.next_offset().plus(i64::try_from(before).unwrap_or(i64::MAX));
        for (at, record) in (0..).zip(records) {
            next.apply(first.plus(at), self.quorum.epoch(), record.clone())?;
        }
        Ok(next)
    }

    fn append(&mut self, records: &[MetadataRecord], mut loader: ImageLoader) -> Result<(), ErrorCode> {
        match self.quorum.append(records) {
            Ok(()) => {
                if mem::take(&mut self.is_failing) {
                    tracing::info!("metadata is committed again");
                }
                let changes = loader.take_changes();
                self.publisher.publish(Arc::new(loader.image().clone()), &changes);
                Ok(())
            }
            Err(error) => {
                if !mem::replace(&mut self.is_failing, true) {
                    tracing::error!(%error, "metadata was not committed");
                }
                Err(ErrorCode::KafkaStorageError)
            }
        }
    }
}
