//! AlterConfigs (key 33): gives resources exactly the settings that stand in the request.

use gracchus_state::controller::{self, AlterConfigs, ConfigTarget};
use gracchus_wire::messages::{
    AlterConfigsRequest, AlterConfigsResponse, alter_configs_request::AlterConfigsResource,
    alter_configs_response::AlterConfigsResourceResponse,
};

use super::RequestContext;
use super::configs;
use super::topic_result::code_and_message;

pub async fn handle(ctx: &RequestContext, request: AlterConfigsRequest) -> AlterConfigsResponse {
    let alterations: Vec<AlterConfigs> = request.resources.iter().map(alteration).collect();
    let decide = move |image: &_, broker: &_| controller::alter_configs(image, broker, &alterations);
    let results = configs::alter(ctx, request.resources.len(), request.validate_only, decide).await;
    let responses = request.resources.into_iter().zip(&results).map(|(resource, result)| {
        let (code, message) = code_and_message(result);
        AlterConfigsResourceResponse::default()
            .with_error_code(code)
            .with_error_message(message)
            .with_resource_type(resource.resource_type)
            .with_resource_name(resource.resource_name)
    });
    AlterConfigsResponse::default().with_responses(responses.collect())
}

fn alteration(resource: &AlterConfigsResource) -> AlterConfigs {
    let value = |value: &Option<_>| value.as_ref().map(ToString::to_string);
    AlterConfigs {
        target: ConfigTarget {
            resource_type: resource.resource_type,
            resource_name: resource.resource_name.to_string(),
        },
        configs: resource
            .configs
            .iter()
            .map(|config| (config.name.to_string(), value(&config.value)))
            .collect(),
    }
}
