use serde_json::{Value, json};

use super::*;

mod refused;
mod shared;
mod twice;
mod unsuited;

#[test]
fn the_example_of_the_readme_is_read() {
    let (config, problems) = read(&document(json!({
        "resource": "/teams/getAllMessages", "changeType": "created,updated", "includeResourceData": true
    })));
    assert_eq!(problems, []);
    assert!(config.whole && config.refused.is_empty());
    let tenant = &config.tenants["contoso"];
    assert!(tenant.application.tenant_id.is(TENANT_ID));
    assert_eq!(tenant.cloud, Cloud::Global);
    assert!(matches!(tenant.credential, Credential::ClientSecret { .. }));
    let expected = Entry {
        name: "it".to_owned(),
        tenants: BTreeSet::from(["contoso".to_owned()]),
        resource: "/teams/getAllMessages".to_owned(),
        change_type: "created,updated".to_owned(),
        include_resource_data: true,
        query_options: None,
        minutes: 4_310,
        version: Version::V1,
        for_each: None,
        options: EntryOptions::default(),
    };
    assert_eq!(config.subscriptions["it"], expected);
}

#[test]
fn the_end_of_a_client_secret_is_a_day_or_a_time() {
    for (written, expected) in [
        (Value::Null, None),
        (json!("2027-05-23"), Some("2027-05-23T00:00:00Z")),
        (json!("2027-05-23T10:00:00Z"), Some("2027-05-23T10:00:00Z")),
        (json!("2027-05-23T12:00:00+02:00"), Some("2027-05-23T10:00:00Z")),
    ] {
        let mut document = document(json!({"resource": "/users", "changeType": "updated"}));
        document["tenants"]["contoso"]["credential"]["clientSecretExpires"] = written.clone();
        let (config, problems) = read(&document);
        assert_eq!(problems, [], "{written}");
        let expires = config.tenants["contoso"].client_secret_expires;
        assert_eq!(expires.map(|at| at.to_string()).as_deref(), expected, "{written}");
    }
}

#[test]
fn the_margin_never_leads_below_the_minimum() {
    for (most, expected) in [(60, 50), (56, 46), (55, 45), (50, 45), (5, 45)] {
        assert_eq!(requested(most), expected, "{most}");
    }
}

#[test]
fn ids_are_kept_in_lower_case() {
    let mut document = document(json!({"resource": "/users", "changeType": "updated"}));
    document["tenants"]["contoso"]["tenantId"] = json!("ABCDEF11-2222-3333-4444-55555555555F");
    assert_eq!(
        read(&document).0.tenants["contoso"]
            .application
            .tenant_id
            .to_string(),
        "abcdef11-2222-3333-4444-55555555555f"
    );
}

#[test]
fn an_empty_object_is_an_empty_configuration() {
    for text in [
        "{}",
        r#"{"tenants":{},"subscriptions":{}}"#,
        r#"{"tenants":null}"#,
    ] {
        let (config, problems) = Config::parse(text).unwrap();
        assert!(
            config.whole && config.subscriptions.is_empty() && problems.is_empty(),
            "{text}"
        );
    }
}

#[test]
fn change_types_are_put_in_order() {
    for (written, expected) in [
        ("created", "created"),
        ("deleted, created", "created,deleted"),
        (" Updated ,CREATED,updated", "created,updated"),
        ("deleted,updated,created", "created,updated,deleted"),
    ] {
        let entry = accepted(json!({"resource": "/teams", "changeType": written}));
        assert_eq!(entry.change_type, expected, "{written}");
    }
}

#[test]
fn the_lifetime_stays_below_the_maximum_and_above_the_minimum() {
    for (resource, rich, asked, expected) in [
        ("/teams", true, None, 4_310),
        ("/teams", true, Some(4_315), 4_310),
        ("/teams", true, Some(4_320), 4_310),
        ("/teams", false, Some(60), 60),
        ("/me/messages?$select=subject", true, None, 1_430),
        ("/me/messages?$select=subject", false, None, 10_060),
        ("/communications/presences/1", true, None, 50),
        ("/communications/presences/1", true, Some(45), 45),
        ("/users", false, None, 41_750),
        ("/drives/1/root", false, None, 42_290),
    ] {
        let (changes, minutes) = ("updated", asked);
        let entry = accepted(json!({
            "resource": resource, "changeType": changes, "includeResourceData": rich, "expirationMinutes": minutes
        }));
        assert_eq!(entry.minutes, expected, "{resource} {asked:?}");
    }
}

#[test]
fn one_filter_may_name_650_presences_and_no_more() {
    for (count, is_fine) in [(650, true), (651, false)] {
        let ids = vec!["'1'"; count].join(",");
        let resource = format!("/communications/presences?$filter=id in ({ids})");
        let (config, problems) = read(&document(json!({"resource": resource, "changeType": "updated"})));
        let told = |problem: &Problem| problem.message.contains("more than 650 ids");
        assert_eq!(problems.iter().any(told), !is_fine);
        assert_eq!(config.subscriptions.contains_key("it"), is_fine);
    }
}

#[test]
fn query_options_stay_as_they_are_written() {
    for resource in ["/print/printers/1/jobs", "/reports/healthmonitoring/alert"] {
        let options = "$filter = isFetchable eq true";
        let entry = accepted(
            json!({"resource": resource, "changeType": "updated", "notificationQueryOptions": options}),
        );
        assert_eq!(entry.query_options.as_deref(), Some(options), "{resource}");
    }
    let unknown = json!({
        "resource": "/weather", "changeType": "updated", "allowUnknownResource": true, "expirationMinutes": 60,
        "notificationQueryOptions": "$filter=a eq 'b'",
    });
    assert!(accepted(unknown).query_options.is_some());
}

