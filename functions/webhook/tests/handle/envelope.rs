//! What is odd about a collection takes no item of this stack along.

use super::*;

#[tokio::test]
async fn an_odd_collection_takes_no_item_along() {
    let (item, token) = (change("mail").to_string(), "\"a\"");
    let around = |before: &[u8], after: &[u8]| [before, item.as_bytes(), after].concat();
    for body in [
        around(
            b"{\"value\":[",
            b"],\"validationTokens\":[],\"ValidationTokens\":[]}",
        ),
        around(b"{\"value\":[", b"],\"Value\":[]}"),
        around(b"{\"value\":[5],\"value\":null,\"VALUE\":[", b"]}"),
        around(b"{\"value\":\"\\ud83d\",\"value\":1e999,\"value\":[", b"]}"),
        around(b"{\"value\":[", b",\"\xff\"]}"),
        around(b"{\"value\":[", b",{\"\x01\":\"\n\0\"}]}"),
        around(b"\xef\xbb\xbf{\"\xed\xa0\x80\":\"\xc3\",\"value\":[", b"]}"),
        around(
            b"{\"value\":[",
            format!("],\"validationTokens\":[{}{token}]}}", "5,".repeat(300)).as_bytes(),
        ),
    ] {
        let source = FakeSecret::new(document(&["k1"]));
        let deps = deps(&source);
        let mut request = request("/notifications", "");
        *request.body_mut() = Body::Binary(body.clone());
        let response = handle(request, &deps, now(), soon(), &mut Metrics::default()).await;
        let stored = (response.status().as_u16(), delivered(&deps));
        assert_eq!(stored, (202, vec!["mail".to_owned()]), "{}", body.escape_ascii());
    }
}

#[tokio::test]
async fn items_over_the_limit_come_again() {
    let (genuine, forged) = (change("mail").to_string(), "0".to_owned());
    let both = [&[genuine.clone()][..], &vec![forged.clone(); MAX_ITEMS]].concat();
    for (items, expected, stored, undecided) in [
        (vec![genuine.clone(); MAX_ITEMS], 202, MAX_ITEMS, None),
        (vec![genuine; MAX_ITEMS + 1], 503, MAX_ITEMS, Some(1)),
        (both, 503, 1, Some(1)),
        (vec![forged; MAX_ITEMS + 1], 413, 0, None),
    ] {
        let (source, written) = (FakeSecret::new(document(&["k1"])), Written::start());
        let deps = deps(&source);
        let (body, mut metrics) = (
            format!(r#"{{"value":[{}]}}"#, items.join(",")),
            Metrics::default(),
        );
        let response = handle(
            request("/notifications", &body),
            &deps,
            now(),
            soon(),
            &mut metrics,
        )
        .await;
        assert_eq!(
            (response.status().as_u16(), delivered(&deps).len()),
            (expected, stored)
        );
        assert_eq!(metrics.values(Metric::Undecided).first().copied(), undecided);
        assert_eq!(
            written
                .text()
                .contains("1 items over the limit of 10000; answering 503"),
            expected == 503
        );
        assert_eq!(
            metrics.values(Metric::RejectedPosts).len(),
            usize::from(expected == 413)
        );
    }
}

#[tokio::test]
async fn an_item_whose_token_is_over_a_limit_says_so() {
    let token = |bytes: usize| {
        let token = unsigned_token(TENANT);
        token.clone() + &"A".repeat(bytes - token.len())
    };
    let other = unsigned_token("00000000-0000-0000-0000-000000000000");
    let excess = [vec!["x".to_owned(); 256], vec![token(1_000)]].concat();
    // The item, whose tokens may have four times its size, has over 2,000 bytes, or much less.
    for (data, tokens, travel, is_left_out) in [
        (2_000, vec![token(8_192)], 1, false),
        (2_000, vec![token(8_193)], 0, true),
        (24, vec![token(7_000)], 0, true),
        (2_000, vec![token(9_000), token(1_000)], 1, false),
        (2_000, excess, 0, true),
        (2_000, vec![other], 0, false),
        (2_000, vec![], 0, false),
    ] {
        let source = FakeSecret::new(document(&["k1"]));
        let deps = deps(&source);
        let mut item = rich("mail");
        item["encryptedContent"] =
            json!({"data": "A".repeat(data), "dataKey": "A".repeat(344), "dataSignature": "A".repeat(44)});
        let body = json!({"value": [item], "validationTokens": tokens}).to_string();
        assert_eq!(post(&deps, "/notifications", &body).await.status(), 202);
        let stored = &deps.queues.notification.stored()[0];
        let queued = QueuedItem::parse(&stored.body).unwrap();
        let said = (queued.validation_tokens.len(), queued.token_left_out);
        assert_eq!(said, (travel, is_left_out), "{data} {}", tokens.concat().len());
    }
}
