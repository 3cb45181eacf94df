//! The table of APIs: key, name, versions and the first flexible version of each (KIP-482).
//!
//! The versions are what Apache Kafka 4.3.1 advertises. What answers them, and which of them a broker advertises, is
//! the broker's; how their bytes are laid out stands in `shape`, `request` and `response`.

use std::ops::RangeInclusive;

/// One line per API: name, key, versions that are advertised, first flexible version.
macro_rules! apis {
    ($($name:ident = $code:literal, $min:literal ..= $max:literal, $flexible:expr;)*) => {
        /// An API that is served, by its key on the wire.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(i16)]
        pub enum ApiKey {
            $($name = $code,)*
        }

        impl ApiKey {
            /// Every API of the table, in the order of the keys.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The API with this key; `None` for one that is not served.
            pub const fn from_code(code: i16) -> Option<Self> {
                match code {
                    $($code => Some(Self::$name),)*
                    _ => None,
                }
            }

            /// Kafka's name of the API, without "Request".
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                }
            }

            /// The versions that Apache Kafka 4.3.1 advertises.
            pub const fn request_versions(self) -> RangeInclusive<i16> {
                match self {
                    $(Self::$name => $min..=$max,)*
                }
            }

            /// The first version with compact lengths and tagged fields (KIP-482); [`NEVER`] if there is none.
            pub const fn flexible_from(self) -> i16 {
                match self {
                    $(Self::$name => $flexible,)*
                }
            }
        }
    };
}

/// No version of the API is flexible.
pub const NEVER: i16 = i16::MAX;

/// The first version of Produce that is accepted: older ones are advertised, because librdkafka looks for them, and
/// refused (TRAPS 8).
pub const PRODUCE_VERSION_MIN: i16 = 3;

apis! {
    Produce = 0, 0..=13, 9;
    Fetch = 1, 4..=18, 12;
    ListOffsets = 2, 1..=11, 6;
    Metadata = 3, 0..=13, 9;
    OffsetCommit = 8, 2..=10, 8;
    OffsetFetch = 9, 1..=10, 6;
    FindCoordinator = 10, 0..=6, 3;
    JoinGroup = 11, 0..=9, 6;
    Heartbeat = 12, 0..=4, 4;
    LeaveGroup = 13, 0..=5, 4;
    SyncGroup = 14, 0..=5, 4;
    DescribeGroups = 15, 0..=6, 5;
    ListGroups = 16, 0..=5, 3;
    SaslHandshake = 17, 0..=1, NEVER;
    ApiVersions = 18, 0..=4, 3;
    CreateTopics = 19, 2..=7, 5;
    DeleteTopics = 20, 1..=6, 4;
    DeleteRecords = 21, 0..=2, 2;
    InitProducerId = 22, 0..=5, 2;
    OffsetForLeaderEpoch = 23, 2..=4, 4;
    DescribeAcls = 29, 1..=3, 2;
    CreateAcls = 30, 1..=3, 2;
    DeleteAcls = 31, 1..=3, 2;
    DescribeConfigs = 32, 1..=4, 4;
    AlterConfigs = 33, 0..=2, 2;
    DescribeLogDirs = 35, 1..=5, 2;
    SaslAuthenticate = 36, 0..=2, 2;
    CreatePartitions = 37, 0..=3, 2;
    DeleteGroups = 42, 0..=2, 2;
    ElectLeaders = 43, 0..=2, 2;
    IncrementalAlterConfigs = 44, 0..=1, 1;
    AlterPartitionReassignments = 45, 0..=1, 0;
    ListPartitionReassignments = 46, 0..=0, 0;
    OffsetDelete = 47, 0..=0, NEVER;
    DescribeClientQuotas = 48, 0..=1, 1;
    AlterClientQuotas = 49, 0..=1, 1;
    DescribeUserScramCredentials = 50, 0..=0, 0;
    AlterUserScramCredentials = 51, 0..=0, 0;
    DescribeQuorum = 55, 0..=2, 0;
    UpdateFeatures = 57, 0..=2, 0;
    DescribeCluster = 60, 0..=2, 0;
    DescribeProducers = 61, 0..=0, 0;
    UnregisterBroker = 64, 0..=0, 0;
    DescribeTransactions = 65, 0..=0, 0;
    ListTransactions = 66, 0..=2, 0;
    ListConfigResources = 74, 0..=1, 0;
    DescribeTopicPartitions = 75, 0..=0, 0;
}

impl ApiKey {
    /// The number on the wire.
    pub const fn code(self) -> i16 {
        self as i16
    }

    /// Whether a request of this version is decoded. Like [`ApiKey::request_versions`], without the versions of Produce
    /// that are advertised but refused (TRAPS 8).
    pub fn accepts(self, version: i16) -> bool {
        let refused = self == Self::Produce && version < PRODUCE_VERSION_MIN;
        !refused && self.request_versions().contains(&version)
    }

    /// Whether this version has compact lengths and tagged fields.
    pub const fn is_flexible(self, version: i16) -> bool {
        version >= self.flexible_from()
    }

    /// The version of the request's header: 2 in flexible versions, else 1. Holds for versions above the served ones.
    pub const fn request_header_version(self, version: i16) -> i16 {
        if self.is_flexible(version) { 2 } else { 1 }
    }

    /// The version of the response's header: 1 in flexible versions, else 0. ApiVersions stays at 0, so that a client
    /// can read the answer before it knows what the broker speaks (TRAPS 2).
    pub const fn response_header_version(self, version: i16) -> i16 {
        match self {
            Self::ApiVersions => 0,
            _ if self.is_flexible(version) => 1,
            _ => 0,
        }
    }
}

impl std::fmt::Display for ApiKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_by_their_code() {
        for key in ApiKey::ALL {
            assert_eq!(ApiKey::from_code(key.code()), Some(*key));
        }
        assert!(ApiKey::ALL.is_sorted());
        assert_eq!(ApiKey::from_code(93), None);
        assert_eq!(ApiKey::from_code(-1), None);
    }

    #[test]
    fn traps_02_the_header_of_an_api_versions_response_is_never_flexible() {
        assert_eq!(ApiKey::ApiVersions.response_header_version(4), 0);
        assert_eq!(ApiKey::ApiVersions.request_header_version(4), 2);
        assert_eq!(ApiKey::Metadata.response_header_version(9), 1);
    }

    #[test]
    fn traps_08_produce_below_3_is_listed_and_refused() {
        assert_eq!(ApiKey::Produce.request_versions(), 0..=13);
        assert!(!ApiKey::Produce.accepts(2));
        assert!(ApiKey::Produce.accepts(3));
        assert!(!ApiKey::Produce.accepts(14));
    }

    #[test]
    fn traps_14_offset_delete_is_never_flexible() {
        assert_eq!(ApiKey::OffsetDelete.request_header_version(0), 1);
        assert_eq!(ApiKey::DescribeCluster.request_header_version(0), 2);
    }
}
