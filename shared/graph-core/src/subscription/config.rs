//! The content of `ConfigSecret`, which a person writes: tenants and their subscriptions.
//!
//! The document is checked as a whole. Every mistake is reported at once, with its path in the document and what to
//! write. Entries without mistakes take effect even if others have some.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

use crate::application::{Application, Guid};
use crate::cloud::Cloud;
use crate::secrets::Secret;
use crate::subscription::catalogue::{Access, Version};
use crate::subscription::compare::{query_options_key, resource_key};
use document::Node;
use reader::{Fields, Problems, first, is_plain, join, shown};

pub use reader::join as member_path;

mod check;
mod document;
mod edits;
#[cfg(test)]
mod mistakes;
mod previous;
mod reader;
mod subscriptions;
mod tenants;
#[cfg(test)]
mod tests;

/// The usable part of the configuration.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// The tenants by their name in the configuration.
    pub tenants: BTreeMap<String, Tenant>,
    /// The subscriptions by name.
    pub subscriptions: BTreeMap<String, Entry>,
    /// The names of subscriptions that have mistakes, or whose tenant has: their existing subscriptions are renewed
    /// unchanged.
    pub refused: BTreeSet<String>,
    /// The names of usable entries for all tenants, each with a tenant in which the entry cannot be used: what exists of it there
    /// is renewed unchanged.
    pub unused: BTreeSet<(String, String)>,
    /// The names of tenants that have mistakes.
    pub refused_tenants: BTreeSet<String>,
    /// The tenants that only an earlier version has, and the tenants that took their names with another application: their
    /// subscriptions are renewed, and none is deleted.
    pub kept: BTreeMap<String, Option<String>>,
    /// The names of tenants that the document no longer has: their subscriptions are deleted.
    pub departed: BTreeSet<String>,
    /// Whether the document has no errors. Otherwise, a subscription without an entry may belong to an entry that could
    /// not be read.
    pub whole: bool,
}

