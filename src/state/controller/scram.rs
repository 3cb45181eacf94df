//! Changing SCRAM credentials (KIP-554). They are stored and described; nobody is authenticated with them yet.

use std::collections::HashMap;

use gracchus_base::ErrorCode;
use gracchus_base::limits::{SCRAM_BYTES_MAX, SCRAM_CREDENTIALS_MAX};
use gracchus_base::metadata_record::{MetadataRecord, ScramCredential, ScramMechanism};
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256, Sha512};

use super::{AdminError, Room, atomic, check_batch};
use crate::image::MetadataImage;

/// How often a password may be hashed: a client that logs in does it as often.
const ITERATIONS_MIN: i32 = 4096;
const ITERATIONS_MAX: i32 = 16384;

/// What is to become of a user's credential of one mechanism.
#[derive(Clone)]
pub struct ScramAlteration {
    pub user: String,
    /// As the protocol numbers them.
    pub mechanism: i8,
    /// `None` takes the credential away.
    pub upsertion: Option<ScramUpsertion>,
}

/// A credential to be kept, as clients send it: the password itself never leaves them.
#[derive(Clone)]
pub struct ScramUpsertion {
    pub iterations: i32,
    pub salt: Vec<u8>,
    pub salted_password: Vec<u8>,
}

/// What becomes of each user of a request.
pub type ScramResults = Vec<(String, Result<(), AdminError>)>;

/// Decides about each user on its own, who may be named once. `alterations` has deletions first. The records are one
/// change. Answers each user once, in the order of the request.
pub fn alter_scram_credentials(
    image: &MetadataImage,
    alterations: &[ScramAlteration],
) -> (Vec<MetadataRecord>, ScramResults) {
    let mut checked: Vec<(&ScramAlteration, Result<ScramMechanism, AdminError>)> = Vec::new();
    let mut places = HashMap::new();
    for alteration in alterations {
        let user = alteration.user.as_str();
        match places.get(user).and_then(|at: &usize| checked.get_mut(*at)) {
            // The first error of a user is the one that is told.
            Some((_, result)) if result.is_err() => {}
            Some((_, result)) => *result = Err(twice()),
            None => {
                places.insert(user, checked.len());
                checked.push((alteration, check(image, alteration)));
            }
        }
    }
    // Before any key is made, which is the most expensive part of it.
    let fits = check_batch(checked.iter().filter(|(_, result)| result.is_ok()).count());
    let mut room = Room::new(SCRAM_CREDENTIALS_MAX, image.scram_credential_count(), "SCRAM credentials");
    let mut records = Vec::new();
    let mut take = |alteration: &ScramAlteration, mechanism| {
        if alteration.upsertion.is_some() && !is_there(image, &alteration.user, mechanism) {
            room.take()?;
        }
        records.push(record(alteration, mechanism));
        Ok(())
    };
    let result = |(alteration, checked): (&ScramAlteration, Result<_, _>)| {
        let result = fits.clone().and(checked).and_then(|mechanism| take(alteration, mechanism));
        (alteration.user.clone(), result)
    };
    let results = checked.into_iter().map(result).collect();
    (atomic("SCRAM credentials", records), results)
}

/// Whether one alteration can be made, of which mechanism.
fn check(image: &MetadataImage, alteration: &ScramAlteration) -> Result<ScramMechanism, AdminError> {
    if alteration.user.is_empty() {
        return Err(unacceptable("Username must not be empty"));
    }
    let Some(mechanism) = ScramMechanism::from_code(alteration.mechanism) else {
        return Err(AdminError::new(ErrorCode::UnsupportedSaslMechanism, "Unknown SCRAM mechanism"));
    };
    match &alteration.upsertion {
        Some(upsertion) => check_upsertion(upsertion)?,
        None if !is_there(image, &alteration.user, mechanism) => {
            let words = "Attempt to delete a user credential that does not exist";
            return Err(AdminError::new(ErrorCode::ResourceNotFound, words));
        }
        None => {}
    }
    Ok(mechanism)
}

fn is_there(image: &MetadataImage, user: &str, mechanism: ScramMechanism) -> bool {
    image.scram_credentials_of(user).any(|(known, _)| known == mechanism)
}

fn record(alteration: &ScramAlteration, mechanism: ScramMechanism) -> MetadataRecord {
    let user = alteration.user.clone();
    match &alteration.upsertion {
        Some(upsertion) => {
            let credential = credential(mechanism, upsertion);
            MetadataRecord::ScramCredential { user, mechanism, credential }
        }
        None => MetadataRecord::RemoveScramCredential { user, mechanism },
    }
}

fn check_upsertion(upsertion: &ScramUpsertion) -> Result<(), AdminError> {
    if upsertion.iterations < ITERATIONS_MIN {
        return Err(unacceptable("Too few iterations"));
    }
    if upsertion.iterations > ITERATIONS_MAX {
        return Err(unacceptable("Too many iterations"));
    }
    if upsertion.salt.len().max(upsertion.salted_password.len()) > SCRAM_BYTES_MAX {
        return Err(unacceptable("Salt or salted password too long"));
    }
    if upsertion.salted_password.is_empty() {
        // Kafka fails inside, without words.
        return Err(AdminError::bare(ErrorCode::UnknownServerError));
    }
    Ok(())
}

/// What is kept: from it nobody can compute what a client proves itself with (RFC 5802, section 3).
fn credential(mechanism: ScramMechanism, upsertion: &ScramUpsertion) -> ScramCredential {
    let key = |name: &[u8]| mac(mechanism, &upsertion.salted_password, name);
    let client_key = key(b"Client Key");
    let stored_key = match mechanism {
        ScramMechanism::Sha256 => Sha256::digest(client_key).to_vec(),
        ScramMechanism::Sha512 => Sha512::digest(client_key).to_vec(),
    };
    let (salt, iterations) = (upsertion.salt.clone(), upsertion.iterations);
    ScramCredential { salt, stored_key, server_key: key(b"Server Key"), iterations }
}

fn mac(mechanism: ScramMechanism, key: &[u8], text: &[u8]) -> Vec<u8> {
    fn of<M: Mac + hmac::digest::KeyInit>(key: &[u8], text: &[u8]) -> Vec<u8> {
        let mac = <M as hmac::digest::KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length");
        mac.chain_update(text).finalize().into_bytes().to_vec()
    }
    match mechanism {
        ScramMechanism::Sha256 => of::<Hmac<Sha256>>(key, text),
        ScramMechanism::Sha512 => of::<Hmac<Sha512>>(key, text),
    }
}

fn unacceptable(message: &str) -> AdminError {
    AdminError::new(ErrorCode::UnacceptableCredential, message)
}

fn twice() -> AdminError {
    let words = "A user credential cannot be altered twice in the same request";
    AdminError::new(ErrorCode::DuplicateResource, words)
}
