use graph_core::{
    application::test_util::application,
    cloud::Cloud,
    secrets::Secret,
    subscription::{config::Credential, model::EncryptionCertificate},
};

use std::sync::atomic::AtomicBool;

use super::*;
use crate::{
    http::testing::{Reply, Server},
    login::NoRefreshTokens,
    testing::{FakeClock, FakeIdentity},
};

mod objects;
mod read;

/// Doubles of the services behind the client.
struct Doubles;

impl Ports for Doubles {
    type Clock = FakeClock;
    type RefreshTokens = NoRefreshTokens;
    type WebIdentity = FakeIdentity;
}

const ID: &str = "0fc0d6db-0073-42e5-a186-853da75fb308";

#[tokio::test]
async fn all_pages_of_a_list_are_read() {
    let first = r#"{"value":[{"id":"1"},{"resource":"no id"}],"@odata.nextLink":"{base}/v1.0/subscriptions?$skiptoken=2"}"#;
    let server = Server::start([
        Reply::json(200, first),
        Reply::json(200, r#"{"value":[{"id":"2"}]}"#),
    ]);
    let listed = graph(&server).list(&tenant()).await.unwrap();
    assert_eq!(
        listed
            .subscriptions
            .iter()
            .map(|one| one.id.as_str())
            .collect::<Vec<_>>(),
        ["1", "2"]
    );
    assert_eq!(
        server.lines(),
        ["GET /v1.0/subscriptions", "GET /v1.0/subscriptions?$skiptoken=2"]
    );
}

#[tokio::test]
async fn a_token_is_never_carried_to_another_place() {
    for link in [
        "http://evil.example/v1.0/subscriptions?$skiptoken=2",
        "{base}.evil.example/v1.0/subscriptions",
        "{base}/v1.0/users",
        "/v1.0/subscriptions",
    ] {
        let page = format!(r#"{{"value":[],"@odata.nextLink":"{link}"}}"#);
        let server = Server::start([Reply::json(200, &page)]);
        let error = graph(&server).list(&tenant()).await.unwrap_err();
        assert!(matches!(error.kind, GraphErrorKind::Malformed), "{link}: {error}");
    }
}

#[tokio::test]
async fn a_list_that_cannot_be_read_is_not_an_empty_one() {
    for body in ["", "{}", "[]", r#"{"value":null}"#, "<html>"] {
        let server = Server::start([Reply::json(200, body)]);
        let error = graph(&server).list(&tenant()).await.unwrap_err();
        assert!(matches!(error.kind, GraphErrorKind::Malformed), "{body}: {error}");
    }
}

#[tokio::test]
async fn a_list_whose_link_leads_back_is_given_up_at_once() {
    let page = r#"{"value":[],"@odata.nextLink":"{base}/v1.0/subscriptions?$skiptoken=1"}"#;
    let server = Server::start((0..3).map(|_| Reply::json(200, page)));
    let error = graph(&server).list(&tenant()).await.unwrap_err();
    assert!(matches!(error.kind, GraphErrorKind::Endless), "{error}");
    assert_eq!(server.lines().len(), 2);
}

#[tokio::test]
async fn five_hundred_pages_that_end_are_a_list_and_no_more_are() {
    let page = |number: usize, last: usize| {
        let link = format!(r#","@odata.nextLink":"{{base}}/v1.0/subscriptions?$skiptoken={number}""#);
        let link = if number == last { "" } else { &link };
        Reply::json(200, &format!(r#"{{"value":[{{"id":"{number}"}}]{link}}}"#))
    };
    let server = Server::start((1..=MAX_PAGES).map(|number| page(number, MAX_PAGES)));
    let listed = graph(&server).list(&tenant()).await.unwrap();
    assert_eq!((listed.pages, listed.subscriptions.len()), (MAX_PAGES, MAX_PAGES));
    let server = Server::start((1..=MAX_PAGES).map(|number| page(number, MAX_PAGES + 1)));
    let error = graph(&server).list(&tenant()).await.unwrap_err();
    assert!(matches!(error.kind, GraphErrorKind::Endless), "{error}");
}

#[tokio::test]
async fn calls_carry_token_request_id_and_body() {
    let server = Server::start([Reply::json(201, &listed()), Reply::json(200, &listed())]);
    let graph = graph(&server);
    graph
        .create(
            &tenant(),
            Version::Beta,
            &new_subscription(),
            &AtomicBool::default(),
        )
        .await
        .unwrap();
    graph.update(&tenant(), Version::V1, ID, &update()).await.unwrap();
    let requests = server.requests();
    assert_eq!(requests[0].line, "POST /beta/subscriptions");
    assert!(
        requests[0].head.contains("authorization: Bearer token-1"),
        "{}",
        requests[0].head
    );
    assert!(
        requests[0].head.contains("client-request-id: "),
        "{}",
        requests[0].head
    );
    assert!(
        requests[0].head.contains("prefer: include-unknown-enum-members"),
        "{}",
        requests[0].head
    );
    assert!(requests[0].body.contains(r#""clientState":"a.b.c""#));
    assert_eq!(requests[1].line, format!("PATCH /v1.0/subscriptions/{ID}"));
    assert_eq!(
        requests[1].body,
        r#"{"expirationDateTime":"2026-11-22T10:00:00Z","encryptionCertificate":"MII","encryptionCertificateId":"c-1"}"#
    );
}

#[tokio::test]
async fn a_subscription_that_is_gone_counts_as_deleted() {
    let wrapped = "Operation: Delete; Exception: [Status Code: NotFound; Reason: Not Found]";
    for reply in [
        Reply::json(204, ""),
        refused(404, "ResourceNotFound", "gone"),
        refused(400, "ExtensionError", wrapped),
    ] {
        let server = Server::start([reply]);
        graph(&server).delete(&tenant(), Version::V1, ID).await.unwrap();
        assert_eq!(server.lines(), [format!("DELETE /v1.0/subscriptions/{ID}")]);
    }
}

#[tokio::test]
async fn a_conflict_names_the_subscription_that_exists() {
    let text = format!("Subscription Id {ID} already exists for the requested combination");
    let server = Server::start([
        refused(409, "InvalidRequest", &text),
        refused(409, "ObjectIdentifierInUse", "used"),
    ]);
    let graph = graph(&server);
    for expected in [Some(ID), None] {
        let error = graph
            .create(
                &tenant(),
                Version::V1,
                &new_subscription(),
                &AtomicBool::default(),
            )
            .await
            .unwrap_err();
        let GraphErrorKind::Conflict { existing, .. } = error.kind else {
            panic!("{error:?}")
        };
        assert_eq!(existing.as_deref(), expected);
    }
}

#[tokio::test]
async fn every_refusal_has_its_meaning() {
    use GraphErrorKind as Kind;
    type Expected = fn(&Kind) -> bool;
    let quota = "Status Code: 429; Reason: Resource 'SubscriptionCountReached' has reached limit of '1000'.";
    let cases: [(u16, &str, Expected); 7] = [
        (
            400,
            "Subscription expiration can only be 4230 minutes in the future.",
            |kind| matches!(kind, Kind::TooLong { minutes: 4_230, .. }),
        ),
        (403, "Forbidden", |kind| matches!(kind, Kind::Forbidden { .. })),
        (429, quota, |kind| matches!(kind, Kind::Forbidden { .. })),
        (404, "xyzzy", |kind| matches!(kind, Kind::NotFound { .. })),
        (412, "xyzzy", |kind| matches!(kind, Kind::Validation { .. })),
        (302, "xyzzy", |kind| {
            matches!(kind, Kind::Unexpected { status: 302, .. })
        }),
        (308, "", |kind| {
            matches!(kind, Kind::Unexpected { status: 308, .. })
        }),
    ];
    for (status, text, expected) in cases {
        let server = Server::start([refused(status, "Code", text)]);
        let error = graph(&server)
            .create(
                &tenant(),
                Version::V1,
                &new_subscription(),
                &AtomicBool::default(),
            )
            .await
            .unwrap_err();
        assert!(expected(&error.kind), "{status} {text}: {error:?}");
        assert_eq!(error.code.as_deref(), Some("Code"));
        assert_eq!(error.request_id.as_deref(), Some("request-1"));
        assert!(
            text.is_empty() || !error.to_string().contains(text),
            "Graph's text stays out of the error's own"
        );
        assert_eq!(server.lines().len(), 1, "{status}: not tried again");
    }
}

#[tokio::test]
async fn an_odd_member_of_an_error_loses_nothing_but_itself() {
    for (body, code, request_id) in [
        (
            r#"{"error":{"code":5,"message":null,"innerError":{"request-id":"r"},"innererror":{}}}"#,
            Some("5"),
            Some("r"),
        ),
        (
            r#"{"error":{"code":"C","message":{"value":"x"},"innererror":{"request-id":"r"}}}"#,
            Some("C"),
            Some("r"),
        ),
        (
            "\u{feff}{\"error\":{\"code\":\"C\",\"innerError\":null}}",
            Some("C"),
            None,
        ),
        (r#"{"error":"text"}"#, None, None),
        ("", None, None),
    ] {
        let server = Server::start([Reply::json(400, body)]);
        let error = graph(&server).get(&tenant(), Version::V1, ID).await.unwrap_err();
        assert_eq!(
            (error.code.as_deref(), error.request_id.as_deref()),
            (code, request_id),
            "{body}"
        );
    }
}

#[tokio::test]
async fn graphs_texts_are_shown_without_characters_that_reorder_a_line() {
    let text = "a\u{202e}b\u{2066}c\u{200f}d\u{61c}e\u{2028}f\n";
    let body =
        serde_json::json!({"error": {"code": text, "message": text, "innerError": {"request-id": text}}});
    let server = Server::start([Reply::json(400, &body.to_string())]);
    let error = graph(&server).get(&tenant(), Version::V1, ID).await.unwrap_err();
    let GraphErrorKind::Validation { message } = &error.kind else {
        panic!("{error:?}")
    };
    assert_eq!(message, "abcdef");
    assert_eq!(error.code.as_deref(), Some("abcdef"));
    assert_eq!(error.request_id.as_deref(), Some("abcdef"));
}

#[tokio::test]
async fn temporary_errors_are_retried() {
    let handshake = "Subscription validation request failed. Notification endpoint must respond with 200 OK";
    for reply in [
        Reply::json(429, "").header("retry-after", "0"),
        Reply::json(503, ""),
        Reply::json(504, ""),
        refused(408, "Code", ""),
        refused(423, "Code", ""),
        refused(400, "ValidationError", handshake),
        refused(
            400,
            "ExtensionError",
            "There was an error processing a storage extension.",
        ),
    ] {
        let server = Server::start([reply, Reply::json(201, &listed())]);
        let created = graph(&server)
            .create(
                &tenant(),
                Version::V1,
                &new_subscription(),
                &AtomicBool::default(),
            )
            .await
            .unwrap();
        assert_eq!(created.id, ID);
    }
}

#[tokio::test]
async fn permanent_errors_are_not_retried() {
    let server = Server::start((0..4).map(|_| Reply::json(429, "").header("retry-after", "0")));
    let graph = graph(&server);
    let error = graph.list(&tenant()).await.unwrap_err();
    assert_eq!((graph.throttled(), graph.throttled()), (4, 0));
    assert!(
        matches!(
            error.kind,
            GraphErrorKind::Throttled {
                retry_after: Some(Duration::ZERO)
            }
        ),
        "{error:?}"
    );
    assert_eq!(server.lines().len(), 4);
}

#[tokio::test]
async fn a_token_that_is_refused_is_replaced_once() {
    let refused = || refused(401, "InvalidAuthenticationToken", "expired");
    let server = Server::start([
        refused(),
        Reply::json(200, r#"{"value":[]}"#),
        refused(),
        refused(),
    ]);
    let graph = graph(&server);
    graph.list(&tenant()).await.unwrap();
    let error = graph.list(&tenant()).await.unwrap_err();
    assert!(
        matches!(error.kind, GraphErrorKind::Unauthorized { .. }),
        "{error:?}"
    );
    let tokens: Vec<_> = server
        .requests()
        .iter()
        .map(|request| {
            request
                .head
                .split("Bearer ")
                .nth(1)
                .unwrap()
                .split_whitespace()
                .next()
                .unwrap()
                .to_owned()
        })
        .collect();
    assert_eq!(tokens, ["token-1", "token-2", "token-2", "token-3"]);
}

#[tokio::test]
async fn without_a_token_no_call_is_made() {
    let server = Server::start([]);
    let tenant = Tenant {
        credential: Credential::RefreshToken {
            refresh_token: Secret::new("seed".to_owned()),
            client_secret: None,
        },
        ..tenant()
    };
    let error = graph(&server).list(&tenant).await.unwrap_err();
    assert!(matches!(error.kind, GraphErrorKind::Login(_)), "{error:?}");
}

fn refused(status: u16, code: &str, message: &str) -> Reply {
    let body = serde_json::json!({
        "error": {"code": code, "message": message, "innerError": {"request-id": "request-1"}},
    });
    Reply::json(status, &body.to_string())
}

/// Returns a client whose tokens are numbered and come from a second server.
fn graph(server: &Server) -> GraphClient<Doubles> {
    let token = |number| {
        let body = format!(r#"{{"expires_in":3599,"access_token":"token-{number}"}}"#);
        Reply::json(200, &body)
    };
    let tokens = Server::start((1..=4).map(token));
    let (http, clock) = (Http::default(), FakeClock::default());
    let login = TokenProvider::new(
        http.clone(),
        Some(tokens.url()),
        NoRefreshTokens,
        FakeIdentity,
        clock,
    );
    GraphClient::new(http, login.unwrap(), Some(server.url())).unwrap()
}

pub(super) fn tenant() -> Tenant {
    Tenant {
        application: application(("tenant", "app")),
        cloud: Cloud::Global,
        credential: Credential::ClientSecret {
            client_secret: Secret::new("secret".to_owned()),
        },
        client_secret_expires: None,
        own_certificate: false,
    }
}

fn listed() -> String {
    format!(r#"{{"id":"{ID}","expirationDateTime":"2026-11-22T10:00:00Z"}}"#)
}

fn update() -> SubscriptionUpdate {
    SubscriptionUpdate {
        expiration_date_time: "2026-11-22T10:00:00Z".parse().unwrap(),
        notification_url: None,
        certificate: Some(EncryptionCertificate {
            certificate: "MII".to_owned(),
            id: "c-1".to_owned(),
        }),
    }
}

fn new_subscription() -> NewSubscription {
    NewSubscription {
        change_type: "created".to_owned(),
        notification_url: "https://h/n".to_owned(),
        lifecycle_notification_url: "https://h/l".to_owned(),
        resource: "/users".to_owned(),
        notification_query_options: None,
        expiration_date_time: "2026-11-22T10:00:00Z".parse().unwrap(),
        client_state: "a.b.c".to_owned(),
        latest_supported_tls_version: "v1_2",
        include_resource_data: false,
        certificate: None,
        prefer: Some("include-unknown-enum-members"),
    }
}