impl Config {
    /// Parses and checks the document `json`; returns its usable part and every problem.
    ///
    /// # Errors
    /// Returns an error if the document is not a JSON object, so that no caller mistakes it for an empty configuration.
    pub fn parse(json: &str) -> Result<(Self, Vec<Problem>), Problem> {
        // Only the position is reported: serde's own message may quote the document, which contains credentials.
        let node: Node = serde_json::from_str(json).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            Problem::error(
                "",
                format!(
                    "is not JSON, at line {line} column {column}; see the example in docs/configuration.md"
                ),
            )
        })?;
        if !matches!(node, Node::Object(_)) {
            let message = format!(
                "is {}; write an object with `tenants` and `subscriptions`",
                node.kind()
            );
            return Err(Problem::error("", message));
        }
        let problems = Problems::default();
        let mut config = Self::default();
        if let Some(fields) = Fields::open(&node, "", CONFIG_FIELDS, &problems) {
            let applications = read_applications(&fields);
            let declared = declared(&fields, "tenants");
            config.read_tenants(&declared, &applications, &problems);
            config.read_subscriptions(&self::declared(&fields, "subscriptions"), &declared, &problems);
        }
        config.whole = problems.errors() == 0;
        Ok((config, problems.all()))
    }

    /// Returns the entry that asks for the subscription called `name` in a tenant.
    #[must_use]
    pub fn entry(&self, tenant: &str, name: &str) -> Option<&Entry> {
        let entry = name.split('/').next().unwrap_or_default();
        let entry = self.subscriptions.get(entry)?;
        entry.tenants.contains(tenant).then_some(entry)
    }

    /// Adds the usable tenants.
    fn read_tenants(&mut self, declared: &[Declared<'_>], applications: &Applications, problems: &Problems) {
        for one in declared {
            let path = join("tenants", one.name);
            let tenant = if is_plain(one.name) {
                tenants::read(one.node, path, applications, problems)
            } else {
                // The name becomes part of reports and log lines, where odd characters would mislead.
                problems.error(
                    &path,
                    "has a name with more than 64 characters, or with characters other than letters, digits, spaces and -_.$@; rename it",
                );
                None
            };
            if let Some(tenant) = tenant.filter(|_| !one.is_repeated) {
                self.tenants.insert(one.name.to_owned(), tenant);
            } else {
                self.refused_tenants.insert(one.name.to_owned());
            }
        }
    }

    /// Adds the usable subscriptions. The others are refused, because a mistake in an entry must not delete its subscriptions.
    fn read_subscriptions(
        &mut self,
        entries: &[Declared<'_>],
        declared: &[Declared<'_>],
        problems: &Problems,
    ) {
        let mut taken: BTreeMap<Combination, &str> = BTreeMap::new();
        for one in entries {
            let entry = self.read_entry(one, declared, problems);
            let Some((mut entry, names)) = entry.filter(|_| !one.is_repeated) else {
                self.refused.insert(one.name.to_owned());
                continue;
            };
            let combinations: Vec<(String, Combination)> = Combination::of(&entry, &self.tenants).collect();
            let (free, twice): (Vec<_>, Vec<_>) = combinations
                .into_iter()
                .partition(|(_, one)| !taken.contains_key(one));
            entry
                .tenants
                .retain(|tenant| twice.iter().all(|(other, _)| other != tenant));
            // Graph allows one subscription per combination, so a second one could never be created.
            for first in twice.iter().filter_map(|(_, one)| taken.get(one)) {
                let message = "has the same tenant, resource and changeType as";
                let message = format!("{message} `subscriptions.{first}`; keep one");
                let path = join("subscriptions", one.name);
                if entry.tenants.is_empty() {
                    problems.error(&path, message);
                } else {
                    problems.error_in_part(&path, message);
                }
            }
            taken.extend(free.into_iter().map(|(_, combination)| (combination, one.name)));
            if entry.tenants.is_empty() {
                self.refused.insert(entry.name);
            } else {
                let unused = names.into_iter().filter(|name| !entry.tenants.contains(name));
                self.unused.extend(unused.map(|name| (entry.name.clone(), name)));
                self.subscriptions.insert(entry.name.clone(), entry);
            }
        }
    }

    /// Reads and checks one entry, and returns it with the names of the tenants for which it is written.
    fn read_entry(
        &self,
        one: &Declared<'_>,
        declared: &[Declared<'_>],
        problems: &Problems,
    ) -> Option<(Entry, Vec<String>)> {
        let before = problems.errors();
        let written = subscriptions::read(one.name, one.node, problems)?;
        let is_read = problems.errors() == before;
        let names = declared.iter().map(|one| shown("tenants", one.name));
        let one_of = || {
            let names: Vec<_> = names.clone().collect();
            format!("write one of {}, or \"*\" for all of them", first(&names))
        };
        let names: Vec<&str> = match (written.tenant, declared) {
            // Checked against the usable tenants only; a mistake in a tenant is reported at the tenant.
            (Some(ALL_TENANTS), [_, ..]) => self.tenants.keys().map(String::as_str).collect(),
            (Some(wanted), _) if declared.iter().any(|one| one.name == wanted) => vec![wanted],
            (Some(_), _) => {
                let message = format!("names a tenant that does not exist; {}", one_of());
                written.fields.error("tenant", message);
                Vec::new()
            }
            (None, [only]) => vec![only.name],
            (None, []) => {
                problems.error("tenants", "is missing or empty; a subscription needs a tenant");
                Vec::new()
            }
            (None, _) => {
                let message = format!("is missing; with several tenants, {}", one_of());
                written.fields.error("tenant", message);
                Vec::new()
            }
        };
        let is_usable = names.iter().any(|name| self.tenants.contains_key(*name));
        let entry = written.check(&names, &self.tenants)?;
        let names = names.into_iter().map(str::to_owned).collect();
        (is_read && is_usable).then_some((entry, names))
    }
}

/// A tenant with the application that acts in it.
#[derive(Clone, Debug)]
pub struct Tenant {
    /// The application, and the tenant's id.
    pub application: Application,
    /// The cloud that the tenant lives in.
    pub cloud: Cloud,
    /// How the application proves its identity.
    pub credential: Credential,
    /// When its client secret expires, if the document says so.
    pub client_secret_expires: Option<Timestamp>,
    /// Whether the tenant has an encryption certificate of its own.
    pub own_certificate: bool,
}

impl Tenant {
    /// Returns the tenant that alone uses its certificates, or nothing if it shares them with others.
    #[must_use]
    pub fn certificate_owner(&self) -> Option<Guid> {
        self.own_certificate.then_some(self.application.tenant_id)
    }

    /// Returns for whom the application calls Microsoft Graph. This decides which permissions it can have.
    #[must_use]
    pub fn access(&self) -> Access {
        if !self.credential.is_delegated() {
            Access::Application
        } else if self.application.tenant_id == PERSONAL_TENANT {
            Access::DelegatedPersonal
        } else {
            Access::Delegated
        }
    }
}

/// How an application proves its identity to the Microsoft identity platform.
#[derive(Clone, Debug)]
pub enum Credential {
    /// A client secret.
    ClientSecret {
        /// The secret's value.
        client_secret: Secret<String>,
    },
    /// A certificate, used in signed client assertions.
    Certificate {
        /// The private key as PEM.
        private_key: Secret<String>,
        /// The certificate as PEM.
        certificate: Secret<String>,
    },
    /// A user's refresh token. It is only the first one: each use returns the next.
    RefreshToken {
        /// The token.
        refresh_token: Secret<String>,
        /// The client secret of a confidential application.
        client_secret: Option<Secret<String>>,
    },
    /// The AWS role's own token as client assertion. No secret is stored.
    WebIdentity,
}

impl Credential {
    /// Returns whether the application acts for a signed-in user and not for itself.
    #[must_use]
    pub fn is_delegated(&self) -> bool {
        match self {
            Self::RefreshToken { .. } => true,
            Self::ClientSecret { .. } | Self::Certificate { .. } | Self::WebIdentity => false,
        }
    }
}

/// An entry: one subscription, or one for each of many objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The entry's name.
    pub name: String,
    /// The tenants, by their name in the configuration.
    pub tenants: BTreeSet<String>,
    /// The resource path, with `{id}` in it for a `forEach` entry.
    pub resource: String,
    /// The change types in the order created, updated, deleted, with commas and without spaces.
    pub change_type: String,
    /// Whether notifications carry resource data.
    pub include_resource_data: bool,
    /// The `notificationQueryOptions`.
    pub query_options: Option<String>,
    /// The lifetime to request, in minutes.
    pub minutes: u32,
    /// The API version that creates and manages the subscription.
    pub version: Version,
    /// The objects of a `forEach` entry.
    pub for_each: Option<ForEach>,
    /// The options.
    pub options: EntryOptions,
}

/// The options of an entry. Each is false by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EntryOptions {
    /// Whether the reader adds the content to notifications that carry none.
    pub fetch_content: bool,
    /// Whether ids of Outlook items stay the same when an item is moved.
    pub immutable_ids: bool,
    /// Whether changes of permissions are notified as well (Microsoft Graph, *subscription resource type*,
    /// `includesecuritywebhooks`).
    pub permission_changes: bool,
}

/// The objects of a `forEach` entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ForEach {
    /// The members of the group with this id.
    MembersOf(String),
    /// All users of the tenant.
    AllUsers,
    /// All teams of the tenant.
    AllTeams,
    /// The objects with these ids.
    Ids(Vec<String>),
}

