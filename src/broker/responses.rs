//! The memory that answers may take together until their clients have read them (`queued.max.response.bytes`).
//!
//! How large an answer is nobody knows before it is made. Requests that only tell what is there ([`Api::tells`]) therefore
//! run once there is room for what such an answer took lately; if theirs turns out to be larger and there is no room for
//! it, it is thrown away and made again when there is. What changes something cannot be done twice: its answer, in
//! proportion to its request, is charged when it is there, to as much again, and beyond that its connection is closed.
//!
//! Small answers are not counted: they fit what a connection may hold anyway. So heartbeats, commits and acknowledgements
//! go on while others wait. Nobody waits with an answer in hand, so that whoever holds room can always send.
//!
//! [`Api::tells`]: crate::api::Api::tells

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::admission::FREE_BYTES;
use crate::memory::Usage;

/// What an answer is taken to need before one was made.
const EXPECTED_BYTES: usize = 64 * 1024;

/// Answers that are made at a time without room for them, to see whether they are small.
const TRIES: usize = 8;

/// The budget, shared by all connections.
#[derive(Clone, Debug)]
pub struct ResponseBudget(Arc<Budget>);

#[derive(Debug)]
struct Budget {
    bytes: Arc<Semaphore>,
    capacity: usize,
    tries: Semaphore,
    /// Bytes of answers that were charged although there was no room.
    over: AtomicUsize,
    /// Requests that wait for room.
    waiting: AtomicUsize,
    /// What an answer needs, by its API: the most of late.
    expected: Vec<AtomicUsize>,
    hits: AtomicU64,
}

/// Room for an answer that is not made yet.
#[derive(Debug)]
pub struct Room {
    /// `None`: a small one is expected, or it is a try.
    permit: Option<OwnedSemaphorePermit>,
}

/// The memory of one answer; given back when dropped.
#[derive(Debug, Default)]
pub struct Charge {
    budget: Option<ResponseBudget>,
    permit: Option<OwnedSemaphorePermit>,
    over: usize,
}

/// There is no room for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no room for an answer of {bytes} bytes")]
pub struct NoRoom {
    pub bytes: usize,
}

impl ResponseBudget {
    /// A budget of `capacity` bytes, for so many APIs.
    pub fn new(capacity: usize, apis: usize) -> Self {
        let capacity = capacity.clamp(FREE_BYTES, u32::MAX as usize);
        Self(Arc::new(Budget {
            bytes: Arc::new(Semaphore::new(capacity)),
            capacity,
            tries: Semaphore::new(TRIES),
            over: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            expected: (0..apis).map(|_| AtomicUsize::new(EXPECTED_BYTES)).collect(),
            hits: AtomicU64::new(0),
        }))
    }

    /// What is held now, and how often there was no room.
    pub fn usage(&self) -> Usage {
        let Budget { bytes, capacity, over, hits, .. } = &*self.0;
        let held = capacity - bytes.available_permits() + over.load(Ordering::Relaxed);
        Usage { held: held as u64, max: *capacity as u64, hits: hits.load(Ordering::Relaxed) }
    }

    /// Makes an answer with `make` and charges it, as it says its size; `api` is its place among the APIs. Waits as long
    /// as there is no room. Safe to cancel as far as `make` is, which may run more than once.
    pub async fn make<T, F: Future<Output = T>>(
        &self,
        api: usize,
        size: impl Fn(&T) -> usize,
        make: impl Fn() -> F,
    ) -> (T, Charge) {
        let mut room = self.expect(api);
        loop {
            // Without room one may still see whether the answer is small, with few others at a time.
            let turn = match &room {
                Some(_) => None,
                None => {
                    let _waits = Waits::new(&self.0);
                    // The semaphore is never closed.
                    self.0.tries.acquire().await.ok()
                }
            };
            let made = make().await;
            let bytes = size(&made);
            match self.fit(room.take(), api, bytes) {
                Ok(charge) => return (made, charge),
                Err(NoRoom { bytes }) => {
                    drop((made, turn));
                    room = Some(self.wait_for(bytes).await);
                }
            }
        }
    }

