//! The content of the documents after updates.

use std::collections::BTreeMap;

use crate::{
    application::{Application, Guid, test_util::guid},
    cloud::Cloud,
    notification::envelope::test_util::{self, SystemRng},
    secrets::{DecryptionDocument, TrustedTenants},
    subscription::config::{Config, Credential, Tenant},
};

use super::*;
use crate::secrets::ClientStateDocument;

const APP: &str = "cccccccc-0000-0000-0000-000000000000";

#[test]
fn hundreds_of_tenants_share_one_key_and_fit() {
    let mut document = ClientStateDocument::default();
    let changes = client_state(&mut document, &config(0..1_000), 0);
    assert_eq!(changes.refused, Vec::<String>::new());
    assert_eq!((document.keys.len(), trusted(&document.trusted)), (1, 1_000));
    assert!(room::left(&document) > 20_000);
}

#[test]
fn tenants_without_room_wait_and_cost_the_others_nothing() {
    let mut document = ClientStateDocument::default();
    client_state(&mut document, &config(0..1_000), 0);
    let changes = client_state(&mut document, &config(0..3_000), 1);
    assert!(changes.is_changed);
    let trusted_now = trusted(&document.trusted);
    assert!((1_500..1_700).contains(&trusted_now), "{trusted_now}");
    let expected = format!("{} new tenants get no subscriptions (", 3_000 - trusted_now);
    assert!(changes.refused[0].starts_with(&expected), "{:?}", changes.refused);
    assert!(changes.refused[0].len() < 300, "names ten at the most");
    // The existing tenants have stayed, and there is room for the key's successor.
    let present: Vec<_> = document.trusted.iter().flat_map(TrustedTenants::each).collect();
    assert!((0..1_000).all(|number| present.iter().any(|one| one.application.tenant_id == id(number))));
    let mut forced = request();
    forced.forced.client_state = true;
    let changes = update_client_state(&mut document, &config(0..3_000), &forced, at(2), &mut SystemRng);
    assert_eq!((document.keys.len(), changes.done.len()), (2, 1));
    assert!(serde_json::to_string(&document).unwrap().len() <= 65_536);
}

#[test]
fn a_tenant_removed_from_a_valid_configuration_is_no_longer_trusted() {
    let (mut client_states, mut decryption) = (ClientStateDocument::default(), decryption_document());
    client_state(&mut client_states, &config(0..2), 0);
    certificates(&mut decryption, &config(0..2), 0);
    let mut broken = config(0..1);
    broken.whole = false;
    for (config, expected) in [(broken, 2), (config(0..1), 1), (config(0..0), 0)] {
        client_state(&mut client_states, &config, 1);
        certificates(&mut decryption, &config, 1);
        let found = [trusted(&client_states.trusted), trusted(&decryption.trusted)];
        assert_eq!(found, [expected; 2]);
    }
    assert_eq!(client_states.keys.len(), 1, "the key is everybody's");
}

#[test]
fn newcomers_wait_a_lead_counted_from_the_write() {
    let mut document = ClientStateDocument::default();
    client_state(&mut document, &config(0..1), 0);
    assert_eq!(document.trusted[0].from, None, "no webhook has an older document");
    client_state(&mut document, &config(0..2), 1);
    let waits = document.trusted[1].from.unwrap();
    assert_eq!(waits.duration_since(at(1)), request().lead.application);
    // A later tenant does not make the others wait again.
    client_state(&mut document, &config(0..3), 2);
    let groups: Vec<_> = document
        .trusted
        .iter()
        .map(|group| (group.from, group.tenants.len()))
        .collect();
    assert_eq!(
        groups,
        [(None, 2), (Some(after(at(2), request().lead.application)), 1)]
    );
}

#[test]
fn a_successor_is_created_once_and_used_after_a_delay() {
    let mut document = ClientStateDocument::default();
    client_state(&mut document, &config(0..1), 0);
    let mut forced = request();
    forced.forced.client_state = true;
    for (hour, keys) in [(1, 2), (1, 2)] {
        update_client_state(&mut document, &config(0..1), &forced, at(hour), &mut SystemRng);
        assert_eq!(document.keys.len(), keys);
    }
    let use_from = document.keys[1].life.use_from.unwrap();
    assert_eq!(use_from.duration_since(at(1)), forced.lead.key);
    assert_eq!(document.keys[0].life.retire_by, Some(use_from));
}

