use proptest::prelude::*;

use super::*;

#[test]
fn every_spelling_of_a_path_is_read() {
    for (spellings, names, path) in CASES {
        for spelling in *spellings {
            let found = ResourcePath::parse(spelling).unwrap();
            let segments: Vec<_> = found.segments().iter().map(|it| (it.name(), it.key())).collect();
            assert_eq!(segments, *names, "{spelling}");
            assert_eq!(found.to_string(), *path, "{spelling}");
            assert_eq!(found.entity_id(), names.last().unwrap().1, "{spelling}");
        }
    }
}

#[test]
fn ids_are_found_by_name_in_any_case() {
    let path =
        ResourcePath::parse("teams('t')/channels('19:a@thread.tacv2')/messages('1')/replies('2')").unwrap();
    assert_eq!(path.id("channels"), Some("19:a@thread.tacv2"));
    assert_eq!(path.id("CHANNELS"), Some("19:a@thread.tacv2"));
    assert_eq!(path.id("chats"), None);
    assert_eq!(path.entity_id(), Some("2"));
}

#[test]
fn the_tenant_after_a_users_id_is_not_in_the_id() {
    let [user, tenant] = [
        "0a1b2c3d-1111-2222-3333-444455556666",
        "99999999-AAAA-bbbb-cccc-dddddddddddd",
    ];
    for (key, expected) in [
        (format!("{user}@{tenant}"), user),
        (user.to_owned(), user),
        ("anna@contoso.com".to_owned(), "anna@contoso.com"),
        (format!("{user}@contoso.com"), &*format!("{user}@contoso.com")),
        (format!("anna@{tenant}"), &*format!("anna@{tenant}")),
    ] {
        let path = ResourcePath::parse(&format!("Users/{key}/Messages/1")).unwrap();
        assert_eq!(path.user_id(), Some(expected));
        assert_eq!(path.id("users"), Some(&*key));
    }
    assert_eq!(ResourcePath::parse("me/events/1").unwrap().user_id(), Some("me"));
}

#[test]
fn arguments_are_kept_as_they_are_written() {
    let path = ResourcePath::parse("communications/onlineMeetings(joinWebUrl='a%2Fb''c')/meetingCallEvents")
        .unwrap();
    assert_eq!(path.segments()[1].arguments(), Some("joinWebUrl='a%2Fb''c'"));
    assert_eq!(path.id("onlineMeetings"), None);
    assert_eq!(
        path.to_string(),
        "/communications/onlineMeetings(joinWebUrl='a%2Fb''c')/meetingCallEvents"
    );
}

#[test]
fn the_path_of_a_folder_below_the_root_is_read() {
    for spelling in [
        "me/drive/root:/Team Files/a'b%20(c)",
        "/me/drive/root:/Team%20Files/a'b (c):/",
        "users('me')/drive/root:/Team%20Files/a%27b%20(c):",
    ] {
        let path = ResourcePath::parse(spelling).unwrap();
        assert_eq!(path.segments()[2].name(), "root");
        assert_eq!(
            path.segments()[2].item_path(),
            Some("/Team Files/a'b (c)"),
            "{spelling}"
        );
        assert_eq!(
            path.to_string(),
            "/me/drive/root:/Team%20Files/a%27b%20%28c%29",
            "{spelling}"
        );
    }
    for path in ["a//b", "a/../b", "%2e%2e", "a%2Fb", "a:/children", "", ":"] {
        let path = format!("me/drive/root:/{path}");
        assert_eq!(ResourcePath::parse(&path), Err(NotAPath), "{path}");
    }
}

#[test]
fn a_folder_named_in_the_query_is_not_in_the_path() {
    let path = ResourcePath::parse("teams/1?$filter=/root:/a'b").unwrap();
    assert_eq!(path.segments()[0].item_path(), None);
    assert_eq!(path.to_string(), "/teams/1");
}

