//! Two runs at once do no harm, in whatever order their calls are made.

use std::{
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll, Waker},
};

use graph_core::{notification::client_state::ClientStateKeys, secrets::ClientStateDocument};
use graph_edge::{metrics::Metrics, testing::Woken};
use proptest::prelude::*;

use super::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn due_subscriptions_are_renewed_and_stay(order in order()) {
        let world = running();
        let ids = ids(&world);
        world.clock.advance(4_000);
        let reports = at_once(&world, [schedule(), schedule()], order);
        check(&world, &reports);
        prop_assert_eq!(self::ids(&world), ids);
        prop_assert!(done(&reports, "renew") >= 1);
    }

    #[test]
    fn a_subscription_that_graph_removed_is_created_again_once(order in order(), is_listed in any::<bool>()) {
        let world = running();
        if !is_listed {
            world.graph.remove("id-1");
        }
        let event = lifecycle("subscriptionRemoved", "id-1");
        let reports = at_once(&world, [schedule(), event], order);
        prop_assert_eq!(&reports[1], &json!({"batchItemFailures": []}));
        // If Graph still lists it, the scheduled run may have kept it.
        check(&world, if is_listed { &[] } else { &reports[..1] });
        prop_assert_eq!(&reports[0]["failed"], &json!(0));
        prop_assert!(!ids(&world).contains(&"id-1".to_owned()));
    }

    #[test]
    fn a_reauthorization_requested_during_a_run_is_answered(order in order()) {
        let world = running();
        world.clock.advance(60);
        let event = lifecycle("reauthorizationRequired", "id-1");
        let reports = at_once(&world, [schedule(), event], order);
        prop_assert_eq!(&reports[1], &json!({"batchItemFailures": []}));
        check(&world, &reports[..1]);
        prop_assert!(world.log().contains(&"update id-1".to_owned()));
    }

    #[test]
    fn both_runs_delete_a_subscription_without_an_entry(order in order()) {
        let world = running();
        world.documents.set(Document::Config, &config(&["a"], &[("users", "a", false)]).to_string());
        let reports = at_once(&world, [schedule(), schedule()], order);
        for report in &reports {
            prop_assert_eq!(&report["failed"], &json!(0));
        }
        prop_assert_eq!(world.graph.all().len(), 1);
    }

    #[test]
    fn an_older_run_does_not_undo_a_newer_configuration(order in order(), is_renamed in any::<bool>()) {
        let world = running();
        world.clock.advance(4_000);
        let mut newer = wanted();
        if is_renamed {
            let chat = newer["subscriptions"].as_object_mut().unwrap().remove("chat");
            newer["subscriptions"]["talk"] = chat.unwrap();
        } else {
            newer["subscriptions"]["chat"]["changeType"] = json!("created");
        }
        newer["subscriptions"]["groups"] = config(&["a"], &[("groups", "a", false)])["subscriptions"]["groups"].clone();
        newer["subscriptions"].as_object_mut().unwrap().remove("users");
        let change_and_run = async {
            world.documents.set(Document::Config, &newer.to_string());
            handled(&world, schedule()).await
        };
        let outdated = async { handled(&world, schedule()).await };
        let mut reports = interleave(&world, [Box::pin(outdated), Box::pin(change_and_run)], order);
        prop_assert_eq!(&reports[1]["failed"], &json!(0));
        if reports[1]["unfinished"] != json!(0) {
            // The older run created what the newer one was replacing, so the next ones replace it.
            world.clock.advance(10);
            reports = at_once(&world, [schedule(), schedule()], Vec::new());
            prop_assert_eq!(&reports[1]["failed"], &json!(0));
            prop_assert_eq!(&reports[1]["unfinished"], &json!(0));
        }
        for line in reports[1]["subscriptions"].as_array().unwrap() {
            let is_there = ids(&world).contains(&line["subscriptionId"].as_str().unwrap().to_owned());
            prop_assert_eq!(is_there, line["action"] != "delete", "{:#}", line);
        }
    }

    #[test]
    fn an_old_key_is_left_once(order in order()) {
        let world = running();
        block_on(world.invoke(json!({"rotate": "keys"}))).unwrap();
        world.clock.advance(10);
        let reports = at_once(&world, [schedule(), schedule()], order);
        check(&world, &reports);
        let old: Vec<String> = (1..=5).map(|number| format!("id-{number}")).collect();
        prop_assert!(ids(&world).iter().all(|id| !old.contains(id)));
    }
}

