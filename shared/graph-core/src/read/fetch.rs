//! What may be fetched for an item.
//!
//! Only its client state vouches for an item; nothing vouches for the path in it. So the path is not what is asked for:
//! the request is written here, with the keys of the subscription's own resource, and the keys that are left are all
//! that comes from the item. Without this rule the holder of one client state would read whatever the application may.

use graph_events::{ResourcePath, Segment, guid::is_guid, path};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{limits::Limit, request::Request};
use crate::{
    application::Guid,
    subscription::catalogue::{self, Fetching, Row},
};

/// What to fetch for an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fetch {
    /// This resource, within this limit of Microsoft Graph.
    Get(Request, Limit),
    /// What changed of late in the drive: its notifications name no item.
    Drive,
    /// Nothing: a GET cannot read the resource, or not within the limits of the subscription.
    Nothing,
    /// Nothing: the path is not that of an entity which the subscription watches.
    Refused,
}

/// Returns what may be fetched for an item of the subscription to `resource` in `tenant_id` that names `path`, and
/// `named` in its `@odata.id`.
///
/// `named` is looked at only where `path` is the subscribed collection itself, as with virtual events. Otherwise the event
/// would have one resource's path and another's content.
#[must_use]
pub fn fetch(resource: &str, path: &str, named: Option<&str>, tenant_id: Guid) -> Fetch {
    let Some(row) = catalogue::find(resource) else {
        return Fetch::Nothing;
    };
    // A key leads to any item of the collection, whatever the subscription's filter is.
    if catalogue::option_against_fetching(resource).is_some() {
        return Fetch::Nothing;
    }
    match row.fetching() {
        Fetching::Never(_) => return Fetch::Nothing,
        Fetching::Drive => return Fetch::Drive,
        Fetching::Get => {}
    }
    let Ok(subscribed) = ResourcePath::parse(resource) else {
        return Fetch::Refused;
    };
    let named = named.filter(|_| is_collection(path, &subscribed, tenant_id));
    let mut paths = [Some(path), named].into_iter().flatten();
    let target = paths.find_map(|path| target(row, &subscribed, path, tenant_id));
    target.map_or(Fetch::Refused, |target| {
        Fetch::Get(Request::new(target, &selected(resource)), limit(row.key))
    })
}

/// Returns what to ask for, if `path` is that of an item of the subscription.
fn target(row: &Row, subscribed: &ResourcePath, path: &str, tenant_id: Guid) -> Option<String> {
    let item = parse(path)?;
    row.shapes().find_map(|shape| {
        let keys = keys(shape.item, subscribed, &item, tenant_id)?;
        written(shape.get.unwrap_or(shape.item), subscribed, &keys)
    })
}

/// Returns whether `path` is the one that is subscribed to.
fn is_collection(path: &str, subscribed: &ResourcePath, tenant_id: Guid) -> bool {
    let is_one = |(one, other): (&Segment, &Segment)| {
        let keys = one.key().zip(other.key());
        let bare = |key| bare(one.name(), key, tenant_id);
        one.name().eq_ignore_ascii_case(other.name())
            && one.arguments() == other.arguments()
            && one.key().is_some() == other.key().is_some()
            && keys.is_none_or(|(one, other)| is_same(bare(one), bare(other)))
    };
    parse(path).is_some_and(|path| {
        let (path, subscribed) = (path.segments(), subscribed.segments());
        path.len() == subscribed.len() && path.iter().zip(subscribed).all(is_one)
    })
}

/// Returns what Microsoft Graph allows of GETs of a row's items.
fn limit(key: &str) -> Limit {
    match key.split_once('.').unwrap_or((key, "")) {
        ("message" | "event" | "contact", _) => Limit::OUTLOOK,
        ("chatMessage", "allChannels" | "channel") => Limit::CHANNEL,
        ("chatMessage", _) => Limit::CHAT,
        ("callRecord", _) => Limit::CALL_RECORDS,
        _ => Limit::OTHER,
    }
}

