//! The controls of the simulator over HTTP, for users of any language.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{Method, StatusCode};
use jiff::SignedDuration;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::deliver;
use super::http::{Call, Reply};
use super::post::{LifecycleEvent, Post};
use super::state::{Fault, Shared, State};
use super::wrong::Wrong;

/// Answers a request to `/_simulator`.
pub(crate) async fn answer(shared: &Arc<Shared>, call: &Call) -> Reply {
    route(shared, call).await.unwrap_or_else(|reason| {
        Reply::json(
            StatusCode::BAD_REQUEST,
            &json!({ "error": reason, "help": "GET /_simulator" }),
        )
    })
}

/// Finds the control for a request.
async fn route(shared: &Arc<Shared>, call: &Call) -> Result<Reply, String> {
    let ok = |value: Value| Ok(Reply::lines(StatusCode::OK, &value));
    let segments = call.segments();
    match (&call.method, segments.get(1..).unwrap_or_default()) {
        (&Method::GET, []) => Ok(Reply::text(StatusCode::OK, help(&call.base_url()))),
        (&Method::GET, ["subscriptions"]) => ok(subscriptions(&mut shared.state())),
        (&Method::GET, ["requests"]) => ok(json!(shared.state().requests)),
        (&Method::GET, ["deliveries"]) => ok(json!(shared.state().deliveries)),
        (&Method::GET, ["violations"]) => ok(json!(shared.state().violations)),
        (&Method::DELETE, ["subscriptions", id]) => {
            shared.state().subscriptions.remove(id);
            Ok(Reply::empty(StatusCode::NO_CONTENT))
        }
        (&Method::POST, ["send"]) => {
            let send = Send::read(call)?;
            if !send.wait {
                tokio::spawn(deliver::send(Arc::clone(shared), send.post()));
                return Ok(Reply::empty(StatusCode::ACCEPTED));
            }
            let (bodies, post) = (send.bodies, send.post());
            let report = deliver::send(Arc::clone(shared), post)
                .await
                .map_err(|error| error.to_string())?;
            ok(shown(json!(report), bodies))
        }
        (&Method::POST, ["resolve"]) => {
            let more: BTreeMap<String, String> = read(call)?;
            let mut state = shared.state();
            state.options.resolve.extend(more);
            ok(json!(state.options.resolve))
        }
        (&Method::POST, ["clock"]) => {
            let Clock { advance_seconds } = read(call)?;
            let mut state = shared.state();
            let by = SignedDuration::from_secs(advance_seconds);
            state.clock_offset = state.clock_offset.saturating_add(by);
            ok(json!({ "now": state.now() }))
        }
        (&Method::POST, ["keys", "rotate"]) => {
            shared
                .state()
                .authority
                .rotate()
                .map_err(|error| error.to_string())?;
            Ok(Reply::empty(StatusCode::NO_CONTENT))
        }
        (&Method::POST, ["unlist"]) => {
            let Unlist { id } = read(call)?;
            shared.state().unlisted.insert(id);
            Ok(Reply::empty(StatusCode::NO_CONTENT))
        }
        (&Method::POST, ["items"]) => {
            let put: PutItem = read(call)?;
            let mut state = shared.state();
            state.items.put(&put.tenant_id, &put.collection, put.item);
            Ok(Reply::empty(StatusCode::NO_CONTENT))
        }
        (&Method::POST, ["lose"]) => {
            let Lose { subscription, lost } = read(call)?;
            let mut state = shared.state();
            if lost {
                state.losing.insert(subscription);
            } else {
                state.losing.remove(&subscription);
            }
            Ok(Reply::empty(StatusCode::NO_CONTENT))
        }
        (&Method::POST, ["faults"]) => {
            let fault: FaultBody = read(call)?;
            shared.state().faults.push(fault.into());
            Ok(Reply::empty(StatusCode::NO_CONTENT))
        }
        _ => Err(format!("there is no {} {}", call.method, call.path)),
    }
}

