//! Many tokens and none, hostile ones, and which travel with an item.

use proptest::prelude::*;
use serde_json::json;

use super::*;

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
fn without_a_token_the_reason_is_token_missing() {
    check(&[], Err(TokenError::Missing));
    let hint = TokenError::Missing.hint().unwrap();
    assert!(hint.contains("appRoleAssignmentRequired"));
    assert_eq!(TokenError::Rejected.hint(), None);
    assert_eq!(TokenError::UnknownKey.hint(), None);
}

#[test]
fn a_repeated_token_is_checked_once() {
    let mut tokens = vec![SIGNER.token(&with(v2(), "azp", json!(STRANGER))); 100];
    tokens.push(SIGNER.token(&v2()));
    check(&tokens, Ok(()));
}

#[test]
fn only_so_many_tokens_are_tried() {
    let mut tokens: Vec<String> = (1..MAX_TOKENS_PER_ITEM).map(|n| n.to_string()).collect();
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

// Which tokens travel with an item.

#[test]
fn only_tokens_for_the_tenant_and_application_are_relevant() {
    let ours = SIGNER.token(&v2());
    let mut other_client = tenant();
    other_client.application.client_id = guid(STRANGER);
    let tokens = [
        SIGNER.token(&claims_v2(&other_tenant(), now())),
        ours.clone(),
        SIGNER.token(&claims_v1(&other_client, now())),
        SIGNER.token(&with(v2(), "aud", json!([tenant().application.client_id]))),
        "garbage".to_owned(),
        ours.clone(),
    ];
    assert_eq!(ours_of(&tokens), [&ours]);
    let client_id = tenant().application.client_id.to_string().to_uppercase();
    assert_eq!(
        ours_of(&[SIGNER.token(&with(v2(), "aud", json!(client_id)))]).len(),
        1
    );
    assert!(ours_of(&tokens[..1]).is_empty());
}

#[test]
fn few_tokens_and_no_oversized_ones_are_relevant() {
    let token = |n: usize| format!("{}.{n}", message(&SIGNER.header(), &v2()));
    let tokens: Vec<String> = (0..300).map(token).collect();
    assert_eq!(ours_of(&tokens).len(), 2);
    assert_eq!(
        ours_of(&[format!("{}{}", token(1), "A".repeat(MAX_TOKEN_BYTES))]).len(),
        0
    );
    let mut late = vec!["garbage".to_owned(); 1000];
    late.extend((0..256).map(|n| format!("garbage {n}")));
    late.push(token(1));
    assert!(ours_of(&late).is_empty());
}

#[test]
fn the_tokens_of_an_item_are_small_together() {
    let token = |n: usize| format!("{}.{}{n}", message(&SIGNER.header(), &v2()), "A".repeat(2_000));
    let tokens: Vec<String> = [token(1), format!("{}{}", token(2), "A".repeat(5_000))].into();
    let relevant = ours_of(&tokens);
    assert_eq!(relevant, [&tokens[0]]);
    assert!(relevant.iter().map(|token| token.len()).sum::<usize>() <= MAX_RELEVANT_BYTES);
}

#[test]
fn a_token_that_is_too_long_to_travel_is_known() {
    let token = |bytes: usize| {
        let token = format!("{}.", message(&SIGNER.header(), &v2()));
        format!("{token}{}", "A".repeat(bytes - token.len()))
    };
    for (bytes, travels) in [
        (7_000, true),
        (MAX_TOKEN_BYTES, true),
        (MAX_TOKEN_BYTES + 1, false),
    ] {
        let tokens = [token(bytes)];
        let index = TokenIndex::new(&tokens);
        let Application { tenant_id, client_id } = tenant().application;
        assert!(index.has(tenant().application), "{bytes}");
        let other = Application {
            tenant_id: client_id,
            client_id: tenant_id,
        };
        assert!(!index.has(other), "{bytes}");
        assert_eq!(!ours_of(&tokens).is_empty(), travels, "{bytes}");
    }
}

#[test]
fn the_tokens_of_a_small_item_are_few_times_its_size() {
    let token = SIGNER.token(&v2());
    let tokens = [token.clone(), format!("{token}A")];
    let index = TokenIndex::new(&tokens);
    let for_item = |bytes: usize| index.relevant(tenant().application, bytes).len();
    let least = token.len().div_ceil(MAX_RELEVANT_TIMES);
    assert_eq!(
        [for_item(least - 1), for_item(least), for_item(2 * least + 1)],
        [0, 1, 2]
    );
}

#[test]
fn a_token_that_would_need_escapes_in_a_message_stays_behind() {
    let token = SIGNER.token(&v2());
    for odd in ["\u{1}", "\"", "\u{ffff}", "="] {
        assert!(ours_of(&[format!("{token}{odd}")]).is_empty(), "{odd:?}");
    }
}

proptest! {
    #[test]
    fn no_text_panics_or_vouches(tokens in prop::collection::vec(any_token(), 0..4)) {
        let trusted = try_vouch(&tenant(), &keys(&[SIGNER.jwk()]), &tokens);
        prop_assert!(trusted.is_err());
        ours_of(&tokens);
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
