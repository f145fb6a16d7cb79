//! Who the credentials in use belong to.

use super::failure::Failure;
use super::sdk_error::failure;
use super::session::Cloud;

/// Whose credentials are in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The account's number.
    pub account: String,
    /// The user or role, as an ARN.
    pub arn: String,
}

impl Cloud {
    /// Whose credentials these are; AWS answers this to everybody whose credentials hold (API reference,
    /// `GetCallerIdentity`).
    pub async fn identity(&self) -> Result<Identity, Failure> {
        let answer = self
            .identities()
            .get_caller_identity()
            .send()
            .await
            .map_err(failure("sts:GetCallerIdentity", "us-east-1"))?;
        Ok(Identity {
            account: answer.account().unwrap_or_default().to_owned(),
            arn: answer.arn().unwrap_or_default().to_owned(),
        })
    }
}
