//! Entries that do not fit their tenant's credential or cloud.

use super::*;
use crate::application::test_util::guid;

#[test]
fn a_resource_of_the_retired_alerts_api_is_a_warning() {
    for resource in [
        "/security/alerts/1",
        "/security/alerts?$filter=status eq 'newAlert'",
    ] {
        let (config, problems) = read(&document(json!({"resource": resource, "changeType": "updated"})));
        let found: Vec<_> = problems
            .iter()
            .map(|problem| (problem.path.as_str(), problem.severity))
            .collect();
        assert_eq!(
            found,
            [("subscriptions.it.resource", Severity::Warning)],
            "{resource}"
        );
        let message = &problems[0].message;
        assert!(
            message.contains("Microsoft retired on 15 October 2026"),
            "{message}"
        );
        assert!(config.subscriptions.contains_key("it"), "{resource}");
    }
}

/// Graph's notifications name users by their ids.
#[test]
fn a_user_by_principal_name_is_a_warning() {
    for (resource, is_warned) in [
        ("/users/anna@contoso.com/messages", true),
        ("/users('anna@contoso.com')/events", true),
        ("/users/4f3c6a1e-2d57-4b90-8f3c-6a1e2d574b90/messages", false),
        ("/chats/19:a@thread.v2/messages", false),
    ] {
        let (config, problems) = read(&document(json!({"resource": resource, "changeType": "updated"})));
        let found: Vec<_> = problems
            .iter()
            .map(|problem| (problem.path.as_str(), problem.severity))
            .collect();
        let warning = ("subscriptions.it.resource", Severity::Warning);
        assert_eq!(found, vec![warning; usize::from(is_warned)], "{resource}");
        assert!(config.subscriptions.contains_key("it"), "{resource}");
    }
}

#[test]
fn a_permission_that_the_credential_cannot_have_is_a_warning() {
    let application = json!({"clientSecret": "s"});
    let delegated = json!({"refreshToken": "t"});
    for (credential, resource, change, message) in [
        (
            &application,
            "/communications/presences/1",
            "updated",
            "refreshToken, with Presence.Read.All",
        ),
        (
            &application,
            "/groups/1/conversations",
            "created",
            "refreshToken, with Group.Read.All",
        ),
        (&application, "/me/messages", "created", "begins with `/me`"),
        (
            &delegated,
            "/teams/getAllMessages",
            "created",
            "with ChannelMessage.Read.All",
        ),
        (
            &delegated,
            "/communications/callRecords",
            "created",
            "has no delegated permission, the kind that the tenant's credential needs; use a client secret, a \
             certificate or webIdentity, with CallRecords.Read.All",
        ),
        (
            &delegated,
            "/me/drive/items/1",
            "updated",
            "use a refreshToken of a personal account, with Files.Read",
        ),
    ] {
        let mut document = document(json!({"resource": resource, "changeType": change}));
        document["tenants"]["contoso"]["credential"] = credential.clone();
        let (config, problems) = read(&document);
        let found: Vec<_> = problems
            .iter()
            .map(|problem| (problem.path.as_str(), problem.severity))
            .collect();
        assert_eq!(
            found,
            [("subscriptions.it.resource", Severity::Warning)],
            "{resource}"
        );
        assert!(
            problems[0].message.contains(message),
            "{resource}: {}",
            problems[0].message
        );
        assert!(
            config.whole && config.subscriptions.contains_key("it"),
            "{resource}"
        );
    }
}

#[test]
fn a_permission_that_fits_the_credential_gives_no_warning() {
    for (credential, tenant_id, resource) in [
        (
            json!({"refreshToken": "t"}),
            guid(TENANT_ID),
            "/communications/presences/1",
        ),
        (json!({"refreshToken": "t"}), guid(TENANT_ID), "/me/messages"),
        (json!({"refreshToken": "t"}), PERSONAL_TENANT, "/me/messages"),
        (json!({"refreshToken": "t"}), PERSONAL_TENANT, "/me/drive/items/1"),
        (
            json!({"webIdentity": true}),
            guid(TENANT_ID),
            "/teams/getAllMessages",
        ),
    ] {
        let mut document = document(json!({"resource": resource, "changeType": "updated"}));
        document["tenants"]["contoso"]["tenantId"] = json!(tenant_id);
        document["tenants"]["contoso"]["credential"] = credential;
        assert_eq!(read(&document).1, [], "{resource}");
    }
}

#[test]
fn resources_for_work_accounts_are_a_problem_for_a_personal_account() {
    let mut document = document(json!({"resource": "/communications/presences/1", "changeType": "updated"}));
    document["tenants"]["contoso"]["tenantId"] = json!(PERSONAL_TENANT);
    document["tenants"]["contoso"]["credential"] = json!({"refreshToken": "t"});
    let problems = read(&document).1;
    assert!(
        problems[0]
            .message
            .starts_with("has no delegated (personal account) permission"),
        "{}",
        problems[0].message
    );
}

#[test]
fn a_resource_of_another_cloud_is_refused() {
    let mut document = document(json!({"resource": "/users/1/todo/lists/2/tasks", "changeType": "created"}));
    document["tenants"]["contoso"]["cloud"] = json!("china");
    let problems = read(&document).1;
    assert_eq!(problems[0].path, "subscriptions.it.resource");
    assert!(
        problems[0].message.contains("it exists in `global`"),
        "{}",
        problems[0].message
    );
}
