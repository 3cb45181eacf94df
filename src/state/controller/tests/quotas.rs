use gracchus_base::limits::{CHANGES_PER_REQUEST_MAX, QUOTA_ENTITIES_MAX};
use gracchus_base::metadata_record::{QuotaEntity, QuotaValue};

use super::super::{QuotaAlteration, alter_client_quotas};
use super::*;

fn user(name: &str) -> QuotaEntity {
    QuotaEntity([("user".to_owned(), Some(name.to_owned()))].into())
}

fn set(entity: &QuotaEntity, quotas: &[(&str, Option<f64>)]) -> QuotaAlteration {
    let operation = |(key, value): &(&str, Option<f64>)| ((*key).to_owned(), value.map(QuotaValue::new));
    QuotaAlteration { entity: entity.clone(), operations: quotas.iter().map(operation).collect() }
}

/// Decides, commits, and answers the codes.
fn alter(cluster: &mut Cluster, alterations: &[QuotaAlteration]) -> Vec<ErrorCode> {
    let (records, results) = alter_client_quotas(cluster.image(), alterations, &|_| true);
    cluster.commit(records);
    results.into_iter().map(|(_, result)| result.map_or_else(|e| e.code, |()| ErrorCode::None)).collect()
}

fn quotas(cluster: &Cluster, entity: &QuotaEntity) -> Vec<(String, f64)> {
    let quotas = cluster.image().quotas_of(entity).into_iter().flatten();
    quotas.map(|(key, value)| (key.clone(), value.get())).collect()
}

#[test]
fn no_record_is_made_for_a_quota_that_is_as_it_should_be() {
    let mut cluster = Cluster::new(1, 0);
    let entity = user("a");
    let wanted = [set(&entity, &[("producer_byte_rate", Some(5.0)), ("consumer_byte_rate", None)])];
    let before = cluster.log.len();
    alter(&mut cluster, &wanted);
    assert_eq!(cluster.log.len(), before + 1, "nothing is taken away that is not there");
    alter(&mut cluster, &wanted);
    assert_eq!(cluster.log.len(), before + 1);
    assert_eq!(quotas(&cluster, &entity), [("producer_byte_rate".to_owned(), 5.0)]);
    alter(&mut cluster, &[set(&entity, &[("producer_byte_rate", None)])]);
    assert_eq!(cluster.image().client_quotas().count(), 0, "who has no quota is forgotten");
}

#[test]
fn changes_of_several_quotas_are_one_change() {
    let mut cluster = Cluster::new(1, 0);
    let both = [
        set(&user("a"), &[("producer_byte_rate", Some(1.0))]),
        set(&user("b"), &[("request_percentage", Some(0.5))]),
    ];
    let (records, _) = alter_client_quotas(cluster.image(), &both, &|_| true);
    assert!(matches!(records.first(), Some(MetadataRecord::BeginTransaction { .. })), "{records:?}");
    assert!(matches!(records.last(), Some(MetadataRecord::EndTransaction)), "{records:?}");
    cluster.commit(records);
    assert_eq!(quotas(&cluster, &user("b")), [("request_percentage".to_owned(), 0.5)]);
}

#[test]
fn an_entity_that_stands_twice_is_refused_whole_and_the_others_are_not() {
    let mut cluster = Cluster::new(1, 0);
    let codes = alter(
        &mut cluster,
        &[
            set(&user("twice"), &[("producer_byte_rate", Some(1.0))]),
            set(&user("once"), &[("producer_byte_rate", Some(2.0))]),
            set(&user("twice"), &[("consumer_byte_rate", Some(3.0))]),
        ],
    );
    assert_eq!(codes, [ErrorCode::InvalidRequest, ErrorCode::None]);
    assert_eq!(quotas(&cluster, &user("twice")), []);
    assert_eq!(quotas(&cluster, &user("once")), [("producer_byte_rate".to_owned(), 2.0)]);
}

#[test]
fn more_changes_than_one_request_may_make_are_refused_all() {
    let mut cluster = Cluster::new(1, 0);
    let many = |n: usize| -> Vec<_> {
        (0..n).map(|n| set(&user(&n.to_string()), &[("producer_byte_rate", Some(1.0))])).collect()
    };
    let codes = alter(&mut cluster, &many(CHANGES_PER_REQUEST_MAX + 1));
    assert!(codes.iter().all(|code| *code == ErrorCode::PolicyViolation));
    assert_eq!((codes.len(), cluster.image().client_quotas().count()), (CHANGES_PER_REQUEST_MAX + 1, 0));
    let codes = alter(&mut cluster, &many(CHANGES_PER_REQUEST_MAX));
    assert!(codes.iter().all(|code| code.is_ok()));
}

#[test]
fn who_has_quotas_is_bounded_in_number_over_all_requests() {
    let mut cluster = Cluster::new(1, 0);
    let rate = |n: usize, rate| set(&user(&n.to_string()), &[("producer_byte_rate", rate)]);
    let all_but_one: Vec<_> = (1..QUOTA_ENTITIES_MAX).map(|n| rate(n, Some(1.0))).collect();
    assert!(alter(&mut cluster, &all_but_one).iter().all(|code| code.is_ok()));
    let codes = alter(&mut cluster, &[rate(0, None), rate(1_000_000, Some(1.0)), rate(2_000_000, Some(1.0))]);
    assert_eq!(codes, [ErrorCode::None, ErrorCode::None, ErrorCode::PolicyViolation]);
    assert_eq!(cluster.image().quota_entity_count(), QUOTA_ENTITIES_MAX);
    let codes = alter(&mut cluster, &[rate(1, Some(2.0)), rate(2, None)]);
    assert_eq!(codes, [ErrorCode::None; 2], "who has quotas may change them");
    assert_eq!(alter(&mut cluster, &[rate(2_000_000, Some(1.0))]), [ErrorCode::None], "and make room");
}
