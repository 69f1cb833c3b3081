//! Whatever comes in, the answer is a documented one, and what goes out is within its limits.

use graph_core::notification::message;
use webhook::MAX_POST_BYTES;

use super::*;

#[tokio::test]
async fn a_body_over_the_limit_is_refused_before_it_is_read() {
    let source = FakeSecret::new(document(&["k1"]));
    let deps = deps(&source);
    let padded = |bytes: usize| format!("{}{{\"value\":[]}}", " ".repeat(bytes - 12));
    assert_eq!(
        post(&deps, "/notifications", &padded(MAX_POST_BYTES))
            .await
            .status(),
        202
    );
    let response = post(&deps, "/notifications", &padded(MAX_POST_BYTES + 1)).await;
    assert_eq!((response.status().as_u16(), response.body()), (413, &Body::Empty));
}

#[tokio::test]
async fn deeply_nested_values_are_skipped() {
    let source = FakeSecret::new(document(&["k1"]));
    let deps = deps(&source);
    let (open, close) = (r#"{"a":["#.repeat(100_000), "]}".repeat(100_000));
    let mut item = change("mail").to_string();
    item.insert_str(1, &format!("\"x\":{open}{close},"));
    for (body, expected) in [
        (open.clone(), 400),
        (format!("{open}{close}"), 400),
        (format!(r#"{{"value":{open}{close}}}"#), 400),
        (format!(r#"{{"value":[{open}{close}]}}"#), 202),
        (format!(r#"{{"value":[{item}]}}"#), 202),
    ] {
        assert_eq!(post(&deps, "/notifications", &body).await.status(), expected);
    }
    // An admitted item is never lost: decryption says what is wrong with it.
    assert_eq!(deps.queues.notification.stored().len(), 1);
}

#[tokio::test]
async fn an_unpaired_surrogate_beside_the_items_loses_no_item() {
    let source = FakeSecret::new(document(&["k1"]));
    let deps = deps(&source);
    let body = format!(r#"{{"\ud83d":1,"value":[{}]}}"#, change("mail"));
    assert_eq!(post(&deps, "/notifications", &body).await.status(), 202);
    assert_eq!(deps.queues.delivery.stored().len(), 1);
}

#[tokio::test]
async fn an_item_with_empty_texts_for_objects_is_a_change_without_content() {
    let source = FakeSecret::new(document(&["k1"]));
    let deps = deps(&source);
    let mut item = change("mail");
    item["encryptedContent"] = json!("");
    item["resourceData"] = json!("");
    let body = json!({"value": [item]}).to_string();
    assert_eq!(post(&deps, "/notifications", &body).await.status(), 202);
    assert_eq!(deps.queues.delivery.stored().len(), 1);
}

#[tokio::test]
async fn a_post_whose_messages_grow_is_sent_in_bounded_portions() {
    let source = FakeSecret::new(document(&["k1"]));
    let deps = deps(&source);
    let body = json!({"value": vec![rich("mail"); 6_000], "validationTokens": tokens(2)}).to_string();
    assert!(body.len() < MAX_POST_BYTES);
    assert_eq!(post(&deps, "/notifications", &body).await.status(), 202);
    let stored = deps.queues.notification.stored();
    let bytes: usize = stored.iter().map(|message| message.body.len()).sum();
    assert!(stored.len() == 6_000 && bytes > 17 * 1_048_576, "{bytes} bytes");
    assert!(deps.queues.notification.largest_call() < 5 * 1_048_576);
}

/// Graph repeats a POST as a whole, so the items behind those that fit into the time would never be reached.
#[tokio::test]
async fn a_large_post_begins_elsewhere_each_time() {
    let source = FakeSecret::new(document(&["k1"]));
    let deps = deps(&source);
    let items: Vec<Value> = (0..600)
        .map(|number| {
            let mut item = change("mail");
            item["resource"] = json!(format!("users/{number}"));
            item
        })
        .collect();
    let body = json!({"value": items}).to_string();
    let mut first = Vec::new();
    for milliseconds in [0, 7] {
        let now = now() + SignedDuration::from_millis(milliseconds);
        let request = request("/notifications", &body);
        let response = handle(request, &deps, now, soon(), &mut Metrics::default()).await;
        assert_eq!(response.status(), 202);
        let stored = deps.queues.delivery.take();
        assert_eq!(stored.len(), 600);
        first.push(serde_json::from_str::<Value>(&stored[0].body).unwrap()["subject"].clone());
    }
    assert_ne!(first[0], first[1]);
}

/// Whoever has a client state can make us store, but not much more than he sends.
#[tokio::test]
async fn stored_messages_are_at_most_a_small_multiple_of_the_post() {
    let source = FakeSecret::new(document(&["k1"]));
    let item = |members: Value| {
        let mut item = members;
        item["clientState"] = json!(minted("m"));
        item
    };
    let mut rich_of_m = rich("m");
    rich_of_m["clientState"] = item(json!({}))["clientState"].clone();
    let empty = item(json!({"encryptedContent": {}}));
    let lifecycle = item(json!({"lifecycleEvent": "x"}));
    let path = item(json!({"resource": "\u{FFFF}".repeat(1_000)}));
    let etag = item(json!({"resourceData": {"@odata.etag": "e".repeat(1_000)}}));
    let odd = item(json!({"resource": 5}));
    // What is smaller gets no token.
    let least = json!({"data": "A".repeat(22), "dataKey": "A".repeat(342), "dataSignature": "A".repeat(43)});
    let least = item(json!({"encryptedContent": least}));
    let large = || [3_072, 3_071].map(|bytes| token_of(bytes, 'A')).to_vec();
    // A control character is one byte of a token, and six of a message.
    let controls = || vec![token_of(3_072, '\u{1}')];
    for (case, item, tokens) in [
        ("nothing in it", item(json!({})), tokens(8)),
        ("empty content", empty, tokens(8)),
        ("content", rich_of_m, tokens(8)),
        ("lifecycle", lifecycle, tokens(8)),
        ("a path of noncharacters", path, tokens(8)),
        (
            "a path of control characters",
            item(json!({"resource": "\u{7f}".repeat(1_000)})),
            tokens(8),
        ),
        ("a long etag", etag, tokens(8)),
        ("something odd", odd, tokens(8)),
        ("the least content", least.clone(), tokens(8)),
        ("the least content and large tokens", least.clone(), large()),
        ("the least content and tokens that grow", least, controls()),
    ] {
        let deps = deps(&source);
        let written = Written::start();
        let body = json!({"value": vec![item; 1_000], "validationTokens": tokens}).to_string();
        assert_eq!(post(&deps, "/notifications", &body).await.status(), 202);
        let queues = [
            &deps.queues.notification,
            &deps.queues.lifecycle,
            &deps.queues.delivery,
        ];
        let messages: Vec<Message> = queues.iter().flat_map(|queue| queue.stored()).collect();
        // Lifecycle items that say the same share a message, even if what they say is odd.
        let expected = if case == "lifecycle" { 1 } else { 1_000 };
        assert_eq!(messages.len(), expected, "{case}");
        let stored: usize = messages.iter().map(|message| message.body.len()).sum();
        assert!(
            stored <= MAX_GROWTH * body.len(),
            "{case}: {stored} bytes of {}",
            body.len()
        );
        assert!(
            written.text().len() <= body.len() / 10,
            "{case}: {}",
            written.text().len()
        );
    }
}

/// Returns a token of so many bytes for the tenant and application.
fn token_of(bytes: usize, filler: char) -> String {
    let token = unsigned_token(TENANT);
    let filler = filler.to_string().repeat(bytes - token.len());
    format!("{token}{filler}")
}

/// How much larger than a POST what is stored of it may be. The smallest item says nothing but its client state, and its
/// event says where it comes from.
const MAX_GROWTH: usize = 8;

/// Returns tokens that can vouch for every item, as large as real ones.
fn tokens(number: usize) -> Vec<String> {
    let token = |n| format!("{}{}", unsigned_token(TENANT), "A".repeat(1_900 + n));
    (0..number).map(token).collect()
}

#[tokio::test]
async fn the_log_says_which_limit_was_hit() {
    let source = FakeSecret::new(document(&["k1"]));
    let deps = deps(&source);
    let tokens = vec!["token"; 300];
    let long = json!({"clientState": "a".repeat(129)});
    for (body, expected) in [
        (" ".repeat(MAX_POST_BYTES + 1), "POST is over 6291456 bytes"),
        (
            format!(r#"{{"value":[{}0]}}"#, "0,".repeat(MAX_ITEMS)),
            "POST has 1 items over the limit of 10000",
        ),
        (json!({"value": [long]}).to_string(), "TooLong: 1"),
        (json!({"value": [0]}).to_string(), "Form: 1"),
        (
            json!({"value": [0], "validationTokens": tokens}).to_string(),
            "44 validation tokens over the limit of 256",
        ),
    ] {
        let written = Written::start();
        let response = post(&deps, "/notifications", &body).await;
        assert_eq!(
            (response.body(), response.headers().len()),
            (&Body::Empty, 0),
            "{expected}"
        );
        assert!(
            written.text().contains(expected),
            "{expected}: {}",
            written.text()
        );
    }
}

proptest! {
    #[test]
    fn any_bytes_get_a_documented_answer(
        query in "[ -~]{0,60}", body in proptest::collection::vec(any::<u8>(), 0..200), wrap in any::<bool>()
    ) {
        let body = if wrap { [br#"{"value":["#, &*body, b"]}"].concat() } else { body };
        let mut request = request("/notifications", "");
        if let Ok(uri) = format!("https://host/notifications?{query}").parse() {
            *request.uri_mut() = uri;
        }
        *request.body_mut() = Body::Binary(body);
        let (status, _) = answer(request);
        prop_assert!([200, 202, 400, 413].contains(&status));
    }

    #[test]
    fn any_json_is_an_item_or_not(items in proptest::collection::vec(any_item(), 0..4), tokens in any_json()) {
        let body = format!(r#"{{"value":[{}],"validationTokens":{tokens}}}"#, items.join(","));
        let (status, stored) = answer(request("/notifications", &body));
        prop_assert_eq!(status, 202);
        prop_assert!(stored.len() <= items.len());
        for message in stored {
            prop_assert!(message.body.len() <= message::MAX_MESSAGE_BODY_BYTES);
            prop_assert!(message.body.chars().all(is_taken_by_sqs), "{}", message.body);
            prop_assert_eq!(message.group(), Some(TENANT));
        }
    }

    #[test]
    fn any_members_of_a_genuine_item_are_queued_as_they_came(
        members in proptest::collection::vec(("x[a-zA-Z]{1,8}", any_json()), 0..6)
    ) {
        let members: Vec<String> = members.iter().map(|(name, value)| format!(r#","{name}":{value}"#)).collect();
        let mut item = rich("mail").to_string();
        item.insert_str(item.len() - 1, &members.concat());
        let (status, stored) = answer(request("/notifications", &format!(r#"{{"value":[{item}]}}"#)));
        prop_assert_eq!((status, stored.len()), (202, 1));
        let expected = message::storable(item);
        prop_assert_eq!(QueuedItem::parse(&stored[0].body).unwrap().item.get(), expected);
    }
}

/// Any JSON text: numbers of any size, any characters and escapes, keys that count, and deep nesting.
pub(super) fn any_json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|value| value.to_string()),
        "-?[1-9][0-9]{0,300}(\\.[0-9]{1,30})?([eE][+-]?[0-9]{1,9})?",
        any::<String>().prop_map(|text| json!(text).to_string()),
        r#""(\\u[0-9a-fA-F]{4}|\\[nrt"\\/]|[a-z]){0,6}""#,
        Just("\"\u{FFFE}\u{FFFF}\u{7F}\u{1FFFE}\"".to_owned()),
        (1..2_000_usize).prop_map(|levels| format!("{}{}", "[".repeat(levels), "]".repeat(levels))),
    ];
    leaf.prop_recursive(4, 24, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6)
                .prop_map(|values| format!("[{}]", values.join(","))),
            proptest::collection::vec((any_key(), inner), 0..6).prop_map(|members| {
                let members: Vec<String> = members
                    .iter()
                    .map(|(key, value)| format!("{key}:{value}"))
                    .collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    })
}

/// Any JSON in the place of an item; some have a genuine client state.
fn any_item() -> impl Strategy<Value = String> {
    let members = proptest::collection::vec((any_key(), any_json()), 0..6);
    let hostile = (members, any::<bool>()).prop_map(|(members, is_genuine)| {
        let mut members: Vec<String> = members
            .iter()
            .map(|(key, value)| format!("{key}:{value}"))
            .collect();
        if is_genuine {
            let client_state = minted("mail");
            members.push(format!(r#""clientState":"{client_state}""#));
        }
        format!("{{{}}}", members.join(","))
    });
    prop_oneof![hostile, any_json()]
}

/// A key, often one that counts, in any letter case.
pub(super) fn any_key() -> impl Strategy<Value = String> {
    let known = prop_oneof![
        "[cC]lient[sS]tate",
        "[tT]enant[iI]d",
        "organizationId",
        "[lL]ifecycleEvent",
        "[eE]ncryptedContent",
        "[rR]esource(Data)?",
    ];
    let known = known.prop_map(|key| format!("\"{key}\""));
    prop_oneof![
        known,
        any::<String>().prop_map(|key| json!(key).to_string()),
        r#""(\\u[0-9a-f]{4}){0,3}""#
    ]
}

/// Returns the status of the answer and the messages that were stored.
fn answer(request: Request) -> (u16, Vec<Message>) {
    let source = FakeSecret::new(document(&["k1"]));
    let deps = deps(&source);
    let response = run(handle(request, &deps, now(), soon(), &mut Metrics::default()));
    let mut stored = deps.queues.notification.stored();
    stored.extend(deps.queues.lifecycle.stored());
    stored.extend(deps.queues.delivery.stored());
    (response.status().as_u16(), stored)
}

pub(super) fn run<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.unwrap().block_on(future)
}

/// Returns whether Amazon SQS takes a character (Amazon SQS, *`SendMessage`*).
fn is_taken_by_sqs(char: char) -> bool {
    matches!(char, '\t' | '\n' | '\r' | ' '..='\u{FFFD}' | '\u{10000}'..)
}
