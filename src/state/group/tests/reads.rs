//! DescribeGroups and ListGroups.

use gracchus_base::GroupId;

use super::rig::*;
use crate::group::*;

#[test]
fn traps_61_an_unknown_group_is_told_apart_from_an_empty_one() {
    let mut rig = Rig::new();
    assert_eq!(rig.coordinator.describe(&group()), None);
    assert_eq!(GroupState::Dead.name(), "Dead");
    rig.commit(committing(0, 1));
    let empty = rig.coordinator.describe(&group()).unwrap();
    assert_eq!((empty.state, empty.protocol_type.as_str(), empty.members.len()), ("Empty", "", 0));
}

#[test]
fn a_stable_group_shows_protocol_metadata_and_assignments() {
    let mut rig = Rig::new();
    let (ids, _) = rig.stable(&["a", "b"]);
    let described = rig.coordinator.describe(&group()).unwrap();
    assert_eq!((described.state, described.protocol_type.as_str()), ("Stable", "consumer"));
    assert_eq!(described.protocol, "range");
    let member = described.members.iter().find(|member| member.member_id == ids[1]).unwrap();
    assert_eq!((member.client_id.as_str(), member.client_host.as_str()), ("b", "/127.0.0.1"));
    assert_eq!(member.metadata, speaking("range", &["t"]).metadata);
    assert_eq!(member.assignment, ids[1].as_bytes());
}

#[test]
fn metadata_and_protocol_are_shown_of_stable_groups_only() {
    let mut rig = Rig::new();
    rig.stable(&["a"]);
    rig.send(Request::Join(joining("b")));
    let described = rig.coordinator.describe(&group()).unwrap();
    assert_eq!((described.state, described.protocol.as_str()), ("PreparingRebalance", ""));
    assert!(described.members.iter().all(|member| member.metadata.is_empty()));
}

#[test]
fn groups_are_listed_by_state_and_type_in_any_case() {
    let mut rig = Rig::new();
    rig.stable(&["a"]);
    rig.commit(CommitOffsets { group: GroupId::new("h"), ..committing(0, 1) });
    let list = |states: &[&str], types: &[&str]| {
        let [states, types] = [states, types].map(|f| f.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>());
        let listed = rig.coordinator.list(&states, &types);
        listed.into_iter().map(|g| format!("{} {} {}", g.group, g.state, g.group_type)).collect::<Vec<_>>()
    };
    assert_eq!(list(&[], &[]), ["g Stable classic", "h Empty classic"]);
    assert_eq!(list(&["stable"], &["Classic"]), ["g Stable classic"]);
    assert_eq!(list(&["PreparingRebalance", "EMPTY"], &[]), ["h Empty classic"]);
    assert_eq!(list(&[], &["consumer"]), [""; 0]);
    assert_eq!(list(&["nonsense"], &[]), [""; 0]);
}
