//! The options of an invocation.

use std::collections::BTreeSet;

use graph_core::subscription::{
    config::{Config, Problem},
    printable::printable,
    rotation::Forced,
};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::Error;

/// The options of an invocation that is not a batch of a queue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a wish of its own")]
pub(crate) struct Options {
    /// Whether the run changes nothing.
    pub(crate) dry_run: bool,
    /// The keys that a person wants to replace.
    pub(crate) forced: Forced,
    /// The tenants for which a person confirms deletions that are held back.
    pub(crate) confirmed: Confirmed,
    /// Whether all subscriptions of the stack are deleted, whatever the configuration asks for.
    pub(crate) deletes_all: bool,
    /// Whether subscriptions that another stack left are replaced.
    pub(crate) takes_over: bool,
    /// Whether recent refusals by Graph are respected. False for a person, who wants to see Graph's answer.
    pub(crate) is_patient: bool,
}

/// The tenants for which a person confirms deletions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Confirmed {
    /// No tenant.
    #[default]
    None,
    /// The tenants with these names.
    Named(BTreeSet<String>),
    /// What the whole document leads to, and so every tenant, but for an application that still waits for its successor: a
    /// mistyped id looks like a change of the application, and whoever confirms other deletions need not know of it.
    All,
}

impl Confirmed {
    /// Returns whether a person named the tenant.
    pub(crate) fn names(&self, tenant: &str) -> bool {
        matches!(self, Self::Named(names) if names.contains(tenant))
    }

    /// Returns a problem for each named tenant that the configuration does not have.
    pub(crate) fn unknown(&self, config: &Config) -> impl Iterator<Item = Problem> {
        let names = match self {
            Self::Named(names) => Some(names),
            Self::None | Self::All => None,
        };
        let unknown = names.into_iter().flatten();
        let unknown = unknown.filter(|name| !config.tenants.contains_key(*name));
        unknown.map(|name| {
            let name = printable(name, 64);
            Problem::error(
                "",
                format!("has no tenant {name:?}, which confirmDeletions names"),
            )
        })
    }
}

impl Options {
    /// Returns whether a person wants the deletions in a tenant.
    pub(crate) fn confirms(&self, tenant: &str) -> bool {
        self.deletes_all || self.confirmed == Confirmed::All || self.confirmed.names(tenant)
    }

    /// Reads an event of the schedule or of a person.
    ///
    /// # Errors
    ///
    /// Returns an error for an unknown member of a person's event: a misspelt `dryRun` would otherwise be a run that
    /// deletes.
    pub(crate) fn parse(event: &Value) -> Result<Self, Error> {
        let none = Map::new();
        let members = match event {
            Value::Null => &none,
            Value::Object(members) => members,
            _ => return Err(Error::Request("an object".to_owned())),
        };
        // Before the members are checked: the event of EventBridge has many others.
        if is_of_schedule(members) {
            return Ok(Self {
                is_patient: true,
                ..Self::default()
            });
        }
        let mut request = Self::default();
        for (name, value) in members {
            match name.as_str() {
                "confirmDeletions" => request.confirmed = confirmed(name, value)?,
                "deleteAll" => request.deletes_all = is_asked(name, value)?,
                "dryRun" => request.dry_run = is_wanted(value),
                "rotate" => request.forced = forced(value)?,
                "takeOver" => request.takes_over = is_asked(name, value)?,
                unknown => return Err(Error::Request(unknown_member(unknown))),
            }
        }
        // A run that takes over creates what the other deletes.
        if request.deletes_all && request.takes_over {
            return Err(Error::Request(
                "an object with either deleteAll or takeOver".to_owned(),
            ));
        }
        Ok(request)
    }
}

/// Returns whether `EventBridge` sent the event. It asks for nothing: with a wish, a person wrote it.
fn is_of_schedule(members: &Map<String, Value>) -> bool {
    let source = members.get("source").and_then(Value::as_str);
    let has_wish = WISHES.iter().any(|wish| members.contains_key(*wish));
    matches!(source, Some("aws.scheduler" | "aws.events")) && !has_wish
}

/// Returns whether a dry run is wanted. Anything but `false` and `null` counts as true: this is the harmless side.
fn is_wanted(value: &Value) -> bool {
    !matches!(value, Value::Null | Value::Bool(false))
}

