//! Causes of lapsed subscriptions.

use super::*;

#[test]
fn a_tenant_with_a_blocked_handshake_starves_no_other() {
    let names: Vec<String> = (0..10).map(|number| format!("chats-{number}")).collect();
    let mut entries: Vec<(usize, &str, Value)> = names
        .iter()
        .enumerate()
        .map(|(number, name)| (number, name.as_str(), chats()))
        .collect();
    let world = world(&organisations(10, &entries));
    world.scheduled();
    assert_eq!(live(&world), 10);
    entries.push((0, "mail", mail(users(120))));
    world
        .documents
        .set(Document::Config, &organisations(10, &entries).to_string());
    world.graph.fail("create /users", blocked());
    world.graph.delay("create /users", 10);
    world.clock.advance(4_310 - 200);
    for _ in 0..24 {
        next_run(&world);
    }
    assert_eq!(live(&world), 10);
}

#[test]
fn a_due_renewal_precedes_hundreds_of_slow_creations() {
    let world = world(&organisations(1, &[(0, "chats", chats())]));
    world.scheduled();
    let more = organisations(1, &[(0, "chats", chats()), (0, "a-mail", mail(users(600)))]);
    world.documents.set(Document::Config, &more.to_string());
    world.graph.fail("create /users", blocked());
    world.graph.delay("create /users", 10);
    world.clock.advance(4_310 - 30);
    world.log();
    world.scheduled();
    assert_eq!(count(&world.log(), "update"), 1);
}

#[test]
fn a_subscription_at_its_maximum_lifetime_is_replaced_before_it_expires() {
    for refusal in [
        Reply::new(308, ""),
        Reply::refusal(
            401,
            "ExtensionError",
            "Unauthorized; Reason: p#S256 doesn't match",
        ),
        Reply::refusal(400, "InvalidRequest", "something that stays"),
    ] {
        let world = world(&organisations(1, &[(0, "chats", chats())]));
        world.graph.end_in_time();
        world.scheduled();
        world.graph.fail("update id-1", refusal);
        for _ in 0..450 {
            let report = next_run(&world);
            assert_eq!(live(&world), 1, "{report:#}");
        }
        assert_ne!(world.graph.all()[0].id, "id-1");
    }
}

#[test]
fn an_end_that_graph_finds_too_late_is_moved_at_once() {
    let world = world(&organisations(
        1,
        &[(
            0,
            "mail",
            json!({"resource": "/users/u1/messages", "changeType": "created"}),
        )],
    ));
    world.graph.limit(4_230);
    let report = world.scheduled();
    assert_eq!((live(&world), &report["failed"]), (1, &json!(0)), "{report:#}");
    world.log();
    world.graph.remove("id-1");
    world.graph.remove("id-2");
    world.clock.advance(10);
    world.scheduled();
    assert_eq!(count(&world.log(), "create"), 1, "the limit is remembered");
}

#[test]
fn one_mailbox_that_is_throttled_holds_no_other_back() {
    let world = world(&organisations(1, &[(0, "mail", mail(users(100)))]));
    world.scheduled();
    world.graph.fail("update id-1", Reply::throttled(3_600));
    // "id-1" and "id-10" to "id-100".
    world.graph.change("id-100", |_| ());
    world.clock.advance(10_060 - 60);
    world.log();
    world.scheduled();
    let now = world.clock.now();
    let all = world.graph.all();
    let renewed = all
        .iter()
        .filter(|one| one.expiration_date_time.unwrap().duration_since(now).as_hours() > 100);
    assert_eq!(renewed.count(), 88);
}

#[test]
fn an_extension_is_made_alone_when_the_new_url_is_refused() {
    let world = world(&organisations(
        1,
        &[(
            0,
            "chats",
            json!({
                "resource": "/chats/getAllMessages", "changeType": "created", "includeResourceData": true,
            }),
        )],
    ));
    world.scheduled();
    let mut document = world.documents.json(Document::Decryption);
    let mut newer = document["keys"][0].clone();
    newer["id"] = json!("c-new");
    document["keys"].as_array_mut().unwrap().push(newer);
    world.documents.set(Document::Decryption, &document.to_string());
    world.graph.quirk(Quirk::RefusesNewUrls);
    world.clock.advance(4_310 - 60);
    let report = world.scheduled();
    world.clock.advance(120);
    assert_eq!(live(&world), 1, "{report:#}");
    assert_eq!(report["failed"], json!(1), "a person has to see to the handshake");
}

#[test]
fn slow_creations_do_not_hold_up_the_quick_ones() {
    let world = world(&organisations(1, &[(0, "mail", mail(users(500)))]));
    for number in (0..500).step_by(100) {
        world.graph.delay(&format!("create /users/u{number:05}"), 55);
    }
    world.graph.delay("create", 1);
    let begun = world.clock.now();
    world.scheduled();
    assert_eq!(live(&world), 500);
    let took = world.clock.now().duration_since(begun).as_secs();
    assert!(took <= 85, "{took}");
}

