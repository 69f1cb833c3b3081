use std::time::Duration;

use futures_util::future::join;

use super::*;
use graph_core::application::test_util::application;

use crate::{
    http::testing::{Reply, Server},
    testing::{FakeClock, FakeIdentity, FakeSecret},
};

mod assertions;
mod refresh;

/// Doubles of the login's services.
#[derive(Debug)]
struct Doubles;

impl Ports for Doubles {
    type Clock = FakeClock;
    type RefreshTokens = FakeSecret;
    type WebIdentity = FakeIdentity;
}

const TENANT: &str = "11111111-2222-3333-4444-555555555555";
const APP: &str = "66666666-7777-8888-9999-000000000000";
const CORRELATION: &str = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee";

#[tokio::test]
async fn a_client_secret_is_sent_as_a_form_and_earns_a_token() {
    let server = Server::start([granted("token-1", "3599")]);
    let token = login(&server).token(&tenant()).await.unwrap();
    assert_eq!(token.expose(), "token-1");
    let requests = server.requests();
    assert_eq!(requests[0].line, format!("POST /{TENANT}/oauth2/v2.0/token"));
    assert_eq!(
        requests[0].body,
        format!(
            "client_id={APP}&grant_type=client_credentials&scope=https%3A%2F%2Fgraph.microsoft.com%2F.default\
             &client_secret=p%26%3D+%2B%2F"
        )
    );
}

#[tokio::test]
async fn a_token_is_kept_until_five_minutes_before_its_end() {
    let server = Server::start([
        granted("short", "300"),
        granted("long", "\"3600\""),
        granted("last", "3600"),
    ]);
    let login = login(&server);
    assert_eq!(login.token(&tenant()).await.unwrap().expose(), "short");
    assert_eq!(login.token(&tenant()).await.unwrap().expose(), "long");
    login.clock.sleep(Duration::from_secs(55 * 60 - 1)).await;
    assert_eq!(login.token(&tenant()).await.unwrap().expose(), "long");
    login.clock.sleep(Duration::from_secs(1)).await;
    assert_eq!(login.token(&tenant()).await.unwrap().expose(), "last");
}

#[tokio::test]
async fn tenants_and_applications_do_not_share_a_token() {
    let server = Server::start([
        granted("one", "3599"),
        granted("two", "3599"),
        granted("three", "3599"),
    ]);
    let login = login(&server);
    let other_tenant = Tenant {
        application: application(("other", APP)),
        ..tenant()
    };
    let other_client = Tenant {
        application: application((TENANT, "other")),
        ..tenant()
    };
    assert_eq!(login.token(&tenant()).await.unwrap().expose(), "one");
    assert_eq!(login.token(&other_tenant).await.unwrap().expose(), "two");
    assert_eq!(login.token(&other_client).await.unwrap().expose(), "three");
}

#[tokio::test]
async fn a_refused_token_is_forgotten_and_a_newer_one_is_not() {
    let server = Server::start([granted("one", "3599"), granted("two", "3599")]);
    let login = login(&server);
    let first = login.token(&tenant()).await.unwrap();
    login.forget(&tenant(), &first);
    assert_eq!(login.token(&tenant()).await.unwrap().expose(), "two");
    login.forget(&tenant(), &first);
    assert_eq!(login.token(&tenant()).await.unwrap().expose(), "two");
}

#[tokio::test]
async fn calls_at_the_same_time_ask_once() {
    let server = Server::start([granted("one", "3599"), granted("two", "3599")]);
    let (login, tenant) = (login(&server), tenant());
    let (first, second) = join(login.token(&tenant), login.token(&tenant)).await;
    assert_eq!(first.unwrap().expose(), "one");
    assert_eq!(second.unwrap().expose(), "one");
    assert_eq!(server.lines().len(), 1);
}

