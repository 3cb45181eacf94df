//! DescribeAcls, CreateAcls and DeleteAcls, of a broker without an authorizer.

use gracchus_wire::ApiKey;
use gracchus_wire::messages::{
    CreateAclsRequest, DeleteAclsRequest, DescribeAclsRequest, create_acls_request::AclCreation,
    delete_acls_request::DeleteAclsFilter,
};
use protocol_tests::typed::{Ask, encode};

use super::support::*;

const SECURITY_DISABLED: i16 = 54;
const NO_AUTHORIZER: Option<&str> = Some("No Authorizer is configured.");

/// Resource type, pattern type, operation and permission type: topics of one name that may be read.
const READ_TOPIC: [i8; 4] = [2, 3, 3, 3];

fn describe([kind, pattern, operation, permission]: [i8; 4]) -> DescribeAclsRequest {
    DescribeAclsRequest::default()
        .with_resource_type_filter(kind)
        .with_pattern_type_filter(pattern)
        .with_operation(operation)
        .with_permission_type(permission)
}

fn creation([kind, pattern, operation, permission]: [i8; 4]) -> AclCreation {
    AclCreation::default()
        .with_resource_type(kind)
        .with_resource_name(text("a"))
        .with_resource_pattern_type(pattern)
        .with_principal(text("User:b"))
        .with_host(text("*"))
        .with_operation(operation)
        .with_permission_type(permission)
}

fn filter([kind, pattern, operation, permission]: [i8; 4]) -> DeleteAclsFilter {
    DeleteAclsFilter::default()
        .with_resource_type_filter(kind)
        .with_pattern_type_filter(pattern)
        .with_operation(operation)
        .with_permission_type(permission)
}

fn create(codes: &[[i8; 4]]) -> CreateAclsRequest {
    CreateAclsRequest::default().with_creations(codes.iter().map(|codes| creation(*codes)).collect())
}

fn delete(codes: &[[i8; 4]]) -> DeleteAclsRequest {
    DeleteAclsRequest::default().with_filters(codes.iter().map(|codes| filter(*codes)).collect())
}

#[tokio::test]
async fn without_an_authorizer_there_are_no_acls_to_describe() {
    let (_broker, mut client) = start().await;
    for version in versions(ApiKey::DescribeAcls) {
        // Any of everything, one kind, and codes that nobody knows.
        for codes in [[1, 1, 1, 1], READ_TOPIC, [99, 9, 99, -1]] {
            let answer = client.call(version, describe(codes)).await;
            let told = (answer.error_code, answer.error_message.as_deref());
            let expected = (SECURITY_DISABLED, Some("No Authorizer is configured on the broker"));
            assert_eq!(told, expected, "version {version} {codes:?}");
            assert_eq!(answer.resources, []);
        }
    }
}

#[tokio::test]
async fn without_an_authorizer_every_acl_that_is_to_be_made_is_refused() {
    let (_broker, mut client) = start().await;
    for version in versions(ApiKey::CreateAcls) {
        for codes in [&[][..], &[READ_TOPIC], &[READ_TOPIC, [99, 9, 99, -1], READ_TOPIC]] {
            let answer = client.call(version, create(codes)).await;
            let told =
                answer.results.iter().map(|result| (result.error_code, result.error_message.as_deref()));
            let expected = vec![(SECURITY_DISABLED, NO_AUTHORIZER); codes.len()];
            assert_eq!(told.collect::<Vec<_>>(), expected, "version {version} {codes:?}");
        }
    }
}

#[tokio::test]
async fn without_an_authorizer_every_filter_of_acls_to_delete_is_refused() {
    let (_broker, mut client) = start().await;
    for version in versions(ApiKey::DeleteAcls) {
        for codes in [&[][..], &[[1, 1, 1, 1]], &[READ_TOPIC, [99, 9, 99, -1], READ_TOPIC]] {
            let answer = client.call(version, delete(codes)).await;
            let results = answer.filter_results;
            assert!(results.iter().all(|result| result.matching_acls.is_empty()));
            let told = results.iter().map(|result| (result.error_code, result.error_message.as_deref()));
            let expected = vec![(SECURITY_DISABLED, NO_AUTHORIZER); codes.len()];
            assert_eq!(told.collect::<Vec<_>>(), expected, "version {version} {codes:?}");
        }
    }
}

async fn assert_closes<R: Ask>(broker: &Target, version: i16, request: R) {
    let mut client = broker.client().await;
    client.send_raw(&encode(version, request)).await;
    assert_eq!(client.receive_raw().await, None, "version {version}");
}

#[tokio::test]
async fn a_code_that_means_unknown_closes_the_connection() {
    let broker = Target::start().await;
    for place in 0..READ_TOPIC.len() {
        let mut codes = READ_TOPIC;
        codes[place] = 0;
        for version in versions(ApiKey::DescribeAcls) {
            assert_closes(&broker, version, describe(codes)).await;
        }
        for version in versions(ApiKey::CreateAcls) {
            assert_closes(&broker, version, create(&[READ_TOPIC, codes])).await;
        }
        for version in versions(ApiKey::DeleteAcls) {
            assert_closes(&broker, version, delete(&[READ_TOPIC, codes])).await;
        }
    }
}