#[test]
fn refused_objects_do_not_keep_a_newcomer_waiting_for_days() {
    let ids = users(150).into_iter().chain(["z-newcomer".to_owned()]);
    let world = world(&organisations(1, &[(0, "mail", mail(ids))]));
    world.graph.fail("create /users/u", forbidden());
    runs_for(&world, 120);
    assert_eq!(live(&world), 1);
    let calls = count(&world.log(), "create");
    runs_for(&world, 24 * 60);
    let more = count(&world.log(), "create");
    assert!(more < 10 * calls, "{more} after {calls}");
}

#[test]
fn a_guest_without_a_mailbox_is_skipped_without_a_failure() {
    let world = world(&organisations(1, &[(0, "mail", mail(users(3)))]));
    let text = "REST API is not yet supported for this mailbox.";
    world.graph.fail(
        "create /users/u00001",
        Reply::refusal(404, "ExtensionError", text),
    );
    for _ in 0..3 {
        let mut metrics = Metrics::default();
        let event = json!({"source": "aws.scheduler"});
        let report = world.clock.run(world.handle(event, &mut metrics)).unwrap();
        assert_eq!(
            (&report["failed"], &report["skipped"]),
            (&json!(0), &json!(1)),
            "{report:#}"
        );
        world.clock.advance(10);
    }
}

#[test]
fn a_living_mailbox_that_a_policy_excludes_is_a_failure() {
    let world = world(&organisations(1, &[(0, "mail", mail(users(1)))]));
    world.graph.end_in_time();
    world.scheduled();
    let text = "[Status Code: Forbidden; Reason: Access to OData is disabled.]";
    let excluded = Reply::refusal(403, "ExtensionError", text);
    world.graph.fail("update", excluded.clone());
    world.graph.fail("create", excluded);
    for expected in [1, 0] {
        world.clock.advance(6 * 24 * 60);
        let report = next_run(&world);
        assert_eq!(live(&world), expected, "{report:#}");
        assert_eq!(
            (&report["failed"], &report["skipped"]),
            (&json!(1), &json!(0)),
            "{report:#}"
        );
    }
}

#[test]
fn refused_renewals_do_not_hold_back_the_creation_after_the_lapse() {
    let world = world(&organisations(1, &[(0, "chats", chats())]));
    world.graph.end_in_time();
    world.scheduled();
    world.graph.fail("update", forbidden());
    for _ in 0..7 {
        world.clock.advance(600);
        let report = world.scheduled();
        let error = report["subscriptions"][0]["error"].as_str().unwrap();
        assert!(!error.contains("retries after"), "{error}");
    }
    world.clock.advance(200);
    assert_eq!(live(&world), 0);
    world.graph.heal();
    world.scheduled();
    assert_eq!(live(&world), 1);
}

#[test]
fn a_run_ends_before_lambda_ends_it() {
    for slow in ["list", "create", "update", "get"] {
        let world = world(&organisations(
            2,
            &[(0, "chats", chats()), (1, "mail", mail(users(200)))],
        ));
        world.scheduled();
        world.clock.advance(4_310 - 60);
        if slow == "create" {
            for one in world.graph.all() {
                world.graph.remove(&one.id);
            }
        }
        world.graph.delay(slow, 59);
        world.graph.fail(slow, unavailable());
        let begun = world.clock.now();
        // Four tries of a creation would take longer.
        let deadline = begun + jiff::SignedDuration::from_mins(4);
        let event = json!({"source": "aws.scheduler"});
        let report = world.clock.run(world.invoke_until(deadline, event));
        assert!(report.is_ok());
        assert!(world.clock.now() < deadline, "{slow}");
    }
}

#[test]
fn secrets_that_hang_at_the_end_of_a_run_cost_no_report() {
    let mut config = organisations(1, &[(0, "mail", mail(users(600)))]);
    for user in ["ada", "bob"] {
        let mut tenant = config["tenants"]["t00"].clone();
        tenant["credential"] = json!({"refreshToken": user});
        config["tenants"][user] = tenant;
    }
    let world = world(&config);
    world.graph.delay("create", 59);
    world.graph.fail("create", unavailable());
    let begun = world.clock.now();
    let hangs_from = begun + jiff::SignedDuration::from_mins(5);
    *world.documents.hangs_from.lock().unwrap() = Some((world.clock.clone(), hangs_from));
    let report = world.scheduled();
    assert!(report["unfinished"].as_u64().unwrap() > 0, "{report:#}");
    let left = jiff::SignedDuration::from_mins(15) - world.clock.now().duration_since(begun);
    assert!((5..60).contains(&left.as_secs()), "{left}");
    assert!(
        world.documents.state().contains("leftOver"),
        "the next run begins with them"
    );
}

