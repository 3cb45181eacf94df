//! ListConfigResources (key 74): the resources that can have settings (KIP-1142).

use gracchus_base::ErrorCode;
use gracchus_base::metadata_record::ConfigResource as Resource;
use gracchus_state::image::MetadataImage;
use gracchus_wire::messages::{
    ListConfigResourcesRequest, ListConfigResourcesResponse, list_config_resources_response::ConfigResource,
};

use super::RequestContext;
use super::configs::{BROKER, BROKER_LOGGER, CLIENT_METRICS, GROUP, TOPIC};

/// Everything that can be listed, in the order in which Kafka does.
const LISTED: [i8; 5] = [GROUP, CLIENT_METRICS, BROKER_LOGGER, BROKER, TOPIC];

pub fn handle(ctx: &RequestContext, request: &ListConfigResourcesRequest) -> ListConfigResourcesResponse {
    let Ok(types) = types(ctx.version(), &request.resource_types) else {
        return ListConfigResourcesResponse::default().with_error_code(ErrorCode::UnsupportedVersion.code());
    };
    let image = ctx.node.image();
    let resource = |code, name: String| {
        ConfigResource::default().with_resource_type(code).with_resource_name(name.into())
    };
    let mut resources = Vec::new();
    for code in types {
        match code {
            TOPIC => resources.extend(image.topics().map(|topic| resource(code, topic.name().to_string()))),
            BROKER | BROKER_LOGGER => resources.push(resource(code, ctx.node.id.to_string())),
            // Those without settings are not listed.
            _ => resources.extend(configured(&image, code).map(|name| resource(code, name))),
        }
    }
    ListConfigResourcesResponse::default().with_config_resources(resources)
}

/// The groups or the subscriptions to client metrics that have settings.
fn configured(image: &MetadataImage, code: i8) -> impl Iterator<Item = String> {
    image.configured().filter_map(move |(resource, _)| match resource {
        Resource::Group(name) if code == GROUP => Some(name.clone()),
        Resource::ClientMetrics(name) if code == CLIENT_METRICS => Some(name.clone()),
        _ => None,
    })
}

/// The types that are asked for: version 0 knows client metrics only, and from version 1 on no types are all.
///
/// # Errors
/// UNSUPPORTED_VERSION if one of them cannot be listed.
fn types(version: i16, asked: &[i8]) -> Result<Vec<i8>, ErrorCode> {
    if version == 0 {
        return Ok(vec![CLIENT_METRICS]);
    }
    if !asked.iter().all(|code| LISTED.contains(code)) {
        return Err(ErrorCode::UnsupportedVersion);
    }
    Ok(LISTED.into_iter().filter(|code| asked.is_empty() || asked.contains(code)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_listed_as_kafka_does() {
        assert_eq!(types(0, &[]), Ok(vec![16]));
        assert_eq!(types(1, &[]), Ok(vec![32, 16, 8, 4, 2]));
        assert_eq!(types(1, &[4, 4, 2]), Ok(vec![4, 2]));
        assert_eq!(types(1, &[4, 8]), Ok(vec![8, 4]));
        assert_eq!(types(1, &[2, 7]), Err(ErrorCode::UnsupportedVersion));
    }
}
