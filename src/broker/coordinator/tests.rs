//! A coordinator inside a whole broker.

use gracchus_state::config::{BrokerConfig, Settings};

use super::*;
use crate::node::Node;
use crate::{Broker, Options};

async fn start(dir: &std::path::Path) -> Broker {
    let mut settings = Settings::new();
    settings.insert("listeners".into(), "PLAINTEXT://127.0.0.1:0".into());
    settings.insert("log.dirs".into(), dir.display().to_string());
    settings.insert("offsets.topic.num.partitions".into(), "2".into());
    let config = BrokerConfig::from_settings(&settings).unwrap();
    Broker::start(Options { config, ephemeral: false, cluster_id: None, system: System::real() })
        .await
        .unwrap()
}

/// Asks until the coordinator of `group` is there.
async fn is_served(node: &Node, group: &GroupId) {
    while node.coordinators.read(group, |_| ()).await.is_err() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_machine_that_panics_is_made_anew_and_the_others_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let broker = start(dir.path()).await;
    let node = broker.node();
    node.ensure_offsets_topic().await.unwrap();
    let partition = |group: &GroupId| partition_for(group.as_str(), 2);
    let one = GroupId::new("one");
    let names = ["a", "b", "c", "d", "e"].map(GroupId::new);
    let other = names.iter().find(|name| partition(name) != partition(&one)).unwrap();
    is_served(node, &one).await;
    is_served(node, other).await;
    let panicked = node.coordinators.read(&one, |_| -> u8 { panic!("planted") }).await;
    assert_eq!(panicked, Err(ErrorCode::CoordinatorLoadInProgress), "a client asks again");
    assert!(node.coordinators.read(other, |_| ()).await.is_ok());
    is_served(node, &one).await;
    broker.shutdown().await;
}
