//! One test for each way in which an item can be wrong.

use std::sync::OnceLock;

use aes::cipher::block_padding::{NoPadding, Pkcs7};
use aes::cipher::{BlockModeEncrypt, KeyIvInit};
use base64::prelude::BASE64_STANDARD;
use rsa::{Oaep, Pkcs1v15Encrypt};
use serde_json::{Value, json};
use sha1::Sha1;

use super::test_util::{SystemRng, assemble, encrypt, key, public_key, seal, sign};
use super::*;
use crate::application::test_util::guid;
use crate::certificate;
use crate::secrets::{DecryptionDocument, DecryptionKeyEntry};

mod properties;

const TENANT: &str = "t";

#[test]
fn an_item_made_with_openssl_opens() {
    let vector: Value = serde_json::from_str(include_str!("vectors/openssl.json")).unwrap();
    let entry: DecryptionKeyEntry = serde_json::from_value(vector["key"].clone()).unwrap();
    let keys = document(&[&entry]);
    let json = opened(&vector["encryptedContent"], &keys).unwrap();
    assert_eq!(json, vector["plaintext"]);
}

#[test]
fn the_plaintext_passes_byte_for_byte() {
    for json in [
        r#"{"big":123456789012345678901234567890,"price":1.10,"e":1E+2,"z":1,"a":2,"z":3}"#,
        r#"{ "spaced" : [ 1 , 2 ] , "escaped" : "\u00e9\/\n\ud83d\ude00" , "raw" : "é😀" }"#,
        r#"{"n":-0.0}"#,
        "{}",
    ] {
        assert_eq!(sealed(json.as_bytes()), Ok(json.to_owned()));
    }
}

#[test]
fn a_byte_order_mark_and_white_space_are_trimmed() {
    assert_eq!(sealed(b"\xef\xbb\xbf{\"a\":1}"), Ok("{\"a\":1}".to_owned()));
    assert_eq!(sealed(b"\r\n {\"a\": 1}\n"), Ok("{\"a\": 1}".to_owned()));
}

