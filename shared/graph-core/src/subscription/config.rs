//! The content of `ConfigSecret`, which a person writes: tenants, and the subscriptions to keep in them.
//!
//! The document is checked as a whole, and every mistake is reported at once, with its path in the document and what to
//! write instead. Entries without mistakes work on while others wait for theirs to be mended.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

use crate::application::{Application, Guid};
use crate::cloud::Cloud;
use crate::secrets::Secret;
use crate::subscription::catalogue::{self, Access, Version};
use crate::subscription::compare::query_options_key;
use document::Node;
use reader::{Fields, Problems, first, is_plain, join, shown};

mod check;
mod document;
#[cfg(test)]
mod mistakes;
mod previous;
mod reader;
mod subscriptions;
mod tenants;
#[cfg(test)]
mod tests;

/// The part of the configuration that can be used.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// The tenants by the name that the configuration gives them.
    pub tenants: BTreeMap<String, Tenant>,
    /// The subscriptions by name.
    pub subscriptions: BTreeMap<String, Entry>,
    /// The names of subscriptions that have mistakes, or whose tenant has: what exists of them is kept alive as it is.
    pub refused: BTreeSet<String>,
    /// The names of tenants that have mistakes.
    pub refused_tenants: BTreeSet<String>,
    /// The names of tenants that the document no longer has: their subscriptions are to go.
    pub departed: BTreeSet<String>,
    /// Whether the document has no error at all. When it has, a subscription that is not in it may be one that could
    /// not be read.
    pub whole: bool,
}

impl Config {
    /// Reads the document `json` and checks it as a whole; returns what can be used of it, and every problem.
    ///
    /// # Errors
    /// When the document is not a JSON object at all, so that nobody takes it for an empty configuration.
    pub fn parse(json: &str) -> Result<(Self, Vec<Problem>), Problem> {
        let document = Problem {
            path: String::new(),
            message: String::new(),
            severity: Severity::Error,
        };
        let node: Node = serde_json::from_str(json).map_err(|error| Problem {
            message: format!(
                "is not JSON, at line {} column {}; see the example in docs/configuration.md",
                error.line(),
                error.column()
            ),
            ..document.clone()
        })?;
        if !matches!(node, Node::Object(_)) {
            let message = format!(
                "is {}; write an object with `tenants` and `subscriptions`",
                node.kind()
            );
            return Err(Problem { message, ..document });
        }
        let mut problems = Problems::default();
        let mut config = Self::default();
        if let Some(fields) = Fields::open(&node, "", KNOWN, &mut problems) {
            let applications = read_applications(&fields, &mut problems);
            let declared = entries(&fields, "tenants", &mut problems);
            config.read_tenants(declared, &applications, &mut problems);
            config.read_subscriptions(
                entries(&fields, "subscriptions", &mut problems),
                declared,
                &mut problems,
            );
        }
        config.whole = problems.errors() == 0;
        Ok((config, problems.all()))
    }

    /// Takes the tenants that can be used.
    fn read_tenants(
        &mut self,
        declared: &[(String, Node)],
        applications: &Applications,
        problems: &mut Problems,
    ) {
        for (key, node) in declared {
            let path = join("tenants", key);
            if is_repeated(declared, key, node) {
                problems.error(&path, "is there twice; keep one");
                self.tenants.remove(key);
                self.refused_tenants.insert(key.clone());
            } else if !is_plain(key) {
                self.refused_tenants.insert(key.clone());
                problems.error(
                    &path,
                    "has a name with more than 64 characters, or with characters other than letters, digits, spaces and -_.$@; rename it",
                );
            } else if let Some(tenant) = tenants::read(node, &path, applications, problems) {
                self.tenants.insert(key.clone(), tenant);
            } else {
                self.refused_tenants.insert(key.clone());
            }
        }
    }

    /// Takes the subscriptions that can be used.
    fn read_subscriptions(
        &mut self,
        entries: &[(String, Node)],
        declared: &[(String, Node)],
        problems: &mut Problems,
    ) {
        let mut taken: BTreeMap<Combination, &str> = BTreeMap::new();
        for (name, node) in entries {
            let before = problems.errors();
            let path = join("subscriptions", name);
            if is_repeated(entries, name, node) {
                problems.error(&path, "is there twice; keep one");
                self.subscriptions.remove(name);
                continue;
            }
            // Until it proves right: what it has at Graph must not be deleted for a mistake in it.
            self.refused.insert(name.clone());
            let entry = self.read_entry(name, node, declared, problems);
            let Some(entry) = entry.filter(|_| problems.errors() == before) else {
                continue;
            };
            let combinations: Vec<Combination> = Combination::of(&entry, &self.tenants).collect();
            // Graph allows one subscription to each combination, so the second could never be made.
            if let Some(first) = combinations.iter().find_map(|one| taken.get(one)) {
                let message = "has the same tenant, resource and changeType as";
                problems.error(&path, format!("{message} `subscriptions.{first}`; keep one"));
                continue;
            }
            taken.extend(combinations.into_iter().map(|one| (one, name.as_str())));
            self.subscriptions.insert(name.clone(), entry);
        }
        self.refused.retain(|name| !self.subscriptions.contains_key(name));
    }

