//! Tells from an SDK error what went wrong with a call.

use std::error::Error;
use std::time::SystemTime;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::line::AwsQuota;

use super::clock::clock_fault;
use super::failure::{Failure, FailureKind};

/// Translates an SDK error of a call made somewhere.
pub(super) fn failure<E>(
    call: &'static str,
    place: &str,
) -> impl FnOnce(SdkError<E, HttpResponse>) -> Failure
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    move |error| Failure::new(call, place, kind_of(&error))
}

/// AWS's error code of a failed call, if AWS answered at all.
pub(super) fn code<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Option<&str> {
    error
        .as_service_error()
        .and_then(ProvideErrorMetadata::code)
}

fn kind_of<E>(error: &SdkError<E, HttpResponse>) -> FailureKind
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    let Some(service) = error.as_service_error() else {
        return unanswered(error);
    };
    let (code, message) = (service.code(), service.message());
    let Some(code) = code else {
        return nameless(error);
    };
    let message = message.unwrap_or("no message").to_owned();
    let date = error
        .raw_response()
        .and_then(|raw| raw.headers().get("date"));
    clock_fault(code, &message, date, SystemTime::now()).unwrap_or_else(|| kind_by(code, message))
}

/// Codes of a place that has no room for an instance: another zone or type may have.
pub(super) const WITHOUT_CAPACITY: [&str; 4] = [
    "InsufficientInstanceCapacity",
    "InsufficientHostCapacity",
    "InsufficientFreeAddressesInSubnet",
    "Unsupported",
];

/// AWS's error codes, sorted by what can be done about them.
fn kind_by(code: &str, message: String) -> FailureKind {
    match code {
        "UnauthorizedOperation" | "AccessDenied" | "AccessDeniedException" => {
            FailureKind::Denied(readable(message))
        }
        "AuthFailure"
        | "InvalidClientTokenId"
        | "SignatureDoesNotMatch"
        | "UnrecognizedClientException"
        | "InvalidAccessKeyId"
        | "MissingAuthenticationToken"
        | "OptInRequired" => FailureKind::NotAccepted(message),
        "ExpiredToken" | "ExpiredTokenException" | "RequestExpired" => {
            FailureKind::Expired(message)
        }
        "Throttling"
        | "ThrottlingException"
        | "RequestLimitExceeded"
        | "TooManyRequestsException"
        | "PriorRequestNotComplete" => FailureKind::Throttled,
        code if WITHOUT_CAPACITY.contains(&code) => FailureKind::NoCapacity(message),
        "InvalidParameterCombination" if message.contains("Free Tier") => {
            FailureKind::NotFree(message)
        }
        "InternalError" | "InternalFailure" | "ServiceUnavailable" | "Unavailable" => {
            FailureKind::Unwell(format!("{code}: {message}"))
        }
        "VPCIdNotSpecified" | "DefaultVpcDoesNotExist" => FailureKind::NoDefaultVpc,
        code if code.contains("NotFound") || code.starts_with("NoSuch") => {
            FailureKind::NotFound(message)
        }
        code => match AwsQuota::behind(code) {
            Some(quota) => FailureKind::Quota {
                quota,
                why: message,
            },
            None => FailureKind::Other(format!("{code}: {message}")),
        },
    }
}

/// An answer without AWS's error code, as of a proxy in between.
fn nameless<E>(error: &SdkError<E, HttpResponse>) -> FailureKind {
    let status = error.raw_response().map_or_else(
        || "an unknown status".to_owned(),
        |answer| format!("HTTP status {}", answer.status().as_u16()),
    );
    FailureKind::Other(format!(
        "{status} and an answer that does not look like AWS's"
    ))
}

/// EC2 appends a page of text that only an administrator can decode.
fn readable(message: String) -> String {
    match message.split_once(" Encoded authorization failure message:") {
        Some((told, _)) => told.to_owned(),
        None => message,
    }
}

/// The call never got an answer: credentials that cannot be had, or a network that is not there.
fn unanswered<E: Error + Send + Sync + 'static>(error: &SdkError<E, HttpResponse>) -> FailureKind {
    let mut causes = Vec::new();
    let mut cause: Option<&(dyn Error + 'static)> = error.source();
    while let Some(error) = cause {
        causes.push(error.to_string());
        cause = error.source();
    }
    let told = causes.last().cloned().unwrap_or_else(|| error.to_string());
    let is_about_credentials = causes.iter().any(|text| {
        text.contains("credential") || text.contains("Credential") || text.contains("identity")
    });
    match error {
        _ if is_about_credentials => FailureKind::NoCredentials(told),
        SdkError::ResponseError(_) => nameless(error),
        SdkError::TimeoutError(_) => FailureKind::Unreachable("no answer in time".to_owned()),
        _ => FailureKind::Unreachable(told),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(code: &str, message: &str) -> Failure {
        let kind = kind_by(code, message.to_owned());
        Failure::new("ec2:RunInstances", "eu-west-1", kind)
    }

    #[test]
    fn every_message_says_where_and_the_hint_what_next() {
        let cases = [
            (
                "UnauthorizedOperation",
                "eu-west-1: the credentials may not call ec2:RunInstances: because",
                "let an administrator allow `ec2:RunInstances`",
            ),
            (
                "InsufficientInstanceCapacity",
                "eu-west-1: no capacity for ec2:RunInstances: because",
                "or another region",
            ),
            (
                "VcpuLimitExceeded",
                "eu-west-1: the quota `Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances` is used up (ec2:RunInstances: because)",
                "Service Quotas console of eu-west-1",
            ),
            (
                "VPCIdNotSpecified",
                "eu-west-1: there is no default VPC for ec2:RunInstances",
                "create-default-vpc --region eu-west-1",
            ),
            (
                "SignatureDoesNotMatch",
                "eu-west-1: AWS does not accept the credentials for ec2:RunInstances: because",
                "clock",
            ),
            (
                "ExpiredToken",
                "eu-west-1: the AWS credentials have expired (ec2:RunInstances: because)",
                "aws sso login",
            ),
            (
                "RequestLimitExceeded",
                "eu-west-1: ec2:RunInstances was throttled again and again",
                "in a minute",
            ),
            (
                "InternalError",
                "eu-west-1: AWS could not do ec2:RunInstances, again and again: InternalError: because",
                "health.aws.amazon.com",
            ),
        ];
        for (code, message, hint) in cases {
            let failure = told(code, "because");
            assert_eq!(failure.to_string(), message);
            assert!(failure.hint().unwrap().contains(hint), "{failure:?}");
        }
    }

    #[test]
    fn a_wrong_combination_is_about_the_free_plan_only_when_it_says_so() {
        let plan = "The specified instance type is not eligible for Free Tier.";
        let code = "InvalidParameterCombination";
        assert_eq!(told(code, plan).kind, FailureKind::NotFree(plan.to_owned()));
        assert_eq!(
            told(code, "no such pair").to_string(),
            "eu-west-1: ec2:RunInstances failed: InvalidParameterCombination: no such pair"
        );
    }

    #[test]
    fn what_only_an_administrator_can_decode_is_left_out() {
        let message = "You are not authorized. Encoded authorization failure message: Zm9vYmFy";
        assert_eq!(
            told("UnauthorizedOperation", message).kind,
            FailureKind::Denied("You are not authorized.".to_owned())
        );
    }
}
