//! Every kind of credential against the simulator, which checks them as Microsoft Entra does. These tests need no stack.

use std::sync::Arc;

use aws_lc_rs::{rand::SystemRandom, rsa::KeyPair, signature::RSA_PKCS1_SHA256};
use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use graph_core::{
    application::{Application, Guid},
    certificate,
    cloud::Cloud,
    secrets::DecryptionKeyEntry,
    secrets::Secret,
    subscription::config::{Credential, Tenant},
};
use graph_edge::{
    clock::SystemClock,
    http::Http,
    login::{IdentityError, LoginError, Ports, TokenProvider, WebIdentity},
    testing::FakeSecret,
};
use graph_simulator::{App, Options, Simulator, TokenVersion};
use jiff::{SignedDuration, Timestamp};
use rand_core::UnwrapErr;
use rsa::{
    RsaPrivateKey,
    pkcs1::EncodeRsaPrivateKey,
    pkcs8::{DecodePrivateKey, EncodePrivateKey, LineEnding},
};
use serde_json::{Value, json};

#[tokio::test]
async fn a_client_secret_earns_a_token_and_a_wrong_one_an_explanation() {
    let bench = Bench::new();
    let secret = |text: &str| Credential::ClientSecret {
        client_secret: Secret::new(text.to_owned()),
    };
    bench.earns(secret("s+cret &")).await;
    let error = bench.refused(secret("hunter2")).await;
    assert!(
        error.starts_with("client secret is wrong or has expired") && error.contains("AADSTS7000215"),
        "{error}"
    );
}

#[tokio::test]
async fn a_certificate_earns_a_token_with_its_key_in_either_form() {
    let (bench, entry) = (Bench::new(), certified());
    bench.simulator.trust_certificate(APP, &der(&entry));
    bench.earns(certificate_of(&entry, &entry.private_key)).await;
    let key = RsaPrivateKey::from_pkcs8_pem(&entry.private_key).unwrap();
    let pkcs1 = key.to_pkcs1_pem(LineEnding::CRLF).unwrap();
    bench.earns(certificate_of(&entry, &pkcs1)).await;
}

#[tokio::test]
async fn a_certificate_that_the_application_does_not_have_is_refused() {
    let (bench, entry) = (Bench::new(), certified());
    bench.simulator.trust_certificate(APP, &der(&certified()));
    let error = bench.refused(certificate_of(&entry, &entry.private_key)).await;
    assert!(
        error.starts_with("certificate is not in the app registration"),
        "{error}"
    );
    assert!(error.contains("AADSTS700027"), "{error}");
}

#[tokio::test]
async fn a_certificate_of_another_key_is_reported_without_a_call() {
    let (bench, entry) = (Bench::new(), certified());
    bench.simulator.trust_certificate(APP, &der(&entry));
    let error = bench
        .refused(certificate_of(&entry, &certified().private_key))
        .await;
    assert_eq!(
        error,
        "application's certificate cannot be used: `certificate` does not belong to `privateKey`; write the certificate of this key"
    );
    assert_eq!(bench.simulator.count("POST", "/"), 0);
}

#[tokio::test]
async fn an_assertion_holds_for_ten_minutes() {
    let (bench, entry) = (Bench::new(), certified());
    bench.simulator.trust_certificate(APP, &der(&entry));
    // Entra lets five minutes of clock skew through.
    bench.simulator.advance(SignedDuration::from_mins(14));
    bench.earns(certificate_of(&entry, &entry.private_key)).await;
    bench.simulator.advance(SignedDuration::from_mins(2));
    let error = bench.refused(certificate_of(&entry, &entry.private_key)).await;
    assert!(error.contains("AADSTS700024"), "{error}");
}

#[tokio::test]
async fn the_role_of_the_function_earns_a_token_without_a_stored_secret() {
    let bench = Bench::new();
    let issuer = der(&bench.role.entry);
    bench.simulator.trust_issuer(APP, &issuer, ISSUER, ROLE);
    bench.earns(Credential::WebIdentity).await;
}

