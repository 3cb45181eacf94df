//! AlterClientQuotas and DescribeClientQuotas: what is stored, what is refused, and what a filter finds.

use gracchus_wire::ApiKey;
use gracchus_wire::messages::{
    AlterClientQuotasRequest, AlterClientQuotasResponse, DescribeClientQuotasRequest,
    DescribeClientQuotasResponse,
    alter_client_quotas_request::{EntityData, EntryData, OpData},
    describe_client_quotas_request::ComponentData,
};
use protocol_tests::Client;

use super::support::*;

const INVALID_REQUEST: i16 = 42;
const EXACT: i8 = 0;
const DEFAULT: i8 = 1;
const ANY: i8 = 2;

type Entity<'a> = &'a [(&'a str, Option<&'a str>)];

/// Types, how they match, and what.
type Components<'a> = &'a [(&'a str, i8, Option<&'a str>)];

/// A quota to set, or with `None` to take away.
fn op(key: &str, value: Option<f64>) -> OpData {
    OpData::default().with_key(text(key)).with_value(value.unwrap_or(0.0)).with_remove(value.is_none())
}

fn entry(entity: Entity<'_>, quotas: &[(&str, Option<f64>)]) -> EntryData {
    let names = entity.iter().map(|(entity_type, name)| {
        EntityData::default().with_entity_type(text(entity_type)).with_entity_name(name.map(text))
    });
    let ops = quotas.iter().map(|(key, value)| op(key, *value));
    EntryData::default().with_entity(names.collect()).with_ops(ops.collect())
}

fn request(entries: Vec<EntryData>) -> AlterClientQuotasRequest {
    AlterClientQuotasRequest::default().with_entries(entries)
}

/// Errors and messages, in the order of the entities' texts: the reference has none of its own.
fn told(answer: &AlterClientQuotasResponse) -> Vec<(String, i16, Option<String>)> {
    let told = answer.entries.iter().map(|entry| {
        let mut names: Vec<_> = entry.entity.iter().map(|of| (&of.entity_type, &of.entity_name)).collect();
        names.sort();
        let names = names.iter().map(|(kind, name)| format!("{kind}={}", name.as_deref().unwrap_or("-")));
        let names = names.collect::<Vec<_>>().join(",");
        (names, entry.error_code, entry.error_message.as_ref().map(ToString::to_string))
    });
    let mut told: Vec<_> = told.collect();
    told.sort();
    told
}

async fn set(client: &mut Client, version: i16, entity: Entity<'_>, quotas: &[(&str, Option<f64>)]) {
    let answer = client.call(version, request(vec![entry(entity, quotas)])).await;
    assert_eq!((answer.entries[0].error_code, answer.entries[0].error_message.as_deref()), (0, None));
}

/// The one error of an alteration of one entity.
async fn refused(
    client: &mut Client,
    version: i16,
    entity: Entity<'_>,
    quotas: &[(&str, Option<f64>)],
) -> String {
    let answer = client.call(version, request(vec![entry(entity, quotas)])).await;
    assert_eq!((answer.entries.len(), answer.entries[0].error_code), (1, INVALID_REQUEST), "{entity:?}");
    answer.entries[0].error_message.as_ref().expect("a message").to_string()
}

fn filter(components: Components<'_>, strict: bool) -> DescribeClientQuotasRequest {
    let components = components.iter().map(|(entity_type, match_type, name)| {
        let mut component = ComponentData::default().with_entity_type(text(entity_type));
        component = component.with_match_type(*match_type);
        component._match = name.map(text);
        component
    });
    DescribeClientQuotasRequest::default().with_components(components.collect()).with_strict(strict)
}

/// What a filter finds: entity, key and value, sorted.
fn found(answer: &DescribeClientQuotasResponse) -> Vec<(String, String, f64)> {
    assert_eq!((answer.error_code, answer.error_message.as_deref()), (0, Some("")));
    let mut found = Vec::new();
    for entry in answer.entries.as_ref().expect("entries") {
        let mut names: Vec<_> = entry.entity.iter().map(|of| (&of.entity_type, &of.entity_name)).collect();
        names.sort();
        let names = names.iter().map(|(kind, name)| format!("{kind}={}", name.as_deref().unwrap_or("-")));
        let names = names.collect::<Vec<_>>().join(",");
        found.extend(entry.values.iter().map(|quota| (names.clone(), quota.key.to_string(), quota.value)));
    }
    found.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
    found
}

fn quota(entity: &str, key: &str, value: f64) -> (String, String, f64) {
    (entity.to_owned(), key.to_owned(), value)
}

