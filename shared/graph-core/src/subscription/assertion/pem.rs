//! Keys and certificates in PEM (RFC 7468), as people paste them.

use aws_lc_rs::rsa::KeyPair;
use rsa::pkcs1;
use rsa::pkcs8::{PrivateKeyInfoRef, SecretDocument};
use zeroize::Zeroizing;

use super::UnusableCertificate;

/// Reads the first private key in `text`.
pub(super) fn private_key(text: &str) -> Result<KeyPair, UnusableCertificate> {
    let (label, body) = blocks(text)
        .find(|(label, _)| label.ends_with("PRIVATE KEY"))
        .ok_or(UnusableCertificate::PrivateKey)?;
    // PKCS#8 marks encryption in its label, the older form in a header (RFC 1421).
    if label == "ENCRYPTED PRIVATE KEY" || body.contains("ENCRYPTED") {
        return Err(UnusableCertificate::Encrypted);
    }
    match label {
        "PRIVATE KEY" => {
            let der = decode(label, body)?;
            let info =
                PrivateKeyInfoRef::try_from(der.as_bytes()).map_err(|_| UnusableCertificate::PrivateKey)?;
            if info.algorithm.oid != pkcs1::ALGORITHM_OID {
                return Err(UnusableCertificate::NotRsa);
            }
            rsa_key(info.private_key.as_bytes())
        }
        "RSA PRIVATE KEY" => rsa_key(decode(label, body)?.as_bytes()),
        _ => Err(UnusableCertificate::NotRsa),
    }
}

/// Returns the base64 of each certificate in `text`.
pub(super) fn certificates(text: &str) -> impl Iterator<Item = String> {
    let certificates = blocks(text).filter(|(label, _)| *label == "CERTIFICATE");
    certificates.map(|(_, body)| symbols(body).collect())
}

/// Reads a key in PKCS#1 form (RFC 8017, appendix A.1.2).
fn rsa_key(der: &[u8]) -> Result<KeyPair, UnusableCertificate> {
    let parsed = pkcs1::RsaPrivateKeyRef::try_from(der).map_err(|_| UnusableCertificate::PrivateKey)?;
    let modulus = parsed.modulus.as_bytes();
    // A key of a few bits less has as many bytes, so the top bit decides.
    let has_top_bit = modulus.first().is_some_and(|byte| *byte >= 0x80);
    if modulus.len() < MIN_BYTES || (modulus.len() == MIN_BYTES && !has_top_bit) {
        return Err(UnusableCertificate::TooSmall);
    }
    KeyPair::from_der(der).map_err(|_| UnusableCertificate::PrivateKey)
}

/// Decodes a block in constant time, after restoring the line breaks of RFC 7468.
fn decode(label: &str, body: &str) -> Result<SecretDocument, UnusableCertificate> {
    // The exact capacity: growing would leave copies of the key behind that are not wiped.
    let capacity = body.len() + body.len() / LINE + 2 * (label.len() + 20);
    let mut pem = Zeroizing::new(String::with_capacity(capacity));
    pem.extend(["-----BEGIN ", label, "-----\n"]);
    for (index, symbol) in symbols(body).enumerate() {
        if index > 0 && index % LINE == 0 {
            pem.push('\n');
        }
        pem.push(symbol);
    }
    pem.extend(["\n-----END ", label, "-----\n"]);
    let (_, der) = SecretDocument::from_pem(&pem).map_err(|_| UnusableCertificate::PrivateKey)?;
    Ok(der)
}

/// Returns the labels and bodies of the blocks in `text`.
fn blocks(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.split("-----BEGIN ").skip(1).filter_map(|block| {
        let (label, rest) = block.split_once("-----")?;
        let (body, _) = rest.split_once("-----END ")?;
        Some((label, body))
    })
}

/// Returns the base64 of a body without line breaks, real ones or those of a text that was escaped twice.
fn symbols(body: &str) -> impl Iterator<Item = char> {
    let pieces = body.split("\\n").flat_map(|piece| piece.split("\\r"));
    pieces
        .flat_map(str::chars)
        .filter(|symbol| !symbol.is_whitespace())
}

/// The length in bytes of the smallest key that Microsoft Entra accepts.
const MIN_BYTES: usize = 2048 / 8;

/// The length of a line.
const LINE: usize = 64;