#[tokio::test]
async fn a_role_without_federated_credential_is_refused() {
    let bench = Bench::new();
    let issuer = der(&bench.role.entry);
    bench
        .simulator
        .trust_issuer(APP, &issuer, ISSUER, "arn:aws:iam::123456789012:role/Other");
    let error = bench.refused(Credential::WebIdentity).await;
    assert!(
        error.starts_with("no federated credential of the application matches the AWS role"),
        "{error}"
    );
    assert!(error.contains("AADSTS700213"), "{error}");
}

#[tokio::test]
async fn a_token_of_the_role_for_another_cloud_is_refused() {
    let bench = Bench::new();
    let issuer = der(&bench.role.entry);
    bench.simulator.trust_issuer(APP, &issuer, ISSUER, ROLE);
    let tenant = Tenant {
        cloud: Cloud::Usgov,
        ..tenant(Credential::WebIdentity)
    };
    let error = bench.login().token(&tenant).await.unwrap_err();
    assert!(error.to_string().contains("AADSTS700023"), "{error}");
}

#[tokio::test]
async fn a_user_stays_signed_in_through_the_tokens_that_follow() {
    let bench = Bench::new();
    let seed = bench.simulator.issue_refresh_token(&app());
    bench.earns(user(&seed)).await;
    let (first, version) = (refresh_token(&bench.kept), bench.kept.versions());
    assert_ne!(first, seed);
    // As if it were an hour later, in another process.
    age(&bench.kept);
    bench.earns(user(&seed)).await;
    assert_ne!(refresh_token(&bench.kept), first);
    assert_eq!(bench.kept.versions(), version + 2);
}

#[tokio::test]
async fn runs_at_the_same_time_keep_a_token_that_counts() {
    let bench = Bench::new();
    let seed = bench.simulator.issue_refresh_token(&app());
    let (one, other, tenant) = (bench.login(), bench.login(), tenant(user(&seed)));
    let (first, second) = tokio::join!(one.token(&tenant), other.token(&tenant));
    bench.accepts(&first.unwrap()).await;
    bench.accepts(&second.unwrap()).await;
    bench.earns(user(&seed)).await;
}

#[tokio::test]
async fn a_new_sign_in_takes_over_from_one_that_was_revoked() {
    let bench = Bench::new();
    let revoked = user("revoked");
    let error = bench.refused(revoked.clone()).await;
    assert!(
        error.starts_with("sign-in has expired or was revoked; sign in to the application again"),
        "{error}"
    );
    assert!(error.contains("AADSTS50173"), "{error}");
    bench
        .earns(user(&bench.simulator.issue_refresh_token(&app())))
        .await;
}

/// What the login talks to.
struct Services;

impl Ports for Services {
    type Clock = SystemClock;
    type RefreshTokens = FakeSecret;
    type WebIdentity = FakeRole;
}

/// A simulator, the AWS role of a function, and the secret where refresh tokens are kept.
struct Bench {
    simulator: Simulator,
    role: FakeRole,
    kept: FakeSecret,
}

impl Bench {
    fn new() -> Self {
        let options = Options {
            apps: vec![app()],
            ..Options::default()
        };
        Self {
            simulator: Simulator::start(options).unwrap(),
            role: FakeRole {
                entry: Arc::new(certified()),
            },
            kept: FakeSecret::default(),
        }
    }

    /// Returns the login of a new process.
    fn login(&self) -> TokenProvider<Services> {
        let base = self.simulator.base_url();
        let (tokens, role) = (self.kept.clone(), self.role.clone());
        TokenProvider::new(Http::default(), Some(&base), tokens, role, SystemClock).unwrap()
    }

    /// Checks that a credential earns a token that the simulated Graph takes.
    async fn earns(&self, credential: Credential) {
        let token = self.login().token(&tenant(credential)).await.unwrap();
        self.accepts(&token).await;
    }

    async fn accepts(&self, token: &Secret<String>) {
        let url = format!("{}/v1.0/subscriptions", self.simulator.base_url());
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let answer = client.get(url).bearer_auth(token.expose()).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 200);
    }

    /// Checks that a credential earns none and that the error prints nothing of it, and returns the error's text.
    async fn refused(&self, credential: Credential) -> String {
        let error: LoginError = self.login().token(&tenant(credential.clone())).await.unwrap_err();
        let text = graph_edge::telemetry::causes(&error);
        let printed = format!("{text} {error:?}");
        let secrets = match &credential {
            Credential::ClientSecret { client_secret } => client_secret.expose().clone(),
            Credential::Certificate { private_key, .. } => private_key.expose().clone(),
            Credential::RefreshToken { .. } | Credential::WebIdentity => "eyJ".to_owned(),
        };
        for line in secrets.lines() {
            assert!(!printed.contains(line), "{printed}");
        }
        text
    }
}

