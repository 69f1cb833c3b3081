//! Duplicates, in any spelling.

use super::*;

#[test]
fn duplicate_members_are_not_used() {
    let (config, _) = Config::parse(&base().replace("SUBSCRIPTIONS", &[ONE, ONE].join(","))).unwrap();
    assert!(config.subscriptions.is_empty() && config.refused.contains("one"));
    let tenant = json!({"tenantId": TENANT_ID, "clientId": CLIENT_ID, "credential": {"webIdentity": true}});
    let text = format!(r#"{{"tenants":{{"a":{tenant},"b":{tenant},"a":{tenant}}}}}"#);
    let (config, problems) = Config::parse(&text).unwrap();
    assert_eq!(config.tenants.keys().collect::<Vec<_>>(), ["b"]);
    assert_eq!(problems[0].path, "tenants.a");
}

#[test]
fn a_tenant_with_an_odd_name_is_refused() {
    let mut document = document(json!({"tenant": "a\nb", "resource": "/users", "changeType": "updated"}));
    document["tenants"]["a\nb"] = document["tenants"]["contoso"].clone();
    let (config, problems) = read(&document);
    let found: Vec<_> = problems.iter().map(|problem| problem.path.as_str()).collect();
    assert_eq!(found, ["tenants.a?b"]);
    assert!(config.refused.contains("it"));
}

#[test]
fn a_tenant_has_to_be_named_when_there_are_several() {
    let mut document = document(json!({"resource": "/users", "changeType": "updated"}));
    document["tenants"]["fabrikam"] = document["tenants"]["contoso"].clone();
    let problems = read(&document).1;
    assert_eq!(problems[0].path, "subscriptions.it.tenant");
    assert!(
        problems[0].message.contains("write one of `contoso`, `fabrikam`"),
        "{}",
        problems[0].message
    );
    document["subscriptions"]["it"]["tenant"] = json!("fabrikam");
    let (config, _) = read(&document);
    assert!(config.subscriptions["it"].tenants.iter().eq(["fabrikam"]));
}

#[test]
fn the_same_resource_in_another_spelling_is_a_duplicate() {
    for (resource, change, duplicate) in [
        ("users('1')/Messages/", "created", true),
        ("/users/1/messages", "created,updated", false),
        ("/users/2/messages", "created", false),
        ("/users/1/messages?$filter=isRead eq false", "created", false),
    ] {
        let mut document = document(json!({"resource": "/users/1/messages", "changeType": "created"}));
        document["subscriptions"]["other"] = json!({"resource": resource, "changeType": change});
        let (config, problems) = read(&document);
        assert_eq!(
            !problems.is_empty(),
            duplicate,
            "{resource} {change} {problems:?}"
        );
        assert_eq!(config.subscriptions.len(), if duplicate { 1 } else { 2 });
    }
}

#[test]
fn only_a_different_filter_makes_a_different_subscription() {
    let entry = |options: &str| {
        json!({
            "resource": "/reports/healthmonitoring/alert", "changeType": "created", "notificationQueryOptions": options,
        })
    };
    for (options, count) in [("$filter=alertType eq 'b'", 2), ("$filter = alertType eq 'a'", 1)] {
        let mut document = document(entry("$filter=alertType eq 'a'"));
        document["subscriptions"]["other"] = entry(options);
        assert_eq!(read(&document).0.subscriptions.len(), count, "{options}");
    }
}

#[test]
fn entries_for_different_objects_are_not_duplicates() {
    let entry =
        |ids: Value| json!({"resource": "/users/{id}/messages", "changeType": "created", "forEach": ids});
    let mut document = document(entry(json!(["1"])));
    document["subscriptions"]["other"] = entry(json!(["2"]));
    assert_eq!(read(&document).1, []);
}

#[test]
fn two_users_may_share_a_resource_but_one_application_may_not() {
    for (credential, expected) in [
        (json!({"refreshToken": "t"}), 2),
        (json!({"webIdentity": true}), 1),
    ] {
        let mut document =
            document(json!({"tenant": "contoso", "resource": "/users", "changeType": "updated"}));
        document["tenants"]["contoso"]["credential"] = credential;
        document["tenants"]["again"] = document["tenants"]["contoso"].clone();
        document["subscriptions"]["other"] =
            json!({"tenant": "again", "resource": "/users", "changeType": "updated"});
        assert_eq!(read(&document).0.subscriptions.len(), expected);
    }
}