/// A problem in the document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The path, such as `subscriptions.team-messages.changeType`; empty for the whole document.
    pub path: String,
    /// What is wrong and what to write. Never contains a value of the document.
    pub message: String,
    /// Whether the entry is used in spite of the problem.
    pub severity: Severity,
}

impl Problem {
    /// Returns a problem that makes the entry unusable or the run fail.
    pub fn error(path: impl Into<String>, message: impl Into<String>) -> Self {
        let (path, message, severity) = (path.into(), message.into(), Severity::Error);
        Self {
            path,
            message,
            severity,
        }
    }

    /// Returns a problem that does neither.
    pub fn warning(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(path, message)
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path.is_empty() {
            "the configuration"
        } else {
            &self.path
        };
        write!(f, "{path} {}", self.message)
    }
}

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The entry is used; Microsoft Graph decides.
    Warning,
    /// The entry is not used.
    Error,
}

/// The combination of which Microsoft Graph allows one subscription per application, or per signed-in user (*create
/// subscription*, 409).
///
/// Microsoft does not say whether `notificationQueryOptions` belong to it. Here they do: an entry that Graph refuses is
/// reported, but an entry that is refused here could not be used at all.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Combination(Guid, String, String, String, Option<String>, String);

impl Combination {
    /// Returns the combinations of `entry`, one for each of its tenants, with the tenant's name.
    fn of(entry: &Entry, tenants: &BTreeMap<String, Tenant>) -> impl Iterator<Item = (String, Self)> {
        let tenants = entry
            .tenants
            .iter()
            .filter_map(|name| Some((name, tenants.get(name)?)));
        tenants.map(|(name, tenant)| (name.clone(), Self::in_tenant(entry, name, tenant)))
    }

