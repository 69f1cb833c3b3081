//! Graph's API: `/subscriptions` in versions 1.0 and beta, and the routes to directory and items.

use axum::http::{Method, StatusCode};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::http::{Call, GraphError, Reply, form};
use super::state::{Shared, State};
use super::subscription::{self, Owner, Registered};
use super::{directory, handshake, lists};

/// Answers a request to Graph.
pub(crate) async fn answer(shared: &Shared, call: &Call) -> Reply {
    let date = shared.state().now().strftime("%Y-%m-%dT%H:%M:%S").to_string();
    route(shared, call)
        .await
        .unwrap_or_else(|error| error.reply(call, &date))
}

/// Finds the operation of a request.
async fn route(shared: &Shared, call: &Call) -> Result<Reply, GraphError> {
    let caller = authenticate(shared, call)?;
    let segments = call.segments();
    let [version, "subscriptions", rest @ ..] = segments.as_slice() else {
        return directory::answer(shared, call, &caller.tenant_id, &segments)
            .or_else(|| lists::answer(shared, call, &caller.tenant_id, &segments))
            .unwrap_or_else(|| Err(no_such_segment(segments.get(1).unwrap_or(&""))));
    };
    if matches!(call.method, Method::POST | Method::PATCH)
        && rest.get(1) != Some(&"reauthorize")
        && !call.is("application/json")
    {
        return Err(bad_request(NO_CONTENT_TYPE));
    }
    match (&call.method, rest) {
        (&Method::POST, []) => create(shared, call, &caller, *version == "beta").await,
        (&Method::GET, []) => list(shared, call, &caller, version),
        (&Method::GET, [id]) => {
            no_query(call)?;
            let shown = own(&mut shared.state(), &caller, id)?.show(false);
            Ok(Reply::json(StatusCode::OK, &in_context(shown, call, version)))
        }
        (&Method::PATCH, [id]) => update(shared, call, &caller, version, id).await,
        (&Method::DELETE, [id]) => {
            let mut state = shared.state();
            let id = own(&mut state, &caller, id)?.id.clone();
            state.subscriptions.remove(&id);
            Ok(Reply::empty(StatusCode::NO_CONTENT))
        }
        (&Method::POST, [id, "reauthorize"]) => reauthorize(shared, &caller, id),
        (_, [] | [_] | [_, "reauthorize"]) => {
            let message = "Specified HTTP method is not allowed for the request target.";
            Err(GraphError::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "Request_BadRequest",
                message,
            ))
        }
        (_, [_, rest, ..]) => Err(no_such_segment(rest)),
    }
}

/// The caller.
struct Caller {
    tenant_id: String,
    client_id: String,
}

/// Identifies the caller by the access token.
fn authenticate(shared: &Shared, call: &Call) -> Result<Caller, GraphError> {
    let refuse = |message| GraphError::new(StatusCode::UNAUTHORIZED, "InvalidAuthenticationToken", message);
    let header = call.header("authorization");
    let Some((scheme, token)) = header.split_once(' ') else {
        return Err(refuse("Access token is empty."));
    };
    let state = shared.state();
    let Some(access) = state
        .access_tokens
        .get(token)
        .filter(|_| scheme.eq_ignore_ascii_case("bearer"))
    else {
        return Err(refuse(
            "Access token validation failure. Invalid audience or unknown token.",
        ));
    };
    if access.expires_at <= state.now() {
        return Err(refuse("Lifetime validation failed, the token is expired."));
    }
    Ok(Caller {
        tenant_id: access.tenant_id.clone(),
        client_id: access.client_id.clone(),
    })
}

/// Creates a subscription.
async fn create(shared: &Shared, call: &Call, caller: &Caller, beta: bool) -> Result<Reply, GraphError> {
    no_query(call)?;
    let owner = Owner {
        tenant_id: &caller.tenant_id,
        client_id: &caller.client_id,
    };
    let now = shared.state().now();
    let new = subscription::create(&call.body, beta, owner, now)?;
    refuse_conflict(&mut shared.state(), &new)?;
    handshake::validate(shared, &new.notification_url).await?;
    if let Some(url) = &new.lifecycle_notification_url {
        handshake::validate(shared, url).await?;
    }
    let shown = new.show(true);
    {
        let mut state = shared.state();
        // Another caller may have created the same subscription during the handshake.
        refuse_conflict(&mut state, &new)?;
        state.subscriptions.insert(new);
    }
    let version = if beta { "beta" } else { "v1.0" };
    let id = shown.get("id").and_then(Value::as_str).unwrap_or_default();
    let location = format!("{}/{version}/subscriptions/{id}", call.base_url());
    let mut reply = Reply::json(StatusCode::CREATED, &in_context(shown, call, version));
    reply.headers.push(("location".to_owned(), location));
    Ok(reply)
}

/// Refuses a subscription that conflicts with an existing one.
fn refuse_conflict(state: &mut State, new: &Registered) -> Result<(), GraphError> {
    state.expire();
    // A conflict by the same combination is reported before the quota.
    let mut conflicts: Vec<GraphError> = state
        .subscriptions
        .watching(&new.resource)
        .filter_map(|existing| existing.conflict(new))
        .collect();
    conflicts.sort_by_key(|error| error.status != StatusCode::CONFLICT);
    conflicts.into_iter().next().map_or(Ok(()), Err)
}