/// Asks until the answer is that: what was changed at the reference may not have come to its broker.
async fn expect_found(
    client: &mut Client,
    version: i16,
    asked: DescribeClientQuotasRequest,
    expected: &[(String, String, f64)],
) {
    let patience = Patience::new();
    loop {
        let answer = found(&client.call(version, asked.clone()).await);
        if answer == expected {
            return;
        }
        assert!(!is_ours(), "{answer:?} is not {expected:?}");
        patience.wait();
    }
}

#[tokio::test]
async fn quotas_are_set_described_and_taken_away() {
    let (_broker, mut client) = start().await;
    for version in versions(ApiKey::AlterClientQuotas) {
        let name = unique("user");
        let entity: Entity<'_> = &[("user", Some(&name))];
        let all = [
            ("consumer_byte_rate", 2000.0),
            ("controller_mutation_rate", 0.5),
            ("producer_byte_rate", 1000.0),
            ("request_percentage", 12.5),
        ];
        set(&mut client, version, entity, &all.map(|(key, value)| (key, Some(value)))).await;
        let asked = filter(&[("user", EXACT, Some(&name))], true);
        let shown = format!("user={name}");
        let expected = all.map(|(key, value)| quota(&shown, key, value));
        expect_found(&mut client, version, asked.clone(), &expected).await;
        let fewer = [("producer_byte_rate", None), ("consumer_byte_rate", Some(7.0)), ("unknown", None)];
        set(&mut client, version, entity, &fewer).await;
        let expected = [
            quota(&shown, "consumer_byte_rate", 7.0),
            quota(&shown, "controller_mutation_rate", 0.5),
            quota(&shown, "request_percentage", 12.5),
        ];
        expect_found(&mut client, version, asked.clone(), &expected).await;
        set(&mut client, version, entity, &all.map(|(key, _)| (key, None))).await;
        expect_found(&mut client, version, asked, &[]).await;
    }
}

#[tokio::test]
async fn a_filter_finds_names_defaults_and_all_of_a_type_and_is_strict_if_it_says_so() {
    let (_broker, mut client) = start().await;
    let (user, id) = (unique("user"), unique("client"));
    let rate = |value: f64| [("producer_byte_rate", Some(value))];
    let entities: [Entity<'_>; 5] = [
        &[("user", Some(&user))],
        &[("user", Some(&user)), ("client-id", Some(&id))],
        &[("user", Some(&user)), ("client-id", None)],
        &[("user", None), ("client-id", Some(&id))],
        &[("client-id", Some(&id))],
    ];
    for (n, entity) in (1..).zip(entities) {
        set(&mut client, 1, entity, &rate(f64::from(n))).await;
    }
    let one = |shown: String, n| quota(&shown, "producer_byte_rate", f64::from(n));
    let alone = one(format!("user={user}"), 1);
    let both = one(format!("client-id={id},user={user}"), 2);
    let user_default = one(format!("client-id=-,user={user}"), 3);
    let default_user = one(format!("client-id={id},user=-"), 4);
    let id_alone = one(format!("client-id={id}"), 5);
    let (of_user, of_id) = (("user", EXACT, Some(&*user)), ("client-id", EXACT, Some(&*id)));
    for version in versions(ApiKey::DescribeClientQuotas) {
        let cases = [
            (filter(&[of_user], true), vec![&alone]),
            (filter(&[of_user], false), vec![&user_default, &both, &alone]),
            (filter(&[of_user, of_id], true), vec![&both]),
            (filter(&[of_user, ("client-id", DEFAULT, None)], true), vec![&user_default]),
            (filter(&[of_user, ("client-id", ANY, None)], true), vec![&user_default, &both]),
            (filter(&[("user", DEFAULT, None), of_id], false), vec![&default_user]),
            (filter(&[of_id], true), vec![&id_alone]),
            (filter(&[("user", EXACT, Some("-")), of_id], false), vec![]),
            (filter(&[], true), vec![]),
        ];
        for (asked, expected) in cases {
            let mut expected: Vec<_> = expected.into_iter().cloned().collect();
            expected.sort_by(|a, b| a.0.cmp(&b.0));
            expect_found(&mut client, version, asked, &expected).await;
        }
        let everything = found(&client.call(version, filter(&[], false)).await);
        assert!([&alone, &both, &user_default, &default_user].iter().all(|one| everything.contains(one)));
    }
    // What lives longer than this test is not to hold for those without quotas of their own.
    for entity in entities {
        set(&mut client, 1, entity, &[("producer_byte_rate", None)]).await;
    }
}