    /// Reads and checks one entry.
    fn read_entry(
        &self,
        name: &str,
        node: &Node,
        declared: &[(String, Node)],
        problems: &mut Problems,
    ) -> Option<Entry> {
        let written = subscriptions::read(name, node, problems)?;
        let path = join(&written.path, "tenant");
        let names: Vec<_> = declared.iter().map(|(key, _)| shown("tenants", key)).collect();
        let key = match (written.tenant, declared) {
            (Some(EVERY), [_, ..]) => {
                let all: Vec<_> = self.tenants.keys().map(String::as_str).collect();
                // While none can be read, that has been said.
                return check::check(written, &all, &self.tenants, problems).filter(|_| !all.is_empty());
            }
            (Some(wanted), _) if declared.iter().any(|(key, _)| key == wanted) => Some(wanted),
            (Some(_), _) => {
                problems.error(
                    &path,
                    format!(
                        "names a tenant that does not exist; write one of {}, or \"*\" for all of them",
                        first(&names)
                    ),
                );
                None
            }
            (None, [(only, _)]) => Some(only.as_str()),
            (None, []) => {
                problems.error("tenants", "is missing or empty; a subscription needs a tenant");
                None
            }
            (None, _) => {
                problems.error(
                    &path,
                    format!(
                        "is missing; with several tenants, write one of {}, or \"*\" for all of them",
                        first(&names)
                    ),
                );
                None
            }
        };
        let entry = check::check(written, key.as_slice(), &self.tenants, problems);
        entry.filter(|_| key.is_some_and(|key| self.tenants.contains_key(key)))
    }
}

/// A tenant with the application that acts in it.
#[derive(Clone, Debug)]
pub struct Tenant {
    /// The application, and the tenant's id.
    pub application: Application,
    /// The cloud that the tenant lives in.
    pub cloud: Cloud,
    /// How the application proves itself.
    pub credential: Credential,
    /// When its client secret ends, where that is written.
    pub client_secret_expires: Option<Timestamp>,
    /// Whether resource data is encrypted for a certificate that no other tenant has.
    pub own_certificate: bool,
}

impl Tenant {
    /// Returns the tenant that its certificates are for alone, or nothing when it shares them with the others.
    #[must_use]
    pub fn certificate_owner(&self) -> Option<Guid> {
        self.own_certificate.then_some(self.application.tenant_id)
    }

    /// Returns on whose behalf the application calls Microsoft Graph, which decides on the permissions that it can have.
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

/// How an application proves itself to the Microsoft identity platform.
#[derive(Clone, Debug)]
pub enum Credential {
    /// A client secret.
    ClientSecret {
        /// The secret's value.
        client_secret: Secret<String>,
    },
    /// A certificate, by signed client assertion.
    Certificate {
        /// The private key as PEM.
        private_key: Secret<String>,
        /// The certificate as PEM.
        certificate: Secret<String>,
    },
    /// A user's refresh token; only the first one, for each use brings a new one.
    RefreshToken {
        /// The token.
        refresh_token: Secret<String>,
        /// The client secret, where the application is a confidential one.
        client_secret: Option<Secret<String>>,
    },
    /// The AWS role's own token as client assertion; nothing is stored.
    WebIdentity,
}

impl Credential {
    /// Says whether the application acts for a signed-in user rather than for itself.
    #[must_use]
    pub fn is_delegated(&self) -> bool {
        match self {
            Self::RefreshToken { .. } => true,
            Self::ClientSecret { .. } | Self::Certificate { .. } | Self::WebIdentity => false,
        }
    }
}

/// A subscription to keep, or many of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The entry's name.
    pub name: String,
    /// The names in the configuration of the tenants to keep it in.
    pub tenants: BTreeSet<String>,
    /// The resource path, with `{id}` in it when the entry stands for many.
    pub resource: String,
    /// The change types in the order created, updated, deleted, with commas and without spaces.
    pub change_type: String,
    /// Whether notifications carry resource data.
    pub include_resource_data: bool,
    /// The `notificationQueryOptions` to ask for.
    pub query_options: Option<String>,
    /// The lifetime to ask for, in minutes.
    pub minutes: u32,
    /// The API version to make and manage the subscription with.
    pub version: Version,
    /// The objects that the entry stands for, if it stands for many.
    pub for_each: Option<ForEach>,
    /// What is asked for beside.
    pub options: EntryOptions,
}

