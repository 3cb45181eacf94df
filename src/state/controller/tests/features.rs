use gracchus_base::metadata_record::ConfigResource;

use super::super::{FeatureUpdate, UpgradeType, bootstrap_records, update_features};
use super::*;

const ELR: &str = "eligible.leader.replicas.version";
const MIN_ISR: &str = "min.insync.replicas";

fn cluster() -> Cluster {
    let mut cluster = Cluster::new(1, 0);
    cluster.commit(bootstrap_records(1));
    cluster
}

fn update(feature: &str, level: i16, upgrade_type: UpgradeType) -> FeatureUpdate {
    FeatureUpdate { feature: feature.to_owned(), level, upgrade_type }
}

/// Decides, and commits what was decided.
fn change(cluster: &mut Cluster, updates: &[FeatureUpdate]) -> Result<(), AdminError> {
    let records = update_features(cluster.image(), &cluster.broker, updates)?;
    cluster.commit(records);
    Ok(())
}

fn set(cluster: &mut Cluster, broker: Option<i32>, value: Option<&str>) {
    cluster.commit(vec![MetadataRecord::Config {
        resource: ConfigResource::Broker(broker.map(BrokerId)),
        name: MIN_ISR.to_owned(),
        value: value.map(str::to_owned),
    }]);
}

fn min_isr(cluster: &Cluster, broker: Option<i32>) -> Option<String> {
    let resource = ConfigResource::Broker(broker.map(BrokerId));
    cluster.image().configs(&resource).get(MIN_ISR).map(str::to_owned)
}

#[test]
fn a_feature_is_turned_off_and_on_again_and_no_record_is_made_for_a_level_that_it_has() {
    let mut cluster = cluster();
    for down in [UpgradeType::SafeDowngrade, UpgradeType::UnsafeDowngrade] {
        change(&mut cluster, &[update(ELR, 0, down)]).unwrap();
        assert_eq!(cluster.image().feature(ELR), None);
        change(&mut cluster, &[update(ELR, 1, UpgradeType::Upgrade)]).unwrap();
        assert_eq!(cluster.image().feature(ELR), Some(1));
    }
    let before = cluster.log.len();
    let same = [update("metadata.version", 30, UpgradeType::Upgrade), update(ELR, 1, UpgradeType::Upgrade)];
    change(&mut cluster, &same).unwrap();
    assert_eq!(cluster.log.len(), before);
}

#[test]
fn eligible_leaders_bring_one_min_insync_replicas_for_the_cluster() {
    let mut cluster = cluster();
    change(&mut cluster, &[update(ELR, 0, UpgradeType::SafeDowngrade)]).unwrap();
    set(&mut cluster, None, None);
    set(&mut cluster, Some(1), Some("3"));
    set(&mut cluster, Some(7), Some("4"));
    change(&mut cluster, &[update(ELR, 1, UpgradeType::Upgrade)]).unwrap();
    assert_eq!(min_isr(&cluster, None).as_deref(), Some("1"));
    assert_eq!([min_isr(&cluster, Some(1)), min_isr(&cluster, Some(7))], [None, None]);
    // The cluster's own stays as it is.
    change(&mut cluster, &[update(ELR, 0, UpgradeType::SafeDowngrade)]).unwrap();
    set(&mut cluster, None, Some("2"));
    change(&mut cluster, &[update(ELR, 1, UpgradeType::Upgrade)]).unwrap();
    assert_eq!(min_isr(&cluster, None).as_deref(), Some("2"));
}

#[test]
fn one_update_that_cannot_be_done_refuses_all() {
    let mut cluster = cluster();
    let good = update(ELR, 0, UpgradeType::SafeDowngrade);
    let bad = update("unknown", 1, UpgradeType::Upgrade);
    let (code, words) = refused(change(&mut cluster, &[good, bad]));
    assert_eq!(code, ErrorCode::InvalidUpdateVersion);
    assert!(words.ends_with("Local controller 1 does not support this feature."), "{words}");
    assert_eq!(cluster.image().feature(ELR), Some(1));
}
