//! A topic for a workload, made and removed through librdkafka's admin client.

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::metadata::MetadataPartition;

use super::{LIMIT, config};
use crate::BenchError;
use crate::subject::Running;

pub struct Topic {
    name: String,
    partitions: i32,
    admin: AdminClient<DefaultClientContext>,
}

impl Topic {
    /// Makes it; returns when all its partitions have leaders (the reference answers before that).
    pub fn create(running: &Running, name: &str, partitions: i32) -> Result<Topic, BenchError> {
        let admin = config(running.address(), &[]).create()?;
        let topic = Topic { name: name.to_owned(), partitions, admin };
        let new = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
        for created in compat_harness::block_on(topic.admin.create_topics([&new], &options()))? {
            created.map_err(|(name, code)| BenchError::Failed(format!("creating {name}: {code}")))?;
        }
        let ready = compat_harness::wait_until(LIMIT, || {
            let metadata = topic.admin.inner().fetch_metadata(Some(name), LIMIT).ok()?;
            let led = |p: &MetadataPartition| p.error().is_none() && p.leader() >= 0;
            metadata
                .topics()
                .iter()
                .all(|t| t.error().is_none() && t.partitions().iter().all(led))
                .then_some(())
        });
        ready.map(|()| topic).ok_or_else(|| BenchError::Failed(format!("{name} got no leaders")))
    }

    /// One that an earlier round may have made.
    pub fn find(running: &Running, name: &str) -> Result<Option<Topic>, BenchError> {
        let admin: AdminClient<_> = config(running.address(), &[]).create()?;
        // Of all topics: to ask for one by name could create it.
        let metadata = admin.inner().fetch_metadata(None, LIMIT)?;
        let found = metadata.topics().iter().find(|topic| topic.name() == name);
        let partitions = found.map(|topic| topic.partitions().len() as i32);
        Ok(partitions.map(|partitions| Topic { name: name.to_owned(), partitions, admin }))
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub const fn partitions(&self) -> i32 {
        self.partitions
    }

    /// Fails unless all partitions together hold exactly so many records below their high watermarks.
    pub fn expect_stored(&self, records: u64) -> Result<(), BenchError> {
        let mut stored = 0;
        for partition in 0..self.partitions {
            let (low, high) = self.admin.inner().fetch_watermarks(&self.name, partition, LIMIT)?;
            stored += high - low;
        }
        if stored == records as i64 {
            Ok(())
        } else {
            Err(BenchError::Failed(format!("{} holds {stored} records, not {records}", self.name)))
        }
    }

    pub fn delete(self) -> Result<(), BenchError> {
        for deleted in compat_harness::block_on(self.admin.delete_topics(&[&self.name], &options()))? {
            deleted.map_err(|(name, code)| BenchError::Failed(format!("deleting {name}: {code}")))?;
        }
        Ok(())
    }
}

fn options() -> AdminOptions {
    AdminOptions::new().operation_timeout(Some(LIMIT)).request_timeout(Some(LIMIT))
}
