use super::*;

#[tokio::test]
async fn a_rich_item_carries_its_envelope_and_a_token() {
    let bench = Bench::new().await;
    let id = bench.subscribe(bench.rich("/teams")).await;

    let report = bench
        .simulator
        .send(Post::new().change(&id, "updated"))
        .await
        .unwrap();

    assert!(report.delivered());
    let arrived = &bench.receiver.notifications()[0];
    assert_eq!(
        (arrived.path.as_str(), arrived.query.as_str()),
        ("/base/$default/n", "s=a%2Bb")
    );
    assert_eq!(arrived.headers["content-type"], "application/json; charset=utf-8");
    let body = arrived.json();
    let item = &body["value"][0];
    assert_eq!(item["subscriptionId"], id);
    assert_eq!(item["clientState"], "state");
    assert_eq!(item["tenantId"], TENANT);
    assert_eq!(item["changeType"], "updated");
    assert_eq!(item["resourceData"]["@odata.type"], "#Microsoft.Graph.Team");
    assert_eq!(item["encryptedContent"]["encryptionCertificateId"], "c-1");
    assert_eq!(body["validationTokens"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_basic_item_carries_neither() {
    let bench = Bench::new().await;
    let id = bench.subscribe(bench.basic("/teams")).await;

    bench
        .simulator
        .send(Post::new().change(&id, "updated"))
        .await
        .unwrap();

    let body = bench.receiver.notifications()[0].json();
    assert!(body.get("validationTokens").is_none());
    assert!(body["value"][0].get("encryptedContent").is_none());
    assert_eq!(
        body["value"][0]["resourceData"]["@odata.type"],
        "#Microsoft.Graph.Teams"
    );
}

#[tokio::test]
async fn items_for_one_url_share_a_post_with_one_token_per_app() {
    let mut bench = Bench::new().await;
    let first = bench.subscribe(bench.rich("/teams")).await;
    let second = bench.subscribe(bench.rich("/teams/getAllChannels")).await;
    bench.token = bench.token_of(TENANT, OTHER_APP).await;
    let third = bench.subscribe(bench.rich("/teams")).await;
    let mut elsewhere = bench.basic("/users");
    elsewhere["notificationUrl"] = json!("https://notify.test/elsewhere");
    let fourth = bench.subscribe(elsewhere).await;

    let post = [&first, &second, &third, &fourth]
        .into_iter()
        .fold(Post::new(), |post, id| post.change(id, "updated"));
    let report = bench.simulator.send(post).await.unwrap();

    assert_eq!(report.posts.len(), 2);
    let bodies: Vec<Value> = bench
        .receiver
        .notifications()
        .iter()
        .map(receiver::Arrived::json)
        .collect();
    let body = bodies
        .iter()
        .find(|body| body["value"].as_array().unwrap().len() == 3)
        .unwrap();
    assert_eq!(body["validationTokens"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn an_attempt_that_fails_is_repeated_with_the_same_bytes() {
    let bench = Bench::new().await;
    let id = bench.subscribe(bench.rich("/teams")).await;
    bench.receiver.answer(&[500, 404, 302]);

    let report = bench
        .simulator
        .send(Post::new().change(&id, "updated"))
        .await
        .unwrap();

    assert!(report.delivered());
    let statuses: Vec<_> = report.posts[0]
        .attempts
        .iter()
        .map(|attempt| attempt.status.unwrap())
        .collect();
    assert_eq!(statuses, [500, 404, 302, 202]);
    let bodies: Vec<_> = bench
        .receiver
        .notifications()
        .into_iter()
        .map(|arrived| arrived.body)
        .collect();
    assert!(bodies.len() == 4 && bodies.iter().all(|body| *body == report.posts[0].body));
    assert_eq!(bench.simulator.deliveries().len(), 1);
}

#[tokio::test]
async fn a_late_answer_fails_and_the_retry_has_more_time() {
    let bench = Bench::with(|options| {
        options.first_timeout = Duration::from_millis(20);
        options.retry_timeout = Duration::from_secs(1);
    })
    .await;
    let id = bench.subscribe(bench.basic("/users")).await;
    bench.receiver.answer(&[receiver::LATE, receiver::LATE]);

    let report = bench
        .simulator
        .send(Post::new().change(&id, "updated"))
        .await
        .unwrap();

    let attempts = &report.posts[0].attempts;
    assert!(report.delivered());
    assert_eq!(
        (attempts.len(), attempts[0].status, attempts[1].status),
        (3, None, None)
    );
    assert!(
        (20..1_000).contains(&attempts[0].milliseconds) && attempts[1].milliseconds >= 1_000,
        "{attempts:?}"
    );
}

#[tokio::test]
async fn attempts_end_when_the_subscription_does() {
    let bench = Bench::with(|options| (options.retry_scale, options.max_attempts) = (0.05, 3)).await;
    let id = bench.subscribe(bench.basic("/users")).await;
    bench.receiver.answer(&[503; 3]);

    let sending = bench.simulator.send(Post::new().change(&id, "updated"));
    let removing = async {
        while bench.receiver.notifications().is_empty() {
            tokio::task::yield_now().await;
        }
        assert!(bench.simulator.remove(&id));
    };
    let (report, ()) = tokio::join!(sending, removing);

    assert_eq!(report.unwrap().posts[0].attempts.len(), 1);
}

#[tokio::test]
async fn a_post_that_nobody_accepts_is_given_up() {
    let bench = Bench::with(|options| options.max_attempts = 3).await;
    let id = bench.subscribe(bench.basic("/users")).await;
    bench.receiver.answer(&[503, 503, 503]);

    let report = bench
        .simulator
        .send(Post::new().change(&id, "updated"))
        .await
        .unwrap();

    assert!(!report.delivered());
    assert_eq!(report.posts[0].attempts.len(), 3);
}

#[tokio::test]
async fn nothing_is_sent_for_an_expired_or_unsuitable_subscription() {
    let bench = Bench::new().await;
    let id = bench.subscribe(bench.basic("/users")).await;

    let report = bench
        .simulator
        .send(Post::new().change(&id, "deleted"))
        .await
        .unwrap();
    assert_eq!(
        report.skipped[0].reason,
        "the subscription is not for this change type"
    );
    bench.simulator.advance(SignedDuration::from_hours(1));
    let report = bench
        .simulator
        .send(Post::new().change(&id, "updated"))
        .await
        .unwrap();
    assert_eq!(
        report.skipped[0].reason,
        "no live subscription has this id or resource"
    );
    assert!(!report.delivered() && bench.receiver.notifications().is_empty());
}

#[tokio::test]
async fn lifecycle_events_go_to_their_own_url_and_removal_removes() {
    let bench = Bench::new().await;
    let mut body = bench.basic("/users/1/messages");
    body["lifecycleNotificationUrl"] = json!("https://notify.test/l");
    let id = bench.subscribe(body).await;

    let post = Post::new()
        .lifecycle(&id, LifecycleEvent::ReauthorizationRequired)
        .lifecycle(&id, LifecycleEvent::Missed)
        .lifecycle(&id, LifecycleEvent::SubscriptionRemoved);
    assert!(bench.simulator.send(post).await.unwrap().delivered());

    let arrived = &bench.receiver.notifications()[0];
    assert_eq!(arrived.path, "/base/$default/l");
    let body = arrived.json();
    let events: Vec<_> = body["value"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["lifecycleEvent"].clone())
        .collect();
    assert_eq!(
        json!(events),
        json!(["reauthorizationRequired", "missed", "subscriptionRemoved"])
    );
    for absent in ["resource", "resourceData", "changeType", "encryptedContent"] {
        assert!(body["value"][0].get(absent).is_none(), "{absent}");
    }
    assert!(bench.simulator.subscriptions().is_empty());
}

#[tokio::test]
async fn duplicates_are_the_same_to_the_byte() {
    let bench = Bench::new().await;
    let id = bench.subscribe(bench.rich("/teams")).await;

    let report = bench
        .simulator
        .send(Post::new().change(&id, "updated").duplicate(0))
        .await
        .unwrap();
    let again = bench.simulator.resend(&report.posts[0]).await.unwrap();

    let body = bench.receiver.notifications()[0].json();
    assert_eq!(body["value"][0], body["value"][1]);
    assert!(again.delivered);
    assert_eq!(bench.receiver.notifications()[1].body, report.posts[0].body);
}

#[tokio::test]
async fn a_fault_affects_only_its_own_item() {
    let bench = Bench::new().await;
    let id = bench.subscribe(bench.rich("/teams")).await;
    let post = Post::new()
        .change(&id, "updated")
        .content(r#"{ "n": 1.10 }"#)
        .duplicate(0);

    let report = bench
        .simulator
        .send(post.wrong(0, Wrong::MissingSignature))
        .await
        .unwrap();
    assert_eq!(
        report.posts[0].items[0].content.as_deref(),
        Some(r#"{ "n": 1.10 }"#)
    );
    let post = Post::new()
        .change(&id, "updated")
        .change(&id, "updated")
        .wrong(1, Wrong::MissingSignature);
    bench.simulator.send(post).await.unwrap();

    let body = bench.receiver.notifications()[1].json();
    assert!(body["value"][0]["encryptedContent"]["dataSignature"].is_string());
    assert!(
        body["value"][1]["encryptedContent"]
            .get("dataSignature")
            .is_none()
    );
}

#[tokio::test]
async fn an_item_opens_unless_its_encryption_is_wrong() {
    use Wrong::*;
    let bench = Bench::new().await;
    let id = bench.subscribe(bench.rich("/teams/getAllMessages")).await;
    let wrongs = [
        FlippedBit,
        TruncatedData,
        MissingSignature,
        WrongMac,
        ShortKey,
        OaepSha256,
        RandomDataKey,
    ];
    for wrong in wrongs.map(Some).into_iter().chain([None]) {
        let post = Post::new().change(&id, "updated");
        let post = wrong.into_iter().fold(post, |post, wrong| post.wrong(0, wrong));
        let report = bench.simulator.send(post).await.unwrap();
        let sent = &report.posts[0].items[0];

        let opened = encrypt::tests::open(&Pool::key(5).unwrap(), &sent.item["encryptedContent"]);

        let expected = sent.content.clone().filter(|_| wrong.is_none());
        assert_eq!(
            opened.map(|bytes| String::from_utf8(bytes).unwrap()),
            expected,
            "{wrong:?}"
        );
    }
}

#[tokio::test]
async fn every_wrong_thing_differs_from_the_right_one() {
    use Wrong::*;
    let bench = Bench::new().await;
    let id = bench.subscribe(bench.rich("/teams")).await;
    let content = |body: &Value, name: &str| body["value"][0]["encryptedContent"][name].clone();
    for wrong in [
        DataNotBase64,
        UnknownCertificateId,
        EmptyEncryptedContent,
        WrongClientState,
        AbsentClientState,
        NullClientState,
        OtherTenant,
        UnknownSubscription,
        ItemNotAnObject,
        OddCasing,
        TokensNull,
        TokensAbsent,
        TokensEmpty,
        TokenGarbage,
        NotJson,
        NoValue,
        ValueNotAnArray,
        EmptyBody,
        ByteOrderMark,
    ] {
        let before = bench.receiver.notifications().len();
        bench
            .simulator
            .send(Post::new().change(&id, "updated").wrong(0, wrong))
            .await
            .unwrap();
        let arrived = &bench.receiver.notifications()[before];
        let body: Value = serde_json::from_slice(&arrived.body).unwrap_or_default();
        let item = &body["value"][0];
        let as_it_should_be = match wrong {
            DataNotBase64 => content(&body, "data") != "%%%",
            UnknownCertificateId => content(&body, "encryptionCertificateId") == "c-1",
            EmptyEncryptedContent => content(&body, "data").is_string(),
            WrongClientState | AbsentClientState | NullClientState => item["clientState"] == "state",
            OtherTenant => item["tenantId"] == TENANT,
            UnknownSubscription => item["subscriptionId"] == id,
            OddCasing => item["changeType"] == "updated",
            TokensNull | TokensAbsent | TokensEmpty => body["validationTokens"][0].is_string(),
            TokenGarbage => body["validationTokens"][0].as_str().unwrap().contains('.'),
            ItemNotAnObject | NotJson | EmptyBody | ByteOrderMark | NoValue | ValueNotAnArray => {
                item.is_object()
            }
            _ => true,
        };
        assert!(!as_it_should_be, "{wrong:?}: {body}");
    }
}
