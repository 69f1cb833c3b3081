//! Builds the bodies of POSTs.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::SimulatorError;
use super::encrypt::{EncryptionCertificate, Recipe};
use super::options::TokenVersion;
use super::payload;
use super::post::{Entry, Kind, LifecycleEvent, Post, SentItem, Skipped};
use super::state::State;
use super::subscription::Registered;
use super::token::{Subject, validation_token};
use super::wrong::Wrong;

/// A POST that is ready to send.
#[derive(Debug)]
pub(crate) struct Outgoing {
    /// The registered URL.
    pub(crate) url: String,
    /// The items.
    pub(crate) items: Vec<SentItem>,
    /// The body.
    pub(crate) body: Vec<u8>,
    /// Whether its subscriptions no longer exist.
    pub(crate) posthumous: bool,
}

/// Builds the POSTs. Subscriptions with a `subscriptionRemoved` among the items are removed.
///
/// # Errors
///
/// The post asks for something that cannot be built.
pub(crate) fn compose(
    state: &mut State,
    post: &Post,
) -> Result<(Vec<Outgoing>, Vec<Skipped>), SimulatorError> {
    state.expire();
    let mut built: Vec<Option<Built>> = Vec::new();
    let mut skipped = Vec::new();
    for (index, entry) in post.entries.iter().enumerate() {
        let item = build(state, entry, index, &built)?;
        if let Err(reason) = &item {
            skipped.push(Skipped {
                index,
                subscription: entry.subscription.clone(),
                reason,
            });
        }
        built.push(item.ok());
    }
    let removed: BTreeSet<String> = post
        .entries
        .iter()
        .zip(&built)
        .filter(|(entry, _)| matches!(entry.kind, Kind::Lifecycle(LifecycleEvent::SubscriptionRemoved)))
        .filter_map(|(_, built)| Some(built.as_ref()?.sent.subscription_id.clone()))
        .collect();
    let mut by_url: BTreeMap<String, Vec<Built>> = BTreeMap::new();
    for item in built.into_iter().flatten() {
        by_url.entry(item.url.clone()).or_default().push(item);
    }
    let posts = by_url
        .into_iter()
        .map(|(url, items)| assemble(state, url, items, post, &removed))
        .collect();
    for id in &removed {
        state.subscriptions.remove(id);
    }
    Ok((posts, skipped)).and_then(|(posts, skipped): (Vec<Result<_, _>>, _)| {
        Ok((posts.into_iter().collect::<Result<_, _>>()?, skipped))
    })
}

/// An item, with the properties that its POST needs.
#[derive(Debug, Clone)]
struct Built {
    url: String,
    sent: SentItem,
    /// The subject and the version of its token.
    token: Option<(Subject, TokenVersion)>,
    wrong: Vec<Wrong>,
}

/// Builds an item, or returns why Graph would not send it.
fn build(
    state: &State,
    entry: &Entry,
    index: usize,
    before: &[Option<Built>],
) -> Result<Result<Built, &'static str>, SimulatorError> {
    if let Kind::Duplicate(original) = entry.kind {
        let Some(built) = before.get(original) else {
            return Err(SimulatorError::NoSuchItem(original));
        };
        let Some(mut built) = built.clone() else {
            return Ok(Err("the original was not sent"));
        };
        built.sent.index = index;
        return Ok(Ok(built));
    }
    let Some(subscription) = find(state, &entry.subscription) else {
        return Ok(Err("no live subscription has this id or resource"));
    };
    let (url, mut item, content) = match &entry.kind {
        Kind::Lifecycle(event) => {
            let Some(url) = &subscription.lifecycle_notification_url else {
                return Ok(Err("the subscription has no lifecycleNotificationUrl"));
            };
            (url.clone(), lifecycle_item(subscription, *event), None)
        }
        Kind::Raw(item) => (subscription.notification_url.clone(), item.clone(), None),
        Kind::Change { change_type, .. } if !subscribed(subscription, change_type) => {
            return Ok(Err("the subscription is not for this change type"));
        }
        Kind::Change { .. } if is_losing(state, subscription) => {
            return Ok(Err("the subscription's notifications get lost, as asked for"));
        }
        Kind::Change { data, change_type } => {
            let rich = data.unwrap_or(subscription.include_resource_data);
            let (item, content) = change_item(state, subscription, entry, change_type, rich)?;
            (subscription.notification_url.clone(), item, content)
        }
        Kind::Duplicate(_) => return Ok(Err("the original was not sent")),
    };
    for edit in &entry.edits {
        edit(&mut item);
    }
    for wrong in &entry.wrong {
        wrong.spoil_item(&mut item);
    }
    let token = content.is_some().then(|| vouched_for(state, subscription));
    let sent = SentItem {
        index,
        subscription_id: subscription.id.clone(),
        item,
        content,
    };
    Ok(Ok(Built {
        url,
        sent,
        token,
        wrong: entry.wrong.clone(),
    }))
}

/// Finds a live subscription by its id or its resource.
fn find<'a>(state: &'a State, name: &str) -> Option<&'a Registered> {
    let by_id = state.subscriptions.get(name);
    by_id.or_else(|| state.subscriptions.watching(name).next())
}

/// Returns whether the change notifications of a subscription are lost.
fn is_losing(state: &State, subscription: &Registered) -> bool {
    [&subscription.id, &subscription.resource]
        .into_iter()
        .any(|name| state.losing.contains(name))
}

