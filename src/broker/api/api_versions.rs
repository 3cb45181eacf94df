//! ApiVersions (key 18): what is served. A client's first request, so its quirks matter (TRAPS 1, 2, 3, 5).

use gracchus_base::ErrorCode;
use gracchus_wire::messages::{
    ApiVersionsRequest, ApiVersionsResponse,
    api_versions_response::{ApiVersion, FinalizedFeatureKey, SupportedFeatureKey},
};
use gracchus_wire::{api_versions, response};

use super::{RequestContext, SERVED};
use crate::connection::reply::Reply;
