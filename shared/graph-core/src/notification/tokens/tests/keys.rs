//! Which keys may sign, and for whom.

use serde_json::json;

use super::*;

// The right key.

/// China's login service signs under a name of its own.
#[test]
fn a_version_1_token_of_china_is_accepted() {
    let china = TrustedTenant {
        cloud: Cloud::China,
        ..tenant()
    };
    let issuer = format!("https://sts.chinacloudapi.cn/{}/", china.application.tenant_id);
    let token = SIGNER.token(&with(v1(), "iss", json!(issuer)));
    let authority = Authority::of(Cloud::China);
    let trusted = vouch(
        (),
        &[token],
        &china,
        &keys(&[without(SIGNER.jwk(), "issuer")]),
        &authority,
        now(),
    );
    assert!(trusted.is_ok(), "{trusted:?}");
}

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

// Other clouds.

#[test]
fn another_cloud_takes_the_issuer_from_its_metadata_unless_it_is_set() {
    let issuer = "https://login.microsoftonline.us/{tenantid}/v2.0";
    let mut expected = tenant();
    expected.cloud = Cloud::Usgov;
    let own = issuer.replace("{tenantid}", &expected.application.tenant_id.to_string());
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
    let own = issuer.replace("{tenantid}", &tenant().application.tenant_id.to_string());
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
        let left = keys(&[bad.clone(), OTHER_SIGNER.jwk()]);
        assert_eq!(left, keys(&[OTHER_SIGNER.jwk()]), "{bad}");
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
    assert!(authority.publisher.is(PUBLISHER));
    assert_eq!(
        authority.metadata_url(),
        "https://login.microsoftonline.com/common/v2.0/.well-known/openid-configuration"
    );
}
