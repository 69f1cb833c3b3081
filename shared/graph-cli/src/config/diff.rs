//! The changes of a new configuration and their effects on subscriptions.

use std::collections::{BTreeMap, BTreeSet};

use graph_core::subscription::{
    config::{Config, Entry, ForEach},
    plan::{Action, Reason, Step, Wish, excess},
};
use serde::Serialize;
use subtle::ConstantTimeEq;

use super::document::{Document, Leaf};
use crate::terminal::{Color, Style, counted, printable};

/// A change of one entry, such as `subscriptions.users`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// The entry.
    pub entry: String,
    /// The kind of change.
    pub kind: Kind,
    /// The members that differ.
    pub members: Vec<Member>,
}

/// A kind of change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The entry is new.
    Add,
    /// The entry changed.
    Change,
    /// The entry was removed.
    Remove,
}

/// A member that differs. Possible secrets are redacted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Member {
    /// Its path below the entry.
    pub path: String,
    /// Its JSON before.
    pub before: Option<String>,
    /// Its JSON afterwards.
    pub after: Option<String>,
}

/// Returns the entries that differ, in the order of their names.
#[must_use]
pub fn changes(before: &Document<'_>, after: &Document<'_>) -> Vec<Change> {
    let (before, after) = (entries(before), entries(after));
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let none = BTreeMap::new();
    let change = |name: &&String| {
        let (old, new) = (before.get(*name), after.get(*name));
        let members = members(old.unwrap_or(&none), new.unwrap_or(&none));
        let kind = match (old, new) {
            (None, _) => Kind::Add,
            (_, None) => Kind::Remove,
            _ => Kind::Change,
        };
        (!members.is_empty()).then(|| Change {
            entry: (*name).clone(),
            kind,
            members,
        })
    };
    names.iter().filter_map(change).collect()
}

type Leaves<'a> = BTreeMap<String, Leaf<'a>>;

/// Returns the leaves of each entry by their path below it.
fn entries<'a>(document: &'a Document<'_>) -> BTreeMap<String, Leaves<'a>> {
    let mut entries: BTreeMap<String, Leaves<'_>> = BTreeMap::new();
    for leaf in document.leaves() {
        let (entry, below) = leaf.path.split_at(leaf.path.len().min(2));
        entries
            .entry(entry.join("."))
            .or_default()
            .insert(joined(below), leaf);
    }
    entries
}

fn joined(path: &[String]) -> String {
    path.iter()
        .fold(String::new(), |joined, name| match joined.as_str() {
            "" => name.clone(),
            _ if name.starts_with('[') => joined + name,
            _ => joined + "." + name,
        })
}

fn members(before: &Leaves<'_>, after: &Leaves<'_>) -> Vec<Member> {
    let paths: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let differs = |path: &&&String| match (before.get(**path), after.get(**path)) {
        (Some(old), Some(new)) => !bool::from(old.text.as_bytes().ct_eq(new.text.as_bytes())),
        _ => true,
    };
    let member = |path: &String| Member {
        path: path.clone(),
        before: before.get(path).map(Leaf::shown),
        after: after.get(path).map(Leaf::shown),
    };
    paths.iter().filter(differs).map(|path| member(path)).collect()
}

/// The effects on a tenant's subscriptions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Effect {
    /// Number of subscriptions now.
    pub live: usize,
    /// Number of entries that get their first subscriptions.
    pub created: usize,
    /// Number of subscriptions that are created again, each with a short gap.
    pub replaced: usize,
    /// Number of deleted subscriptions.
    pub deleted: usize,
    /// Whether renewal holds so many deletions back.
    pub is_held_back: bool,
    /// Whether an unknown number of subscriptions is deleted.
    pub is_unknown: bool,
}

impl Effect {
    /// Returns whether a person has to confirm the deletions.
    #[must_use]
    pub fn needs_confirmation(&self) -> bool {
        self.is_held_back || self.is_unknown
    }
}

/// The subscriptions that exist now.
#[derive(Clone, Debug, Default)]
pub struct Live {
    /// Number of subscriptions by tenant and entry.
    pub counts: BTreeMap<(String, String), usize>,
    /// The tenants whose subscriptions could not be listed.
    pub unlisted: BTreeSet<String>,
    /// Whether the subscriptions could not be listed at all.
    pub is_unknown: bool,
}

impl Live {
    /// Returns that no subscription is known.
    #[must_use]
    pub fn unknown() -> Self {
        Self {
            is_unknown: true,
            ..Self::default()
        }
    }

    fn of(&self, tenant: &str, entry: &str) -> usize {
        let key = (tenant.to_owned(), entry.to_owned());
        self.counts.get(&key).copied().unwrap_or_default()
    }

