//! Requests to this machine bypass the proxy, which would look for the address on its own machine.

use std::{
    net::IpAddr,
    sync::{Arc, OnceLock},
};

use reqwest::{Client, ClientBuilder, Url};

/// A client without a proxy, built on first use and shared by its clones.
#[derive(Clone, Debug, Default)]
pub(crate) struct Direct(Arc<OnceLock<Client>>);

impl Direct {
    /// Returns the client for a URL: `client`, or for a local URL one of the same kind without a proxy.
    pub(crate) fn instead_of(
        &self,
        client: &Client,
        url: &Url,
        builder: fn() -> ClientBuilder,
    ) -> Result<Client, reqwest::Error> {
        if !is_local(url) {
            return Ok(client.clone());
        }
        if let Some(direct) = self.0.get() {
            return Ok(direct.clone());
        }
        let direct = builder().no_proxy().build()?;
        Ok(self.0.get_or_init(|| direct).clone())
    }
}

/// Returns whether a URL leads to this machine, or from a container to its host.
pub fn is_local(url: &Url) -> bool {
    let name = url.host_str().unwrap_or_default();
    let address = name.trim_start_matches('[').trim_end_matches(']');
    match address.parse::<IpAddr>() {
        Ok(address) => address.is_loopback(),
        // The last name is that of the host in containers, where `sam local` runs functions.
        Err(_) => name == "localhost" || name.ends_with(".localhost") || name == "host.docker.internal",
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn only_addresses_of_this_machine_are_local() {
        for url in [
            "http://127.0.0.1:4566",
            "http://127.1.2.3/a",
            "http://[::1]:1",
            "http://localhost",
            "http://sqs.localhost:4566",
            "http://host.docker.internal:4566",
        ] {
            assert!(is_local(&url.parse().unwrap()), "{url}");
        }
        for url in [
            "https://graph.microsoft.com",
            "http://128.0.0.1",
            "http://localhost.example.com",
            "http://127.0.0.1.example.com",
            "http://mylocalhost",
        ] {
            assert!(!is_local(&url.parse().unwrap()), "{url}");
        }
    }

    /// Repeats a test of each client that talks to this machine, with a proxy at a port where nothing listens.
    #[test]
    fn local_addresses_are_reached_without_a_proxy() {
        let repeated = [
            "graph::tests::calls_carry_token_request_id_and_body",
            "http::tests::a_redirect_is_not_followed",
            "signing_keys::tests::a_document_is_fetched_over_http",
        ];
        let mut tests = Command::new(std::env::current_exe().unwrap());
        tests.arg("--exact").args(repeated);
        for name in [
            "HTTP_PROXY",
            "http_proxy",
            "HTTPS_PROXY",
            "ALL_PROXY",
            "all_proxy",
        ] {
            tests.env(name, "http://127.0.0.1:9");
        }
        tests.env_remove("NO_PROXY").env_remove("no_proxy");
        let output = tests.output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains("ok. 3 passed"), "{text}");
    }
}
