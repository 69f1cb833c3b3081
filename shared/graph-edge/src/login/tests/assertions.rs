//! Applications that authenticate with an assertion. The assertion itself is tested in graph-core.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use graph_core::{certificate, subscription::assertion::UnusableCertificate};
use rand_core::UnwrapErr;

use super::*;

#[tokio::test]
async fn a_certificate_is_sent_as_an_assertion_new_for_each_attempt() {
    let server = Server::start([Reply::json(503, ""), granted("token", "3599")]);
    let token = login(&server).token(&with(certified())).await.unwrap();
    assert_eq!(token.expose(), "token");
    let assertions: Vec<String> = server
        .requests()
        .iter()
        .map(|request| {
            let (form, assertion) = request.body.split_once("&client_assertion=").unwrap();
            assert_eq!(
                form,
                format!(
                    "client_id={APP}&grant_type=client_credentials&scope=https%3A%2F%2Fgraph.microsoft.com%2F.default\
                     &client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer"
                )
            );
            assertion.to_owned()
        })
        .collect();
    assert!(assertions.len() == 2 && assertions[0] != assertions[1]);
    assert!(
        assertions
            .iter()
            .all(|assertion| assertion.split('.').count() == 3)
    );
}

#[tokio::test]
async fn an_assertion_names_the_real_clouds_endpoint_as_its_audience() {
    for (cloud, host) in [
        (Cloud::Global, "login.microsoftonline.com"),
        (Cloud::Usgov, "login.microsoftonline.us"),
        (Cloud::UsgovDod, "login.microsoftonline.us"),
        (Cloud::China, "login.partner.microsoftonline.cn"),
    ] {
        let server = Server::start([granted("token", "3599")]);
        let tenant = Tenant {
            cloud,
            ..with(certified())
        };
        login(&server).token(&tenant).await.unwrap();
        let request = &server.requests()[0];
        let claims = request.body.rsplit('.').nth(1).unwrap();
        let claims: serde_json::Value =
            serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
        assert_eq!(
            claims["aud"],
            format!("https://{host}/{TENANT}/oauth2/v2.0/token")
        );
        assert_eq!(claims["iat"], 0, "by the login's clock");
    }
}

#[tokio::test]
async fn an_expired_certificate_is_tried_all_the_same() {
    let server = Server::start([granted("token", "3599")]);
    let login = login(&server);
    login.clock.sleep(Duration::from_hours(48)).await;
    assert_eq!(login.token(&with(certified())).await.unwrap().expose(), "token");
}

#[tokio::test]
async fn an_unusable_certificate_is_reported_without_a_call() {
    let server = Server::start([]);
    let tenant = with(Credential::Certificate {
        private_key: Secret::new("hunter2".to_owned()),
        certificate: Secret::new("hunter2".to_owned()),
    });
    let error = login(&server).token(&tenant).await.unwrap_err();
    assert!(
        matches!(error, LoginError::Certificate(UnusableCertificate::PrivateKey)),
        "{error:?}"
    );
    assert!(!format!("{error:?}{}", crate::telemetry::causes(&error)).contains("hunter2"));
}

#[tokio::test]
async fn the_token_of_the_role_is_for_the_exchange_of_the_cloud() {
    for (cloud, audience) in [
        (Cloud::Global, "AzureADTokenExchange"),
        (Cloud::Usgov, "AzureADTokenExchangeUSGov"),
        (Cloud::China, "AzureADTokenExchangeChina"),
    ] {
        let server = Server::start([granted("token", "3599")]);
        let tenant = Tenant {
            cloud,
            ..with(Credential::WebIdentity)
        };
        login(&server).token(&tenant).await.unwrap();
        let body = &server.requests()[0].body;
        let expected = format!("&client_assertion=token-for-api%3A%2F%2F{audience}");
        assert!(body.ends_with(&expected), "{body}");
    }
}

#[tokio::test]
async fn a_refusal_says_what_to_do_about_the_kind_of_credential() {
    let cases = [
        (
            certified(),
            "invalid_client",
            "certificate is not in the app registration",
        ),
        (
            Credential::WebIdentity,
            "invalid_client",
            "no federated credential of the application matches the AWS role",
        ),
        (
            Credential::WebIdentity,
            "invalid_request",
            "no federated credential of the application matches the AWS role",
        ),
        (
            user("seed", None),
            "invalid_client",
            "application needs a credential in addition to the user's",
        ),
        (
            user("seed", Some("secret")),
            "invalid_client",
            "client secret is wrong or has expired",
        ),
        (
            user("seed", None),
            "interaction_required",
            "user has to sign in again",
        ),
        (
            user("seed", None),
            "invalid_grant",
            "sign-in has expired or was revoked; sign in to the application again as the same user",
        ),
    ];
    for (credential, error, expected) in cases {
        let server = Server::start([refused(400, error)]);
        let error = login(&server).token(&with(credential)).await.unwrap_err();
        assert!(error.to_string().starts_with(expected), "{error}");
    }
}

/// Returns a certificate that is valid for the first day.
fn certified() -> Credential {
    let start = Timestamp::UNIX_EPOCH;
    let entry = certificate::generate("app", 2048, start, 1, &mut UnwrapErr(getrandom::SysRng)).unwrap();
    let certificate = format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----",
        entry.certificate
    );
    Credential::Certificate {
        private_key: Secret::new(entry.private_key.clone()),
        certificate: Secret::new(certificate),
    }
}
