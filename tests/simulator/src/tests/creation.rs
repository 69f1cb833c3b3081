use super::*;

#[tokio::test]
async fn a_created_subscription_is_returned_as_requested() {
    let bench = Bench::new().await;

    let (status, body) = bench.create(bench.rich("/teams/getAllMessages")).await;

    assert_eq!(status, 201, "{body}");
    assert_eq!(body["applicationId"], APP);
    assert_eq!(body["clientState"], "state");
    assert_eq!(body["notificationUrl"], "https://notify.test/n?s=a%2Bb");
    assert_eq!(body["encryptionCertificateId"], "c-1");
    assert_eq!(body["latestSupportedTlsVersion"], "v1_2");
}

#[tokio::test]
async fn fields_that_are_missing_or_of_the_wrong_kind_are_refused() {
    let bench = Bench::new().await;
    for name in ["changeType", "notificationUrl", "resource", "expirationDateTime"] {
        let text = format!("{name} is a required property");
        check(
            &bench,
            bench.basic("/users"),
            |body| body[name] = Value::Null,
            "InvalidRequest",
            &text,
        )
        .await;
    }
    let basic = || bench.basic("/users");
    check(
        &bench,
        basic(),
        |body| body["changeType"] = json!(1),
        "InvalidRequest",
        "must be a string",
    )
    .await;
    check(
        &bench,
        basic(),
        |body| body["colour"] = json!(1),
        "BadRequest",
        "'colour' does not exist",
    )
    .await;
    let date = |body: &mut Value| body["expirationDateTime"] = json!("2026-11-22T10:00:00");
    check(&bench, basic(), date, "InvalidRequest", "not a date-time").await;
}

#[tokio::test]
async fn query_options_beside_the_resource_are_for_few_resources() {
    let bench = Bench::new().await;
    let options = |text: &'static str| move |body: &mut Value| body["notificationQueryOptions"] = json!(text);
    let jobs = || {
        let mut body = bench.basic("/print/printers/1/jobs");
        body["changeType"] = json!("updated");
        body
    };
    let filter = options("$filter=isFetchable eq true");
    check(
        &bench,
        bench.basic("/users"),
        filter,
        "InvalidRequest",
        "is not supported for '/users'",
    )
    .await;
    check(
        &bench,
        jobs(),
        options("$top=1"),
        "InvalidRequest",
        "must be a $filter",
    )
    .await;
    let mut body = jobs();
    filter(&mut body);
    let (status, answer) = bench.create(body).await;
    assert_eq!(status, 201, "{answer}");
    assert_eq!(answer["notificationQueryOptions"], "$filter=isFetchable eq true");
    let mut other = jobs();
    options("$filter=isFetchable eq false")(&mut other);
    assert_eq!(
        bench.create(other).await.0,
        409,
        "the combination is that of resource and change types"
    );
}

#[tokio::test]
async fn urls_must_be_https() {
    let bench = Bench::new().await;
    for name in ["notificationUrl", "lifecycleNotificationUrl"] {
        let plain = |body: &mut Value| body[name] = json!("http://notify.test/n");
        check(
            &bench,
            bench.basic("/users"),
            plain,
            "InvalidRequest",
            "must be an https URL",
        )
        .await;
        let relative = |body: &mut Value| body[name] = json!("notify.test/n");
        check(
            &bench,
            bench.basic("/users"),
            relative,
            "InvalidRequest",
            "is not a URL",
        )
        .await;
    }
}

#[tokio::test]
async fn unknown_resources_and_change_types_are_refused() {
    let bench = Bench::new().await;
    let same = |_: &mut Value| {};
    check(
        &bench,
        bench.basic("/sites"),
        same,
        "InvalidRequest",
        "'/sites' is not supported",
    )
    .await;
    check(
        &bench,
        bench.basic("/communications/presences"),
        same,
        "InvalidRequest",
        "needs $filter",
    )
    .await;
    check(
        &bench,
        bench.basic("/teams/getAllChannels/getAllMembers"),
        same,
        "InvalidRequest",
        "beta",
    )
    .await;
    check(
        &bench,
        bench.basic("/me/messages"),
        same,
        "BadRequest",
        "/me request is only valid with delegated",
    )
    .await;
    let created = |body: &mut Value| body["changeType"] = json!("updated, created");
    check(
        &bench,
        bench.basic("/users"),
        created,
        "InvalidRequest",
        "'created' is not supported",
    )
    .await;
    let touched = |body: &mut Value| body["changeType"] = json!("touched");
    check(
        &bench,
        bench.basic("/users"),
        touched,
        "InvalidRequest",
        "'touched' is not supported",
    )
    .await;
}

#[tokio::test]
async fn a_presence_filter_names_650_people_at_most() {
    let bench = Bench::new().await;
    let filter = |count: usize| {
        let ids: Vec<String> = (0..count).map(|id| format!("'{id}'")).collect();
        bench.basic(&format!(
            "/communications/presences?$filter=id in ({})",
            ids.join(",")
        ))
    };

    check(
        &bench,
        filter(651),
        |_| {},
        "InvalidRequest",
        "650 presences at most",
    )
    .await;
    bench.subscribe(filter(650)).await;
}

