//! The changes of a new configuration and their effects, as text for a person.

use std::collections::BTreeMap;

use super::{
    diff::{Change, Kind, Member},
    effect::Effect,
};
use crate::terminal::{Color, Style, counted, printable};

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
    use std::collections::BTreeSet;

    use graph_core::subscription::config::Config;
    use serde_json::{Value, json};

    use super::*;
    use crate::config::{
        diff::changes,
        document::Document,
        effect::{Live, effects},
    };

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
