//! UpdateFeatures (key 57): raises and lowers the levels of the cluster's features (KIP-584), all that a request names or
//! none.

use std::sync::Arc;

use gracchus_state::controller::{self, AdminError, FeatureUpdate, UpgradeType};
use gracchus_wire::messages::{
    UpdateFeaturesRequest, UpdateFeaturesResponse, update_features_response::UpdatableFeatureResult,
};

use super::RequestContext;
use super::topic_result::Words;

/// What Kafka says of each feature where all went well, in the versions that tell of each.
const FINE: &str = "NONE";

pub async fn handle(ctx: &RequestContext, request: UpdateFeaturesRequest) -> UpdateFeaturesResponse {
    // `allow_downgrade` of version 0 is not looked at, as in Kafka: that version only upgrades.
    let updates = request.feature_updates.iter().map(|update| FeatureUpdate {
        feature: update.feature.to_string(),
        level: update.max_version_level,
        upgrade_type: UpgradeType::from_code(update.upgrade_type),
    });
    let (updates, validate_only): (Arc<[_]>, _) = (updates.collect(), request.validate_only);
    let config = ctx.node.config.load_full();
    let change = ctx.node.controller.change(move |image| {
        match controller::update_features(image, &config, &updates) {
            Ok(records) => (if validate_only { Vec::new() } else { records }, Ok(())),
            Err(error) => (Vec::new(), Err(error)),
        }
    });
    let result = change.await.unwrap_or_else(|code| Err(AdminError::bare(code)));
    let (code, message) = Words::new().code_and_message(&result);
    let answer = UpdateFeaturesResponse::default().with_error_code(code).with_error_message(message);
    if result.is_err() {
        return answer;
    }
    let fine = |feature| {
        UpdatableFeatureResult::default().with_feature(feature).with_error_message(Some(FINE.into()))
    };
    answer.with_results(request.feature_updates.into_iter().map(|update| fine(update.feature)).collect())
}
