//! The certificates under which Microsoft Graph encrypts resource data, each with its private key.
//!
//! Graph reads only the public key of the certificate and ignores issuer and chain (Microsoft Graph, *change
//! notifications with resource data*), so these certificates are self-signed.

use std::fmt::Write;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use rand_core::CryptoRng;
use rsa::RsaPrivateKey;
use rsa::pkcs1v15::SigningKey;
use rsa::pkcs8::{EncodePrivateKey, LineEnding};
use rsa::signature::Keypair;
use sha1::{Digest, Sha1};
use sha2::Sha256;
use x509_cert::builder::profile::BuilderProfile;
use x509_cert::builder::{self, Builder, CertificateBuilder};
use x509_cert::der::{DateTime, Decode, Encode};
use x509_cert::ext::pkix::{BasicConstraints, KeyUsage, KeyUsages, SubjectKeyIdentifier};
use x509_cert::ext::{Extension, ToExtension};
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::{SubjectPublicKeyInfo, SubjectPublicKeyInfoRef};
use x509_cert::time::{Time, Validity};
use x509_cert::{Certificate, TbsCertificate};

use crate::secrets::DecryptionKeyEntry;

/// Why a certificate could not be created or read.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// The id does not fit into a common name and a URL.
    #[error("certificate id must be 1 to 44 letters, digits, dots, dashes or underscores")]
    InvalidId,
    /// Graph accepts keys of 2,048 to 4,096 bits.
    #[error("key size must be 2048 to 4096 bits")]
    UnsupportedKeySize,
    /// The certificate would begin or end at a time that X.509 cannot express.
    #[error("validity is out of range")]
    InvalidValidity,
    /// The key could not be generated.
    #[error("key could not be made")]
    Generate(#[source] rsa::Error),
    /// The private key has no PKCS#8 form.
    #[error("private key could not be encoded")]
    Encode(#[source] rsa::pkcs8::Error),
    /// The certificate could not be built or signed.
    #[error("certificate could not be built")]
    Build(#[source] builder::Error),
    /// The text is not a certificate.
    #[error("certificate is malformed")]
    Malformed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Generates an RSA key of `bits` bits and its self-signed certificate, valid from `now` for `valid_days` days.
///
/// # Errors
///
/// Refuses an id that does not fit into the certificate, a key size that Graph does not accept, and a validity out of
/// range.
pub fn generate(
    id: &str,
    bits: usize,
    now: Timestamp,
    valid_days: u32,
    rng: &mut impl CryptoRng,
) -> Result<DecryptionKeyEntry, CertificateError> {
    // Checked before a key is made, which takes seconds.
    if !KEY_BITS.contains(&bits) {
        return Err(CertificateError::UnsupportedKeySize);
    }
    let profile = EncryptionProfile::new(id)?;
    let validity = validity(now, valid_days)?;
    let key = RsaPrivateKey::new(rng, bits).map_err(CertificateError::Generate)?;
    // Encoded first: the key is moved into the signer.
    let mut private_key = key
        .to_pkcs8_pem(LineEnding::LF)
        .map_err(CertificateError::Encode)?;
    let certificate =
        self_signed(profile, validity, &SigningKey::new(key), rng).map_err(CertificateError::Build)?;
    Ok(DecryptionKeyEntry {
        id: id.to_owned(),
        private_key: std::mem::take(&mut *private_key),
        certificate: STANDARD.encode(certificate),
        only_for_tenant: None,
        created_at: now,
        life: crate::secrets::KeyLife::default(),
    })
}

/// Returns the thumbprint that Graph sends with each item: the SHA-1 of the certificate's DER form in upper-case
/// hexadecimal.
#[must_use]
pub fn thumbprint(certificate_der: &[u8]) -> String {
    let mut text = String::with_capacity(40);
    for byte in Sha1::digest(certificate_der) {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02X}");
    }
    text
}

/// Returns when a certificate, given as base64 of its DER form, stops being valid.
///
/// An expired certificate still decrypts; renewal plans its replacement with this date.
///
/// # Errors
///
/// Fails when the text is not a certificate.
pub fn expires_at(certificate_base64: &str) -> Result<Timestamp, CertificateError> {
    let (_, certificate) = parse(certificate_base64)?;
    let since_epoch = certificate
        .tbs_certificate()
        .validity()
        .not_after
        .to_unix_duration();
    i64::try_from(since_epoch.as_secs())
        .ok()
        .and_then(|seconds| Timestamp::from_second(seconds).ok())
        .ok_or(CertificateError::InvalidValidity)
}

/// Decodes a certificate in base64, and returns its DER form and its parsed form.
pub(crate) fn parse(certificate_base64: &str) -> Result<(Vec<u8>, Certificate), CertificateError> {
    let der = STANDARD
        .decode(certificate_base64)
        .map_err(|error| CertificateError::Malformed(error.into()))?;
    let certificate =
        Certificate::from_der(&der).map_err(|error| CertificateError::Malformed(Box::new(error)))?;
    Ok((der, certificate))
}

/// The X.509 profile: the key of an end entity that encrypts other keys.
struct EncryptionProfile {
    subject: Name,
}

impl EncryptionProfile {
    /// Returns the profile for a certificate id, which becomes part of the common name.
    fn new(id: &str) -> Result<Self, CertificateError> {
        let fits = (1..=MAX_ID_LENGTH).contains(&id.len());
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if !fits || !id.bytes().all(plain) {
            return Err(CertificateError::InvalidId);
        }
        let subject = Name::from_str(&format!("CN={COMMON_NAME_PREFIX}{id}"))
            .map_err(|_| CertificateError::InvalidId)?;
        Ok(Self { subject })
    }
}

impl BuilderProfile for EncryptionProfile {
    fn get_issuer(&self, subject: &Name) -> Name {
        subject.clone()
    }

    fn get_subject(&self) -> Name {
        self.subject.clone()
    }

    fn build_extensions(
        &self,
        key: SubjectPublicKeyInfoRef<'_>,
        _issuer_key: SubjectPublicKeyInfoRef<'_>,
        _certificate: &TbsCertificate,
    ) -> builder::Result<Vec<Extension>> {
        let end_entity = BasicConstraints {
            ca: false,
            path_len_constraint: None,
        };
        let usage = KeyUsage(KeyUsages::KeyEncipherment | KeyUsages::DataEncipherment);
        let mut extensions = Vec::new();
        extensions.push(end_entity.to_extension(&self.subject, &extensions)?);
        extensions.push(usage.to_extension(&self.subject, &extensions)?);
        let identifier = SubjectKeyIdentifier::try_from(key)?;
        extensions.push(identifier.to_extension(&self.subject, &extensions)?);
        Ok(extensions)
    }
}

/// Returns the DER form of a certificate for the signer's own key.
fn self_signed(
    profile: EncryptionProfile,
    validity: Validity,
    signer: &SigningKey<Sha256>,
    rng: &mut impl CryptoRng,
) -> builder::Result<Vec<u8>> {
    let key = SubjectPublicKeyInfo::from_key(&signer.verifying_key())?;
    let serial = SerialNumber::generate(rng);
    let certificate = CertificateBuilder::new(profile, serial, validity, key)?
        .build::<_, rsa::pkcs1v15::Signature>(signer)?;
    Ok(certificate.to_der()?)
}

/// Returns the validity of `days` days from `now`, in whole seconds as X.509 requires.
fn validity(now: Timestamp, days: u32) -> Result<Validity, CertificateError> {
    let end = now
        .checked_add(SignedDuration::from_hours(i64::from(days) * 24))
        .map_err(|_| CertificateError::InvalidValidity)?;
    Ok(Validity::new(time(now)?, time(end)?))
}

/// Returns a time as X.509 encodes it.
fn time(moment: Timestamp) -> Result<Time, CertificateError> {
    u64::try_from(moment.as_second())
        .ok()
        .and_then(|seconds| DateTime::from_unix_duration(Duration::from_secs(seconds)).ok())
        .map(Time::from)
        .ok_or(CertificateError::InvalidValidity)
}

/// The sizes of RSA keys that Graph accepts, in bits (Microsoft Graph, *change notifications with resource data*).
const KEY_BITS: RangeInclusive<usize> = 2048..=4096;

/// The text before the id in a common name.
const COMMON_NAME_PREFIX: &str = "Graph notifications ";

/// The longest id: a common name has at most 64 characters (RFC 5280, appendix A.1, `ub-common-name`).
const MAX_ID_LENGTH: usize = 64 - COMMON_NAME_PREFIX.len();

#[cfg(test)]
mod tests {
    use rsa::RsaPublicKey;
    use rsa::pkcs1v15::{Signature, VerifyingKey};
    use rsa::pkcs8::DecodePrivateKey;
    use rsa::signature::Verifier;
    use x509_cert::certificate::Version;

    use super::*;
    use crate::notification::envelope::test_util;

    #[test]
    fn a_generated_certificate_is_version_3_and_signed_with_its_own_key() {
        let entry = test_util::key();
        let (_, certificate) = parse(&entry.certificate).unwrap();
        let tbs = certificate.tbs_certificate();
        assert_eq!(tbs.version(), Version::V3);
        assert_eq!(tbs.issuer(), tbs.subject());
        assert_eq!(
            tbs.subject().to_string(),
            format!("CN=Graph notifications {}", entry.id)
        );
        assert_eq!(
            certificate.signature_algorithm().oid.to_string(),
            "1.2.840.113549.1.1.11",
            "sha256WithRSAEncryption"
        );

        let private = RsaPrivateKey::from_pkcs8_pem(&entry.private_key).unwrap();
        let signed = tbs.to_der().unwrap();
        let signature = Signature::try_from(certificate.signature().raw_bytes()).unwrap();
        VerifyingKey::<Sha256>::new(RsaPublicKey::from(&private))
            .verify(&signed, &signature)
            .unwrap();
    }

    #[test]
    fn a_generated_certificate_is_for_encryption_and_no_authority() {
        let (_, certificate) = parse(&test_util::key().certificate).unwrap();
        let tbs = certificate.tbs_certificate();
        let (_, constraints) = tbs.get_extension::<BasicConstraints>().unwrap().unwrap();
        assert!(!constraints.ca);
        let (_, usage) = tbs.get_extension::<KeyUsage>().unwrap().unwrap();
        assert!(usage.key_encipherment());
        assert!(!usage.key_cert_sign());
    }

    #[test]
    fn serial_numbers_are_positive_and_differ() {
        let serial = || {
            let entry = generate("a", 2048, now(), 1, &mut test_util::SystemRng).unwrap();
            let (_, certificate) = parse(&entry.certificate).unwrap();
            certificate.tbs_certificate().serial_number().clone()
        };
        let (first, second) = (serial(), serial());
        assert_ne!(first, second);
        for serial in [first, second] {
            let der = serial.to_der().unwrap();
            assert!(der.len() > 10 && der[2] < 0x80, "{der:02x?}");
        }
    }

    #[test]
    fn validity_begins_now_and_lasts_as_long_as_asked() {
        let entry = generate("c-1", 2048, now(), 365, &mut test_util::SystemRng).unwrap();
        assert_eq!(entry.created_at, now());
        assert_eq!(
            expires_at(&entry.certificate).unwrap(),
            "2027-11-22T10:00:00Z".parse::<Timestamp>().unwrap()
        );
    }

    #[test]
    fn validity_past_the_year_2050_is_kept() {
        let entry = generate("c-1", 2048, now(), 36_500, &mut test_util::SystemRng).unwrap();
        assert_eq!(
            expires_at(&entry.certificate).unwrap(),
            "2126-10-29T10:00:00Z".parse::<Timestamp>().unwrap()
        );
    }

    #[test]
    fn unsupported_certificate_settings_are_rejected() {
        let before_1970: Timestamp = "1969-12-31T23:59:59Z".parse().unwrap();
        let long = "x".repeat(MAX_ID_LENGTH + 1);
        refused("c-1", 2047, now(), 1, "UnsupportedKeySize");
        refused("c-1", 4097, now(), 1, "UnsupportedKeySize");
        refused("c-1", 2048, before_1970, 1, "InvalidValidity");
        refused("c-1", 2048, now(), u32::MAX, "InvalidValidity");
        refused("", 2048, now(), 1, "InvalidId");
        refused("a,O=b", 2048, now(), 1, "InvalidId");
        refused(&long, 2048, now(), 1, "InvalidId");
    }

    #[test]
    fn a_malformed_certificate_is_rejected() {
        for text in ["", "%", "AAAA", "-----BEGIN CERTIFICATE-----"] {
            assert!(
                matches!(expires_at(text), Err(CertificateError::Malformed(_))),
                "{text}"
            );
        }
    }

    #[test]
    fn a_thumbprint_is_upper_case_sha1() {
        // FIPS 180-4, example of SHA-1 over "abc".
        assert_eq!(thumbprint(b"abc"), "A9993E364706816ABA3E25717850C26C9CD0D89D");
    }

    #[track_caller]
    fn refused(id: &str, bits: usize, now: Timestamp, days: u32, expected: &str) {
        let error = generate(id, bits, now, days, &mut test_util::SystemRng)
            .err()
            .unwrap();
        assert!(format!("{error:?}").starts_with(expected), "{error:?}");
    }

    fn now() -> Timestamp {
        "2026-11-22T10:00:00.75Z".parse::<Timestamp>().unwrap()
    }
}
