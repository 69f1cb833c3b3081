use super::{
    test_util::{client_state, document, key},
    *,
};
use crate::application::test_util::{application, guid};
use proptest::prelude::*;

const TENANT_A: &str = "aaaaaaaa-0000-0000-0000-000000000000";
const TENANT_B: &str = "bbbbbbbb-0000-0000-0000-000000000000";
const CLIENT: &str = "66666666-7777-8888-9999-000000000000";
const A: (&str, &str) = (TENANT_A, CLIENT);
const B: (&str, &str) = (TENANT_B, CLIENT);

/// Subscriptions carry client states for as long as they live, so their form can never change by accident. The values were
/// made with Python's `hmac` and `hashlib`.
#[test]
fn a_client_state_of_before_still_counts() {
    assert_eq!(
        minted("team-messages", false),
        "team-messages.ilBBg.k1.-SdJoPuLzPajVoVgUBewfDNwAp4jeFFw5Ird9kInN4E"
    );
    assert_eq!(
        minted("team-messages", true),
        "team-messages.ilBBg.k1._TH3v_jLmpNV01Y7mM6ewLZTWI_UnTrew7FUrE1NAxs"
    );
}

#[test]
fn a_client_state_proves_its_owner_and_whether_data_was_asked_for() {
    for rich in [false, true] {
        let proof = keys().verify(Some(&minted("team-messages", rich))).unwrap();
        let expected = Proof {
            proven: Proven {
                subscription: "team-messages".to_owned(),
                application: application(A),
            },
            includes_resource_data: rich,
        };
        assert_eq!(proof, expected);
    }
}

#[test]
fn a_second_key_verifies_beside_the_first() {
    for (id, byte) in [("k1", 1), ("k2", 2)] {
        let client_state = client_state(&key(id, byte), A, "mail/4f", true).unwrap();
        assert!(keys().verify(Some(&client_state)).is_ok(), "{id}");
    }
}

#[test]
fn the_longest_names_just_fit() {
    let guid = "11111111-2222-3333-4444-555555555555";
    let name = format!("{}/{guid}", "n".repeat(32));
    let client_state = client_state(&key("k1234567", 1), A, &name, true).unwrap();
    assert_eq!((name.len(), client_state.len()), (MAX_NAME, MAX_LENGTH));
    assert!(key_of("k1234567").verify(Some(&client_state)).is_ok());
}

#[test]
fn a_name_may_have_dots() {
    let client_state = minted("mail/a.b@contoso.example", true);
    let proof = keys().verify(Some(&client_state)).unwrap();
    assert_eq!(proof.proven.subscription, "mail/a.b@contoso.example");
}

#[test]
fn every_way_to_be_wrong_is_refused() {
    let genuine = minted("team-messages", true);
    let (_, tail) = genuine.split_once('.').unwrap();
    let of_b = client_state(&key("k1", 1), B, "team-messages", true).unwrap();
    let tag = |state: &str| state.split('.').nth(1).unwrap().to_owned();
    let swapped = genuine.replace(&tag(&genuine), &tag(&of_b));
    let stranger = client_state(&key("k1", 1), (TENANT_A, "other"), "team-messages", true).unwrap();
    let cases: &[(&str, Option<String>, Refused)] = &[
        ("absent", None, Refused::NoClientState),
        ("empty", Some(String::new()), Refused::WrongClientState),
        ("the text null", Some("null".into()), Refused::WrongClientState),
        (
            "no mac",
            Some("team-messages.ilBBg.k1.".into()),
            Refused::WrongClientState,
        ),
        (
            "other name",
            Some(format!("mail.{tail}")),
            Refused::WrongClientState,
        ),
        ("other application", Some(swapped), Refused::WrongClientState),
        (
            "short mac",
            Some(genuine[..genuine.len() - 4].into()),
            Refused::WrongClientState,
        ),
        (
            "other key",
            Some(genuine.replace(".k1.", ".k2.")),
            Refused::WrongClientState,
        ),
        (
            "unknown key",
            Some(genuine.replace(".k1.", ".k9.")),
            Refused::UnknownKey,
        ),
        ("unknown application", Some(stranger), Refused::UnknownApplication),
        (
            "too long",
            Some(format!("{}{genuine}", "a".repeat(128))),
            Refused::TooLong,
        ),
    ];
    for (case, candidate, expected) in cases {
        let verified = keys().verify(candidate.as_deref());
        assert_eq!(verified, Err(*expected), "{case}");
    }
}

