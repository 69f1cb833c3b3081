//! Keys and trusted applications for tests.

use base64::{Engine, prelude::BASE64_STANDARD};
use jiff::Timestamp;

use super::{ClientStateKeys, KEY_LENGTH, Subject, mint};
use crate::{
    application::{Application, test_util::application},
    cloud::Cloud,
    notification::seal::seal,
    secrets::{ClientStateDocument, ClientStateKeyEntry, KeyLife, TrustedTenants},
};

/// Returns a key of equal bytes.
#[must_use]
pub fn key(id: &str, byte: u8) -> ClientStateKeyEntry {
    ClientStateKeyEntry {
        id: id.to_owned(),
        key: BASE64_STANDARD.encode([byte; KEY_LENGTH]),
        created_at: Timestamp::UNIX_EPOCH,
        life: KeyLife::default(),
    }
}

/// Returns the document that holds `keys` and trusts these tenants and applications.
#[must_use]
pub fn document(keys: Vec<ClientStateKeyEntry>, trusted: &[(&str, &str)]) -> ClientStateDocument {
    ClientStateDocument::new(keys, trusted.iter().copied().map(trust).collect())
}

/// Returns the client state of a subscription, or nothing when its name is too long.
#[must_use]
pub fn client_state(
    key: &ClientStateKeyEntry,
    owner: (&str, &str),
    name: &str,
    includes_resource_data: bool,
) -> Option<String> {
    let subject = Subject {
        name,
        application: application(owner),
        includes_resource_data,
    };
    mint(key, &subject).ok()
}

/// Returns a queue message as the function that sends it seals it.
#[must_use]
pub fn sealed(key: &ClientStateKeyEntry, body: &str) -> String {
    let (keys, _) = ClientStateKeys::parse(&document(vec![key.clone()], &[]));
    seal(body, &keys, Timestamp::UNIX_EPOCH).unwrap_or_default()
}

fn trust(owner: (&str, &str)) -> TrustedTenants {
    let Application { tenant_id, client_id } = application(owner);
    TrustedTenants {
        client_id,
        cloud: Cloud::Global,
        from: None,
        tenants: vec![tenant_id],
    }
}
