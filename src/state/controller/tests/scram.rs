use gracchus_base::limits::{CHANGES_PER_REQUEST_MAX, SCRAM_BYTES_MAX, SCRAM_CREDENTIALS_MAX};
use gracchus_base::metadata_record::ScramMechanism;

use super::super::{ScramAlteration, ScramUpsertion, alter_scram_credentials};
use super::*;

fn upsert(user: &str, mechanism: i8, iterations: i32) -> ScramAlteration {
    let (salt, salted_password) = (vec![9; 3], vec![0, 1, 2, 3, 4, 5]);
    let upsertion = Some(ScramUpsertion { iterations, salt, salted_password });
    ScramAlteration { user: user.to_owned(), mechanism, upsertion }
}

fn delete(user: &str, mechanism: i8) -> ScramAlteration {
    ScramAlteration { user: user.to_owned(), mechanism, upsertion: None }
}

/// Decides, commits, and answers the codes.
fn alter(cluster: &mut Cluster, alterations: &[ScramAlteration]) -> Vec<ErrorCode> {
    let (records, results) = alter_scram_credentials(cluster.image(), alterations);
    cluster.commit(records);
    results.into_iter().map(|(_, result)| result.map_or_else(|e| e.code, |()| ErrorCode::None)).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn the_keys_that_are_kept_are_those_that_kafka_keeps() {
    let mut cluster = Cluster::new(1, 0);
    alter(&mut cluster, &[upsert("a", 1, 4096), upsert("b", 2, 8192)]);
    // Made by Kafka 4.3.1's ScramFormatter from the same salted password.
    let expected = [
        (
            "a",
            ScramMechanism::Sha256,
            4096,
            "224cf2fe3dc1495958b6c334d44b11aea721caefeae2d6f25a94a2c5a697d12c",
            "19f83a154f069b7842c370018fe1e230815218894b9f0e0e1de234ae7af64704",
        ),
        (
            "b",
            ScramMechanism::Sha512,
            8192,
            "1f13619c433ec03bdb900c3ad9173e3c7d4547f46d76da4580c6ade0bd49e33a57d531a0a0243a6520110bcc1b86d34e1df1c7eaab6f1f0\
             120a9a90f19d890ef",
            "a08fa3f74035bf7c3fb3d7df92489b2dcc74c427ca1e651bcc06ef158818b9024a94812d24da2861dc42e73b3cb9ab58eabddf7a6f5cb92\
             16c498134aaeab514",
        ),
    ];
    for (user, mechanism, iterations, stored_key, server_key) in expected {
        let (known, kept) = cluster.image().scram_credentials_of(user).next().unwrap();
        assert_eq!((known, kept.iterations, &*kept.salt), (mechanism, iterations, &[9; 3][..]));
        assert_eq!((&*hex(&kept.stored_key), &*hex(&kept.server_key)), (stored_key, server_key));
    }
}

#[test]
fn a_user_has_a_credential_of_each_mechanism_and_loses_them_one_by_one() {
    let mut cluster = Cluster::new(1, 0);
    for (user, mechanism) in [("b", 1), ("a", 2), ("a", 1), ("c", 1)] {
        assert_eq!(alter(&mut cluster, &[upsert(user, mechanism, 4096)]), [ErrorCode::None]);
    }
    assert_eq!(cluster.image().scram_users().collect::<Vec<_>>(), ["a", "b", "c"]);
    assert_eq!(cluster.image().scram_credentials_of("a").count(), 2);
    assert_eq!(
        alter(&mut cluster, &[delete("a", 2), delete("c", 2)])[..],
        [ErrorCode::None, ErrorCode::ResourceNotFound]
    );
    let left: Vec<_> = cluster.image().scram_credentials_of("a").map(|(mechanism, _)| mechanism).collect();
    assert_eq!(left, [ScramMechanism::Sha256]);
}

#[test]
fn a_user_that_is_named_twice_is_refused_whole_and_hears_of_the_first_error() {
    let mut cluster = Cluster::new(1, 0);
    let codes = alter(
        &mut cluster,
        &[
            delete("nobody", 1),
            upsert("twice", 1, 4096),
            upsert("once", 1, 4096),
            upsert("nobody", 1, 4096),
            upsert("twice", 2, 4096),
            upsert("twice", 2, 1),
        ],
    );
    let expected = [ErrorCode::ResourceNotFound, ErrorCode::DuplicateResource, ErrorCode::None];
    assert_eq!(codes, expected);
    assert_eq!(cluster.image().scram_users().collect::<Vec<_>>(), ["once"]);
}

#[test]
fn what_is_kept_of_one_user_and_changed_at_once_is_bounded() {
    let mut cluster = Cluster::new(1, 0);
    let mut long = upsert("a", 1, 4096);
    long.upsertion.as_mut().unwrap().salt = vec![0; SCRAM_BYTES_MAX + 1];
    assert_eq!(alter(&mut cluster, &[long]), [ErrorCode::UnacceptableCredential]);
    let many: Vec<_> = (0..=CHANGES_PER_REQUEST_MAX).map(|n| upsert(&n.to_string(), 1, 4096)).collect();
    let codes = alter(&mut cluster, &many);
    assert!(codes.iter().all(|code| *code == ErrorCode::PolicyViolation));
    assert_eq!(cluster.image().scram_users().count(), 0);
}

#[test]
fn credentials_are_bounded_in_number_over_all_requests() {
    let mut cluster = Cluster::new(1, 0);
    let all_but_one: Vec<_> = (1..SCRAM_CREDENTIALS_MAX).map(|n| upsert(&n.to_string(), 1, 4096)).collect();
    assert!(alter(&mut cluster, &all_but_one).iter().all(|code| code.is_ok()));
    let codes = alter(&mut cluster, &[upsert("1", 2, 4096), upsert("new", 1, 4096), upsert("2", 2, 4096)]);
    assert_eq!(codes, [ErrorCode::None, ErrorCode::PolicyViolation, ErrorCode::PolicyViolation]);
    assert_eq!(cluster.image().scram_credential_count(), SCRAM_CREDENTIALS_MAX);
    let codes = alter(&mut cluster, &[delete("3", 1), upsert("1", 2, 8192)]);
    assert_eq!(codes, [ErrorCode::None; 2], "one that is there may be changed");
    assert_eq!(alter(&mut cluster, &[upsert("new", 1, 4096)]), [ErrorCode::None], "and make room");
}
