//! The notes that people write beside the figures, one section for each workload, in a file that no run overwrites.

use std::collections::BTreeMap;

/// Sections by the name of their workload.
#[derive(Clone, Debug, Default)]
pub struct Notes(BTreeMap<String, String>);

impl Notes {
    /// Sections begin with `## workload`; what stands before the first is about the file itself.
    pub fn parse(text: &str) -> Notes {
        let mut sections: BTreeMap<String, String> = BTreeMap::new();
        let mut current = None;
        for line in text.lines() {
            if let Some(name) = line.strip_prefix("## ") {
                current = Some(name.trim().to_owned());
            } else if let Some(name) = &current {
                let section = sections.entry(name.clone()).or_default();
                section.push_str(line);
                section.push('\n');
            }
        }
        sections.retain(|_, section| !section.trim().is_empty());
        Notes(sections)
    }

    /// What is written about a workload.
    pub fn of(&self, workload: &str) -> Option<&str> {
        self.0.get(workload).map(|section| section.trim())
    }

    /// The workloads that are written about.
    pub fn workloads(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_lasts_until_the_next_and_empty_ones_say_nothing() {
        let notes = Notes::parse(
            "# About\nthe file\n\n## start\n\nOne.\n\n### More\nTwo.\n## empty\n\n## last\nThree.",
        );
        assert_eq!(notes.of("start"), Some("One.\n\n### More\nTwo."));
        assert_eq!(notes.of("last"), Some("Three."));
        assert_eq!(notes.of("empty"), None);
        assert_eq!(notes.workloads().collect::<Vec<_>>(), ["last", "start"]);
    }
}