/// Returns a report for display. Bodies repeat the items and contain tokens, so they are shown only on request.
fn shown(mut report: Value, bodies: bool) -> Value {
    let posts = report.get_mut("posts").and_then(Value::as_array_mut);
    for post in posts.into_iter().flatten().filter(|_| !bodies) {
        if let Some(members) = post.as_object_mut() {
            members.remove("body");
        }
        let items = post.get_mut("items").and_then(Value::as_array_mut);
        for item in items.into_iter().flatten() {
            let content = item
                .pointer_mut("/item/encryptedContent")
                .and_then(Value::as_object_mut);
            for value in content.into_iter().flat_map(|members| members.values_mut()) {
                shorten(value);
            }
        }
    }
    report
}

/// Cuts a long text.
fn shorten(value: &mut Value) {
    if let Some(text) = value.as_str().filter(|text| text.chars().count() > 48) {
        let start: String = text.chars().take(45).collect();
        *value = Value::String(start + "...");
    }
}

/// Returns the subscriptions of all apps, without secrets.
fn subscriptions(state: &mut State) -> Value {
    state.expire();
    let shown = state.subscriptions.after(None).map(|(_, subscription)| {
        let mut shown = subscription.show(false);
        if let Some(members) = shown.as_object_mut() {
            members.insert("tenantId".to_owned(), json!(subscription.tenant_id));
        }
        shown
    });
    Value::Array(shown.collect())
}

/// Reads a JSON body. Its media type is required, so that a web page cannot post to the simulator.
fn read<T: DeserializeOwned>(call: &Call) -> Result<T, String> {
    if !call.is("application/json") {
        return Err("the content type must be application/json".to_owned());
    }
    serde_json::from_slice(&call.body).map_err(|error| error.to_string())
}

/// The body of `POST /_simulator/clock`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Clock {
    advance_seconds: i64,
}

/// The body of `POST /_simulator/unlist`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unlist {
    id: String,
}

/// The body of `POST /_simulator/items`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PutItem {
    tenant_id: String,
    collection: String,
    item: super::items::Item,
}

/// The body of `POST /_simulator/lose`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Lose {
    subscription: String,
    #[serde(default = "yes")]
    lost: bool,
}

/// The body of `POST /_simulator/send`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Send {
    /// Whether the answer waits for the result.
    #[serde(default = "yes")]
    wait: bool,
    /// Whether the answer contains the bodies.
    #[serde(default)]
    bodies: bool,
    /// After how many milliseconds the items are sent.
    #[serde(default)]
    after_milliseconds: u64,
    items: Vec<Item>,
}

/// An item of [`Send`].
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Item {
    #[serde(default)]
    subscription: String,
    change_type: Option<String>,
    rich: Option<bool>,
    lifecycle_event: Option<LifecycleEvent>,
    duplicate_of: Option<usize>,
    item: Option<Value>,
    content: Option<Box<RawValue>>,
    object: Option<String>,
    #[serde(default)]
    wrong: Vec<Wrong>,
}

impl Send {
    /// Reads the body, and checks that each item has exactly one kind.
    fn read(call: &Call) -> Result<Self, String> {
        let send: Self = read(call)?;
        for (index, item) in send.items.iter().enumerate() {
            let kinds = [
                item.change_type.is_some(),
                item.lifecycle_event.is_some(),
                item.duplicate_of.is_some(),
                item.item.is_some(),
            ];
            if kinds.into_iter().filter(|is| *is).count() != 1 {
                return Err(format!(
                    "item {index} needs exactly one of changeType, lifecycleEvent, duplicateOf, item"
                ));
            }
            if item.duplicate_of.is_some_and(|original| original >= index) {
                return Err(format!(
                    "item {index} can only be a duplicate of an item before it"
                ));
            }
        }
        Ok(send)
    }

    /// Builds the post.
    fn post(self) -> Post {
        let mut post = Post::new().after(Duration::from_millis(self.after_milliseconds));
        for (index, item) in self.items.into_iter().enumerate() {
            let subscription = item.subscription.as_str();
            post = match (
                item.change_type,
                item.rich,
                item.lifecycle_event,
                item.duplicate_of,
            ) {
                (Some(change), None, ..) => post.change(subscription, &change),
                (Some(change), Some(true), ..) => post.rich(subscription, &change),
                (Some(change), Some(false), ..) => post.basic(subscription, &change),
                (None, _, Some(event), _) => post.lifecycle(subscription, event),
                (None, _, None, Some(original)) => post.duplicate(original),
                (None, _, None, None) => post.item(subscription, item.item.unwrap_or_default()),
            };
            if let Some(content) = item.content {
                post = post.content(content.get());
            }
            if let Some(object) = item.object {
                post = post.about(object);
            }
            for wrong in item.wrong {
                post = post.wrong(index, wrong);
            }
        }
        post
    }
}

