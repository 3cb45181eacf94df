//! DescribeClientQuotas (key 48): the quotas of clients that fit a filter (KIP-546).

use std::collections::BTreeMap;

use gracchus_base::ErrorCode;
use gracchus_base::metadata_record::QuotaEntity;
use gracchus_state::controller::AdminError;
use gracchus_state::image::Quotas;
use gracchus_wire::messages::{
    DescribeClientQuotasRequest, DescribeClientQuotasResponse,
    describe_client_quotas_request::ComponentData,
    describe_client_quotas_response::{EntityData, EntryData, ValueData},
};

use super::RequestContext;
use super::topic_result::Words;

/// What the name of one type must be.
enum Match<'a> {
    /// This name; `None` is the default.
    Name(Option<&'a str>),
    Any,
}

pub fn handle(ctx: &RequestContext, request: &DescribeClientQuotasRequest) -> DescribeClientQuotasResponse {
    let answer = DescribeClientQuotasResponse::default();
    let filter = match filter(&request.components) {
        Ok(filter) => filter,
        Err(error) => {
            let (code, message) = Words::new().code_and_message::<()>(&Err(error));
            return answer.with_error_code(code).with_error_message(message).with_entries(None);
        }
    };
    let image = ctx.node.image();
    let wanted = image.client_quotas().filter(|(entity, _)| {
        let fits = |(entity_type, wanted): (&&str, &Match<'_>)| match (entity.0.get(*entity_type), wanted) {
            (Some(name), Match::Name(wanted)) => name.as_deref() == *wanted,
            (name, Match::Any) => name.is_some(),
            (None, Match::Name(_)) => false,
        };
        filter.iter().all(fits) && (!request.strict || entity.0.len() == filter.len())
    });
    answer.with_entries(Some(wanted.map(|(entity, quotas)| entry(entity, quotas)).collect()))
}

/// The filter, if it can be meant.
fn filter(components: &[ComponentData]) -> Result<BTreeMap<&str, Match<'_>>, AdminError> {
    let mut filter = BTreeMap::new();
    for component in components {
        let entity_type = component.entity_type.as_str();
        if entity_type.is_empty() {
            return Err(AdminError::invalid_request("Invalid empty entity type."));
        }
        if filter.contains_key(entity_type) {
            return Err(AdminError::invalid_request(format!(
                "Entity type {entity_type} cannot appear more than once in the filter."
            )));
        }
        if !["user", "client-id", "ip"].contains(&entity_type) {
            let message = Some(format!("Unsupported entity type {entity_type}"));
            return Err(AdminError { code: ErrorCode::UnsupportedVersion, message });
        }
        filter.insert(entity_type, wanted(component)?);
    }
    if filter.contains_key("ip") && filter.len() > 1 {
        return Err(AdminError::invalid_request(
            "Invalid entity filter component combination. IP filter component should not be used with user or clientId \
             filter component.",
        ));
    }
    Ok(filter)
}

fn wanted(component: &ComponentData) -> Result<Match<'_>, AdminError> {
    let also = |kind| {
        AdminError::invalid_request(format!("Request specified {kind}, but also specified a match string."))
    };
    match (component.match_type, component._match.as_deref()) {
        (0, Some(name)) => Ok(Match::Name(Some(name))),
        (0, None) => Err(AdminError::invalid_request(
            "Request specified MATCH_TYPE_EXACT, but set match string to null.",
        )),
        (1, None) => Ok(Match::Name(None)),
        (1, Some(_)) => Err(also("MATCH_TYPE_DEFAULT")),
        (2, None) => Ok(Match::Any),
        (2, Some(_)) => Err(also("MATCH_TYPE_SPECIFIED")),
        (other, _) => Err(AdminError::invalid_request(format!("Unknown match type {other}"))),
    }
}

fn entry(entity: &QuotaEntity, quotas: &Quotas) -> EntryData {
    let names = entity.0.iter().map(|(entity_type, name)| {
        let name = name.clone().map(Into::into);
        EntityData::default().with_entity_type(entity_type.clone().into()).with_entity_name(name)
    });
    let values = quotas
        .iter()
        .map(|(key, value)| ValueData::default().with_key(key.clone().into()).with_value(value.get()));
    EntryData::default().with_entity(names.collect()).with_values(values.collect())
}
