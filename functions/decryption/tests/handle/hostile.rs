//! Whatever is in the queue, each message is delivered, failed or tried again.

use graph_core::notification::message;

use super::*;

proptest! {
    #![proptest_config(fewer_cases())]

    #[test]
    fn any_text_as_a_message_is_malformed(text in "\\PC{0,120}") {
        prop_assert_eq!(outcome(&text), Ok("Malformed".to_owned()));
    }

    #[test]
    fn any_json_in_any_member_of_a_message_ends_somewhere(member in 0..MEMBERS.len(), value in any_json()) {
        let mut body = rich(Some(&good_token()));
        *body.pointer_mut(MEMBERS[member]).unwrap() = json!("HERE");
        let body = body.to_string().replacen("\"HERE\"", &value, 1);
        prop_assert!(outcome(&body).is_ok(), "{}", body);
    }

    #[test]
    fn any_json_as_an_item_ends_somewhere(item in any_json()) {
        let mut body = basic();
        body["item"] = json!("HERE");
        let body = body.to_string().replacen("\"HERE\"", &item, 1);
        prop_assert!(outcome(&body).is_ok(), "{}", body);
    }

    #[test]
    fn any_ciphertext_key_and_signature_are_rejected(part in 0..3_usize, base64 in "([a-zA-Z0-9+/]{4}){0,130}") {
        let mut body = rich(Some(&good_token()));
        body["item"]["encryptedContent"][["data", "dataKey", "dataSignature"][part]] = json!(base64);
        prop_assert_eq!(outcome(&body.to_string()), Ok("ContentRejected".to_owned()));
    }

    #[test]
    fn any_text_as_a_token_is_rejected(token in ".{0,200}") {
        prop_assert_eq!(outcome(&rich(Some(&token)).to_string()), Ok("TokenRejected".to_owned()));
    }

    #[test]
    fn correctly_encrypted_content_is_delivered_only_if_it_is_an_object(
        bytes in proptest::collection::vec(any::<u8>(), 0..60),
        json in any_json(),
        form in 0..3_usize,
    ) {
        let plaintext = [bytes, json.clone().into_bytes(), format!(r#"{{"a":{json}}}"#).into_bytes()][form].clone();
        let is_object = serde_json::from_slice::<&serde_json::value::RawValue>(&plaintext)
            .is_ok_and(|json| json.get().starts_with('{'));
        let mut body = rich(Some(&good_token()));
        body["item"]["encryptedContent"] = seal(&plaintext, key(), &mut SystemRng);
        let outcome = outcome(&body.to_string());
        // An object may nest too deep, or have a number that consumers could not read.
        prop_assert!(outcome == Ok("ContentRejected".to_owned()) || outcome == Ok("delivered".to_owned()) && is_object);
        if form == 2 && json.len() < 50 && !json.contains(['e', 'E']) {
            prop_assert_eq!(outcome, Ok("delivered".to_owned()));
        }
    }
}

#[tokio::test]
async fn a_message_of_the_largest_size_is_processed() {
    let world = World::new();
    let mut item = basic();
    item["item"]["resource"] = json!("lists/".repeat(170_000));
    let filler = ["[", &"{\"\":0},".repeat(130_000), "0]"].concat();
    let mut tree = basic();
    tree["item"]["filler"] = json!("HERE");
    let tree = tree.to_string().replacen("\"HERE\"", &filler, 1);
    let nested = format!("{{\"item\":{}{}}}", "[".repeat(500_000), "]".repeat(500_000));
    let tokens = json!({
        "subscription": "s", "tenantId": tenant_id(&tenant()), "clientId": tenant().application.client_id,
        "id": "id", "partitionKey": "key", "receivedAt": now().to_string(), "item": rich(None)["item"], "validationTokens": vec![""; 300_000]
    });
    let bodies = [item.to_string(), tree, nested, tokens.to_string()];
    assert!(bodies.iter().all(|body| body.len() <= message::MAX_BYTES));
    assert_eq!(
        world.process_text(&bodies.each_ref().map(String::as_str)).await,
        NOTHING
    );
    let reasons: Vec<String> = world.failed().into_iter().map(|(reason, _)| reason).collect();
    assert_eq!(reasons, ["Malformed", "TokenRejected"]);
    let delivered = world.delivered();
    assert_eq!(delivered.len(), 2);
    assert!(
        delivered
            .iter()
            .all(|event| event.len() <= message::MAX_MESSAGE_BODY_BYTES)
    );
}

#[tokio::test]
async fn a_record_without_body_or_id_is_failed() {
    let world = World::new();
    let event = serde_json::from_value(json!({"Records": [{}, {"body": null, "messageId": null}]})).unwrap();
    assert!(
        handle(event, &world.deps, now(), soon(), &mut Metrics::default())
            .await
            .batch_item_failures
            .is_empty()
    );
    assert_eq!(world.failed().len(), 2);
}

#[tokio::test]
async fn the_log_says_which_limit_was_hit() {
    let with = |name: &str, value: Value| {
        let mut body = basic();
        body["item"][name] = value;
        body
    };
    let mut members = basic();
    for n in 0..300 {
        members["item"][n.to_string()] = json!(n);
    }
    for (body, expected) in [
        (with("resourceData", nested(70)), "TooDeep"),
        (members, "TooManyMembers"),
        (
            with("resource", json!("r".repeat(message::MAX_MESSAGE_BODY_BYTES))),
            "TooLarge",
        ),
        (with("resource", json!(5)), "Form"),
    ] {
        let written = Written::start();
        let world = World::new();
        assert_eq!(world.process(&[&body]).await, NOTHING);
        assert_eq!(world.failed()[0].0, "Malformed");
        assert!(
            written.text().contains(&format!("Malformed({expected})")),
            "{}",
            written.text()
        );
    }
}

/// Returns a quarter of the usual number of cases, as each of them checks a signature.
fn fewer_cases() -> ProptestConfig {
    let usual = ProptestConfig::default();
    ProptestConfig {
        cases: usual.cases / 4,
        ..usual
    }
}

/// Where any JSON is put into a message.
const MEMBERS: [&str; 17] = [
    "/subscription",
    "/tenantId",
    "/clientId",
    "/id",
    "/receivedAt",
    "/validationTokens",
    "/validationTokens/0",
    "/item/clientState",
    "/item/tenantId",
    "/item/changeType",
    "/item/resource",
    "/item/resourceData",
    "/item/resourceData/@odata.type",
    "/item/encryptedContent",
    "/item/encryptedContent/data",
    "/item/encryptedContent/dataKey",
    "/item/encryptedContent/encryptionCertificateId",
];

/// Returns what became of one message: `delivered`, `tried again` or the reason for which it failed.
fn outcome(body: &str) -> Result<String, usize> {
    let world = World::new();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let retried = runtime.block_on(world.process_text(&[body]));
    match (retried.len(), world.delivered().len(), world.failed().as_slice()) {
        (1, 0, []) => Ok("tried again".to_owned()),
        (0, 1, []) if world.delivered()[0].len() <= message::MAX_MESSAGE_BODY_BYTES => {
            Ok("delivered".to_owned())
        }
        (0, 0, [(reason, _)]) if world.deps.failed_queue.stored()[0].body == sealed(body) => {
            Ok(reason.clone())
        }
        (retried, delivered, failed) => Err(retried + delivered + failed.len()),
    }
}

/// Any JSON text: numbers of any size, any characters and escapes, and deep nesting.
fn any_json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|value| value.to_string()),
        "-?[1-9][0-9]{0,300}(\\.[0-9]{1,30})?([eE][+-]?[0-9]{1,9})?",
        any::<String>().prop_map(|text| json!(text).to_string()),
        r#""(\\u[0-9a-fA-F]{4}|\\[nrt"\\/]|[a-z]){0,6}""#,
        (1..2_000_usize).prop_map(|levels| format!("{}{}", "[".repeat(levels), "]".repeat(levels))),
    ];
    leaf.prop_recursive(4, 24, 6, |inner| {
        let member = (any::<String>(), inner.clone());
        prop_oneof![
            proptest::collection::vec(inner, 0..6).prop_map(|values| format!("[{}]", values.join(","))),
            proptest::collection::vec(member, 0..6).prop_map(|members| {
                let member = |(key, value): &(String, String)| format!("{}:{value}", json!(key));
                let members: Vec<String> = members.iter().map(member).collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    })
}
