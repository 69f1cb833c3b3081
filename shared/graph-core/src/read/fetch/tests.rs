use super::*;
use crate::application::test_util::guid;

mod rows;

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

/// An event carries the item's path, so content of another resource would pass for that of the path.
#[test]
fn a_name_in_the_data_does_not_replace_a_refused_path() {
    let named = format!("users/{ANNA}/messages/2");
    for path in [
        format!("users/{BORIS}/messages/1"),
        format!("users/{BORIS}/messages"),
        format!("users/{ANNA}/events"),
        format!("users/{ANNA}"),
        String::new(),
    ] {
        let found = fetch(MAIL, &path, Some(&named), guid(TENANT));
        assert_eq!(found, Fetch::Refused, "{path}");
    }
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
    let resource = format!("{MAIL}?$select=subject");
    let Fetch::Get(request, _) = fetch(
        &resource,
        &format!("users/{ANNA}/messages/AAMk1"),
        None,
        guid(TENANT),
    ) else {
        panic!("it is fetched");
    };
    assert_eq!(request.query, "$select=subject");
}

/// A key leads to any item of the mailbox.
#[test]
fn nothing_is_fetched_past_an_option_that_limits_the_subscription() {
    let path = format!("users/{ANNA}/messages/AAMk1");
    for options in [
        "$filter=isRead eq false",
        "%24Filter=isRead eq false",
        "$select=subject&$filter=isRead eq false",
        "$search=\"a\"",
        "$top=1",
        "new=1",
    ] {
        let resource = format!("{MAIL}?{options}");
        assert_eq!(
            fetch(&resource, &path, None, guid(TENANT)),
            Fetch::Nothing,
            "{options}"
        );
    }
}

#[test]
fn resources_that_get_cannot_read_are_not_fetched() {
    for resource in ["/communications/presences/1", "/security/alerts/1", "/unknown"] {
        assert_eq!(
            fetch(resource, "a/1", None, guid(TENANT)),
            Fetch::Nothing,
            "{resource}"
        );
    }
    assert_eq!(
        fetch("/drives/1/root", "drives/1/root", None, guid(TENANT)),
        Fetch::Drive
    );
}

#[track_caller]
fn check(resource: &str, path: &str, expected: Option<&str>) {
    let found = match fetch(resource, path, None, guid(TENANT)) {
        Fetch::Get(request, _) => Some(request.path),
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
        if let Fetch::Get(request, _) = fetch(MAIL, &words.concat(), None, guid(TENANT)) {
            let key = request.path.strip_prefix(&format!("{MAIL}/")).unwrap();
            proptest::prop_assert!(!key.contains('/') && !key.contains("..") && request.query.is_empty());
        }
    }
}