/// The body of `POST /_simulator/faults`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct FaultBody {
    #[serde(default)]
    method: String,
    path_prefix: String,
    #[serde(default = "once")]
    times: usize,
    status: u16,
    body: Option<Value>,
    retry_after: Option<u64>,
    #[serde(default)]
    headers: Vec<(String, String)>,
    #[serde(default)]
    delay_milliseconds: u64,
    #[serde(default)]
    carried_out: bool,
}

impl From<FaultBody> for Fault {
    fn from(body: FaultBody) -> Self {
        Self {
            method: body.method,
            path_prefix: body.path_prefix,
            times: body.times,
            status: body.status,
            body: body.body,
            retry_after: body.retry_after,
            headers: body.headers,
            delay: Duration::from_millis(body.delay_milliseconds),
            carried_out: body.carried_out,
        }
    }
}

/// The default of `wait`.
fn yes() -> bool {
    true
}

/// The default of `times`.
fn once() -> usize {
    1
}

/// Returns the description of the controls.
fn help(base_url: &str) -> String {
    HELP.replace("{base}", base_url)
}

const HELP: &str = r#"Simulator of Microsoft Graph change notifications.

Use {base} instead of https://graph.microsoft.com
and https://login.microsoftonline.com.

GET    /_simulator/subscriptions        subscriptions of all apps
DELETE /_simulator/subscriptions/{id}   remove one without a notification
POST   /_simulator/send                 send notifications, return the result
POST   /_simulator/resolve              {"https://public.host":
                                         "http://127.0.0.1:8080"}
POST   /_simulator/clock                {"advanceSeconds": 3600}
POST   /_simulator/keys/rotate          a new signing key
POST   /_simulator/unlist               {"id": ".."}: leave it out of lists
POST   /_simulator/items                add an item to a list:
  {"tenantId": "..", "collection": "/users/1/messages", "item": {"id": "1",
   "etag": "a", "created": "2026-11-22T10:00:00Z", "members": {},
   "changed": "2026-11-22T10:00:00Z", "deleted": null}}
POST   /_simulator/lose                 {"subscription": "..", "lost": true}:
                                         send no change notification
POST   /_simulator/faults               let the next requests fail:
  {"method": "POST", "pathPrefix": "/v1.0/subscriptions", "status": 503,
   "times": 2, "retryAfter": 1, "headers": [["retry-after", "2.128"]],
   "delayMilliseconds": 0, "carriedOut": false, "body": {}}
GET    /_simulator/requests             received requests
GET    /_simulator/deliveries           sent notifications, with every attempt
GET    /_simulator/violations           PATCH and reauthorize within ten minutes

An item to send names a subscription by its id or its resource, and is one of
  {"subscription": "/teams", "changeType": "created"}
      with resource data as subscribed; "rich": true or false overrides
  {"subscription": "/teams", "lifecycleEvent": "missed"}
      or reauthorizationRequired, subscriptionRemoved
  {"duplicateOf": 0}
      the first item again, byte for byte
  {"subscription": "/teams", "item": {..}}
      anything
"content" sets the resource data, byte for byte; "object" sets the id of the
object; "wrong" lists faults and oddities, such as ["flippedBit"].
With "bodies": true beside "items" the answer has the whole POSTs. With
"afterMilliseconds": 5000 they are sent later, as Graph may send "missed".

With "wait": false the answer does not wait for the outcome, which may take four
hours.

curl {base}/_simulator/send \
  -H 'Content-Type: application/json' -d '{
  "items": [{"subscription": "/teams/getAllMessages", "changeType": "created",
             "wrong": ["flippedBit"]}]}'
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_fits_into_80_columns() {
        for line in help("http://127.0.0.1:65535").lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }
}