/// What an entry asks for beside its resource. Each is false when it is left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EntryOptions {
    /// Whether the reader adds the content to notifications that carry none.
    pub fetch_content: bool,
    /// Whether ids of Outlook's items stay the same when an item is moved.
    pub immutable_ids: bool,
    /// Whether changes of permissions are notified of as well (Microsoft Graph, *subscription resource type*,
    /// `includesecuritywebhooks`).
    pub permission_changes: bool,
}

/// The objects that an entry stands for.
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

/// Something wrong in the document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Where it is, such as `subscriptions.team-messages.changeType`; empty for the document itself.
    pub path: String,
    /// What is wrong and what to write instead; never holds a value of the document.
    pub message: String,
    /// Whether the entry can be used all the same.
    pub severity: Severity,
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

/// Returns the path of the member `name` under `path`, written as in [`Problem::path`].
#[must_use]
pub fn member_path(path: &str, name: &str) -> String {
    join(path, name)
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

/// What Microsoft Graph takes once per application, and per user where one is signed in (*create subscription*, 409).
///
/// Microsoft does not say whether `notificationQueryOptions` make another combination. Here they do: an entry that Graph
/// then refuses is reported, while one that is refused here could not be had at all.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Combination(Guid, String, String, String, Option<String>, String);

impl Combination {
    /// Returns the combinations of `entry`, one for each of its tenants.
    fn of(entry: &Entry, tenants: &BTreeMap<String, Tenant>) -> impl Iterator<Item = Self> {
        let tenants = entry
            .tenants
            .iter()
            .filter_map(|name| Some((name, tenants.get(name)?)));
        tenants.map(|(name, tenant)| Self::in_tenant(entry, name, tenant))
    }

    fn in_tenant(entry: &Entry, name: &str, tenant: &Tenant) -> Self {
        let identity = if tenant.credential.is_delegated() {
            name.to_owned()
        } else {
            tenant.application.client_id.to_string()
        };
        let resource = catalogue::canonical(&entry.resource);
        let resource = resource.unwrap_or_else(|| format!("/{}", entry.resource.trim_matches('/')));
        Self(
            tenant.application.tenant_id,
            identity,
            resource,
            entry.change_type.clone(),
            entry.query_options.as_deref().map(query_options_key),
            format!("{:?}", entry.for_each),
        )
    }
}

/// The applications that tenants may name, by name; nothing in the place of one that has mistakes.
type Applications = BTreeMap<String, Option<tenants::Application>>;

/// Reads the applications that several tenants share.
fn read_applications(fields: &Fields<'_>, problems: &mut Problems) -> Applications {
    let mut applications = Applications::new();
    let declared = entries(fields, "applications", problems);
    for (name, node) in declared {
        let path = join("applications", name);
        let application = if is_repeated(declared, name, node) {
            problems.error(&path, "is there twice; keep one");
            None
        } else {
            tenants::read_application(node, &path, problems)
        };
        applications.insert(name.clone(), application);
    }
    applications
}

/// Returns the entries of the object in the field `name`; none when it is left out.
fn entries<'a>(fields: &Fields<'a>, name: &str, problems: &mut Problems) -> &'a [(String, Node)] {
    match fields.get(name) {
        None => &[],
        Some(Node::Object(entries)) => entries,
        Some(other) => {
            let message = format!("is {}; write an object with a name for each entry", other.kind());
            problems.error(&fields.path(name), message);
            &[]
        }
    }
}

/// Says whether `entries` has `key` before `node` already.
fn is_repeated(entries: &[(String, Node)], key: &str, node: &Node) -> bool {
    entries
        .iter()
        .take_while(|(_, found)| !std::ptr::eq(found, node))
        .any(|(found, _)| found == key)
}

/// The fields of the document.
const KNOWN: &[&str] = &["applications", "tenants", "subscriptions"];

/// Stands for every tenant.
const EVERY: &str = "*";

/// The tenant of personal Microsoft accounts (Microsoft identity platform, *ID token claims reference*, `tid`).
pub const PERSONAL_TENANT: Guid = Guid::from_u128(0x9188_040d_6c67_4c5b_b112_36a3_04b6_6dad);

/// How long the name of an entry may be.
const NAME_LENGTH: usize = 32;

/// The lifetime that Microsoft Graph raises shorter ones to (*subscription resource type*).
const MIN_MINUTES: u32 = 45;