    fn knows(&self, tenant: &str) -> bool {
        !self.is_unknown && !self.unlisted.contains(tenant)
    }
}

/// Returns the effects of the next run of renewal in each affected tenant.
#[must_use]
pub fn effects(changes: &[Change], before: &Config, after: &Config, live: &Live) -> BTreeMap<String, Effect> {
    let mut effects: BTreeMap<String, Effect> = BTreeMap::new();
    let replaced: BTreeSet<&str> = changes
        .iter()
        .filter_map(subscription)
        .filter(|(_, change)| replaces(change))
        .map(|(name, _)| name)
        .collect();
    // All of them: an entry of every tenant changes with the tenants, while its own text stays.
    let names: BTreeSet<&String> = before
        .subscriptions
        .keys()
        .chain(after.subscriptions.keys())
        .collect();
    for name in names.into_iter().filter(|name| !after.refused.contains(*name)) {
        let (old, new) = (before.subscriptions.get(name), after.subscriptions.get(name));
        for tenant in tenants(old).union(&tenants(new)) {
            if after.refused_tenants.contains(tenant) {
                continue;
            }
            let is_of = |entry: &&Entry| entry.tenants.contains(tenant);
            let step = InTenant {
                before: old.filter(is_of),
                after: new.filter(is_of),
                is_replaced: replaced.contains(name.as_str()),
                live: live.of(tenant, name),
                is_known: live.knows(tenant),
            };
            effects.entry(tenant.clone()).or_default().add(&step);
        }
    }
    let asks_for_nothing = after.subscriptions.is_empty() && after.refused.is_empty();
    let wish = if asks_for_nothing {
        Wish::Nothing
    } else {
        Wish::New
    };
    for (tenant, effect) in &mut effects {
        let of_tenant = live.counts.iter().filter(|((of, _), _)| of == tenant);
        effect.live = of_tenant.map(|(_, count)| count).sum();
        effect.is_held_back = is_held_back(effect, wish);
    }
    effects.retain(|_, effect| effect.is_unknown || effect.created + effect.replaced + effect.deleted > 0);
    effects
}

/// An entry in one tenant, before and after the change.
struct InTenant<'a> {
    before: Option<&'a Entry>,
    after: Option<&'a Entry>,
    is_replaced: bool,
    live: usize,
    is_known: bool,
}

impl Effect {
    fn add(&mut self, entry: &InTenant<'_>) {
        match (entry.before, entry.after) {
            (None, None) => {}
            (None, Some(_)) => self.created += 1,
            (Some(_), None) => {
                self.deleted += entry.live;
                self.is_unknown |= !entry.is_known;
            }
            (Some(before), Some(after)) => {
                if entry.is_replaced {
                    self.replaced += entry.live;
                }
                match deleted(before, after, entry.live) {
                    Deleted::UpTo(most) => {
                        self.deleted += most.min(entry.live);
                        self.is_unknown |= most > 0 && !entry.is_known;
                    }
                    Deleted::Unknown => self.is_unknown = true,
                }
            }
        }
    }
}

/// Number of deleted subscriptions of an entry.
enum Deleted {
    UpTo(usize),
    /// The selection of objects changed, and only Graph knows which remain.
    Unknown,
}

fn tenants(entry: Option<&Entry>) -> BTreeSet<String> {
    entry.map(|entry| entry.tenants.clone()).unwrap_or_default()
}

/// Returns how many of the `live` subscriptions of an entry are for removed objects.
fn deleted(before: &Entry, after: &Entry, live: usize) -> Deleted {
    match (&before.for_each, &after.for_each) {
        (old, new) if old == new => Deleted::UpTo(0),
        // Everybody is among all.
        (_, Some(ForEach::AllUsers)) if matches!(before.for_each, Some(ForEach::MembersOf(_))) => {
            Deleted::UpTo(0)
        }
        (Some(ForEach::Ids(old)), Some(ForEach::Ids(new))) => {
            let (old, new): (BTreeSet<&String>, BTreeSet<&String>) =
                (old.iter().collect(), new.iter().collect());
            Deleted::UpTo(old.difference(&new).count())
        }
        (None, _) | (_, None) => Deleted::UpTo(live.max(1)),
        _ if live == 0 => Deleted::UpTo(1),
        _ => Deleted::Unknown,
    }
}

/// Returns the name of the changed entry. Changes of a tenant reach its entries through the tenant.
fn subscription(change: &Change) -> Option<(&str, &Change)> {
    Some((change.entry.strip_prefix("subscriptions.")?, change))
}

