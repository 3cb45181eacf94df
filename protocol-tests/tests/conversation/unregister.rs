//! UnregisterBroker, of the only broker and of those that are not there.

use gracchus_wire::ApiKey;
use gracchus_wire::messages::{BrokerId, UnregisterBrokerRequest};

use super::support::*;

const INVALID_REQUEST: i16 = 42;
const BROKER_ID_NOT_REGISTERED: i16 = 102;

fn request(id: i32) -> UnregisterBrokerRequest {
    UnregisterBrokerRequest::default().with_broker_id(BrokerId(id))
}

#[tokio::test]
async fn a_broker_that_is_not_there_cannot_be_unregistered() {
    let (_broker, mut client) = start().await;
    for version in versions(ApiKey::UnregisterBroker) {
        for id in [0, 2, -1, i32::MAX, i32::MIN] {
            let answer = client.call(version, request(id)).await;
            let words = format!("Broker ID {id} is not currently registered");
            let told = (answer.error_code, answer.error_message.as_deref());
            assert_eq!(told, (BROKER_ID_NOT_REGISTERED, Some(words.as_str())));
        }
    }
}

#[tokio::test]
async fn the_only_broker_stays_and_goes_on_serving() {
    // The reference would be gone for all other tests.
    let Some((_broker, mut client)) = start_with(&[]).await else { return };
    let topic = create(&mut client, "stays", 1, &[]).await;
    for version in versions(ApiKey::UnregisterBroker) {
        let answer = client.call(version, request(1)).await;
        let words = "Broker ID 1 is the only broker of this cluster and cannot be unregistered";
        let told = (answer.error_code, answer.error_message.as_deref());
        assert_eq!(told, (INVALID_REQUEST, Some(words)));
    }
    assert_eq!(produced(&mut client, &topic, protocol_tests::batch::values(&["a"])).await, 0);
    assert_eq!(describe(&mut client, &topic.name).await.partitions[0].leader_id, BrokerId(1));
    assert_eq!(client.metadata().await.brokers.len(), 1);
}
