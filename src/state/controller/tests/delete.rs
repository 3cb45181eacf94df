use super::super::{DeleteOutcome, DeleteTopic, delete_topics};
use super::*;

fn by_name(name: &str) -> DeleteTopic {
    DeleteTopic { name: Some(name.to_owned()), id: TopicId::ZERO }
}

const fn by_id(id: TopicId) -> DeleteTopic {
    DeleteTopic { name: None, id }
}

fn message(outcome: &DeleteOutcome) -> String {
    refused(outcome.result.clone()).1
}

#[test]
fn a_topic_is_deleted_by_name_or_by_id_and_the_answer_names_both() {
    let mut cluster = Cluster::new(1, 0);
    let a = cluster.create(new_topic("a", 1, 1)).unwrap().id;
    let offsets = cluster.create(new_topic("__consumer_offsets", 1, 1)).unwrap().id;
    let outcomes = delete_topics(cluster.image(), &[by_name("__consumer_offsets"), by_id(a)]);
    let named: Vec<_> = outcomes.iter().map(|o| (o.name.as_deref(), o.id)).collect();
    assert_eq!(named, [(Some("__consumer_offsets"), offsets), (Some("a"), a)]);
    outcomes.into_iter().for_each(|outcome| cluster.commit(outcome.result.unwrap()));
    assert_eq!(cluster.image().topic_count(), 0);
}

#[test]
fn traps_26_an_unknown_id_and_an_unknown_name_have_errors_of_their_own() {
    let cluster = Cluster::new(1, 0);
    let id = TopicId([5; 16]);
    let outcomes = delete_topics(cluster.image(), &[by_id(id), by_name("nope"), by_name("a/b")]);
    let codes: Vec<_> = outcomes.iter().map(|o| refused(o.result.clone())).collect();
    let unknown = (ErrorCode::UnknownTopicOrPartition, String::new());
    assert_eq!(codes, [(ErrorCode::UnknownTopicId, String::new()), unknown.clone(), unknown]);
    assert_eq!((outcomes[0].name.as_deref(), outcomes[0].id), (None, id));
    assert_eq!((outcomes[1].name.as_deref(), outcomes[1].id), (Some("nope"), TopicId::ZERO));
}

#[test]
fn a_topic_that_is_asked_for_twice_is_not_deleted() {
    let mut cluster = Cluster::new(1, 0);
    let a = cluster.create(new_topic("a", 1, 1)).unwrap().id;
    let image = cluster.image();
    let twice = delete_topics(image, &[by_name("a"), by_name("a")]);
    assert_eq!(twice.iter().map(message).collect::<Vec<_>>(), ["Duplicate topic name."]);
    let twice = delete_topics(image, &[by_id(a), by_id(a)]);
    assert_eq!(twice.iter().map(message).collect::<Vec<_>>(), ["Duplicate topic id."]);
    let by_both = delete_topics(image, &[by_id(a), by_name("a")]);
    let both = "The provided topic name maps to an ID that was already supplied.";
    assert_eq!(by_both.iter().map(message).collect::<Vec<_>>(), [both, both]);
    assert!(
        [twice, by_both].iter().flatten().all(|o| refused(o.result.clone()).0 == ErrorCode::InvalidRequest)
    );
}

#[test]
fn a_topic_is_named_by_exactly_one_of_name_and_id() {
    let cluster = Cluster::new(1, 0);
    let both = DeleteTopic { name: Some("a".to_owned()), id: TopicId([5; 16]) };
    let outcomes = delete_topics(cluster.image(), &[by_id(TopicId::ZERO), both]);
    let expected =
        ["Neither topic name nor id were specified.", "You may not specify both topic name and topic id."];
    assert_eq!(outcomes.iter().map(message).collect::<Vec<_>>(), expected);
}
