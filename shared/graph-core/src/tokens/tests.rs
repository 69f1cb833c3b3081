//! One test for each way in which a token can be wrong, and for what must pass.

use aws_lc_rs::{hmac, rand, signature};
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::testing::{OTHER_SIGNER, SIGNER, Signer, claims_v1, claims_v2, encode};
use super::*;
use crate::config::Cloud;

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
    let mut expected = tenant();
    expected.tenant_id = expected.tenant_id.to_uppercase();
    expected.client_id = expected.client_id.to_uppercase();
    check_for(&expected, &[SIGNER.token(&v2())], Ok(()));
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
fn an_issuer_that_only_looks_like_microsoft_is_refused() {
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
    claims["aud"] = json!(tenant().client_id);
    refuses(&claims);
}

#[test]
fn a_tenant_that_is_no_guid_is_refused() {
    for id in [
        "common",
        "11111111-2222-3333-4444-55555555555",
        "11111111-2222-3333-4444-5555555555555",
        "1111111122223333-4444-555555555555",
        "11111111-2222-3333-4444-555555555555-",
        "11111111-2222-3333-4444-55555555555g",
        "",
    ] {
        let mut expected = tenant();
        expected.tenant_id = id.to_owned();
        let token = SIGNER.token(&claims_v2(&expected, now()));
        check_for(&expected, &[token], Err(TokenError::Rejected));
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
    refuses(&with(v2(), "aud", json!([tenant().client_id])));
    refuses(&with(v2(), "aud", json!([tenant().client_id, STRANGER])));
}

#[test]
fn an_audience_in_the_form_of_a_uri_is_refused() {
    let uri = format!("api://{}", tenant().client_id);
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
fn a_claim_that_comes_twice_is_refused() {
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
fn a_time_that_is_no_whole_number_is_refused() {
    for time in [json!("4102444800"), json!(4.1e9), json!(u64::MAX), json!([])] {
        refuses(&with(v2(), "exp", time));
    }
    refuses(&with(v2(), "exp", json!(i64::MIN)));
    refuses(&with(v2(), "nbf", json!(i64::MAX)));
}

// The right algorithm and header.

#[test]
fn an_unsigned_token_is_refused() {
    for algorithm in ["none", "None", "NONE", "nOnE", ""] {
        let header = with(SIGNER.header(), "alg", json!(algorithm));
        let message = message(&header, &v2());
        check(&[format!("{message}.")], Err(TokenError::Rejected));
        // A signature that would hold does not help.
        refuses_header(&header);
    }
}

#[test]
fn a_token_without_signature_is_refused() {
    let message = message(&SIGNER.header(), &v2());
    check(&[format!("{message}.")], Err(TokenError::Rejected));
    check(&[message], Err(TokenError::Rejected));
}

#[test]
fn a_token_signed_with_the_public_key_as_a_secret_is_refused() {
    let header = with(SIGNER.header(), "alg", json!("HS256"));
    let message = message(&header, &v2());
    let public = SIGNER.jwk()["n"].as_str().unwrap().to_owned();
    for secret in [public.as_bytes(), &SIGNER.jwks()] {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let tag = hmac::sign(&key, message.as_bytes());
        let token = format!("{message}.{}", encode(tag.as_ref()));
        check(&[token], Err(TokenError::Rejected));
    }
}

#[test]
fn a_token_signed_by_another_rsa_algorithm_is_refused() {
    let algorithms: [(&str, &'static dyn signature::RsaEncoding); 3] = [
        ("PS256", &signature::RSA_PSS_SHA256),
        ("RS384", &signature::RSA_PKCS1_SHA384),
        ("RS512", &signature::RSA_PKCS1_SHA512),
    ];
    for (name, encoding) in algorithms {
        for claimed in [name, "RS256"] {
            let header = with(SIGNER.header(), "alg", json!(claimed));
            check(&[sign_by(encoding, &header)], Err(TokenError::Rejected));
        }
    }
}

#[test]
fn an_algorithm_other_than_the_one_in_use_is_refused() {
    for algorithm in [
        json!("HS256"),
        json!("PS256"),
        json!("ES256"),
        json!("rs256"),
        json!(["RS256"]),
        json!(null),
    ] {
        refuses_header(&with(SIGNER.header(), "alg", algorithm));
    }
    refuses_header(&without(SIGNER.header(), "alg"));
}

#[test]
fn a_header_that_brings_a_key_is_refused() {
    refuses_header(&with(SIGNER.header(), "jwk", SIGNER.jwk()));
    refuses_header(&with(SIGNER.header(), "jwk", json!(null)));
}

#[test]
fn a_header_that_says_where_to_fetch_a_key_is_refused() {
    refuses_header(&with(SIGNER.header(), "jku", json!("https://evil.example/keys")));
}

#[test]
fn a_header_that_says_where_to_fetch_a_certificate_is_refused() {
    refuses_header(&with(SIGNER.header(), "x5u", json!("https://evil.example/cert")));
}

#[test]
fn a_header_that_brings_a_certificate_is_refused() {
    refuses_header(&with(SIGNER.header(), "x5c", json!(["MIIB"])));
}

#[test]
fn a_header_with_critical_extensions_is_refused() {
    refuses_header(&with(SIGNER.header(), "crit", json!(["exp"])));
    refuses_header(&with(SIGNER.header(), "b64", json!(false)));
}

#[test]
fn a_name_written_in_escapes_is_the_same_name() {
    let header = SIGNER.header().to_string();
    let escaped = header.replacen('{', r#"{"\u006aku":"https://evil.example/","#, 1);
    let token = SIGNER.sign(&escaped, &v2().to_string());
    check(&[token], Err(TokenError::Rejected));
}

#[test]
fn a_header_member_that_comes_twice_is_refused() {
    for extra in [
        r#""alg":"none""#,
        r#""alg":"RS256""#,
        r#""kid":"other""#,
        r#""typ":"a""#,
    ] {
        let header = SIGNER.header().to_string();
        let twice = header.replacen('{', &format!("{{{extra},"), 1);
        let token = SIGNER.sign(&twice, &v2().to_string());
        check(&[token], Err(TokenError::Rejected));
    }
}

#[test]
fn a_token_that_names_no_key_is_refused() {
    refuses_header(&without(SIGNER.header(), "kid"));
    refuses_header(&with(SIGNER.header(), "kid", json!("")));
    refuses_header(&with(SIGNER.header(), "kid", json!(7)));
}

#[test]
fn the_header_of_a_version_1_token_is_accepted() {
    let header = with(SIGNER.header(), "x5t", json!("kid-1"));
    check(&[SIGNER.token_with_header(&header, &v1())], Ok(()));
}

// The right key.

#[test]
fn a_token_signed_by_another_key_is_refused() {
    let token = OTHER_SIGNER.token_with_header(&SIGNER.header(), &v2());
    check(&[token], Err(TokenError::Rejected));
}

#[test]
fn a_changed_token_is_refused() {
    let token = SIGNER.token(&v2());
    let parts: Vec<&str> = token.split('.').collect();
    let claims = encode(with(v2(), "oid", json!("admin")).to_string().as_bytes());
    let header = encode(with(SIGNER.header(), "typ", json!("jwt")).to_string().as_bytes());
    let flipped = if parts[2].starts_with('A') { "B" } else { "A" };
    for changed in [
        format!("{}.{claims}.{}", parts[0], parts[2]),
        format!("{header}.{}.{}", parts[1], parts[2]),
        format!("{}.{}.{flipped}{}", parts[0], parts[1], &parts[2][1..]),
        format!("{}.{}.{}", parts[0], parts[1], &parts[2][..100]),
    ] {
        check(&[changed], Err(TokenError::Rejected));
    }
}

#[test]
fn an_unknown_key_may_become_known_when_keys_roll() {
    let tokens = [OTHER_SIGNER.token(&v2())];
    check(&tokens, Err(TokenError::UnknownKey));
    let rolled = keys(&[SIGNER.jwk(), OTHER_SIGNER.jwk()]);
    check_with(&rolled, &tokens, Ok(()));
}

#[test]
fn an_unknown_key_is_final_once_the_keys_are_fresh() {
    assert_eq!(TokenError::UnknownKey.settled(), TokenError::Rejected);
    assert_eq!(TokenError::Rejected.settled(), TokenError::Rejected);
    assert_eq!(TokenError::Missing.settled(), TokenError::Missing);
}

#[test]
fn an_unknown_key_of_a_token_that_is_wrong_anyway_is_final() {
    let stranger = OTHER_SIGNER.token(&with(v2(), "azp", json!(STRANGER)));
    check(&[stranger], Err(TokenError::Rejected));
}

#[test]
fn an_unknown_key_beside_a_refused_token_still_delays() {
    let stranger = SIGNER.token(&with(v2(), "azp", json!(STRANGER)));
    let unknown = OTHER_SIGNER.token(&v2());
    check(&[unknown.clone(), stranger.clone()], Err(TokenError::UnknownKey));
    check(&[stranger, unknown], Err(TokenError::UnknownKey));
}

#[test]
fn a_key_for_one_issuer_signs_for_that_issuer_only() {
    let consumers = "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0";
    let token = [SIGNER.token(&v2())];
    let key = |issuer: Value| keys(&[with(SIGNER.jwk(), "issuer", issuer)]);
    check_with(&key(json!(consumers)), &token, Err(TokenError::Rejected));
    check_with(&key(v2()["iss"].clone()), &token, Ok(()));
    check_with(&key(v1()["iss"].clone()), &token, Err(TokenError::Rejected));
}

#[test]
fn a_key_for_any_tenant_signs_for_its_own_authority_only() {
    for (issuer, expected) in [
        ("https://login.microsoftonline.com/{tenantid}/v2.0", Ok(())),
        ("https://sts.windows.net/{tenantid}/", Ok(())),
        (
            "https://login.microsoftonline.us/{tenantid}/v2.0",
            Err(TokenError::Rejected),
        ),
        ("{tenantid}", Err(TokenError::Rejected)),
    ] {
        let keys = keys(&[with(SIGNER.jwk(), "issuer", json!(issuer))]);
        check_with(&keys, &[SIGNER.token(&v1())], expected);
        check_with(&keys, &[SIGNER.token(&v2())], expected);
    }
}

#[test]
fn a_key_without_an_issuer_signs_for_all() {
    let keys = keys(&[without(SIGNER.jwk(), "issuer")]);
    check_with(&keys, &[SIGNER.token(&v2())], Ok(()));
}

// Many tokens, and none.

#[test]
fn extra_tokens_do_no_harm() {
    let tokens = [
        SIGNER.token(&claims_v2(&other_tenant(), now())),
        "garbage".to_owned(),
        SIGNER.token(&v2()),
        OTHER_SIGNER.token(&v2()),
    ];
    check(&tokens, Ok(()));
}

#[test]
fn no_token_at_all_is_missing_and_tells_the_operator_why() {
    check(&[], Err(TokenError::Missing));
    let hint = TokenError::Missing.hint().unwrap();
    assert!(hint.contains("appRoleAssignmentRequired"));
    assert_eq!(TokenError::Rejected.hint(), None);
    assert_eq!(TokenError::UnknownKey.hint(), None);
}

#[test]
fn a_token_that_comes_many_times_is_tried_once() {
    let mut tokens = vec![SIGNER.token(&with(v2(), "azp", json!(STRANGER))); 100];
    tokens.push(SIGNER.token(&v2()));
    check(&tokens, Ok(()));
}

#[test]
fn only_so_many_tokens_are_tried() {
    let mut tokens: Vec<String> = (1..MAX_TOKENS).map(|n| n.to_string()).collect();
    tokens.push(SIGNER.token(&v2()));
    check(&tokens, Ok(()));
    tokens.insert(0, "one too many".to_owned());
    check(&tokens, Err(TokenError::Rejected));
}

#[test]
fn a_token_over_the_size_limit_is_refused() {
    let padded = |len: usize| SIGNER.token(&with(v2(), "pad", json!("x".repeat(len))));
    let fits = padded(5000);
    assert!(fits.len() <= MAX_TOKEN_BYTES);
    check(&[fits], Ok(()));
    let oversized = padded(6000);
    assert!(oversized.len() > MAX_TOKEN_BYTES);
    check(&[oversized], Err(TokenError::Rejected));
}

#[test]
fn garbage_is_refused() {
    let token = SIGNER.token(&v2());
    let nested = encode(&[b'['; 5000]);
    for garbage in [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        "....".to_owned(),
        "a.b.c".to_owned(),
        "\u{0}.\u{fffd}.é".to_owned(),
        format!("{nested}.{nested}."),
        format!("{token}."),
        format!("{token}.e30"),
        format!(".{token}"),
        format!(" {token}"),
        format!("{token}\n"),
        format!("{token}="),
        token.replacen('.', ".\n", 1),
        json!({"payload": "e30", "signatures": []}).to_string(),
    ] {
        check(&[garbage], Err(TokenError::Rejected));
    }
}

// Other clouds.

#[test]
fn another_cloud_takes_the_issuer_from_its_metadata_unless_it_is_set() {
    let issuer = "https://login.microsoftonline.us/{tenantid}/v2.0";
    let mut expected = tenant();
    expected.cloud = Cloud::Usgov;
    let own = issuer.replace("{tenantid}", &expected.tenant_id);
    let token = SIGNER.token(&with(v2(), "iss", json!(own)));
    let key = with(SIGNER.jwk(), "issuer", json!(issuer));
    let try_with = |keys: &SigningKeys, authority: &Authority| {
        vouch((), &[&token], &expected, keys, authority, now()).map(|_| ())
    };

    let authority = Authority::of(Cloud::Usgov);
    let plain = keys(&[key]);
    assert_eq!(try_with(&plain, &authority), Err(TokenError::Rejected));
    let informed = plain.clone().with_issuer(Some(issuer));
    assert_eq!(try_with(&informed, &authority), Ok(()));

    let other = "https://login.example/{tenantid}/v2.0".to_owned();
    let configured = Authority {
        issuer_v2: Some(other),
        ..authority
    };
    assert_eq!(try_with(&informed, &configured), Err(TokenError::Rejected));
    let configured = Authority {
        issuer_v2: Some(issuer.to_owned()),
        ..configured
    };
    assert_eq!(try_with(&plain, &configured), Ok(()));
}

#[test]
fn metadata_cannot_change_the_issuer_of_the_global_cloud() {
    let issuer = "https://evil.example/{tenantid}/v2.0";
    let own = issuer.replace("{tenantid}", &tenant().tenant_id);
    let keys = keys(&[without(SIGNER.jwk(), "issuer")]).with_issuer(Some(issuer));
    let token = SIGNER.token(&with(v2(), "iss", json!(own)));
    check_with(&keys, &[token], Err(TokenError::Rejected));
    check_with(&keys, &[SIGNER.token(&v2())], Ok(()));
}

#[test]
fn an_issuer_for_one_tenant_only_is_not_taken_from_metadata() {
    for issuer in ["https://login.example/common/v2.0", "http://a/{tenantid}", ""] {
        assert_eq!(SigningKeys::default().with_issuer(Some(issuer)).issuer(), None);
    }
}

// The list of keys.

#[test]
fn keys_that_cannot_sign_tokens_are_left_out() {
    let jwk = SIGNER.jwk();
    let modulus = |bytes: usize, first: u8| {
        let mut modulus = vec![0xff; bytes];
        modulus[0] = first;
        json!(encode(&modulus))
    };
    for bad in [
        json!(null),
        json!("text"),
        json!({}),
        with(jwk.clone(), "kty", json!("EC")),
        with(jwk.clone(), "use", json!("enc")),
        with(jwk.clone(), "alg", json!("RS512")),
        with(jwk.clone(), "kid", json!("")),
        with(jwk.clone(), "n", json!("not base64!")),
        with(jwk.clone(), "n", json!("")),
        with(jwk.clone(), "e", json!("")),
        with(jwk.clone(), "e", json!("AA")),
        with(jwk.clone(), "issuer", json!(7)),
        with(jwk.clone(), "n", modulus(128, 0xff)),
        with(jwk.clone(), "n", modulus(256, 0x7f)),
        with(jwk.clone(), "n", modulus(1025, 1)),
        without(jwk.clone(), "kid"),
    ] {
        let set = keys(&[bad.clone(), OTHER_SIGNER.jwk()]);
        assert!(!set.contains(SIGNER.kid), "{bad}");
        assert!(set.contains(OTHER_SIGNER.kid));
    }
}

#[test]
fn a_modulus_with_a_leading_zero_is_the_same_modulus() {
    let jwk = SIGNER.jwk();
    let padded = format!("AAAA{}", jwk["n"].as_str().unwrap());
    let padded = keys(&[with(jwk.clone(), "n", json!(padded))]);
    assert_eq!(padded, keys(&[jwk]));
}

#[test]
fn a_document_that_lists_no_keys_is_malformed() {
    for document in ["", "[]", "{}", "<html>", r#"{"keys":{}}"#] {
        let parsed = SigningKeys::parse(document.as_bytes());
        assert_eq!(parsed, Err(MalformedKeys));
    }
    assert!(SigningKeys::parse(br#"{"keys":[]}"#).unwrap().is_empty());
}

#[test]
fn of_two_keys_with_one_id_either_may_sign() {
    let twin = with(OTHER_SIGNER.jwk(), "kid", json!(SIGNER.kid));
    let keys = keys(&[twin, SIGNER.jwk()]);
    check_with(&keys, &[SIGNER.token(&v2())], Ok(()));
}

#[test]
fn the_documented_values_of_the_global_cloud_are_the_default() {
    let authority = Authority::of(Cloud::Global);
    assert_eq!(authority.publisher, PUBLISHER);
    assert_eq!(
        authority.metadata_url(),
        "https://login.microsoftonline.com/common/v2.0/.well-known/openid-configuration"
    );
}

// Which tokens travel with an item.

#[test]
fn only_tokens_for_the_tenant_and_application_are_relevant() {
    let ours = SIGNER.token(&v2());
    let mut other_client = tenant();
    other_client.client_id = STRANGER.to_owned();
    let tokens = [
        SIGNER.token(&claims_v2(&other_tenant(), now())),
        ours.clone(),
        SIGNER.token(&claims_v1(&other_client, now())),
        SIGNER.token(&with(v2(), "aud", json!([tenant().client_id]))),
        "garbage".to_owned(),
        ours.clone(),
    ];
    assert_eq!(ours_of(&tokens), [&ours]);
    let upper = relevant(
        &tokens,
        &tenant().tenant_id.to_uppercase(),
        &tenant().client_id.to_uppercase(),
    );
    assert_eq!(upper, [&ours]);
    assert!(ours_of(&tokens[..1]).is_empty());
}

#[test]
fn few_tokens_and_no_oversized_ones_are_relevant() {
    let token = |n: usize| format!("{}.{n}", message(&SIGNER.header(), &v2()));
    let tokens: Vec<String> = (0..300).map(token).collect();
    assert_eq!(ours_of(&tokens).len(), 8);
    assert_eq!(
        ours_of(&[format!("{}{}", token(1), "A".repeat(MAX_TOKEN_BYTES))]).len(),
        0
    );
    let mut late = vec!["garbage".to_owned(); 1000];
    late.extend((0..256).map(|n| format!("garbage {n}")));
    late.push(token(1));
    assert!(ours_of(&late).is_empty());
}

proptest! {
    #[test]
    fn no_text_panics_or_vouches(tokens in prop::collection::vec(any_token(), 0..4)) {
        let trusted = try_vouch(&tenant(), &keys(&[SIGNER.jwk()]), &tokens);
        prop_assert!(trusted.is_err());
        relevant(&tokens, &tenant().tenant_id, &tenant().client_id);
    }

    #[test]
    fn no_document_of_keys_panics(document in any::<Vec<u8>>(), member in ".*") {
        let _ = SigningKeys::parse(&document);
        let jwk = with(SIGNER.jwk(), "n", json!(member));
        let _ = SigningKeys::parse(json!({"keys": [jwk, member]}).to_string().as_bytes());
    }

    #[test]
    fn one_changed_character_is_one_too_many(at in any::<prop::sample::Index>(), by in "[A-Za-z0-9_.-]") {
        let mut token = SIGNER.token(&v2());
        let at = at.index(token.len());
        prop_assume!(token[at..=at] != by);
        token.replace_range(at..=at, &by);
        prop_assert!(try_vouch(&tenant(), &keys(&[SIGNER.jwk()]), &[token]).is_err());
    }
}

/// Texts that get more or less far.
fn any_token() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        any::<Vec<u8>>().prop_map(|bytes| encode(&bytes)),
        Just(encode(SIGNER.header().to_string().as_bytes())),
        Just(encode(v2().to_string().as_bytes())),
        ".{0,20}",
    ];
    prop_oneof![
        any::<String>(),
        prop::collection::vec(part, 1..5).prop_map(|parts| parts.join(".")),
    ]
}

/// Checks what comes of `tokens` for the first tenant, with the first signer's key listed.
#[track_caller]
fn check(tokens: &[String], expected: Result<(), TokenError>) {
    check_for(&tenant(), tokens, expected);
}

#[track_caller]
fn check_for(tenant: &TrustedTenant, tokens: &[String], expected: Result<(), TokenError>) {
    let outcome = try_vouch(tenant, &keys(&[SIGNER.jwk()]), tokens);
    assert_eq!(outcome, expected, "{tokens:?}");
}

#[track_caller]
fn check_with(keys: &SigningKeys, tokens: &[String], expected: Result<(), TokenError>) {
    assert_eq!(try_vouch(&tenant(), keys, tokens), expected, "{tokens:?}");
}

/// Checks that a well-signed token with these claims is refused.
#[track_caller]
fn refuses(claims: &Value) {
    check(&[SIGNER.token(claims)], Err(TokenError::Rejected));
}

/// Checks that a well-signed token with this header is refused.
#[track_caller]
fn refuses_header(header: &Value) {
    let token = SIGNER.token_with_header(header, &v2());
    check(&[token], Err(TokenError::Rejected));
}

fn try_vouch(tenant: &TrustedTenant, keys: &SigningKeys, tokens: &[String]) -> Result<(), TokenError> {
    let authority = Authority::of(Cloud::Global);
    let trusted = vouch("item", tokens, tenant, keys, &authority, now())?;
    assert_eq!(*trusted.get(), "item");
    Ok(())
}

fn ours_of(tokens: &[String]) -> Vec<&str> {
    relevant(tokens, &tenant().tenant_id, &tenant().client_id)
}

fn keys(entries: &[Value]) -> SigningKeys {
    SigningKeys::parse(json!({"keys": entries}).to_string().as_bytes()).unwrap()
}

/// Returns a token whose signature by the first signer is of another kind than RS256.
fn sign_by(encoding: &'static dyn signature::RsaEncoding, header: &Value) -> String {
    let Signer { pkcs8, .. } = &*SIGNER;
    let pair = signature::RsaKeyPair::from_pkcs8(pkcs8).unwrap();
    let message = message(header, &v2());
    let mut signature = vec![0; pair.public_modulus_len()];
    let random = rand::SystemRandom::new();
    pair.sign(encoding, &random, message.as_bytes(), &mut signature)
        .unwrap();
    format!("{message}.{}", encode(&signature))
}

fn message(header: &Value, claims: &Value) -> String {
    let [header, claims] = [header, claims].map(|part| encode(part.to_string().as_bytes()));
    format!("{header}.{claims}")
}

fn with(mut object: Value, name: &str, value: Value) -> Value {
    object[name] = value;
    object
}

fn without(mut object: Value, name: &str) -> Value {
    object.as_object_mut().unwrap().remove(name);
    object
}

fn v1() -> Value {
    claims_v1(&tenant(), now())
}

fn v2() -> Value {
    claims_v2(&tenant(), now())
}

fn tenant() -> TrustedTenant {
    TrustedTenant {
        tenant_id: "11111111-2222-3333-4444-555555555555".to_owned(),
        client_id: "66666666-7777-8888-9999-aaaaaaaaaaaa".to_owned(),
        cloud: Cloud::Global,
    }
}

fn other_tenant() -> TrustedTenant {
    TrustedTenant {
        tenant_id: "aaaaaaaa-2222-3333-4444-555555555555".to_owned(),
        ..tenant()
    }
}

fn now() -> Timestamp {
    "2026-11-22T10:00:00Z".parse().unwrap()
}

const PUBLISHER: &str = "0bf30f3b-4a52-48df-9a82-234910c4a086";

const STRANGER: &str = "99999999-8888-7777-6666-555555555555";
