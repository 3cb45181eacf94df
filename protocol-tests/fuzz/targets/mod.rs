//! Every reader of bytes from outside, a module for each crate; and the list of them.

mod broker;
mod log;
mod metadata;
mod settings;
mod state;
mod wire;

use crate::Target;

/// All of them.
pub static TARGETS: &[Target] = &[
    wire::REQUEST,
    wire::PRODUCED_BATCH,
    wire::PLAIN_BATCH,
    wire::STORED_BATCH,
    wire::STORED_PLAIN_BATCH,
    wire::GROUP_RECORD,
    wire::CONTROL_RECORD,
    metadata::RECORD,
    metadata::IMAGE,
    state::SUBSCRIPTION,
    state::OFFSETS_TOPIC,
    settings::PROPERTIES,
    settings::ONE_SETTING,
    settings::LISTENER,
    log::META_PROPERTIES,
    log::PARTITION_METADATA,
    log::CHECKPOINT,
    log::CLEAN_MARKER,
    log::DIRECTORY_NAME,
    log::EPOCHS,
    log::SNAPSHOT,
    log::SEGMENT,
    log::INDEX,
    log::TIME_INDEX,
    broker::QUORUM_STATE,
    broker::METADATA_LOG,
];
