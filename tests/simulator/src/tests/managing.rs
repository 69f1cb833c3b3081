use super::*;

#[tokio::test]
async fn lists_and_reads_show_no_secrets() {
    let bench = Bench::new().await;
    let id = bench.subscribe(bench.rich("/teams")).await;

    let (_, list) = bench.call(Method::GET, "/v1.0/subscriptions", None).await;
    let (_, one) = bench
        .call(Method::GET, &format!("/v1.0/subscriptions/{id}"), None)
        .await;

    for shown in [&list["value"][0], &one] {
        assert_eq!(shown["id"], id);
        assert_eq!(shown["clientState"], Value::Null);
        assert_eq!(shown["encryptionCertificate"], Value::Null);
        assert_eq!(shown["encryptionCertificateId"], "c-1");
        assert_eq!(shown["notificationUrl"], "https://notify.test/n?s=a%2Bb");
    }
}

#[tokio::test]
async fn a_list_comes_in_pages_that_link_to_the_next() {
    let bench = Bench::with(|options| options.page_size = 2).await;
    for user in 1..=5 {
        bench.subscribe(bench.basic(&format!("/users/{user}"))).await;
    }
    let mut path = "/v1.0/subscriptions".to_owned();
    let mut pages = Vec::new();
    loop {
        let (status, body) = bench.call(Method::GET, &path, None).await;
        assert_eq!(status, 200, "{body}");
        let resources = body["value"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["resource"].clone());
        pages.push(resources.collect::<Vec<_>>());
        let Some(link) = body["@odata.nextLink"].as_str() else {
            break;
        };
        path = link.strip_prefix(&bench.simulator.base_url()).unwrap().to_owned();
    }

    assert_eq!(
        json!(pages),
        json!([["/users/1", "/users/2"], ["/users/3", "/users/4"], ["/users/5"]])
    );
}

#[tokio::test]
async fn query_options_of_a_list_are_refused() {
    let bench = Bench::new().await;
    for (option, message) in [
        ("$filter=resource eq '/users'", "'$filter' is not supported"),
        ("$top=1", "'$top' is not supported"),
        ("$skiptoken=junk", "$skiptoken is not valid"),
    ] {
        let path = format!("/v1.0/subscriptions?{option}");
        refused(
            &bench.call(Method::GET, &path, None).await,
            400,
            "BadRequest",
            message,
        );
    }
}

#[tokio::test]
async fn an_app_in_a_tenant_sees_its_own_subscriptions_only() {
    let mut bench = Bench::new().await;
    let id = bench.subscribe(bench.basic("/users")).await;
    for (tenant, client_id) in [(TENANT, OTHER_APP), (OTHER_TENANT, APP)] {
        bench.token = bench.token_of(tenant, client_id).await;
        let (_, list) = bench.call(Method::GET, "/v1.0/subscriptions", None).await;
        assert_eq!(list["value"], json!([]));
        for method in [Method::GET, Method::DELETE] {
            let answer = bench
                .call(method, &format!("/v1.0/subscriptions/{id}"), None)
                .await;
            refused(&answer, 404, "ResourceNotFound", "not found");
        }
        bench.subscribe(bench.basic("/users")).await;
    }
}

#[tokio::test]
async fn calls_without_a_good_token_are_refused() {
    let mut bench = Bench::new().await;
    let token = std::mem::replace(&mut bench.token, "made.up".to_owned());
    refused(
        &bench.call(Method::GET, "/v1.0/subscriptions", None).await,
        401,
        "InvalidAuthenticationToken",
        "",
    );
    bench.token = token;
    bench.simulator.advance(SignedDuration::from_hours(1));
    refused(
        &bench.call(Method::GET, "/v1.0/subscriptions", None).await,
        401,
        "InvalidAuthenticationToken",
        "expired",
    );
    bench.token = bench.token_of(TENANT, APP).await;
    assert_eq!(bench.call(Method::GET, "/v1.0/subscriptions", None).await.0, 200);
    bench.simulator.revoke_access_tokens();
    assert_eq!(bench.call(Method::GET, "/v1.0/subscriptions", None).await.0, 401);
}

#[tokio::test]
async fn an_update_renews_and_changes_the_certificate() {
    let bench = Bench::new().await;
    let id = bench.subscribe(bench.rich("/teams")).await;
    let expiry = bench.in_minutes(59);
    let body = json!({
        "expirationDateTime": expiry, "encryptionCertificate": certificate(), "encryptionCertificateId": "c-2",
    });

    let (status, body) = bench
        .call(Method::PATCH, &format!("/v1.0/subscriptions/{id}"), Some(body))
        .await;

    assert_eq!(status, 200, "{body}");
    assert_eq!(body["expirationDateTime"], expiry);
    assert_eq!(
        bench.simulator.subscriptions()[0]
            .encryption_certificate_id
            .as_deref(),
        Some("c-2")
    );
}

