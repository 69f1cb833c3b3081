//! The directory: users, teams and members of groups as lists of ids, page by page (Microsoft Graph, *list users*,
//! *list teams*, *list group members*).

use std::collections::BTreeMap;

use axum::http::{Method, StatusCode};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::api::bad_request;
use super::http::{Call, GraphError, Reply, form};
use super::state::Shared;

/// The directory.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    /// Users by tenant.
    pub(crate) users: BTreeMap<String, Vec<String>>,
    /// Teams by tenant.
    pub(crate) teams: BTreeMap<String, Vec<String>>,
    /// Users by group.
    pub(crate) members: BTreeMap<String, Vec<String>>,
}

/// Answers a request for one of the lists; `None` for other requests.
pub(crate) fn answer(
    shared: &Shared,
    call: &Call,
    tenant_id: &str,
    segments: &[&str],
) -> Option<Result<Reply, GraphError>> {
    let [version, path @ ..] = segments else {
        return None;
    };
    if call.method != Method::GET {
        return None;
    }
    let state = shared.state();
    let page_size = state.options.page_size.max(1);
    let of_tenant = |all: &BTreeMap<String, Vec<String>>| all.get(tenant_id).cloned().unwrap_or_default();
    let objects: Vec<Value> = match path {
        ["users"] => plain(of_tenant(&state.directory.users)),
        ["teams"] => plain(of_tenant(&state.directory.teams)),
        ["groups", group, "members"] | ["groups", group, "transitiveMembers", ..] => {
            match state.directory.members.get(*group) {
                Some(ids) => mixed(ids),
                None => return Some(Err(no_such_group(group))),
            }
        }
        _ => return None,
    };
    Some(page(call, version, path, &objects, page_size))
}

/// Returns owned texts.
pub(crate) fn owned(ids: &[&str]) -> Vec<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

fn plain(ids: Vec<String>) -> Vec<Value> {
    ids.into_iter().map(|id| json!({"id": id})).collect()
}

/// Returns the users in a group, with other objects between them.
fn mixed(ids: &[String]) -> Vec<Value> {
    let user = |id: &String| json!({"@odata.type": "#microsoft.graph.user", "id": id});
    let mut objects = vec![json!({
        "@odata.type": "#microsoft.graph.group", "id": "99999999-0000-4000-8000-000000000001",
    })];
    objects.extend(ids.iter().map(user));
    objects.push(
        json!({"@odata.type": "#microsoft.graph.device", "id": "99999999-0000-4000-8000-000000000002"}),
    );
    objects
}

/// Answers with one page and the link to the next.
fn page(
    call: &Call,
    version: &str,
    path: &[&str],
    objects: &[Value],
    page_size: usize,
) -> Result<Reply, GraphError> {
    let (mut first, mut size) = (0, page_size);
    for (name, value) in form(&call.query) {
        match name.as_str() {
            "$select" if value == "id" => {}
            "$top" => {
                let top: usize = value.parse().map_err(|_| invalid("$top"))?;
                if !(1..=999).contains(&top) {
                    return Err(invalid("$top"));
                }
                size = size.min(top);
            }
            "$skiptoken" => {
                let decoded = BASE64_URL_SAFE_NO_PAD.decode(&value).ok();
                let number = decoded
                    .and_then(|text| String::from_utf8(text).ok())
                    .and_then(|text| text.parse().ok());
                first = number.ok_or_else(|| invalid("$skiptoken"))?;
            }
            other => {
                return Err(bad_request(&format!(
                    "The query option '{other}' is not simulated."
                )));
            }
        }
    }
    let shown: Vec<&Value> = objects.iter().skip(first).take(size).collect();
    let next = first + shown.len();
    let place = format!("{}/{version}/{}", call.base_url(), path.join("/"));
    let mut body = json!({
        "@odata.context": format!("{}/{version}/$metadata#directoryObjects(id)", call.base_url()),
        "value": shown,
    });
    if let (true, Some(members)) = (next < objects.len(), body.as_object_mut()) {
        let token = BASE64_URL_SAFE_NO_PAD.encode(next.to_string());
        let link = format!("{place}?$select=id&$skiptoken={token}");
        members.insert("@odata.nextLink".to_owned(), Value::String(link));
    }
    Ok(Reply::json(StatusCode::OK, &body))
}

fn invalid(option: &str) -> GraphError {
    bad_request(&format!("Invalid value for the query option '{option}'."))
}

fn no_such_group(group: &str) -> GraphError {
    let message = format!(
        "Resource '{group}' does not exist or one of its queried reference-property objects are not present."
    );
    GraphError::new(StatusCode::NOT_FOUND, "Request_ResourceNotFound", message)
        .hint("groups are set with Simulator::set_members")
}