#[test]
fn keys_cannot_leave_their_segment() {
    for (key, path) in [
        ("'a/b?c#d'", "/users/a%2Fb%3Fc%23d"),
        ("'..'", "/users('..')"),
        ("'%2e%2e'", "/users('..')"),
        ("'messages'", "/users('messages')"),
        ("'root:'", "/users('root:')"),
        ("'''a'''", "/users/%27a%27"),
        ("%27a%27", "/users/a"),
        ("'a b\r\n'", "/users/a%20b%0D%0A"),
    ] {
        let found = ResourcePath::parse(&format!("users({key})"));
        assert_eq!(found.map(|found| found.to_string()).as_deref(), Ok(path), "{key}");
    }
}

#[test]
fn an_invalid_path_is_rejected() {
    for text in [
        "",
        "/",
        "users//messages",
        "users('a",
        "users('')",
        "users('a')('b')",
        "users('a'b')",
        "('a')",
        "users/1/2-3",
        "us ers/1",
        "users/root:()/1",
        "http://graph.microsoft.com/v1.0/users/1",
        "https://graph.microsoft.com",
        "v1.0",
        "beta('1')",
    ] {
        assert_eq!(ResourcePath::parse(text), Err(NotAPath), "{text}");
    }
}

proptest! {
    #[test]
    fn any_text_is_rejected_or_survives_writing_and_reading(text in any::<String>()) {
        check_stable(&text)?;
    }

    #[test]
    fn paths_are_written_stably(
        text in r"/?(https://g/)?((users|me|messages|sites|root:?|v1\.0|beta|ad[hH]ocCalls|x|%27|[%a-z0-9.]{1,3}|\PC)(\('?[%a='./?( ]{0,4}'?\))?/?){1,5}"
    ) {
        check_stable(&text)?;
    }

    #[test]
    fn any_key_is_read_as_it_was_written(key in r"\PC{1,12}", name in "users|messages|root|sites|later") {
        let written = Segment { key: Some(key.clone()), ..Segment::new(&name).unwrap() };
        let path = ResourcePath { segments: vec![written] };
        prop_assert_eq!(ResourcePath::parse(&path.to_string()), Ok(path));
    }
}

fn check_stable(text: &str) -> Result<(), TestCaseError> {
    if let Ok(path) = ResourcePath::parse(text) {
        let written = path.to_string();
        prop_assert_eq!(ResourcePath::parse(&written), Ok(path), "{}", written);
    }
    Ok(())
}

type Case = (
    &'static [&'static str],
    &'static [(&'static str, Option<&'static str>)],
    &'static str,
);

