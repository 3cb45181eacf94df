//! DescribeConfigs (key 32): settings with their values, sources and synonyms (KIP-226, TRAPS 65).

use std::collections::HashSet;

use gracchus_base::metadata_record::ConfigResource;
use gracchus_base::{ErrorCode, TopicName};
use gracchus_state::config::{ConfigEntry, ConfigSynonym, describe_client_metrics, describe_group};
use gracchus_state::controller::AdminError;
use gracchus_state::image::MetadataImage;
use gracchus_wire::messages::{
    DescribeConfigsRequest, DescribeConfigsResponse, StrBytes,
    describe_configs_request::DescribeConfigsResource,
    describe_configs_response::{
        DescribeConfigsResourceResult, DescribeConfigsResult, DescribeConfigsSynonym,
    },
};

use super::configs::{BROKER, BROKER_LOGGER, BrokerSettings, CLIENT_METRICS, GROUP, TOPIC};
use super::{MALFORMED_REQUEST, RequestContext, each_once};

/// What is shown of a setting besides its value.
#[derive(Clone, Copy)]
struct Shown {
    synonyms: bool,
    documentation: bool,
}

pub fn handle(ctx: &RequestContext, request: DescribeConfigsRequest) -> DescribeConfigsResponse {
    let is_known = |code| matches!(code, TOPIC | BROKER | BROKER_LOGGER | CLIENT_METRICS | GROUP);
    let all_known = request.resources.iter().all(|resource| is_known(resource.resource_type));
    let shown = Shown { synonyms: request.include_synonyms, documentation: request.include_documentation };
    let image = ctx.node.image();
    let settings = BrokerSettings::of(&ctx.node);
    let results = each_once(request.resources, identity).into_iter().map(|resource| {
        let entries = if all_known {
            describe(ctx.node.id.0, &image, &settings, &resource)
        } else {
            // One type that nobody knows spoils the whole request, as in Kafka.
            Err(AdminError::invalid_request(MALFORMED_REQUEST))
        };
        respond(resource, entries, shown)
    });
    DescribeConfigsResponse::default().with_results(results.collect())
}

/// Resources with equal ones are the same; a broker's id can be written in many ways.
fn identity(resource: &DescribeConfigsResource) -> (i8, StrBytes) {
    let name = &resource.resource_name;
    let number = match resource.resource_type {
        BROKER | BROKER_LOGGER => name.parse::<i32>().ok(),
        _ => None,
    };
    (resource.resource_type, number.map_or_else(|| name.clone(), |id| id.to_string().into()))
}

fn describe(
    broker: i32,
    image: &MetadataImage,
    settings: &BrokerSettings,
    resource: &DescribeConfigsResource,
) -> Result<Vec<ConfigEntry>, AdminError> {
    let name: &str = &resource.resource_name;
    match resource.resource_type {
        TOPIC => {
            let topic = TopicName::parse(name).map_err(|error| AdminError {
                code: ErrorCode::InvalidTopicException,
                message: Some(format!("Topic name is invalid: {error}")),
            })?;
            if image.topic(name).is_none() {
                return Err(AdminError::bare(ErrorCode::UnknownTopicOrPartition));
            }
            Ok(settings.describe_topic(&image.topic_configs(&topic).to_settings()))
        }
        BROKER if name.is_empty() => Ok(settings.describe_default()),
        BROKER => {
            check_broker(broker, name, " or empty string,")?;
            Ok(settings.describe_broker())
        }
        BROKER_LOGGER if name.is_empty() => Err(AdminError::invalid_request("Broker id must not be empty")),
        // Levels of logging are not settings here: there is no logger to show.
        BROKER_LOGGER => check_broker(broker, name, "").map(|()| Vec::new()),
        CLIENT_METRICS if name.is_empty() => {
            Err(AdminError::invalid_request("Client metrics subscription name must not be empty"))
        }
        CLIENT_METRICS => {
            let resource = ConfigResource::ClientMetrics(name.to_owned());
            Ok(describe_client_metrics(&image.configs(&resource).to_settings()))
        }
        _ if name.is_empty() => Err(AdminError::invalid_request("Group name must not be empty")),
        _ => {
            let resource = ConfigResource::Group(name.to_owned());
            Ok(describe_group(&image.configs(&resource).to_settings()))
        }
    }
}

/// A broker describes itself only. `or` goes into the middle of Kafka's sentence.
fn check_broker(broker: i32, name: &str, or: &str) -> Result<(), AdminError> {
    match name.parse::<i32>() {
        Ok(id) if id == broker => Ok(()),
        Ok(_) => Err(AdminError::invalid_request(format!(
            "Unexpected broker id, expected {broker}{or} but received {name}"
        ))),
        Err(_) => {
            Err(AdminError::invalid_request(format!("Broker id must be an integer, but it is: {name}")))
        }
    }
}