#[test]
fn a_configuration_that_cannot_be_read_for_hours_lets_nothing_lapse() {
    let presence = "/communications/presences/dddddddd-0000-0000-0000-000000000000";
    let presence = json!({"resource": presence, "changeType": "updated"});
    let world = world(&organisations(1, &[(0, "presence", presence)]));
    world.graph.end_in_time();
    world.scheduled();
    *world.documents.is_down.lock().unwrap() = true;
    for _ in 0..24 {
        let report = next_run(&world);
        assert_eq!(live(&world), 1, "{report:#}");
        let problem = report["problems"][0]["message"].as_str().unwrap();
        assert!(report["failed"].as_u64().unwrap() > 0, "{problem}");
    }
    *world.documents.is_down.lock().unwrap() = false;
    let report = next_run(&world);
    assert_eq!((live(&world), &report["failed"]), (1, &json!(0)), "{report:#}");
}

#[test]
fn what_has_to_be_replaced_is_renewed_while_the_configuration_is_unreadable() {
    let presence = format!("/communications/presences/{}", tenant_id(7));
    let presence = json!({"resource": presence, "changeType": "updated"});
    let world = world(&organisations(1, &[(0, "presence", presence)]));
    world.graph.end_in_time();
    world.scheduled();
    world.clock.run(world.invoke(json!({"rotate": "keys"}))).unwrap();
    world.documents.hide(Document::Config);
    world.clock.advance(10);
    for _ in 0..12 {
        let report = next_run(&world);
        assert_eq!(live(&world), 1, "{report:#}");
        assert_eq!(report["unfinished"], json!(1), "it keeps its old key: {report:#}");
    }
}

#[test]
fn a_directory_without_end_stops_no_renewal_of_its_tenant() {
    let world = with_directory(100);
    world.graph.end_in_time();
    // 25 minutes, more than AWS Lambda allows.
    world.graph.delay("users", 15);
    for _ in 0..48 {
        next_run(&world);
        assert_eq!(live(&world), 101);
    }
}

#[test]
fn a_directory_of_minutes_is_listed_after_the_renewals_that_are_due() {
    let world = with_directory(20);
    world.graph.delay("users", 15);
    world.clock.advance(40);
    world.log();
    let report = next_run(&world);
    let log = world.log();
    let renewed = log.iter().position(|line| line.starts_with("update")).unwrap();
    let listed = log.iter().rposition(|line| line == "users").unwrap();
    assert!(renewed < listed, "{log:?}");
    assert_eq!((live(&world), &report["failed"]), (21, &json!(0)), "{report:#}");
    let (kept, renewed) = (&report["counts"]["keep"], &report["counts"]["renew"]);
    assert_eq!(
        kept.as_u64().unwrap() + renewed.as_u64().unwrap(),
        21,
        "{report:#}"
    );
}

/// Returns a world after one run, with a presence and a mailbox for each user of a directory, which has a page for each.
fn with_directory(count: usize) -> World {
    let mut all = mail(users(0));
    all["forEach"] = json!({"users": "all"});
    let presence = "/communications/presences/dddddddd-0000-0000-0000-000000000000";
    let presence = json!({"resource": presence, "changeType": "updated", "includeResourceData": true});
    let world = world(&organisations(1, &[(0, "mail", all), (0, "presence", presence)]));
    let users = users(count);
    world.graph.quirk(Quirk::PagesDirectories);
    world
        .graph
        .set_objects(&users.iter().map(String::as_str).collect::<Vec<_>>());
    world.scheduled();
    assert_eq!(live(&world), count + 1);
    world
}

#[test]
fn one_long_retry_after_is_believed_for_a_quarter_of_an_hour() {
    let world = world(&organisations(1, &[(0, "chats", chats())]));
    world.graph.fail("list", Reply::throttled(1_000_000));
    let report = world.scheduled();
    assert_eq!(report["failed"], json!(1), "{report:#}");
    world.graph.heal();
    world.clock.advance(16);
    let report = world.scheduled();
    assert_eq!((live(&world), &report["failed"]), (1, &json!(0)), "{report:#}");
}

#[tokio::test]
async fn a_lifetime_that_one_tenant_refuses_stays_with_the_others() {
    let everywhere = |tenants: &[&str]| {
        let mut config = config(tenants, &[("chat", "a", false)]);
        config["subscriptions"]["chat"]["tenant"] = json!("*");
        config.to_string()
    };
    let world = prepared(&[]).await;
    world.documents.set(Document::Config, &everywhere(&["a"]));
    world.graph.limit(60);
    world.run().await;
    world.graph.limit(100_000);
    world.documents.set(Document::Config, &everywhere(&["a", "b"]));
    world.run().await;
    let now = world.clock.now();
    let all = world.graph.all();
    let hours = all
        .iter()
        .map(|one| one.expiration_date_time.unwrap().duration_since(now).as_hours());
    assert_eq!(hours.collect::<Vec<_>>(), [0, 71]);
}

#[tokio::test]
async fn a_refusal_that_names_no_minutes_ends_no_subscription() {
    let world = prepared(&[]).await;
    let entry = config(&["a"], &[("chat", "a", false)]).to_string();
    world.documents.set(Document::Config, &entry);
    world.graph.limit(0);
    world.run().await;
    world.graph.limit(100_000);
    let report = world.run().await;
    let end = world.graph.all()[0].expiration_date_time.unwrap();
    assert!(
        end.duration_since(world.clock.now()).as_mins() >= 40,
        "{report:#}"
    );
}
