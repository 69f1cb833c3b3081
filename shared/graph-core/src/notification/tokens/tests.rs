//! One test for each way in which a token can be wrong, and for what must pass.

mod claims;
mod header;
mod keys;
mod many;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::testing::{OTHER_SIGNER, SIGNER, Signer, claims_v1, claims_v2, encode};
use super::*;
use crate::{
    application::{
        Application,
        test_util::{application, guid},
    },
    cloud::Cloud,
};

/// Checks what comes of `tokens` for the first tenant, with the first signer's key listed.
#[track_caller]
fn check(tokens: &[String], expected: Result<(), TokenError>) {
    check_for(&tenant(), tokens, expected);
}

#[track_caller]
fn check_for(tenant: &TrustedTenant, tokens: &[String], expected: Result<(), TokenError>) {
    let outcome = try_vouch(tenant, &keys(&[SIGNER.jwk()]), tokens);
    assert_eq!(outcome, expected, "{tokens:?}");
}

#[track_caller]
fn check_with(keys: &SigningKeys, tokens: &[String], expected: Result<(), TokenError>) {
    assert_eq!(try_vouch(&tenant(), keys, tokens), expected, "{tokens:?}");
}

/// Checks that a well-signed token with these claims is refused.
#[track_caller]
fn refuses(claims: &Value) {
    check(&[SIGNER.token(claims)], Err(TokenError::Rejected));
}

/// Checks that a well-signed token with this header is refused.
#[track_caller]
fn refuses_header(header: &Value) {
    let token = SIGNER.token_with_header(header, &v2());
    check(&[token], Err(TokenError::Rejected));
}

fn try_vouch(tenant: &TrustedTenant, keys: &SigningKeys, tokens: &[String]) -> Result<(), TokenError> {
    let authority = Authority::of(Cloud::Global);
    let trusted = vouch("item", tokens, tenant, keys, &authority, now())?;
    assert_eq!(*trusted.get(), "item");
    Ok(())
}

fn ours_of(tokens: &[String]) -> Vec<&str> {
    TokenIndex::new(tokens).relevant(tenant().application, usize::MAX)
}

fn keys(entries: &[Value]) -> SigningKeys {
    SigningKeys::parse(json!({"keys": entries}).to_string().as_bytes()).unwrap()
}

fn message(header: &Value, claims: &Value) -> String {
    let [header, claims] = [header, claims].map(|part| encode(part.to_string().as_bytes()));
    format!("{header}.{claims}")
}

fn with(mut object: Value, name: &str, value: Value) -> Value {
    object[name] = value;
    object
}

fn without(mut object: Value, name: &str) -> Value {
    object.as_object_mut().unwrap().remove(name);
    object
}

fn v1() -> Value {
    claims_v1(&tenant(), now())
}

fn v2() -> Value {
    claims_v2(&tenant(), now())
}

fn tenant() -> TrustedTenant {
    TrustedTenant {
        application: application((
            "11111111-2222-3333-4444-555555555555",
            "66666666-7777-8888-9999-aaaaaaaaaaaa",
        )),
        cloud: Cloud::Global,
    }
}

fn other_tenant() -> TrustedTenant {
    TrustedTenant {
        application: Application {
            tenant_id: guid("aaaaaaaa-2222-3333-4444-555555555555"),
            ..tenant().application
        },
        ..tenant()
    }
}

fn now() -> Timestamp {
    "2026-11-22T10:00:00Z".parse().unwrap()
}

const PUBLISHER: &str = "0bf30f3b-4a52-48df-9a82-234910c4a086";

const STRANGER: &str = "99999999-8888-7777-6666-555555555555";