fn respond(
    resource: DescribeConfigsResource,
    entries: Result<Vec<ConfigEntry>, AdminError>,
    shown: Shown,
) -> DescribeConfigsResult {
    // No names, or an empty list of them, are all settings.
    let keys = resource.configuration_keys.filter(|keys| !keys.is_empty());
    let keys: Option<HashSet<&str>> = keys.as_ref().map(|keys| keys.iter().map(|key| &**key).collect());
    let is_asked = |entry: &ConfigEntry| keys.as_ref().is_none_or(|keys| keys.contains(entry.name.as_str()));
    let result = DescribeConfigsResult::default()
        .with_resource_type(resource.resource_type)
        .with_resource_name(resource.resource_name);
    match entries {
        Ok(entries) => {
            let configs = entries.into_iter().filter(is_asked).map(|entry| show(entry, shown));
            result.with_error_message(Some(StrBytes::new())).with_configs(configs.collect())
        }
        Err(error) => result
            .with_error_code(error.code.code())
            .with_error_message(Some(error.message.unwrap_or_default().into())),
    }
}

fn show(entry: ConfigEntry, shown: Shown) -> DescribeConfigsResourceResult {
    let synonyms = entry.synonyms.into_iter().filter(|_| shown.synonyms).map(synonym);
    let documentation = entry.documentation.filter(|_| shown.documentation);
    DescribeConfigsResourceResult::default()
        .with_name(entry.name.into())
        .with_value(entry.value.map(Into::into))
        .with_read_only(entry.read_only)
        .with_config_source(entry.source.code())
        .with_is_sensitive(entry.is_sensitive)
        .with_synonyms(synonyms.collect())
        .with_config_type(entry.config_type)
        .with_documentation(documentation.map(Into::into))
}

fn synonym(synonym: ConfigSynonym) -> DescribeConfigsSynonym {
    DescribeConfigsSynonym::default()
        .with_name(synonym.name.into())
        .with_value(synonym.value.map(Into::into))
        .with_source(synonym.source.code())
}

#[cfg(test)]
mod tests {
    use gracchus_state::config::ConfigSource;
    use gracchus_wire::response::{self, Response};

    use super::*;

    fn entry(name: &str) -> ConfigEntry {
        let name = name.to_owned();
        let source = ConfigSource::Topic;
        let synonym = ConfigSynonym { name: name.clone(), value: Some("1".to_owned()), source };
        ConfigEntry {
            name,
            value: Some("1".to_owned()),
            source,
            read_only: false,
            is_sensitive: false,
            config_type: 3,
            synonyms: vec![synonym],
            documentation: Some("what it is".to_owned()),
        }
    }

    fn names(keys: Option<&[&'static str]>) -> Vec<String> {
        let keys = keys.map(|keys| keys.iter().map(|key| StrBytes::from_static_str(key)).collect());
        let resource = DescribeConfigsResource::default().with_configuration_keys(keys);
        let shown = Shown { synonyms: false, documentation: false };
        let result = respond(resource, Ok(vec![entry("a"), entry("b")]), shown);
        assert!(
            result.configs.iter().all(|config| config.synonyms.is_empty() && config.documentation.is_none())
        );
        result.configs.iter().map(|config| config.name.to_string()).collect()
    }

    #[test]
    fn traps_65_no_names_are_all_settings_and_unknown_ones_are_left_out() {
        assert_eq!(names(None), ["a", "b"]);
        assert_eq!(names(Some(&[])), ["a", "b"]);
        assert_eq!(names(Some(&["b", "nope"])), ["b"]);
    }

    #[test]
    fn traps_65_synonyms_and_documentation_are_shown_on_demand_and_every_version_encodes() {
        let shown = show(entry("a"), Shown { synonyms: true, documentation: true });
        assert_eq!((shown.synonyms.len(), shown.documentation.is_some()), (1, true));
        for version in 1..=4 {
            let shown = Shown { synonyms: true, documentation: true };
            let good = respond(DescribeConfigsResource::default(), Ok(vec![entry("a")]), shown);
            let bad =
                respond(DescribeConfigsResource::default(), Err(AdminError::invalid_request("no")), shown);
            let response = DescribeConfigsResponse::default().with_results(vec![good, bad]);
            response::encode(version, 1, &Response::DescribeConfigs(response)).unwrap();
        }
    }

    #[test]
    fn a_broker_describes_itself_only() {
        let words = |name, or| check_broker(1, name, or).unwrap_err().message.unwrap();
        assert_eq!(check_broker(1, "1", ""), Ok(()));
        assert_eq!(words("2", ""), "Unexpected broker id, expected 1 but received 2");
        assert_eq!(
            words("2", " or empty string,"),
            "Unexpected broker id, expected 1 or empty string, but received 2"
        );
        assert_eq!(words("a", ""), "Broker id must be an integer, but it is: a");
    }
}