#[tokio::test]
async fn addresses_have_a_quota_of_connections_and_no_other() {
    let (_broker, mut client) = start().await;
    let rate = |value| [("connection_creation_rate", value)];
    for version in versions(ApiKey::AlterClientQuotas) {
        for address in ["192.0.2.7", "2001:db8::7", "localhost"] {
            set(&mut client, version, &[("ip", Some(address))], &rate(Some(10.0))).await;
            let expected = [quota(&format!("ip={address}"), "connection_creation_rate", 10.0)];
            let asked = filter(&[("ip", EXACT, Some(address))], true);
            expect_found(&mut client, version, asked, &expected).await;
            set(&mut client, version, &[("ip", Some(address))], &rate(None)).await;
        }
        let ip: Entity<'_> = &[("ip", Some("192.0.2.7"))];
        for (key, words) in [
            ("producer_byte_rate", "Invalid configuration key producer_byte_rate"),
            ("request_percentage", "Invalid configuration key request_percentage"),
        ] {
            assert_eq!(refused(&mut client, version, ip, &[(key, Some(1.0))]).await, words);
        }
        let words = "Proposed value for connection_creation_rate is too large for an INT.";
        assert_eq!(refused(&mut client, version, ip, &rate(Some(2_147_483_648.0))).await, words);
        for nowhere in ["no such host", "300.1.1.1"] {
            let words = format!("{nowhere} is not a valid IP or resolvable host.");
            assert_eq!(refused(&mut client, version, &[("ip", Some(nowhere))], &[]).await, words);
        }
        let words = "Invalid quota entity combination, IP entity shouldnot be combined with User or ClientId";
        let both: Entity<'_> = &[("ip", Some("192.0.2.7")), ("user", Some("a"))];
        assert_eq!(refused(&mut client, version, both, &[]).await, words);
    }
}

