//! Reads the subscriptions of the configuration: the shape of each entry, before the catalogue checks it.

use super::document::Node;
use super::reader::{Fields, Problems, join};
use super::{EntryOptions, ForEach, NAME_LENGTH};
use crate::{
    notification::client_state::MAX_NAME,
    subscription::{catalogue::Version, compare::is_key},
};
use graph_events::{Change, guid::is_guid};

/// An entry as it was written. A part is `None` if it is missing or malformed.
pub(super) struct Written<'a> {
    /// All fields.
    pub(super) fields: Fields<'a>,
    /// The entry's name.
    pub(super) name: &'a str,
    /// The tenant's name.
    pub(super) tenant: Option<&'a str>,
    /// The resource path.
    pub(super) resource: Option<&'a str>,
    /// The change types, in order, each once.
    pub(super) changes: Option<Vec<Change>>,
    /// Whether the entry asks for resource data.
    pub(super) rich: bool,
    /// The query options.
    pub(super) query_options: Option<&'a str>,
    /// The lifetime in minutes.
    pub(super) minutes: Option<u32>,
    /// The API version.
    pub(super) version: Option<Version>,
    /// The objects of `forEach`.
    pub(super) for_each: Option<ForEach>,
    /// The options.
    pub(super) options: EntryOptions,
    /// Whether the resource may be absent from the catalogue.
    pub(super) allow_unknown: bool,
}

/// Reads the entry `name`; `None` if it is not an object.
pub(super) fn read<'a>(name: &'a str, node: &'a Node, problems: &'a Problems) -> Option<Written<'a>> {
    let path = join("subscriptions", name);
    if !is_valid_name(name) {
        problems.error(&path, fault_of_name(name));
    }
    let fields = Fields::open(node, path, ENTRY_FIELDS, problems)?;
    let resource = fields.required_text("resource", "a path such as `/teams/getAllMessages`");
    Some(Written {
        name,
        tenant: fields.text("tenant"),
        resource: resource.map(str::trim),
        changes: changes(&fields),
        rich: fields.flag("includeResourceData"),
        query_options: query_options(&fields),
        minutes: fields.whole("expirationMinutes"),
        version: version(&fields),
        for_each: for_each(&fields, name),
        options: EntryOptions {
            fetch_content: fields.flag(FETCH_CONTENT),
            immutable_ids: fields.flag(IMMUTABLE_IDS),
            permission_changes: fields.flag(PERMISSION_CHANGES),
        },
        allow_unknown: fields.flag("allowUnknownResource"),
        fields,
    })
}

/// Returns whether `name` is a valid entry name.
fn is_valid_name(name: &str) -> bool {
    (1..=NAME_LENGTH).contains(&name.len()) && name.chars().all(is_of_names)
}

/// Returns whether entry names may contain a character.
fn is_of_names(letter: char) -> bool {
    letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-'
}

/// Returns what is wrong with a name, and a valid name if there is a close one.
fn fault_of_name(name: &str) -> String {
    let rule = "a name has 1 to 32 characters, each a to z, 0 to 9 or a hyphen";
    let Some(wrong) = name.chars().find(|letter| !is_of_names(*letter)) else {
        return format!("has a name of {} characters; {rule}", name.len());
    };
    let wrong = wrong.escape_debug();
    let right: String = name
        .chars()
        .flat_map(char::to_lowercase)
        .map(|letter| if is_of_names(letter) { letter } else { '-' })
        .collect();
    let right = right.trim_matches('-');
    if is_valid_name(right) {
        format!("has `{wrong}` in its name; {rule}: write `{right}`")
    } else {
        format!("has `{wrong}` in its name; {rule}")
    }
}

/// Reads the change types into Microsoft Graph's order.
fn changes(fields: &Fields<'_>) -> Option<Vec<Change>> {
    let example = "`created`, `updated` or `deleted`, or several with commas between";
    let text = fields.required_text("changeType", example)?;
    let found: Option<Vec<_>> = text.split(',').map(|part| Change::parse(part.trim())).collect();
    let Some(mut changes) = found else {
        let message = format!("has a change type that does not exist; write {example}");
        fields.error("changeType", message);
        return None;
    };
    // In one order, because Graph's answer is compared with it.
    changes.sort_unstable();
    changes.dedup();
    Some(changes)
}

/// Reads `notificationQueryOptions`.
fn query_options<'a>(fields: &Fields<'a>) -> Option<&'a str> {
    let text = fields.text(QUERY_OPTIONS)?.trim();
    if !(text.starts_with('$') && text.contains('=')) {
        let message = "is not a query option; write one such as `$filter=isFetchable eq true`";
        fields.error(QUERY_OPTIONS, message);
    }
    Some(text)
}

