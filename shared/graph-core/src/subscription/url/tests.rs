use super::*;
use proptest::prelude::*;

#[test]
fn the_notification_url_names_stack_entry_key_certificate_and_options() {
    let ours = NotificationUrl {
        fetch_content: true,
        immutable_ids: true,
        version: Version::Beta,
        ..ours("team-messages", "k3f9a2bc", Some("c-20261122-k3f9a2bc"))
    };
    let url = origin().url(&ours);
    assert_eq!(
        url,
        "https://h.example/notifications?i=51af3dc0&s=team-messages&k=k3f9a2bc&c=c-20261122-k3f9a2bc&d=AbC-9&f=1&p=i&v=beta"
    );
    assert_eq!(stack().read(&url), Some(ours));
}

#[test]
fn a_name_with_an_object_id_is_encoded() {
    let ours = ours("mail/4f", "k", None);
    let url = origin().url(&ours);
    assert_eq!(
        url,
        "https://h.example/notifications?i=51af3dc0&s=mail%2F4f&k=k&d=AbC-9"
    );
    assert_eq!(stack().read(&url), Some(ours));
}

#[test]
fn the_stack_id_and_not_the_address_decides_ownership() {
    for url in [
        "https://old.example/other?i=51af3dc0&s=a",
        "http://h.example/notifications?s=a&i=51af3dc0",
    ] {
        assert_eq!(stack().read(url).unwrap().name, "a", "{url}");
    }
    for url in [
        "https://h.example/notifications?s=a",
        "https://h.example/notifications?i=&s=a",
        "https://h.example/notifications?i=51af3dc1&s=a",
        "https://h.example/notifications",
        "EventHub:https://h.example/notifications",
        "",
    ] {
        assert_eq!(stack().read(url), None, "{url}");
    }
}

#[test]
fn the_same_place_in_another_spelling_is_the_same() {
    for url in [
        "HTTPS://H.Example/notifications?s=a",
        "https://h.example:443/notifications?s=a",
        "https://h.example/notifications/?s=a",
        "https://h.example/notifications?x=1&s=a&y",
    ] {
        assert!(origin().is_at(url), "{url}");
    }
}

#[test]
fn another_place_is_another() {
    for url in [
        "http://h.example/notifications?s=a",
        "https://h.example.evil.example/notifications?s=a",
        "https://h.example:8443/notifications?s=a",
        "https://h.example/lifecycle?s=a",
        "https://h.example/Notifications?s=a",
        "https://h.example/notifications/more?s=a",
        "https://user@h.example/notifications?s=a",
        "https://h.example/notifications#?s=a",
        "EventHub:https://h.example/notifications",
        "",
    ] {
        assert!(!origin().is_at(url), "{url}");
    }
}

#[test]
fn a_base_with_a_query_a_user_or_another_scheme_is_refused() {
    for url in [
        "https://h/n?x=1",
        "https://u@h/n",
        "ftp://h/n",
        "h/n",
        "https:///n",
        "https://h:port/n",
    ] {
        assert_eq!(BaseUrl::parse(url), Err(InvalidBaseUrl), "{url}");
    }
}

#[test]
fn a_trailing_slash_of_the_base_url_is_dropped() {
    let origin = BaseUrl::parse("https://h.example/notifications/").unwrap();
    assert!(
        origin
            .url(&ours("a", "k", None))
            .starts_with("https://h.example/notifications?i=")
    );
}

#[test]
fn a_stack_is_identified_by_the_start_of_its_id() {
    assert_eq!(stack().as_str(), "51af3dc0");
    assert_eq!(StackId::parse("local").unwrap().as_str(), "local");
    for text in ["", "-", "a b", "a/b", "ä", &"a".repeat(17)] {
        assert_eq!(StackId::parse(text), Err(InvalidStackId), "{text}");
    }
}

#[test]
fn an_address_of_version_six_has_its_port_behind_the_bracket() {
    let origin = BaseUrl::parse("http://[::1]:8080/n").unwrap();
    assert!(origin.is_at("http://[::1]:8080/n?s=a"));
    assert!(!origin.is_at("http://[::1]/n?s=a"));
}

proptest! {
    #[test]
    fn a_written_url_is_read_back(name in "\\PC{1,40}", key in "\\PC{1,8}", certificate in proptest::option::of("\\PC{1,30}")) {
        let ours = ours(&name, &key, certificate.as_deref());
        prop_assert_eq!(stack().read(&origin().url(&ours)), Some(ours));
    }

    #[test]
    fn any_text_is_read_without_panic(url in "\\PC{0,60}") {
        let _ = (stack().read(&url), origin().is_at(&url));
    }
}

fn stack() -> StackId {
    StackId::parse("51af3dc0-da77-11e4-872e-1234567db123").unwrap()
}

fn origin() -> BaseUrl {
    BaseUrl::parse("https://h.example/notifications").unwrap()
}

fn ours(name: &str, key_id: &str, certificate_id: Option<&str>) -> NotificationUrl {
    NotificationUrl {
        stack_id: "51af3dc0".to_owned(),
        name: name.to_owned(),
        key_id: key_id.to_owned(),
        certificate_id: certificate_id.map(str::to_owned),
        digest: "AbC-9".to_owned(),
        ..NotificationUrl::default()
    }
}
