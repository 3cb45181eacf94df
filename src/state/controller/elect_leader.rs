//! Elections of leaders that somebody asks for (KIP-183, KIP-460).

use gracchus_base::{ErrorCode, PartitionIndex};

use super::AdminError;
use crate::image::MetadataImage;

/// Who is to lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Election {
    /// The first of the replicas.
    Preferred,
    /// Any replica, if nobody leads, also one that lacks what was acknowledged.
    Unclean,
}

/// Decides about the leader of one partition. Nothing changes: while nothing replicates, whoever could lead does.
///
/// # Errors
/// ELECTION_NOT_NEEDED where the leader is already who it is to be; else the code that says why there is no other.
pub fn elect_leader(
    image: &MetadataImage,
    topic: &str,
    index: i32,
    election: Election,
) -> Result<(), AdminError> {
    let unknown = |message: String| AdminError::new(ErrorCode::UnknownTopicOrPartition, message);
    let found = image.topic(topic).ok_or_else(|| unknown(format!("No such topic as {topic}")))?;
    let partition = found
        .partition(PartitionIndex(index))
        .ok_or_else(|| unknown(format!("No such partition as {topic}-{index}")))?;
    let leader = partition.leader();
    Err(match election {
        Election::Preferred if leader.is_some() && leader == partition.replicas().next() => not_needed(),
        Election::Unclean if leader.is_some() => not_needed(),
        Election::Preferred => {
            AdminError::new(ErrorCode::PreferredLeaderNotAvailable, "The preferred leader was not available.")
        }
        Election::Unclean => AdminError::new(
            ErrorCode::EligibleLeadersNotAvailable,
            "Eligible topic partition leaders are not available.",
        ),
    })
}

fn not_needed() -> AdminError {
    AdminError::new(ErrorCode::ElectionNotNeeded, "Leader election not needed for topic partition.")
}