/// Reads the API version.
fn version(fields: &Fields<'_>) -> Option<Version> {
    let text = fields.text("version")?;
    let mut all = [Version::V1, Version::Beta].into_iter();
    let found = all.find(|version| version.as_str() == text);
    if found.is_none() {
        let message = "is not a version; write `v1.0` or `beta`, or leave the field out";
        fields.error("version", message);
    }
    found
}

/// Reads `forEach`.
fn for_each(fields: &Fields<'_>, name: &str) -> Option<ForEach> {
    let node = fields.get("forEach")?;
    if let Node::List(items) = node {
        return ids(items, fields, "forEach", name);
    }
    let Node::Object(given) = node else {
        fields.error("forEach", format!("is {}; write {FOR_EACH_FORMS}", node.kind()));
        return None;
    };
    let before = fields.problems.errors();
    let known = ["membersOf", "users", "teams", "ids"];
    let inner = Fields::open(node, fields.path("forEach"), &known, fields.problems)?;
    if fields.problems.errors() > before {
        return None;
    }
    // Two fields could mean a union or an intersection, so neither is guessed.
    let [(shape, value)] = given.as_slice() else {
        let message = format!("has {} fields; write {FOR_EACH_FORMS}", given.len());
        fields.error("forEach", message);
        return None;
    };
    match (shape.as_str(), value) {
        ("ids", Node::List(items)) => return ids(items, &inner, "ids", name),
        ("users", Node::Text(text)) if text.as_str() == "all" => return Some(ForEach::AllUsers),
        ("teams", Node::Text(text)) if text.as_str() == "all" => return Some(ForEach::AllTeams),
        ("membersOf", Node::Text(text)) if is_guid(text.trim()) => {
            return Some(ForEach::MembersOf(text.trim().to_ascii_lowercase()));
        }
        ("membersOf", _) => inner.error(shape, "is not a GUID; write the object id of a group"),
        ("ids", other) => inner.error(shape, format!("is {}; write a list of ids", other.kind())),
        _ => inner.error(shape, "has an unknown value; write \"all\""),
    }
    None
}

/// Reads the list of ids in the field `of`.
fn ids(items: &[Node], fields: &Fields<'_>, of: &str, name: &str) -> Option<ForEach> {
    let before = fields.problems.errors();
    if items.is_empty() {
        fields.error(of, "is an empty list; write at least one id");
    }
    // The name is part of the client state, which has at most 128 characters (Microsoft Graph, *subscription resource type*).
    let room = MAX_NAME.saturating_sub(name.len() + 1);
    let mut ids: Vec<String> = Vec::new();
    for (at, item) in items.iter().enumerate() {
        let mistake = match item {
            Node::Text(text) if !is_key(text) => {
                "is not an id; write an object id without slashes, spaces and quotes".to_owned()
            }
            Node::Text(text) if text.len() > room => {
                format!("is too long together with the entry's name; at most {room} characters fit")
            }
            Node::Text(text) if ids.iter().any(|id| id == text.as_str()) => {
                "is there twice; keep one".to_owned()
            }
            Node::Text(text) => {
                ids.push(text.to_string());
                continue;
            }
            other => format!("is {}; write an id in quotes", other.kind()),
        };
        fields.error(&format!("{of}[{at}]"), mistake);
    }
    (fields.problems.errors() == before).then_some(ForEach::Ids(ids))
}

/// The field for query options that are not part of the resource.
pub(super) const QUERY_OPTIONS: &str = "notificationQueryOptions";

/// The field that has the reader add content.
pub(super) const FETCH_CONTENT: &str = "fetchContent";

/// The field for immutable ids.
pub(super) const IMMUTABLE_IDS: &str = "immutableIds";

/// The field for changes of permissions.
pub(super) const PERMISSION_CHANGES: &str = "permissionChanges";

/// The fields of an entry.
const ENTRY_FIELDS: &[&str] = &[
    "tenant",
    "resource",
    "changeType",
    "includeResourceData",
    QUERY_OPTIONS,
    "expirationMinutes",
    "version",
    "forEach",
    FETCH_CONTENT,
    IMMUTABLE_IDS,
    PERMISSION_CHANGES,
    "allowUnknownResource",
];

/// The shapes of `forEach`.
const FOR_EACH_FORMS: &str =
    "one of {\"membersOf\": \"group id\"}, {\"users\": \"all\"}, {\"teams\": \"all\"}, {\"ids\": [\"id\"]}";
