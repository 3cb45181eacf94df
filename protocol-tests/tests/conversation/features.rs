//! UpdateFeatures, and what ApiVersions says of features afterwards.

use gracchus_wire::ApiKey;
use gracchus_wire::messages::{
    ApiVersionsRequest, UpdateFeaturesRequest, UpdateFeaturesResponse,
    update_features_request::FeatureUpdateKey,
};
use protocol_tests::Client;

use super::support::*;

const INVALID_UPDATE_VERSION: i16 = 95;
const ELR: &str = "eligible.leader.replicas.version";
const METADATA: &str = "metadata.version";
const UPGRADE: i8 = 1;
const SAFE_DOWNGRADE: i8 = 2;
const UNSAFE_DOWNGRADE: i8 = 3;

/// Features with their levels and types of upgrade; version 0 has no types.
fn request(updates: &[(&str, i16, i8)]) -> UpdateFeaturesRequest {
    let updates = updates.iter().map(|(feature, level, upgrade_type)| {
        FeatureUpdateKey::default()
            .with_feature(text(feature))
            .with_max_version_level(*level)
            .with_upgrade_type(*upgrade_type)
    });
    UpdateFeaturesRequest::default().with_timeout_ms(10_000).with_feature_updates(updates.collect())
}

fn assert_done(version: i16, asked: &UpdateFeaturesRequest, answer: &UpdateFeaturesResponse) {
    let told = (answer.error_code, answer.error_message.as_deref());
    assert_eq!(told, (0, None), "version {version} {asked:?}");
    let told = answer
        .results
        .iter()
        .map(|result| (result.feature.to_string(), result.error_code, result.error_message.as_deref()));
    let each = asked.feature_updates.iter().map(|update| (update.feature.to_string(), 0, Some("NONE")));
    let expected = each.filter(|_| version < 2);
    assert_eq!(told.collect::<Vec<_>>(), expected.collect::<Vec<_>>(), "version {version}");
}

async fn done(client: &mut Client, version: i16, asked: UpdateFeaturesRequest) {
    let answer = client.call(version, asked.clone()).await;
    assert_done(version, &asked, &answer);
}

/// Why a request is refused: the words behind those that every refusal has.
async fn refused(client: &mut Client, version: i16, asked: UpdateFeaturesRequest) -> String {
    let answer = client.call(version, asked).await;
    assert_eq!((answer.error_code, answer.results.len()), (INVALID_UPDATE_VERSION, 0));
    let message = answer.error_message.expect("a message").to_string();
    let front = "The update failed for all features since the following feature had an error: Invalid update version ";
    message.strip_prefix(front).expect("the front of the message").to_owned()
}

/// The level of a feature that is finalized.
async fn level(client: &mut Client, feature: &str) -> Option<i16> {
    let asked = ApiVersionsRequest::default()
        .with_client_software_name(text("a"))
        .with_client_software_version(text("1"));
    let answer = client.call(4, asked).await;
    let found = answer.finalized_features.iter().find(|found| found.name.as_str() == feature);
    found.map(|found| {
        assert_eq!(found.min_version_level, found.max_version_level);
        found.max_version_level
    })
}

#[tokio::test]
async fn a_feature_is_turned_off_and_on_again_and_api_versions_tells_it() {
    // Not of a broker that others are talking to.
    let Some((_broker, mut client)) = start_with(&[]).await else { return };
    for version in versions(ApiKey::UpdateFeatures).filter(|version| *version >= 1) {
        for down in [SAFE_DOWNGRADE, UNSAFE_DOWNGRADE] {
            let off = request(&[(ELR, 0, down)]);
            done(&mut client, version, off.clone().with_validate_only(true)).await;
            assert_eq!(level(&mut client, ELR).await, Some(1), "it was only to be checked");
            done(&mut client, version, off).await;
            assert_eq!(level(&mut client, ELR).await, None);
            done(&mut client, version, request(&[(ELR, 1, UPGRADE)])).await;
            assert_eq!(level(&mut client, ELR).await, Some(1));
        }
    }
}

