//! Mistakes that are errors or warnings, and their messages.

use crate::subscription::config::mistakes::{subscription_mistakes, tenant_mistakes};

use super::*;

#[test]
fn a_document_that_is_not_an_object_is_one_problem() {
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
fn each_mistake_in_a_subscription_has_a_path_and_a_remedy() {
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
fn each_mistake_in_a_tenant_has_a_path_and_a_remedy() {
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
fn the_character_that_a_name_may_not_have_is_named() {
    let rule = "a name has 1 to 32 characters, each a to z, 0 to 9 or a hyphen";
    for (name, message) in [
        ("Mail!", format!("has `M` in its name; {rule}: write `mail`")),
        (
            "Team_Messages",
            format!("has `T` in its name; {rule}: write `team-messages`"),
        ),
        (
            "team messages",
            format!("has ` ` in its name; {rule}: write `team-messages`"),
        ),
        ("!", format!("has `!` in its name; {rule}")),
    ] {
        let mut document = document(Value::Null);
        document["subscriptions"] = json!({name: {"resource": "/users", "changeType": "updated"}});
        let (_, problems) = read(&document);
        assert_eq!(
            (problems[0].path.as_str(), &problems[0].message),
            (format!("subscriptions.{name}").as_str(), &message)
        );
    }
}

#[test]
fn a_name_that_is_too_long_or_has_other_letters_is_refused() {
    for (name, path) in [
        ("a".repeat(33), format!("subscriptions.{}", "a".repeat(33))),
        ("a".repeat(70), format!("subscriptions.{}…", "a".repeat(64))),
        ("Team".to_owned(), "subscriptions.Team".to_owned()),
        ("a_b".to_owned(), "subscriptions.a_b".to_owned()),
        (String::new(), "subscriptions.(name of 0 characters)".to_owned()),
        ("é".to_owned(), "subscriptions.é".to_owned()),
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
