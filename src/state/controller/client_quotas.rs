//! Changing quotas of clients (KIP-546). They are stored and described; nothing enforces them yet.

use gracchus_base::limits::QUOTA_ENTITIES_MAX;
use gracchus_base::metadata_record::{MetadataRecord, QuotaEntity, QuotaValue};

use super::{AdminError, Room, atomic, check_batch, distinct};
use crate::image::MetadataImage;

/// The types that an entity may have.
const USER: &str = "user";
const CLIENT_ID: &str = "client-id";
const IP: &str = "ip";

/// How far a quota that counts whole things may be from a whole number.
const FRACTION_MAX: f64 = 1e-6;

/// What is to become of the quotas of some clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotaAlteration {
    pub entity: QuotaEntity,
    /// By key; `None` takes the quota away.
    pub operations: Vec<(String, Option<QuotaValue>)>,
}

/// What becomes of each entity of a request.
pub type QuotaResults = Vec<(QuotaEntity, Result<(), AdminError>)>;

/// Decides about each entity on its own: all its operations are done, or none. The records are one change. `is_host` says
/// whether a name is an address or that of a host. Answers each entity once, in the order of the request.
///
/// Kafka answers an entity that stands in the request twice with the same error, and does what stands first all the same.
pub fn alter_client_quotas(
    image: &MetadataImage,
    alterations: &[QuotaAlteration],
    is_host: &dyn Fn(&str) -> bool,
) -> (Vec<MetadataRecord>, QuotaResults) {
    let decide = |(alteration, repeated): (&QuotaAlteration, bool)| {
        if repeated { Err(duplicate(&alteration.entity)) } else { alter(image, alteration, is_host) }
    };
    let distinct = distinct(alterations, |alteration| &alteration.entity);
    let decided: Vec<_> = distinct.into_iter().map(|item| (&item.0.entity, decide(item))).collect();
    let fits = check_batch(decided.iter().flat_map(|(_, decided)| decided).map(Vec::len).sum());
    let mut room = Room::new(QUOTA_ENTITIES_MAX, image.quota_entity_count(), "entities with quotas");
    let mut records = Vec::new();
    let mut take = |entity: &QuotaEntity, of_entity: Vec<MetadataRecord>| {
        if image.quotas_of(entity).is_none() && !of_entity.is_empty() {
            room.take()?;
        }
        records.extend(of_entity);
        Ok(())
    };
    let result = |(entity, decided): (&QuotaEntity, Result<_, _>)| {
        (entity.clone(), fits.clone().and(decided).and_then(|of_entity| take(entity, of_entity)))
    };
    let results = decided.into_iter().map(result).collect();
    (atomic("Client quotas", records), results)
}

fn alter(
    image: &MetadataImage,
    alteration: &QuotaAlteration,
    is_host: &dyn Fn(&str) -> bool,
) -> Result<Vec<MetadataRecord>, AdminError> {
    let entity = &alteration.entity;
    if distinct(&alteration.operations, |(key, _)| key).iter().any(|(_, repeated)| *repeated) {
        return Err(duplicate(entity));
    }
    let keys = check_entity(entity, is_host)?;
    let quotas = image.quotas_of(entity);
    let mut records = Vec::new();
    for (key, value) in &alteration.operations {
        if let Some(value) = value {
            check_value(keys, key, value.get())?;
        }
        let now = quotas.and_then(|quotas| quotas.get(key).copied());
        if now != *value {
            let (entity, key) = (entity.clone(), key.clone());
            records.push(MetadataRecord::ClientQuota { entity, key, value: *value });
        }
    }
    Ok(records)
}

/// What a quota counts.
#[derive(Clone, Copy)]
enum Unit {
    /// Whole things, up to a number that has a name.
    Whole(f64, &'static str),
    Any,
}

/// Bytes in a second, and changes that the controller makes.
const LONG: Unit = Unit::Whole(i64::MAX as f64, "a LONG");
const OF_CLIENTS: &[(&str, Unit)] = &[
    ("producer_byte_rate", LONG),
    ("consumer_byte_rate", LONG),
    ("request_percentage", Unit::Any),
    ("controller_mutation_rate", Unit::Any),
];
const OF_ADDRESSES: &[(&str, Unit)] = &[("connection_creation_rate", Unit::Whole(i32::MAX as f64, "an INT"))];

/// The keys that an entity may have.
fn check_entity(
    entity: &QuotaEntity,
    is_host: &dyn Fn(&str) -> bool,
) -> Result<&'static [(&'static str, Unit)], AdminError> {
    if entity.0.is_empty() {
        return Err(AdminError::invalid_request("Invalid empty client quota entity"));
    }
    for (entity_type, name) in &entity.0 {
        if ![USER, CLIENT_ID, IP].contains(&entity_type.as_str()) {
            return Err(AdminError::invalid_request(format!(
                "Unhandled client quota entity type: {entity_type}"
            )));
        }
        if name.as_ref().is_some_and(String::is_empty) {
            return Err(AdminError::invalid_request(format!("Empty {entity_type} not supported")));
        }
    }
    match entity.0.get(IP) {
        None => Ok(OF_CLIENTS),
        Some(_) if entity.0.len() > 1 => Err(AdminError::invalid_request(
            "Invalid quota entity combination, IP entity shouldnot be combined with User or ClientId",
        )),
        Some(Some(ip)) if !is_host(ip) => {
            Err(AdminError::invalid_request(format!("{ip} is not a valid IP or resolvable host.")))
        }
        Some(_) => Ok(OF_ADDRESSES),
    }
}

fn check_value(keys: &[(&str, Unit)], key: &str, value: f64) -> Result<(), AdminError> {
    let Some((_, unit)) = keys.iter().find(|(name, _)| *name == key) else {
        return Err(AdminError::invalid_request(format!("Invalid configuration key {key}")));
    };
    if value <= 0.0 {
        return Err(AdminError::invalid_request(format!("Quota {key} must be greater than 0")));
    }
    match unit {
        Unit::Whole(max, name) if value > *max => {
            Err(AdminError::invalid_request(format!("Proposed value for {key} is too large for {name}.")))
        }
        Unit::Whole(..) if (value % 1.0).abs() > FRACTION_MAX => {
            Err(AdminError::invalid_request(format!("{key} cannot be a fractional value.")))
        }
        _ => Ok(()),
    }
}

/// What Kafka says of an entity that stands in a request twice, or a key of it.
fn duplicate(entity: &QuotaEntity) -> AdminError {
    let names = entity.0.iter().map(|(kind, name)| format!("{kind}={}", name.as_deref().unwrap_or("null")));
    let names = names.collect::<Vec<_>>().join(", ");
    AdminError::invalid_request(format!("Ignoring duplicate entity ClientQuotaEntity(entries={{{names}}})"))
}
