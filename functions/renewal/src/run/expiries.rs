//! What is in use and ends by itself.

use graph_core::subscription::{config::Config, expiry::Expiry};
use jiff::Timestamp;

use crate::{keys::Keys, ports::Graph};

/// Returns what is known about the end of each tenant's credential, and of the keys that are in use.
pub(super) async fn list(graph: &impl Graph, config: &Config, keys: &Keys, now: Timestamp) -> Vec<Expiry> {
    let mut expiries = Vec::new();
    for (name, tenant) in &config.tenants {
        let signed_in_at = graph.signed_in_at(tenant).await;
        expiries.extend(Expiry::of_credential(name, tenant, signed_in_at, now));
        let key = keys.mint_key(tenant, now);
        expiries.extend(key.map(|key| Expiry::of_client_state_key(name, key, now)));
    }
    let certificate = keys.certificate(now);
    expiries.extend(certificate.map(|certificate| Expiry::of_certificate(certificate, now)));
    expiries
}