#[tokio::test]
async fn a_new_credential_is_tried_at_once() {
    let server = Server::start([refused(401, "invalid_client"), granted("token", "3599")]);
    let (login, wrong) = (login(&server), tenant());
    for _ in 0..2 {
        let error = login.token(&wrong).await.unwrap_err();
        assert!(matches!(error, LoginError::InvalidClient(_)), "{error}");
    }
    assert_eq!(server.lines().len(), 1, "a refusal is not asked for in a loop");
    let right = with(Credential::ClientSecret {
        client_secret: Secret::new("right".to_owned()),
    });
    assert_eq!(login.token(&right).await.unwrap().expose(), "token");
}

#[tokio::test]
async fn a_refusal_is_not_held_for_longer_than_a_moment() {
    let server = Server::start([refused(401, "invalid_client"), granted("token", "3599")]);
    let login = login(&server);
    login.token(&tenant()).await.unwrap_err();
    login.clock.sleep(Duration::from_secs(9)).await;
    login.token(&tenant()).await.unwrap_err();
    assert_eq!(server.lines().len(), 1);
    login.clock.sleep(Duration::from_secs(1)).await;
    assert_eq!(login.token(&tenant()).await.unwrap().expose(), "token");
}

#[tokio::test]
async fn a_refusal_says_what_to_do_with_code_and_correlation_id_alone() {
    let cases = [
        (
            "invalid_client",
            "client secret is wrong or has expired; create a new one in the app registration, and write its value (not \
             its id) into ConfigSecret",
        ),
        (
            "consent_required",
            "consent is missing; have an administrator grant the application's permissions in this tenant",
        ),
        (
            "unauthorized_client",
            "tenant or application is not set up for this; compare `tenantId`, `clientId` and `cloud` with the app \
             registration, and its permissions and consents",
        ),
    ];
    for (error, expected) in cases {
        let server = Server::start([refused(401, error)]);
        let error = login(&server).token(&tenant()).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("{expected} (AADSTS7000215, correlation id {CORRELATION})")
        );
        assert!(
            !format!("{error:?}").contains("hunter2"),
            "the description is not passed on"
        );
        assert_eq!(server.lines().len(), 1, "{expected}: not tried again");
    }
}

#[tokio::test]
async fn each_code_has_its_own_advice_and_the_last_one_counts() {
    for (body, expected) in [
        (
            r#"{"error":"invalid_client","error_codes":[7000229]}"#,
            "application is not known in the tenant",
        ),
        (
            r#"{"error":"invalid_client","error_codes":[650052]}"#,
            "application is not known in the tenant",
        ),
        (
            r#"{"error":"invalid_client","error_codes":[700025]}"#,
            "remove `clientSecret`",
        ),
        (
            r#"{"error":"invalid_client","error_codes":[70002,50012]}"#,
            "AADSTS50012",
        ),
        (
            r#"{"error":"invalid_client","error_codes":null,"correlation_id":null}"#,
            "client secret is wrong",
        ),
        (
            r#"{"error":"invalid_client","error_codes":["x",7000215]}"#,
            "AADSTS7000215",
        ),
    ] {
        let server = Server::start([Reply::json(401, body)]);
        let error = login(&server).token(&tenant()).await.unwrap_err().to_string();
        assert!(error.contains(expected), "{body}: {error}");
    }
}

#[tokio::test]
async fn an_expired_client_secret_is_named_as_the_cause() {
    let body = r#"{"error":"invalid_client","error_codes":[7000222]}"#;
    for (credential, expected) in [
        (tenant().credential, "client secret has expired; create a new one"),
        (
            user("seed", Some("p")),
            "client secret has expired; create a new one",
        ),
        (
            user("seed", None),
            "application needs a credential in addition to the user's",
        ),
    ] {
        let server = Server::start([Reply::json(401, body)]);
        let error = login(&server).token(&with(credential)).await.unwrap_err();
        assert!(error.to_string().starts_with(expected), "{error}");
    }
}

#[tokio::test]
async fn an_endpoint_that_is_down_is_asked_again() {
    let replies = [
        Reply::json(503, ""),
        refused(400, "temporarily_unavailable"),
        granted("token", "3599"),
    ];
    let server = Server::start(replies);
    let login = login(&server);
    assert_eq!(login.token(&tenant()).await.unwrap().expose(), "token");
    assert!(
        login.clock.slept() >= Duration::from_secs(1 + 2),
        "the pauses are the clock's"
    );
}