/// Reads the tenants for which deletions are confirmed.
fn confirmed(name: &str, value: &Value) -> Result<Confirmed, Error> {
    if let Ok(names) = BTreeSet::<String>::deserialize(value) {
        return Ok(Confirmed::Named(names));
    }
    let is_asked = is_asked(name, value).map_err(|_| {
        Error::Request(format!(
            "an object in which {name} is true, false or a list of tenants"
        ))
    })?;
    Ok(if is_asked { Confirmed::All } else { Confirmed::None })
}

/// Reads a member that leads to deletions: only `true` counts as true.
fn is_asked(name: &str, value: &Value) -> Result<bool, Error> {
    match value {
        Value::Null => Ok(false),
        Value::Bool(asked) => Ok(*asked),
        _ => Err(Error::Request(format!(
            "an object in which {name} is true or false"
        ))),
    }
}

fn forced(rotate: &Value) -> Result<Forced, Error> {
    let (client_state, certificate) = match rotate {
        Value::Null | Value::Bool(false) => (false, false),
        Value::Bool(true) => (true, true),
        Value::String(what) if what == "keys" => (true, false),
        Value::String(what) if what == "certificate" => (false, true),
        _ => {
            let expected = "an object in which rotate is true, \"keys\" or \"certificate\"";
            return Err(Error::Request(expected.to_owned()));
        }
    };
    Ok(Forced {
        client_state,
        certificate,
    })
}

fn unknown_member(name: &str) -> String {
    let name = printable(name, 64);
    format!("an object with the members {MEMBERS}; {name:?} is not one of them")
}

/// The members of a person's event.
const WISHES: [&str; 5] = ["confirmDeletions", "deleteAll", "dryRun", "rotate", "takeOver"];

const MEMBERS: &str = "dryRun (true), confirmDeletions (true or a list of tenants), takeOver (true), deleteAll (true) and \
                       rotate (true, \"keys\" or \"certificate\")";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_misspelt_member_is_an_error_that_names_the_right_ones() {
        for event in [
            json!({"dryrun": true}),
            json!({"dry_run": true}),
            json!({"dryRun": true, "rotation": true}),
            json!({"": 1}),
            json!({"dry\u{202e}Run": 1}),
            json!("dryRun"),
            json!([{"dryRun": true}]),
        ] {
            let error = Options::parse(&event).unwrap_err().to_string();
            assert!(error.contains("object") && !error.contains("202e"), "{error}");
            let shows_members = error.contains("dryRun (true), confirmDeletions");
            assert_eq!(shows_members, event.is_object(), "{error}");
        }
    }

    #[test]
    fn nothing_an_empty_object_and_the_schedule_ask_for_a_run() {
        for event in [json!(null), json!({}), json!({"dryRun": false, "rotate": null})] {
            assert_eq!(Options::parse(&event).unwrap(), Options::default(), "{event}");
        }
        let schedule = include_str!("../../../tests/events/schedule.json");
        let schedule = serde_json::from_str(schedule).unwrap();
        assert!(Options::parse(&schedule).unwrap().is_patient);
    }

    #[test]
    fn deletions_are_requested_only_with_true() {
        for name in ["confirmDeletions", "deleteAll", "takeOver"] {
            for value in [json!("true"), json!(1), json!([1]), json!({"tenant": "a"})] {
                assert!(Options::parse(&json!({name: value})).is_err(), "{name}: {value}");
            }
        }
        let options = |event| Options::parse(&event).unwrap();
        assert!(options(json!({"confirmDeletions": true})).confirms("a"));
        let named = options(json!({"confirmDeletions": ["a"]}));
        assert!(named.confirms("a") && !named.confirms("b"));
        assert!(!options(json!({"confirmDeletions": []})).confirms("a"));
        assert!(Options::parse(&json!({"deleteAll": true})).unwrap().deletes_all);
        assert!(Options::parse(&json!({"takeOver": true})).unwrap().takes_over);
        assert!(Options::parse(&json!({"deleteAll": true, "takeOver": true})).is_err());
    }

    #[test]
    fn every_spelling_of_true_is_a_dry_run() {
        for yes in [json!(true), json!("true"), json!(1)] {
            assert!(Options::parse(&json!({"dryRun": yes})).unwrap().dry_run);
        }
    }
}
