//! The page of settings without effect.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

/// The table below a heading: names, and why they are idle.
fn listed(heading: &str) -> BTreeMap<&'static str, &'static str> {
    const PAGE: &str = include_str!("../../../../docs/CONFIGS.md");
    let (_, section) = PAGE.split_once(&format!("## {heading}\n")).unwrap();
    let section = section.split("\n## ").next().unwrap();
    section
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.strip_suffix(" |")?.split_once("` | "))
        .collect()
}

#[test]
fn settings_without_effect_are_listed_and_no_others() {
    let idle = || TOPIC.iter().filter(|definition| !definition.implemented);
    let topics: BTreeSet<_> = listed("Topics").into_keys().collect();
    assert_eq!(topics, idle().map(|definition| definition.name).collect());
    // A default of something without effect has none either.
    let is_idle = |definition: &Definition| {
        !definition.implemented || idle().any(|topic| topic.synonym == Some(definition.name))
    };
    let brokers = BROKER.iter().chain(IDLE).filter(|definition| is_idle(definition));
    let page = listed("Brokers");
    assert_eq!(
        page.keys().copied().collect::<BTreeSet<_>>(),
        brokers.map(|definition| definition.name).collect()
    );
    for Definition { name, documentation: doc, .. } in IDLE {
        // On the page they begin small, and without a full stop.
        assert!(doc[1..].trim_end_matches('.') == &page[name][1..], "{name}: {doc}");
    }
}
