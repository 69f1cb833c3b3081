//! How a token is signed, and what its header may say.

use aws_lc_rs::{hmac, rand, signature};
use serde_json::json;

use super::*;

#[test]
fn an_unsigned_token_is_refused() {
    for algorithm in ["none", "None", "NONE", "nOnE", ""] {
        let header = with(SIGNER.header(), "alg", json!(algorithm));
        let message = message(&header, &v2());
        check(&[format!("{message}.")], Err(TokenError::Rejected));
        // A signature that would hold does not help.
        refuses_header(&header);
    }
}

#[test]
fn a_token_without_signature_is_refused() {
    let message = message(&SIGNER.header(), &v2());
    check(&[format!("{message}.")], Err(TokenError::Rejected));
    check(&[message], Err(TokenError::Rejected));
}

#[test]
fn a_token_signed_with_the_public_key_as_a_secret_is_refused() {
    let header = with(SIGNER.header(), "alg", json!("HS256"));
    let message = message(&header, &v2());
    let public = SIGNER.jwk()["n"].as_str().unwrap().to_owned();
    for secret in [public.as_bytes(), &SIGNER.jwks()] {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let tag = hmac::sign(&key, message.as_bytes());
        let token = format!("{message}.{}", encode(tag.as_ref()));
        check(&[token], Err(TokenError::Rejected));
    }
}

#[test]
fn a_token_signed_by_another_rsa_algorithm_is_refused() {
    let algorithms: [(&str, &'static dyn signature::RsaEncoding); 3] = [
        ("PS256", &signature::RSA_PSS_SHA256),
        ("RS384", &signature::RSA_PKCS1_SHA384),
        ("RS512", &signature::RSA_PKCS1_SHA512),
    ];
    for (name, encoding) in algorithms {
        for claimed in [name, "RS256"] {
            let header = with(SIGNER.header(), "alg", json!(claimed));
            check(&[sign_by(encoding, &header)], Err(TokenError::Rejected));
        }
    }
}

#[test]
fn an_algorithm_other_than_the_one_in_use_is_refused() {
    for algorithm in [
        json!("HS256"),
        json!("PS256"),
        json!("ES256"),
        json!("rs256"),
        json!(["RS256"]),
        json!(null),
    ] {
        refuses_header(&with(SIGNER.header(), "alg", algorithm));
    }
    refuses_header(&without(SIGNER.header(), "alg"));
}

#[test]
fn a_header_that_brings_a_key_is_refused() {
    refuses_header(&with(SIGNER.header(), "jwk", SIGNER.jwk()));
    refuses_header(&with(SIGNER.header(), "jwk", json!(null)));
}

#[test]
fn a_header_with_the_url_of_a_key_is_rejected() {
    refuses_header(&with(SIGNER.header(), "jku", json!("https://evil.example/keys")));
}

#[test]
fn a_header_with_the_url_of_a_certificate_is_rejected() {
    refuses_header(&with(SIGNER.header(), "x5u", json!("https://evil.example/cert")));
}

#[test]
fn a_header_that_brings_a_certificate_is_refused() {
    refuses_header(&with(SIGNER.header(), "x5c", json!(["MIIB"])));
}

#[test]
fn a_header_with_critical_extensions_is_refused() {
    refuses_header(&with(SIGNER.header(), "crit", json!(["exp"])));
    refuses_header(&with(SIGNER.header(), "b64", json!(false)));
}

#[test]
fn a_name_written_in_escapes_is_the_same_name() {
    let header = SIGNER.header().to_string();
    let escaped = header.replacen('{', r#"{"\u006aku":"https://evil.example/","#, 1);
    let token = SIGNER.sign(&escaped, &v2().to_string());
    check(&[token], Err(TokenError::Rejected));
}

#[test]
fn a_repeated_header_member_is_rejected() {
    for extra in [
        r#""alg":"none""#,
        r#""alg":"RS256""#,
        r#""kid":"other""#,
        r#""typ":"a""#,
    ] {
        let header = SIGNER.header().to_string();
        let twice = header.replacen('{', &format!("{{{extra},"), 1);
        let token = SIGNER.sign(&twice, &v2().to_string());
        check(&[token], Err(TokenError::Rejected));
    }
}

#[test]
fn a_token_that_names_no_key_is_refused() {
    refuses_header(&without(SIGNER.header(), "kid"));
    refuses_header(&with(SIGNER.header(), "kid", json!("")));
    refuses_header(&with(SIGNER.header(), "kid", json!(7)));
}

#[test]
fn the_header_of_a_version_1_token_is_accepted() {
    let header = with(SIGNER.header(), "x5t", json!("kid-1"));
    check(&[SIGNER.token_with_header(&header, &v1())], Ok(()));
}

/// Returns a token whose signature by the first signer is of another kind than RS256.
fn sign_by(encoding: &'static dyn signature::RsaEncoding, header: &Value) -> String {
    let Signer { pkcs8, .. } = &*SIGNER;
    let pair = signature::RsaKeyPair::from_pkcs8(pkcs8).unwrap();
    let message = message(header, &v2());
    let mut signature = vec![0; pair.public_modulus_len()];
    let random = rand::SystemRandom::new();
    pair.sign(encoding, &random, message.as_bytes(), &mut signature)
        .unwrap();
    format!("{message}.{}", encode(&signature))
}
