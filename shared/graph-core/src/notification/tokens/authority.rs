//! Who signs validation tokens, in each Microsoft cloud.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{application::Guid, cloud::Cloud};

/// Where a cloud's signing keys are found, and what its validation tokens must say about their origin.
///
/// The values of [`Cloud::Global`] are Microsoft's published ones. For the other clouds Microsoft publishes the login
/// hosts, but not the id of the change-tracking application. There the fields hold the best guess, and can be set: the
/// publisher is the global one, the issuer of version 1.0 is the one that the cloud's metadata of version 1.0 names (that of
/// the US government's clouds is the global one), and the issuer of version 2.0 is read from the cloud's metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authority {
    /// The cloud.
    pub cloud: Cloud,
    /// The base URL of the cloud's login service, without a slash at the end.
    pub login: String,
    /// The path of the `OpenID` metadata below [`login`](Self::login).
    pub metadata_path: String,
    /// The id of the application "Microsoft Graph Change Tracking", which sends the notifications.
    pub publisher: Guid,
    /// The issuer of version 1.0 tokens, with `{tenantid}` in the tenant's place.
    pub issuer_v1: String,
    /// The issuer of version 2.0 tokens, with `{tenantid}` in the tenant's place; `None` for the one in the metadata.
    pub issuer_v2: Option<String>,
}

impl Authority {
    /// Returns the authority of `cloud`.
    pub fn of(cloud: Cloud) -> Self {
        let login = format!("https://{}", cloud.login_host());
        // Microsoft publishes the issuer of the worldwide cloud alone; the others name theirs in their metadata.
        let issuer_v2 = (cloud == Cloud::Global).then(|| format!("{login}/{{tenantid}}/v2.0"));
        let issuer_v1 = match cloud {
            Cloud::Global | Cloud::Usgov | Cloud::UsgovDod => "https://sts.windows.net/{tenantid}/",
            Cloud::China => "https://sts.chinacloudapi.cn/{tenantid}/",
        };
        Self {
            cloud,
            login,
            metadata_path: "/common/v2.0/.well-known/openid-configuration".to_owned(),
            publisher: CHANGE_TRACKING,
            issuer_v1: issuer_v1.to_owned(),
            issuer_v2,
        }
    }

    /// Returns the URL of the `OpenID` metadata.
    #[must_use]
    pub fn metadata_url(&self) -> String {
        format!("{}{}", self.login, self.metadata_path)
    }
}

/// What an operator knows of the clouds whose values Microsoft does not publish, by cloud.
///
/// The worldwide cloud's values are published, and nothing takes their place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Authorities(BTreeMap<Cloud, Override>);

impl Authorities {
    /// Reads a JSON object of clouds, each with any of `publisher`, `issuerV1` and `issuerV2`.
    ///
    /// # Errors
    ///
    /// Returns an error that says what is wrong: another cloud or member, a publisher that is no GUID, or an issuer that
    /// is not behind https or does not hold `{tenantid}`.
    pub fn parse(json: &str) -> Result<Self, InvalidAuthorities> {
        let overrides: BTreeMap<Cloud, Override> =
            serde_json::from_str(json).map_err(InvalidAuthorities::Form)?;
        if overrides.contains_key(&Cloud::Global) {
            return Err(InvalidAuthorities::Global);
        }
        for given in overrides.values() {
            let publisher = given.publisher.as_deref();
            if publisher.is_some_and(|publisher| Guid::parse(publisher).is_none()) {
                return Err(InvalidAuthorities::Publisher);
            }
            let mut issuers = [&given.issuer_v1, &given.issuer_v2].into_iter().flatten();
            if issuers.any(|issuer| !issuer.starts_with("https://") || !is_template(issuer)) {
                return Err(InvalidAuthorities::Issuer);
            }
        }
        Ok(Self(overrides))
    }

    /// Returns the authority of `cloud`.
    pub fn of(&self, cloud: Cloud) -> Authority {
        let (authority, given) = (
            Authority::of(cloud),
            self.0.get(&cloud).cloned().unwrap_or_default(),
        );
        Authority {
            publisher: given
                .publisher
                .and_then(|publisher| Guid::parse(&publisher))
                .unwrap_or(authority.publisher),
            issuer_v1: given.issuer_v1.unwrap_or(authority.issuer_v1),
            issuer_v2: given.issuer_v2.or(authority.issuer_v2),
            ..authority
        }
    }
}

/// What takes the place of an authority's values.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Override {
    publisher: Option<String>,
    issuer_v1: Option<String>,
    issuer_v2: Option<String>,
}

/// Why a text does not say who signs tokens in which cloud.
#[derive(Debug, thiserror::Error)]
pub enum InvalidAuthorities {
    /// Not an object of clouds with the known members.
    #[error(
        "is not a JSON object such as {{\"usgov\": {{\"publisher\": \"..\", \"issuerV1\": \"..\", \"issuerV2\": \"..\"}}}}"
    )]
    Form(#[source] serde_json::Error),
    /// The worldwide cloud is among them.
    #[error("the values of the global cloud are published and cannot be set")]
    Global,
    /// A publisher is not the id of an application.
    #[error("a publisher is not a GUID")]
    Publisher,
    /// An issuer is for one tenant only or not behind https.
    #[error("an issuer does not begin with https:// or does not hold {{tenantid}}")]
    Issuer,
}

/// Returns whether `issuer` is for any tenant.
pub(super) fn is_template(issuer: &str) -> bool {
    issuer.contains(TENANT)
}

/// Returns the issuer that `template` gives for `tenant`.
pub(super) fn issuer_of(template: &str, tenant: &str) -> String {
    template.replace(TENANT, tenant)
}

/// The application "Microsoft Graph Change Tracking" of the worldwide cloud (Microsoft Graph, *change notifications with
/// resource data*).
const CHANGE_TRACKING: Guid = Guid::from_u128(0x0bf3_0f3b_4a52_48df_9a82_2349_10c4_a086);

/// What stands for the tenant in an issuer, in Microsoft's metadata and keys.
const TENANT: &str = "{tenantid}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_replace_the_clouds_defaults() {
        let json = r#"{"china": {"publisher": "00000000-1111-2222-3333-444444444444", "issuerV1": "https://sts.example/{tenantid}/"}}"#;
        let authorities = Authorities::parse(json).unwrap();
        let china = authorities.of(Cloud::China);
        assert!(china.publisher.is("00000000-1111-2222-3333-444444444444"));
        assert_eq!(china.issuer_v1, "https://sts.example/{tenantid}/");
        assert_eq!(china.login, Authority::of(Cloud::China).login);
        assert_eq!(authorities.of(Cloud::Usgov), Authority::of(Cloud::Usgov));
        assert_eq!(Authorities::parse("{}").unwrap(), Authorities::default());
    }

    #[test]
    fn unsafe_or_malformed_settings_are_rejected() {
        for json in [
            "",
            "[]",
            r#"{"mars": {}}"#,
            r#"{"usgov": {"login": "https://evil.example"}}"#,
            r#"{"global": {}}"#,
            r#"{"usgov": {"publisher": "change tracking"}}"#,
            r#"{"usgov": {"issuerV1": "http://sts.example/{tenantid}/"}}"#,
            r#"{"usgov": {"issuerV2": "https://sts.example/one-tenant/"}}"#,
        ] {
            assert!(Authorities::parse(json).is_err(), "{json}");
        }
    }
}
