//! Validation tokens: the proof that notifications with resource data come from Microsoft.
//!
//! Microsoft Graph, *Set up change notifications that include resource data*, "Validation tokens in the change
//! notification"; Microsoft identity platform, *Access tokens*.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::der::CannotSign;
use super::keys::{Authority, issuer};
use super::options::TokenVersion;
use super::random;
use super::wrong::Wrong;

/// The subject of a token.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Subject {
    /// The tenant of the items.
    pub(crate) tenant_id: String,
    /// The app that subscribed, or the one for which it wants tokens.
    pub(crate) audience: String,
}

/// Makes a validation token.
///
/// # Errors
///
/// The signing key fails.
pub(crate) fn validation_token(
    authority: &Authority,
    subject: &Subject,
    version: TokenVersion,
    now: Timestamp,
    wrong: &[Wrong],
) -> Result<String, CannotSign> {
    let is = |one: Wrong| wrong.contains(&one);
    if is(Wrong::TokenGarbage) {
        return Ok("this is no token".to_owned());
    }
    let key = if is(Wrong::TokenUnknownKid) || is(Wrong::TokenEmbeddedKey) {
        authority.outsider()
    } else if is(Wrong::TokenConsumerKey) {
        authority.consumers()
    } else {
        authority.current()
    };
    let algorithm = match () {
        () if is(Wrong::TokenAlgNone) => "none",
        () if is(Wrong::TokenHs256) => "HS256",
        () => "RS256",
    };
    let mut header = json!({ "typ": "JWT", "alg": algorithm, "kid": key.kid });
    if let Some(members) = header.as_object_mut() {
        if version == TokenVersion::V1 {
            members.insert("x5t".to_owned(), json!(key.kid));
        }
        if is(Wrong::TokenEmbeddedKey) {
            members.insert("jwk".to_owned(), key.jwk());
            members.insert("kid".to_owned(), json!(authority.current().kid));
        }
    }
    let claims = claims(subject, version, now, wrong);
    let encoded = [header, claims].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part.to_string()));
    let message = encoded.join(".");
    let signature = match () {
        () if is(Wrong::TokenAlgNone) => Vec::new(),
        () if is(Wrong::TokenHs256) => {
            let secret = hmac::Key::new(hmac::HMAC_SHA256, &key.modulus());
            hmac::sign(&secret, message.as_bytes()).as_ref().to_vec()
        }
        () if is(Wrong::TokenBadSignature) => key.sign(b"something else")?,
        () => key.sign(message.as_bytes())?,
    };
    Ok(format!("{message}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature)))
}

/// Returns the claims, in the form of the version.
fn claims(subject: &Subject, version: TokenVersion, now: Timestamp, wrong: &[Wrong]) -> Value {
    let is = |one: Wrong| wrong.contains(&one);
    let tenant = if is(Wrong::TokenTenant) {
        random::guid()
    } else {
        subject.tenant_id.clone()
    };
    let publisher = if is(Wrong::TokenPublisher) {
        random::guid()
    } else {
        PUBLISHER.to_owned()
    };
    let audience = if is(Wrong::TokenAudience) {
        random::guid()
    } else {
        subject.audience.clone()
    };
    let authentic = issuer(&tenant, version);
    let issuer = match version {
        _ if !is(Wrong::TokenIssuer) => authentic,
        TokenVersion::V1 => authentic.replace("sts.windows.net", "sts.windows.net.example.com"),
        TokenVersion::V2 => authentic.replace("microsoftonline.com", "microsoftonline.com.example.com"),
    };
    let lifetime = match version {
        TokenVersion::V1 => 29_100,
        TokenVersion::V2 => 86_700,
    };
    let now = now.as_second();
    let (from, until) = if is(Wrong::TokenExpired) {
        (now - lifetime - 3_600, now - 3_600)
    } else if is(Wrong::TokenNotYetValid) {
        (now + 3_600, now + lifetime)
    } else {
        (now - 300, now - 300 + lifetime)
    };
    // The publisher's service principal in the tenant, the same one each time.
    let principal = format!("3dd0bf2a-{}", tenant.split_once('-').map_or("", |(_, rest)| rest));
    let mut claims = json!({
        "aud": audience, "iss": issuer, "iat": from, "nbf": from, "exp": until,
        "aio": random::opaque::<24>(), "oid": principal, "rh": format!("0.{}.", random::opaque::<24>()),
        "sub": principal, "tid": tenant, "uti": random::opaque::<16>(),
    });
    let own = match version {
        TokenVersion::V1 => json!({
            "ver": "1.0", "appid": publisher, "appidacr": "2",
            "idp": claims.get("iss").cloned().unwrap_or_default(),
        }),
        TokenVersion::V2 => json!({ "ver": "2.0", "azp": publisher, "azpacr": "2" }),
    };
    if let (Some(claims), Value::Object(own)) = (claims.as_object_mut(), own) {
        claims.extend(own);
    }
    claims
}

/// The app id of Microsoft Graph Change Tracking.
const PUBLISHER: &str = "0bf30f3b-4a52-48df-9a82-234910c4a086";

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};

    use super::*;

    #[test]
    fn a_v2_token_has_a_published_key_and_the_publisher_in_azp() {
        let (header, claims, genuine) = make(TokenVersion::V2, &[]);

        assert!(genuine);
        assert_eq!(header["alg"], "RS256");
        assert_eq!(claims["azp"], PUBLISHER);
        assert_eq!(
            claims["iss"],
            format!("https://login.microsoftonline.com/{TENANT}/v2.0")
        );
        assert_eq!(
            (claims["ver"].as_str(), claims["aud"].as_str()),
            (Some("2.0"), Some(APP))
        );
        assert!(claims.get("appid").is_none());
    }

    #[test]
    fn a_v1_token_names_the_publisher_in_appid() {
        let (header, claims, genuine) = make(TokenVersion::V1, &[]);

        assert!(genuine);
        assert_eq!(header["x5t"], header["kid"]);
        assert_eq!(claims["appid"], PUBLISHER);
        assert_eq!(claims["iss"], format!("https://sts.windows.net/{TENANT}/"));
        assert_eq!(claims["ver"], "1.0");
        assert!(claims.get("azp").is_none());
    }

    #[test]
    fn tokens_that_are_wrong_in_their_claims_are_well_signed() {
        use Wrong::*;
        for (wrong, claim) in [
            (TokenAudience, "aud"),
            (TokenPublisher, "azp"),
            (TokenIssuer, "iss"),
            (TokenTenant, "tid"),
            (TokenExpired, "exp"),
            (TokenNotYetValid, "nbf"),
        ] {
            let (_, right, _) = make(TokenVersion::V2, &[]);
            let (_, claims, genuine) = make(TokenVersion::V2, &[wrong]);
            assert!(genuine, "{wrong:?}");
            assert_ne!(claims[claim], right[claim], "{wrong:?}");
        }
    }

    #[test]
    fn tokens_that_are_wrong_in_their_signature_fail_to_verify() {
        use Wrong::*;
        for wrong in [
            TokenAlgNone,
            TokenHs256,
            TokenUnknownKid,
            TokenBadSignature,
            TokenEmbeddedKey,
        ] {
            assert!(!make(TokenVersion::V2, &[wrong]).2, "{wrong:?}");
        }
    }

    /// Makes a token, and returns its header, its claims, and whether a published key verifies it.
    fn make(version: TokenVersion, wrong: &[Wrong]) -> (Value, Value, bool) {
        let authority = Authority::new().unwrap();
        let subject = Subject {
            tenant_id: TENANT.to_owned(),
            audience: APP.to_owned(),
        };
        let token = validation_token(&authority, &subject, version, Timestamp::UNIX_EPOCH, wrong).unwrap();
        let (message, signature) = token.rsplit_once('.').unwrap();
        let decode = |text: &str| BASE64_URL_SAFE_NO_PAD.decode(text).unwrap();
        let parts: Vec<Value> = message
            .split('.')
            .map(|part| serde_json::from_slice(&decode(part)).unwrap())
            .collect();
        let set = authority.key_set("common", version);
        let published = set["keys"]
            .as_array()
            .unwrap()
            .iter()
            .find(|key| key["kid"] == parts[0]["kid"]);
        let genuine = published.is_some_and(|key| {
            let member = |name: &str| decode(key[name].as_str().unwrap());
            RsaPublicKeyComponents {
                n: member("n"),
                e: member("e"),
            }
            .verify(
                &RSA_PKCS1_2048_8192_SHA256,
                message.as_bytes(),
                &decode(signature),
            )
            .is_ok()
        });
        (parts[0].clone(), parts[1].clone(), genuine)
    }

    const TENANT: &str = "11111111-2222-3333-4444-555555555555";
    const APP: &str = "66666666-7777-8888-9999-000000000000";
}
