//! What the configuration refuses or warns of, and how it says so.

use crate::config::mistakes::{subscription_mistakes, tenant_mistakes};

use super::*;

#[test]
fn what_is_not_a_json_object_is_one_problem_and_no_configuration() {
    for text in [
        "",
        "{",
        "tenants: {}",
        "[]",
        "null",
        "7",
        "\"{}\"",
        r#"{"tenants":{}} x"#,
    ] {
        let problem = Config::parse(text).unwrap_err();
        assert_eq!(
            (problem.path.as_str(), problem.severity),
            ("", Severity::Error),
            "{text}"
        );
        assert!(
            problem.to_string().starts_with("the configuration is "),
            "{problem}"
        );
    }
}

#[test]
fn every_mistake_in_a_subscription_is_named_with_its_path_and_a_remedy() {
    for (mistake, entry, path, message) in subscription_mistakes() {
        let (config, problems) = read(&document(entry));
        let found: Vec<_> = problems
            .iter()
            .map(|problem| (problem.path.as_str(), problem.severity))
            .collect();
        let path = format!("subscriptions.it{path}");
        assert_eq!(
            found,
            [(path.as_str(), Severity::Error)],
            "{mistake}: {problems:?}"
        );
        assert!(
            problems[0].message.contains(message),
            "{mistake}: {}",
            problems[0].message
        );
        assert!(!config.whole && config.subscriptions.is_empty(), "{mistake}");
        assert_eq!(config.refused.iter().collect::<Vec<_>>(), ["it"], "{mistake}");
    }
}

#[test]
fn every_mistake_in_a_tenant_is_named_with_its_path_and_a_remedy() {
    for (mistake, field, value, path, message) in tenant_mistakes() {
        let mut document = document(json!({"resource": "/users", "changeType": "updated"}));
        document["tenants"]["contoso"][field] = value;
        let (config, problems) = read(&document);
        let found: Vec<_> = problems
            .iter()
            .map(|problem| (problem.path.as_str(), problem.severity))
            .collect();
        let path = format!("tenants.contoso.{path}");
        assert_eq!(
            found,
            [(path.as_str(), Severity::Error)],
            "{mistake}: {problems:?}"
        );
        assert!(
            problems[0].message.contains(message),
            "{mistake}: {}",
            problems[0].message
        );
        assert!(
            config.tenants.is_empty() && config.refused.contains("it"),
            "{mistake}"
        );
    }
}