proptest! {
    // Each case makes pairs of RSA keys.
    #![proptest_config(ProptestConfig { cases: 6, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn two_first_runs_make_everything_once(order in order()) {
        let world = empty_world(&wanted());
        let reports = at_once(&world, [schedule(), schedule()], order);
        check(&world, &reports);
        prop_assert_eq!(done(&reports, "create"), 5);
        prop_assert_eq!(done(&reports, "adopt") + done(&reports, "keep"), 5);
    }

    #[test]
    fn keys_that_two_runs_make_are_made_once(order in order()) {
        let world = running();
        world.clock.advance(400 * 24 * 60);
        let reports = at_once(&world, [schedule(), schedule()], order);
        check(&world, &reports);
        for document in [Document::ClientState, Document::Decryption] {
            let keys = world.documents.json(document)["keys"].as_array().unwrap().len();
            let expected = if document == Document::Decryption { 2 } else { 1 };
            prop_assert_eq!(keys, expected, "{:?}", document);
        }
    }
}

#[test]
fn a_run_with_an_older_configuration_leaves_its_steps_to_the_next() {
    let world = running();
    let newer = config(&["a"], &[("chat", "a", true), ("groups", "a", false)]);
    let change_and_run = async {
        world.documents.set(Document::Config, &newer.to_string());
        handled(&world, schedule()).await
    };
    let outdated = async { handled(&world, schedule()).await };
    // The older run has read its configuration, then the newer one is made from beginning to end.
    let order = [vec![false; 3], vec![true; 1_000]].concat();
    let reports = interleave(&world, [Box::pin(outdated), Box::pin(change_and_run)], order);
    assert_eq!(
        reports[1]["counts"],
        json!({"create": 1, "delete": 4, "keep": 1}),
        "{:#}",
        reports[1]
    );
    assert_eq!(
        (&reports[0]["failed"], &reports[0]["unfinished"]),
        (&json!(0), &json!(1))
    );
    let left = reports[0]["subscriptions"].as_array().unwrap();
    let left: Vec<_> = left.iter().filter(|line| line["unfinished"] == true).collect();
    assert_eq!(
        (&left[0]["name"], &left[0]["action"]),
        (&json!("groups"), &json!("delete"))
    );
    assert!(
        block_on(world.run())["counts"]
            .to_string()
            .contains(r#""keep":2"#)
    );
}

/// Runs for `events` at once.
fn at_once(world: &World, events: [Value; 2], order: Vec<bool>) -> Vec<Value> {
    interleave(
        world,
        events.map(|event| -> Run<'_> { Box::pin(handled(world, event)) }),
        order,
    )
}

type Run<'a> = Pin<Box<dyn Future<Output = Value> + 'a>>;

async fn handled(world: &World, event: Value) -> Value {
    Box::pin(world.handle(event, &mut Metrics::default()))
        .await
        .unwrap()
}

/// Alternates between two runs: the next item of `order` says which one continues up to its next call. Time passes when
/// both wait.
fn interleave(world: &World, mut runs: [Run<'_>; 2], order: Vec<bool>) -> Vec<Value> {
    // Deadlines need the timer of a runtime, although none of them passes here.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    let runtime = runtime.unwrap();
    let _entered = runtime.enter();
    let mut answers = [None, None];
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));
    let mut context = Context::from_waker(&waker);
    let mut idle = 0;
    for turn in order.into_iter().chain([false, true].into_iter().cycle()) {
        if answers.iter().all(Option::is_some) {
            break;
        }
        let turn = usize::from(turn);
        if answers[turn].is_none()
            && let Poll::Ready(answer) = runs[turn].as_mut().poll(&mut context)
        {
            answers[turn] = Some(answer);
        }
        idle = if woken.take() { 0 } else { idle + 1 };
        if idle > 100 {
            world.clock.skip();
        }
    }
    answers.into_iter().flatten().collect()
}

/// Checks that every wanted subscription exists once, under known keys, and that the reports say so.
#[track_caller]
fn check(world: &World, reports: &[Value]) {
    let all = world.graph.all();
    let mut resources: Vec<&str> = all.iter().filter_map(|one| one.resource.as_deref()).collect();
    resources.sort_unstable();
    assert_eq!(
        resources,
        [
            "/chats/getAllMessages",
            "/users",
            "/users/u1/messages",
            "/users/u2/messages",
            "/users/u3/messages"
        ]
    );
    let document: ClientStateDocument =
        serde_json::from_value(world.documents.json(Document::ClientState)).unwrap();
    let (keys, unusable) = ClientStateKeys::parse(&document);
    assert!(unusable.is_empty());
    let certificates = world.documents.json(Document::Decryption)["keys"].to_string();
    for body in world.graph.bodies() {
        if let Some(state) = body["clientState"].as_str() {
            assert!(keys.verify(Some(state)).is_ok(), "the key of {state} is lost");
        }
        if let Some(id) = body["encryptionCertificateId"].as_str() {
            assert!(certificates.contains(id), "the certificate {id} is lost");
        }
    }
    for report in reports {
        assert_eq!(
            (&report["failed"], &report["unfinished"]),
            (&json!(0), &json!(0)),
            "{report:#}"
        );
        for line in report["subscriptions"].as_array().unwrap() {
            let id = line["subscriptionId"].as_str().unwrap();
            assert!(
                all.iter().any(|one| one.id == id),
                "{id} is reported and not there: {report:#}"
            );
        }
    }
}

/// Returns how many subscriptions `action` was applied to, by the reports.
fn done(reports: &[Value], action: &str) -> u64 {
    let counts = reports.iter().map(|report| report["counts"][action].as_u64());
    counts.map(Option::unwrap_or_default).sum()
}

fn ids(world: &World) -> Vec<String> {
    world.graph.all().into_iter().map(|one| one.id).collect()
}

/// Returns a world in which a run has created every wanted subscription.
fn running() -> World {
    static MADE: OnceLock<World> = OnceLock::new();
    let made = MADE.get_or_init(|| {
        let world = empty_world(&wanted());
        let report = block_on(world.run());
        check(&world, &[report]);
        world
    });
    let world = world(&wanted());
    for document in [Document::ClientState, Document::Decryption] {
        world
            .documents
            .set(document, &made.documents.text(document).unwrap());
    }
    world.graph.resume(&made.graph);
    world
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
}

fn wanted() -> Value {
    let mut config = config(&["a"], &[("chat", "a", true), ("users", "a", false)]);
    config["subscriptions"]["mail"] = json!({
        "resource": "/users/{id}/messages", "changeType": "created", "forEach": ["u1", "u2", "u3"],
    });
    config
}

fn schedule() -> Value {
    json!({"source": "aws.scheduler"})
}

fn lifecycle(event: &str, id: &str) -> Value {
    json!({"Records": [super::lifecycle::event("m1", event, "chat", id)]})
}

/// Returns which of two runs continues, often several times in a row.
fn order() -> impl Strategy<Value = Vec<bool>> {
    proptest::collection::vec((any::<bool>(), 1usize..8), 0..40).prop_map(|turns| {
        turns
            .into_iter()
            .flat_map(|(turn, times)| vec![turn; times])
            .collect()
    })
}
