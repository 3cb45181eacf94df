//! What a step asks of the driver, and the names by which the driver answers.

use gracchus_base::GroupId;
use gracchus_base::group_record::GroupRecord;

use super::reply::Reply;

/// Names a request that waits for its reply; the driver maps it to whoever asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub u64);

/// Names an append, so that its end can be told to [`Coordinator::appended`](super::Coordinator::appended).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AppendToken(pub u64);

/// Records to append to the offsets partition in one batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Append {
    pub token: AppendToken,
    pub records: Vec<GroupRecord>,
    /// Nobody is slowed down if it waits a few milliseconds for others.
    pub may_wait: bool,
}

/// What the driver has to do after a step: append in this order, send the replies, log the events.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// Usually none or one; their order is the order of the log.
    pub appends: Vec<Append>,
    /// Ready to be sent: whatever they promise is already appended.
    pub replies: Vec<(Token, Reply)>,
    /// For the log of the broker, at info level.
    pub events: Vec<Event>,
}

/// Something an operator wants to read in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A rebalance began; `generation` is the old one.
    PreparingRebalance { group: GroupId, generation: i32, reason: String },
    /// The join phase ended with this many members.
    GenerationStarted { group: GroupId, generation: i32, members: usize },
    /// The last member is gone.
    GroupEmpty { group: GroupId, generation: i32 },
    /// A member was removed because nothing was heard of it.
    MemberExpired { group: GroupId, member_id: String },
    /// A request was refused because of the limits of groups (`too_many_groups`) or of bytes.
    NoRoom { group: GroupId, too_many_groups: bool },
}
