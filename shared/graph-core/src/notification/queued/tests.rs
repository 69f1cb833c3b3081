use super::*;
use crate::notification::{
    item::MAX_MEMBERS,
    seal::seal,
    testing::{TENANT, admitted, keys, with_client_state},
};

#[test]
fn an_item_survives_the_way_unchanged() {
    let item = raw(r#"{"n":1.10, "big":12345678901234567890123, "b":"ü\u0041"}"#);
    let (body, sent) = sent(&item);
    let read = QueuedItem::parse(&body).unwrap();
    assert_eq!(read.item.get(), sent);
    assert_eq!(read.validation_tokens, ["token"]);
    assert!(!read.content_omitted);
}

#[test]
fn an_oversize_item_is_stored_without_its_encrypted_content() {
    let item = raw(&format!(
        r#"{{"resource":"r","resourceData":{{"id":"1"}},"EncryptedContent":{{"data":"{}"}}}}"#,
        "A".repeat(message::MAX_MESSAGE_BODY_BYTES)
    ));
    let (body, _) = sent(&item);
    let read = QueuedItem::parse(&body).unwrap();
    assert!(
        read.item
            .get()
            .ends_with(r#","resource":"r","resourceData":{"id":"1"}}"#)
    );
    assert!(read.content_omitted);
    assert!(read.validation_tokens.is_empty());
}

#[test]
fn an_item_that_is_oversize_even_so_keeps_its_small_members() {
    let item = raw(&format!(
        r#"{{"resource":"r","resourceData":{{"id":"{}"}},"encryptedContent":{{}}}}"#,
        "A".repeat(message::MAX_MESSAGE_BODY_BYTES)
    ));
    let (body, _) = sent(&item);
    let read = QueuedItem::parse(&body).unwrap();
    assert!(
        read.item
            .get()
            .ends_with(r#","resource":"r","encryptedContent":{}}"#)
    );
    const { assert!(MAX_MEMBERS * SMALL_MEMBER_BYTES < message::MAX_MESSAGE_BODY_BYTES) };
}

/// Graph sends an item again at another time, with other tokens.
#[test]
fn repeats_of_an_item_near_the_limit_share_an_id() {
    let (short, long) = ("t".repeat(1_000), "t".repeat(MAX_RELEVANT_BYTES / 2));
    let begin = with_client_state(&raw("{}"), "mail").get().len();
    for members in [r#""encryptedContent":{},"x":"#, r#""x":"#] {
        for extra in -2..=2_isize {
            let filler = MAX_ITEM_BYTES.saturating_add_signed(extra) - begin - members.len() - 3;
            let item = raw(&format!(r#"{{{members}"{}"}}"#, "A".repeat(filler)));
            let bodies = [
                (0, vec![]),
                (1, vec![short.clone()]),
                (2, vec![long.clone(), long.clone()]),
            ];
            let bodies = bodies.map(|(seconds, tokens)| {
                admitted(&item, "mail", |admitted| {
                    assert_eq!(
                        admitted.raw().get().len(),
                        MAX_ITEM_BYTES.saturating_add_signed(extra)
                    );
                    let tokens = tokens.into_iter().map(Cow::Owned).collect();
                    let mut queued = QueuedItem::new(
                        admitted,
                        Receipt {
                            at: at(seconds),
                            index: 0,
                        },
                        tokens,
                    );
                    let (id, version) = ("i".repeat(43), "\u{1}".repeat(128));
                    (queued.id, queued.version) = (id.into(), Some(version.into()));
                    queued.to_body().unwrap()
                })
            });
            let first = QueuedItem::parse(&bodies[0]).unwrap().id;
            for body in &bodies {
                assert!(
                    body.len() + MAX_SEAL_BYTES <= message::MAX_MESSAGE_BODY_BYTES,
                    "{}",
                    body.len()
                );
                let read = QueuedItem::parse(body).unwrap();
                assert_eq!(read.content_omitted, extra > 0, "{extra}");
                assert_eq!(read.id, first, "{members} {extra}");
                // A token vouches for content alone, so what is left of another item is still that item.
                let is_other = extra > 0 && members.contains("encryptedContent");
                assert_eq!(read.id != "i".repeat(43), is_other, "{members} {extra}");
            }
        }
    }
}

#[test]
fn members_that_grow_by_escaping_keep_a_message_within_its_limit() {
    let filler = format!(r#""filler":"{}""#, "A".repeat(message::MAX_MESSAGE_BODY_BYTES));
    // A key of control characters is six times as long as an escape, a noncharacter twice.
    for member in [
        format!(r#""{}":1"#, "\\u0001".repeat(600)),
        format!(r#""{}":1"#, "\\u0001".repeat(1_800)),
        format!(r#""k":"{}""#, "\u{FFFF}".repeat(600)),
        format!(r#""k":"{}""#, "\u{FFFF}".repeat(1_200)),
        format!(r#""k":"{}""#, "x".repeat(1_990)),
    ] {
        let members = vec![member.as_str(); MAX_MEMBERS - 1].join(",");
        check_fits(&format!("{{{filler},{members}}}"));
    }
}

/// An item whose client state holds is never lost, however many members it has.
#[test]
fn an_item_of_any_number_of_members_fits() {
    for member in [
        r#""k":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx""#,
        r#""resource":"r""#,
    ] {
        check_fits(&format!("{{{}}}", vec![member; 100_000].join(",")));
    }
}

/// The client state that proves an item need not be its first one.
#[test]
fn an_item_of_any_size_keeps_the_client_state_that_holds() {
    let filler = r#""k":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx""#;
    let filler = vec![filler; message::MAX_MESSAGE_BODY_BYTES / filler.len()].join(",");
    let genuine = with_client_state(&raw("{}"), "mail");
    let genuine = genuine.get().trim_matches(['{', '}']);
    for before in [
        r#""clientState":"forged""#,
        r#""clientState":null,"ClientState":5"#,
        r#""clientState":"a","clientState":"b","clientState":"c""#,
    ] {
        let item = raw(&format!(r"{{{before},{genuine},{filler}}}"));
        let admitted = Unadmitted::parse(&item).unwrap().admit(&keys()).unwrap();
        let receipt = Receipt { at: at(0), index: 0 };
        let body = QueuedItem::new(&admitted, receipt, Vec::new()).to_body().unwrap();
        let body = seal(&body, &keys(), at(0)).unwrap();
        let verified = open(&body).unwrap();
        assert_eq!(verified.proven().subscription, "mail", "{before}");
    }
}

#[test]
fn a_foreign_body_is_malformed() {
    for body in ["", "{}", "[]", "null", r#"{"subscription":"a"}"#, "\u{0}"] {
        assert!(QueuedItem::parse(body).is_err(), "{body}");
    }
}

#[test]
fn an_id_must_be_a_digest() {
    let item = with_client_state(&raw("{}"), "mail");
    for id in ["", "a b", "A\n", "\u{fc}", &"A".repeat(44)] {
        let queued = QueuedItem {
            id: id.into(),
            ..queued(&item)
        };
        let body = sealed(&queued);
        let read = open(&body).unwrap().read(at(0));
        assert_eq!(read.err(), Some(Unfit::Malformed(Malformed::Form)), "{id}");
    }
}

#[test]
fn only_the_client_state_of_an_item_proves_its_owner() {
    let forged = |client_state: &str| {
        let item = format!(r#"{{"clientState":"{client_state}","tenantId":"{TENANT}"}}"#);
        let body = format!(
            r#"{{"subscription":"mail","tenantId":"{TENANT}","clientId":"c","receivedAt":"2026-11-22T10:00:00Z","item":{item}}}"#
        );
        open(&seal(&body, &keys(), at(0)).unwrap()).err()
    };
    assert_eq!(forged(""), Some(Unproven::ClientState(Refused::NoClientState)));
    assert!(forged("mail.k1.AAAA").is_some());
    let item = with_client_state(&raw("{}"), "mail");
    let body = sealed(&queued(&item));
    let verified = open(&body).unwrap();
    assert_eq!(verified.proven().subscription, "mail");
    assert!(verified.proven().application.tenant_id.is(TENANT));
}

#[test]
fn an_item_for_another_tenant_is_rejected_and_an_empty_tenant_ignored() {
    for (members, expected) in [
        (r#"{"tenantId":""}"#.to_owned(), None),
        (r#"{"tenantId":null,"organizationId":""}"#.to_owned(), None),
        (format!(r#"{{"tenantId":"","organizationId":"{TENANT}"}}"#), None),
        (
            r#"{"tenantId":"00000000-0000-0000-0000-000000000000"}"#.to_owned(),
            None,
        ),
        (
            r#"{"organizationId":"00000000-0000-0000-0000-000000000000"}"#.to_owned(),
            None,
        ),
        (format!(r#"{{"tenantId":"{}"}}"#, TENANT.to_uppercase()), None),
        (
            r#"{"tenantId":"","organizationId":"o"}"#.to_owned(),
            Some(Unfit::OtherTenant),
        ),
        (
            r#"{"tenantId":"x/../../evil"}"#.to_owned(),
            Some(Unfit::OtherTenant),
        ),
        (
            r#"{"tenantId":5}"#.to_owned(),
            Some(Unfit::Malformed(Malformed::Form)),
        ),
    ] {
        let item = with_client_state(&raw(&members), "mail");
        let body = sealed(&queued(&item));
        let verified = open(&body).unwrap();
        assert_eq!(verified.read(at(0)).err(), expected, "{members}");
    }
}

#[test]
fn a_time_of_receipt_that_cannot_be_true_is_refused() {
    let item = with_client_state(&raw("{}"), "mail");
    let body = sealed(&queued(&item));
    let verified = open(&body).unwrap();
    for (seconds, is_fit) in [
        (0, true),
        (19 * 86_400, true),
        (19 * 86_400 + 1, false),
        (399 * 86_400, false),
        (-300, true),
        (-301, false),
    ] {
        assert_eq!(verified.read(at(seconds)).is_ok(), is_fit, "{seconds}");
    }
}

#[track_caller]
fn check_fits(item: &str) {
    let (body, _) = sent(&raw(item));
    assert!(
        body.len() + MAX_SEAL_BYTES <= message::MAX_MESSAGE_BODY_BYTES,
        "{} bytes",
        body.len()
    );
    let read = QueuedItem::parse(&body).unwrap();
    assert!(read.content_omitted);
    assert!(open(&seal(&body, &keys(), at(0)).unwrap()).is_ok());
}

fn sealed(queued: &QueuedItem<'_>) -> String {
    seal(&queued.to_body().unwrap(), &keys(), at(0)).unwrap()
}

fn open(body: &str) -> Result<VerifiedItem<'_>, Unproven> {
    let keys = keys();
    VerifiedItem::open(Sealed::open(body, &keys)?, &keys)
}

/// Returns the body of the message for an item, and the item with its client state.
fn sent(item: &RawValue) -> (String, String) {
    admitted(item, "mail", |admitted| {
        let receipt = Receipt { at: at(0), index: 0 };
        let queued = QueuedItem::new(admitted, receipt, vec!["token".into()]);
        (queued.to_body().unwrap(), admitted.raw().get().to_owned())
    })
}

fn queued(item: &RawValue) -> QueuedItem<'_> {
    QueuedItem {
        subscription: "whatever".into(),
        tenant_id: "is".into(),
        client_id: "said".into(),
        id: "a".into(),
        version: None,
        partition_key: "b".into(),
        received_at: at(0),
        content_omitted: false,
        fetches_content: false,
        token_left_out: false,
        validation_tokens: Vec::new(),
        item,
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

fn raw(json: &str) -> Box<RawValue> {
    RawValue::from_string(json.to_owned()).unwrap()
}
