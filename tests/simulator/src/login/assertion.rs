//! Client assertions: signed JWTs in place of a client secret.
//!
//! Microsoft identity platform, *Certificate credentials* and *Workload identity federation*.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use aws_lc_rs::signature::{
    RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, RsaParameters, UnparsedPublicKey,
};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde_json::Value;
use x509_parser::prelude::FromDer as _;

use super::Refusal;

/// A credential of an app besides its secret.
#[derive(Debug, Clone)]
pub(crate) struct Trusted {
    /// The app.
    pub(crate) client_id: String,
    /// The signer's certificate in DER form.
    pub(crate) certificate: Vec<u8>,
    /// The issuer and subject of a federated credential. Without it, the app signs for itself.
    pub(crate) federated: Option<(String, String)>,
}

impl Trusted {
    /// Returns whether the certificate is valid now, from its first second to its last.
    fn is_valid(&self, now: Timestamp) -> bool {
        x509_parser::certificate::X509Certificate::from_der(&self.certificate).is_ok_and(|(_, parsed)| {
            let validity = parsed.validity();
            (validity.not_before.timestamp()..=validity.not_after.timestamp()).contains(&now.as_second())
        })
    }
}

/// Checks an assertion of an app.
pub(crate) fn check(
    trusted: &[Trusted],
    client_id: &str,
    assertion: &str,
    audiences: &[String],
    now: Timestamp,
) -> Result<(), Refusal> {
    let parsed = Assertion::parse(assertion)
        .ok_or_else(|| refused(50_027, "The client assertion is not a JWT that can be read."))?;
    let mut own = trusted
        .iter()
        .filter(|one| one.client_id.eq_ignore_ascii_case(client_id));
    let signer = own
        .find(|one| parsed.signed_by(one))
        .ok_or_else(|| refused(700_027, "The certificate with identifier used to sign the client assertion is not registered on application, or the signature is not valid."))?;
    if signer.federated.is_none() && !signer.is_valid(now) {
        return Err(refused(700_027, EXPIRED));
    }
    let (issuer, subject, audiences) = match &signer.federated {
        Some((issuer, subject)) => (issuer.as_str(), subject.as_str(), &[EXCHANGE.to_owned()][..]),
        None => (client_id, client_id, audiences),
    };
    if parsed.text("iss") != Some(issuer) || parsed.text("sub") != Some(subject) {
        let text = "No matching identity record found for the presented assertion issuer and subject.";
        return Err(refused(
            if signer.federated.is_some() {
                700_213
            } else {
                700_021
            },
            text,
        ));
    }
    if !audiences
        .iter()
        .any(|audience| parsed.text("aud") == Some(audience))
    {
        return Err(refused(
            700_023,
            "Client assertion audience claim does not match the token endpoint.",
        ));
    }
    let (from, until) = (
        parsed.number("nbf").unwrap_or(i64::MIN),
        parsed.number("exp").unwrap_or(i64::MIN),
    );
    if from > now.as_second().saturating_add(SKEW) || until < now.as_second().saturating_sub(SKEW) {
        return Err(refused(
            700_024,
            "Client assertion is not within its valid time range.",
        ));
    }
    Ok(())
}

/// The parts of an assertion.
struct Assertion {
    header: Value,
    claims: Value,
    message: String,
    signature: Vec<u8>,
}

impl Assertion {
    /// Splits a JWT.
    fn parse(jwt: &str) -> Option<Self> {
        let (message, signature) = jwt.rsplit_once('.')?;
        let (header, claims) = message.split_once('.')?;
        let json = |part: &str| serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).ok()?).ok();
        let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).ok()?;
        Some(Self {
            header: json(header)?,
            claims: json(claims)?,
            message: message.to_owned(),
            signature,
        })
    }

    /// Returns whether the owner of a certificate has signed. An app has to name its certificate by thumbprint.
    fn signed_by(&self, trusted: &Trusted) -> bool {
        let Ok((_, parsed)) = x509_parser::certificate::X509Certificate::from_der(&trusted.certificate)
        else {
            return false;
        };
        let thumbprint = |algorithm| BASE64_URL_SAFE_NO_PAD.encode(digest(algorithm, &trusted.certificate));
        let header = |name: &str| self.header.get(name).and_then(Value::as_str);
        let (parameters, named): (&'static RsaParameters, bool) = match header("alg") {
            Some("PS256") => (
                &RSA_PSS_2048_8192_SHA256,
                header("x5t#S256") == Some(&thumbprint(&SHA256)),
            ),
            Some("RS256") => (
                &RSA_PKCS1_2048_8192_SHA256,
                header("x5t") == Some(&thumbprint(&SHA1_FOR_LEGACY_USE_ONLY)),
            ),
            _ => return false,
        };
        let key = UnparsedPublicKey::new(parameters, parsed.public_key().subject_public_key.data.as_ref());
        let verified = key.verify(self.message.as_bytes(), &self.signature).is_ok();
        verified && (named || trusted.federated.is_some())
    }

    /// Returns a claim that is a text.
    fn text(&self, name: &str) -> Option<&str> {
        self.claims.get(name).and_then(Value::as_str)
    }

    /// Returns a claim that is a number.
    fn number(&self, name: &str) -> Option<i64> {
        self.claims.get(name).and_then(Value::as_i64)
    }
}

/// Builds a refusal.
fn refused(code: u32, description: &str) -> Refusal {
    Refusal::unauthorized(code, description)
}

/// The audience of assertions by other issuers.
const EXCHANGE: &str = "api://AzureADTokenExchange";

