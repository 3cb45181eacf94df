//! AlterUserScramCredentials and DescribeUserScramCredentials: what is kept, what is refused, and that keys are not told.

use gracchus_wire::ApiKey;
use gracchus_wire::messages::{
    AlterUserScramCredentialsRequest, AlterUserScramCredentialsResponse, DescribeUserScramCredentialsRequest,
    alter_user_scram_credentials_request::{ScramCredentialDeletion, ScramCredentialUpsertion},
    describe_user_scram_credentials_request::UserName,
};
use protocol_tests::Client;

use super::support::*;

const UNKNOWN_SERVER_ERROR: i16 = -1;
const UNSUPPORTED_SASL_MECHANISM: i16 = 33;
const RESOURCE_NOT_FOUND: i16 = 91;
const DUPLICATE_RESOURCE: i16 = 92;
const UNACCEPTABLE_CREDENTIAL: i16 = 93;
const SHA_256: i8 = 1;
const SHA_512: i8 = 2;

fn deletion(user: &str, mechanism: i8) -> ScramCredentialDeletion {
    ScramCredentialDeletion::default().with_name(text(user)).with_mechanism(mechanism)
}

fn upsertion(user: &str, mechanism: i8, iterations: i32) -> ScramCredentialUpsertion {
    ScramCredentialUpsertion::default()
        .with_name(text(user))
        .with_mechanism(mechanism)
        .with_iterations(iterations)
        .with_salt(b"salt"[..].into())
        .with_salted_password([7; 32][..].into())
}

fn request(
    deletions: Vec<ScramCredentialDeletion>,
    upsertions: Vec<ScramCredentialUpsertion>,
) -> AlterUserScramCredentialsRequest {
    AlterUserScramCredentialsRequest::default().with_deletions(deletions).with_upsertions(upsertions)
}

type Told = (String, i16, Option<String>);

/// Errors by user: the reference has no order of its own.
fn told(answer: &AlterUserScramCredentialsResponse) -> Vec<Told> {
    let told = answer.results.iter().map(|result| {
        let message = result.error_message.as_ref().map(ToString::to_string);
        (result.user.to_string(), result.error_code, message)
    });
    let mut told: Vec<_> = told.collect();
    told.sort();
    told
}

/// Users with errors and words, sorted as [`told`] is.
fn sorted(expected: &[(&str, i16, Option<&str>)]) -> Vec<Told> {
    let owned =
        expected.iter().map(|(user, code, words)| ((*user).to_owned(), *code, words.map(str::to_owned)));
    let mut owned: Vec<_> = owned.collect();
    owned.sort();
    owned
}

type Described = (String, i16, String, Vec<(i8, i32)>);

async fn described(client: &mut Client, version: i16, users: Option<&[&str]>) -> Vec<Described> {
    let users =
        users.map(|users| users.iter().map(|user| UserName::default().with_name(text(user))).collect());
    let asked = DescribeUserScramCredentialsRequest::default().with_users(users);
    let answer = client.call(version, asked).await;
    assert_eq!((answer.error_code, answer.error_message.as_deref()), (0, Some("")));
    let described = answer.results.iter().map(|result| {
        let known = result.credential_infos.iter().map(|info| (info.mechanism, info.iterations));
        let mut known: Vec<_> = known.collect();
        known.sort_unstable();
        let message = result.error_message.as_ref().expect("a message, if an empty one").to_string();
        (result.user.to_string(), result.error_code, message, known)
    });
    let mut described: Vec<_> = described.collect();
    described.sort();
    described
}

/// Asks until the answer is that: what was changed at the reference may not have come to its broker.
async fn expect(client: &mut Client, version: i16, user: &str, expected: &[(i8, i32)]) {
    let patience = Patience::new();
    loop {
        let (_, code, _, known) = described(client, version, Some(&[user])).await.remove(0);
        if known == expected {
            return assert_eq!(code == RESOURCE_NOT_FOUND, expected.is_empty());
        }
        assert!(!is_ours(), "{known:?} is not {expected:?}");
        patience.wait();
    }
}

