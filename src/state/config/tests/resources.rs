//! Settings of groups and of subscriptions to client metrics, in the words of a running Kafka 4.3.1.

use super::*;

fn group(pairs: &[(&str, &str)]) -> Result<(), String> {
    validate_group(&settings(pairs)).map_err(|error| error.message)
}

#[test]
fn what_a_group_refuses_has_kafkas_words() {
    let cases = [
        ("nope", "1", "Unknown group config name: nope"),
        (
            "consumer.session.timeout.ms",
            "soon",
            "Invalid value soon for configuration consumer.session.timeout.ms: Not a number of type INT",
        ),
        (
            "consumer.session.timeout.ms",
            "500",
            "consumer.session.timeout.ms must be greater than or equal to group.consumer.min.session.timeout.ms",
        ),
        (
            "streams.num.standby.replicas",
            "3",
            "streams.num.standby.replicas must be less than or equal to group.streams.max.standby.replicas",
        ),
        (
            "share.isolation.level",
            "x",
            "Invalid value x for configuration share.isolation.level: String must be one of: read_committed, \
             read_uncommitted",
        ),
        (
            "share.auto.offset.reset",
            "by_duration:x",
            "Invalid value by_duration:x for configuration share.auto.offset.reset: Invalid value `by_duration:x` for \
             configuration share.auto.offset.reset. The value must be either 'earliest', 'latest' or of the format \
             'by_duration:<PnDTnHnMn.nS>'.",
        ),
    ];
    for (name, value, why) in cases {
        assert_eq!(group(&[(name, value)]), Err(why.to_owned()), "{name}={value}");
    }
}

#[test]
fn a_groups_duration_is_days_to_seconds_and_not_negative() {
    let reset = |text: &str| group(&[("share.auto.offset.reset", &format!("by_duration:{text}"))]).is_ok();
    // As Kafka 4.3.1 answers.
    let fine = [
        "PT1H",
        "P1D",
        "P2DT3H4M5.6S",
        "PT0S",
        "pt1m",
        "PT5.S",
        "PT5,5S",
        "PT+5S",
        "+PT1S",
        "-PT-1S",
        "P1DT-1H",
    ];
    let long = ["PT1000000000S", "PT9223372036854775807S", "P106751991167300D"];
    for text in fine.into_iter().chain(long) {
        assert!(reset(text), "{text}");
    }
    let wrong = [
        "",
        "P",
        "PT",
        "P1",
        "P1DT",
        "PT1M1H",
        "P1Y",
        "PT1X",
        "PT1.2.3S",
        "1H",
        "PT.5S",
        "--PT1S",
        "PT1.1234567890S",
    ];
    let negative = ["-PT1H", "PT-1H", "PT-0.5S"];
    let long = ["PT9223372036854775808S", "P106751991167301D"];
    for text in wrong.into_iter().chain(negative).chain(long) {
        assert!(!reset(text), "{text}");
    }
}

#[test]
fn what_a_subscription_refuses_has_kafkas_words_and_code() {
    let refused = |name: &str, value: &str| validate_client_metrics(&settings(&[(name, value)])).unwrap_err();
    let config = |message: &str| SubscriptionError::Config(ConfigError::new(message));
    let request = |message: &str| SubscriptionError::Request(message.to_owned());
    assert_eq!(refused("nope", "1"), request("Unknown client metrics configuration: nope"));
    for value in ["99", "3600001"] {
        let why = "interval must be between 100 and 3600000 (1 hour)";
        let message = format!("Invalid value {value} for interval.ms, {why}");
        assert_eq!(refused("interval.ms", value), request(&message));
    }
    assert_eq!(
        refused("interval.ms", "soon"),
        config("Invalid value soon for configuration interval.ms: Not a number of type INT")
    );
    assert_eq!(refused("match", "client_id=a,foo=1"), config("Illegal client matching pattern: foo=1"));
    for pattern in ["client_id", "client_id=", "client_id=a=b"] {
        assert_eq!(refused("match", pattern), config(&format!("Illegal client matching pattern: {pattern}")));
    }
    assert_eq!(validate_client_metrics(&settings(&[("match", " client_id = a =")])), Ok(()));
    let good =
        settings(&[("interval.ms", "100"), ("metrics", ""), ("match", "client_id=a.*,client_source_port=1")]);
    assert_eq!(validate_client_metrics(&good), Ok(()));
}

#[test]
fn groups_and_subscriptions_show_what_is_set_and_what_it_would_be_without() {
    let shown = |entries: Vec<ConfigEntry>, name: &str| {
        let entry = entries.into_iter().find(|entry| entry.name == name).unwrap();
        let synonyms = entry.synonyms.iter().map(|s| format!("{}={}", s.name, s.value.as_deref().unwrap()));
        (entry.value, entry.source, synonyms.collect::<Vec<_>>())
    };
    let own = settings(&[("consumer.session.timeout.ms", "50000"), ("interval.ms", "200")]);
    let default = "group.consumer.session.timeout.ms=45000".to_owned();
    let set = "consumer.session.timeout.ms=50000".to_owned();
    assert_eq!(
        shown(describe_group(&own), "consumer.session.timeout.ms"),
        (Some("50000".to_owned()), ConfigSource::Group, vec![set, default.clone()])
    );
    assert_eq!(
        shown(describe_group(&Settings::new()), "consumer.session.timeout.ms"),
        (Some("45000".to_owned()), ConfigSource::Default, vec![default])
    );
    assert_eq!(
        shown(describe_client_metrics(&own), "interval.ms"),
        (Some("200".to_owned()), ConfigSource::ClientMetrics, vec!["interval.ms=200".to_owned()])
    );
    assert_eq!(
        shown(describe_client_metrics(&Settings::new()), "interval.ms"),
        (Some("300000".to_owned()), ConfigSource::Default, vec![])
    );
}

#[test]
fn a_groups_defaults_are_allowed() {
    assert_eq!(group(&[]), Ok(()));
    for definition in GROUP {
        assert_eq!(group(&[(definition.name, definition.default.unwrap())]), Ok(()), "{}", definition.name);
    }
}
