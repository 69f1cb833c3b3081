use super::*;

#[tokio::test]
async fn the_controls_send_over_http_and_report() {
    let bench = Bench::new().await;
    bench.subscribe(bench.rich("/teams")).await;
    let send =
        json!({ "items": [{ "subscription": "/teams", "changeType": "updated", "wrong": ["flippedBit"] }] });

    let (status, report) = bench.call(Method::POST, "/_simulator/send", Some(send)).await;

    assert_eq!(status, 200, "{report}");
    assert_eq!(report["posts"][0]["delivered"], true);
    let (status, error) = bench
        .call(Method::POST, "/_simulator/send", Some(json!({ "items": [{}] })))
        .await;
    assert_eq!(status, 400);
    assert!(
        error["error"].as_str().unwrap().contains("exactly one of"),
        "{error}"
    );
    let (_, list) = bench.call(Method::GET, "/_simulator/subscriptions", None).await;
    assert_eq!(list[0]["tenantId"], TENANT);
    assert_eq!(list[0]["clientState"], Value::Null);
}

#[tokio::test]
async fn sent_posts_are_shown_shortened_unless_bodies_are_requested() {
    let bench = Bench::new().await;
    bench.subscribe(bench.rich("/teams")).await;
    let item = json!({ "subscription": "/teams", "changeType": "updated" });
    let send = json!({ "items": [item] });
    let (_, short) = bench.call(Method::POST, "/_simulator/send", Some(send)).await;
    let data = short
        .pointer("/posts/0/items/0/item/encryptedContent/data")
        .unwrap();
    assert!(
        data.as_str().unwrap().len() <= 48 && short.pointer("/posts/0/body").is_none(),
        "{short}"
    );
    let send = json!({ "items": [item], "bodies": true });
    let (_, whole) = bench.call(Method::POST, "/_simulator/send", Some(send)).await;
    assert!(
        whole
            .pointer("/posts/0/body")
            .unwrap()
            .as_str()
            .unwrap()
            .contains("validationTokens")
    );
}

#[tokio::test]
async fn one_drive_changes_twice_without_a_difference() {
    let bench = Bench::new().await;
    bench.subscribe(bench.basic("/users/u/drive/root")).await;
    let change = |post: Post| post.change("/users/u/drive/root", "updated");
    let post = change(change(Post::new()))
        .wrong(0, Wrong::NullResourceData)
        .wrong(1, Wrong::NullResourceData);
    let report = bench.simulator.send(post).await.unwrap();
    let items: Vec<_> = report.items().map(|sent| sent.item.clone()).collect();
    assert_eq!(items[0], items[1]);
    assert_eq!(items[0]["resourceData"], Value::Null);
}

#[tokio::test]
async fn an_edited_message_appears_twice_under_its_id() {
    let bench = Bench::new().await;
    bench.subscribe(bench.basic("/users/u/messages")).await;
    let edit = |post: Post| post.change("/users/u/messages", "updated").about("AAMk1");
    let report = bench.simulator.send(edit(edit(Post::new()))).await.unwrap();
    let items: Vec<_> = report.items().map(|sent| sent.item.clone()).collect();
    assert_eq!(items[0]["resourceData"]["id"], "AAMk1");
    assert_eq!(items[0]["resource"], items[1]["resource"]);
    assert_ne!(
        items[0]["resourceData"]["@odata.etag"],
        items[1]["resourceData"]["@odata.etag"]
    );
}

#[tokio::test]
async fn odd_forms_are_sent_as_they_were_seen() {
    let bench = Bench::new().await;
    bench.subscribe(bench.basic("/users/u/messages")).await;
    let change = |post: Post| post.change("/users/u/messages", "updated");
    let post = change(change(change(Post::new())))
        .wrong(0, Wrong::PersonalAccount)
        .wrong(1, Wrong::SharePointForm)
        .wrong(2, Wrong::EmptyTexts);
    let report = bench.simulator.send(post).await.unwrap();
    let items: Vec<_> = report.items().map(|sent| sent.item.clone()).collect();
    assert_eq!(items[0]["tenantId"], "");
    assert_eq!(
        (&items[1]["organizationId"], &items[1]["siteUrl"]),
        (&json!(TENANT), &json!("/sites/Sales"))
    );
    assert_eq!(
        (
            &items[2]["lifecycleEvent"],
            &items[2]["resourceData"]["@odata.etag"]
        ),
        (&json!(""), &json!(""))
    );
}

#[tokio::test]
async fn a_list_can_omit_existing_subscriptions() {
    let bench = Bench::new().await;
    let id = bench.subscribe(bench.basic("/users/u/messages")).await;
    bench.simulator.unlist(&id);
    let (_, list) = bench.call(Method::GET, "/v1.0/subscriptions", None).await;
    assert_eq!(list["value"], json!([]));
    let (status, one) = bench
        .call(Method::GET, &format!("/v1.0/subscriptions/{id}"), None)
        .await;
    assert_eq!((status, &one["id"]), (StatusCode::OK, &json!(id)));
}

#[tokio::test]
async fn answers_have_the_headers_of_graph() {
    let bench = Bench::new().await;
    bench.subscribe(bench.basic("/users/u/messages")).await;
    let get = |path: &str| {
        let url = format!("{}{path}", bench.simulator.base_url());
        let request = bench.client.get(url).bearer_auth(&bench.token);
        request.header("client-request-id", "mine").send()
    };
    let answer = get("/v1.0/subscriptions").await.unwrap();
    assert_eq!(answer.headers()["client-request-id"], "mine");
    assert_eq!(answer.headers()["request-id"].len(), 36);
    let fault = Fault::new("GET", "/v1.0/subscriptions", 429)
        .header("retry-after", "2.128")
        .header("retry-after", "5");
    bench.simulator.fail(fault);
    let answer = get("/v1.0/subscriptions").await.unwrap();
    let waits: Vec<_> = answer.headers().get_all("retry-after").iter().collect();
    assert_eq!(waits, ["2.128", "5"]);
}

#[tokio::test]
async fn content_over_http_is_sent_byte_for_byte_and_without_waiting() {
    let bench = Bench::new().await;
    bench.subscribe(bench.rich("/teams")).await;
    let send = r#"{"wait": false, "items": [
        {"subscription": "/teams", "changeType": "updated", "content": { "z": 1.10, "a": 18446744073709551616 }}]}"#;
    let url = format!("{}/_simulator/send", bench.simulator.base_url());

    let request = bench
        .client
        .post(url)
        .header("content-type", "application/json")
        .body(send);
    assert_eq!(request.send().await.unwrap().status(), 202);
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while bench.simulator.deliveries().is_empty() && tokio::time::Instant::now() < deadline {
        tokio::task::yield_now().await;
    }

    let content = bench.simulator.deliveries()[0].items[0].content.clone();
    assert_eq!(
        content.as_deref(),
        Some(r#"{ "z": 1.10, "a": 18446744073709551616 }"#)
    );
}

#[tokio::test]
async fn a_web_page_cannot_make_the_simulator_send() {
    let bench = Bench::new().await;
    let url = format!("{}/_simulator/send", bench.simulator.base_url());

    let request = bench
        .client
        .post(url)
        .header("content-type", "text/plain")
        .body(r#"{"items":[]}"#);

    assert_eq!(request.send().await.unwrap().status(), 400);
}

#[tokio::test]
async fn the_simulator_stops_when_it_is_dropped() {
    let bench = Bench::new().await;
    let url = format!("{}/_simulator", bench.simulator.base_url());
    drop(bench.simulator);

    assert!(bench.client.get(url).send().await.is_err());
}