/// Returns whether a subscription includes a change type.
fn subscribed(subscription: &Registered, change_type: &str) -> bool {
    subscription
        .change_type
        .split(',')
        .any(|one| one.trim().eq_ignore_ascii_case(change_type))
}

/// Returns the subject and the version of the token for a subscription's items.
fn vouched_for(state: &State, subscription: &Registered) -> (Subject, TokenVersion) {
    let app = state.app(&subscription.tenant_id, &subscription.client_id);
    let audience = subscription
        .notification_url_app_id
        .as_ref()
        .unwrap_or(&subscription.client_id);
    let subject = Subject {
        tenant_id: subscription.tenant_id.clone(),
        audience: audience.clone(),
    };
    (subject, app.map(|app| app.token_version).unwrap_or_default())
}

/// Builds a change notification. Also returns the content before encryption, if the item is rich.
fn change_item(
    state: &State,
    subscription: &Registered,
    entry: &Entry,
    change_type: &str,
    rich: bool,
) -> Result<(Value, Option<String>), SimulatorError> {
    let cannot = || SimulatorError::NoPayload(subscription.resource.clone());
    let (rule, _) = subscription.rule().ok_or_else(cannot)?;
    let payload = payload::payload(subscription, entry.object.as_deref(), state.now()).ok_or_else(cannot)?;
    let mut members = payload.item;
    members.extend(envelope(
        subscription,
        &payload::expiry(rule, subscription.expires_at),
    ));
    members.insert("changeType".to_owned(), json!(change_type));
    if !rich {
        let kind = members
            .get_mut("resourceData")
            .and_then(|data| data.get_mut("@odata.type"));
        if let (Some(kind), Some(basic_type)) = (kind, payload.basic_type) {
            *kind = Value::String(basic_type);
        }
        return Ok((Value::Object(members), None));
    }
    let not_rich = || SimulatorError::NotRich(subscription.resource.clone());
    let certificate = subscription
        .encryption_certificate
        .as_deref()
        .ok_or_else(not_rich)?;
    let certificate = EncryptionCertificate::parse(certificate).map_err(|_| not_rich())?;
    let id = subscription
        .encryption_certificate_id
        .as_deref()
        .ok_or_else(not_rich)?;
    let content = entry.content.clone().or(payload.content).ok_or_else(cannot)?;
    let mut recipe = Recipe::default();
    for wrong in &entry.wrong {
        wrong.adjust(&mut recipe);
    }
    let sealed = certificate
        .seal(content.as_bytes(), id, recipe)
        .map_err(|_| SimulatorError::Crypto)?;
    members.insert("encryptedContent".to_owned(), sealed);
    Ok((Value::Object(members), Some(content)))
}

/// Builds a lifecycle notification.
fn lifecycle_item(subscription: &Registered, event: LifecycleEvent) -> Value {
    let expiry = subscription
        .expires_at
        .strftime("%Y-%m-%dT%H:%M:%S%.7fZ")
        .to_string();
    let mut members = serde_json::Map::new();
    members.extend(envelope(subscription, &expiry));
    members.insert("lifecycleEvent".to_owned(), json!(event.name()));
    Value::Object(members)
}

/// Returns the members that every item has.
fn envelope(subscription: &Registered, expiry: &str) -> impl Iterator<Item = (String, Value)> + use<> {
    let client_state = subscription
        .client_state
        .as_ref()
        .map(|state| ("clientState", json!(state)));
    [
        ("subscriptionId", json!(subscription.id)),
        ("subscriptionExpirationDateTime", json!(expiry)),
        ("tenantId", json!(subscription.tenant_id)),
    ]
    .into_iter()
    .chain(client_state)
    .map(|(name, value)| (name.to_owned(), value))
}

/// Combines the items for one URL into one document.
fn assemble(
    state: &State,
    url: String,
    items: Vec<Built>,
    post: &Post,
    removed: &BTreeSet<String>,
) -> Result<Outgoing, SimulatorError> {
    let mut tokens: BTreeMap<Subject, (TokenVersion, Vec<Wrong>)> = BTreeMap::new();
    for item in &items {
        if let Some((subject, version)) = &item.token {
            let wrong = &mut tokens.entry(subject.clone()).or_insert((*version, Vec::new())).1;
            wrong.extend(&item.wrong);
        }
    }
    let values: Vec<&Value> = items.iter().map(|item| &item.sent.item).collect();
    let mut document = json!({ "value": values });
    if let (false, Some(members)) = (tokens.is_empty(), document.as_object_mut()) {
        let signed: Result<Vec<String>, _> = tokens
            .iter()
            .map(|(subject, (version, wrong))| {
                validation_token(&state.authority, subject, *version, state.now(), wrong)
            })
            .collect();
        members.insert(
            "validationTokens".to_owned(),
            json!(signed.map_err(|_| SimulatorError::Crypto)?),
        );
    }
    let wrong: Vec<Wrong> = items.iter().flat_map(|item| item.wrong.iter().copied()).collect();
    for edit in &post.document_edits {
        edit(&mut document);
    }
    for one in &wrong {
        one.spoil_document(&mut document);
    }
    let mut body = document.to_string().into_bytes();
    for one in &wrong {
        one.spoil_body(&mut body);
    }
    let posthumous = items
        .iter()
        .any(|item| removed.contains(&item.sent.subscription_id));
    Ok(Outgoing {
        url,
        items: items.into_iter().map(|item| item.sent).collect(),
        body,
        posthumous,
    })
}
