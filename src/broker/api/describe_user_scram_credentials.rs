//! DescribeUserScramCredentials (key 50): who has credentials, of which mechanisms and how many iterations (KIP-554).
//! Nothing that a password could be guessed with is told.

use std::collections::HashMap;

use gracchus_base::ErrorCode;
use gracchus_state::controller::AdminError;
use gracchus_state::image::MetadataImage;
use gracchus_wire::messages::{
    DescribeUserScramCredentialsRequest, DescribeUserScramCredentialsResponse, StrBytes,
    describe_user_scram_credentials_response::{CredentialInfo, DescribeUserScramCredentialsResult},
};

use super::RequestContext;
use super::topic_result::Words;

pub fn handle(
    ctx: &RequestContext,
    request: DescribeUserScramCredentialsRequest,
) -> DescribeUserScramCredentialsResponse {
    let image = ctx.node.image();
    let asked = request.users.unwrap_or_default().into_iter().map(|user| user.name);
    let mut counts: HashMap<StrBytes, usize> = HashMap::new();
    asked.for_each(|user| *counts.entry(user).or_default() += 1);
    if counts.is_empty() {
        // An empty list asks for all users too.
        counts.extend(image.scram_users().map(|user| (user.to_owned().into(), 1)));
    }
    let mut words = Words::new();
    let mut results: Vec<_> = counts
        .into_iter()
        .map(|(user, count)| {
            let described = describe(&image, &user, count);
            let (code, message) = words.code_and_message(&described);
            DescribeUserScramCredentialsResult::default()
                .with_user(user)
                .with_error_code(code)
                .with_error_message(Some(message.unwrap_or_default()))
                .with_credential_infos(described.unwrap_or_default())
        })
        .collect();
    results.sort_by(|a, b| a.user.cmp(&b.user));
    DescribeUserScramCredentialsResponse::default().with_results(results)
}

fn describe(image: &MetadataImage, user: &str, count: usize) -> Result<Vec<CredentialInfo>, AdminError> {
    if count > 1 {
        let words = "Cannot describe SCRAM credentials for the same user twice in a single request";
        let message = Some(format!("{words}: {user}"));
        return Err(AdminError { code: ErrorCode::DuplicateResource, message });
    }
    let credentials = image.scram_credentials_of(user).map(|(mechanism, credential)| {
        CredentialInfo::default().with_mechanism(mechanism.code()).with_iterations(credential.iterations)
    });
    let credentials: Vec<_> = credentials.collect();
    if credentials.is_empty() {
        let message = Some(format!("Attempt to describe a user credential that does not exist: {user}"));
        return Err(AdminError { code: ErrorCode::ResourceNotFound, message });
    }
    Ok(credentials)
}
