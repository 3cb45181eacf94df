//! AlterUserScramCredentials (key 51): keeps what users prove their passwords with, and forgets it (KIP-554).

use gracchus_state::controller::{self, AdminError, ScramAlteration, ScramUpsertion};
use gracchus_wire::messages::{
    AlterUserScramCredentialsRequest, AlterUserScramCredentialsResponse,
    alter_user_scram_credentials_response::AlterUserScramCredentialsResult,
};

use super::topic_result::Words;
use super::{RequestContext, each_once};

pub async fn handle(
    ctx: &RequestContext,
    request: AlterUserScramCredentialsRequest,
) -> AlterUserScramCredentialsResponse {
    let alterations = alterations(request);
    let users = each_once(alterations.iter().map(|alteration| alteration.user.clone()), String::clone);
    let decide = move |image: &_| controller::alter_scram_credentials(image, &alterations);
    let results =
        ctx.node.controller.change(decide).await.unwrap_or_else(|code| {
            users.into_iter().map(|user| (user, Err(AdminError::bare(code)))).collect()
        });
    let mut words = Words::new();
    let results = results.into_iter().map(|(user, result)| {
        let (code, message) = words.code_and_message(&result);
        AlterUserScramCredentialsResult::default()
            .with_user(user.into())
            .with_error_code(code)
            .with_error_message(message)
    });
    AlterUserScramCredentialsResponse::default().with_results(results.collect())
}

fn alterations(request: AlterUserScramCredentialsRequest) -> Vec<ScramAlteration> {
    let deletions = request.deletions.into_iter().map(|deletion| ScramAlteration {
        user: deletion.name.to_string(),
        mechanism: deletion.mechanism,
        upsertion: None,
    });
    let upsertions = request.upsertions.into_iter().map(|upsertion| ScramAlteration {
        user: upsertion.name.to_string(),
        mechanism: upsertion.mechanism,
        upsertion: Some(ScramUpsertion {
            iterations: upsertion.iterations,
            salt: upsertion.salt.to_vec(),
            salted_password: upsertion.salted_password.to_vec(),
        }),
    });
    deletions.chain(upsertions).collect()
}
