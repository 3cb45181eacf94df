//! The controller: the one thread that changes metadata.
//!
//! A change is a pure decision over the image, made here in order; its records are committed by the quorum, and only
//! then does the new image become visible. Everything that waits is committed together. What must not be here: the
//! decisions, which are `state::controller`, and what the broker does with a new image, which is `metadata`.

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::thread;

use gracchus_base::limits::PRODUCER_ID_BLOCK;
use gracchus_base::metadata_record::MetadataRecord;
use gracchus_base::{BrokerId, ErrorCode};
use gracchus_state::controller;
use gracchus_state::image::MetadataImage;
use tokio::sync::{mpsc, oneshot};

use crate::metadata::Publisher;
use crate::quorum::Quorum;

/// Changes that wait for the controller; more callers wait for room.
const QUEUE_MAX: usize = 1024;

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
    /// Starts the thread. It ends when all handles are gone.
    pub fn spawn(broker: BrokerId, quorum: Quorum, publisher: Publisher) -> io::Result<Self> {
        let (queue, receiver) = mpsc::channel(QUEUE_MAX);
        let mut driver = Driver { quorum, publisher };
        thread::Builder::new().name("controller".into()).spawn(move || driver.run(receiver))?;
        Ok(Self { queue, broker })
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
    pub async fn allocate_producer_ids(&self) -> Result<Range<i64>, ErrorCode> {
        let broker = self.broker;
        self.change(move |image| {
            let (record, block) = controller::allocate_producer_ids(image, broker, PRODUCER_ID_BLOCK);
            (vec![record], block)
        })
        .await
    }
}

/// The thread's state.
struct Driver {
    quorum: Quorum,
    publisher: Publisher,
}

impl Driver {
    fn run(&mut self, mut receiver: mpsc::Receiver<Change>) {
        let mut changes = Vec::new();
        while receiver.blocking_recv_many(&mut changes, QUEUE_MAX) > 0 {
            self.commit(&mut changes);
        }
        self.quorum.close();
    }

    /// Decides everything that waits, each change on the outcome of those before it, and commits it in one flush.
    fn commit(&mut self, changes: &mut Vec<Change>) {
        let mut image = MetadataImage::clone(&self.publisher.image());
        let (mut batches, mut waiting) = (Vec::new(), Vec::new());
        for change in changes.drain(..) {
            let Decided { records, done } = change(&image);
            for record in &records {
                image.apply(record);
            }
            if !records.is_empty() {
                batches.push(records);
            }
            waiting.push(done);
        }
        let committed = if batches.is_empty() { Ok(()) } else { self.append(&batches, image) };
        for done in waiting {
            done(committed);
        }
    }

    fn append(&mut self, batches: &[Vec<MetadataRecord>], image: MetadataImage) -> Result<(), ErrorCode> {
        match self.quorum.append(batches) {
            Ok(()) => {
                self.publisher.publish(Arc::new(image), batches);
                Ok(())
            }
            Err(error) => {
                tracing::error!(%error, "metadata was not committed");
                Err(ErrorCode::KafkaStorageError)
            }
        }
    }
}
