//! Settings: `server.properties`, and what is altered through the protocol.

use gracchus_state::config::{
    BROKER, BrokerConfig, Definition, HostPort, Settings, TOPIC, describe_broker, describe_topic, properties,
    resolve_topic, validate_broker_config, validate_topic_config,
};

use crate::{Bound, Target};

/// Every setting of the broker as a value of its own, with all the texts that are shown of it.
const DESCRIBED_BYTES: usize = 256 * 1024;

/// A whole file, and the broker that it asks for.
pub(super) const PROPERTIES: Target = Target {
    name: "server-properties",
    samples: || {
        vec![
            COMBINED.to_vec(),
            b"a=b\\\n  c\nd\\u0041 : \\ud83d\\ude00\n!x\r\nlog.dirs=\xe4".to_vec(),
            defaults(),
        ]
    },
    run: |input| {
        let Ok(settings) = properties::parse(input) else { return };
        if let Ok(config) = BrokerConfig::from_settings(&settings) {
            assert!(!config.listeners.is_empty() && !config.log_dirs.is_empty());
            drop(describe_broker(&Settings::new(), &Settings::new(), &config));
        }
    },
    // A line of one letter is a text of its own three times over, and an entry in trees that are copied.
    bound: Bound { per_byte: 256, always: DESCRIBED_BYTES },
};

/// As Kafka's own example for a combined node has it.
const COMBINED: &[u8] = b"# a comment\nprocess.roles=broker,controller\nnode.id=1\n\
    controller.quorum.bootstrap.servers=localhost:9093\nlisteners=PLAINTEXT://:9092,CONTROLLER://:9093\n\
    inter.broker.listener.name=PLAINTEXT\nadvertised.listeners=PLAINTEXT://localhost:9092\n\
    controller.listener.names=CONTROLLER\nlistener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT\n\
    num.network.threads=3\nlog.dirs=/data/a,/data/b\nnum.partitions=1\nlog.retention.hours=168\n\
    max.connections.per.ip.overrides=localhost:5,10.0.0.1:7\ncompression.type=zstd\n";

/// Every setting that has a default.
fn defaults() -> Vec<u8> {
    let lines = BROKER.iter().filter_map(|d| Some(format!("{}={}\n", d.name, d.default?)));
    lines.collect::<String>().into_bytes()
}

/// One setting of a broker or of a topic, by its number in two bytes, and a value.
pub(super) const ONE_SETTING: Target = Target {
    name: "setting",
    samples: || (0..).zip(BROKER.iter().chain(TOPIC)).map(|(n, d)| sample(n, d)).collect(),
    run: |input| {
        let Some((number, value)) = input.split_first_chunk() else { return };
        let number = usize::from(u16::from_be_bytes(*number)) % (BROKER.len() + TOPIC.len());
        let value = String::from_utf8_lossy(value);
        match BROKER.get(number) {
            Some(definition) => broker_setting(definition, &value),
            None => topic_setting(&TOPIC[number - BROKER.len()], &value),
        }
    },
    // A list of one letter each is a text of its own for each, four times over.
    bound: Bound { per_byte: 256, always: DESCRIBED_BYTES },
};

fn sample(number: u16, definition: &Definition) -> Vec<u8> {
    let value = definition.default.filter(|text| !text.is_empty()).unwrap_or("a:1,b:2");
    [&number.to_be_bytes()[..], value.as_bytes()].concat()
}

fn broker_setting(definition: &Definition, value: &str) {
    let name = definition.name.to_owned();
    drop(validate_broker_config(&name, Some(value)));
    let one = Settings::from([(name, value.to_owned())]);
    drop(BrokerConfig::from_settings(&one));
    let default = BrokerConfig::from_settings(&Settings::new()).expect("the defaults are right");
    drop(default.with_dynamic(&one, &Settings::new()));
    drop(describe_broker(&one, &Settings::new(), &default));
}

fn topic_setting(definition: &Definition, value: &str) {
    let default = BrokerConfig::from_settings(&Settings::new()).expect("the defaults are right");
    let refused = validate_topic_config(definition.name, Some(value)).is_err();
    let resolved = resolve_topic([(definition.name, value)], &default);
    assert!(!(refused && resolved.is_ok()), "{} is refused alone, and taken with others", definition.name);
    let one = Settings::from([(definition.name.to_owned(), value.to_owned())]);
    drop(describe_topic(&one, &Settings::new(), &Settings::new(), &default));
}

/// `host:port`, as flags and listeners have it: what is understood is written as it is read.
pub(super) const LISTENER: Target = Target {
    name: "host-and-port",
    samples: || {
        ["localhost:9092", "[::1]:0", ":65535", "10.0.0.1:80"].map(|text| text.as_bytes().to_vec()).to_vec()
    },
    run: |input| {
        let text = String::from_utf8_lossy(input);
        if let Some(place) = HostPort::parse(&text) {
            assert_eq!(HostPort::parse(&place.to_string()), Some(place));
        }
    },
    bound: Bound { per_byte: 16, always: 1024 },
};
