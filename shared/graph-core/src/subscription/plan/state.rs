//! What outlives a process: when all subscriptions were looked at last, and which were missing then.
//!
//! Without it a new process cannot tell what was lost from what was never there. It is one text of a few kilobytes for all
//! tenants, so it names only what is missing: everything else was there.

use std::collections::{BTreeMap, BTreeSet};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::subscription::config::Config;

/// What was there at the last look at everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StoredState {
    /// The version of the configuration that the look went by.
    version: String,
    /// When it was.
    looked_at: Option<Timestamp>,
    /// A digest of each entry's name, four characters each. Without them, only the same version tells old entries from new.
    entries: Option<String>,
    /// What was missing, by tenant; nothing for a tenant that is not known.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    tenants: BTreeMap<String, Option<Missing>>,
}

/// The subscriptions of a tenant that were missing at a look.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Missing {
    /// Those that have never been there.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub(super) new: BTreeSet<String>,
    /// Those that were lost, and when each was there last, where that is known.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) lost: BTreeMap<String, Option<Timestamp>>,
}

/// What is remembered of one tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    pub(super) at: Timestamp,
    pub(super) missing: Missing,
    /// The entries that were there; nothing where all of them were.
    entries: Option<BTreeSet<String>>,
}

impl StoredState {
    /// Reads the text; what cannot be read says nothing.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_default()
    }

    /// Returns the state after a look at everything in `config` at `now`; a tenant with nothing missing needs no word.
    #[must_use]
    pub fn new(
        version: &str,
        config: &Config,
        now: Timestamp,
        tenants: BTreeMap<String, Option<Missing>>,
    ) -> Self {
        let is_silent = |missing: &Option<Missing>| *missing == Some(Missing::default());
        let mut tenants = tenants;
        tenants.retain(|_, missing| !is_silent(missing));
        Self {
            version: version.to_owned(),
            looked_at: Some(now),
            entries: Some(config.subscriptions.keys().map(|name| digest(name)).collect()),
            tenants,
        }
    }

    /// Returns what is remembered of a tenant of the configuration with this version; nothing where nothing is known.
    #[must_use]
    pub fn of(&self, tenant: &str, version: &str) -> Option<Look> {
        let missing = match self.tenants.get(tenant) {
            None => Missing::default(),
            Some(missing) => missing.clone()?,
        };
        let known = self.entries.as_ref().map(|digests| {
            let letters: Vec<char> = digests.chars().collect();
            letters
                .chunks(DIGEST)
                .map(|letters| letters.iter().collect())
                .collect()
        });
        let entries = match (self.version == version, known) {
            (true, _) => None,
            (false, known) => Some(known?),
        };
        Some(Look {
            at: self.looked_at?,
            missing,
            entries,
        })
    }

    /// Returns the text, in which as much is left out as a parameter cannot hold: what is not there counts as not known.
    #[must_use]
    pub fn into_text(mut self) -> String {
        loop {
            let text = serde_json::to_string(&self).unwrap_or_default();
            if text.len() <= MAX_BYTES {
                return text;
            }
            let size = |missing: &Missing| missing.new.len() + missing.lost.len();
            let known = self.tenants.values_mut().filter(|missing| missing.is_some());
            match known.max_by_key(|missing| missing.as_ref().map(size)) {
                Some(missing) => *missing = None,
                None if self.entries.is_some() => self.entries = None,
                None => return "{}".to_owned(),
            }
        }
    }
}

impl Look {
    /// Returns what the subscription called `name` was, which is missing now.
    pub(super) fn before(&self, name: &str) -> Before {
        if let Some(since) = self.missing.lost.get(name) {
            return Before::There(*since);
        }
        let entry = name.split('/').next().unwrap_or_default();
        let is_new_entry = self
            .entries
            .as_ref()
            .is_some_and(|known| !known.contains(&digest(entry)));
        let is_new = is_new_entry || self.missing.new.contains(name);
        if is_new {
            Before::New
        } else {
            Before::There(Some(self.at))
        }
    }
}

/// What a subscription was that is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Before {
    /// It has never been there.
    New,
    /// It was there, the last time then, where that is known.
    There(Option<Timestamp>),
}

fn digest(name: &str) -> String {
    let mut digest = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(name));
    digest.truncate(DIGEST);
    digest
}

/// How many letters of a digest are kept: of 600 entries, hardly ever a new one looks like an old one.
const DIGEST: usize = 4;

/// What a standard parameter holds (AWS Systems Manager, *parameter tiers*), and some room.
const MAX_BYTES: usize = 4_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_that_is_new_in_the_configuration_is_not_lost() {
        let state = state(BTreeMap::new());
        for (version, name, expected) in [
            ("v1", "mail", Before::There(Some(at()))),
            ("v1", "mail/1", Before::There(Some(at()))),
            ("v2", "mail/1", Before::There(Some(at()))),
            ("v2", "added", Before::New),
            ("v2", "added/1", Before::New),
        ] {
            let look = state.of("contoso", version).unwrap();
            assert_eq!(look.before(name), expected, "{version} {name}");
        }
    }

    #[test]
    fn what_was_missing_stays_what_it_was() {
        let earlier: Timestamp = "2026-11-22T09:00:00Z".parse().unwrap();
        let missing = Missing {
            new: BTreeSet::from(["mail/new".to_owned()]),
            lost: BTreeMap::from([
                ("mail/lost".to_owned(), Some(earlier)),
                ("mail/unsure".to_owned(), None),
            ]),
        };
        let state = state(BTreeMap::from([
            ("contoso".to_owned(), Some(missing)),
            ("unseen".to_owned(), None),
        ]));
        let state = StoredState::parse(&state.into_text());
        let look = state.of("contoso", "v1").unwrap();
        assert_eq!(look.before("mail/new"), Before::New);
        assert_eq!(look.before("mail/lost"), Before::There(Some(earlier)));
        assert_eq!(look.before("mail/unsure"), Before::There(None));
        assert_eq!(state.of("unseen", "v1"), None);
        assert_eq!(StoredState::parse("{}").of("contoso", "v1"), None);
        assert_eq!(StoredState::parse("junk").of("contoso", "v1"), None);
    }

    #[test]
    fn the_text_fits_into_a_parameter_whatever_is_missing() {
        let many = |count: usize| Missing {
            new: (0..count).map(|number| format!("mail/{number:036}")).collect(),
            ..Missing::default()
        };
        let state = state(BTreeMap::from([
            ("large".to_owned(), Some(many(10_000))),
            ("small".to_owned(), Some(many(3))),
        ]));
        let text = state.into_text();
        assert!(text.len() <= 4_096, "{}", text.len());
        let state = StoredState::parse(&text);
        assert_eq!(state.of("large", "v1"), None, "in doubt a loss is reported");
        assert!(state.of("small", "v1").is_some());
    }

    fn state(tenants: BTreeMap<String, Option<Missing>>) -> StoredState {
        let config = serde_json::json!({
            "tenants": {"contoso": {
                "tenantId": "11111111-2222-3333-4444-555555555555", "clientId": "66666666-7777-8888-9999-000000000000",
                "credential": {"clientSecret": "s"},
            }},
            "subscriptions": {"mail": {
                "resource": "/users/{id}/messages", "changeType": "created", "forEach": {"users": "all"},
            }},
        });
        let (config, _) = Config::parse(&config.to_string()).unwrap();
        StoredState::new("v1", &config, at(), tenants)
    }

    fn at() -> Timestamp {
        "2026-11-22T10:00:00Z".parse().unwrap()
    }
}
