//! Microsoft Graph and Microsoft Entra, as far as the functions call them.

use std::{
    fmt,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use graph_edge::testing::{Reply, Script, Sent};
use serde_json::{Value, json};

/// Subscriptions, and one answer for every other read.
#[derive(Default)]
pub struct Graph {
    /// Each with its tenant.
    subscriptions: Mutex<Vec<(String, Value)>>,
    is_down: AtomicBool,
}

impl Graph {
    /// Returns a Graph that has these subscriptions.
    pub(crate) fn new(subscriptions: Vec<(String, Value)>) -> Self {
        Self {
            subscriptions: Mutex::new(subscriptions),
            is_down: AtomicBool::default(),
        }
    }

    /// Answers every call with 503 from now on, or no longer.
    pub fn set_down(&self, is_down: bool) {
        self.is_down.store(is_down, Ordering::Relaxed);
    }

    /// Returns the subscriptions with their tenants and client states.
    pub fn subscriptions(&self) -> Vec<(String, Value)> {
        self.all().clone()
    }

    fn all(&self) -> MutexGuard<'_, Vec<(String, Value)>> {
        self.subscriptions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn list(&self, tenant: &str) -> Reply {
        let all = self.all();
        let own = all.iter().filter(|(owner, _)| owner == tenant);
        let own: Vec<&Value> = own.map(|(_, one)| one).collect();
        Reply::new(200, json!({"value": own}).to_string())
    }

    fn create(&self, tenant: &str, body: &[u8]) -> Reply {
        let mut all = self.all();
        let mut created: Value = serde_json::from_slice(body).unwrap_or_default();
        created["id"] = json!(format!("id-{}", all.len() + 1));
        all.push((tenant.to_owned(), created.clone()));
        Reply::new(201, created.to_string())
    }

    /// Answers a call for one subscription, which `change` changes.
    fn one(&self, id: &str, change: impl FnOnce(&mut Value)) -> Reply {
        let mut all = self.all();
        match all.iter_mut().find(|(_, one)| one["id"] == id) {
            Some((_, one)) => {
                change(one);
                Reply::new(200, one.to_string())
            }
            None => Reply::refusal(404, "ResourceNotFound", "The object was not found."),
        }
    }
}

impl Script for Graph {
    fn reply(&self, sent: &Sent<'_>) -> Reply {
        if self.is_down.load(Ordering::Relaxed) {
            return Reply::refusal(503, "ServiceUnavailable", "");
        }
        match (sent.method, sent.path) {
            // A token names its tenant here.
            (_, [tenant, "oauth2", ..]) => {
                let token = json!({"token_type": "Bearer", "expires_in": 3599, "access_token": tenant});
                Reply::new(200, token.to_string())
            }
            ("GET", [_, "subscriptions"]) => self.list(sent.token),
            ("POST", [_, "subscriptions"]) => self.create(sent.token, sent.body),
            ("GET", [_, "subscriptions", id]) => self.one(id, |_| ()),
            ("PATCH", [_, "subscriptions", id]) => self.one(id, |one| {
                let changes: Value = serde_json::from_slice(sent.body).unwrap_or_default();
                for (name, value) in changes.as_object().into_iter().flatten() {
                    one[name] = value.clone();
                }
            }),
            ("DELETE", [_, "subscriptions", id]) => {
                self.all().retain(|(_, one)| one["id"] != *id);
                Reply::new(204, "")
            }
            // A resource, and a page of a list without one.
            _ => Reply::new(200, json!({"id": "1", "value": []}).to_string()),
        }
    }
}

impl fmt::Debug for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Graph")
    }
}
