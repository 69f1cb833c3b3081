use std::sync::OnceLock;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::prelude::BASE64_STANDARD;
use rsa::pkcs1::EncodeRsaPrivateKey;
use rsa::pkcs8::{DecodePrivateKey, EncodePrivateKey, LineEnding};
use rsa::pss::{Signature, VerifyingKey};
use rsa::signature::Verifier;
use rsa::{RsaPrivateKey, RsaPublicKey};
use serde_json::Value;

use super::*;
use crate::application::test_util::guid;
use crate::cloud::Cloud;
use crate::notification::envelope::test_util::{self, SystemRng};
use crate::secrets::DecryptionKeyEntry;

#[test]
fn an_assertion_has_an_issuer_an_audience_and_a_lifetime() {
    let (header, claims, _) = taken_apart(&sign([7; 16]));
    let (der, _) = certificate::parse(&test_util::key().certificate).unwrap();
    let thumbprint = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(der));
    assert_eq!(
        header,
        json!({ "alg": "PS256", "typ": "JWT", "x5t#S256": thumbprint })
    );
    assert_eq!(
        claims,
        json!({
            "aud": AUDIENCE, "iss": APP, "sub": APP, "jti": "07070707-0707-4707-8707-070707070707",
            "iat": 1_795_341_600, "nbf": 1_795_341_600, "exp": 1_795_342_200,
        })
    );
}

#[test]
fn another_implementation_finds_the_signature_good_and_a_changed_assertion_bad() {
    let assertion = sign([1; 16]);
    let (message, signature) = assertion.rsplit_once('.').unwrap();
    let key = RsaPrivateKey::from_pkcs8_pem(&test_util::key().private_key).unwrap();
    let key = VerifyingKey::<Sha256>::new(RsaPublicKey::from(&key));
    let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).unwrap();
    let signature = Signature::try_from(signature.as_slice()).unwrap();
    key.verify(message.as_bytes(), &signature).unwrap();
    assert!(
        key.verify(message.replace('.', "..").as_bytes(), &signature)
            .is_err()
    );
}

#[test]
fn a_key_is_read_in_either_form() {
    let key = RsaPrivateKey::from_pkcs8_pem(&test_util::key().private_key).unwrap();
    let pkcs1 = key.to_pkcs1_pem(LineEnding::LF).unwrap();
    assert!(pkcs1.starts_with("-----BEGIN RSA PRIVATE KEY-----"));
    accepted(&pkcs1, &certificate_pem());
    accepted(&test_util::key().private_key, &certificate_pem());
}

#[test]
fn pasting_does_no_harm() {
    let (key, certificate) = (test_util::key().private_key.clone(), certificate_pem());
    let changes: [fn(&str) -> String; 5] = [
        |text| text.replace('\n', "\r\n"),
        |text| text.replace('\n', " "),
        |text| text.replace('\n', "\\n"),
        |text| text.replace('\n', "\\r\\n"),
        |text| format!("Bag Attributes\n  localKeyID: 01\n{text}\n\n"),
    ];
    for change in changes {
        accepted(&change(&key), &change(&certificate));
    }
    let both = format!("{certificate}{key}");
    accepted(&both, &both);
    let chain = format!("{}{certificate}", pem("CERTIFICATE", &other().certificate));
    accepted(&key, &chain);
}

#[test]
fn a_malformed_key_is_rejected() {
    let garbled = pem("PRIVATE KEY", "AAAA");
    let cut = test_util::key().private_key.replace("-----END", "");
    let public = test_util::key().private_key.replace("PRIVATE KEY", "PUBLIC KEY");
    for key in ["", "secret", &garbled, &cut, &public, &certificate_pem()] {
        refused(key, &certificate_pem(), UnusableCertificate::PrivateKey);
    }
}

#[test]
fn a_damaged_key_is_refused() {
    let damaged = test_util::key().private_key.replacen(['A', 'b', 'Q'], "7", 40);
    refused(&damaged, &certificate_pem(), UnusableCertificate::PrivateKey);
}

#[test]
fn an_encrypted_key_is_refused() {
    let legacy = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n\
                  -----END RSA PRIVATE KEY-----";
    for key in [pem("ENCRYPTED PRIVATE KEY", "AAAA").as_str(), legacy] {
        refused(key, &certificate_pem(), UnusableCertificate::Encrypted);
    }
}

