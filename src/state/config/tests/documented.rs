//! The page of settings without effect.

use std::collections::BTreeSet;

use super::*;

/// The names in the table below a heading.
fn listed(heading: &str) -> BTreeSet<&'static str> {
    const PAGE: &str = include_str!("../../../../docs/CONFIGS.md");
    let (_, section) = PAGE.split_once(&format!("## {heading}\n")).unwrap();
    let section = section.split("\n## ").next().unwrap();
    section.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect()
}

#[test]
fn settings_without_effect_are_listed_and_no_others() {
    let idle = || TOPIC.iter().filter(|definition| !definition.implemented);
    assert_eq!(listed("Topics"), idle().map(|definition| definition.name).collect());
    // A default of something without effect has none either.
    let is_idle = |definition: &Definition| {
        !definition.implemented || idle().any(|topic| topic.synonym == Some(definition.name))
    };
    let brokers = BROKER.iter().chain(IDLE).filter(|definition| is_idle(definition));
    assert_eq!(listed("Brokers"), brokers.map(|definition| definition.name).collect());
}