/// Returns an object of so many levels.
fn nested(levels: usize) -> Vec<u8> {
    format!("{}{{}}{}", r#"{"a":"#.repeat(levels - 1), "}".repeat(levels - 1)).into_bytes()
}

#[test]
fn a_plaintext_that_is_not_one_json_object_is_rejected() {
    for plaintext in [
        &b""[..],
        b" ",
        b"not json",
        b"{\"a\":1",
        b"null",
        b"5",
        b"\"text\"",
        b"[]",
        b"{\"a\":1e999}",
        &nested(61),
        b"{} {}",
        b"{'a':1}",
        b"\"\xff\"",
        b"\xef\xbb\xbf",
        b"\xef\xbb\xbf\xef\xbb\xbf{}",
        b"\xff\xfe{\0}\0",
    ] {
        assert_eq!(sealed(plaintext), Err(OpenError::Rejected), "{plaintext:?}");
    }
}

#[test]
fn a_flipped_bit_in_any_part_is_rejected() {
    check(|item| item.ciphertext[0] ^= 1);
    check(|item| item.signature[0] ^= 1);
    check(|item| item.signature[31] ^= 0x80);
    check(|item| item.data_key[100] ^= 1);
}

#[test]
fn a_signature_over_another_ciphertext_is_rejected() {
    check(|item| item.ciphertext = encrypt(br#"{"id":2}"#, &item.key));
}

#[test]
fn a_signature_under_another_key_is_rejected() {
    check(|item| item.signature = sign(&item.ciphertext, &item.key[..16]));
}

#[test]
fn a_signature_over_the_base64_text_is_rejected() {
    check(|item| item.signature = sign(STANDARD.encode(&item.ciphertext).as_bytes(), &item.key));
}

#[test]
fn a_signature_over_the_plaintext_is_rejected() {
    check(|item| item.signature = sign(PLAINTEXT, &item.key));
}

#[test]
fn a_shortened_signature_is_rejected() {
    check(|item| item.signature.truncate(31));
    check(|item| item.signature.truncate(16));
    check(|item| item.signature.clear());
}

#[test]
fn a_missing_signature_is_rejected() {
    for absent in [Value::Null, json!("")] {
        let mut content = Item::new().content();
        content["dataSignature"] = absent;
        assert_eq!(opened(&content, keys()), Err(OpenError::Rejected));
    }
}

#[test]
fn a_missing_signature_is_rejected_with_any_key() {
    let mut content = Item::new().content();
    content["dataSignature"] = Value::Null;
    let none = DecryptionKeys::default();
    assert_eq!(opened(&content, &none), Err(OpenError::Rejected));
}

#[test]
fn a_key_of_128_bits_is_rejected() {
    check(|item| {
        let key: &[u8; 16] = item.key.first_chunk().unwrap();
        item.ciphertext =
            cbc::Encryptor::<aes::Aes128>::new(key.into(), key.into()).encrypt_padded_vec::<Pkcs7>(PLAINTEXT);
        item.signature = sign(&item.ciphertext, key);
        item.data_key = wrap(Oaep::<Sha1>::new(), key);
    });
}

#[test]
fn a_key_with_more_than_256_bits_is_rejected() {
    check(|item| {
        let long = [item.key.as_slice(), &[0]].concat();
        item.data_key = wrap(Oaep::<Sha1>::new(), &long);
    });
}

#[test]
fn a_key_encrypted_in_any_other_way_is_rejected() {
    check(|item| item.data_key = wrap(Oaep::<Sha256>::new(), &item.key));
    check(|item| item.data_key = wrap(Oaep::<Sha256, Sha1>::new_with_mgf_hash(), &item.key));
    check(|item| item.data_key = wrap(Oaep::<Sha1, Sha256>::new_with_mgf_hash(), &item.key));
    check(|item| item.data_key = wrap(Oaep::<Sha1>::new_with_label(*b"label"), &item.key));
    check(|item| item.data_key = wrap(Pkcs1v15Encrypt, &item.key));
    check(|item| item.data_key = item.key.to_vec());
}

#[test]
fn an_encrypted_key_of_another_length_is_rejected() {
    check(|item| item.data_key.clear());
    check(|item| item.data_key.push(0));
    check(|item| item.data_key.insert(0, 0));
    check(|item| item.data_key.truncate(255));
}

#[test]
fn data_that_is_not_whole_blocks_is_rejected() {
    check_signed(|item| item.ciphertext.clear());
    check_signed(|item| item.ciphertext.push(0));
    check_signed(|item| item.ciphertext.truncate(15));
}

#[test]
fn wrong_padding_under_a_good_signature_is_rejected() {
    // Whoever looks at the last byte alone finds a JSON number in front of it.
    for block in [
        b"1234567890123\x01\x02\x03",
        b"123456789012345\x00",
        b"123456789012345\x11",
        b"1234567890123456",
    ] {
        check_signed(|item| {
            let iv = item.key.first_chunk::<16>().unwrap();
            item.ciphertext = cbc::Encryptor::<aes::Aes256>::new((&item.key).into(), iv.into())
                .encrypt_padded_vec::<NoPadding>(block);
        });
    }
}

#[test]
fn base64_that_is_not_standard_and_padded_is_rejected() {
    for field in ["data", "dataSignature", "dataKey"] {
        let content = with_all_of_base64(field);
        let text = content[field].as_str().unwrap().to_owned();
        for spoilt in [
            format!("{text}%"),
            format!("{text}="),
            format!("{text}\n"),
            format!(" {text}"),
            text.trim_end_matches('=').to_owned(),
            text.replace('+', "-").replace('/', "_"),
        ] {
            let mut content = content.clone();
            content[field] = json!(spoilt);
            assert_eq!(
                opened(&content, keys()),
                Err(OpenError::Rejected),
                "{field}: {spoilt}"
            );
        }
    }
}

#[test]
fn escapes_that_are_not_base64_are_rejected() {
    let content = Item::new().content();
    let data = content["data"].as_str().unwrap();
    for escape in ["\\ud800", "\\u0000"] {
        let json = content.to_string().replace(data, &format!("{data}{escape}"));
        let raw = RawValue::from_string(json).unwrap();
        let content = EncryptedContent::parse(&raw).unwrap();
        assert_eq!(
            open(&content, guid(TENANT), keys()).err(),
            Some(OpenError::Rejected),
            "{escape}"
        );
    }
}

#[test]
fn a_wrong_id_with_the_right_thumbprint_opens_in_any_case() {
    for wrong in [json!("gone"), json!(""), Value::Null] {
        let mut content = Item::new().content();
        content["encryptionCertificateId"] = wrong;
        assert!(opened(&content, keys()).is_ok());
        let thumbprint = content["encryptionCertificateThumbprint"].as_str().unwrap();
        content["encryptionCertificateThumbprint"] = json!(thumbprint.to_lowercase());
        assert!(opened(&content, keys()).is_ok());
    }
}

#[test]
fn the_right_id_with_a_wrong_thumbprint_opens() {
    let mut content = Item::new().content();
    let other = seal(PLAINTEXT, expired_key(), &mut SystemRng);
    for wrong in [
        json!("00"),
        Value::Null,
        other["encryptionCertificateThumbprint"].clone(),
    ] {
        content["encryptionCertificateThumbprint"] = wrong;
        assert!(opened(&content, keys()).is_ok());
    }
}

#[test]
fn an_unknown_id_and_thumbprint_may_become_known() {
    let content = seal(PLAINTEXT, expired_key(), &mut SystemRng);
    let keys = document(&[key()]);
    assert_eq!(opened(&content, &keys), Err(OpenError::UnknownCertificate));
    let none = DecryptionKeys::default();
    assert_eq!(opened(&content, &none), Err(OpenError::UnknownCertificate));
}

#[test]
fn an_item_that_names_no_certificate_is_rejected() {
    for nothing in [Value::Null, json!("")] {
        let mut content = Item::new().content();
        content["encryptionCertificateId"] = nothing.clone();
        content["encryptionCertificateThumbprint"] = nothing;
        assert_eq!(opened(&content, keys()), Err(OpenError::Rejected));
    }
}

#[test]
fn another_key_under_the_id_is_rejected() {
    let mut other = expired_key().clone();
    other.id.clone_from(&key().id);
    let keys = document(&[&other]);
    assert_eq!(opened(&Item::new().content(), &keys), Err(OpenError::Rejected));
}

#[test]
fn an_expired_certificate_still_decrypts() {
    let expires_at = certificate::expires_at(&expired_key().certificate).unwrap();
    assert_eq!(expires_at.to_string(), "2001-01-02T00:00:00Z");
    let content = seal(PLAINTEXT, expired_key(), &mut SystemRng);
    assert!(opened(&content, keys()).is_ok());
}

#[test]
fn all_rejections_read_the_same() {
    assert_eq!(OpenError::Rejected.to_string(), "item is rejected");
    assert!(std::error::Error::source(&OpenError::Rejected).is_none());
}

#[test]
fn a_plaintext_prints_nothing_of_itself() {
    let plaintext = Plaintext::parse(br#"{"a":"hunter2"}"#.to_vec()).unwrap();
    assert_eq!(format!("{plaintext:?}"), "Plaintext([redacted])");
}

/// Checks that an item is rejected after `spoil`, and that it opens before.
#[track_caller]
fn check(spoil: impl Fn(&mut Item)) {
    let mut item = Item::new();
    assert!(opened(&item.content(), keys()).is_ok());
    spoil(&mut item);
    assert_eq!(opened(&item.content(), keys()), Err(OpenError::Rejected));
}

/// Checks that an item is rejected after `spoil` although its signature is right.
#[track_caller]
fn check_signed(spoil: impl Fn(&mut Item)) {
    check(|item| {
        spoil(item);
        item.signature = sign(&item.ciphertext, &item.key);
    });
}

/// The parts of an item before they are encoded.
struct Item {
    key: [u8; 32],
    ciphertext: Vec<u8>,
    signature: Vec<u8>,
    data_key: Vec<u8>,
}

impl Item {
    fn new() -> Self {
        let mut key = [0; 32];
        rand_core::Rng::fill_bytes(&mut SystemRng, &mut key);
        let ciphertext = encrypt(PLAINTEXT, &key);
        let signature = sign(&ciphertext, &key);
        let data_key = wrap(Oaep::<Sha1>::new(), &key);
        Self {
            key,
            ciphertext,
            signature,
            data_key,
        }
    }

    fn content(&self) -> Value {
        assemble(&self.ciphertext, &self.signature, &self.data_key, key())
    }
}

/// Returns an item in which the text of `field` has padding and a character that the URL-safe alphabet lacks.
fn with_all_of_base64(field: &str) -> Value {
    loop {
        let content = Item::new().content();
        let text = content[field].as_str().unwrap();
        if text.ends_with('=') && text.contains(['+', '/']) {
            return content;
        }
    }
}

/// Encrypts `message` for the test key.
fn wrap(padding: impl rsa::traits::PaddingScheme, message: &[u8]) -> Vec<u8> {
    public_key(key())
        .encrypt(&mut SystemRng, padding, message)
        .unwrap()
}

/// Seals and opens `plaintext`.
fn sealed(plaintext: &[u8]) -> Result<String, OpenError> {
    opened(&seal(plaintext, key(), &mut SystemRng), keys())
}

/// Parses and opens an item.
fn opened(content: &Value, keys: &DecryptionKeys) -> Result<String, OpenError> {
    let raw = serde_json::value::to_raw_value(content).unwrap();
    let content = EncryptedContent::parse(&raw).unwrap();
    open(&content, guid(TENANT), keys).map(|plaintext| plaintext.into_json().get().to_owned())
}

/// A second key, whose certificate was valid on one day of 2001.
fn expired_key() -> &'static DecryptionKeyEntry {
    static KEY: OnceLock<DecryptionKeyEntry> = OnceLock::new();
    KEY.get_or_init(|| {
        let then = "2001-01-01T00:00:00Z".parse().unwrap();
        certificate::generate("expired", 2048, then, 1, &mut SystemRng).unwrap()
    })
}

fn keys() -> &'static DecryptionKeys {
    static KEYS: OnceLock<DecryptionKeys> = OnceLock::new();
    KEYS.get_or_init(|| document(&[expired_key(), key()]))
}

fn document(entries: &[&DecryptionKeyEntry]) -> DecryptionKeys {
    let entries = entries.iter().copied().cloned().collect();
    let (keys, errors) = DecryptionKeys::parse(&DecryptionDocument::new(entries, Vec::new()));
    assert_eq!(errors, []);
    keys
}

/// 32 bytes of ciphertext, so that its base64 has padding.
const PLAINTEXT: &[u8] = br#"{"id":"1","body":"hello"}"#;