#[test]
fn a_key_of_another_kind_is_refused() {
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
    let pkcs8 = pem("PRIVATE KEY", &BASE64_STANDARD.encode(document.unwrap()));
    for key in [pkcs8, pem("EC PRIVATE KEY", "AAAA")] {
        refused(&key, &certificate_pem(), UnusableCertificate::NotRsa);
    }
}

#[test]
fn a_key_under_2048_bits_is_refused() {
    for bits in [1024, 2047] {
        let key = RsaPrivateKey::new(&mut SystemRng, bits).unwrap();
        let key = key.to_pkcs8_pem(LineEnding::LF).unwrap();
        refused(&key, &certificate_pem(), UnusableCertificate::TooSmall);
    }
}

#[test]
fn a_malformed_certificate_is_rejected() {
    let garbled = pem("CERTIFICATE", "AAAA");
    for certificate in ["", "secret", &garbled, &test_util::key().private_key] {
        refused(
            &test_util::key().private_key,
            certificate,
            UnusableCertificate::Certificate,
        );
    }
}

#[test]
fn the_certificate_of_another_key_is_refused() {
    let certificate = pem("CERTIFICATE", &other().certificate);
    refused(
        &test_util::key().private_key,
        &certificate,
        UnusableCertificate::Mismatch,
    );
}

#[test]
fn the_expiry_of_the_certificate_is_returned() {
    assert_eq!(
        parse().expires_at(),
        certificate::expires_at(&test_util::key().certificate).unwrap()
    );
}

#[test]
fn nothing_of_the_key_is_printed() {
    let key = &test_util::key().private_key;
    let printed = format!("{:?}", parse());
    for line in key.lines() {
        assert!(!printed.contains(line), "{printed}");
    }
    assert_eq!(
        UnusableCertificate::Mismatch.to_string(),
        "`certificate` does not belong to `privateKey`; write the certificate of this key"
    );
}

#[test]
fn each_cloud_has_its_exchange_audience() {
    let audiences = Cloud::ALL.map(Cloud::exchange_audience);
    assert_eq!(
        audiences,
        [
            "api://AzureADTokenExchange",
            "api://AzureADTokenExchangeUSGov",
            "api://AzureADTokenExchangeUSGov",
            "api://AzureADTokenExchangeChina",
        ]
    );
}

#[track_caller]
fn accepted(private_key: &str, certificate: &str) {
    let parsed = SigningCertificate::parse(private_key, certificate);
    assert_eq!(parsed.unwrap().thumbprint, parse().thumbprint);
}

#[track_caller]
fn refused(private_key: &str, certificate: &str, expected: UnusableCertificate) {
    let error = SigningCertificate::parse(private_key, certificate).unwrap_err();
    assert_eq!(error, expected);
}

fn parse() -> SigningCertificate {
    SigningCertificate::parse(&test_util::key().private_key, &certificate_pem()).unwrap()
}

fn sign(id: [u8; 16]) -> String {
    let now = "2026-11-22T10:00:00.9Z".parse().unwrap();
    parse()
        .assertion(guid(APP), AUDIENCE, id, now)
        .unwrap()
        .expose()
        .clone()
}

fn taken_apart(assertion: &str) -> (Value, Value, Vec<u8>) {
    let parts: Vec<Vec<u8>> = assertion
        .split('.')
        .map(|part| BASE64_URL_SAFE_NO_PAD.decode(part).unwrap())
        .collect();
    let json = |part: &[u8]| serde_json::from_slice(part).unwrap();
    (json(&parts[0]), json(&parts[1]), parts[2].clone())
}

fn certificate_pem() -> String {
    pem("CERTIFICATE", &test_util::key().certificate)
}

fn pem(label: &str, base64: &str) -> String {
    let lines: Vec<&str> = base64
        .as_bytes()
        .chunks(64)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        lines.join("\n")
    )
}

/// Returns another key and its certificate.
fn other() -> &'static DecryptionKeyEntry {
    static OTHER: OnceLock<DecryptionKeyEntry> = OnceLock::new();
    OTHER.get_or_init(|| {
        let now = "2026-11-22T10:00:00Z".parse().unwrap();
        certificate::generate("other", 2048, now, 1, &mut SystemRng).unwrap()
    })
}

const APP: &str = "66666666-7777-8888-9999-000000000000";
const AUDIENCE: &str =
    "https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/oauth2/v2.0/token";
