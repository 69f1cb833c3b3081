//! What a token says, right and wrong.

use serde_json::json;

use super::*;

#[test]
fn a_version_1_token_vouches() {
    check(&[SIGNER.token(&v1())], Ok(()));
}

#[test]
fn a_version_2_token_vouches() {
    check(&[SIGNER.token(&v2())], Ok(()));
}

#[test]
fn the_case_of_an_id_means_nothing() {
    let Application { tenant_id, client_id } = tenant().application;
    let mut claims = with(v2(), "aud", json!(client_id.to_string().to_uppercase()));
    claims["tid"] = json!(tenant_id.to_string().to_uppercase());
    let issuer = claims["iss"].as_str().unwrap();
    claims["iss"] = json!(issuer.replace(&tenant_id.to_string(), &tenant_id.to_string().to_uppercase()));
    check(&[SIGNER.token(&claims)], Ok(()));
}

// The right caller.

#[test]
fn a_version_1_token_of_another_caller_is_refused() {
    refuses(&with(v1(), "appid", json!(STRANGER)));
}

#[test]
fn a_version_2_token_of_another_caller_is_refused() {
    refuses(&with(v2(), "azp", json!(STRANGER)));
}

#[test]
fn a_version_1_token_without_a_caller_is_refused() {
    refuses(&without(v1(), "appid"));
}

#[test]
fn a_version_2_token_without_a_caller_is_refused() {
    refuses(&without(v2(), "azp"));
}

#[test]
fn appid_is_not_the_caller_of_a_version_2_token() {
    refuses(&with(without(v2(), "azp"), "appid", json!(PUBLISHER)));
}

#[test]
fn azp_is_not_the_caller_of_a_version_1_token() {
    refuses(&with(without(v1(), "appid"), "azp", json!(PUBLISHER)));
}

#[test]
fn the_publisher_of_connector_notifications_is_refused() {
    let connectors = json!("56c1da01-2129-48f7-9355-af6d59d42766");
    refuses(&with(v2(), "azp", connectors));
}

// The right version and issuer.

#[test]
fn another_version_is_refused() {
    for version in [json!("3.0"), json!("1"), json!(""), json!(2.0), json!(null)] {
        refuses(&with(v2(), "ver", version));
    }
    refuses(&without(v2(), "ver"));
}

#[test]
fn the_issuer_of_the_other_version_is_refused() {
    refuses(&with(v1(), "iss", v2()["iss"].clone()));
    refuses(&with(v2(), "iss", v1()["iss"].clone()));
}

#[test]
fn an_issuer_that_only_resembles_microsofts_is_rejected() {
    for issuer in [
        "https://sts.windows.net.evil.example/11111111-2222-3333-4444-555555555555/",
        "https://sts.windows.net@evil.example/11111111-2222-3333-4444-555555555555/",
        "https://evil.example/sts.windows.net/11111111-2222-3333-4444-555555555555/",
        "https://sts.windows.net/11111111-2222-3333-4444-555555555555",
        "https://sts.windows.net/11111111-2222-3333-4444-555555555555//",
        "https://sts.windows.net//11111111-2222-3333-4444-555555555555/",
        "https://sts.windows.net/11111111-2222-3333-4444-555555555555/ ",
        "https://sts.windows.net/11111111-2222-3333-4444-555555555555/?",
        "https://sts.windows.net:443/11111111-2222-3333-4444-555555555555/",
        "http://sts.windows.net/11111111-2222-3333-4444-555555555555/",
        "HTTPS://STS.WINDOWS.NET/11111111-2222-3333-4444-555555555555/",
        "https://sts.windows.net/{tenantid}/",
        "https://sts.windows.net/common/",
        "",
    ] {
        refuses(&with(v1(), "iss", json!(issuer)));
    }
    for issuer in [
        "https://login.microsoftonline.com.evil.example/11111111-2222-3333-4444-555555555555/v2.0",
        "https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0/",
        "https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/V2.0",
        "https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555",
        "https://login.microsoftonline.us/11111111-2222-3333-4444-555555555555/v2.0",
        "http://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0",
        "https://LOGIN.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0",
    ] {
        refuses(&with(v2(), "iss", json!(issuer)));
    }
}