#[tokio::test]
async fn updates_of_other_fields_or_beyond_the_rules_are_refused() {
    let bench = Bench::new().await;
    let id = bench.subscribe(bench.rich("/teams")).await;
    let (soon, hours, weeks) = (
        bench.in_minutes(50),
        bench.in_minutes(90),
        bench.in_minutes(30_000),
    );
    for (body, code, message) in [
        (
            json!({}),
            "InvalidRequest",
            "expirationDateTime or notificationUrl is required",
        ),
        (
            json!({ "clientState": "new", "expirationDateTime": soon }),
            "InvalidRequest",
            "'clientState'",
        ),
        (
            json!({ "resource": "/users", "expirationDateTime": soon }),
            "InvalidRequest",
            "'resource'",
        ),
        (
            json!({ "expirationDateTime": hours }),
            "InvalidRequest",
            "lifecycleNotificationUrl is a required",
        ),
        (
            json!({ "expirationDateTime": weeks }),
            "ExtensionError",
            "beyond allowed max",
        ),
        (
            json!({ "notificationUrl": "http://notify.test" }),
            "InvalidRequest",
            "https",
        ),
        (
            json!({ "expirationDateTime": soon, "encryptionCertificateId": "c-2" }),
            "InvalidRequest",
            "required",
        ),
        (
            json!({ "expirationDateTime": soon, "encryptionCertificateId": "c-2", "encryptionCertificate": "AA==" }),
            "InvalidRequest",
            "Certificate validation error",
        ),
    ] {
        let answer = bench
            .call(Method::PATCH, &format!("/v1.0/subscriptions/{id}"), Some(body))
            .await;
        refused(&answer, 400, code, message);
    }
}

#[tokio::test]
async fn a_subscription_ends_when_it_is_deleted_or_its_time_is_up() {
    let mut bench = Bench::new().await;
    let deleted = bench.subscribe(bench.basic("/users")).await;
    let expired = bench.subscribe(bench.basic("/groups")).await;

    let path = format!("/v1.0/subscriptions/{deleted}");
    assert_eq!(bench.call(Method::DELETE, &path, None).await.0, 204);
    refused(
        &bench.call(Method::DELETE, &path, None).await,
        404,
        "ResourceNotFound",
        "not found",
    );
    bench.simulator.advance(SignedDuration::from_mins(51));
    bench.token = bench.token_of(TENANT, APP).await;
    let renewal = json!({ "expirationDateTime": bench.in_minutes(50) });
    let answer = bench
        .call(
            Method::PATCH,
            &format!("/v1.0/subscriptions/{expired}"),
            Some(renewal),
        )
        .await;
    refused(&answer, 404, "ResourceNotFound", "not found");
    assert!(bench.simulator.subscriptions().is_empty());
}

#[tokio::test]
async fn patch_and_reauthorize_within_ten_minutes_are_noted() {
    let mut bench = Bench::new().await;
    let id = bench.subscribe(bench.basic("/users")).await;
    let (path, renewal) = (
        format!("/v1.0/subscriptions/{id}"),
        json!({ "expirationDateTime": bench.in_minutes(200) }),
    );
    let reauthorize = format!("{path}/reauthorize");

    assert_eq!(bench.call(Method::POST, &reauthorize, None).await.0, 204);
    bench.simulator.advance(SignedDuration::from_mins(11));
    bench.call(Method::PATCH, &path, Some(renewal.clone())).await;
    assert!(bench.simulator.violations().is_empty());
    bench.simulator.advance(SignedDuration::from_mins(9));
    bench.token = bench.token_of(TENANT, APP).await;
    bench.call(Method::POST, &reauthorize, None).await;
    bench.call(Method::PATCH, &path, Some(renewal)).await;
    assert_eq!(bench.simulator.violations().len(), 2);
}

#[tokio::test]
async fn injected_faults_have_the_given_rate_and_requests_are_logged() {
    let bench = Bench::new().await;
    bench.simulator.fail(
        Fault::new("GET", "/v1.0/subscriptions", 429)
            .times(2)
            .retry_after(7),
    );
    let url = format!("{}/v1.0/subscriptions", bench.simulator.base_url());
    let get = || {
        bench
            .client
            .get(&url)
            .bearer_auth(&bench.token)
            .header("client-request-id", "mine")
            .send()
    };

    let first = get().await.unwrap();
    assert_eq!(
        (
            first.status().as_u16(),
            first.headers()["retry-after"].to_str().unwrap()
        ),
        (429, "7")
    );
    assert_eq!(get().await.unwrap().status(), 429);
    assert_eq!(get().await.unwrap().status(), 200);
    let log = bench.simulator.requests();
    assert_eq!(log.last().unwrap().client_request_id, "mine");
    assert_eq!(bench.simulator.count("GET", "/v1.0/subscriptions"), 3);
    assert!(log.iter().all(|request| !request.body.contains("client_secret")));
}

#[tokio::test]
async fn a_busy_graph_sends_retry_after_with_every_status() {
    let bench = Bench::new().await;
    for status in [429, 503] {
        let fault = Fault::new("PATCH", "/v1.0/subscriptions", status);
        bench.simulator.fail(fault.retry_after(3));
        let url = format!("{}/v1.0/subscriptions/1", bench.simulator.base_url());
        let patch = bench.client.patch(url).bearer_auth(&bench.token);
        let answer = patch.json(&json!({})).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status);
        assert_eq!(answer.headers()["retry-after"], "3");
        assert!(answer.headers().contains_key("request-id"));
    }
}

#[tokio::test]
async fn a_request_can_be_carried_out_and_its_answer_lost() {
    let bench = Bench::new().await;
    bench
        .simulator
        .fail(Fault::new("POST", "/v1.0/subscriptions", 504).carried_out());

    let (status, _) = bench.create(bench.basic("/users")).await;

    assert_eq!(status, 504);
    assert_eq!(bench.simulator.subscriptions().len(), 1);
}