#[tokio::test]
async fn entities_and_values_that_cannot_be_meant_are_refused_and_nothing_of_them_is_done() {
    let (_broker, mut client) = start().await;
    let name = unique("refused");
    let user: Entity<'_> = &[("user", Some(&name))];
    for version in versions(ApiKey::AlterClientQuotas) {
        let entities: [(Entity<'_>, &str); 4] = [
            (&[], "Invalid empty client quota entity"),
            (&[("group", Some("g"))], "Unhandled client quota entity type: group"),
            (&[("user", Some(""))], "Empty user not supported"),
            (&[("client-id", Some(""))], "Empty client-id not supported"),
        ];
        for (entity, words) in entities {
            assert_eq!(refused(&mut client, version, entity, &[]).await, words);
        }
        let values = [
            ("unknown", 1.0, "Invalid configuration key unknown"),
            ("connection_creation_rate", 1.0, "Invalid configuration key connection_creation_rate"),
            ("producer_byte_rate", 0.0, "Quota producer_byte_rate must be greater than 0"),
            ("request_percentage", -1.0, "Quota request_percentage must be greater than 0"),
            ("consumer_byte_rate", 0.5, "consumer_byte_rate cannot be a fractional value."),
            ("consumer_byte_rate", 1e300, "Proposed value for consumer_byte_rate is too large for a LONG."),
        ];
        for (key, value, words) in values {
            let quotas = [("controller_mutation_rate", Some(3.0)), (key, Some(value))];
            assert_eq!(refused(&mut client, version, user, &quotas).await, words);
        }
        let twice = [("producer_byte_rate", Some(3.0)), ("producer_byte_rate", Some(4.0))];
        let words = format!("Ignoring duplicate entity ClientQuotaEntity(entries={{user={name}}})");
        assert_eq!(refused(&mut client, version, user, &twice).await, words);
        let asked = filter(&[("user", EXACT, Some(&name))], true);
        assert_eq!(found(&client.call(version, asked).await), []);
    }
}

#[tokio::test]
async fn each_entity_is_answered_for_itself_and_once() {
    let (_broker, mut client) = start().await;
    for version in versions(ApiKey::AlterClientQuotas) {
        let (good, bad, twice) = (unique("a-good"), unique("b-bad"), unique("c-twice"));
        let rate = |value| [("producer_byte_rate", Some(value))];
        let asked = request(vec![
            entry(&[("user", Some(&bad))], &rate(-1.0)),
            entry(&[("user", Some(&twice))], &rate(1.0)),
            entry(&[("user", Some(&good))], &rate(2.0)),
            entry(&[("user", Some(&twice))], &rate(3.0)),
        ]);
        let answer = told(&client.call(version, asked).await);
        let words = format!("Ignoring duplicate entity ClientQuotaEntity(entries={{user={twice}}})");
        let expected = [
            (format!("user={good}"), 0, None),
            (
                format!("user={bad}"),
                INVALID_REQUEST,
                Some("Quota producer_byte_rate must be greater than 0".to_owned()),
            ),
            (format!("user={twice}"), INVALID_REQUEST, Some(words)),
        ];
        assert_eq!(answer, expected);
        let expected = [quota(&format!("user={good}"), "producer_byte_rate", 2.0)];
        expect_found(&mut client, version, filter(&[("user", EXACT, Some(&good))], true), &expected).await;
        // Kafka does what stands first of what it refuses.
        if is_ours() {
            let asked = filter(&[("user", EXACT, Some(&twice))], true);
            assert_eq!(found(&client.call(version, asked).await), []);
        }
    }
}

#[tokio::test]
async fn quotas_that_are_only_to_be_checked_are_not_set() {
    let (_broker, mut client) = start().await;
    for version in versions(ApiKey::AlterClientQuotas) {
        let name = unique("checked");
        let rate = |value| [("producer_byte_rate", Some(value))];
        let good = request(vec![entry(&[("user", Some(&name))], &rate(5.0))]).with_validate_only(true);
        assert_eq!(told(&client.call(version, good).await), [(format!("user={name}"), 0, None)]);
        let bad = request(vec![entry(&[("user", Some(&name))], &rate(-5.0))]).with_validate_only(true);
        assert_eq!(client.call(version, bad).await.entries[0].error_code, INVALID_REQUEST);
        let asked = filter(&[("user", EXACT, Some(&name))], true);
        assert_eq!(found(&client.call(version, asked).await), []);
    }
}

#[tokio::test]
async fn a_filter_that_cannot_be_meant_is_refused() {
    let (_broker, mut client) = start().await;
    let also = |kind| format!("Request specified {kind}, but also specified a match string.");
    let combined = "Invalid entity filter component combination. IP filter component should not be used with user or \
                    clientId filter component.";
    let cases: [(Components<'_>, i16, String); 9] = [
        (&[("", ANY, None)], INVALID_REQUEST, "Invalid empty entity type.".to_owned()),
        (&[("group", ANY, None)], 35, "Unsupported entity type group".to_owned()),
        (&[("user", 3, None)], INVALID_REQUEST, "Unknown match type 3".to_owned()),
        (&[("user", -1, Some("a"))], INVALID_REQUEST, "Unknown match type -1".to_owned()),
        (
            &[("user", EXACT, None)],
            INVALID_REQUEST,
            "Request specified MATCH_TYPE_EXACT, but set match string to null.".to_owned(),
        ),
        (&[("user", DEFAULT, Some("a"))], INVALID_REQUEST, also("MATCH_TYPE_DEFAULT")),
        (&[("user", ANY, Some("a"))], INVALID_REQUEST, also("MATCH_TYPE_SPECIFIED")),
        (
            &[("user", ANY, None), ("user", DEFAULT, None)],
            INVALID_REQUEST,
            "Entity type user cannot appear more than once in the filter.".to_owned(),
        ),
        (&[("user", ANY, None), ("ip", ANY, None)], INVALID_REQUEST, combined.to_owned()),
    ];
    for version in versions(ApiKey::DescribeClientQuotas) {
        for (components, code, words) in &cases {
            let answer = client.call(version, filter(components, true)).await;
            let told = (answer.error_code, answer.error_message.as_deref());
            assert_eq!(told, (*code, Some(words.as_str())), "version {version} {components:?}");
            assert_eq!(answer.entries, None);
        }
    }
}

#[tokio::test]
async fn quotas_outlive_a_restart() {
    let Some((mut broker, mut client)) = start_with(&[]).await else { return };
    let both: Entity<'_> = &[("user", Some("a")), ("client-id", None)];
    set(&mut client, 1, both, &[("producer_byte_rate", Some(5.0)), ("request_percentage", Some(0.5))]).await;
    set(&mut client, 1, both, &[("producer_byte_rate", None)]).await;
    set(&mut client, 1, &[("ip", None)], &[("connection_creation_rate", Some(9.0))]).await;
    let before = found(&client.call(1, filter(&[], false)).await);
    assert_eq!(before.len(), 2, "{before:?}");
    broker.restart().await;
    assert_eq!(found(&broker.client().await.call(1, filter(&[], false)).await), before);
}
