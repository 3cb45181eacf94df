//! What one step of the coordinator works with besides the group it is about: the time, the timers, the appends in
//! flight, and the effects it gathers.

use gracchus_base::group_record::GroupRecord;
use gracchus_base::{GroupId, Monotonic, Timestamp};

use super::config::GroupConfig;
use super::effects::{Append, AppendToken, Effects, Event, Token};
use super::in_flight::{After, Queue};
use super::reply::Reply;
use super::timers::{TimerKey, TimerKind, Timers};

/// One step, from a request, a timer or a settled append to its effects.
#[derive(Debug)]
pub(super) struct Step<'a> {
    pub(super) config: &'a GroupConfig,
    pub(super) timers: &'a mut Timers,
    pub(super) queue: &'a mut Queue,
    pub(super) effects: Effects,
    pub(super) now: Monotonic,
    pub(super) wall: Timestamp,
}

impl Step<'_> {
    /// Sends a reply that promises nothing that is not appended yet.
    pub(super) fn reply(&mut self, token: Token, reply: Reply) {
        self.effects.replies.push((token, reply));
    }

    /// Sends a reply once the newest append of this step is settled, or at once if the step has none.
    pub(super) fn reply_when_appended(&mut self, token: Token, reply: Reply) {
        let append = self.effects.appends.last().map(|append| append.token);
        match append.and_then(|append| self.queue.followers(append)) {
            Some(followers) => followers.push(After::Reply { token, reply }),
            None => self.reply(token, reply),
        }
    }

    /// Appends records in one batch.
    pub(super) fn append(&mut self, records: Vec<GroupRecord>, after: Vec<After>) -> AppendToken {
        let token = self.queue.push(&records, after);
        self.effects.appends.push(Append { token, records, may_wait: false });
        token
    }

    /// The newest append of this step may wait for others.
    pub(super) fn let_wait(&mut self) {
        if let Some(append) = self.effects.appends.last_mut() {
            append.may_wait = true;
        }
    }

    pub(super) fn event(&mut self, event: Event) {
        self.effects.events.push(event);
    }

    /// Sets a timer of a group `delay_ms` from now.
    pub(super) fn schedule(&mut self, group: &GroupId, kind: TimerKind, delay_ms: i32) {
        let at = self.now.plus_ms(i64::from(delay_ms.max(0)));
        self.timers.schedule(TimerKey { group: group.clone(), kind }, at);
    }

    pub(super) fn cancel(&mut self, group: &GroupId, kind: TimerKind) {
        self.timers.cancel(TimerKey { group: group.clone(), kind });
    }
}
