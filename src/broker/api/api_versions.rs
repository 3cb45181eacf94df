//! ApiVersions (key 18): what is served. A client's first request, so its quirks matter (TRAPS 1, 2, 3, 5).

use gracchus_base::ErrorCode;
use gracchus_state::controller::SUPPORTED_FEATURES;
use gracchus_wire::api_versions;
use gracchus_wire::messages::{
    ApiVersionsRequest, ApiVersionsResponse,
    api_versions_response::{ApiVersion, FinalizedFeatureKey, SupportedFeatureKey},
};
use gracchus_wire::response::Response;

use super::{RequestContext, SERVED};
use crate::connection::reply::Reply;

/// A version that is not served: the answer every client can read (TRAPS 1).
pub fn unsupported(ctx: &RequestContext) -> Reply {
    match api_versions::unsupported_version(ctx.header.correlation_id) {
        Ok(frame) => Reply::Bytes(frame),
        Err(error) => Reply::Close { reason: error.to_string() },
    }
}

pub fn handle(ctx: &RequestContext, request: &ApiVersionsRequest) -> Reply {
    if !api_versions::client_is_valid(ctx.version(), request) {
        let refused = ApiVersionsResponse::default().with_error_code(ErrorCode::InvalidRequest.code());
        return ctx.reply(&Response::ApiVersions(refused));
    }
    let image = ctx.node.image();
    let served = SERVED.iter().map(|api| {
        ApiVersion::default().with_api_key(api.key as i16).with_min_version(api.min).with_max_version(api.max)
    });
    let supported = SUPPORTED_FEATURES.iter().map(|feature| {
        SupportedFeatureKey::default()
            .with_name(feature.name.into())
            .with_min_version(feature.min)
            .with_max_version(feature.max)
    });
    let finalized = image.features().map(|(name, level)| {
        FinalizedFeatureKey::default()
            .with_name(name.to_owned().into())
            .with_min_version_level(level)
            .with_max_version_level(level)
    });
    let response = ApiVersionsResponse::default()
        .with_api_keys(served.collect())
        .with_supported_features(supported.collect())
        // Clients ignore features without an epoch (TRAPS 6).
        .with_finalized_features_epoch(image.applied().0.0)
        .with_finalized_features(finalized.collect());
    ctx.reply(&Response::ApiVersions(response))
}
