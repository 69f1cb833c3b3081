//! Shared applications, and documents of which a part cannot be read.

use super::*;
use crate::application::test_util::guid;

#[test]
fn a_tenant_may_name_an_application_instead_of_repeating_it() {
    let (config, problems) = read(&many());
    assert_eq!(problems, []);
    for tenant in config.tenants.values() {
        assert_eq!(
            (tenant.application.client_id, tenant.cloud),
            (guid(CLIENT_ID), Cloud::Usgov)
        );
        assert!(matches!(tenant.credential, Credential::WebIdentity));
    }
    assert_ne!(
        config.tenants["a"].application.tenant_id,
        config.tenants["b"].application.tenant_id
    );
}

#[test]
fn an_entry_for_all_tenants_is_checked_against_each() {
    let mut document = many();
    let (config, problems) = read(&document);
    assert_eq!(problems, []);
    let names: Vec<_> = config.subscriptions["users"].tenants.iter().collect();
    assert_eq!(names, ["a", "b"]);

    document["subscriptions"]["again"] = json!({"tenant": "b", "resource": "users", "changeType": "updated"});
    let (config, problems) = read(&document);
    assert!(
        problems[0].message.starts_with("has the same tenant, resource"),
        "{problems:?}"
    );
    // The other tenant keeps the entry.
    let tenants = &config.subscriptions["users"].tenants;
    assert_eq!((tenants, config.refused.len()), (&["a".to_owned()].into(), 0));

    document["subscriptions"] = json!({"tasks": {
        "tenant": "*", "resource": "/users/1/todo/lists/2/tasks", "changeType": "updated"
    }});
    let (config, problems) = read(&document);
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(
        problems[0].message.contains("does not exist in the cloud of `"),
        "{problems:?}"
    );
    assert!(config.refused.contains("tasks"));

    // It fits one of them.
    let credential = json!({"webIdentity": true});
    document["tenants"]["b"] =
        json!({"tenantId": CLIENT_ID, "clientId": CLIENT_ID, "credential": credential});
    let (config, problems) = read(&document);
    assert!(
        problems[0]
            .message
            .contains("does not exist in the cloud of `a`;"),
        "{problems:?}"
    );
    assert_eq!(config.subscriptions["tasks"].tenants, ["b".to_owned()].into());
    let unused = ("tasks".to_owned(), "a".to_owned());
    assert_eq!(config.unused, [unused].into(), "what exists there is kept");
    assert!(config.whole);
}

#[test]
fn every_mistake_about_a_shared_application_is_named() {
    let wrong = |change: fn(&mut Value), path: &str, message: &str| {
        let mut document = many();
        change(&mut document);
        let (config, problems) = read(&document);
        let found: Vec<_> = problems.iter().map(|problem| problem.path.as_str()).collect();
        assert_eq!(found, [path], "{problems:?}");
        assert!(problems[0].message.contains(message), "{problems:?}");
        assert!(!config.whole);
    };
    wrong(
        |document| document["tenants"]["a"]["application"] = json!("mine"),
        "tenants.a.application",
        "write one of `main`",
    );
    wrong(
        |document| document["tenants"]["a"]["clientId"] = json!(CLIENT_ID),
        "tenants.a.clientId",
        "remove one of them",
    );
    wrong(
        |document| document["applications"]["main"]["clientId"] = json!("x"),
        "applications.main.clientId",
        "is not a GUID",
    );
    wrong(
        |document| document["applications"]["main"]["credential"] = json!({"refreshToken": "t"}),
        "applications.main.credential",
        "write the application into that tenant",
    );
    wrong(
        |document| {
            document["applications"] = json!({});
            document["tenants"].as_object_mut().unwrap().remove("b");
        },
        "tenants.a.application",
        "`applications` has none",
    );
}

#[test]
fn a_misspelt_field_of_an_application_refuses_its_tenants() {
    let mut document = many();
    let application = document["applications"]["main"].as_object_mut().unwrap();
    let cloud = application.remove("cloud").unwrap();
    application.insert("clod".to_owned(), cloud);
    let (config, problems) = read(&document);
    assert!(problems[0].path.ends_with("clod"), "{problems:?}");
    let refused: Vec<_> = config.refused_tenants.iter().collect();
    assert_eq!(refused, ["a", "b"]);
}

#[test]
fn the_options_of_an_entry_are_read() {
    let entry = accepted(json!({
        "resource": "/users/1/messages", "changeType": "created", "fetchContent": true, "immutableIds": true
    }));
    let expected = EntryOptions {
        fetch_content: true,
        immutable_ids: true,
        permission_changes: false,
    };
    assert_eq!(entry.options, expected);
    let drive = json!({"resource": "/drives/1/root", "changeType": "updated", "permissionChanges": true});
    assert!(accepted(drive).options.permission_changes);
}

#[test]
fn a_document_full_of_mistakes_makes_a_short_report() {
    let mut document = many();
    for number in 0..3_000 {
        document["subscriptions"][format!("e{number}")] = json!({"x": 1});
    }
    let (config, problems) = read(&document);
    assert_eq!((problems.len(), config.refused.len()), (101, 3_000));
    let message = &problems[100].message;
    assert!(
        message.starts_with("has ") && message.ends_with(" more mistakes; correct these first"),
        "{message}"
    );

    document["tenants"] = (0..500)
        .map(|number| {
            (
                format!("t{number}"),
                json!({"tenantId": TENANT_ID, "application": "main"}),
            )
        })
        .collect::<serde_json::Map<_, _>>()
        .into();
    document["subscriptions"] = json!({"users": {"resource": "/users", "changeType": "updated"}});
    let (_, problems) = read(&document);
    assert!(
        problems[0].message.contains("`t106` and 490 more"),
        "{problems:?}"
    );
}

#[test]
fn the_previous_version_replaces_a_tenant_with_a_mistake() {
    let (previous, _) = read(&many());
    let mut document = many();
    document["tenants"]["a"]["tenantId"] = json!("nonsense");
    let (mut config, _) = read(&document);
    assert_eq!(config.tenants.keys().collect::<Vec<_>>(), ["b"]);
    config.lean_on(&previous);
    assert!(config.tenants["a"].application.tenant_id.is(TENANT_ID));
    assert!(!config.whole, "nothing is deleted for the lack of an entry");
    let names: Vec<_> = config.subscriptions["users"].tenants.iter().collect();
    assert_eq!(names, ["b"], "and nothing is made that has not been there");
}

/// Returns two tenants with one application, and an entry for both.
fn many() -> Value {
    json!({
        "applications": {"main": {"clientId": CLIENT_ID, "cloud": "usgov", "credential": {"webIdentity": true}}},
        "tenants": {
            "a": {"tenantId": TENANT_ID, "application": "main"},
            "b": {"tenantId": CLIENT_ID, "application": "main"},
        },
        "subscriptions": {"users": {"tenant": "*", "resource": "/users", "changeType": "updated"}},
    })
}
