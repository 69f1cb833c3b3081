//! Refusals in the words of Graph and Entra, as they were seen in the field, and what a person reads about each.

use super::*;

#[test]
fn each_refusal_of_graph_has_the_advice_that_fits() {
    for (status, text, advice) in GRAPH {
        let mail = json!({"resource": "/users/u1/messages", "changeType": "created"});
        let world = world(&organisations(1, &[(0, "mail", mail)]));
        world
            .graph
            .fail("create", Reply::refusal(*status, "ExtensionError", text));
        let report = world.scheduled();
        let error = report["subscriptions"][0]["error"].as_str().unwrap();
        assert!(error.contains(text) && error.contains(advice), "{text}: {error}");
        let names_permission = error.contains("grant the application permission Mail.ReadBasic");
        assert_eq!(
            names_permission,
            advice.contains("Mail.ReadBasic"),
            "{text}: {error}"
        );
    }
}

/// Graph's status and text, and the advice.
const GRAPH: &[(u16, &str, &str)] = &[
    (
        403,
        "Operation: Create; Exception: [Status Code: Forbidden; Reason: Access to OData is disabled.]",
        "let an Exchange administrator include the mailbox",
    ),
    (
        403,
        "The meeting tenant does not match the token tenant.",
        "the meeting belongs to another tenant",
    ),
    (
        404,
        "REST API is not yet supported for this mailbox.",
        "it is a guest, has no licence, or its mailbox is on premises",
    ),
    (
        403,
        "App '1' has reached its limit of '1' 'CHATS' subscription on tenant 2.",
        "Graph's quota is exhausted",
    ),
    (
        403,
        "Status Code: 429; Reason: Resource 'SubscriptionCountReached' has reached limit of '1000'.",
        "the mailbox has its maximum of subscriptions",
    ),
    (
        403,
        "Access has been blocked: insufficient_claims",
        "a Conditional Access policy of the tenant blocks the application",
    ),
    (
        403,
        "Operation: Create; Exception: [Status Code: Forbidden; Reason: Missing scope permissions on the request.]",
        "; grant the application permission Mail.ReadBasic",
    ),
    (
        403,
        "Insufficient privileges to complete the operation.",
        "; grant the application permission Mail.ReadBasic",
    ),
    // No cause is guessed where the text has none.
    (
        403,
        "Access is limited in this region.",
        "Graph gives no reason: where a permission is missing; grant the application permission Mail.ReadBasic",
    ),
];

