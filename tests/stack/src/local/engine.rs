//! The Docker engine, and the network of its containers.

use std::net::Ipv4Addr;
use std::process::{Command, Stdio};

/// The network in which the SAM CLI starts containers.
#[derive(Debug, Clone, Copy)]
pub struct Engine {
    /// The address of this machine in that network.
    pub(crate) gateway: Ipv4Addr,
    /// How many bits of an address identify the network.
    prefix: u32,
}

impl Engine {
    /// Asks the engine for its network.
    ///
    /// # Errors
    ///
    /// No engine answers. The text says why.
    pub fn find() -> Result<Self, String> {
        let mut docker = Command::new("docker");
        docker
            .args(["network", "inspect", "bridge", "--format"])
            .arg("{{range .IPAM.Config}}{{.Gateway}} {{.Subnet}}\n{{end}}")
            .stdin(Stdio::null());
        let output = docker
            .output()
            .map_err(|error| format!("no Docker engine answers: docker: {error}"))?;
        if !output.status.success() {
            let reason = String::from_utf8_lossy(&output.stderr);
            return Err(format!("no Docker engine answers: {}", reason.trim()));
        }
        let networks = String::from_utf8_lossy(&output.stdout);
        let found = networks.lines().find_map(Self::parse);
        found.ok_or_else(|| format!("Docker's network has no IPv4 address: {}", networks.trim()))
    }

    /// Returns whether an address belongs to the network: a container, or this machine.
    pub(crate) fn has(self, address: Ipv4Addr) -> bool {
        let network = |address: Ipv4Addr| {
            u32::from(address)
                .checked_shr(32 - self.prefix)
                .unwrap_or_default()
        };
        network(address) == network(self.gateway)
    }

    /// Parses a gateway and a subnet. Without a configured gateway, Docker uses the subnet's first address.
    fn parse(line: &str) -> Option<Self> {
        let (gateway, subnet) = line.split_once(' ')?;
        let (network, prefix) = subnet.split_once('/')?;
        let network: Ipv4Addr = network.parse().ok()?;
        let first = Ipv4Addr::from(u32::from(network).checked_add(1)?);
        Some(Self {
            gateway: if gateway.is_empty() {
                first
            } else {
                gateway.parse().ok()?
            },
            prefix: prefix.parse().ok().filter(|prefix| *prefix <= 32)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_network_are_in_it() {
        let engine = Engine::parse("172.17.0.1 172.17.0.0/16").unwrap();
        assert!(engine.has(Ipv4Addr::new(172, 17, 3, 4)));
        assert!(!engine.has(Ipv4Addr::new(172, 18, 0, 1)) && !engine.has(Ipv4Addr::LOCALHOST));
        assert!(Engine::parse("fd00::1 fd00::/80").is_none());
    }

    #[test]
    fn the_gateway_is_the_one_that_is_set_or_the_first_address() {
        let gateway = |line| Engine::parse(line).unwrap().gateway.to_string();
        assert_eq!(gateway("172.17.0.9 172.17.0.0/16"), "172.17.0.9");
        assert_eq!(gateway(" 172.17.0.0/16"), "172.17.0.1");
    }
}