#[test]
fn the_issuer_of_another_tenant_is_refused() {
    let other = claims_v1(&other_tenant(), now())["iss"].clone();
    refuses(&with(v1(), "iss", other));
    let other = claims_v2(&other_tenant(), now())["iss"].clone();
    refuses(&with(v2(), "iss", other));
}

#[test]
fn a_list_of_issuers_is_refused() {
    refuses(&with(v2(), "iss", json!([v2()["iss"]])));
}

// The right tenant.

#[test]
fn a_token_for_another_tenant_is_refused() {
    let mut claims = claims_v2(&other_tenant(), now());
    claims["aud"] = json!(tenant().application.client_id);
    refuses(&claims);
}

#[test]
fn a_tenant_that_is_not_a_guid_is_rejected() {
    for id in [
        "common",
        "11111111-2222-3333-4444-55555555555",
        "11111111-2222-3333-4444-5555555555555",
        "1111111122223333-4444-555555555555",
        "11111111-2222-3333-4444-555555555555-",
        "11111111-2222-3333-4444-55555555555g",
        "",
    ] {
        let mut claims = with(v2(), "tid", json!(id));
        claims["iss"] = json!(format!("https://login.microsoftonline.com/{id}/v2.0"));
        refuses(&claims);
    }
}

#[test]
fn of_two_tenants_the_one_without_a_token_is_not_trusted() {
    let tokens = [SIGNER.token(&v2())];
    check_for(&tenant(), &tokens, Ok(()));
    check_for(&other_tenant(), &tokens, Err(TokenError::Rejected));
}

#[test]
fn a_token_of_another_cloud_vouches_for_nobody() {
    let mut expected = tenant();
    expected.cloud = Cloud::Usgov;
    check_for(&expected, &[SIGNER.token(&v2())], Err(TokenError::Rejected));
}

// The right audience.

#[test]
fn a_token_for_another_application_is_refused() {
    refuses(&with(v2(), "aud", json!(STRANGER)));
}

#[test]
fn a_list_of_audiences_is_refused() {
    refuses(&with(v2(), "aud", json!([tenant().application.client_id])));
    refuses(&with(
        v2(),
        "aud",
        json!([tenant().application.client_id, STRANGER]),
    ));
}

#[test]
fn an_audience_in_the_form_of_a_uri_is_refused() {
    let uri = format!("api://{}", tenant().application.client_id);
    refuses(&with(v1(), "aud", json!(uri)));
}

#[test]
fn a_claim_that_counts_must_be_there() {
    for name in ["aud", "iss", "tid", "nbf", "exp"] {
        refuses(&without(v2(), name));
        refuses(&with(v2(), name, json!(null)));
    }
}

#[test]
fn a_repeated_claim_is_rejected() {
    let claims = v2().to_string();
    let twice = claims.replacen('{', &format!("{{\"aud\":\"{STRANGER}\","), 1);
    let token = SIGNER.sign(&SIGNER.header().to_string(), &twice);
    check(&[token], Err(TokenError::Rejected));
}

// The right time.

#[test]
fn a_token_is_valid_within_the_leeway_and_no_longer() {
    for (name, seconds, expected) in [
        ("exp", -299, Ok(())),
        ("exp", -300, Err(TokenError::Rejected)),
        ("nbf", 300, Ok(())),
        ("nbf", 301, Err(TokenError::Rejected)),
    ] {
        let time = json!(now().as_second() + seconds);
        check(&[SIGNER.token(&with(v2(), name, time))], expected);
    }
}

#[test]
fn an_expired_token_is_refused() {
    refuses(&with(v2(), "exp", json!(now().as_second() - 86_400)));
}

#[test]
fn a_token_of_tomorrow_is_refused() {
    refuses(&with(v2(), "nbf", json!(now().as_second() + 86_400)));
}

#[test]
fn a_time_at_the_end_of_all_numbers_does_not_overflow() {
    check(&[SIGNER.token(&with(v2(), "exp", json!(i64::MAX)))], Ok(()));
    check(&[SIGNER.token(&with(v2(), "nbf", json!(i64::MIN)))], Ok(()));
    refuses(&with(v2(), "exp", json!(i64::MIN)));
    refuses(&with(v2(), "nbf", json!(i64::MAX)));
}

#[test]
fn a_time_that_is_not_an_integer_is_rejected() {
    for time in [json!("4102444800"), json!(4.1e9), json!(u64::MAX), json!([])] {
        refuses(&with(v2(), "exp", time));
    }
}
