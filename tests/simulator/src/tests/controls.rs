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
async fn content_given_over_http_is_sent_byte_for_byte_without_waiting_if_so_wished() {
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
