//! `aws-lc-rs`, which decrypts, and `rsa`, which makes the keys, agree on what a ciphertext means.

use std::sync::OnceLock;

use jiff::Timestamp;
use proptest::prelude::*;
use proptest::sample::Index;
use rsa::pkcs8::DecodePrivateKey;
use rsa::traits::PublicKeyParts;
use rsa::{Oaep, Pkcs1v15Encrypt, RsaPrivateKey};
use sha1::Sha1;
use sha2::Sha256;

use super::DecryptionKey;
use crate::certificate;
use crate::notification::envelope::test_util::SystemRng;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn both_libraries_decrypt_valid_ciphertext(
        (pair, message) in (pairs(), prop::collection::vec(any::<u8>(), 0..=MAX_MESSAGE_BYTES)),
    ) {
        let ciphertext = pair.encrypt(Oaep::<Sha1>::new(), &message);
        prop_assert_eq!(pair.first(&ciphertext), Some(message.clone()));
        prop_assert_eq!(pair.second(&ciphertext), Some(message));
    }

    #[test]
    fn both_libraries_reject_invalid_ciphertext(
        (pair, message, spoil) in (pairs(), any::<[u8; 32]>(), spoils()),
    ) {
        let ciphertext = spoil.apply(pair, &message);
        prop_assert_eq!(pair.first(&ciphertext), None);
        prop_assert_eq!(pair.second(&ciphertext), None);
    }
}

#[test]
fn both_refuse_the_ends_of_the_range() {
    for pair in key_pairs() {
        let modulus = pair.second.n().to_be_bytes().to_vec();
        let mut below = modulus.clone();
        *below.last_mut().unwrap() -= 1;
        let zero = vec![0; modulus.len()];
        let mut one = zero.clone();
        *one.last_mut().unwrap() = 1;
        for ciphertext in [zero, one, below, modulus.clone(), vec![0xff; modulus.len()]] {
            assert_eq!(pair.first(&ciphertext), None);
            assert_eq!(pair.second(&ciphertext), None);
        }
    }
}

/// A way to make a ciphertext that is not valid.
#[derive(Clone, Debug)]
enum Spoil {
    FlippedBit(Index, u8),
    Cut(Index),
    Extended(u8),
    Random(Vec<u8>),
    OtherHash,
    OtherMaskHash,
    OtherLabel(u8),
    OtherPadding,
}

impl Spoil {
    fn apply(&self, pair: &Pair, message: &[u8]) -> Vec<u8> {
        let mut ciphertext = pair.encrypt(Oaep::<Sha1>::new(), message);
        match self {
            Self::FlippedBit(at, bit) => ciphertext[at.index(pair.second.size())] ^= 1 << bit,
            Self::Cut(at) => ciphertext.truncate(at.index(pair.second.size())),
            Self::Extended(byte) => ciphertext.push(*byte),
            Self::Random(bytes) => ciphertext = bytes[..pair.second.size()].to_vec(),
            Self::OtherHash => {
                ciphertext = pair.encrypt(Oaep::<Sha256, Sha1>::new_with_mgf_hash(), message);
            }
            Self::OtherMaskHash => {
                ciphertext = pair.encrypt(Oaep::<Sha1, Sha256>::new_with_mgf_hash(), message);
            }
            Self::OtherLabel(label) => {
                ciphertext = pair.encrypt(Oaep::<Sha1>::new_with_label([*label]), message);
            }
            Self::OtherPadding => ciphertext = pair.encrypt(Pkcs1v15Encrypt, message),
        }
        ciphertext
    }
}

fn spoils() -> impl Strategy<Value = Spoil> {
    prop_oneof![
        (any::<Index>(), 0..8_u8).prop_map(|(at, bit)| Spoil::FlippedBit(at, bit)),
        any::<Index>().prop_map(Spoil::Cut),
        any::<u8>().prop_map(Spoil::Extended),
        prop::collection::vec(any::<u8>(), 512).prop_map(Spoil::Random),
        Just(Spoil::OtherHash),
        Just(Spoil::OtherMaskHash),
        any::<u8>().prop_map(Spoil::OtherLabel),
        Just(Spoil::OtherPadding),
    ]
}

/// One key in both implementations.
#[derive(Debug)]
struct Pair {
    first: DecryptionKey,
    second: RsaPrivateKey,
}

impl Pair {
    fn new(bits: usize) -> Self {
        let now = Timestamp::UNIX_EPOCH;
        let entry = certificate::generate("pair", bits, now, 1, &mut SystemRng).unwrap();
        Self {
            first: DecryptionKey::parse(&entry).unwrap(),
            second: RsaPrivateKey::from_pkcs8_pem(&entry.private_key).unwrap(),
        }
    }

    fn encrypt(&self, padding: impl rsa::traits::PaddingScheme, message: &[u8]) -> Vec<u8> {
        let key = self.second.to_public_key();
        key.encrypt(&mut SystemRng, padding, message).unwrap()
    }

    fn first(&self, ciphertext: &[u8]) -> Option<Vec<u8>> {
        self.first.decrypt(ciphertext).map(|plaintext| plaintext.to_vec())
    }

    fn second(&self, ciphertext: &[u8]) -> Option<Vec<u8>> {
        self.second.decrypt(Oaep::<Sha1>::new(), ciphertext).ok()
    }
}

fn pairs() -> impl Strategy<Value = &'static Pair> {
    (0..key_pairs().len()).prop_map(|at| &key_pairs()[at])
}

/// New keys of every size, two of the size that takes the least time to make.
fn key_pairs() -> &'static [Pair] {
    static PAIRS: OnceLock<Vec<Pair>> = OnceLock::new();
    PAIRS.get_or_init(|| [2048, 2048, 3072, 4096].map(Pair::new).into())
}

/// The longest message that a key of 2,048 bits takes (RFC 8017, section 7.1.1).
const MAX_MESSAGE_BYTES: usize = 2048 / 8 - 2 * 20 - 2;