#[tokio::test]
async fn credentials_are_kept_replaced_described_and_deleted() {
    let (_broker, mut client) = start().await;
    for version in versions(ApiKey::AlterUserScramCredentials) {
        let (user, other) = (unique("user"), unique("other"));
        let ok: &[Told] = &[(user.clone(), 0, None)];
        let both = request(vec![], vec![upsertion(&user, SHA_256, 4096), upsertion(&other, SHA_512, 16384)]);
        assert_eq!(told(&client.call(version, both).await), sorted(&[(&user, 0, None), (&other, 0, None)]));
        expect(&mut client, version, &user, &[(SHA_256, 4096)]).await;
        expect(&mut client, version, &other, &[(SHA_512, 16384)]).await;
        let second = request(vec![], vec![upsertion(&user, SHA_512, 5000)]);
        assert_eq!(told(&client.call(version, second).await), ok);
        expect(&mut client, version, &user, &[(SHA_256, 4096), (SHA_512, 5000)]).await;
        let again = request(vec![], vec![upsertion(&user, SHA_256, 8000)]);
        assert_eq!(told(&client.call(version, again).await), ok);
        expect(&mut client, version, &user, &[(SHA_256, 8000), (SHA_512, 5000)]).await;
        for (mechanism, left) in [(SHA_512, &[(SHA_256, 8000)][..]), (SHA_256, &[])] {
            let gone = request(vec![deletion(&user, mechanism)], vec![]);
            assert_eq!(told(&client.call(version, gone).await), ok);
            expect(&mut client, version, &user, left).await;
        }
        assert_eq!(told(&client.call(version, request(vec![], vec![])).await), []);
    }
}

#[tokio::test]
async fn credentials_that_are_not_accepted_are_told_one_by_one_and_the_others_are_kept() {
    let (_broker, mut client) = start().await;
    for version in versions(ApiKey::AlterUserScramCredentials) {
        let names: Vec<String> = "abcdefg".chars().map(|name| unique(&name.to_string())).collect();
        let [few, many, unknown, negative, empty, good, none] = &names[..] else { panic!("seven names") };
        let mut without_password = upsertion(empty, SHA_256, 4096);
        without_password.salted_password = bytes::Bytes::new();
        let asked = request(
            vec![deletion(none, SHA_256)],
            vec![
                upsertion(few, SHA_256, 4095),
                upsertion(many, SHA_512, 16385),
                upsertion(unknown, 3, 1),
                upsertion(negative, -1, 4096),
                upsertion("", SHA_256, 4096),
                without_password,
                upsertion(good, SHA_256, 4096),
            ],
        );
        let mechanism = Some("Unknown SCRAM mechanism");
        let expected = sorted(&[
            (none, RESOURCE_NOT_FOUND, Some("Attempt to delete a user credential that does not exist")),
            (few, UNACCEPTABLE_CREDENTIAL, Some("Too few iterations")),
            (many, UNACCEPTABLE_CREDENTIAL, Some("Too many iterations")),
            (unknown, UNSUPPORTED_SASL_MECHANISM, mechanism),
            (negative, UNSUPPORTED_SASL_MECHANISM, mechanism),
            ("", UNACCEPTABLE_CREDENTIAL, Some("Username must not be empty")),
            (empty, UNKNOWN_SERVER_ERROR, None),
            (good, 0, None),
        ]);
        assert_eq!(told(&client.call(version, asked).await), expected, "version {version}");
        expect(&mut client, version, good, &[(SHA_256, 4096)]).await;
        expect(&mut client, version, many, &[]).await;
        let asked = request(vec![deletion("", SHA_256), deletion(good, 7), deletion(few, SHA_256)], vec![]);
        let expected = sorted(&[
            ("", UNACCEPTABLE_CREDENTIAL, Some("Username must not be empty")),
            (good, UNSUPPORTED_SASL_MECHANISM, mechanism),
            (few, RESOURCE_NOT_FOUND, Some("Attempt to delete a user credential that does not exist")),
        ]);
        assert_eq!(told(&client.call(version, asked).await), expected, "version {version}");
    }
}

