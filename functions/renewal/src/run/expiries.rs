//! The expiries of credentials and keys.

use std::collections::BTreeMap;

use graph_core::subscription::{
    config::{Config, Problem},
    expiry::Expiry,
    rotation::PublishedKeys,
};
use jiff::Timestamp;

use crate::{Deps, ports::Ports};

/// Returns the expiry of each tenant's credential and of the keys in use, as far as they are known.
pub(super) async fn list<P: Ports>(
    deps: &Deps<P>,
    config: &Config,
    keys: &PublishedKeys,
    now: Timestamp,
) -> Vec<Expiry> {
    let mut expiries = Vec::new();
    let mut certificates = BTreeMap::new();
    let signed_in_at = deps.graph.login().signed_in_at(config.tenants.values()).await;
    for ((name, tenant), signed_in_at) in config.tenants.iter().zip(signed_in_at) {
        expiries.extend(Expiry::of_credential(name, tenant, signed_in_at, now));
        let certificate = keys.certificate(tenant, now);
        // By id, so that a certificate that tenants share is listed once.
        certificates.extend(certificate.map(|certificate| (&certificate.id, certificate)));
    }
    let key = keys.mint_key(now);
    expiries.extend(key.map(|key| Expiry::of_client_state_key(key, now)));
    let certificates = certificates.into_values();
    expiries.extend(certificates.map(|certificate| Expiry::of_certificate(certificate, now)));
    expiries
}

/// Returns a problem for each signed-in user whose newest refresh token could not be stored.
pub(super) fn unstored<P: Ports>(deps: &Deps<P>, config: &Config) -> Vec<Problem> {
    let unstored = config.tenants.iter().filter_map(|(name, tenant)| {
        let error = deps.graph.login().unstored(tenant)?;
        let message = format!(
            "is in use, but its successor cannot be stored, so access ends 90 days after the sign-in: {error}"
        );
        let path = format!("tenants.{name}.credential.refreshToken");
        Some(Problem::error(path, message))
    });
    unstored.collect()
}
