//! Listeners: what Kafka 4.3.1 takes and refuses, tried one by one against its `KafkaConfig`.

use super::*;

const MAP: &str = "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,EXT:PLAINTEXT,SECURE:SSL";

fn listen(listeners: &str, more: &[(&str, &str)]) -> Result<BrokerConfig, String> {
    let mut given = settings(&[("listeners", listeners), ("listener.security.protocol.map", MAP)]);
    if listeners.contains("CONTROLLER") {
        given.extend(settings(&[("controller.listener.names", "CONTROLLER")]));
    }
    given.extend(settings(more));
    BrokerConfig::from_settings(&given).map_err(|e| e.message)
}

fn bound(config: &BrokerConfig) -> Vec<String> {
    config.listeners.iter().map(|l| format!("{}://{}", l.name, l.bind)).collect()
}

#[test]
fn the_controllers_listener_is_accepted_and_kept_apart() {
    let config = listen("PLAINTEXT://:9092,CONTROLLER://:9093", &[]).unwrap();
    assert_eq!(bound(&config), ["PLAINTEXT://:9092"]);
    assert_eq!(config.controller_listeners[0].bind.port, 9093);
}

#[test]
fn hosts_are_names_addresses_or_nothing() {
    let cases = [
        ("PLAINTEXT://0.0.0.0:1", "PLAINTEXT://0.0.0.0:1"),
        ("PLAINTEXT://:1", "PLAINTEXT://:1"),
        ("PLAINTEXT://[::1]:9092", "PLAINTEXT://[::1]:9092"),
        ("PLAINTEXT://::1:9092", "PLAINTEXT://[::1]:9092"),
        ("plaintext://h_x.y-1:0", "PLAINTEXT://h_x.y-1:0"),
    ];
    for (text, read) in cases {
        assert_eq!(bound(&listen(text, &[]).unwrap()), [read]);
    }
}

#[test]
fn several_listeners_may_share_a_port_only_as_v4_and_v6_or_as_port_0() {
    let both = listen(" PLAINTEXT://127.0.0.1:9092 , EXT://[::1]:9092", &[]).unwrap();
    assert_eq!(bound(&both), ["PLAINTEXT://127.0.0.1:9092", "EXT://[::1]:9092"]);
    assert_eq!(listen("PLAINTEXT://h:0,EXT://h:0,CONTROLLER://:0", &[]).unwrap().listeners.len(), 2);
    let clash = listen("PLAINTEXT://:9092,EXT://:9092", &[]).unwrap_err();
    assert_eq!(
        clash,
        "Error creating broker listeners from '[PLAINTEXT://:9092, EXT://:9092]': Each listener must have a \
         different port, listeners: [PLAINTEXT://:9092, EXT://:9092]"
    );
    let twice = listen("PLAINTEXT://:9092,PLAINTEXT://:9095", &[]).unwrap_err();
    assert!(twice.contains("Each listener must have a different name"), "{twice}");
}

#[test]
fn what_is_no_listener_is_refused() {
    for text in [
        "PLAINTEXT:9092",
        "PLAINTEXT://h:x",
        "://h:1",
        "PLAINTEXT://h",
        "PLAINTEXT://h:99999",
        "PLAINTEXT://a b:1",
    ] {
        let message = listen(text, &[]).unwrap_err();
        assert!(message.contains(&format!("Unable to parse {text} to a broker endpoint")), "{message}");
    }
    assert!(listen("FOO://:1", &[]).unwrap_err().contains("No security protocol defined for listener FOO"));
    assert!(listen("CONTROLLER://:1", &[]).unwrap_err().starts_with("There must be at least one broker"));
}

#[test]
fn a_protocol_that_is_not_served_is_refused() {
    let message = listen("SECURE://:9093", &[]).unwrap_err();
    assert_eq!(message, "Listener SECURE uses SSL, which is not served yet: only PLAINTEXT is");
    let bad = listen("EXT://:1", &[("listener.security.protocol.map", "EXT:FOO")]).unwrap_err();
    assert_eq!(bad, "Invalid security protocol `FOO` defined in listener.security.protocol.map");
}

#[test]
fn the_default_map_learns_the_controllers_listener() {
    let given = settings(&[("listeners", "PLAINTEXT://:1,C://:2"), ("controller.listener.names", "C")]);
    assert_eq!(BrokerConfig::from_settings(&given).unwrap().controller_listeners.len(), 1);
}

#[test]
fn advertised_listeners_are_told_to_clients_and_must_be_real() {
    let told = |text| listen("PLAINTEXT://0.0.0.0:9092,EXT://:1", &[("advertised.listeners", text)]);
    let config = told("EXT://example.org:19092").unwrap();
    assert_eq!(config.listeners[0].advertised, None);
    assert_eq!(config.listeners[1].advertised.as_ref().unwrap().to_string(), "example.org:19092");
    assert!(told("PLAINTEXT://0.0.0.0:9092").unwrap_err().contains("nonroutable meta-address 0.0.0.0"));
    assert!(told("SECURE://h:1").unwrap_err().contains("must be equal to or a subset"));
    let controller = [("advertised.listeners", "CONTROLLER://h:1")];
    let message = listen("PLAINTEXT://:9092,CONTROLLER://:1", &controller).unwrap_err();
    assert!(message.starts_with("There must be at least one broker"), "{message}");
}

#[test]
fn the_inter_broker_listener_is_one_that_exists() {
    let named = |name| listen("PLAINTEXT://:9092,EXT://:1", &[("inter.broker.listener.name", name)]);
    assert_eq!(named("ext").unwrap().inter_broker_listener, "EXT");
    assert!(named("NOPE").unwrap_err().contains("not found in listener.security.protocol.map"));
    assert!(named("SECURE").unwrap_err().ends_with("currently configured listeners are PLAINTEXT,EXT"));
    assert_eq!(listen("EXT://:1", &[]).unwrap().inter_broker_listener, "EXT");
}