#[test]
fn a_tenant_with_a_certificate_of_its_own_shares_it_with_nobody() {
    let mut config = config(0..2);
    config.tenants.get_mut("t1").unwrap().own_certificate = true;
    let mut document = decryption_document();
    certificates(&mut document, &config, 0);
    let owners: Vec<_> = document.keys.iter().map(|key| key.only_for_tenant).collect();
    assert_eq!(owners, [None, Some(id(1))]);
    let keys = PublishedKeys {
        decryption: document.clone(),
        ..PublishedKeys::default()
    };
    for (tenant, key) in [("t0", 0), ("t1", 1)] {
        let certificate = keys.certificate(&config.tenants[tenant], at(0)).unwrap();
        assert_eq!(certificate.id, document.keys[key].id);
    }
    // Once it is gone, its certificate is removed in the end.
    config.tenants.remove("t1");
    let in_use = KeysInUse::default();
    assert!(retire_certificates(&mut document, &config, &in_use, at(0)).is_changed);
    let changes = retire_certificates(&mut document, &config, &in_use, at(19 * 24));
    assert_eq!((document.keys.len(), changes.done.len()), (1, 1));
}

#[test]
fn a_certificate_without_room_is_a_problem_of_one_tenant() {
    let mut document = decryption_document();
    let key = document.keys[0].clone();
    while room::left(&document) >= room::CERTIFICATE {
        document.keys.push(key.clone());
    }
    let mut forced = request();
    forced.forced.certificate = true;
    let before = document.keys.len();
    let changes =
        update_decryption(&mut document, &config(0..1), &forced, at(9_000), &mut SystemRng).unwrap();
    assert_eq!(document.keys.len(), before);
    assert_eq!(
        changes.refused[0],
        "a certificate is not created: DecryptionSecret is full"
    );
}

fn client_state(document: &mut ClientStateDocument, config: &Config, hour: i64) -> KeyChanges {
    update_client_state(document, config, &request(), at(hour), &mut SystemRng)
}

fn certificates(document: &mut DecryptionDocument, config: &Config, hour: i64) {
    update_decryption(document, config, &request(), at(hour), &mut SystemRng).unwrap();
}

#[test]
fn a_tenant_is_new_only_while_every_key_is_read_and_young() {
    let mut document = ClientStateDocument::default();
    client_state(&mut document, &config(0..1), 0);
    let is_new = |document: &ClientStateDocument, hour| {
        let keys = PublishedKeys {
            client_state: document.clone(),
            ..PublishedKeys::default()
        };
        keys.is_new(&tenant(0), &request().lead, at(hour))
    };
    assert!(is_new(&document, 0));
    assert!(!is_new(&document, 1));
    let mut with_odd = serde_json::to_value(&document).unwrap();
    let odd = serde_json::json!({"id": "old", "key": 7});
    with_odd["keys"].as_array_mut().unwrap().push(odd);
    let with_odd: ClientStateDocument = serde_json::from_str(&with_odd.to_string()).unwrap();
    assert!(!is_new(&with_odd, 0), "the key that cannot be read may be old");
    assert!(!is_new(&ClientStateDocument::default(), 0));
}

/// Returns a document with one certificate, so that tests need not generate one.
fn decryption_document() -> DecryptionDocument {
    let mut key = test_util::key().clone();
    key.created_at = at(0);
    DecryptionDocument::new(vec![key], Vec::new())
}

fn trusted(groups: &[TrustedTenants]) -> usize {
    groups.iter().map(|group| group.tenants.len()).sum()
}

fn request() -> RotationRequest {
    RotationRequest {
        rotation: Rotation::default(),
        forced: Forced::default(),
        lead: Lead {
            key: SignedDuration::from_mins(6),
            application: SignedDuration::from_secs(45),
        },
        dry_run: false,
    }
}

fn config(numbers: std::ops::Range<usize>) -> Config {
    let tenants: BTreeMap<_, _> = numbers
        .map(|number| (format!("t{number}"), tenant(number)))
        .collect();
    Config {
        tenants,
        whole: true,
        ..Config::default()
    }
}

fn tenant(number: usize) -> Tenant {
    Tenant {
        application: Application {
            tenant_id: id(number),
            client_id: guid(APP),
        },
        cloud: Cloud::Global,
        credential: Credential::WebIdentity,
        client_secret_expires: None,
        own_certificate: false,
    }
}

fn id(number: usize) -> Guid {
    guid(&format!("aaaaaaaa-0000-0000-0000-{number:012}"))
}