#[test]
fn mistakes_in_the_document_itself_are_named() {
    for (mistake, text, path, message) in [
        ("unknown field", r#"{"tenant":{}}"#.to_owned(), "tenant", "did you mean `tenants`?"),
        ("tenants in a list", r#"{"tenants":[]}"#.to_owned(), "tenants", "is a list; write an object"),
        ("subscriptions as text", r#"{"subscriptions":"x"}"#.to_owned(), "subscriptions", "is text; write an object"),
        ("repeated field", r#"{"tenants":{},"tenants":{}}"#.to_owned(), "tenants", "twice"),
        ("no tenant at all", r#"{"subscriptions":{"a":{"resource":"/users","changeType":"updated"},"b":{"resource":"/groups","changeType":"updated"}}}"#.to_owned(), "tenants", "missing or empty"),
        ("subscription that is a list", base().replace("SUBSCRIPTIONS", r#""a":[]"#), "subscriptions.a", "is a list; write an object with `tenant`"),
        ("repeated subscription", base().replace("SUBSCRIPTIONS", &[ONE, ONE].join(",")), "subscriptions.one", "twice"),
        ("duplicate combination", base().replace("SUBSCRIPTIONS", &[ONE, SAME].join(",")), "subscriptions.same", "as `subscriptions.one`; keep one"),
    ] {
        let (config, problems) = Config::parse(&text).unwrap();
        let found: Vec<_> = problems.iter().map(|problem| problem.path.as_str()).collect();
        assert_eq!(found, [path], "{mistake}: {problems:?}");
        assert!(problems[0].message.contains(message), "{mistake}: {}", problems[0].message);
        assert!(!config.whole, "{mistake}");
    }
}

#[test]
fn a_name_that_is_too_long_or_has_other_letters_is_refused() {
    for (name, path) in [
        ("a".repeat(33), format!("subscriptions.{}", "a".repeat(33))),
        ("a".repeat(70), "subscriptions.(name of 70 characters)".to_owned()),
        ("Team".to_owned(), "subscriptions.Team".to_owned()),
        ("a_b".to_owned(), "subscriptions.a_b".to_owned()),
        (String::new(), "subscriptions.(name of 0 characters)".to_owned()),
        ("é".to_owned(), "subscriptions.(name of 1 characters)".to_owned()),
    ] {
        let mut document = document(Value::Null);
        document["subscriptions"] = json!({name.as_str(): {"resource": "/users", "changeType": "updated"}});
        let (config, problems) = read(&document);
        assert_eq!(
            problems.iter().map(|problem| &problem.path).collect::<Vec<_>>(),
            [&path]
        );
        assert!(
            problems[0].message.contains("1 to 32 characters"),
            "{}",
            problems[0].message
        );
        assert!(config.refused.contains(&name));
    }
}

#[test]
fn what_is_there_twice_is_not_used_at_all() {
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
    assert_eq!(found, ["tenants.(name of 3 characters)"]);
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
    assert_eq!(read(&document).0.subscriptions["it"].tenant, "fabrikam");
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
fn other_query_options_make_another_subscription_and_another_spelling_of_them_does_not() {
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
fn entries_for_different_objects_are_no_duplicates() {
    let entry =
        |ids: Value| json!({"resource": "/users/{id}/messages", "changeType": "created", "forEach": ids});
    let mut document = document(entry(json!(["1"])));
    document["subscriptions"]["other"] = entry(json!(["2"]));
    assert_eq!(read(&document).1, []);
}

#[test]
fn two_users_may_subscribe_to_the_same_and_one_application_may_not_do_so_twice() {
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

#[test]
fn a_permission_that_the_credential_cannot_have_is_a_warning_and_the_entry_stays() {
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
            "takes no delegated permission, the kind that the tenant's credential has; use a client secret, a \
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
            TENANT_ID,
            "/communications/presences/1",
        ),
        (json!({"refreshToken": "t"}), TENANT_ID, "/me/messages"),
        (json!({"refreshToken": "t"}), PERSONAL_TENANT, "/me/messages"),
        (json!({"refreshToken": "t"}), PERSONAL_TENANT, "/me/drive/items/1"),
        (json!({"webIdentity": true}), TENANT_ID, "/teams/getAllMessages"),
    ] {
        let mut document = document(json!({"resource": resource, "changeType": "updated"}));
        document["tenants"]["contoso"]["tenantId"] = json!(tenant_id);
        document["tenants"]["contoso"]["credential"] = credential;
        assert_eq!(read(&document).1, [], "{resource}");
    }
}

#[test]
fn a_personal_account_is_told_what_is_for_work_accounts_only() {
    let mut document = document(json!({"resource": "/communications/presences/1", "changeType": "updated"}));
    document["tenants"]["contoso"]["tenantId"] = json!(PERSONAL_TENANT);
    document["tenants"]["contoso"]["credential"] = json!({"refreshToken": "t"});
    let problems = read(&document).1;
    assert!(
        problems[0]
            .message
            .starts_with("takes no delegated (personal account) permission"),
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

#[test]
fn five_mistakes_are_five_problems_and_the_rest_works_on() {
    let mut document = document(json!({"resource": "/users", "changeType": "updated"}));
    document["tenants"]["fabrikam"] =
        json!({"tenantId": "x", "clientId": CLIENT_ID, "credential": {"webIdentity": true}});
    document["subscriptions"]["it"]["tenant"] = json!("contoso");
    document["subscriptions"]["waits"] =
        json!({"tenant": "fabrikam", "resource": "/users", "changeType": "updated"});
    document["subscriptions"]["two"] =
        json!({"tenant": "contoso", "resource": "/team/getAllMessages", "changeType": "made"});
    document["subscriptions"]["three"] = json!({
        "tenant": "contoso", "resource": "/groups", "changeType": "updated", "includeResourceData": true,
        "expirationMinutes": 99_999
    });
    let (config, problems) = read(&document);
    let found: Vec<_> = problems.iter().map(|problem| problem.path.as_str()).collect();
    assert_eq!(
        found,
        [
            "tenants.fabrikam.tenantId",
            "subscriptions.three.includeResourceData",
            "subscriptions.three.expirationMinutes",
            "subscriptions.two.changeType",
            "subscriptions.two.resource",
        ]
    );
    assert_eq!(config.subscriptions.keys().collect::<Vec<_>>(), ["it"]);
    assert_eq!(
        config.refused.iter().collect::<Vec<_>>(),
        ["three", "two", "waits"]
    );
    assert!(!config.whole);
}

#[test]
fn no_problem_and_no_debug_text_holds_a_credential() {
    const SECRET: &str = "Sup3r8Q~Secret.Value";
    let pem = format!("-----BEGIN KEY-----\n{SECRET}");
    let credentials = [
        json!({"clientSecret": SECRET}),
        json!({"privateKey": pem, "certificate": pem}),
        json!({"refreshToken": SECRET, "clientSecret": SECRET}),
        json!({"privateKey": SECRET, "certificate": SECRET}),
        json!({"clientSecret": SECRET, "webIdentity": true}),
        json!({"clientSecret": [SECRET]}),
        json!({"webIdentity": SECRET}),
        json!({"secret": SECRET}),
        json!({SECRET: true}),
        json!([SECRET]),
        json!(SECRET),
    ];
    for credential in credentials {
        let mut document = document(json!({"resource": "/users", "changeType": "updated"}));
        document["tenants"]["contoso"]["credential"] = credential;
        assert_secret_free(&document, SECRET);
    }
    for pointer in [
        "/tenants/contoso",
        "/subscriptions/it",
        "/tenants",
        "/subscriptions",
        "",
    ] {
        for field in [
            "tenantId",
            "cloud",
            "resource",
            "changeType",
            "version",
            "tenant",
            "forEach",
            "clientSecret",
            SECRET,
        ] {
            let mut document = document(json!({"resource": "/users", "changeType": "updated"}));
            document.pointer_mut(pointer).unwrap()[field] = json!(SECRET);
            assert_secret_free_problems(&document, SECRET);
        }
    }
    let broken = format!("{{\"tenants\": {SECRET}");
    assert!(!format!("{:?}", Config::parse(&broken).unwrap_err()).contains("Sup3r"));
}

#[test]
fn a_problem_reads_as_one_line_and_goes_into_a_report() {
    let problem = read(&document(json!({"resource": "/users"}))).1.remove(0);
    let text = "subscriptions.it.changeType is missing; write `created`, `updated` or `deleted`, or several with commas between";
    assert_eq!(problem.to_string(), text);
    assert_eq!(
        serde_json::to_value(&problem).unwrap()["severity"],
        json!("error")
    );
}

#[track_caller]
fn assert_secret_free(document: &Value, secret: &str) {
    assert_secret_free_problems(document, secret);
    assert!(!format!("{:?}", read(document).0).contains(secret), "{document}");
}

#[track_caller]
fn assert_secret_free_problems(document: &Value, secret: &str) {
    let (_, problems) = read(document);
    assert!(
        !format!("{problems:?}").contains(secret),
        "{document}: {problems:?}"
    );
}

const ONE: &str = r#""one":{"resource":"/users","changeType":"updated,deleted"}"#;
const SAME: &str = r#""same":{"resource":"users/","changeType":"deleted, updated"}"#;
