//! Flushes go before megabytes of old records: a producer waits for every flush, and a disk that is asked for both at
//! once serves them in turn.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::timeout;

/// How long a read lets flushes pass at most: where there is always one under way, it gets its turn all the same.
const PASSING_MAX: Duration = Duration::from_millis(2);

/// Knows of the flushes under way.
#[derive(Debug, Default)]
pub struct FlushesFirst {
    under_way: AtomicUsize,
    none_left: Notify,
}

/// A flush under way, until it is dropped.
#[derive(Debug)]
pub struct FlushUnderWay<'a>(&'a FlushesFirst);

impl FlushesFirst {
    /// A flush begins.
    pub fn begin(&self) -> FlushUnderWay<'_> {
        self.under_way.fetch_add(1, Ordering::AcqRel);
        FlushUnderWay(self)
    }

    /// Waits until no flush is under way, 2 ms at most.
    pub async fn let_pass(&self) {
        let none_left = self.none_left.notified();
        if self.under_way.load(Ordering::Acquire) > 0 {
            // Late or not, it is the reader's turn now.
            let _late = timeout(PASSING_MAX, none_left).await.is_err();
        }
    }
}

impl Drop for FlushUnderWay<'_> {
    fn drop(&mut self) {
        if self.0.under_way.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.none_left.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Poll;

    use tokio::time::Instant;

    use super::*;

    #[tokio::test]
    async fn a_read_waits_for_the_last_of_the_flushes_under_way() {
        let flushes = FlushesFirst::default();
        flushes.let_pass().await;
        let (one, other) = (flushes.begin(), flushes.begin());
        let mut passing = std::pin::pin!(flushes.let_pass());
        assert_eq!(polled(passing.as_mut()).await, Poll::Pending);
        drop(one);
        assert_eq!(polled(passing.as_mut()).await, Poll::Pending);
        drop(other);
        assert_eq!(polled(passing.as_mut()).await, Poll::Ready(()));
    }

    #[tokio::test]
    async fn flushes_that_never_end_hold_a_read_up_for_two_milliseconds() {
        let flushes = FlushesFirst::default();
        let _flush = flushes.begin();
        let began = Instant::now();
        flushes.let_pass().await;
        assert!(began.elapsed() >= PASSING_MAX);
    }

    /// Polls once.
    async fn polled(mut future: std::pin::Pin<&mut impl Future<Output = ()>>) -> Poll<()> {
        std::future::poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await
    }
}