    /// Charges an answer that is there, above the bound if it must be.
    ///
    /// # Errors
    /// As much again is charged above it.
    pub fn charge(&self, bytes: usize) -> Result<Charge, NoRoom> {
        if bytes <= FREE_BYTES {
            return Ok(Charge::default());
        }
        if let Some(permit) = self.try_acquire(bytes) {
            return Ok(self.charged(Some(permit), 0));
        }
        self.hit();
        // One may be larger than all that is allowed.
        let more = |over: usize| Some(over + bytes).filter(|sum| over == 0 || *sum <= self.0.capacity);
        match self.0.over.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more) {
            Ok(_) => Ok(self.charged(None, bytes)),
            Err(_) => Err(NoRoom { bytes }),
        }
    }

    /// Room for what the answer is expected to need; `None` if there is none.
    fn expect(&self, api: usize) -> Option<Room> {
        let expected = self.0.expected.get(api).map_or(EXPECTED_BYTES, |bytes| bytes.load(Ordering::Relaxed));
        if expected <= FREE_BYTES {
            return Some(Room { permit: None });
        }
        let permit = self.try_acquire(expected);
        if permit.is_none() {
            self.hit();
        }
        permit.map(|permit| Room { permit: Some(permit) })
    }

    /// Turns room into what an answer of that size is charged.
    fn fit(&self, room: Option<Room>, api: usize, bytes: usize) -> Result<Charge, NoRoom> {
        self.learn(api, bytes);
        if bytes <= FREE_BYTES {
            return Ok(Charge::default());
        }
        let mut permit = room.and_then(|room| room.permit);
        let reserved = permit.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let needed = bytes.min(self.0.capacity);
        match needed.checked_sub(reserved) {
            None => drop(permit.as_mut().and_then(|permit| permit.split(reserved - needed))),
            Some(0) => {}
            Some(more) => match (self.try_acquire(more), &mut permit) {
                (Some(more), Some(permit)) => permit.merge(more),
                (Some(more), permit) => *permit = Some(more),
                (None, _) => {
                    self.hit();
                    return Err(NoRoom { bytes });
                }
            },
        }
        Ok(self.charged(permit, 0))
    }

    /// Waits for room for an answer that has turned out to be that large, and a little more: what it tells may grow.
    async fn wait_for(&self, bytes: usize) -> Room {
        let _waits = Waits::new(&self.0);
        let wanted = (bytes + bytes / 8).min(self.0.capacity);
        let permit = self.0.bytes.clone().acquire_many_owned(u32::try_from(wanted).unwrap_or(u32::MAX));
        // The semaphore is never closed; without a permit the answer would find that there is no room again.
        Room { permit: permit.await.ok() }
    }

    fn learn(&self, api: usize, bytes: usize) {
        let Some(expected) = self.0.expected.get(api) else { return };
        let old = expected.load(Ordering::Relaxed);
        if bytes != old {
            expected.store(bytes.max(old - old.saturating_sub(bytes).div_ceil(8)), Ordering::Relaxed);
        }
    }

    fn try_acquire(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let bytes = u32::try_from(bytes.min(self.0.capacity)).unwrap_or(u32::MAX);
        self.0.bytes.clone().try_acquire_many_owned(bytes).ok()
    }

    fn charged(&self, permit: Option<OwnedSemaphorePermit>, over: usize) -> Charge {
        Charge { budget: Some(self.clone()), permit, over }
    }

    fn hit(&self) {
        self.0.hits.fetch_add(1, Ordering::Relaxed);
    }
}

impl Charge {
    /// Whether it is of an answer that counts, and so of one whose client must take it.
    pub const fn counts(&self) -> bool {
        self.budget.is_some()
    }

    /// Whether others want the room that it takes.
    pub fn is_wanted(&self) -> bool {
        self.budget.as_ref().is_some_and(|ResponseBudget(budget)| {
            budget.waiting.load(Ordering::Relaxed) > 0 || budget.over.load(Ordering::Relaxed) > 0
        })
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        drop(self.permit.take());
        if let Some(ResponseBudget(budget)) = self.budget.as_ref().filter(|_| self.over > 0) {
            budget.over.fetch_sub(self.over, Ordering::Relaxed);
        }
    }
}

/// One who waits, while it lives.
struct Waits<'a>(&'a AtomicUsize);