/// Returns whether renewal has to create the subscription again, as Graph cannot change these members (Microsoft Graph,
/// *update subscription*).
fn replaces(change: &Change) -> bool {
    let fixed = [
        "resource",
        "changeType",
        "includeResourceData",
        "notificationQueryOptions",
        "immutableIds",
        "permissionChanges",
    ];
    change
        .members
        .iter()
        .any(|member| fixed.contains(&member.path.as_str()))
}

/// Applies renewal's own deletion guard.
fn is_held_back(effect: &Effect, wish: Wish) -> bool {
    let deletion = Step {
        name: String::new(),
        action: Action::Delete { id: String::new() },
        reason: Reason::NoEntry,
        resource: None,
        change_type: None,
        expires_at: None,
        lifetime: None,
    };
    excess(&vec![deletion; effect.deleted], effect.live, wish).is_some()
}

/// Returns the changes as text for a person.
#[must_use]
pub fn text(changes: &[Change], effects: &BTreeMap<String, Effect>, style: Style) -> String {
    if changes.is_empty() {
        return "Nothing would change.\n".to_owned();
    }
    let mut text = String::new();
    for change in changes {
        text += &change.text(style);
    }
    for (tenant, effect) in effects {
        text.extend(["\n", &effect.text(tenant), "\n"]);
    }
    text
}

impl Change {
    fn text(&self, style: Style) -> String {
        let (sign, color) = match self.kind {
            Kind::Add => ("+", Color::Good),
            Kind::Change => ("~", Color::Warning),
            Kind::Remove => ("-", Color::Bad),
        };
        let head = style.paint(color, &format!("{sign} {}", printable(&self.entry)));
        let members = self
            .members
            .iter()
            .filter(|_| self.kind != Kind::Remove)
            .map(Member::text);
        members.fold(head + "\n", |text, member| text + "    " + &member + "\n")
    }
}

impl Member {
    fn text(&self) -> String {
        let path = printable(&self.path);
        let [before, after] = [&self.before, &self.after].map(|json| json.as_deref().map(printable));
        match (before, after) {
            (None, Some(after)) => format!("{path}: {after}"),
            (Some(before), None) => format!("{path}: {before} is removed"),
            (Some(before), Some(after)) if before == after => format!("{path}: changed"),
            (before, after) => {
                let [before, after] = [before, after].map(Option::unwrap_or_default);
                format!("{path}: {before} -> {after}")
            }
        }
    }
}