#[tokio::test]
async fn an_endpoint_that_stays_down_is_unavailable() {
    let server = Server::start((0..8).map(|_| Reply::json(429, "")));
    let login = login(&server);
    for (seconds, requests) in [(0, 4), (9, 4), (1, 8)] {
        login.clock.sleep(Duration::from_secs(seconds)).await;
        let error = login.token(&tenant()).await.unwrap_err();
        assert!(matches!(error, LoginError::Unavailable(..)), "{error}");
        assert_eq!(server.lines().len(), requests, "callers that waited ask no more");
    }
}

#[tokio::test]
async fn an_answer_without_token_is_malformed() {
    for body in ["", "{}", r#"{"access_token":"","expires_in":1}"#, "<html>"] {
        let server = Server::start([Reply::json(200, body)]);
        let error = login(&server).token(&tenant()).await.unwrap_err();
        assert!(matches!(error, LoginError::Malformed), "{body}: {error}");
    }
}

#[tokio::test]
async fn a_function_without_refresh_tokens_signs_no_user_in() {
    struct Nobody;

    impl Ports for Nobody {
        type Clock = FakeClock;
        type RefreshTokens = NoRefreshTokens;
        type WebIdentity = FakeIdentity;
    }

    let clock = FakeClock::default();
    let login = TokenProvider::<Nobody>::new(Http::default(), None, NoRefreshTokens, FakeIdentity, clock);
    let error = login.unwrap().token(&with(user("seed", None))).await.unwrap_err();
    assert!(matches!(error, LoginError::RefreshTokens(_)), "{error}");
}

#[test]
fn nothing_secret_is_printed() {
    let tenant = with(user("seed-token", Some("hunter2")));
    let login = login_at(Http::default(), None, &FakeSecret::default());
    login.slot(&tenant).learn(
        &Ok(Granted {
            access_token: Secret::new("access-token".to_owned()),
            refresh_token: Some(Secret::new("next-token".to_owned())),
            expires_in: 3599,
        }),
        Timestamp::UNIX_EPOCH,
        Timestamp::UNIX_EPOCH,
    );
    let printed = format!("{login:?} {tenant:?}");
    for secret in ["seed-token", "hunter2", "access-token", "next-token"] {
        assert!(!printed.contains(secret), "{printed}");
    }
}

fn granted(token: &str, expires_in: &str) -> Reply {
    let body = format!(r#"{{"token_type":"Bearer","expires_in":{expires_in},"access_token":"{token}"}}"#);
    Reply::json(200, &body)
}

fn refused(status: u16, error: &str) -> Reply {
    let body = format!(
        r#"{{"error":"{error}","error_description":"AADSTS7000215: hunter2 is wrong","error_codes":[7000215],
            "correlation_id":"{CORRELATION}"}}"#
    );
    Reply::json(status, &body)
}

fn login(server: &Server) -> TokenProvider<Doubles> {
    login_with(server, &FakeSecret::default())
}

fn login_with(server: &Server, tokens: &FakeSecret) -> TokenProvider<Doubles> {
    login_at(Http::default(), Some(server.url()), tokens)
}

fn login_at(http: Http, base: Option<&str>, tokens: &FakeSecret) -> TokenProvider<Doubles> {
    let clock = FakeClock::default();
    TokenProvider::new(http, base, tokens.clone(), FakeIdentity, clock).unwrap()
}

fn tenant() -> Tenant {
    with(Credential::ClientSecret {
        client_secret: Secret::new("p&= +/".to_owned()),
    })
}

fn with(credential: Credential) -> Tenant {
    Tenant {
        application: application((TENANT, APP)),
        cloud: Cloud::Global,
        credential,
        client_secret_expires: None,
        own_certificate: false,
    }
}

fn user(refresh_token: &str, client_secret: Option<&str>) -> Credential {
    Credential::RefreshToken {
        refresh_token: Secret::new(refresh_token.to_owned()),
        client_secret: client_secret.map(|secret| Secret::new(secret.to_owned())),
    }
}