#[tokio::test]
async fn levels_that_are_already_there_are_fine_in_every_version() {
    let (_broker, mut client) = start().await;
    for version in versions(ApiKey::UpdateFeatures) {
        done(&mut client, version, request(&[])).await;
        done(&mut client, version, request(&[(METADATA, 30, UPGRADE)])).await;
        done(&mut client, version, request(&[(METADATA, 30, UPGRADE), (METADATA, 30, UPGRADE)])).await;
        assert_eq!(level(&mut client, METADATA).await, Some(30));
    }
}

#[tokio::test]
async fn levels_that_cannot_be_are_refused_in_every_version() {
    let (_broker, mut client) = start().await;
    // Of metadata there is one version whose records ours writes.
    let range = if is_ours() { "30" } else { "7-30" };
    for version in versions(ApiKey::UpdateFeatures) {
        let cases = [
            (
                METADATA,
                31,
                format!("31 for feature {METADATA}. Local controller 1 only supports versions {range}"),
            ),
            (
                METADATA,
                0,
                format!("0 for feature {METADATA}. Local controller 1 only supports versions {range}"),
            ),
            (METADATA, -1, format!("-1 for feature {METADATA}. A feature version cannot be less than 0.")),
            (ELR, 2, format!("2 for feature {ELR}. Local controller 1 only supports versions 0-1")),
            ("none", 1, "1 for feature none. Local controller 1 does not support this feature.".to_owned()),
            ("none", 0, "0 for feature none. Feature none not found.".to_owned()),
            ("", 1, "1 for feature . Local controller 1 does not support this feature.".to_owned()),
        ];
        for (feature, level, words) in cases {
            assert_eq!(refused(&mut client, version, request(&[(feature, level, UPGRADE)])).await, words);
        }
        // One that fails refuses them all.
        let two = request(&[(METADATA, 30, UPGRADE), ("none", 1, UPGRADE)]);
        assert!(refused(&mut client, version, two).await.starts_with("1 for feature none."));
    }
}

#[tokio::test]
async fn a_level_goes_down_only_for_who_says_so_and_up_only_for_who_does_not() {
    let (_broker, mut client) = start().await;
    let first = "0 for feature eligible.leader.replicas.version. Can't downgrade the version of this feature without \
                 setting the upgrade type to either safe or unsafe downgrade.";
    for version in versions(ApiKey::UpdateFeatures) {
        // The flag of version 0 is not looked at.
        let mut down = request(&[(ELR, 0, UPGRADE)]);
        down.feature_updates[0].allow_downgrade = version == 0;
        assert_eq!(refused(&mut client, version, down).await, first);
        if version == 0 {
            continue;
        }
        for upgrade_type in [0, 4, -1] {
            let words =
                "30 for feature metadata.version. The controller does not support the given upgrade type.";
            assert_eq!(refused(&mut client, version, request(&[(METADATA, 30, upgrade_type)])).await, words);
        }
        done(&mut client, version, request(&[(METADATA, 30, SAFE_DOWNGRADE)])).await;
    }
}

#[tokio::test]
async fn who_upgrades_says_no_downgrade() {
    let Some((_broker, mut client)) = start_with(&[]).await else { return };
    for version in [1, 2] {
        done(&mut client, version, request(&[(ELR, 0, SAFE_DOWNGRADE)])).await;
        for down in [SAFE_DOWNGRADE, UNSAFE_DOWNGRADE] {
            let words = "1 for feature eligible.leader.replicas.version. Can't downgrade to a newer version.";
            assert_eq!(refused(&mut client, version, request(&[(ELR, 1, down)])).await, words);
        }
        done(&mut client, version, request(&[(ELR, 1, UPGRADE)])).await;
    }
}

#[tokio::test]
async fn levels_outlive_a_restart() {
    let Some((mut broker, mut client)) = start_with(&[]).await else { return };
    for (level_wanted, upgrade_type, expected) in [(0, SAFE_DOWNGRADE, None), (1, UPGRADE, Some(1))] {
        done(&mut client, 2, request(&[(ELR, level_wanted, upgrade_type)])).await;
        broker.restart().await;
        client = broker.client().await;
        assert_eq!((level(&mut client, ELR).await, level(&mut client, METADATA).await), (expected, Some(30)));
    }
}
