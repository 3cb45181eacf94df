//! What was found, for people: rows of equal cases, and the differences with their reasons.

use std::collections::{BTreeMap, BTreeSet};

use gracchus_wire::ApiKey;

use crate::case::{Case, Group};
use crate::explain;

/// What became of a case on both sides.
#[derive(Clone, Debug)]
pub struct Compared {
    pub case: Case,
    pub kafka: String,
    pub ours: String,
}

impl Compared {
    pub fn differs(&self) -> bool {
        self.kafka != self.ours
    }

    pub fn why(&self) -> Option<&'static str> {
        explain::why(&self.case, &self.kafka, &self.ours)
    }

    /// One line for the person who runs this.
    pub fn line(&self) -> String {
        let Compared { case, kafka, ours } = self;
        let api = case.api.map_or("-", ApiKey::name);
        let mut bytes: String = case.frame.iter().take(160).map(|byte| format!("{byte:02x}")).collect();
        if case.frame.len() > 160 {
            bytes.push_str("...");
        }
        format!("{api} v{} {}\n  Kafka:    {kafka}\n  Gracchus: {ours}\n  {bytes}", case.version, case.name)
    }
}

/// The whole document.
pub fn document(all: &[Compared], header: &str) -> String {
    let mut text = header.to_owned();
    let (same, different): (Vec<_>, Vec<_>) = all.iter().partition(|compared| !compared.differs());
    text.push_str(&format!("\n{} cases; {} same, {} different.\n", all.len(), same.len(), different.len()));
    text.push_str("\n## Differences\n\n| what is sent | where | cases | Kafka | Gracchus | why |\n|---|---|---|---|---|---|\n");
    for row in rows(&different, true) {
        text.push_str(&row);
    }
    for group in Group::ALL {
        let of_group: Vec<&Compared> = same.iter().copied().filter(|c| c.case.group == group).collect();
        let head = "| what is sent | where | cases | both |\n|---|---|---|---|";
        text.push_str(&format!("\n## {}: the same\n\n{head}\n", group.title()));
        for row in rows(&of_group, false) {
            text.push_str(&row);
        }
    }
    text
}

/// Cases of one name with the same outcomes share a row.
fn rows(all: &[&Compared], different: bool) -> Vec<String> {
    let mut rows: BTreeMap<(Group, String, String, String, &str), Vec<&Compared>> = BTreeMap::new();
    for compared in all {
        let case = &compared.case;
        let api = if case.group.over_all_apis() { "" } else { case.api.map_or("", ApiKey::name) };
        let title = if api.is_empty() || case.group == Group::Batches {
            case.name.clone()
        } else {
            format!("{api}: {}", case.name)
        };
        let (kafka, ours) = brief(compared);
        let why = if different { compared.why().unwrap_or("**not explained**") } else { "" };
        rows.entry((case.group, title, kafka, ours, why)).or_default().push(compared);
    }
    rows.into_iter()
        .map(|((_, title, kafka, ours, why), cases)| {
            let place = places(&cases);
            match different {
                true => format!("| {title} | {place} | {} | {kafka} | {ours} | {why} |\n", cases.len()),
                false => format!("| {title} | {place} | {} | {kafka} |\n", cases.len()),
            }
        })
        .collect()
}

/// Both outcomes. Where cases are made from the layouts, what each API answers to an ordinary request says nothing.
fn brief(compared: &Compared) -> (String, String) {
    let brief = |outcome: &String| match is_verdict(outcome) {
        true => outcome.clone(),
        false => "answers".to_owned(),
    };
    let (kafka, ours) = (brief(&compared.kafka), brief(&compared.ours));
    if compared.case.group.over_all_apis() && (!compared.differs() || kafka != ours) {
        return (kafka, ours);
    }
    (compared.kafka.clone(), compared.ours.clone())
}

/// Whether an outcome is about the connection and not about what was asked.
fn is_verdict(outcome: &str) -> bool {
    ["closes", "waits", "no answer", "an answer that"].iter().any(|begin| outcome.starts_with(begin))
        || outcome.ends_with("then closes")
}

/// The APIs and versions of cases.
fn places(cases: &[&Compared]) -> String {
    let mut versions: BTreeMap<Option<ApiKey>, BTreeSet<i16>> = BTreeMap::new();
    for compared in cases {
        versions.entry(compared.case.api).or_default().insert(compared.case.version);
    }
    if versions.len() > 8 {
        return format!("{} APIs", versions.len());
    }
    let one = |(api, versions): (&Option<ApiKey>, &BTreeSet<i16>)| {
        let Some(api) = api else { return "-".to_owned() };
        format!("{api} {}", ranges(versions))
    };
    versions.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// `0-3, 7`.
fn ranges(versions: &BTreeSet<i16>) -> String {
    let mut ranges: Vec<(i16, i16)> = Vec::new();
    for version in versions {
        match ranges.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(*version) => *last = *version,
            _ => ranges.push((*version, *version)),
        }
    }
    let one = |(first, last): &(i16, i16)| {
        if first == last { first.to_string() } else { format!("{first}-{last}") }
    };
    ranges.iter().map(one).collect::<Vec<_>>().join(", ")
}
