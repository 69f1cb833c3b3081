//! What may be fetched for an item.
//!
//! Only its client state vouches for an item; nothing vouches for the path in it. So the path is not what is asked for:
//! the request is written here, with the keys of the subscription's own resource, and the keys that are left are all
//! that comes from the item. Without this rule the holder of one client state would read whatever the application may.

use graph_events::{ResourcePath, Segment, guid::is_guid, path};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::request::Request;
use crate::{application::Guid, subscription::catalogue};

/// What to fetch for an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fetch {
    /// This resource.
    Get(Request),
    /// What changed of late in the drive: its notifications name no item.
    Drive,
    /// Nothing: a GET cannot read the resource.
    Nothing,
    /// Nothing: the path is not that of an entity which the subscription watches.
    Refused,
}

/// Returns what may be fetched for an item of the subscription to `resource` in `tenant_id` that names `path`.
#[must_use]
pub fn fetch(resource: &str, path: &str, tenant_id: Guid) -> Fetch {
    let Some(row) = catalogue::find(resource) else {
        return Fetch::Nothing;
    };
    if row.key == "driveItem.root" {
        return Fetch::Drive;
    }
    let shapes: Vec<&Shape> = SHAPES
        .iter()
        .filter(|shape| shape.rows.contains(&row.key))
        .collect();
    if shapes.is_empty() {
        return Fetch::Nothing;
    }
    let (Ok(subscribed), Some(item)) = (ResourcePath::parse(resource), parse(path)) else {
        return Fetch::Refused;
    };
    let target = shapes.iter().find_map(|shape| {
        let keys = keys(shape.item, &subscribed, &item, tenant_id)?;
        written(shape.get.unwrap_or(shape.item), &subscribed, &keys)
    });
    target.map_or(Fetch::Refused, |target| {
        Fetch::Get(Request::new(target, &selected(resource)))
    })
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
        let key = without_tenant(segment.key()?, tenant_id);
        match words.next()?.strip_prefix('{')?.strip_suffix('}')? {
            "" if is_key(key) => own.push(key),
            "" => return None,
            name if is_same(without_tenant(subscribed.id(name)?, tenant_id), key) => {}
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

/// Returns the key without the tenant that Outlook puts behind a user's id.
fn without_tenant(key: &str, tenant_id: Guid) -> &str {
    match key.split_once('@') {
        Some((user, tenant)) if is_guid(user) && tenant_id.is(tenant) => user,
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

/// How some rows' items are named and fetched. `{name}` is the key of that segment in the subscription's resource, `{}`
/// one of the item's own.
struct Shape {
    rows: &'static [&'static str],
    /// The path of an item.
    item: &'static str,
    /// What to ask for, where that is another path.
    get: Option<&'static str>,
}

const fn shape(rows: &'static [&'static str], item: &'static str) -> Shape {
    Shape {
        rows,
        item,
        get: None,
    }
}

/// Asks for another path, which holds the item to what the subscription is for.
const fn held(rows: &'static [&'static str], item: &'static str, get: &'static str) -> Shape {
    Shape {
        rows,
        item,
        get: Some(get),
    }
}

/// The rows whose items a GET can read.
const SHAPES: &[Shape] = &[
    shape(&["message.all"], "users/{users}/messages/{}"),
    held(
        &["message.folder"],
        "users/{users}/messages/{}",
        "users/{users}/mailFolders/{mailFolders}/messages/{}",
    ),
    shape(
        &["message.folder"],
        "users/{users}/mailFolders/{mailFolders}/messages/{}",
    ),
    shape(&["event.all"], "users/{users}/events/{}"),
    shape(&["contact.all"], "users/{users}/contacts/{}"),
    held(
        &["contact.folder"],
        "users/{users}/contacts/{}",
        "users/{users}/contactFolders/{contactFolders}/contacts/{}",
    ),
    shape(
        &["contact.folder"],
        "users/{users}/contactFolders/{contactFolders}/contacts/{}",
    ),
    shape(&["user.all"], "users/{}"),
    shape(&["user.one"], "users/{users}"),
    shape(&["group.all"], "groups/{}"),
    shape(&["group.one"], "groups/{groups}"),
    shape(&["callRecord"], "communications/callRecords/{}"),
    shape(&["chatMessage.allChannels"], "teams/{}/channels/{}/messages/{}"),
    shape(
        &["chatMessage.allChannels"],
        "teams/{}/channels/{}/messages/{}/replies/{}",
    ),
    shape(
        &["chatMessage.channel"],
        "teams/{teams}/channels/{channels}/messages/{}",
    ),
    shape(
        &["chatMessage.channel"],
        "teams/{teams}/channels/{channels}/messages/{}/replies/{}",
    ),
    shape(&["chatMessage.allChats"], "chats/{}/messages/{}"),
    shape(&["chatMessage.chat"], "chats/{chats}/messages/{}"),
    held(
        &["chatMessage.user"],
        "chats/{}/messages/{}",
        "users/{users}/chats/{}/messages/{}",
    ),
    shape(&["chatMessage.user"], "users/{users}/chats/{}/messages/{}"),
    shape(&["chat.all"], "chats/{}"),
    shape(&["chat.one"], "chats/{chats}"),
    held(&["chat.user"], "chats/{}", "users/{users}/chats/{}"),
    shape(&["member.allChats"], "chats/{}/members/{}"),
    shape(&["member.chat"], "chats/{chats}/members/{}"),
    shape(&["team.all"], "teams/{}"),
    shape(&["team.one"], "teams/{teams}"),
    shape(&["member.allTeams"], "teams/{}/members/{}"),
    shape(&["member.team"], "teams/{teams}/members/{}"),
    shape(&["channel.all"], "teams/{}/channels/{}"),
    shape(&["channel.team"], "teams/{teams}/channels/{}"),
    shape(&["recording.tenant"], "users/{}/onlineMeetings/{}/recordings/{}"),
    shape(
        &["recording.user"],
        "users/{users}/onlineMeetings/{}/recordings/{}",
    ),
    shape(
        &["transcript.tenant"],
        "users/{}/onlineMeetings/{}/transcripts/{}",
    ),
    shape(
        &["transcript.user"],
        "users/{users}/onlineMeetings/{}/transcripts/{}",
    ),
    shape(&["shift"], "teams/{teams}/schedule/shifts/{}"),
    shape(
        &["openShiftChangeRequest"],
        "teams/{teams}/schedule/openShiftChangeRequests/{}",
    ),
    shape(
        &["offerShiftRequest"],
        "teams/{teams}/schedule/offerShiftRequests/{}",
    ),
    shape(
        &["swapShiftsChangeRequest"],
        "teams/{teams}/schedule/swapShiftsChangeRequests/{}",
    ),
    shape(&["timeOffRequest"], "teams/{teams}/schedule/timeOffRequests/{}"),
    shape(&["printer.jobs"], "print/printers/{printers}/jobs/{}"),
];

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
mod tests {
    use super::*;
    use crate::application::test_util::guid;

    const ANNA: &str = "4f3c6a1e-2d57-4b90-8f3c-6a1e2d574b90";
    const BORIS: &str = "5f3c6a1e-2d57-4b90-8f3c-6a1e2d574b90";
    const TENANT: &str = "11111111-2222-3333-4444-555555555555";
    const MAIL: &str = "/users/4f3c6a1e-2d57-4b90-8f3c-6a1e2d574b90/messages";

    #[test]
    fn an_item_of_the_subscription_is_fetched() {
        let expected = format!("/users/{ANNA}/messages/AAMk-1_2=");
        for path in [
            format!("users/{ANNA}/messages/AAMk-1_2="),
            format!("Users/{ANNA}@{TENANT}/Messages/AAMk-1_2="),
            format!("users('{}')/messages('AAMk-1_2=')", ANNA.to_uppercase()),
        ] {
            check(MAIL, &path, Some(&expected));
        }
    }

    #[test]
    fn another_users_item_is_refused() {
        check(MAIL, &format!("users/{BORIS}/messages/AAMk1"), None);
        check(MAIL, &format!("users/{BORIS}@{TENANT}/messages/AAMk1"), None);
        check(MAIL, &format!("users/{ANNA}@{BORIS}/messages/AAMk1"), None);
    }

    #[test]
    fn another_collection_is_refused() {
        check(MAIL, &format!("users/{ANNA}/events/AAMk1"), None);
        check(MAIL, "groups/1/messages/AAMk1", None);
        check("/chats/19:1/messages", "chats/19:1/members/1", None);
    }

    #[test]
    fn the_collection_itself_is_refused() {
        check(MAIL, &format!("users/{ANNA}/messages"), None);
        check(MAIL, &format!("users/{ANNA}"), None);
    }

    #[test]
    fn steps_up_are_refused() {
        for key in ["..", ".", "%2e%2e", "%2E."] {
            check(MAIL, &format!("users/{ANNA}/messages/{key}"), None);
            check(MAIL, &format!("users/{ANNA}/messages('{key}')"), None);
        }
        check(
            MAIL,
            &format!("users/{ANNA}/messages/../../{BORIS}/messages/1"),
            None,
        );
    }

    #[test]
    fn encoded_slashes_are_refused() {
        for key in ["1%2F2", "1%2f..%2fmessages", "1%252F2", "1%5C2", "1/2"] {
            check(MAIL, &format!("users('{ANNA}')/messages('{key}')"), None);
        }
    }

    #[test]
    fn a_longer_path_is_refused() {
        check(MAIL, &format!("users/{ANNA}/messages/AAMk1/attachments"), None);
        check(MAIL, &format!("users/{ANNA}/messages/AAMk1/attachments/2"), None);
        check("/users/1/events", "users/1/events/2/calendar", None);
    }

    #[test]
    fn another_host_is_refused() {
        let path = format!("users/{ANNA}/messages/AAMk1");
        for host in [
            "https://graph.microsoft.com/v1.0/",
            "https://evil.example/",
            "//evil.example/",
            "http://h/",
        ] {
            check(MAIL, &format!("{host}{path}"), None);
        }
    }

    #[test]
    fn a_query_is_refused() {
        for query in [
            "?$expand=attachments",
            "?",
            "#a",
            "%3F$expand=attachments",
            "('?')",
        ] {
            check(MAIL, &format!("users/{ANNA}/messages/AAMk1{query}"), None);
        }
    }

    #[test]
    fn a_principal_name_does_not_replace_an_id() {
        check(MAIL, "users/anna@contoso.com/messages/AAMk1", None);
        check(
            "/users/anna@contoso.com/messages",
            &format!("users/{ANNA}/messages/AAMk1"),
            None,
        );
    }

    #[test]
    fn a_function_in_place_of_a_key_is_refused() {
        for key in [
            "delta",
            "$count",
            "microsoft.graph.delta",
            "delta()",
            "getByIds(a='b')",
            "$value",
        ] {
            check(MAIL, &format!("users/{ANNA}/messages/{key}"), None);
            check(MAIL, &format!("users/{ANNA}/messages('{key}')"), None);
        }
    }

    #[test]
    fn the_key_of_one_is_not_free() {
        check(
            "/teams/1/channels/2/messages",
            "teams/1/channels/3/messages/4",
            None,
        );
        check(
            "/teams/1/channels/2/messages",
            "teams/2/channels/2/messages/4",
            None,
        );
        check("/users/1", "users/2", None);
        check("/users/1", "users/1", Some("/users/1"));
    }

    #[test]
    fn replies_are_fetched_from_their_own_channel() {
        check(
            "/teams/1/channels/19:a@thread.tacv2/messages",
            "teams('1')/channels('19:a@thread.tacv2')/messages('4')/replies('5')",
            Some("/teams/1/channels/19:a@thread.tacv2/messages/4/replies/5"),
        );
        check(
            "/teams/getAllMessages",
            "teams('1')/channels('19:a@thread.tacv2')/messages('4')",
            Some("/teams/1/channels/19:a@thread.tacv2/messages/4"),
        );
    }

    #[test]
    fn the_request_holds_the_item_to_the_subscriptions_folder_or_user() {
        check(
            "/users/1/mailFolders/inbox/messages",
            "Users/1/Messages/AAMk1",
            Some("/users/1/mailFolders/inbox/messages/AAMk1"),
        );
        check(
            "/users/1/chats/getAllMessages",
            "chats('19:a')/messages('2')",
            Some("/users/1/chats/19:a/messages/2"),
        );
    }

    #[test]
    fn the_query_is_the_subscriptions_own() {
        let resource = format!("{MAIL}?$select=subject&$filter=isRead eq false");
        let Fetch::Get(request) = fetch(&resource, &format!("users/{ANNA}/messages/AAMk1"), guid(TENANT))
        else {
            panic!("it is fetched");
        };
        assert_eq!(request.query, "$select=subject");
    }

    #[test]
    fn resources_that_get_cannot_read_are_not_fetched() {
        for resource in [
            "/communications/presences/1",
            "/solutions/virtualEvents/events",
            "/unknown",
        ] {
            assert_eq!(fetch(resource, "a/1", guid(TENANT)), Fetch::Nothing, "{resource}");
        }
        assert_eq!(
            fetch("/drives/1/root", "drives/1/root", guid(TENANT)),
            Fetch::Drive
        );
    }

    #[test]
    fn every_shape_belongs_to_a_row() {
        for key in SHAPES.iter().flat_map(|shape| shape.rows) {
            assert!(catalogue::rows().any(|row| row.key == *key), "{key}");
        }
    }

    #[track_caller]
    fn check(resource: &str, path: &str, expected: Option<&str>) {
        let found = match fetch(resource, path, guid(TENANT)) {
            Fetch::Get(request) => Some(request.path),
            other => {
                assert_eq!(other, Fetch::Refused, "{path}");
                None
            }
        };
        assert_eq!(found.as_deref(), expected, "{path}");
    }

    proptest::proptest! {
        #[test]
        fn only_resources_below_the_subscription_are_fetched(
            words in proptest::collection::vec("(users|messages|\\.\\.|%2e|%2F|\\(|'|\\)|/|\\?|https:|[a-zA-Z0-9=@-]{1,4}|4f3c6a1e-2d57-4b90-8f3c-6a1e2d574b90)", 1..12)
        ) {
            if let Fetch::Get(request) = fetch(MAIL, &words.concat(), guid(TENANT)) {
                let key = request.path.strip_prefix(&format!("{MAIL}/")).unwrap();
                proptest::prop_assert!(!key.contains('/') && !key.contains("..") && request.query.is_empty());
            }
        }
    }
}
