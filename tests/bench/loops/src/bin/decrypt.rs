//! Decrypts items in a loop and prints the CPU time per item: `decrypt ours|rsa FILE MILLISECONDS`.
//!
//! `ours` is the code of the decryption function, from the text of `encryptedContent` to the delivered bytes. `rsa`
//! does the same with only the `rsa` crate and its relatives, as in their documentation.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a measurement that cannot be made has failed"
)]

use std::{env, fs, hint::black_box, time::Duration};

use aes::{
    Aes256,
    cipher::{BlockModeDecrypt, KeyIvInit, block_padding::Pkcs7},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use graph_core::{
    application::test_util::application,
    cloud::Cloud,
    notification::{
        envelope::EncryptedContent,
        keys::DecryptionKeys,
        tokens::{Authority, SigningKeys, Trusted, testing, vouch},
    },
    secrets::{DecryptionDocument, TrustedTenant},
};
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use rsa::{Oaep, RsaPrivateKey, pkcs8::DecodePrivateKey};
use serde_json::{Value, json, value::RawValue};
use sha1::Sha1;
use sha2::{Digest, Sha256};

fn main() {
    let arguments: Vec<String> = env::args().collect();
    let input: Value = serde_json::from_slice(&fs::read(&arguments[2]).unwrap()).unwrap();
    let items: Vec<String> = serde_json::from_value(input["items"].clone()).unwrap();
    let least = Duration::from_millis(arguments[3].parse().unwrap());
    let result = match arguments[1].as_str() {
        "ours" => ours(&items, &input, least),
        "rsa" => with_rsa(&items, &input, least),
        other => unreachable!("{other} is neither ours nor rsa"),
    };
    println!("{result}");
}

fn ours(items: &[String], input: &Value, least: Duration) -> Value {
    let document: DecryptionDocument = serde_json::from_value(json!({"keys": [input["key"]]})).unwrap();
    let (keys, unusable) = DecryptionKeys::parse(&document);
    assert!(unusable.is_empty());
    let items: Vec<&RawValue> = items
        .iter()
        .map(|item| serde_json::from_str(item).unwrap())
        .collect();
    // One token vouches for all items of a POST, so its verification is not part of an item's cost.
    let trusted: Vec<Trusted<EncryptedContent<'_>>> = items.iter().map(|item| trust(item)).collect();
    let open = |index: usize| {
        black_box(EncryptedContent::parse(black_box(items[index])).unwrap());
        trusted[index].open(&keys).unwrap().into_json()
    };
    measure(
        items.len(),
        least,
        |index| open(index).get().as_bytes().to_vec(),
        |index| {
            black_box(open(index));
        },
    )
}

fn trust(item: &RawValue) -> Trusted<EncryptedContent<'_>> {
    let now = Timestamp::now();
    let tenant = TrustedTenant {
        application: application((
            "11111111-2222-3333-4444-555555555555",
            "66666666-7777-8888-9999-000000000000",
        )),
        cloud: Cloud::Global,
    };
    let token = testing::SIGNER.token(&testing::claims_v2(&tenant, now));
    let keys = SigningKeys::parse(&testing::SIGNER.jwks()).unwrap();
    let content = EncryptedContent::parse(item).unwrap();
    vouch(
        content,
        &[token],
        &tenant,
        &keys,
        &Authority::of(Cloud::Global),
        now,
    )
    .unwrap()
}

fn with_rsa(items: &[String], input: &Value, least: Duration) -> Value {
    let key = RsaPrivateKey::from_pkcs8_pem(input["key"]["privateKey"].as_str().unwrap()).unwrap();
    let open = |index: usize| {
        let item: Value = serde_json::from_str(&items[index]).unwrap();
        let field = |name: &str| BASE64_STANDARD.decode(item[name].as_str().unwrap()).unwrap();
        let symmetric = key.decrypt(Oaep::<Sha1>::new(), &field("dataKey")).unwrap();
        let mut data = field("data");
        let mut mac = Hmac::<Sha256>::new_from_slice(&symmetric).unwrap();
        mac.update(&data);
        mac.verify_slice(&field("dataSignature")).unwrap();
        let decryptor = cbc::Decryptor::<Aes256>::new_from_slices(&symmetric, &symmetric[..16]).unwrap();
        let length = decryptor.decrypt_padded::<Pkcs7>(&mut data).unwrap().len();
        data.truncate(length);
        data
    };
    measure(items.len(), least, open, |index| {
        black_box(open(index));
    })
}

/// Decrypts every item once for a digest of the contents, and then repeatedly for the time.
fn measure(
    items: usize,
    least: Duration,
    plaintext: impl Fn(usize) -> Vec<u8>,
    open: impl Fn(usize),
) -> Value {
    let mut digest = Sha256::new();
    for index in 0..items {
        digest.update(plaintext(index));
    }
    let digest = digest
        .finalize()
        .iter()
        .fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    let (mut opened, start) = (0, cpu_time());
    let spent = loop {
        for index in 0..items {
            open(index);
        }
        opened += items;
        let spent = cpu_time().saturating_sub(start);
        if spent >= least {
            break spent;
        }
    };
    json!({"digest": digest, "items": opened, "cpuNanoseconds": u64::try_from(spent.as_nanos()).unwrap()})
}

/// Returns the CPU time of this thread, which does all the work.
fn cpu_time() -> Duration {
    let stat = fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(stat.split(' ').next().unwrap().parse().unwrap())
}