/// The error for a certificate that has expired or is not valid yet.
const EXPIRED: &str = "Client assertion contains an invalid signature. [Reason - The key used is expired.]";

/// The accepted clock skew, in seconds.
const SKEW: i64 = 300;

#[cfg(test)]
mod tests {
    use rsa::RsaPrivateKey;
    use rsa::signature::{RandomizedSigner as _, SignatureEncoding as _, Signer as _};
    use serde_json::json;
    use sha2::Sha256;

    use super::super::super::{der, keys::Pool};
    use super::*;

    #[test]
    fn an_assertion_with_either_signature_scheme_is_good() {
        assert_eq!(code(&["PS256"], |_| {}), None);
        assert_eq!(code(&["RS256"], |_| {}), None);
    }

    #[test]
    fn claims_that_do_not_fit_are_refused() {
        assert_eq!(
            code(&["PS256"], |claims| claims["aud"] = json!("https://other")),
            Some(700_023)
        );
        assert_eq!(
            code(&["PS256"], |claims| claims["iss"] = json!("other")),
            Some(700_021)
        );
        assert_eq!(
            code(&["PS256"], |claims| claims["sub"] = json!("other")),
            Some(700_021)
        );
        assert_eq!(
            code(&["PS256"], |claims| claims["exp"] = json!(NOW - 301)),
            Some(700_024)
        );
        assert_eq!(
            code(&["PS256"], |claims| claims["nbf"] = json!(NOW + 301)),
            Some(700_024)
        );
        assert_eq!(code(&["PS256"], |claims| *claims = json!({})), Some(700_021));
    }

    #[test]
    fn a_certificate_counts_from_its_first_second_to_its_last() {
        let year = |text: &str| {
            let now: Timestamp = text.parse().unwrap();
            code_at(now, &["PS256"], |claims| {
                (claims["nbf"], claims["exp"]) = (json!(now.as_second()), json!(now.as_second() + 300));
            })
        };
        assert_eq!(year("2019-12-31T23:59:59Z"), Some(700_027));
        assert_eq!(year("2020-01-01T00:00:00Z"), None);
        assert_eq!(year("2099-12-31T23:59:59Z"), None);
        assert_eq!(year("2100-01-01T00:00:00Z"), Some(700_027));
    }

    #[test]
    fn signatures_of_others_or_without_the_thumbprint_are_refused() {
        assert_eq!(code(&["PS256", "other key"], |_| {}), Some(700_027));
        assert_eq!(code(&["PS256", "no thumbprint"], |_| {}), Some(700_027));
        assert_eq!(code(&["HS256"], |_| {}), Some(700_027));
    }

    #[test]
    fn a_federated_assertion_is_judged_by_issuer_subject_and_exchange_audience() {
        let federated = |claims: &mut Value| {
            *claims = json!({ "iss": "https://idp", "sub": "role", "aud": EXCHANGE, "nbf": NOW, "exp": NOW });
        };
        assert_eq!(code(&["RS256", "no thumbprint", "federated"], federated), None);
        assert_eq!(code(&["RS256", "federated"], |_| {}), Some(700_213));
    }

    /// Checks an assertion that differs from a valid one, and returns the code of the refusal.
    fn code(how: &[&str], change: impl FnOnce(&mut Value)) -> Option<u32> {
        code_at(Timestamp::from_second(NOW).unwrap(), how, change)
    }

    fn code_at(now: Timestamp, how: &[&str], change: impl FnOnce(&mut Value)) -> Option<u32> {
        let certificate = der::self_signed(&Pool::key(5).unwrap(), "app").unwrap();
        let mut header = json!({
            "alg": how[0],
            "x5t": BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, &certificate)),
            "x5t#S256": BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, &certificate)),
        });
        if how.contains(&"no thumbprint") {
            header = json!({ "alg": how[0] });
        }
        let mut claims = json!({ "iss": APP, "sub": APP, "aud": AUDIENCE, "nbf": NOW, "exp": NOW + 300 });
        change(&mut claims);
        let message = [header, claims]
            .map(|part| BASE64_URL_SAFE_NO_PAD.encode(part.to_string()))
            .join(".");
        let key = Pool::key(if how.contains(&"other key") { 6 } else { 5 }).unwrap();
        let assertion = format!(
            "{message}.{}",
            BASE64_URL_SAFE_NO_PAD.encode(sign(key, how[0], &message))
        );
        let federated = how
            .contains(&"federated")
            .then(|| ("https://idp".to_owned(), "role".to_owned()));
        let trusted = Trusted {
            client_id: APP.to_owned(),
            certificate,
            federated,
        };
        check(&[trusted], APP, &assertion, &[AUDIENCE.to_owned()], now)
            .err()
            .map(|refusal| refusal.code)
    }

    fn sign(key: RsaPrivateKey, algorithm: &str, message: &str) -> Vec<u8> {
        if algorithm == "RS256" {
            return rsa::pkcs1v15::SigningKey::<Sha256>::new(key)
                .sign(message.as_bytes())
                .to_vec();
        }
        let mut rng = rand_core::UnwrapErr(getrandom::SysRng);
        rsa::pss::SigningKey::<Sha256>::new(key)
            .sign_with_rng(&mut rng, message.as_bytes())
            .to_vec()
    }

    const APP: &str = "66666666-7777-8888-9999-000000000000";
    const AUDIENCE: &str = "https://login.microsoftonline.com/t/oauth2/v2.0/token";
    const NOW: i64 = 1_800_000_000;
}
