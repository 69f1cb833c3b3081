//! Entries and the subscriptions that they ask for.

use super::*;
use crate::{
    application::test_util::guid,
    subscription::{
        catalogue::Version,
        model::Subscription,
        url::{BaseUrl, StackId},
    },
};

#[test]
fn an_entry_for_itself_is_one_subscription() {
    let expansion = expand(&[(&entry("chat", "/chats/getAllMessages"), Objects::Itself)], &[]);
    assert_eq!(shown(&expansion), [("chat", "/chats/getAllMessages")]);
    assert_eq!(expansion.desired[0].lifetime, SignedDuration::from_mins(60));
    assert!(expansion.objects.is_empty());
}

#[test]
fn an_entry_for_many_is_one_subscription_for_each_object() {
    let expansion = expand(&[(&mail(), known(&["b", "a", "b"]))], &[]);
    assert_eq!(
        shown(&expansion),
        [("mail/a", "/users/a/messages"), ("mail/b", "/users/b/messages")]
    );
    assert_eq!(expansion.objects["mail"], 2);
}

#[test]
fn an_unusable_id_is_left_out_and_the_others_are_used() {
    let longest = "x".repeat(client_state::MAX_NAME - "mail/".len());
    let too_long = format!("{longest}x");
    for unfit in [
        "", "a/b", "a'b", "a b", "a?b", "a#b", "{id}", "ä", "a%2Fb", &too_long,
    ] {
        let expansion = expand(&[(&mail(), known(&[unfit, &longest]))], &[]);
        assert_eq!(expansion.desired.len(), 1, "{unfit}");
        assert_eq!(
            expansion.left_out["mail"],
            BTreeMap::from([(LeftOut::UnfitId, 1)])
        );
    }
}

#[test]
fn the_longest_name_that_fits_makes_a_client_state() {
    let key = client_state::test_util::key("k3f9a2bc", 1);
    let name = "x".repeat(client_state::MAX_NAME);
    let minted = client_state::test_util::client_state(&key, ("t", "c"), &name, true).unwrap();
    assert_eq!(minted.len(), client_state::MAX_LENGTH);
}

#[test]
fn if_objects_are_unknown_only_existing_subscriptions_are_kept() {
    let listed = [
        ours("mail/a", "/users/a/messages"),
        ours("mailbox/b", "/users/b/messages"),
        ours("mail", "/users/c/messages"),
    ];
    let unknown = Objects::Unknown("no permission".to_owned());
    let expansion = expand(&[(&mail(), unknown)], &listed);
    assert_eq!(shown(&expansion), [("mail/a", "/users/a/messages")]);
    assert_eq!(
        expansion.held,
        BTreeMap::from([("mail".to_owned(), "no permission".to_owned())])
    );
}

#[test]
fn of_two_entries_that_ask_for_the_same_the_first_gets_it() {
    let (one, other) = (mail(), entry("also", "users/{id}/Messages/"));
    let expansion = expand(&[(&one, known(&["a", "b"])), (&other, known(&["b", "c"]))], &[]);
    let names: Vec<_> = shown(&expansion).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["also/b", "also/c", "mail/a"]);
    let shared = LeftOut::Shared("also".to_owned());
    assert_eq!(expansion.left_out["mail"], BTreeMap::from([(shared, 1)]));
}

#[test]
fn an_entry_keeps_a_subscription_that_another_entry_asks_for() {
    let (one, other) = (mail(), entry("also", "/users/{id}/messages"));
    let listed = [ours("mail/b", "/users/b/messages")];
    let expansion = expand(&[(&one, known(&["b"])), (&other, known(&["b"]))], &listed);
    assert_eq!(shown(&expansion), [("mail/b", "/users/b/messages")]);
}

#[test]
fn a_single_entry_precedes_an_entry_for_many_objects() {
    let (one, other) = (entry("z", "/users/b/messages"), mail());
    let expansion = expand(&[(&one, Objects::Itself), (&other, known(&["b"]))], &[]);
    assert_eq!(shown(&expansion), [("z", "/users/b/messages")]);
}

#[test]
fn other_changes_of_the_same_resource_are_another_subscription() {
    let deletions = Entry {
        change_type: "deleted".to_owned(),
        ..entry("gone", "/users/{id}/messages")
    };
    let expansion = expand(&[(&mail(), known(&["a"])), (&deletions, known(&["a"]))], &[]);
    assert_eq!(expansion.desired.len(), 2);
}

#[test]
fn other_query_options_are_another_subscription() {
    let jobs = |name: &str, options: &str| Entry {
        query_options: Some(options.to_owned()),
        ..entry(name, "/print/printers/{id}/jobs")
    };
    let ready = jobs("ready", "$filter=isFetchable eq true");
    for (other, count) in [
        ("$filter=isFetchable eq false", 2),
        ("$filter = isFetchable eq true", 1),
    ] {
        let other = jobs("other", other);
        let expansion = expand(&[(&ready, known(&["a"])), (&other, known(&["a"]))], &[]);
        assert_eq!(expansion.desired.len(), count);
        assert_eq!(expansion.desired[0].query_options, other.query_options);
    }
}