#[test]
fn the_version_comes_from_the_catalogue_unless_it_is_written() {
    let version = |resource: &str, version: Value| {
        accepted(json!({"resource": resource, "changeType": "created", "version": version})).version
    };
    assert_eq!(version("/teams", Value::Null), Version::V1);
    assert_eq!(version("/teams", json!("beta")), Version::Beta);
    assert_eq!(
        version("/communications/adhocCalls/getAllRecordings", Value::Null),
        Version::Beta
    );
    assert_eq!(
        version("/communications/adhocCalls/getAllRecordings", json!("v1.0")),
        Version::V1
    );
}

#[test]
fn each_shape_of_for_each_is_read() {
    let group = "AAAAAAAA-2222-3333-4444-555555555555";
    for (resource, written, expected) in [
        (
            "/users/{id}/messages",
            json!({"membersOf": group}),
            ForEach::MembersOf(group.to_ascii_lowercase()),
        ),
        (
            "/users('{id}')/messages",
            json!({"users": "all"}),
            ForEach::AllUsers,
        ),
        (
            "/communications/presences/{id}",
            json!({"users": "all"}),
            ForEach::AllUsers,
        ),
        ("/teams/{id}/channels", json!({"teams": "all"}), ForEach::AllTeams),
        (
            "/chats/{id}",
            json!({"ids": ["19:a@b"]}),
            ForEach::Ids(vec!["19:a@b".to_owned()]),
        ),
        (
            "/chats/{id}",
            json!(["1", "2"]),
            ForEach::Ids(vec!["1".to_owned(), "2".to_owned()]),
        ),
    ] {
        let entry = accepted(json!({"resource": resource, "changeType": "updated", "forEach": written}));
        assert_eq!(entry.for_each, Some(expected), "{resource}");
    }
}

#[test]
fn each_form_of_credential_is_read() {
    let key = crate::notification::envelope::test_util::key();
    let certificate = format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----",
        key.certificate
    );
    for (written, delegated) in [
        (json!({"clientSecret": "s"}), false),
        (
            json!({"privateKey": key.private_key, "certificate": certificate}),
            false,
        ),
        (json!({"refreshToken": "t"}), true),
        (json!({"refreshToken": "t", "clientSecret": "s"}), true),
        (json!({"webIdentity": true}), false),
    ] {
        let mut document = document(json!({"resource": "/users", "changeType": "updated"}));
        document["tenants"]["contoso"]["credential"] = written.clone();
        let (config, problems) = read(&document);
        assert_eq!(problems, [], "{written}");
        assert_eq!(
            config.tenants["contoso"].credential.is_delegated(),
            delegated,
            "{written}"
        );
    }
}

#[test]
fn each_cloud_is_read_by_the_name_that_serde_gives_it() {
    for cloud in Cloud::ALL {
        assert_eq!(serde_json::to_value(cloud).unwrap(), json!(cloud.as_str()));
        let mut document = document(json!({"resource": "/users", "changeType": "updated"}));
        document["tenants"]["contoso"]["cloud"] = json!(cloud.as_str());
        assert_eq!(read(&document).0.tenants["contoso"].cloud, cloud);
    }
}

#[test]
fn an_unknown_resource_is_used_when_it_is_allowed_with_a_lifetime() {
    let entry = accepted(json!({
        "resource": "/solutions/new/things", "changeType": "created", "includeResourceData": true,
        "expirationMinutes": 120, "allowUnknownResource": true
    }));
    assert_eq!((entry.minutes, entry.version), (120, Version::V1));
}

#[test]
fn query_options_that_go_with_resource_data_are_accepted() {
    for options in [
        "$select=subject,bodyPreview&$filter=isRead eq false",
        "$select=id&$expand=singleValueExtendedProperties($filter=id eq 'a,b' or id eq 'c')",
        "$select=id&$expand=multiValueExtendedProperties,singleValueExtendedProperties",
        "%24Select=bodyPreview",
    ] {
        let resource = format!("/users/1/messages?{options}");
        accepted(json!({"resource": resource, "changeType": "created", "includeResourceData": true}));
    }
    accepted(json!({"resource": "/users/1/messages?$orderby=x", "changeType": "created"}));
    accepted(json!({"resource": "/chats/getAllMessages?$search=word", "changeType": "created"}));
}

#[track_caller]
fn accepted(entry: Value) -> Entry {
    let (mut config, problems) = read(&document(entry));
    assert!(
        problems
            .iter()
            .all(|problem| problem.severity == Severity::Warning),
        "{problems:?}"
    );
    config.subscriptions.remove("it").unwrap()
}

fn read(document: &Value) -> (Config, Vec<Problem>) {
    Config::parse(&document.to_string()).unwrap()
}

fn document(entry: Value) -> Value {
    let mut document: Value = serde_json::from_str(&base().replace("SUBSCRIPTIONS", "")).unwrap();
    document["subscriptions"]["it"] = entry;
    document
}

fn base() -> String {
    let tenant = json!({"tenantId": TENANT_ID, "clientId": CLIENT_ID, "credential": {"clientSecret": "s"}});
    format!(r#"{{"tenants":{{"contoso":{tenant}}},"subscriptions":{{SUBSCRIPTIONS}}}}"#)
}

const TENANT_ID: &str = "11111111-2222-3333-4444-555555555555";
const CLIENT_ID: &str = "66666666-7777-8888-9999-000000000000";

const ONE: &str = r#""one":{"resource":"/users","changeType":"updated,deleted"}"#;
const SAME: &str = r#""same":{"resource":"users/","changeType":"deleted, updated"}"#;
