//! Microsoft's clouds and their hosts.

use serde::{Deserialize, Serialize};

/// A Microsoft cloud (Microsoft Graph, *national cloud deployments*).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cloud {
    /// The worldwide cloud, GCC included.
    #[default]
    Global,
    /// US Government L4 (GCC High).
    Usgov,
    /// US Government L5 (`DoD`).
    UsgovDod,
    /// China, operated by 21Vianet.
    China,
}

impl Cloud {
    /// All clouds.
    pub const ALL: [Self; 4] = [Self::Global, Self::Usgov, Self::UsgovDod, Self::China];

    /// Returns the cloud's name in the configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::Usgov => "usgov",
            Self::UsgovDod => "usgov-dod",
            Self::China => "china",
        }
    }

    /// Returns the host of Microsoft Graph in this cloud (Microsoft Graph, *national cloud deployments*).
    #[must_use]
    pub fn graph_host(self) -> &'static str {
        match self {
            Self::Global => "graph.microsoft.com",
            Self::Usgov => "graph.microsoft.us",
            Self::UsgovDod => "dod-graph.microsoft.us",
            Self::China => "microsoftgraph.chinacloudapi.cn",
        }
    }

    /// Returns the host of the login service in this cloud (Microsoft Graph, *national cloud deployments*).
    #[must_use]
    pub fn login_host(self) -> &'static str {
        match self {
            Self::Global => "login.microsoftonline.com",
            Self::Usgov | Self::UsgovDod => "login.microsoftonline.us",
            Self::China => "login.partner.microsoftonline.cn",
        }
    }

    /// Returns the audience that a token of another issuer needs to serve as client assertion (Microsoft Entra,
    /// *federatedIdentityCredentials*, `audiences`).
    #[must_use]
    pub fn exchange_audience(self) -> &'static str {
        match self {
            Self::Global => "api://AzureADTokenExchange",
            Self::Usgov | Self::UsgovDod => "api://AzureADTokenExchangeUSGov",
            Self::China => "api://AzureADTokenExchangeChina",
        }
    }
}
