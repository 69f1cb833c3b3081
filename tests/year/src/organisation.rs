//! Whom the subscriptions are for: organisations of several sizes, and what they watch.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::chance::Chance;

/// The configuration, and the directories that its entries are about.
#[derive(Debug)]
pub(super) struct Organisation {
    /// The content of `ConfigSecret`.
    pub(super) config: Value,
    /// The ids behind each list of Graph, by tenant id and path.
    pub(super) directory: BTreeMap<(String, String), Vec<String>>,
    /// How many subscriptions it comes to.
    pub(super) subscriptions: usize,
}

impl Organisation {
    /// Returns four tenants with about `count` subscriptions together, the largest with four tenths of them. Two of them
    /// share an application, and two have a second one for a user who has signed in. With `is_single` the first has all.
    pub(super) fn of(count: usize, is_single: bool, chance: &mut Chance) -> Self {
        let mut organisation = Self {
            config: json!({"tenants": {}, "subscriptions": {}}),
            directory: BTreeMap::new(),
            subscriptions: 0,
        };
        let shared = chance.guid();
        let tenants = [
            ("contoso", 4, shared.clone()),
            ("fabrikam", 3, chance.guid()),
            ("adatum", 2, chance.guid()),
            ("litware", 1, shared),
        ];
        let tenants = tenants.into_iter().take(if is_single { 1 } else { 4 });
        for (name, tenths, client_id) in tenants {
            let tenths = if is_single { 10 } else { tenths };
            let tenant_id = chance.guid();
            organisation.tenant(name, &tenant_id, &client_id, &json!({"clientSecret": "secret"}));
            organisation.watch(name, &tenant_id, count * tenths / 10, chance);
            if tenths > 2 {
                let people = format!("{name}-people");
                let token = json!({"refreshToken": "first", "clientSecret": "secret"});
                organisation.tenant(&people, &tenant_id, &chance.guid(), &token);
                organisation.presence(&people, chance);
            }
        }
        organisation
    }

    fn tenant(&mut self, name: &str, tenant_id: &str, client_id: &str, credential: &Value) {
        self.config["tenants"][name] =
            json!({"tenantId": tenant_id, "clientId": client_id, "credential": credential});
    }

    /// Adds what an organisation watches, as shares of `count` subscriptions.
    fn watch(&mut self, tenant: &str, tenant_id: &str, count: usize, chance: &mut Chance) {
        let mut ids = |share: usize| -> Vec<String> {
            (0..(count * share / 100).max(1)).map(|_| chance.guid()).collect()
        };
        let (users, teams, shops) = (ids(30), ids(25), ids(1));
        let part = |of: &[String], share: usize| of[..(count * share / 100).max(1).min(of.len())].to_vec();
        let groups = [
            (chance.guid(), part(&users, 12)),
            (chance.guid(), part(&users, 4)),
            (chance.guid(), part(&users, 3)),
        ];
        let of_group = |index: usize| json!({"membersOf": groups[index].0});
        let (users_all, teams_all) = (json!({"users": "all"}), json!({"teams": "all"}));
        for (name, resource, changes, rich, objects, many) in [
            (
                "mail",
                "/users/{id}/messages",
                "created,updated",
                false,
                users_all,
                users.len(),
            ),
            (
                "channels",
                "/teams/{id}/channels",
                "created,deleted",
                true,
                teams_all.clone(),
                teams.len(),
            ),
            (
                "members",
                "/teams/{id}/members",
                "created,deleted",
                true,
                teams_all,
                teams.len(),
            ),
            (
                "chats",
                "/users/{id}/chats/getAllMessages",
                "created",
                true,
                of_group(0),
                groups[0].1.len(),
            ),
            (
                "calendars",
                "/users/{id}/events?$select=id,subject,start,end",
                "created,updated,deleted",
                true,
                of_group(1),
                groups[1].1.len(),
            ),
            (
                "drives",
                "/users/{id}/drive/root",
                "updated",
                false,
                of_group(2),
                groups[2].1.len(),
            ),
            (
                "shifts",
                "/teams/{id}/schedule/shifts",
                "created,updated",
                false,
                json!(shops),
                shops.len(),
            ),
        ] {
            self.entry(tenant, name, json!({
                "resource": resource, "changeType": changes, "includeResourceData": rich, "forEach": objects,
            }));
            self.subscriptions += many;
        }
        self.singles(tenant);
        let mut list =
            |path: String, ids: Vec<String>| self.directory.insert((tenant_id.to_owned(), path), ids);
        list("users".to_owned(), users);
        list("teams".to_owned(), teams);
        for (group, members) in groups {
            list(
                format!("groups/{group}/transitiveMembers/microsoft.graph.user"),
                members,
            );
        }
    }

    /// Adds what is one subscription in a tenant.
    fn singles(&mut self, tenant: &str) {
        for (name, resource, changes, rich) in [
            (
                "messages",
                "/teams/getAllMessages",
                "created,updated,deleted",
                true,
            ),
            ("calls", "/communications/callRecords", "created,updated", false),
            ("people", "/users", "updated,deleted", false),
            ("groups", "/groups", "updated,deleted", false),
        ] {
            self.entry(
                tenant,
                name,
                json!({
                    "resource": resource, "changeType": changes, "includeResourceData": rich,
                }),
            );
            self.subscriptions += 1;
        }
    }

    /// Adds the presence of a few people, which a user who has signed in may watch.
    fn presence(&mut self, tenant: &str, chance: &mut Chance) {
        let ids: Vec<String> = (0..15).map(|_| format!("'{}'", chance.guid())).collect();
        let resource = format!("/communications/presences?$filter=id in ({})", ids.join(","));
        self.entry(
            tenant,
            "presence",
            json!({
                "resource": resource, "changeType": "updated", "includeResourceData": true,
            }),
        );
        self.subscriptions += 1;
    }

    fn entry(&mut self, tenant: &str, name: &str, mut entry: Value) {
        entry["tenant"] = json!(tenant);
        self.config["subscriptions"][format!("{tenant}-{name}")] = entry;
    }
}