/// Reads the path of an item; nothing when it could lead anywhere else than its segments say.
fn parse(path: &str) -> Option<ResourcePath> {
    let is_odd = |letter: char| matches!(letter, '?' | '#' | '\\') || letter.is_control();
    if path.len() > MAX_PATH_BYTES || path.contains("://") || path.contains(is_odd) {
        return None;
    }
    let path = ResourcePath::parse(path).ok()?;
    let is_plain = |segment: &Segment| segment.arguments().is_none() && segment.item_path().is_none();
    path.segments().iter().all(is_plain).then_some(path)
}

/// Returns the keys that are the item's own, when it is of the form of `template` and has all keys of the subscription's.
fn keys<'i>(
    template: &str,
    subscribed: &ResourcePath,
    item: &'i ResourcePath,
    tenant_id: Guid,
) -> Option<Vec<&'i str>> {
    let mut words = template.split('/');
    let mut own = Vec::new();
    for segment in item.segments() {
        let name = words.next()?;
        if !segment.name().eq_ignore_ascii_case(name) {
            return None;
        }
        match (segment.key(), names_key(name, template)) {
            (None, false) => continue,
            (Some(_), true) => {}
            _ => return None,
        }
        let key = bare(name, segment.key()?, tenant_id);
        match words.next()?.strip_prefix('{')?.strip_suffix('}')? {
            "" if is_key(key) => own.push(key),
            "" => return None,
            name if is_same(bare(name, subscribed.id(name)?, tenant_id), key) => {}
            _ => return None,
        }
    }
    words.next().is_none().then_some(own)
}

/// Returns whether a key follows `name` in the template.
fn names_key(name: &str, template: &str) -> bool {
    let mut words = template.split('/').skip_while(|word| *word != name);
    words.nth(1).is_some_and(|next| next.starts_with('{'))
}

/// Returns the path to ask for.
fn written(template: &str, subscribed: &ResourcePath, keys: &[&str]) -> Option<String> {
    let mut keys = keys.iter();
    let mut path = String::new();
    for word in template.split('/') {
        path.push('/');
        let name = word.strip_prefix('{').and_then(|word| word.strip_suffix('}'));
        match name {
            None => path.push_str(word),
            Some("") => path.extend(utf8_percent_encode(keys.next()?, ENCODED)),
            Some(name) => path.extend(utf8_percent_encode(subscribed.id(name)?, ENCODED)),
        }
    }
    keys.next().is_none().then_some(path)
}

/// Returns the properties that the subscription selects.
fn selected(resource: &str) -> Vec<(&'static str, String)> {
    let options = path::options(resource).into_iter();
    let select = options.filter(|(name, _)| name.eq_ignore_ascii_case("$select"));
    select.map(|(_, value)| ("$select", value.into_owned())).collect()
}

/// Returns the key of `name` without the tenant that Outlook puts behind a user's id. That of a virtual event ends with the
/// tenant as well, and needs it.
fn bare<'k>(name: &str, key: &'k str, tenant_id: Guid) -> &'k str {
    match key.split_once('@') {
        Some((user, tenant)) if name == "users" && is_guid(user) && tenant_id.is(tenant) => user,
        _ => key,
    }
}

fn is_same(one: &str, other: &str) -> bool {
    one == other || (is_guid(one) && one.eq_ignore_ascii_case(other))
}

/// Returns whether `key` can be nothing but a key: a word of letters may be a function, such as `delta`.
fn is_key(key: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~@:=,!+".contains(&byte);
    let is_word = key.len() < 40 && key.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'.');
    key.bytes().all(is_plain) && !is_word
}

/// What is escaped in a key between slashes.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'@')
    .remove(b':')
    .remove(b'=')
    .remove(b',')
    .remove(b'!');

const MAX_PATH_BYTES: usize = 4_096;

#[cfg(test)]
mod tests;