/// Returns the refresh token that is kept.
fn refresh_token(kept: &FakeSecret) -> String {
    let document: Value = serde_json::from_str(&kept.text().unwrap()).unwrap();
    document["tokens"][0]["refreshToken"].as_str().unwrap().to_owned()
}

/// Makes what is kept an hour older.
fn age(kept: &FakeSecret) {
    let mut document: Value = serde_json::from_str(&kept.text().unwrap()).unwrap();
    let earlier = Timestamp::now() - SignedDuration::from_hours(1);
    document["tokens"][0]["obtainedAt"] = json!(earlier);
    kept.set(document.to_string());
}

/// A role that AWS vouches for, with AWS's key.
#[derive(Clone)]
struct FakeRole {
    entry: Arc<DecryptionKeyEntry>,
}

impl WebIdentity for FakeRole {
    async fn token(&self, audience: &str) -> Result<Secret<String>, IdentityError> {
        let now = Timestamp::now().as_second();
        let header = json!({ "alg": "RS256", "typ": "JWT", "kid": "aws" });
        let claims =
            json!({ "iss": ISSUER, "sub": ROLE, "aud": audience, "iat": now, "nbf": now, "exp": now + 300 });
        let message = [header, claims]
            .map(|part| BASE64_URL_SAFE_NO_PAD.encode(part.to_string()))
            .join(".");
        let key = RsaPrivateKey::from_pkcs8_pem(&self.entry.private_key).unwrap();
        let key = KeyPair::from_pkcs8(key.to_pkcs8_der().unwrap().as_bytes()).unwrap();
        let mut signature = vec![0; key.public_modulus_len()];
        key.sign(
            &RSA_PKCS1_SHA256,
            &SystemRandom::new(),
            message.as_bytes(),
            &mut signature,
        )
        .unwrap();
        Ok(Secret::new(format!(
            "{message}.{}",
            BASE64_URL_SAFE_NO_PAD.encode(signature)
        )))
    }
}

fn certified() -> DecryptionKeyEntry {
    let mut rng = UnwrapErr(getrandom::SysRng);
    certificate::generate("credential", 2048, Timestamp::now(), 1, &mut rng).unwrap()
}

fn der(entry: &DecryptionKeyEntry) -> Vec<u8> {
    BASE64_STANDARD.decode(&entry.certificate).unwrap()
}

fn certificate_of(entry: &DecryptionKeyEntry, private_key: &str) -> Credential {
    let certificate = format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        entry.certificate
    );
    Credential::Certificate {
        private_key: Secret::new(private_key.to_owned()),
        certificate: Secret::new(certificate),
    }
}

fn user(refresh_token: &str) -> Credential {
    Credential::RefreshToken {
        refresh_token: Secret::new(refresh_token.to_owned()),
        client_secret: Some(Secret::new("s+cret &".to_owned())),
    }
}

fn tenant(credential: Credential) -> Tenant {
    Tenant {
        application: Application {
            tenant_id: Guid::parse(TENANT).unwrap(),
            client_id: Guid::parse(APP).unwrap(),
        },
        cloud: Cloud::Global,
        credential,
        client_secret_expires: None,
        own_certificate: false,
    }
}

fn app() -> App {
    App {
        tenant_id: TENANT.to_owned(),
        client_id: APP.to_owned(),
        client_secret: "s+cret &".to_owned(),
        token_version: TokenVersion::V2,
    }
}

const TENANT: &str = "11111111-2222-3333-4444-555555555555";
const APP: &str = "66666666-7777-8888-9999-000000000000";
const ISSUER: &str = "https://00000000-0000-4000-8000-000000000000.tokens.sts.global.api.aws";
const ROLE: &str = "arn:aws:iam::123456789012:role/graph-notifications-RenewalFunctionRole";
