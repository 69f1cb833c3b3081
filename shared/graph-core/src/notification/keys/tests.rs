//! Which keys are usable, and which one is found.

use std::sync::OnceLock;

use rsa::RsaPrivateKey;
use rsa::pkcs1::EncodeRsaPrivateKey;
use rsa::pkcs8::{DecodePrivateKey, EncodePrivateKey, LineEnding};

use super::*;
use crate::notification::envelope::test_util::{self, SystemRng};

const TENANT: Guid = Guid::from_u128(0xaaaa_aaaa << 96);

const OTHER: Guid = Guid::from_u128(0xbbbb_bbbb << 96);

#[test]
fn a_key_is_found_by_id_first_and_by_thumbprint_second() {
    let keys = usable(&[named("old"), second()]);
    let thumbprint = |id| keys.find(TENANT, Some(id), None).unwrap().thumbprint().to_owned();
    let (old, new) = (thumbprint("old"), thumbprint("second"));

    let lower = old.to_lowercase();
    let found = |id, thumbprint| keys.find(TENANT, id, thumbprint).map(DecryptionKey::id);
    assert_eq!(found(Some("old"), None), Some("old"));
    assert_eq!(found(Some("old"), Some(new.as_str())), Some("old"));
    assert_eq!(found(Some("gone"), Some(new.as_str())), Some("second"));
    assert_eq!(found(None, Some(lower.as_str())), Some("old"));
    assert_eq!(found(Some("OLD"), None), None);
    assert_eq!(found(Some("gone"), Some("00")), None);
    assert_eq!(found(None, None), None);
}

#[test]
fn the_newest_of_two_keys_with_one_id_is_found() {
    let mut newest = second();
    newest.id = "twice".to_owned();
    let keys = usable(&[named("twice"), newest]);
    let expected = usable(&[second()]);
    assert_eq!(
        keys.find(TENANT, Some("twice"), None).unwrap().thumbprint(),
        expected.find(TENANT, Some("second"), None).unwrap().thumbprint()
    );
}

#[test]
fn a_key_of_one_tenant_alone_is_not_found_for_another() {
    let mut own = named("own");
    own.only_for_tenant = Some(TENANT);
    let keys = usable(&[own, second()]);
    let thumbprint = keys
        .find(TENANT, Some("own"), None)
        .unwrap()
        .thumbprint()
        .to_owned();
    assert!(keys.find(TENANT, Some("own"), None).is_some());
    assert!(keys.find(OTHER, Some("own"), None).is_none());
    assert!(keys.find(OTHER, None, Some(&thumbprint)).is_none());
    assert!(keys.find(OTHER, Some("second"), None).is_some());
}

#[test]
fn no_keys_are_empty() {
    assert!(usable(&[]).is_empty());
    let keys = usable(&[named("one")]);
    assert!(!keys.is_empty());
    assert_eq!(keys.len(), 1);
}

#[test]
fn a_bad_key_is_named_and_the_others_stay() {
    let mut bad = named("bad");
    bad.private_key = "nonsense".to_owned();
    let (keys, errors) = parse(&[named("first"), bad, second()]);
    assert_eq!(keys.len(), 2);
    assert!(keys.find(TENANT, Some("first"), None).is_some());
    assert!(keys.find(TENANT, Some("second"), None).is_some());
    assert_eq!(errors.len(), 1);
    assert_eq!(errors[0].to_string(), r#"decryption key "bad" is unusable"#);
}

#[test]
fn each_way_to_be_unusable_has_its_cause() {
    unusable(Unusable::NoId, |entry| entry.id.clear());
    unusable(Unusable::PrivateKey, |entry| entry.private_key.clear());
    unusable(Unusable::PrivateKey, |entry| {
        entry.private_key.truncate(500);
    });
    unusable(Unusable::PrivateKey, |entry| {
        let pem = entry.private_key.replace("PRIVATE KEY", "PUBLIC KEY");
        entry.private_key = pem;
    });
    unusable(Unusable::PrivateKey, |entry| {
        let key = RsaPrivateKey::from_pkcs8_pem(&entry.private_key).unwrap();
        entry.private_key = key.to_pkcs1_pem(LineEnding::LF).unwrap().to_string();
    });
    unusable(Unusable::PrivateKey, |entry| {
        let key = RsaPrivateKey::new(&mut SystemRng, 1024).unwrap();
        entry.private_key = key.to_pkcs8_pem(LineEnding::LF).unwrap().to_string();
    });
    unusable(Unusable::Certificate, |entry| entry.certificate.clear());
    unusable(Unusable::Certificate, |entry| entry.certificate.truncate(400));
    unusable(Unusable::Certificate, |entry| {
        entry.certificate = format!("-----BEGIN CERTIFICATE-----\n{}", entry.certificate);
    });
    unusable(Unusable::Mismatch, |entry| {
        entry.certificate.clone_from(&second().certificate);
    });
}

#[test]
fn nothing_that_prints_shows_a_key() {
    let mut bad = named("bad");
    bad.certificate.clone_from(&second().certificate);
    let secret_line = bad.private_key.lines().nth(10).unwrap().to_owned();
    let (keys, errors) = parse(&[named("good"), bad]);
    let printed = format!("{keys:?} {errors:?} {} {}", errors[0], errors[0].source);
    assert!(printed.contains("good") && printed.contains("bad"));
    assert!(!printed.contains(&secret_line));
    assert!(!printed.contains("PRIVATE"));
}

#[test]
fn keys_are_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<DecryptionKeys>();
}

/// Checks that the test key is unusable for one cause after `spoil`.
#[track_caller]
fn unusable(expected: Unusable, spoil: impl Fn(&mut DecryptionKeyEntry)) {
    let mut entry = named("spoilt");
    spoil(&mut entry);
    let (keys, errors) = parse(std::slice::from_ref(&entry));
    assert!(keys.is_empty());
    let id = entry.id.clone();
    assert_eq!(errors, [KeyError { id, source: expected }]);
}

#[track_caller]
fn usable(entries: &[DecryptionKeyEntry]) -> DecryptionKeys {
    let (keys, errors) = parse(entries);
    assert_eq!(errors, []);
    keys
}

fn parse(entries: &[DecryptionKeyEntry]) -> (DecryptionKeys, Vec<KeyError>) {
    DecryptionKeys::parse(&DecryptionDocument::new(entries.to_vec(), Vec::new()))
}

/// The process's test key under another id.
fn named(id: &str) -> DecryptionKeyEntry {
    let mut entry = test_util::key().clone();
    entry.id = id.to_owned();
    entry
}

/// Another key.
fn second() -> DecryptionKeyEntry {
    static KEY: OnceLock<DecryptionKeyEntry> = OnceLock::new();
    let new = || {
        let now = test_util::key().created_at;
        certificate::generate("second", 2048, now, 1, &mut SystemRng).unwrap()
    };
    KEY.get_or_init(new).clone()
}