const CASES: &[Case] = &[
    (
        &[
            "teams('t')/channels('19:a@thread.tacv2')/messages('1')/replies('2')",
            "/teams('t')/channels('19%3Aa%40thread.tacv2')/messages('1')/replies('2')/",
            "Teams/t/Channels/19:a@thread.tacv2/Messages/1/Replies/2",
            "teams(%27t%27)/channels(%2719:a@thread.tacv2%27)/messages(%271%27)/replies(2)",
            "https://graph.microsoft.com/v1.0/teams/t/channels/19%3aa%40thread.tacv2/messages/1/replies/2",
            "/beta/teams/t/channels/19%3aa%40thread.tacv2/messages/1/replies/2?$select=id",
        ],
        &[
            ("teams", Some("t")),
            ("channels", Some("19:a@thread.tacv2")),
            ("messages", Some("1")),
            ("replies", Some("2")),
        ],
        "/teams/t/channels/19:a@thread.tacv2/messages/1/replies/2",
    ),
    (
        &[
            "Users/u/Messages/AAMk-_0=",
            "users('u')/messages('AAMk-_0=')",
            "Users('u')/messages/AAMk-_0=",
        ],
        &[("users", Some("u")), ("messages", Some("AAMk-_0="))],
        "/users/u/messages/AAMk-_0=",
    ),
    (
        &[
            "users/u@t/messages/1",
            "users('u@t')/messages('1')",
            "Users/u%40t/Messages/1",
        ],
        &[("users", Some("u@t")), ("messages", Some("1"))],
        "/users/u@t/messages/1",
    ),
    (
        &[
            "users/o'neil@contoso.com/events/1",
            "users('o''neil@contoso.com')/events('1')",
        ],
        &[("users", Some("o'neil@contoso.com")), ("events", Some("1"))],
        "/users/o%27neil@contoso.com/events/1",
    ),
    (
        &["users('50%25 off')", "users/50%25%20off", "users('50% off')"],
        &[("users", Some("50% off"))],
        "/users/50%25%20off",
    ),
    (
        &[
            "communications/callRecords/c",
            "communications/callRecords('c')",
            "/Communications/callrecords/c",
        ],
        &[("communications", None), ("callRecords", Some("c"))],
        "/communications/callRecords/c",
    ),
    (
        &["communications/presences('p')", "communications/presences/p"],
        &[("communications", None), ("presences", Some("p"))],
        "/communications/presences/p",
    ),
    (
        &[
            "users/u/onlineMeetings('m')/transcripts('t')",
            "users('u')/onlineMeetings/m/transcripts/t",
        ],
        &[
            ("users", Some("u")),
            ("onlineMeetings", Some("m")),
            ("transcripts", Some("t")),
        ],
        "/users/u/onlineMeetings/m/transcripts/t",
    ),
    (
        &[
            "users/u/adhoccalls/adhocCalls/c/recordings('r')",
            "users/u/adhoccalls/c/recordings('r')",
            "users('u')/adhocCalls('c')/recordings/r",
        ],
        &[
            ("users", Some("u")),
            ("adhocCalls", Some("c")),
            ("recordings", Some("r")),
        ],
        "/users/u/adhocCalls/c/recordings/r",
    ),
    (
        &[
            "copilot/interactionHistory/interactions('i')",
            "copilot/interactionHistory/interactions/i/",
        ],
        &[
            ("copilot", None),
            ("interactionHistory", None),
            ("interactions", Some("i")),
        ],
        "/copilot/interactionHistory/interactions/i",
    ),
    (
        &[
            "solutions/virtualEvents/events/",
            "solutions/virtualEvents/events",
        ],
        &[("solutions", None), ("virtualEvents", None), ("events", None)],
        "/solutions/virtualEvents/events",
    ),
    (
        &["me/messages/1", "/me/messages('1')", "Users('me')/messages('1')"],
        &[("users", Some("me")), ("messages", Some("1"))],
        "/me/messages/1",
    ),
    (
        &["me/drive/root", "/ME/drive/root/"],
        &[("users", Some("me")), ("drive", None), ("root", None)],
        "/me/drive/root",
    ),
    (
        &["drives/b!x-1/root", "drives('b!x-1')/root"],
        &[("drives", Some("b!x-1")), ("root", None)],
        "/drives/b!x-1/root",
    ),
    (
        &[
            "sites/a.sharepoint.com,1,2/lists/l",
            "sites('a.sharepoint.com,1,2')/lists('l')",
        ],
        &[("sites", Some("a.sharepoint.com,1,2")), ("lists", Some("l"))],
        "/sites/a.sharepoint.com,1,2/lists/l",
    ),
    (
        &["sites/root/lists/l"],
        &[("sites", Some("root")), ("lists", Some("l"))],
        "/sites/root/lists/l",
    ),
    (
        &["security/alerts/a", "security/alerts('a')"],
        &[("security", None), ("alerts", Some("a"))],
        "/security/alerts/a",
    ),
    (
        &["todob2/graph/v1/users('u')/todoApp/lists('l')/tasks"],
        &[
            ("todob2", None),
            ("graph", None),
            ("v1", None),
            ("users", Some("u")),
            ("todoApp", None),
            ("lists", Some("l")),
            ("tasks", None),
        ],
        "/todob2/graph/v1/users/u/todoApp/lists/l/tasks",
    ),
    (
        &[
            "users/u/mailFolders/inbox/messages/1",
            "users('u')/mailFolders('inbox')/messages('1')",
        ],
        &[
            ("users", Some("u")),
            ("mailFolders", Some("inbox")),
            ("messages", Some("1")),
        ],
        "/users/u/mailFolders/inbox/messages/1",
    ),
    (
        &["Groups/g", "groups('g')"],
        &[("groups", Some("g"))],
        "/groups/g",
    ),
    (
        &["groups/g/laterThings/1", "groups/g/laterThings('1')"],
        &[("groups", Some("g")), ("laterThings", Some("1"))],
        "/groups/g/laterThings/1",
    ),
];