/// Lists the caller's subscriptions, page by page.
fn list(shared: &Shared, call: &Call, caller: &Caller, version: &str) -> Result<Reply, GraphError> {
    let after = skip_token(call)?;
    let mut state = shared.state();
    state.expire();
    let page_size = state.options.page_size.max(1);
    let mut own = state.subscriptions.after(after).filter(|(_, subscription)| {
        belongs_to(subscription, caller) && !state.unlisted.contains(&subscription.id)
    });
    let page: Vec<_> = own.by_ref().take(page_size).collect();
    let mut body = json!({
        "@odata.context": format!("{}/{version}/$metadata#subscriptions", call.base_url()),
        "value": page.iter().map(|(_, subscription)| subscription.show(false)).collect::<Vec<_>>(),
    });
    if let (Some((last, _)), Some(_), Some(members)) = (page.last(), own.next(), body.as_object_mut()) {
        let token = BASE64_URL_SAFE_NO_PAD.encode(last.to_string());
        let link = format!("{}/{version}/subscriptions?$skiptoken={token}", call.base_url());
        members.insert("@odata.nextLink".to_owned(), Value::String(link));
    }
    Ok(Reply::json(StatusCode::OK, &body))
}

/// Reads the beginning of a page. All other query options are refused.
fn skip_token(call: &Call) -> Result<Option<u64>, GraphError> {
    let mut after = None;
    for (name, value) in form(&call.query) {
        if name != "$skiptoken" {
            return Err(bad_request(&format!(
                "The query option '{name}' is not supported for subscriptions."
            )));
        }
        let decoded = BASE64_URL_SAFE_NO_PAD.decode(&value).ok();
        let number = decoded
            .and_then(|text| String::from_utf8(text).ok())
            .and_then(|text| text.parse().ok());
        after = Some(number.ok_or_else(|| bad_request("The $skiptoken is not valid."))?);
    }
    Ok(after)
}

/// Updates a subscription, which also renews and reauthorizes it.
async fn update(
    shared: &Shared,
    call: &Call,
    caller: &Caller,
    version: &str,
    id: &str,
) -> Result<Reply, GraphError> {
    let (before, now) = {
        let mut state = shared.state();
        (own(&mut state, caller, id)?.clone(), state.now())
    };
    let after = subscription::update(&before, &call.body, now)?;
    if after.notification_url != before.notification_url {
        handshake::validate(shared, &after.notification_url).await?;
    }
    let mut state = shared.state();
    let violation = too_soon(&before, before.reauthorized_at, now, "PATCH", "reauthorize");
    state.violations.extend(violation);
    own(&mut state, caller, id)?;
    state.subscriptions.replace(after.clone());
    Ok(Reply::json(
        StatusCode::OK,
        &in_context(after.show(true), call, version),
    ))
}

/// Reauthorizes a subscription.
fn reauthorize(shared: &Shared, caller: &Caller, id: &str) -> Result<Reply, GraphError> {
    let mut state = shared.state();
    let now = state.now();
    let mut subscription = own(&mut state, caller, id)?.clone();
    let violation = too_soon(
        &subscription,
        subscription.patched_at,
        now,
        "reauthorize",
        "PATCH",
    );
    subscription.reauthorized_at = Some(now);
    state.subscriptions.replace(subscription);
    state.violations.extend(violation);
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

/// Notes a violation of the rule that PATCH and reauthorize have to be ten minutes apart (Microsoft Graph, *Reduce
/// missing subscriptions and change notifications*).
fn too_soon(
    subscription: &Registered,
    other: Option<Timestamp>,
    now: Timestamp,
    this: &str,
    that: &str,
) -> Option<String> {
    let apart = now.duration_since(other?);
    let id = &subscription.id;
    (apart < SignedDuration::from_mins(10)).then(|| {
        format!(
            "{this} of subscription {id} came {} s after {that}",
            apart.as_secs()
        )
    })
}

/// Finds one of the caller's subscriptions.
fn own<'a>(state: &'a mut State, caller: &Caller, id: &str) -> Result<&'a Registered, GraphError> {
    state
        .subscription(id)
        .filter(|subscription| belongs_to(subscription, caller))
        .ok_or_else(|| {
            let message = "The object was not found.";
            GraphError::new(StatusCode::NOT_FOUND, "ResourceNotFound", message)
                .hint("no live subscription of this app in this tenant has the id")
        })
}

/// Returns whether a subscription belongs to the caller.
fn belongs_to(subscription: &Registered, caller: &Caller) -> bool {
    subscription.tenant_id == caller.tenant_id && subscription.client_id == caller.client_id
}

/// Adds `@odata.context`, with which every single entity begins.
fn in_context(mut entity: Value, call: &Call, version: &str) -> Value {
    if let Some(members) = entity.as_object_mut() {
        let context = format!("{}/{version}/$metadata#subscriptions/$entity", call.base_url());
        members.insert("@odata.context".to_owned(), Value::String(context));
    }
    entity
}

/// Refuses query options, where none is supported.
fn no_query(call: &Call) -> Result<(), GraphError> {
    if call.query.is_empty() {
        Ok(())
    } else {
        Err(bad_request("Query options are not supported here."))
    }
}

/// Returns a general 400.
pub(crate) fn bad_request(message: &str) -> GraphError {
    GraphError::new(StatusCode::BAD_REQUEST, "BadRequest", message)
}

/// Returns the error for a path that Graph does not have.
fn no_such_segment(segment: &str) -> GraphError {
    let message = format!("Resource not found for the segment '{segment}'.");
    GraphError::new(StatusCode::NOT_FOUND, "ResourceNotFound", message).hint(
        "of Graph the simulator has /subscriptions, /users, /teams, /groups/{id}/members, and lists by time",
    )
}

const NO_CONTENT_TYPE: &str =
    "Write requests (excluding DELETE) must contain the Content-Type header declaration.";