#[test]
fn the_same_subscription_of_another_tenant_or_application_has_another_client_state() {
    let states = [A, B, (TENANT_A, "app2"), (CLIENT, TENANT_A)]
        .map(|application| client_state(&key("k1", 1), application, "mail", true).unwrap());
    let macs: std::collections::BTreeSet<_> = states
        .iter()
        .map(|state| state.rsplit_once('.').unwrap().1)
        .collect();
    assert_eq!(macs.len(), 4);
}

#[test]
fn applications_with_the_same_hash_are_distinguished_by_the_mac() {
    let mut keys = keys();
    let of_b = client_state(&key("k1", 1), B, "mail", false).unwrap();
    let of_a = minted("mail", false);
    let tag = |state: &str| state.split('.').nth(1).unwrap().to_owned();
    let mut both = keys.applications.remove(&tag(&of_b)).unwrap();
    keys.applications.get_mut(&tag(&of_a)).unwrap().append(&mut both);
    let shared = of_b.replace(&tag(&of_b), &tag(&of_a));
    for (state, tenant) in [(of_a, TENANT_A), (shared, TENANT_B)] {
        assert_eq!(
            keys.verify(Some(&state)).unwrap().proven.application.tenant_id,
            guid(tenant)
        );
    }
}

#[test]
fn a_name_that_leaves_no_room_is_not_minted() {
    let subject = Subject {
        name: &"n".repeat(90),
        application: application(A),
        includes_resource_data: false,
    };
    assert_eq!(mint(&key("k1", 1), &subject), Err(MintError::TooLong));
}

#[test]
fn an_unusable_key_is_reported_and_the_others_live() {
    let mut short = key("k1", 1);
    "c2hvcnQ=".clone_into(&mut short.key);
    for unusable in [short, key("", 1), key("k12345678", 1), key("k.1", 1)] {
        let id = unusable.id.clone();
        let (keys, reported) = ClientStateKeys::parse(&document(vec![unusable, key("k2", 2)], &[A]));
        assert_eq!(reported, [id]);
        let client_state = client_state(&key("k2", 2), A, "mail", true).unwrap();
        assert!(keys.verify(Some(&client_state)).is_ok());
    }
}

#[test]
fn keys_print_their_ids_only() {
    assert_eq!(format!("{:?}", keys()), r#"{"k1", "k2"}"#);
}

proptest! {
    #[test]
    fn no_other_text_is_a_client_state(text in ".{0,140}") {
        prop_assert!(keys().verify(Some(&text)).is_err());
    }

    #[test]
    fn a_changed_character_is_refused(at in 0usize..60, with in "[a-zA-Z0-9._-]") {
        let genuine = minted("team-messages", true);
        let at = at % genuine.len();
        let mut changed = genuine.clone();
        changed.replace_range(at..=at, &with);
        prop_assume!(changed != genuine);
        prop_assert!(keys().verify(Some(&changed)).is_err());
    }
}

fn minted(name: &str, includes_resource_data: bool) -> String {
    client_state(&key("k1", 1), A, name, includes_resource_data).unwrap()
}

fn keys() -> ClientStateKeys {
    ClientStateKeys::parse(&document(vec![key("k1", 1), key("k2", 2)], &[A, B])).0
}

fn key_of(id: &str) -> ClientStateKeys {
    ClientStateKeys::parse(&document(vec![key(id, 1)], &[A])).0
}
