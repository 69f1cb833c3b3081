//! Genuine client states, validation tokens and encrypted content, which a fuzzer cannot make.
//!
//! An input may hold placeholders for them, so that it gets past the checks that would end it otherwise.

use std::sync::LazyLock;

use graph_core::{
    application::{Application, test_util::application},
    cloud::Cloud,
    notification::{
        client_state::test_util,
        envelope::test_util::{SystemRng, key, seal},
        tokens::testing::{SIGNER, claims_v2},
    },
    secrets::{ClientStateDocument, ClientStateKeyEntry, TrustedTenant, TrustedTenants},
};
use jiff::Timestamp;

/// Stands for the client state of a subscription of this stack.
pub const CLIENT_STATE: &str = "CLIENT_STATE";

/// Stands for a validation token that vouches for [`tenant`].
pub const TOKEN: &str = "VALIDATION_TOKEN";

/// Stands for encrypted content, a JSON object.
pub const SEALED: &str = "ENCRYPTED_CONTENT";

/// Returns `input` with the genuine thing in the place of each placeholder.
pub fn filled(input: &[u8]) -> Vec<u8> {
    static SEALED_CONTENT: LazyLock<String> =
        LazyLock::new(|| seal(br#"{"id":"1","n":1.10}"#, key(), &mut SystemRng).to_string());
    let input = replaced(input, CLIENT_STATE, client_state());
    let input = replaced(&input, TOKEN, token());
    replaced(&input, SEALED, &SEALED_CONTENT)
}

/// Returns the client state of a subscription of this stack.
pub fn client_state() -> &'static str {
    static CLIENT_STATE: LazyLock<String> = LazyLock::new(|| {
        test_util::client_state(&client_state_key(), (TENANT, CLIENT), NAME, true).expect("a client state")
    });
    &CLIENT_STATE
}

/// Returns a queue message with its seal.
pub fn sealed(body: &str) -> String {
    test_util::sealed(&client_state_key(), body)
}

/// Returns a validation token that vouches for [`tenant`].
pub fn token() -> &'static str {
    static TOKEN: LazyLock<String> = LazyLock::new(|| SIGNER.token(&claims_v2(&tenant(), now())));
    &TOKEN
}

/// Returns the key of client states.
pub fn client_state_key() -> ClientStateKeyEntry {
    test_util::key("k1", 7)
}

/// Returns the content of ClientStateSecret.
pub fn client_state_document() -> ClientStateDocument {
    ClientStateDocument::new(vec![client_state_key()], trusted())
}

/// Returns [`tenant`] as the secrets hold it.
pub fn trusted() -> Vec<TrustedTenants> {
    let TrustedTenant { application, cloud } = tenant();
    let Application { tenant_id, client_id } = application;
    vec![TrustedTenants {
        client_id,
        cloud,
        from: None,
        tenants: vec![tenant_id],
    }]
}

/// Returns the tenant and application that everything is for.
pub fn tenant() -> TrustedTenant {
    TrustedTenant {
        application: application((TENANT, CLIENT)),
        cloud: Cloud::Global,
    }
}

/// Returns the present time of all targets.
pub fn now() -> Timestamp {
    "2026-11-22T10:00:00Z".parse().expect("a time")
}

/// The tenant.
pub const TENANT: &str = "11111111-2222-3333-4444-555555555555";

/// The application.
pub const CLIENT: &str = "66666666-7777-8888-9999-000000000000";

/// The subscription's name.
pub const NAME: &str = "team-messages";

fn replaced(input: &[u8], placeholder: &str, value: &str) -> Vec<u8> {
    let mut output = Vec::with_capacity(input.len());
    let mut rest = input;
    while let Some((&first, after)) = rest.split_first() {
        if let Some(after) = rest.strip_prefix(placeholder.as_bytes()) {
            output.extend_from_slice(value.as_bytes());
            rest = after;
        } else {
            output.push(first);
            rest = after;
        }
    }
    output
}
