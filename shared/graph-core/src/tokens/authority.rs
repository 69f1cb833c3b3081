//! Who signs validation tokens, in each Microsoft cloud.

use crate::config::Cloud;

/// Where a cloud's signing keys are found, and what its validation tokens must say about their origin.
///
/// The values of [`Cloud::Global`] are Microsoft's published ones. For the other clouds Microsoft publishes the login
/// hosts, but neither the forms of the issuer nor the id of the change-tracking application. There the fields hold the
/// best guess, and can be set: the publisher and the issuer of version 1.0 are the global ones, and the issuer of
/// version 2.0 is the one that the cloud's own metadata names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authority {
    /// The cloud.
    pub cloud: Cloud,
    /// The base URL of the cloud's login service, without a slash at the end.
    pub login: String,
    /// The path of the `OpenID` metadata below [`login`](Self::login).
    pub metadata_path: String,
    /// The id of the application "Microsoft Graph Change Tracking", which sends the notifications.
    pub publisher: String,
    /// The issuer of version 1.0 tokens, with `{tenantid}` in the tenant's place.
    pub issuer_v1: String,
    /// The issuer of version 2.0 tokens, with `{tenantid}` in the tenant's place; `None` for the one in the metadata.
    pub issuer_v2: Option<String>,
}

impl Authority {
    /// Returns the authority of `cloud`.
    pub fn of(cloud: Cloud) -> Self {
        let (login, issuer_v2) = match cloud {
            Cloud::Global => (
                "https://login.microsoftonline.com",
                Some("https://login.microsoftonline.com/{tenantid}/v2.0"),
            ),
            Cloud::Usgov | Cloud::UsgovDod => ("https://login.microsoftonline.us", None),
            Cloud::China => ("https://login.partner.microsoftonline.cn", None),
        };
        Self {
            cloud,
            login: login.to_owned(),
            metadata_path: "/common/v2.0/.well-known/openid-configuration".to_owned(),
            publisher: "0bf30f3b-4a52-48df-9a82-234910c4a086".to_owned(),
            issuer_v1: "https://sts.windows.net/{tenantid}/".to_owned(),
            issuer_v2: issuer_v2.map(str::to_owned),
        }
    }

    /// Returns the URL of the `OpenID` metadata.
    #[must_use]
    pub fn metadata_url(&self) -> String {
        format!("{}{}", self.login, self.metadata_path)
    }
}

/// Returns whether `issuer` is for any tenant.
pub(super) fn is_template(issuer: &str) -> bool {
    issuer.contains(TENANT)
}

/// Returns the issuer that `template` gives for `tenant`.
pub(super) fn issuer_of(template: &str, tenant: &str) -> String {
    template.replace(TENANT, tenant)
}

/// What stands for the tenant in an issuer, in Microsoft's metadata and keys.
const TENANT: &str = "{tenantid}";