#[test]
fn creations_stay_below_graphs_limit_and_existing_subscriptions_stay() {
    let ids: Vec<String> = (0..120).map(|number| format!("u{number:03}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let users = entry("people", "/users/{id}");
    let mut listed = vec![
        theirs("/groups"),
        theirs("/groups/1"),
        theirs("/teams/1/channels"),
    ];
    listed.push(ours("people/u119", "/users/u119"));
    let expansion = expand(
        &[(&users, known(&ids)), (&entry("all", "/users"), Objects::Itself)],
        &listed,
    );
    assert_eq!(expansion.desired.len(), 98, "two of a hundred are others'");
    let names: Vec<_> = shown(&expansion).into_iter().map(|(name, _)| name).collect();
    assert_eq!((names[0], names[1]), ("all", "people/u000"));
    assert_eq!((names[96], names[97]), ("people/u095", "people/u119"));
    let over = expansion.left_out["people"].iter().next().unwrap();
    assert_eq!(*over.1, 23);
    assert!(
        over.0.to_string().starts_with("over the limit of 100 "),
        "{}",
        over.0
    );
}

#[test]
fn existing_subscriptions_stay_even_over_the_limit() {
    let listed: Vec<_> = (0..110)
        .map(|number| ours(&format!("people/{number}"), &format!("/users/{number}")))
        .collect();
    let ids: Vec<String> = (0..110).map(|number| number.to_string()).collect();
    let expansion = expand(&[(&entry("people", "/users/{id}"), Objects::Known(ids))], &listed);
    assert_eq!(expansion.desired.len(), 110);
}

#[test]
fn ten_thousand_teams_subscriptions_fit_and_one_more_does_not() {
    let ids: Vec<String> = (0..10_001).map(|number| number.to_string()).collect();
    let expansion = expand(
        &[(&entry("channels", "/teams/{id}/channels"), Objects::Known(ids))],
        &[],
    );
    assert_eq!(expansion.desired.len(), 10_000);
    assert_eq!(expansion.left_out["channels"].values().sum::<usize>(), 1);
}

#[test]
fn a_resource_of_teams_takes_one_subscription_whatever_changes_it_watches() {
    let of = |name: &str, resource: &str, changes: &str| Entry {
        change_type: changes.to_owned(),
        ..entry(name, resource)
    };
    let (one, other) = (
        of("one", "/teams/1/channels", "created"),
        of("other", "/teams/1/channels", "deleted"),
    );
    let (mail, more) = (
        of("mail", "/users/1/messages", "created"),
        of("more", "/users/1/messages", "deleted"),
    );
    let entries = [&one, &other, &mail, &more].map(|entry| (entry, Objects::Itself));
    let expansion = expand(&entries, &[]);
    let names: Vec<&str> = expansion.desired.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["mail", "more", "one"]);
    let why = LeftOut::Taken("one".to_owned());
    assert_eq!(expansion.left_out["other"], BTreeMap::from([(why, 1)]));
}

fn shown(expansion: &Expansion) -> Vec<(&str, &str)> {
    expansion
        .desired
        .iter()
        .map(|one| (one.name.as_str(), one.resource.as_str()))
        .collect()
}

fn known(ids: &[&str]) -> Objects {
    Objects::Known(ids.iter().map(|id| (*id).to_owned()).collect())
}

fn mail() -> Entry {
    entry("mail", "/users/{id}/messages")
}

fn entry(name: &str, resource: &str) -> Entry {
    Entry {
        name: name.to_owned(),
        tenants: ["contoso".to_owned()].into(),
        resource: resource.to_owned(),
        change_type: "created".to_owned(),
        include_resource_data: false,
        query_options: None,
        minutes: 60,
        version: Version::V1,
        for_each: None,
        options: crate::subscription::config::EntryOptions::default(),
    }
}

fn ours(name: &str, resource: &str) -> Subscription {
    let url = crate::subscription::url::NotificationUrl {
        stack_id: "stack".to_owned(),
        name: name.to_owned(),
        ..crate::subscription::url::NotificationUrl::default()
    };
    Subscription {
        notification_url: Some(origin().url(&url)),
        ..theirs(resource)
    }
}

fn theirs(resource: &str) -> Subscription {
    Subscription {
        id: "id".to_owned(),
        resource: Some(resource.to_owned()),
        notification_url: Some("https://theirs.example/".to_owned()),
        ..Subscription::default()
    }
}

fn origin() -> BaseUrl {
    BaseUrl::parse("https://our.example/notifications").unwrap()
}

/// Returns the expansion of `entries`, given Graph's list.
fn expand(entries: &[(&Entry, Objects)], listed: &[Subscription]) -> Expansion {
    super::expand(
        entries,
        &Listing::of(listed, &StackId::parse("stack").unwrap(), guid("app")),
    )
}
