//! Enough DER to write a self-signed certificate.

use rsa::pkcs1v15::SigningKey;
use rsa::pkcs8::EncodePublicKey as _;
use rsa::signature::{SignatureEncoding as _, Signer as _};
use rsa::{RsaPrivateKey, RsaPublicKey};
use sha2::Sha256;

use super::random;

/// Returns a self-signed X.509 certificate (version 3, SHA-256 with RSA) in DER.
///
/// # Errors
///
/// The key cannot be encoded or cannot sign.
pub(crate) fn self_signed(key: &RsaPrivateKey, common_name: &str) -> Result<Vec<u8>, CannotSign> {
    let spki = RsaPublicKey::from(key)
        .to_public_key_der()
        .map_err(|_| CannotSign)?;
    let name = sequence(&[&tlv(
        SET,
        &sequence(&[
            &tlv(OBJECT_IDENTIFIER, COMMON_NAME),
            &tlv(UTF8_STRING, common_name.as_bytes()),
        ]),
    )]);
    let algorithm = sequence(&[&tlv(OBJECT_IDENTIFIER, SHA256_WITH_RSA), &tlv(NULL, &[])]);
    let mut serial = random::bytes::<16>();
    serial[0] = serial[0] & 0x7f | 0x40;
    let to_be_signed = sequence(&[
        &tlv(EXPLICIT_0, &tlv(INTEGER, &[2])),
        &tlv(INTEGER, &serial),
        &algorithm,
        &name,
        &sequence(&[
            &tlv(GENERALIZED_TIME, b"20200101000000Z"),
            &tlv(GENERALIZED_TIME, b"20991231235959Z"),
        ]),
        &name,
        spki.as_bytes(),
    ]);
    let signature = SigningKey::<Sha256>::new(key.clone())
        .try_sign(&to_be_signed)
        .map_err(|_| CannotSign)?
        .to_vec();
    let mut bits = vec![0];
    bits.extend(signature);
    Ok(sequence(&[&to_be_signed, &algorithm, &tlv(BIT_STRING, &bits)]))
}

/// The key cannot sign.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("cannot sign with this key")]
pub struct CannotSign;

/// Encloses elements in a SEQUENCE.
fn sequence(elements: &[&[u8]]) -> Vec<u8> {
    tlv(SEQUENCE, &elements.concat())
}

/// Encodes an element: tag, length, value.
fn tlv(tag: u8, value: &[u8]) -> Vec<u8> {
    let length = value.len().to_be_bytes();
    let significant: Vec<u8> = length.into_iter().skip_while(|byte| *byte == 0).collect();
    let mut element = vec![tag];
    match (u8::try_from(value.len()), u8::try_from(significant.len())) {
        (Ok(short @ 0..0x80), _) => element.push(short),
        (_, Ok(count)) => {
            element.push(0x80 | count);
            element.extend(significant);
        }
        (_, Err(_)) => {}
    }
    element.extend(value);
    element
}

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const NULL: u8 = 0x05;
const OBJECT_IDENTIFIER: u8 = 0x06;
const UTF8_STRING: u8 = 0x0c;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const EXPLICIT_0: u8 = 0xa0;

/// `2.5.4.3`.
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
/// `1.2.840.113549.1.1.11`.
const SHA256_WITH_RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b];

#[cfg(test)]
mod tests {
    use x509_parser::prelude::FromDer as _;

    use super::super::keys::Pool;
    use super::*;

    #[test]
    fn the_certificate_is_one_that_another_parser_reads() {
        let der = self_signed(&Pool::key(0).unwrap(), "simulator").unwrap();

        let (rest, parsed) = x509_parser::certificate::X509Certificate::from_der(&der).unwrap();
        assert!(rest.is_empty());
        assert_eq!(parsed.subject().to_string(), "CN=simulator");
        assert!(parsed.public_key().parsed().is_ok());
    }
}
