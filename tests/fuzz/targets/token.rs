//! Any bytes as a validation token, and any header and claims under a good signature.
#![no_main]
#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a panic is how a target says that a property does not hold"
)]

use std::{borrow::Cow, collections::BTreeMap, sync::LazyLock};

use fuzz::{
    genuine::{CLIENT, TENANT, now, tenant},
    memory::bounded,
};
use graph_core::{
    cloud::Cloud,
    notification::tokens::{
        Authorities, Authority, SigningKeys, TokenError, TokenIndex, testing::SIGNER, vouch,
    },
};
use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value, value::RawValue};

fuzz_target!(|input: &[u8]| {
    let input = String::from_utf8_lossy(input);
    match input.split_once('\n') {
        Some((header, claims)) => {
            if try_token(&SIGNER.sign(header, claims)) {
                assert_vouches(header, claims);
            }
        }
        None => assert!(!try_token(&input), "nobody else can sign"),
    }
});

/// Returns whether the token vouches for our tenant and application.
fn try_token(token: &str) -> bool {
    static KEYS: LazyLock<SigningKeys> = LazyLock::new(|| SigningKeys::parse(&SIGNER.jwks()).unwrap());
    static AUTHORITY: LazyLock<Authority> = LazyLock::new(|| Authorities::default().of(Cloud::Global));
    bounded(|| {
        let tokens = [Cow::Borrowed(token)];
        let relevant = TokenIndex::new(&tokens).relevant(tenant().application, usize::MAX);
        assert!(relevant.iter().all(|relevant| **relevant == *token));
        match vouch((), &[token], &tenant(), &KEYS, &AUTHORITY, now()) {
            Ok(_) => {
                assert!(!relevant.is_empty(), "a token that vouches travels with its item");
                true
            }
            Err(error) => {
                assert_ne!(error, TokenError::Missing);
                false
            }
        }
    })
}

/// Checks by other means what a token that vouches has to say.
fn assert_vouches(header: &str, claims: &str) {
    // Member by member: Microsoft may sign what nobody reads, such as an escape that stands for no character.
    let [header, claims] = [header, claims].map(|json| {
        let members: BTreeMap<String, Box<RawValue>> = serde_json::from_str(json).unwrap();
        let mut read = Map::new();
        for (name, value) in members {
            read.extend(
                serde_json::from_str(value.get())
                    .ok()
                    .map(|value: Value| (name, value)),
            );
        }
        Value::Object(read)
    });
    assert_eq!(header["alg"], "RS256");
    assert_eq!(header["kid"], SIGNER.kid);
    let is = |name: &str, expected: &str| {
        let value = claims[name].as_str().unwrap_or_default();
        assert!(value.eq_ignore_ascii_case(expected), "{name}");
    };
    is("tid", TENANT);
    is("aud", CLIENT);
    let publisher = if claims["ver"] == "2.0" { "azp" } else { "appid" };
    is(publisher, "0bf30f3b-4a52-48df-9a82-234910c4a086");
    assert!(claims["iss"].as_str().unwrap().contains(TENANT));
    assert!(claims["exp"].as_f64().unwrap() >= 1_795_341_600.0 - 300.0);
}