#[test]
fn each_refusal_of_entra_has_the_advice_of_its_most_specific_code() {
    for (credential, error, codes, advice) in ENTRA {
        let mut config = organisations(1, &[(0, "mail", mail(users(1)))]);
        config["tenants"]["t00"]["credential"] = serde_json::from_str(credential).unwrap();
        let world = world(&config);
        let body = format!(r#"{{"error": "{error}", "error_codes": {codes}, "correlation_id": null}}"#);
        world.graph.fail("login", Reply::new(400, body));
        let report = world.scheduled();
        let shown = report["tenants"][0]["error"].as_str().unwrap();
        assert!(shown.contains(advice), "{error} {codes}: {shown}");
        let code = codes
            .trim_matches(['[', ']'])
            .split(", ")
            .filter(|code| *code != "null");
        let code = format!("(AADSTS{})", code.last().unwrap());
        assert!(shown.ends_with(&code), "{error} {codes}: {shown}");
    }
}

/// The credential, the error and its codes, and the advice.
const ENTRA: &[(&str, &str, &str, &str)] = &[
    (
        SECRET,
        "invalid_client",
        "[7000215]",
        "client secret is wrong or has expired",
    ),
    (SECRET, "invalid_client", "[7000222]", "client secret has expired"),
    (
        SECRET,
        "invalid_client",
        "[7000222, null]",
        "client secret has expired",
    ),
    // The first code is a general one.
    (
        SECRET,
        "invalid_client",
        "[70002, 7000222]",
        "client secret has expired",
    ),
    (
        SECRET,
        "invalid_client",
        "[70002, 50012]",
        "client secret is wrong or has expired",
    ),
    (SECRET, "invalid_client", "[7000229]", NO_SERVICE_PRINCIPAL),
    (SECRET, "invalid_client", "[650052]", NO_SERVICE_PRINCIPAL),
    (SECRET, "unauthorized_client", "[700016]", NO_SERVICE_PRINCIPAL),
    (
        SECRET,
        "invalid_client",
        "[700025]",
        "remove `clientSecret` from the credential",
    ),
    (
        SECRET,
        "invalid_request",
        "[90002]",
        "tenant does not exist in this cloud",
    ),
    (
        SECRET,
        "consent_required",
        "[65001]",
        "have an administrator grant the application's permissions",
    ),
    (
        SECRET,
        "unauthorized_client",
        "[500011]",
        "compare `tenantId`, `clientId` and `cloud`",
    ),
    (
        ROLE,
        "invalid_client",
        "[700213]",
        "no federated credential of the application matches the AWS role",
    ),
    (
        ROLE,
        "invalid_request",
        "[70021]",
        "no federated credential of the application matches the AWS role",
    ),
    (
        USER,
        "invalid_grant",
        "[70008]",
        "sign in to the application again as the same user",
    ),
    (
        USER,
        "interaction_required",
        "[50076]",
        "user has to sign in again or to consent",
    ),
    (
        USER,
        "invalid_client",
        "[7000218]",
        "write its `clientSecret` beside `refreshToken`",
    ),
];

const SECRET: &str = r#"{"clientSecret": "hunter2"}"#;
const ROLE: &str = r#"{"webIdentity": true}"#;
const USER: &str = r#"{"refreshToken": "ada"}"#;
const NO_SERVICE_PRINCIPAL: &str =
    "application is not known in the tenant; have an administrator of the tenant consent";

#[test]
fn the_time_that_graph_asks_to_wait_is_read_in_every_form() {
    for (lines, seconds) in [
        // Parts of a second count as a whole one.
        (&["2.128"][..], 3),
        (&["0.249"], 1),
        (&["0,120"], 1),
        (&["3", "12"], 12),
        (&["Sun, 22 Nov 2026 10:10:00 GMT"], 600),
        (&["1000000"], 900),
    ] {
        let world = world(&organisations(1, &[(0, "chats", chats())]));
        let refusal = Reply::refusal(429, "TooManyRequests", "Too many requests.");
        let with_line = |refusal: Reply, line: &&str| refusal.header("retry-after", line);
        world.graph.fail("list", lines.iter().fold(refusal, with_line));
        let report = world.scheduled();
        let error = report["tenants"][0]["error"].as_str().unwrap();
        let asked = format!("Graph asks to wait {seconds} s");
        assert!(error.contains(&asked), "{lines:?}: {error}");
    }
}

#[test]
fn each_member_of_an_odd_refusal_is_read_by_itself() {
    let world = world(&organisations(1, &[(0, "chats", chats())]));
    for (body, shown) in [
        (
            r#"{"error": {"code": "Odd", "message": null, "innerError": {"request-id": "r-1"}, "innererror": {}}}"#,
            &["code Odd", "request id r-1"][..],
        ),
        (
            r#"{"error": {"code": 42, "message": {"value": "words"}, "innererror": {"request-id": "r-2"}}}"#,
            &["code 42", "words", "request id r-2"],
        ),
        (
            "\u{feff}{\"error\": {\"code\": \"Marked\", \"message\": \"words\"}}",
            &["code Marked", "words"],
        ),
    ] {
        world.graph.heal();
        world.graph.fail("create", Reply::new(400, body));
        let report = world.clock.run(world.invoke(json!({}))).unwrap();
        let error = report["subscriptions"][0]["error"].as_str().unwrap();
        for part in shown {
            assert!(error.contains(part), "{body}: {error}");
        }
    }
}

#[test]
fn a_request_that_graph_found_busy_is_made_again() {
    for (status, calls) in [(408, 4), (423, 4), (503, 4), (400, 1)] {
        let world = world(&organisations(1, &[(0, "chats", chats())]));
        world
            .graph
            .fail("create", Reply::refusal(status, "Busy", "Try again."));
        world.scheduled();
        assert_eq!(count(&world.log(), "create"), calls, "{status}");
    }
}
