//! The organisations: of several sizes, with the resources that they watch.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{Scale, chance::Chance, process::MAX_SECRET_BYTES};

/// The configuration, and the directories of its tenants.
#[derive(Debug)]
pub(super) struct Organisation {
    /// The content of `ConfigSecret`.
    pub(super) config: Value,
    /// The ids behind each list of Graph, by tenant id and path.
    pub(super) directory: BTreeMap<(String, String), Vec<String>>,
    /// How many subscriptions the configuration asks for.
    pub(super) subscriptions: usize,
    /// The tenants.
    pub(super) tenants: Vec<Tenant>,
}

/// A tenant, with what all of its logins watch.
#[derive(Debug)]
pub(super) struct Tenant {
    pub(super) id: String,
    /// The resources, each of which has one subscription.
    pub(super) resources: BTreeSet<String>,
}

impl Organisation {
    /// Returns tenants with about `count` subscriptions together, the largest four times as large as the smallest. Of
    /// every four, two share an application. The first three have a second login, for a signed-in user whose presences
    /// fill the document.
    pub(super) fn of(scale: &Scale, chance: &mut Chance) -> Self {
        let (count, tenants) = (scale.subscriptions, scale.tenants);
        let mut organisation = Self {
            config: json!({"tenants": {}, "subscriptions": {}}),
            directory: BTreeMap::new(),
            subscriptions: 0,
            tenants: Vec::new(),
        };
        let parts = |index: usize| 4 - index % 4;
        let all: usize = (0..tenants).map(parts).sum();
        let mut shared = String::new();
        let mut people = Vec::new();
        for index in 0..tenants {
            if index % 4 == 0 {
                shared = chance.guid();
            }
            let client_id = if index % 4 == 0 || index % 4 == 3 {
                shared.clone()
            } else {
                chance.guid()
            };
            let (name, tenant_id) = (format!("tenant{index}"), chance.guid());
            organisation.tenants.push(Tenant {
                id: tenant_id.clone(),
                resources: BTreeSet::new(),
            });
            organisation.tenant(&name, &tenant_id, &client_id, &json!({"clientSecret": "secret"}));
            organisation.watch(&name, &tenant_id, count * parts(index) / all, chance);
            if index < 3 {
                let login = format!("{name}-people");
                let token = json!({"refreshToken": "first", "clientSecret": "secret"});
                organisation.tenant(&login, &tenant_id, &chance.guid(), &token);
                people.push(login);
            }
        }
        organisation.fill(&people, scale.fills_document, chance);
        let resources = organisation.tenants.iter().map(|tenant| tenant.resources.len());
        organisation.subscriptions = resources.sum();
        organisation
    }

    /// Returns whether the document has no room for another entry.
    pub(super) fn is_full(&self) -> bool {
        self.config.to_string().len() > MAX_SECRET_BYTES - ENTRY_BYTES
    }

    /// Returns the configuration without some tenants.
    pub(super) fn without(&self, gone: &BTreeSet<usize>) -> Value {
        let mut config = self.config.clone();
        let ids: Vec<&str> = gone
            .iter()
            .map(|index| self.tenants[*index].id.as_str())
            .collect();
        let names: BTreeSet<String> = self.config["tenants"]
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(_, tenant)| ids.contains(&tenant["tenantId"].as_str().unwrap_or_default()))
            .map(|(name, _)| name.clone())
            .collect();
        let keep = |part: &mut Value, is_kept: &dyn Fn(&String, &Value) -> bool| {
            if let Some(members) = part.as_object_mut() {
                members.retain(|name, value| is_kept(name, value));
            }
        };
        keep(&mut config["tenants"], &|name, _| !names.contains(name));
        keep(&mut config["subscriptions"], &|_, entry| {
            !names.contains(entry["tenant"].as_str().unwrap_or_default())
        });
        config
    }

    /// Adds presences, which only a signed-in user may watch: as many as the document has room for, if it has to be
    /// full.
    fn fill(&mut self, logins: &[String], whole: bool, chance: &mut Chance) {
        for (index, login) in logins.iter().enumerate() {
            let mut resource = self.presence(login, 1, chance);
            if whole {
                let room = MAX_SECRET_BYTES.saturating_sub(self.config.to_string().len());
                let room = room / (logins.len() - index) / PRESENCE_BYTES;
                resource = self.presence(login, (room.saturating_sub(5)).clamp(1, MAX_PRESENCES), chance);
            }
            self.tenants[index].resources.insert(resource);
        }
    }

    fn tenant(&mut self, name: &str, tenant_id: &str, client_id: &str, credential: &Value) {
        self.config["tenants"][name] =
            json!({"tenantId": tenant_id, "clientId": client_id, "credential": credential});
    }

    /// Adds the entries of an organisation, as shares of `count` subscriptions.
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
                &users,
            ),
            (
                "channels",
                "/teams/{id}/channels",
                "created,deleted",
                true,
                teams_all.clone(),
                &teams,
            ),
            (
                "members",
                "/teams/{id}/members",
                "created,deleted",
                true,
                teams_all,
                &teams,
            ),
            (
                "chats",
                "/users/{id}/chats/getAllMessages",
                "created",
                true,
                of_group(0),
                &groups[0].1,
            ),
            (
                "calendars",
                "/users/{id}/events?$select=id,subject,start,end",
                "created,updated,deleted",
                true,
                of_group(1),
                &groups[1].1,
            ),
            (
                "drives",
                "/users/{id}/drive/root",
                "updated",
                false,
                of_group(2),
                &groups[2].1,
            ),
            (
                "shifts",
                "/teams/{id}/schedule/shifts",
                "created,updated",
                false,
                json!(shops),
                &shops,
            ),
        ] {
            self.entry(tenant, name, json!({
                "resource": resource, "changeType": changes, "includeResourceData": rich, "forEach": objects,
            }));
            for id in many {
                self.want(resource.replace("{id}", id));
            }
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

    /// Adds the entries with a single subscription.
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
            self.want(resource.to_owned());
        }
    }

    /// Notes that the tenant that was added last watches a resource.
    fn want(&mut self, resource: String) {
        if let Some(tenant) = self.tenants.last_mut() {
            tenant.resources.insert(resource);
        }
    }

    /// Adds the entry of a signed-in user, and returns its resource.
    fn presence(&mut self, login: &str, people: usize, chance: &mut Chance) -> String {
        let ids: Vec<String> = (0..people).map(|_| format!("'{}'", chance.guid())).collect();
        let resource = format!("/communications/presences?$filter=id in ({})", ids.join(","));
        self.entry(
            login,
            "presence",
            json!({
                "resource": resource, "changeType": "updated", "includeResourceData": true,
            }),
        );
        resource
    }

    fn entry(&mut self, tenant: &str, name: &str, mut entry: Value) {
        entry["tenant"] = json!(tenant);
        self.config["subscriptions"][format!("{tenant}-{name}")] = entry;
    }
}

/// The length of an entry that watches some objects.
const ENTRY_BYTES: usize = 500;

/// The length of an id in a filter, with quotes and comma.
const PRESENCE_BYTES: usize = 39;

/// How many presences one filter may name.
const MAX_PRESENCES: usize = 650;
