//! How long a client may take nothing of what it is sent.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::frame_reader::STALL_MAX;
use crate::admission::FREE_BYTES;
use crate::responses::Charge;

/// How often it is looked whether others want the memory of an answer that stands still.
const LOOK: Duration = Duration::from_secs(5);

/// Of one answer.
#[derive(Debug)]
pub struct Patience<'a> {
    /// `connections.max.idle.ms`
    idle_max: Duration,
    stall_max: Duration,
    look: Duration,
    charge: &'a Charge,
    /// When the last [`FREE_BYTES`] of an answer that counts were taken: less is no progress while others want its memory.
    progress: Option<Instant>,
    taken: usize,
}

impl<'a> Patience<'a> {
    /// For an answer that takes the memory of `charge`.
    pub fn new(idle_max: Duration, charge: &'a Charge) -> Self {
        let progress = charge.counts().then(Instant::now);
        Self { idle_max, stall_max: STALL_MAX, look: LOOK, charge, progress, taken: 0 }
    }

    /// Waits for a write.
    ///
    /// # Errors
    /// The write's, or `TimedOut`: nothing was taken for the whole time, or too little while others wait for memory.
    pub async fn within<T>(&self, write: impl Future<Output = io::Result<T>>) -> io::Result<T> {
        let Some(progress) = self.progress else {
            return timeout(self.idle_max, write)
                .await
                .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        };
        let began = Instant::now();
        let mut write = pin!(write);
        while began.elapsed() < self.idle_max {
            if progress.elapsed() >= self.stall_max && self.charge.is_wanted() {
                return Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    "others want the memory of an unread answer",
                ));
            }
            if let Ok(written) = timeout(self.look.min(self.idle_max), &mut write).await {
                return written;
            }
        }
        Err(io::ErrorKind::TimedOut.into())
    }

    /// The client has taken so many bytes.
    pub fn taken(&mut self, bytes: usize) {
        let Some(progress) = &mut self.progress else { return };
        self.taken += bytes;
        if self.taken >= FREE_BYTES {
            (*progress, self.taken) = (Instant::now(), 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;
    use crate::responses::ResponseBudget;

    const MIB: usize = 1024 * 1024;
    const SHORT: Duration = Duration::from_millis(20);

    fn patience(charge: &Charge) -> Patience<'_> {
        Patience { stall_max: SHORT, look: SHORT / 4, ..Patience::new(Duration::from_secs(3600), charge) }
    }

    #[tokio::test]
    async fn an_unread_answer_may_stand_still_until_others_want_its_memory() {
        let budget = ResponseBudget::new(MIB, 1);
        let charge = budget.charge(MIB).unwrap();
        let patience = patience(&charge);
        let mut writing = Box::pin(patience.within(pending::<io::Result<()>>()));
        assert!(timeout(SHORT * 5, &mut writing).await.is_err(), "nobody else needs it");
        let other = budget.make(0, |bytes| *bytes, || ready(MIB));
        tokio::select! {
            written = &mut writing => assert_eq!(written.unwrap_err().kind(), io::ErrorKind::TimedOut),
            _ = other => panic!("there is no room"),
        }
    }

    #[tokio::test]
    async fn a_client_that_takes_a_byte_at_a_time_makes_no_progress_and_one_that_takes_more_does() {
        let budget = ResponseBudget::new(MIB, 1);
        let (charge, _over) = (budget.charge(MIB).unwrap(), budget.charge(MIB).unwrap());
        let (mut slow, mut fast) = (patience(&charge), patience(&charge));
        let byte = || async {
            tokio::task::yield_now().await;
            Ok(1)
        };
        let slow_ends = async {
            while let Ok(bytes) = slow.within(byte()).await {
                slow.taken(bytes);
            }
        };
        timeout(Duration::from_secs(20), slow_ends).await.expect("it is ended though each write has gone on");
        let began = Instant::now();
        while began.elapsed() < SHORT * 3 {
            fast.taken(FREE_BYTES);
            fast.within(ready(Ok(()))).await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_small_answer_waits_as_long_as_the_connection_may_be_idle() {
        let charge = Charge::default();
        let patience = Patience { stall_max: Duration::ZERO, ..Patience::new(SHORT, &charge) };
        let error = patience.within(pending::<io::Result<()>>()).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
