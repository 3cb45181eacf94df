//! The states of a classic group and the moves between them that are allowed.

/// A state, with the names that Kafka prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GroupState {
    /// No members. A group of committed offsets alone is always in this state.
    Empty,
    /// Members are asked to join.
    PreparingRebalance,
    /// The generation is fixed; the leader's assignment is awaited.
    CompletingRebalance,
    /// The assignment is stored.
    Stable,
    /// The group does not exist: what DescribeGroups says of an unknown one before version 6.
    Dead,
}

impl GroupState {
    /// Every state.
    pub(super) const ALL: [Self; 5] =
        [Self::Empty, Self::PreparingRebalance, Self::CompletingRebalance, Self::Stable, Self::Dead];

    /// The name in DescribeGroups and ListGroups.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::PreparingRebalance => "PreparingRebalance",
            Self::CompletingRebalance => "CompletingRebalance",
            Self::Stable => "Stable",
            Self::Dead => "Dead",
        }
    }

    /// Whether a group may go from this state to `next`.
    pub(super) const fn leads_to(self, next: Self) -> bool {
        match next {
            Self::Empty | Self::CompletingRebalance => matches!(self, Self::PreparingRebalance),
            Self::PreparingRebalance => {
                matches!(self, Self::Empty | Self::CompletingRebalance | Self::Stable)
            }
            Self::Stable => matches!(self, Self::CompletingRebalance),
            Self::Dead => true,
        }
    }
}
