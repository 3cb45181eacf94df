//! ListPartitionReassignments (key 46): the partitions that move to other brokers. None does while nothing replicates, and
//! as in Kafka a partition that does not move is not in the answer, whether it exists or not.

use gracchus_wire::messages::{ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse};

pub fn handle(_request: &ListPartitionReassignmentsRequest) -> ListPartitionReassignmentsResponse {
    ListPartitionReassignmentsResponse::default().with_error_message(None)
}