impl Effect {
    fn text(&self, tenant: &str) -> String {
        let Self {
            live,
            created,
            replaced,
            deleted,
            ..
        } = self;
        let tenant = printable(tenant);
        let done = [
            (*created, counted(*created, "entry"), "create"),
            (*replaced, counted(*replaced, "subscription"), "replace"),
            (*deleted, counted(*deleted, "subscription"), "delete"),
        ];
        let done = done.into_iter().filter(|(count, ..)| *count > 0);
        let done: Vec<String> = done
            .map(|(_, things, action)| format!("{things} to {action}"))
            .collect();
        let (live, mut done) = (counted(*live, "subscription"), done.join(", "));
        let held = if self.is_unknown {
            "\n  Subscriptions are deleted, and it is not known how many."
        } else if self.is_held_back {
            "\n  Renewal holds so many deletions back until they are confirmed."
        } else {
            ""
        };
        if done.is_empty() {
            "an unknown number to delete".clone_into(&mut done);
        }
        format!("{tenant}: {live} now; {done}{held}")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_changed_secret_is_named_and_not_shown() {
        let before = document(&json!({}));
        let mut after = before.clone();
        after["tenants"]["contoso"]["credential"]["clientSecret"] = json!("n3w");
        let text = shown(&before, &after, &Live::default());
        assert_eq!(text, "~ tenants.contoso\n    credential.clientSecret: changed\n");
    }

    #[test]
    fn each_change_is_shown_with_its_effect_on_subscriptions() {
        let before =
            document(&json!({"users": entry("/users", "updated"), "groups": entry("/groups", "updated")}));
        let after = document(
            &json!({"users": entry("/users", "updated,deleted"), "teams": entry("/teams", "created")}),
        );
        let live = of([(key("users"), 1), (key("groups"), 1)]);
        assert_eq!(
            shown(&before, &after, &live),
            "- subscriptions.groups\n\
             + subscriptions.teams\n    changeType: \"created\"\n    resource: \"/teams\"\n\
             ~ subscriptions.users\n    changeType: \"updated\" -> \"updated,deleted\"\n\n\
             contoso: 2 subscriptions now; 1 entry to create, 1 subscription to replace, 1 subscription to delete\n"
        );
    }

    #[test]
    fn more_deletions_than_renewal_allows_are_seen() {
        let before =
            document(&json!({"mail": entry("/users", "updated"), "groups": entry("/groups", "updated")}));
        let after = document(&json!({"groups": entry("/groups", "updated")}));
        for (live, is_held_back) in [(5, false), (6, true)] {
            let live = of([(key("mail"), live), (key("groups"), 1)]);
            assert_eq!(
                effects_of(&before, &after, &live)["contoso"].is_held_back,
                is_held_back
            );
        }
    }

    #[test]
    fn a_configuration_that_asks_for_nothing_deletes_nothing_without_a_word() {
        let before = document(&json!({"mail": entry("/users", "updated")}));
        let live = of([(key("mail"), 1)]);
        assert!(effects_of(&before, &document(&json!({})), &live)["contoso"].is_held_back);
    }

    #[test]
    fn nothing_changes_between_two_spellings_of_one_document() {
        let before = document(&json!({"users": entry("/users", "updated")}));
        assert_eq!(
            shown(&before, &before.clone(), &Live::default()),
            "Nothing would change.\n"
        );
    }

    #[test]
    fn a_removed_tenant_takes_the_subscriptions_of_entries_for_every_tenant_along() {
        let mut before =
            document(&json!({"users": {"tenant": "*", "resource": "/users", "changeType": "updated"}}));
        let contoso = before["tenants"]["contoso"].clone();
        let after = before.clone();
        before["tenants"]["fabrikam"] = contoso;
        before["tenants"]["fabrikam"]["tenantId"] = json!("22222222-2222-3333-4444-555555555555");
        let live = of([(("fabrikam".to_owned(), "users".to_owned()), 7)]);
        let effects = effects_of(&before, &after, &live);
        assert_eq!(
            (effects["fabrikam"].deleted, effects["fabrikam"].is_held_back),
            (7, true)
        );
    }

    #[test]
    fn a_shortened_list_of_objects_deletes_as_many() {
        let many = |ids: &[&str]| {
            let ids: Vec<String> = ids
                .iter()
                .map(|id| format!("{id}1111111-2222-3333-4444-555555555555"))
                .collect();
            document(
                &json!({"mail": {"resource": "/users/{id}/messages", "changeType": "created", "forEach": {"ids": ids}}}),
            )
        };
        let all = ["1", "2", "3", "4", "5", "6", "7", "8"];
        let live = of([(key("mail"), 8)]);
        let effects = effects_of(&many(&all), &many(&all[..1]), &live);
        assert_eq!(
            (effects["contoso"].deleted, effects["contoso"].is_held_back),
            (7, true)
        );
    }

    #[test]
    fn deletions_of_an_unknown_number_need_a_permission() {
        let before =
            document(&json!({"mail": entry("/users", "updated"), "groups": entry("/groups", "updated")}));
        let after = document(&json!({"groups": entry("/groups", "updated")}));
        let unlisted = Live {
            unlisted: BTreeSet::from(["contoso".to_owned()]),
            ..Live::default()
        };
        for live in [Live::unknown(), unlisted] {
            assert!(effects_of(&before, &after, &live)["contoso"].needs_confirmation());
            // What deletes nothing needs none.
            assert!(!effects_of(&after, &before, &live)["contoso"].needs_confirmation());
        }
    }

    fn of<const N: usize>(counts: [((String, String), usize); N]) -> Live {
        Live {
            counts: counts.into(),
            ..Live::default()
        }
    }

    fn shown(before: &Value, after: &Value, live: &Live) -> String {
        let (old, new) = (before.to_string(), format!("{after:#}"));
        let changes = changes(&parsed(&old), &parsed(&new));
        text(&changes, &effects_of(before, after, live), Style::PLAIN)
    }

    fn effects_of(before: &Value, after: &Value, live: &Live) -> BTreeMap<String, Effect> {
        let (old, new) = (before.to_string(), after.to_string());
        let changes = changes(&parsed(&old), &parsed(&new));
        let [before, after] = [&old, &new].map(|text| Config::parse(text).unwrap().0);
        effects(&changes, &before, &after, live)
    }

    fn parsed(text: &str) -> Document<'_> {
        Document::parse(text).unwrap_or_else(|_| panic!("not JSON"))
    }

    fn key(entry: &str) -> (String, String) {
        ("contoso".to_owned(), entry.to_owned())
    }

    fn entry(resource: &str, change_type: &str) -> Value {
        json!({"resource": resource, "changeType": change_type})
    }

    fn document(subscriptions: &Value) -> Value {
        json!({
            "tenants": {"contoso": {
                "tenantId": "11111111-2222-3333-4444-555555555555", "clientId": "66666666-7777-8888-9999-000000000000",
                "credential": {"clientSecret": "s3cret"}
            }},
            "subscriptions": subscriptions,
        })
    }
}