    fn in_tenant(entry: &Entry, name: &str, tenant: &Tenant) -> Self {
        // Each signed-in user has subscriptions of their own, even with the same application.
        let identity = if tenant.credential.is_delegated() {
            name.to_owned()
        } else {
            tenant.application.client_id.to_string()
        };
        Self(
            tenant.application.tenant_id,
            identity,
            resource_key(&entry.resource),
            entry.change_type.clone(),
            entry.query_options.as_deref().map(query_options_key),
            format!("{:?}", entry.for_each),
        )
    }
}

/// The shared applications by name; nothing for one that has mistakes.
type Applications = BTreeMap<String, Option<tenants::Application>>;

/// Reads the applications that several tenants share.
fn read_applications(fields: &Fields<'_>) -> Applications {
    let declared = declared(fields, "applications").into_iter();
    let applications = declared.map(|one| {
        let path = join("applications", one.name);
        let application = tenants::read_application(one.node, path, fields.problems);
        (one.name.to_owned(), application.filter(|_| !one.is_repeated))
    });
    applications.collect()
}

/// An entry of an object whose names a person chooses.
struct Declared<'a> {
    name: &'a str,
    node: &'a Node,
    /// Whether the name is there again. Which of the entries is meant is unknown, so none is used.
    is_repeated: bool,
}

/// Returns the entries of the object in the field `of`, each name once; no entries if the field is absent.
fn declared<'a>(fields: &Fields<'a>, of: &str) -> Vec<Declared<'a>> {
    let entries = match fields.get(of) {
        None => return Vec::new(),
        Some(Node::Object(entries)) => entries,
        Some(other) => {
            let message = format!("is {}; write an object with a name for each entry", other.kind());
            fields.error(of, message);
            return Vec::new();
        }
    };
    let mut declared: Vec<Declared<'a>> = Vec::with_capacity(entries.len());
    for (name, node) in entries {
        if let Some(first) = declared.iter_mut().find(|first| first.name == name) {
            first.is_repeated = true;
            let message = "is there twice; keep one";
            fields.problems.error(&join(of, name), message);
        } else {
            declared.push(Declared {
                name,
                node,
                is_repeated: false,
            });
        }
    }
    declared
}

/// Returns the lifetime in minutes to request if Graph grants at most `most`: clocks differ, and Graph counts from when it reads
/// the request.
#[must_use]
pub fn requested(most: u32) -> u32 {
    most.saturating_sub(MARGIN_MINUTES).max(MIN_MINUTES)
}

/// The fields of the document.
const CONFIG_FIELDS: &[&str] = &["applications", "tenants", "subscriptions"];

/// The name that means every tenant.
const ALL_TENANTS: &str = "*";

/// The tenant of personal Microsoft accounts (Microsoft identity platform, *ID token claims reference*, `tid`).
pub const PERSONAL_TENANT: Guid = Guid::from_u128(0x9188_040d_6c67_4c5b_b112_36a3_04b6_6dad);

/// The longest name of an entry.
const NAME_LENGTH: usize = 32;

/// The shortest lifetime: Microsoft Graph raises shorter ones to it (*subscription resource type*).
const MIN_MINUTES: u32 = 45;

/// How many minutes less than the maximum are requested.
const MARGIN_MINUTES: u32 = 10;