#[tokio::test]
async fn a_user_that_is_named_twice_in_a_request_is_refused_whole() {
    let (_broker, mut client) = start().await;
    for version in versions(ApiKey::AlterUserScramCredentials) {
        let (twice, once) = (unique("twice"), unique("once"));
        let first = request(vec![], vec![upsertion(&twice, SHA_256, 4096)]);
        assert_eq!(client.call(version, first).await.results[0].error_code, 0);
        expect(&mut client, version, &twice, &[(SHA_256, 4096)]).await;
        let words = Some("A user credential cannot be altered twice in the same request");
        let expected = sorted(&[(&twice, DUPLICATE_RESOURCE, words), (&once, 0, None)]);
        let [up, down] = [upsertion(&twice, SHA_512, 5000), upsertion(&twice, SHA_256, 5000)];
        for (deletions, upsertions) in [
            (vec![], vec![up.clone(), down]),
            (vec![deletion(&twice, SHA_256)], vec![up]),
            (vec![deletion(&twice, SHA_256), deletion(&twice, SHA_256)], vec![]),
        ] {
            let mut asked = request(deletions, upsertions);
            asked.upsertions.push(upsertion(&once, SHA_256, 4096));
            assert_eq!(told(&client.call(version, asked).await), expected, "version {version}");
            expect(&mut client, version, &twice, &[(SHA_256, 4096)]).await;
        }
    }
}

#[tokio::test]
async fn users_are_described_by_name_or_all_and_each_that_is_asked_for_twice_is_refused() {
    let (_broker, mut client) = start().await;
    for version in versions(ApiKey::DescribeUserScramCredentials) {
        let (a, b, nobody) = (unique("a"), unique("b"), unique("nobody"));
        let asked = request(vec![], vec![upsertion(&a, SHA_256, 4096), upsertion(&b, SHA_512, 5000)]);
        client.call(version, asked).await;
        expect(&mut client, version, &b, &[(SHA_512, 5000)]).await;
        let kept = [
            (a.clone(), 0, String::new(), vec![(SHA_256, 4096)]),
            (b.clone(), 0, String::new(), vec![(SHA_512, 5000)]),
        ];
        for all in [None, Some(&[][..])] {
            let all = described(&mut client, version, all).await;
            assert!(kept.iter().all(|one| all.contains(one)), "{all:?}");
            assert!(!is_ours() || all.len() == 2, "{all:?}");
        }
        let asked = [&*nobody, &*b, &*a, &*b];
        let twice =
            format!("Cannot describe SCRAM credentials for the same user twice in a single request: {b}");
        let none = format!("Attempt to describe a user credential that does not exist: {nobody}");
        let expected = vec![
            kept[0].clone(),
            (b.clone(), DUPLICATE_RESOURCE, twice, vec![]),
            (nobody.clone(), RESOURCE_NOT_FOUND, none, vec![]),
        ];
        assert_eq!(described(&mut client, version, Some(&asked)).await, expected);
        for (user, mechanism) in [(&a, SHA_256), (&b, SHA_512)] {
            client.call(version, request(vec![deletion(user, mechanism)], vec![])).await;
            expect(&mut client, version, user, &[]).await;
        }
    }
}

#[tokio::test]
async fn credentials_outlive_a_restart() {
    let Some((mut broker, mut client)) = start_with(&[]).await else { return };
    let upsertions = vec![upsertion("a", SHA_256, 4096), upsertion("b", SHA_512, 5000)];
    client.call(0, request(vec![], upsertions)).await;
    client.call(0, request(vec![deletion("a", SHA_256)], vec![])).await;
    broker.restart().await;
    let mut client = broker.client().await;
    let all = described(&mut client, 0, None).await;
    assert_eq!(all, [("b".to_owned(), 0, String::new(), vec![(SHA_512, 5000)])]);
    // What is gone stays gone, and what is there can be changed.
    let asked = request(vec![deletion("a", SHA_256), deletion("b", SHA_512)], vec![]);
    let codes: Vec<_> = told(&client.call(0, asked).await).into_iter().map(|(_, code, _)| code).collect();
    assert_eq!(codes, [RESOURCE_NOT_FOUND, 0]);
}
