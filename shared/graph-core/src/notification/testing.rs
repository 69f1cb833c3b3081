//! Items of a subscription of this stack, for tests.

use serde_json::value::RawValue;

use super::{
    client_state::{ClientStateKeys, test_util},
    item::{Admitted, Unadmitted},
};
use crate::secrets::ClientStateKeyEntry;

/// Calls `then` with `item` as an admitted one of the subscription called `name`.
pub(super) fn admitted<T>(item: &RawValue, name: &str, then: impl FnOnce(&Admitted<'_>) -> T) -> T {
    let item = with_client_state(item, name);
    let admitted = Unadmitted::parse(&item).unwrap().admit(&keys()).unwrap();
    then(&admitted)
}

/// Returns `item` with a client state in front.
pub(super) fn with_client_state(item: &RawValue, name: &str) -> Box<RawValue> {
    let members = item.get().strip_prefix('{').unwrap();
    let comma = if members.trim_start().starts_with('}') {
        ""
    } else {
        ","
    };
    let client_state = client_state(name);
    RawValue::from_string(format!(r#"{{"clientState":"{client_state}"{comma}{members}"#)).unwrap()
}

/// Returns the keys of the subscriptions.
pub(super) fn keys() -> ClientStateKeys {
    ClientStateKeys::parse(&test_util::document(vec![key()], &[(TENANT, CLIENT)])).0
}

fn client_state(name: &str) -> String {
    test_util::client_state(&key(), (TENANT, CLIENT), name, false).unwrap()
}

/// Returns the key of the subscriptions.
pub(super) fn key() -> ClientStateKeyEntry {
    test_util::key("k1", 7)
}

/// The tenant of all subscriptions.
pub(super) const TENANT: &str = "11111111-2222-3333-4444-555555555555";

/// The application of all subscriptions.
pub(super) const CLIENT: &str = "66666666-7777-8888-9999-000000000000";
