//! AWS Security Token Service: web identity tokens, with which an AWS role proves its identity to others (AWS STS,
//! `GetWebIdentityToken`).

use aws_sdk_sts::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    operation::get_web_identity_token::GetWebIdentityTokenError,
};
use graph_core::secrets::Secret;

use crate::BoxError;

/// A source of web identity tokens.
pub trait WebIdentity {
    /// Returns a signed token for `audience`.
    fn token(&self, audience: &str) -> impl Future<Output = Result<Secret<String>, IdentityError>> + Send;
}

/// AWS STS, which issues tokens for the role of this process.
#[derive(Clone, Debug)]
pub struct Sts(Client);

impl Sts {
    /// Returns the STS of the region in `config`. The global endpoint does not have this call.
    pub fn new(config: &aws_config::SdkConfig) -> Self {
        Self(Client::new(config))
    }
}

impl WebIdentity for Sts {
    async fn token(&self, audience: &str) -> Result<Secret<String>, IdentityError> {
        let request = self
            .0
            .get_web_identity_token()
            .audience(audience)
            .signing_algorithm(ALGORITHM)
            .duration_seconds(LIFETIME_SECONDS);
        let output = request.send().await.map_err(IdentityError::from)?;
        let token = output.web_identity_token.filter(|token| !token.is_empty());
        token.map(Secret::new).ok_or(IdentityError::Malformed)
    }
}

/// Why AWS issues no token, and what a person has to do.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The account does not issue such tokens.
    #[error(
        "outbound web identity federation is off in this AWS account; turn it on once, with \
         `aws iam enable-outbound-web-identity-federation`"
    )]
    FederationDisabled,
    /// The role lacks the permission.
    #[error(
        "the function's role is not allowed to call sts:GetWebIdentityToken; deploy the current template, and look for a \
         permissions boundary or service control policy that denies it"
    )]
    Forbidden,
    /// The role's session ends before the token would.
    #[error("the session of the function's role ends before the token would; the next run has a new session")]
    SessionEnds,
    /// The role has more tags than fit into a token.
    #[error("token of the function's role is too large; remove tags from the role")]
    TooLarge,
    /// STS refuses with another code.
    #[error("AWS STS refuses to issue a token ({0})")]
    Refused(String),
    /// STS does not answer.
    #[error("AWS STS is unavailable")]
    Unavailable(#[source] BoxError),
    /// STS answers without a token.
    #[error("answer of AWS STS is malformed")]
    Malformed,
}

impl From<SdkError<GetWebIdentityTokenError>> for IdentityError {
    fn from(error: SdkError<GetWebIdentityTokenError>) -> Self {
        // Only the code is kept, because the body may contain a token.
        match error {
            SdkError::ServiceError(answer) => Self::of(answer.err()),
            SdkError::ResponseError(_) => Self::Malformed,
            error => Self::Unavailable(error.into()),
        }
    }
}

impl IdentityError {
    fn of(error: &GetWebIdentityTokenError) -> Self {
        use GetWebIdentityTokenError as Told;
        match (error, error.code().unwrap_or_default()) {
            (Told::OutboundWebIdentityFederationDisabledException(_), _) => Self::FederationDisabled,
            (Told::SessionDurationEscalationException(_), _) => Self::SessionEnds,
            (Told::JwtPayloadSizeExceededException(_), _) => Self::TooLarge,
            (_, "AccessDenied" | "AccessDeniedException") => Self::Forbidden,
            // A refusal by STS has a code, so an answer without one is unreadable.
            (_, "") => Self::Malformed,
            (_, code) => {
                let plain = code.chars().filter(char::is_ascii_alphanumeric);
                Self::Refused(plain.take(CODE_LENGTH).collect())
            }
        }
    }
}

/// The only algorithm that both sides support (Microsoft Entra, *Workload identity federation*: RS256 only).
const ALGORITHM: &str = "RS256";

/// How long the token is valid. It is used at once.
const LIFETIME_SECONDS: i32 = 300;

/// How many characters of a code are kept.
const CODE_LENGTH: usize = 80;

#[cfg(test)]
mod tests {
    use aws_sdk_sts::config::{BehaviorVersion, Credentials, Region, retry::RetryConfig};

    use super::*;
    use crate::http::testing::{Reply, Server};

    #[tokio::test]
    async fn a_token_request_names_one_audience_in_entras_form() {
        let answer = "<GetWebIdentityTokenResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
                      <GetWebIdentityTokenResult><WebIdentityToken>a.b.c</WebIdentityToken>\
                      </GetWebIdentityTokenResult></GetWebIdentityTokenResponse>";
        let server = Server::start([Reply::json(200, answer)]);
        let token = sts(&server).token("api://AzureADTokenExchange").await.unwrap();
        assert_eq!(token.expose(), "a.b.c");
        assert_eq!(
            server.requests()[0].body,
            "Action=GetWebIdentityToken&Version=2011-06-15&Audience.member.1=api%3A%2F%2FAzureADTokenExchange\
             &DurationSeconds=300&SigningAlgorithm=RS256"
        );
    }

    #[tokio::test]
    async fn a_refusal_says_what_to_do() {
        let expected = [
            (
                "OutboundWebIdentityFederationDisabledException",
                "outbound web identity federation is off in this AWS account; turn it on once, with \
                 `aws iam enable-outbound-web-identity-federation`",
            ),
            (
                "AccessDenied",
                "the function's role is not allowed to call sts:GetWebIdentityToken; deploy the current template, and \
                 look for a permissions boundary or service control policy that denies it",
            ),
            (
                "SessionDurationEscalationException",
                "the session of the function's role ends before the token would; the next run has a new session",
            ),
            (
                "JWTPayloadSizeExceededException",
                "token of the function's role is too large; remove tags from the role",
            ),
            (
                "Other: <hunter2>",
                "AWS STS refuses to issue a token (Otherhunter2)",
            ),
        ];
        for (code, expected) in expected {
            let error = refused(code).await;
            assert_eq!(error.to_string(), expected);
            assert!(!format!("{error:?}").contains("a.b.c"), "{error:?}");
        }
    }

    #[tokio::test]
    async fn an_answer_without_token_is_malformed() {
        for body in ["", "<GetWebIdentityTokenResponse/>", "a.b.c"] {
            let server = Server::start([Reply::json(200, body)]);
            let error = sts(&server).token("audience").await.unwrap_err();
            assert!(matches!(error, IdentityError::Malformed), "{body}: {error:?}");
            assert!(!format!("{error:?}").contains("a.b.c"), "{error:?}");
        }
    }

    #[tokio::test]
    async fn an_endpoint_that_is_gone_is_unavailable() {
        let server = Server::start([]);
        let error = sts(&server).token("audience").await.unwrap_err();
        assert!(matches!(error, IdentityError::Unavailable(_)), "{error:?}");
    }

    async fn refused(code: &str) -> IdentityError {
        let code = code.replace('<', "&lt;").replace('>', "&gt;");
        let body = format!(
            "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>\
             <Code>{code}</Code><Message>a.b.c</Message></Error><RequestId>1</RequestId></ErrorResponse>"
        );
        let server = Server::start([Reply::json(403, &body)]);
        sts(&server).token("audience").await.unwrap_err()
    }

    fn sts(server: &Server) -> Sts {
        let config = aws_sdk_sts::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .credentials_provider(Credentials::new("id", "key", None, None, "test"))
            .retry_config(RetryConfig::disabled())
            .endpoint_url(server.url());
        Sts(Client::from_conf(config.build()))
    }
}
