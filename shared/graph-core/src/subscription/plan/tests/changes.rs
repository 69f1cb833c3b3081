//! Subscriptions that differ from their entry.

use super::*;

#[test]
fn a_subscription_that_cannot_be_changed_is_replaced() {
    let cases: [(Subscription, &str); 9] = [
        (
            Subscription {
                resource: Some("/users/2/messages".to_owned()),
                ..listed()
            },
            "the entry's resource has changed from /users/2/messages",
        ),
        (
            Subscription {
                change_type: Some("created".to_owned()),
                ..listed()
            },
            "the entry's changeType has changed from created",
        ),
        (
            Subscription {
                notification_query_options: Some("$filter=a eq 'b'".to_owned()),
                ..listed()
            },
            "the entry's notificationQueryOptions have changed",
        ),
        (
            Subscription {
                include_resource_data: Some(false),
                ..listed()
            },
            "the entry now includes resource data",
        ),
        (
            Subscription {
                include_resource_data: None,
                notification_url: Some("https://our.example/notifications?i=stack&s=mail&k=k1".to_owned()),
                ..listed()
            },
            "the entry now includes resource data",
        ),
        (
            Subscription {
                lifecycle_notification_url: Some("https://old.example/lifecycle?i=other&s=mail".to_owned()),
                ..listed()
            },
            "its lifecycle notifications go to another address",
        ),
        (
            Subscription {
                notification_url: Some(url("mail", "k0", "c2")),
                ..listed()
            },
            "its client-state key k0 is retired",
        ),
        (
            Subscription {
                notification_url: Some("https://our.example/notifications?i=stack&s=mail".to_owned()),
                ..listed()
            },
            "it was not created with a key of this stack",
        ),
        (
            Subscription {
                expiration_date_time: Some(at(NOW)),
                ..listed()
            },
            "it has expired; changes since then were missed",
        ),
    ];
    for (subscription, reason) in cases {
        let steps = check(subscription, "replace", reason);
        let Action::Replace { creation, .. } = &steps[0].action else {
            panic!("{steps:?}")
        };
        assert_eq!(
            *creation,
            super::creation(&mail(), &context(), at(NOW)),
            "{reason}"
        );
    }
}

#[test]
fn query_options_are_compared_where_graph_shows_them() {
    let desired = Desired {
        query_options: Some("$filter=isFetchable eq true".to_owned()),
        ..mail()
    };
    for (shown, expected) in [
        (None, "keep"),
        (Some(""), "keep"),
        (Some("$filter=isFetchable eq true"), "keep"),
        (Some("$filter = isFetchable eq true"), "keep"),
        (Some("$filter=isFetchable eq false"), "replace"),
    ] {
        let listed = Subscription {
            notification_query_options: shown.map(str::to_owned),
            ..listed()
        };
        let steps = plan(
            std::slice::from_ref(&desired),
            &[listed],
            &context(),
            at(NOW),
            &Policy::default(),
        );
        assert_eq!(steps[0].action.name(), expected, "{shown:?}");
    }
}

#[test]
fn dropping_resource_data_replaces_the_subscription() {
    let basic = Desired {
        include_resource_data: false,
        ..mail()
    };
    let steps = plan_of(&[basic], &[listed()]);
    assert_eq!(
        shown(&steps),
        [("replace", "the entry no longer includes resource data".to_owned())]
    );
}

#[test]
fn a_subscription_reported_as_removed_is_replaced_though_still_listed() {
    let context = Context {
        removed: BTreeSet::from(["id-mail".to_owned()]),
        ..context()
    };
    check_in(&context, listed(), "replace", "Graph has removed it");
}

#[test]
fn a_lifecycle_url_may_name_an_old_certificate() {
    let lifecycle = Some("https://our.example/lifecycle?i=stack&s=mail&k=k1&c=c0".to_owned());
    check(
        Subscription {
            lifecycle_notification_url: lifecycle,
            ..listed()
        },
        "keep",
        "2 d 22 h left",
    );
}

#[test]
fn an_entry_under_a_new_name_replaces_the_old_one_at_once() {
    let renamed = Desired {
        name: "inbox".to_owned(),
        ..mail()
    };
    let steps = plan_of(&[renamed], &[listed()]);
    assert_eq!(
        shown(&steps),
        [("replace", "the entry was called mail".to_owned())]
    );
    assert_eq!(
        (steps[0].name.as_str(), steps[0].action.id()),
        ("inbox", Some("id-mail"))
    );
}

#[test]
fn a_renewal_sets_a_new_certificate_and_its_url() {
    let old = Subscription {
        notification_url: Some(url("mail", "k1", "c1")),
        ..listed()
    };
    let steps = check(old, "renew", "its certificate c1 is no longer current");
    let Action::Renew { renewal, .. } = &steps[0].action else {
        panic!("{steps:?}")
    };
    assert_eq!(renewal.certificate_id.as_deref(), Some("c2"));
    let expected = "https://our.example/notifications?i=stack&s=mail&k=k1&c=c2";
    assert_eq!(
        renewal.notification_url.as_deref(),
        Some(expected),
        "the client state stays under its key"
    );
}

#[test]
fn a_certificate_whose_key_is_missing_has_its_own_reason() {
    let old = Subscription {
        notification_url: Some(url("mail", "k1", "c0")),
        ..listed()
    };
    check(old, "renew", "its certificate c0 is no longer usable");
}

#[test]
fn a_creation_has_the_options_of_its_entry() {
    for (resource, immutable_ids, permission_changes, expected) in [
        ("/users/1/messages", false, false, None),
        ("/users/1/messages", true, false, Some("IdType=\"ImmutableId\"")),
        ("/drives/1/root", false, true, Some("includesecuritywebhooks")),
        (
            "/chats/1/messages",
            false,
            false,
            Some("include-unknown-enum-members"),
        ),
    ] {
        let desired = Desired {
            resource: resource.to_owned(),
            options: EntryOptions {
                immutable_ids,
                permission_changes,
                ..EntryOptions::default()
            },
            ..mail()
        };
        assert_eq!(desired.prefer(), expected, "{resource}");
    }
}
