//! IncrementalAlterConfigs (key 44): sets, deletes, appends to and subtracts from settings (KIP-339).

use gracchus_state::controller::{
    self, AlterOperation, ConfigOperation, ConfigTarget, IncrementalAlterConfigs,
};
use gracchus_wire::messages::{
    IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse,
    incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig},
    incremental_alter_configs_response::AlterConfigsResourceResponse,
};

use super::RequestContext;
use super::configs;
use super::topic_result::code_and_message;

pub async fn handle(
    ctx: &RequestContext,
    request: IncrementalAlterConfigsRequest,
) -> IncrementalAlterConfigsResponse {
    let alterations: Vec<IncrementalAlterConfigs> = request.resources.iter().map(alteration).collect();
    let decide =
        move |image: &_, broker: &_| controller::incremental_alter_configs(image, broker, &alterations);
    let results = configs::alter(ctx, request.resources.len(), request.validate_only, decide).await;
    let responses = request.resources.into_iter().zip(&results).map(|(resource, result)| {
        let (code, message) = code_and_message(result);
        AlterConfigsResourceResponse::default()
            .with_error_code(code)
            .with_error_message(message)
            .with_resource_type(resource.resource_type)
            .with_resource_name(resource.resource_name)
    });
    IncrementalAlterConfigsResponse::default().with_responses(responses.collect())
}

fn alteration(resource: &AlterConfigsResource) -> IncrementalAlterConfigs {
    let operation = |config: &AlterableConfig| ConfigOperation {
        name: config.name.to_string(),
        operation: AlterOperation::from_code(config.config_operation),
        value: config.value.as_ref().map(ToString::to_string),
    };
    IncrementalAlterConfigs {
        target: ConfigTarget {
            resource_type: resource.resource_type,
            resource_name: resource.resource_name.to_string(),
        },
        operations: resource.configs.iter().map(operation).collect(),
    }
}
