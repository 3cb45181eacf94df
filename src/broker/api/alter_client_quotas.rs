//! AlterClientQuotas (key 49): sets quotas of clients and takes them away (KIP-546).

use std::sync::Arc;

use gracchus_base::metadata_record::{QuotaEntity, QuotaValue};
use gracchus_state::controller::{self, AdminError, QuotaAlteration, QuotaResults};
use gracchus_wire::messages::{
    AlterClientQuotasRequest, AlterClientQuotasResponse, alter_client_quotas_request::EntryData as Asked,
    alter_client_quotas_response::EntityData, alter_client_quotas_response::EntryData,
};

use super::topic_result::Words;
use super::{RequestContext, each_once};

pub async fn handle(ctx: &RequestContext, request: AlterClientQuotasRequest) -> AlterClientQuotasResponse {
    let alterations: Arc<Vec<_>> = Arc::new(request.entries.iter().map(alteration).collect());
    let names = alterations.iter().filter_map(|alteration| alteration.entity.0.get("ip")?.as_ref());
    let hosts = ctx.node.host_lookups.hosts(each_once(names, |name| *name)).await;
    let (decided_on, validate_only) = (alterations.clone(), request.validate_only);
    let change = ctx.node.controller.change(move |image| {
        let is_host = |name: &str| hosts.contains(name);
        let (records, results) = controller::alter_client_quotas(image, &decided_on, &is_host);
        (if validate_only { Vec::new() } else { records }, results)
    });
    let results = change.await.unwrap_or_else(|code| {
        let entities = each_once(alterations.iter().map(|alteration| &alteration.entity), |entity| *entity);
        let refused = |entity: &QuotaEntity| (entity.clone(), Err(AdminError::bare(code)));
        entities.into_iter().map(refused).collect()
    });
    respond(results)
}

fn alteration(asked: &Asked) -> QuotaAlteration {
    let names = asked.entity.iter().map(|of_type| {
        (of_type.entity_type.to_string(), of_type.entity_name.as_ref().map(ToString::to_string))
    });
    let operations = asked.ops.iter().map(|operation| {
        let value = (!operation.remove).then(|| QuotaValue::new(operation.value));
        (operation.key.to_string(), value)
    });
    QuotaAlteration { entity: QuotaEntity(names.collect()), operations: operations.collect() }
}

fn respond(results: QuotaResults) -> AlterClientQuotasResponse {
    let mut words = Words::new();
    let entries = results.into_iter().map(|(entity, result)| {
        let (code, message) = words.code_and_message(&result);
        let names = entity.0.into_iter().map(|(entity_type, name)| {
            EntityData::default().with_entity_type(entity_type.into()).with_entity_name(name.map(Into::into))
        });
        EntryData::default().with_error_code(code).with_error_message(message).with_entity(names.collect())
    });
    AlterClientQuotasResponse::default().with_entries(entries.collect())
}
