//! DescribeConfigs: rows as a running Kafka 4.3.1 printed them.

use super::*;

/// One entry in one line: value, source, and synonyms as name=value/source.
fn line(entry: &ConfigEntry) -> String {
    let synonyms: Vec<String> = entry
        .synonyms
        .iter()
        .map(|s| format!("{}={}/{}", s.name, s.value.as_deref().unwrap_or("null"), s.source.code()))
        .collect();
    format!("{} {} [{}]", entry.value.as_deref().unwrap_or("null"), entry.source.code(), synonyms.join(" "))
}

fn find(entries: &[ConfigEntry], name: &str) -> String {
    line(entries.iter().find(|e| e.name == name).unwrap_or_else(|| panic!("{name} is described")))
}

#[test]
fn traps_65_a_topic_shows_its_settings_with_their_sources() {
    let overrides = settings(&[("retention.ms", "1000"), ("cleanup.policy", " compact , delete ")]);
    let elr = settings(&[("min.insync.replicas", "1")]);
    let given = broker(&[("log.retention.hours", "100")]);
    let entries = describe_topic(&overrides, &Settings::new(), &elr, &given);
    let expected = [
        ("compression.type", "producer 5 [compression.type=producer/5]"),
        ("remote.log.delete.on.disable", "false 5 []"),
        ("min.insync.replicas", "1 3 [min.insync.replicas=1/3 min.insync.replicas=1/5]"),
        ("cleanup.policy", "compact,delete 1 [cleanup.policy=compact,delete/1 log.cleanup.policy=delete/5]"),
        ("flush.ms", "9223372036854775807 5 []"),
        ("segment.bytes", "1073741824 5 [log.segment.bytes=1073741824/5]"),
        ("retention.ms", "1000 1 [retention.ms=1000/1]"),
        ("min.cleanable.dirty.ratio", "0.5 5 [log.cleaner.min.cleanable.ratio=0.5/5]"),
        ("local.retention.bytes", "-2 5 [log.local.retention.bytes=-2/5]"),
        ("segment.ms", "604800000 5 []"),
    ];
    for (name, text) in expected {
        assert_eq!(find(&entries, name), text, "{name}");
    }
    assert!(entries.iter().all(|e| !e.read_only && !e.is_sensitive));
    assert!(!entries.iter().any(|e| e.name == "internal.segment.bytes"));
}

#[test]
fn traps_65_a_topic_without_its_own_retention_shows_the_brokers_hours_as_default() {
    let given = broker(&[("log.retention.hours", "100")]);
    let entries = describe_topic(&Settings::new(), &Settings::new(), &Settings::new(), &given);
    assert_eq!(find(&entries, "retention.ms"), "360000000 5 []");
}

#[test]
fn traps_65_dynamic_settings_come_before_static_ones() {
    let dynamic = settings(&[("log.segment.bytes", "5242880"), ("log.retention.ms", "3600000")]);
    let given = broker(&[("log.retention.hours", "100")]);
    let overrides =
        settings(&[("retention.ms", "1000"), ("internal.segment.bytes", "1000"), ("retention.bytes", " 7 ")]);
    let entries = describe_topic(&overrides, &dynamic, &dynamic, &given);
    let expected = [
        (
            "segment.bytes",
            "5242880 2 [log.segment.bytes=5242880/2 log.segment.bytes=5242880/3 log.segment.bytes=1073741824/5]",
        ),
        (
            "retention.ms",
            "1000 1 [retention.ms=1000/1 log.retention.ms=3600000/2 log.retention.ms=3600000/3 \
             log.retention.hours=100/4 log.retention.hours=168/5]",
        ),
        ("internal.segment.bytes", "1000 1 [internal.segment.bytes=1000/1]"),
        ("retention.bytes", "7 1 [retention.bytes=7/1 log.retention.bytes=-1/5]"),
    ];
    for (name, text) in expected {
        assert_eq!(find(&entries, name), text, "{name}");
    }
}

#[test]
fn traps_65_a_broker_shows_its_settings_and_hides_what_nobody_knows() {
    let given = broker(&[
        ("node.id", "1"),
        ("log.dirs", "/tmp/k"),
        ("log.retention.hours", "100"),
        ("offsets.topic.replication.factor", "1"),
    ]);
    let dynamic = settings(&[("log.retention.ms", "3600000"), ("foo", "x")]);
    let entries = describe_broker(&dynamic, &dynamic, &given);
    let expected = [
        ("broker.id", "1 4 [broker.id=1/4 broker.id=-1/5]"),
        ("log.dirs", "/tmp/k 4 [log.dirs=/tmp/k/4]"),
        ("log.roll.ms", "null 5 []"),
        ("log.flush.interval.ms", "null 5 []"),
        ("log.retention.hours", "100 4 [log.retention.hours=100/4 log.retention.hours=168/5]"),
        (
            "log.retention.ms",
            "3600000 2 [log.retention.ms=3600000/2 log.retention.ms=3600000/3 log.retention.hours=100/4 \
             log.retention.hours=168/5]",
        ),
        ("foo", "null 2 [foo=null/2 foo=null/3]"),
        ("message.max.bytes", "1048588 5 [message.max.bytes=1048588/5]"),
        ("advertised.listeners", "null 5 []"),
    ];
    for (name, text) in expected {
        assert_eq!(find(&entries, name), text, "{name}");
    }
    let read_only = |name: &str| entries.iter().find(|e| e.name == name).unwrap().read_only;
    assert!(read_only("log.dirs") && read_only("foo") && !read_only("log.retention.ms"));
    assert!(entries.iter().find(|e| e.name == "foo").unwrap().is_sensitive);
    assert!(!entries.iter().any(|e| e.name == "log.local.retention.ms"), "not implemented");
}

#[test]
fn the_resource_without_a_name_shows_what_is_set_for_all_brokers() {
    let entries = describe_cluster_default(&settings(&[("log.segment.bytes", "5242880"), ("foo", "x")]));
    assert_eq!(entries.len(), 2);
    assert_eq!(find(&entries, "log.segment.bytes"), "5242880 3 [log.segment.bytes=5242880/3]");
    assert_eq!(find(&entries, "foo"), "null 3 [foo=null/3]");
}

#[test]
fn dynamic_settings_change_the_defaults_of_topics_and_bad_ones_are_refused() {
    let given = broker(&[]);
    let one = settings(&[("message.max.bytes", "5"), ("num.partitions", "9"), ("foo", "x")]);
    let all = settings(&[("message.max.bytes", "6"), ("log.retention.bytes", "8")]);
    let changed = given.with_dynamic(&one, &all).unwrap();
    assert_eq!((changed.topic_defaults.max_message_bytes, changed.topic_defaults.retention_bytes), (5, 8));
    assert_eq!(changed.num_partitions, 1, "read-only");
    assert!(given.with_dynamic(&settings(&[("log.roll.ms", "0")]), &all).is_err());
    let back = changed.with_dynamic(&Settings::new(), &Settings::new()).unwrap();
    assert_eq!(back.topic_defaults, given.topic_defaults);
}