impl<'a> Waits<'a> {
    fn new(budget: &'a Budget) -> Self {
        budget.waiting.fetch_add(1, Ordering::Relaxed);
        Self(&budget.waiting)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::ready;

    use super::*;

    const MIB: usize = 1024 * 1024;

    /// An answer of that many bytes, made at once if there is room.
    async fn made(budget: &ResponseBudget, bytes: usize) -> Option<Charge> {
        at_once(async { budget.make(0, |bytes| *bytes, || ready(bytes)).await.1 }).await
    }

    async fn at_once<T>(work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            done = work => Some(done),
            () = ready(()) => None,
        }
    }

    #[tokio::test]
    async fn what_is_held_is_bounded_counted_and_comes_back() {
        let budget = ResponseBudget::new(2 * MIB, 1);
        let (a, b) = (made(&budget, MIB).await.unwrap(), made(&budget, MIB).await.unwrap());
        assert_eq!(budget.usage(), Usage { held: 2 * MIB as u64, max: 2 * MIB as u64, hits: 0 });
        assert!(made(&budget, MIB).await.is_none());
        assert!(!a.is_wanted(), "whoever waited has given up");
        assert!(budget.usage().hits > 0);
        drop(a);
        let c = made(&budget, MIB).await.unwrap();
        drop((b, c));
        assert_eq!(budget.usage().held, 0);
    }

    #[tokio::test]
    async fn small_answers_pass_while_others_wait_for_room() {
        let budget = ResponseBudget::new(2 * MIB, 1);
        let held = made(&budget, 2 * MIB).await.unwrap();
        let mut waiting = Box::pin(made_for_ever(&budget, MIB));
        assert!(at_once(&mut waiting).await.is_none());
        assert!(held.is_wanted());
        for _ in 0..100 {
            let small = made(&budget, FREE_BYTES).await.unwrap();
            assert!(!small.counts());
        }
        assert!(!budget.charge(FREE_BYTES).unwrap().counts());
        drop(held);
        assert!(waiting.await.counts());
    }

    async fn made_for_ever(budget: &ResponseBudget, bytes: usize) -> Charge {
        budget.make(0, |bytes| *bytes, || ready(bytes)).await.1
    }

    #[tokio::test]
    async fn an_answer_without_room_is_thrown_away_and_made_again_once() {
        let budget = ResponseBudget::new(2 * MIB, 1);
        let held = made(&budget, 2 * MIB).await.unwrap();
        let times = Cell::new(0);
        let mut making = Box::pin(budget.make(
            0,
            |bytes| *bytes,
            || {
                times.set(times.get() + 1);
                // It grows meanwhile.
                ready(MIB + times.get())
            },
        ));
        assert!(at_once(&mut making).await.is_none());
        assert_eq!(times.get(), 1);
        drop(held);
        let (bytes, charge) = making.await;
        assert_eq!((bytes, times.get(), budget.usage().held), (MIB + 2, 2, (MIB + 2) as u64));
        drop(charge);
    }

    #[tokio::test]
    async fn an_answer_larger_than_the_budget_goes_alone() {
        let budget = ResponseBudget::new(2 * MIB, 1);
        let huge = made(&budget, 9 * MIB).await.unwrap();
        assert!(made(&budget, MIB).await.is_none());
        drop(huge);
        assert!(made(&budget, MIB).await.is_some());
        assert_eq!(budget.usage().held, 0);
    }

    #[test]
    fn what_cannot_be_made_again_goes_over_the_bound_by_as_much_again_and_no_further() {
        let budget = ResponseBudget::new(2 * MIB, 1);
        let within = budget.charge(2 * MIB).unwrap();
        let over = budget.charge(2 * MIB).unwrap();
        assert_eq!(budget.usage().held, 4 * MIB as u64);
        assert!(within.is_wanted());
        assert_eq!(budget.charge(MIB).unwrap_err(), NoRoom { bytes: MIB });
        drop(over);
        let huge = budget.charge(9 * MIB).unwrap();
        assert!(budget.charge(MIB).is_err());
        drop((within, huge));
        assert_eq!(budget.usage(), Usage { held: 0, max: 2 * MIB as u64, hits: 4 });
    }

    #[tokio::test]
    async fn what_was_expected_follows_what_was_made() {
        let budget = ResponseBudget::new(4 * MIB, 1);
        let expected = || budget.0.expected[0].load(Ordering::Relaxed);
        drop(made(&budget, 3 * MIB).await);
        assert_eq!(expected(), 3 * MIB);
        for _ in 0..200 {
            drop(made(&budget, 10).await);
        }
        assert_eq!(expected(), 10);
    }
}
