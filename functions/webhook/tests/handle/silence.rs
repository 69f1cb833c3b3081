//! No secret is in what the webhook writes or answers, whatever goes wrong.

use super::*;
use graph_core::application::test_util::guid;

#[tokio::test]
async fn no_failure_writes_or_answers_with_a_secret() {
    let written = Written::start();
    let source = FakeSecret::new(document(&["k1"]));
    let deps = deps(&source);
    let client_state = minted("mail");
    let forged = client_state.replace("mail.", "MARKforged.");
    let mut answers = Vec::new();
    for body in bodies(&client_state, &forged) {
        for refuse in [None, Some("")] {
            deps.queues.notification.refuse(refuse);
            deps.queues.lifecycle.refuse(refuse);
            deps.queues.delivery.refuse(refuse);
            let response = post(&deps, "/notifications?s=mail&k=k1", &body).await;
            answers.push(format!("{response:?}"));
        }
    }
    let response = post(&deps, "/notifications?validationToken=%3CMARKquery%3E", "").await;
    answers.push(format!("{response:?}"));
    let key = &key("k1").key;
    let (written, answers) = (written.text(), answers.concat());
    for expected in [
        "not a notification collection",
        "Rejected",
        "not stored",
        "malformed",
    ] {
        assert!(written.contains(expected), "{expected} is not in {written}");
    }
    for secret in [
        "MARK",
        &client_state,
        client_state.rsplit('.').next().unwrap(),
        key,
    ] {
        assert!(!written.contains(secret), "{secret} is in {written}");
        assert!(!answers.contains(secret), "{secret} is in {answers}");
    }
}

/// Whoever floods the webhook decides how much is written.
#[tokio::test]
async fn a_post_without_an_admitted_item_writes_only_metrics() {
    let source = FakeSecret::new(document(&["k1"]));
    let deps = deps(&source);
    let forged = json!({"changeType": "created", "clientState": "forged.k1.AAAA", "resource": "x"});
    let written = Written::start();
    for body in [
        json!({"value": [forged, "no object"]}).to_string(),
        "hello".to_owned(),
    ] {
        let mut metrics = Metrics::default();
        handle(
            request("/notifications", &body),
            &deps,
            now(),
            soon(),
            &mut metrics,
        )
        .await;
        assert_ne!(metrics, Metrics::default());
    }
    let written = written.text();
    for level in ["INFO", "WARN", "ERROR"] {
        assert!(!written.contains(level), "{written}");
    }
}

#[tokio::test]
async fn a_malformed_document_is_reported_without_a_word_of_it() {
    let mut swapped = key("k1");
    std::mem::swap(&mut swapped.id, &mut swapped.key);
    let mut short = key("k1");
    short.key = "MARKshort".to_owned();
    for text in [
        "MARK is not JSON".to_owned(),
        r#"{"keys":"MARK"}"#.to_owned(),
        r#"{"keys":[{"id":"k1","key":5,"MARK":"MARK"}]}"#.to_owned(),
        r#"{"keys":[{"id":"k1","key":"MARK","createdAt":"MARK"}]}"#.to_owned(),
        serde_json::to_string(&test_util::document(vec![swapped.clone()], &[OURS])).unwrap(),
        serde_json::to_string(&test_util::document(vec![short], &[OURS])).unwrap(),
    ] {
        let written = Written::start();
        let source = FakeSecret::new(text.clone());
        let body = json!({"value": [change("mail")]}).to_string();
        let response = post(&deps(&source), "/notifications", &body).await;
        assert_eq!((response.status().as_u16(), response.body()), (503, &Body::Empty));
        let written = written.text();
        assert!(
            written.contains("Secret FakeSecret holds no valid document"),
            "{written}"
        );
        for secret in ["MARK", &swapped.id] {
            assert!(!written.contains(secret), "{secret} of {text} is in {written}");
        }
    }
}

/// What prints of an item that was admitted and of the keys is what may be known.
#[test]
fn nothing_that_prints_shows_an_item() {
    let client_state = minted("mail");
    let body = bodies(&client_state, "x").remove(0);
    let collection = graph_core::notification::collection::Collection::parse(&body).unwrap();
    let keys = parse_keys(&document(&["k1"])).unwrap();
    let admitted = graph_core::notification::item::Unadmitted::parse(collection.items[0])
        .unwrap()
        .admit(&keys)
        .unwrap();
    let receipt = graph_core::notification::identity::Receipt { at: now(), index: 0 };
    let queued = QueuedItem::new(&admitted, receipt, vec!["MARKtoken".into()]);
    let notification = graph_core::notification::item::Notification::parse(collection.items[0]).unwrap();
    let printed = format!("{collection:?} {admitted:?} {queued:?} {notification:?} {keys:?}");
    let message = Message::of_tenant(guid(TENANT), queued.to_body().unwrap());
    let printed = format!("{printed} {message:?}");
    for secret in ["MARK", &client_state] {
        assert!(!printed.contains(secret), "{secret} is in {printed}");
    }
}

/// Bodies that go wrong in every way there is, and one that does not.
fn bodies(client_state: &str, forged: &str) -> Vec<String> {
    let item = |client_state: Value, extra: Value| {
        let mut item = json!({
            "clientState": client_state, "tenantId": TENANT, "resource": "MARKresource", "changeType": "created",
            "resourceData": {"id": "MARKid"},
            "encryptedContent": {"data": "MARKdata", "dataKey": "MARKkey", "dataSignature": "MARKsignature"}
        });
        item.as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        item
    };
    let genuine = || item(json!(client_state), json!({}));
    let tokens = json!([unsigned_token(TENANT), "MARKtoken", {"MARK": 1}]);
    let items = json!([
        genuine(),
        item(json!(client_state), json!({"lifecycleEvent": "missed"})),
        item(json!(client_state), json!({"tenantId": "MARKtenant"})),
        item(json!(forged), json!({})),
        item(json!(client_state.replace(".k1.", ".MARKk9.")), json!({})),
        item(json!("MARK".repeat(40)), json!({})),
        item(json!({"MARK": 1}), json!({})),
        item(Value::Null, json!({})),
        "MARK is no object",
    ]);
    let mut bodies = vec![
        json!({"value": items, "validationTokens": tokens}).to_string(),
        "MARK is not JSON".to_owned(),
        r#"{"MARK":1}"#.to_owned(),
        json!({"value": "MARK"}).to_string(),
        json!({"value": [genuine()], "validationTokens": vec!["MARKtoken"; 300]}).to_string(),
        format!(r#"{{"value":[{}0]}}"#, "\"MARK\",".repeat(MAX_ITEMS)),
    ];
    let huge = item(json!(client_state), json!({"filler": "MARK".repeat(300_000)}));
    bodies.push(json!({"value": [huge]}).to_string());
    bodies
}
