//! Tells a wrong clock from wrong or expired credentials: AWS names the time in every answer.

use std::time::SystemTime;

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;

use super::failure::FailureKind;

/// AWS takes signatures that are up to five minutes off (IAM user guide, "Signing requests"), EC2 up to fifteen.
const TOLERATED: u64 = 4 * 60;
/// Codes by which AWS refuses a signature of the wrong time; each has another meaning too.
const CODES: [&str; 7] = [
    "RequestExpired",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
    "InvalidSignatureException",
    "AuthFailure",
    "ExpiredToken",
    "ExpiredTokenException",
];

/// The fault, when a refusal may be about time and the answer's `Date` is far from this machine's.
pub(super) fn clock_fault(
    code: &str,
    message: &str,
    date: Option<&str>,
    now: SystemTime,
) -> Option<FailureKind> {
    if !CODES.contains(&code) {
        return None;
    }
    let theirs = DateTime::from_str(date?, Format::HttpDate).ok()?;
    let ahead = DateTime::from(now).secs() - theirs.secs();
    (ahead.unsigned_abs() > TOLERATED).then(|| FailureKind::ClockWrong {
        ahead,
        why: message.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::Failure;
    use std::time::Duration;

    fn told(code: &str, now: u64) -> Option<Failure> {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(now);
        let date = Some("Sun, 06 Nov 1994 08:49:37 GMT");
        let kind = clock_fault(code, "Request has expired.", date, now)?;
        Some(Failure::new("ec2:DescribeInstances", "eu-west-1", kind))
    }

    #[test]
    fn a_wrong_clock_is_named_with_its_error_and_a_right_one_is_not_blamed() {
        let right = 784_111_777;
        assert_eq!(told("RequestExpired", right + 60), None);
        assert_eq!(told("UnauthorizedOperation", right + 9000), None);
        let ahead = told("RequestExpired", right + 3 * 3600 + 300).unwrap();
        assert_eq!(
            ahead.to_string(),
            "eu-west-1: this machine's clock is 3 h 5 min ahead of AWS's, which refuses ec2:DescribeInstances for it: \
             Request has expired."
        );
        assert!(ahead.hint().unwrap().contains("timedatectl"));
        let behind = told("SignatureDoesNotMatch", right - 86_400 * 9).unwrap();
        assert!(
            behind.to_string().contains("is 9 days behind AWS's"),
            "{behind}"
        );
        assert!(ahead.is_about_every_call());
    }
}