#[tokio::test]
async fn a_tls_version_that_does_not_exist_is_refused() {
    let bench = Bench::new().await;
    let old = |body: &mut Value| body["latestSupportedTlsVersion"] = json!("v0_9");

    check(
        &bench,
        bench.basic("/users"),
        old,
        "InvalidRequest",
        "latestSupportedTlsVersion",
    )
    .await;
}

#[tokio::test]
async fn a_client_state_has_128_characters_at_most() {
    let bench = Bench::new().await;
    let set = |length: usize| move |body: &mut Value| body["clientState"] = json!("x".repeat(length));

    check(
        &bench,
        bench.basic("/users"),
        set(129),
        "InvalidRequest",
        "128 characters",
    )
    .await;
    let mut body = bench.basic("/users");
    set(128)(&mut body);
    bench.subscribe(body).await;
}

#[tokio::test]
async fn an_expiry_beyond_the_maximum_gets_the_services_own_error() {
    let bench = Bench::new().await;
    let until = |minutes| {
        let text = bench.in_minutes(minutes);
        move |body: &mut Value| {
            body["expirationDateTime"] = json!(text);
            body["lifecycleNotificationUrl"] = json!("https://notify.test/l");
        }
    };
    let only = |n: i64| format!("Subscription expiration can only be {n} minutes in the future.");
    check(
        &bench,
        bench.basic("/users/1/events"),
        until(10_075),
        "InvalidRequest",
        &only(10_070),
    )
    .await;
    let selected = bench.rich("/users/1/events?$select=id");
    check(&bench, selected, until(1_445), "InvalidRequest", &only(1_440)).await;
    check(
        &bench,
        bench.basic("/users"),
        until(41_765),
        "InvalidRequest",
        &only(41_760),
    )
    .await;
    let teams = "is beyond allowed max '3.00:00:00'.";
    check(
        &bench,
        bench.basic("/teams"),
        until(4_325),
        "ExtensionError",
        teams,
    )
    .await;
    let presence = "is beyond allowed max '01:00:00'.";
    check(
        &bench,
        bench.basic("/communications/presences/1"),
        until(65),
        "ExtensionError",
        presence,
    )
    .await;
}

#[tokio::test]
async fn an_expiry_that_is_too_near_is_raised_to_45_minutes() {
    let bench = Bench::new().await;
    let mut body = bench.basic("/users");
    body["expirationDateTime"] = json!(bench.in_minutes(1));

    bench.subscribe(body).await;

    let left = bench.simulator.subscriptions()[0]
        .expires_at
        .duration_since(bench.simulator.now());
    assert!((44..=45).contains(&left.as_mins()), "{left}");
}

#[tokio::test]
async fn a_teams_subscription_for_more_than_an_hour_needs_a_lifecycle_url() {
    let bench = Bench::new().await;
    let long = bench.in_minutes(61);
    let long = |body: &mut Value| body["expirationDateTime"] = json!(long);
    let text = "lifecycleNotificationUrl is a required property for subscription creation on this resource when the \
                expirationDateTime value is set to greater than 1 hour";

    check(&bench, bench.basic("/teams"), &long, "InvalidRequest", text).await;
    let mut body = bench.basic("/teams");
    long(&mut body);
    body["lifecycleNotificationUrl"] = json!("https://notify.test/l");
    bench.subscribe(body).await;
}

#[tokio::test]
async fn the_same_combination_twice_is_a_conflict_that_names_the_first() {
    let bench = Bench::new().await;
    let mut body = bench.basic("/users/1/messages");
    body["changeType"] = json!("created,updated");
    let id = bench.subscribe(body.clone()).await;

    body["changeType"] = json!("updated, created");
    body["resource"] = json!("Users('1')/Messages");
    let text = format!("Subscription Id {id} already exists for the requested combination");
    refused(&bench.create(body.clone()).await, 409, "Conflict", &text);
    body["changeType"] = json!("created");
    bench.subscribe(body).await;
}

#[tokio::test]
async fn a_teams_resource_takes_one_subscription_of_an_app() {
    let bench = Bench::new().await;
    bench.subscribe(bench.basic("/teams")).await;
    let mut body = bench.basic("/teams");
    body["changeType"] = json!("created");

    refused(
        &bench.create(body).await,
        403,
        "ExtensionError",
        "has reached its limit of '1' '/TEAMS' subscription",
    );
}

#[tokio::test]
async fn a_body_that_is_not_declared_or_written_as_json_is_refused() {
    let bench = Bench::new().await;
    let url = format!("{}/v1.0/subscriptions", bench.simulator.base_url());
    let post = || bench.client.post(&url).bearer_auth(&bench.token);

    let undeclared = post().body("{}").send().await.unwrap();
    assert_eq!(undeclared.status(), 400);
    assert!(
        undeclared
            .text()
            .await
            .unwrap()
            .contains("Content-Type header declaration")
    );
    let broken = post()
        .header("content-type", "application/json")
        .body("{")
        .send()
        .await
        .unwrap();
    assert_eq!(broken.status(), 400);
    assert!(
        broken
            .text()
            .await
            .unwrap()
            .contains("Unable to read JSON request payload")
    );
}

#[track_caller]
pub(super) fn check(
    bench: &Bench,
    mut body: Value,
    change: impl FnOnce(&mut Value),
    code: &str,
    message: &str,
) -> impl Future<Output = ()> {
    change(&mut body);
    async move {
        refused(
            &bench.create(body).await,
            if code == "Conflict" { 409 } else { 400 },
            code,
            message,
        );
    }
}
