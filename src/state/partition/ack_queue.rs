//! Who waits until the high watermark has passed their batch.

use std::collections::VecDeque;

use gracchus_base::Offset;

/// Answers that wait for an offset, smallest offset first; equal ones in the order in which they came.
///
/// Its length is bounded by the Produce requests in progress (`limits::CONNECTION_PRODUCES_MAX` per connection).
#[derive(Clone, Debug)]
pub struct AckQueue<T> {
    waiting: VecDeque<(Offset, T)>,
}

impl<T> Default for AckQueue<T> {
    fn default() -> Self {
        Self { waiting: VecDeque::new() }
    }
}

impl<T> AckQueue<T> {
    /// `answer` waits until the high watermark is at `offset` or beyond it. Appends come in the order of their offsets
    /// and go to the end at once; only a duplicate of an older batch is sorted in.
    pub fn push(&mut self, offset: Offset, answer: T) {
        match self.waiting.back() {
            Some((last, _)) if *last > offset => {
                let at = self.waiting.partition_point(|(other, _)| *other <= offset);
                self.waiting.insert(at, (offset, answer));
            }
            _ => self.waiting.push_back((offset, answer)),
        }
    }

    /// Takes out all that waited for `high_watermark` or less, in order.
    pub fn release(&mut self, high_watermark: Offset) -> impl Iterator<Item = T> {
        let released = self.waiting.partition_point(|(offset, _)| *offset <= high_watermark);
        self.waiting.drain(..released).map(|(_, answer)| answer)
    }

    /// Takes out all: the log went offline, or another broker leads.
    pub fn fail_all(&mut self) -> impl Iterator<Item = T> {
        self.waiting.drain(..).map(|(_, answer)| answer)
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Gives spare memory back, for a partition that falls idle.
    pub fn shrink(&mut self) {
        self.waiting.shrink_to_fit();
    }
}
