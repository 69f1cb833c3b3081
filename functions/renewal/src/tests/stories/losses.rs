//! A lost subscription has a successor, and consumers hear of the gap, whichever run learns of the successor.

use std::collections::BTreeSet;

use super::*;

#[test]
fn a_creation_whose_answer_is_lost_reports_the_gap() {
    let world = with_lost();
    world.graph.quirk(Quirk::LosesAnswer);
    let report = next_run(&world);
    assert_eq!(report["counts"], json!({"create": 1}), "{report:#}");
    check(&world, Some("id-1"));
}

#[test]
fn a_creation_that_times_out_is_reported_by_the_next_run() {
    for restarts in [false, true] {
        let mut world = with_lost();
        world.graph.delay("create", 70);
        next_run(&world);
        assert_eq!((live(&world), world.told().len()), (1, 0));
        world.graph.heal();
        if restarts {
            world = world.restarted();
        }
        next_run(&world);
        check(&world, (!restarts).then_some("id-1"));
    }
}

#[test]
fn a_creation_that_a_gateway_answers_is_reported_by_the_next_run() {
    for (restarts, is_listed) in [(false, true), (false, false), (true, true), (true, false)] {
        let mut world = with_lost();
        world.graph.quirk(Quirk::LosesAnswers);
        next_run(&world);
        assert_eq!((live(&world), world.told().len()), (1, 0));
        world.graph.heal();
        if !is_listed {
            world.graph.hide(&world.graph.all()[0].id);
        }
        if restarts {
            world = world.restarted();
        }
        next_run(&world);
        check(&world, (!restarts).then_some("id-1"));
    }
}

#[test]
fn a_replacement_that_a_gateway_answers_is_reported_by_the_next_run() {
    for (restarts, is_listed) in [(false, true), (false, false), (true, true), (true, false)] {
        let mut world = world(&organisations(1, &[(0, "chats", chats())]));
        world.scheduled();
        world.clock.advance(10);
        let mut changed = chats();
        changed["includeResourceData"] = json!(true);
        let changed = organisations(1, &[(0, "chats", changed)]).to_string();
        world.documents.set(Document::Config, &changed);
        world.graph.quirk(Quirk::LosesAnswers);
        next_run(&world);
        let all = world.graph.all();
        assert_eq!(
            (all.len(), all[0].id == "id-1", world.told().len()),
            (1, false, 0)
        );
        world.graph.heal();
        if !is_listed {
            world.graph.hide(&all[0].id);
        }
        if restarts {
            world = world.restarted();
        }
        next_run(&world);
        check(&world, (!restarts).then_some("id-1"));
    }
}

#[test]
fn a_successor_that_a_list_leaves_out_is_adopted_with_its_gap() {
    let world = with_lost();
    world.graph.delay("create", 70);
    next_run(&world);
    world.graph.heal();
    world.graph.hide(&world.graph.all()[0].id);
    let report = next_run(&world);
    assert_eq!(report["counts"], json!({"adopt": 1}), "{report:#}");
    check(&world, Some("id-1"));
}

#[test]
fn an_event_that_no_queue_takes_is_sent_by_the_next_run() {
    for restarts in [false, true] {
        let mut world = with_lost();
        world.delivery_queue.refuse(Some(""));
        for _ in 0..2 {
            let report = next_run(&world);
            assert_eq!(report["failed"], json!(1), "{report:#}");
            assert_eq!((live(&world), world.told().len()), (1, 0));
        }
        world.delivery_queue.refuse(None);
        if restarts {
            world = world.restarted();
        }
        next_run(&world);
        check(&world, (!restarts).then_some("id-1"));
    }
}

#[test]
fn a_list_that_left_a_subscription_out_makes_no_gap() {
    let world = world(&organisations(1, &[(0, "chats", chats())]));
    world.scheduled();
    let one = world.graph.all().remove(0);
    world.graph.remove("id-1");
    world.graph.fail("create", unavailable());
    next_run(&world);
    world.graph.add(&tenant_id(0), one);
    world.graph.heal();
    next_run(&world);
    assert_eq!((live(&world), world.told().len()), (1, 0));
}

#[test]
fn a_new_process_believes_no_gap_after_one_incomplete_list() {
    let list = json!({"resource": "/sites/s/lists/l", "changeType": "updated"});
    for (entry, answer) in [
        (chats(), unavailable()),
        (chats(), forbidden()),
        (list, unavailable()),
    ] {
        let mut world = world(&organisations(1, &[(0, "one", entry)]));
        world.scheduled();
        world.clock.advance(10);
        world = world.restarted();
        let one = world.graph.all().remove(0);
        world.graph.remove("id-1");
        world.graph.fail("create", answer);
        next_run(&world);
        world.graph.add(&tenant_id(0), one);
        world.graph.heal();
        next_run(&world);
        assert_eq!((live(&world), world.told()), (1, Vec::new()));
    }
}

#[test]
fn a_creation_that_graph_never_carried_out_makes_no_gap() {
    let mut world = world(&organisations(1, &[(0, "chats", chats())]));
    world.scheduled();
    world.clock.advance(10);
    world = world.restarted();
    let one = world.graph.all().remove(0);
    world.graph.remove("id-1");
    // The run ends while the creation waits for its turn.
    world.graph.fail("create", Reply::throttled(30));
    let deadline = world.clock.now() + jiff::SignedDuration::from_secs(60);
    let event = json!({"source": "aws.scheduler"});
    let report = world.clock.run(world.invoke_until(deadline, event)).unwrap();
    assert_eq!(report["unfinished"], json!(1), "{report:#}");
    world.graph.add(&tenant_id(0), one);
    world.graph.heal();
    world.clock.advance(10);
    next_run(&world);
    assert_eq!((live(&world), world.told()), (1, Vec::new()));
}

#[test]
fn a_shortened_creation_whose_answer_is_lost_reports_the_gap() {
    let mut world = world(&organisations(1, &[(0, "chats", chats())]));
    world.scheduled();
    world.clock.advance(10);
    world = world.restarted();
    world.graph.remove("id-1");
    world.graph.limit(60);
    world.graph.quirk(Quirk::LosesAnswer);
    next_run(&world);
    assert_eq!(live(&world), 1);
    check(&world, None);
}

#[test]
fn a_gap_of_which_nobody_knows_is_reported_with_a_late_successor() {
    let mut world = world(&organisations(1, &[(0, "chats", chats())]));
    world.scheduled();
    world.clock.advance(60);
    world.documents.forget_state();
    world = world.restarted();
    world.graph.remove("id-1");
    world.graph.delay("create", 70);
    next_run(&world);
    world.graph.heal();
    world.graph.hide(&world.graph.all()[0].id);
    let report = next_run(&world);
    assert_eq!(report["counts"], json!({"adopt": 1}), "{report:#}");
    assert_eq!(world.told().len(), 1);
}

#[test]
fn a_replacement_that_no_queue_takes_is_reported_by_the_next_run() {
    for restarts in [false, true] {
        let mut world = world(&organisations(1, &[(0, "chats", chats())]));
        world.scheduled();
        world.clock.advance(10);
        let mut changed = chats();
        changed["changeType"] = json!("created,updated");
        let changed = organisations(1, &[(0, "chats", changed)]).to_string();
        world.documents.set(Document::Config, &changed);
        world.delivery_queue.refuse(Some(""));
        world.graph.delay("create", 5);
        next_run(&world);
        assert_eq!((live(&world), world.told().len()), (1, 0));
        world.delivery_queue.refuse(None);
        world.graph.heal();
        if restarts {
            world = world.restarted();
        }
        next_run(&world);
        check(&world, (!restarts).then_some("id-1"));
    }
}

#[test]
fn a_window_that_no_queue_takes_repeats_its_event_under_one_id() {
    for restarts in [false, true] {
        let mut world = with_lost();
        world.read_queue.refuse(Some(""));
        for told in 1..=2 {
            let report = next_run(&world);
            assert_eq!(report["failed"], json!(1), "{report:#}");
            assert_eq!((world.told().len(), world.windows().len()), (told, 0));
        }
        world.read_queue.refuse(None);
        let mut before = Vec::new();
        if restarts {
            before = world.told();
            world = world.restarted();
        }
        for _ in 0..2 {
            next_run(&world);
            let told = [before.clone(), world.told()].concat();
            let ids: BTreeSet<&str> = told.iter().filter_map(|event| event["id"].as_str()).collect();
            assert_eq!((told.len(), ids.len()), (3, 1), "{told:#?}");
            let windows = world.windows();
            assert_eq!(windows.len(), 1, "{windows:#?}");
            assert_eq!(windows[0]["gap"], told[0]["id"]);
        }
    }
}

#[test]
fn a_removal_that_no_queue_takes_is_read_after_a_restart() {
    for has_run_before in [false, true] {
        for refused in [true, false] {
            let mut world = with_lost();
            let removed = storms::event(&world, 1, "subscriptionRemoved", "chats", "id-1", 0);
            let batch = json!({"Records": [removed]});
            let queue = if refused {
                &world.read_queue
            } else {
                &world.delivery_queue
            };
            queue.refuse(Some(""));
            let answer = world.clock.run(world.invoke(batch.clone())).unwrap();
            assert_eq!(answer["batchItemFailures"].as_array().unwrap().len(), 1);
            assert_eq!((live(&world), world.windows().len()), (1, 0));
            world = world.restarted();
            if has_run_before {
                next_run(&world);
            }
            for _ in 0..2 {
                world.clock.run(world.invoke(batch.clone())).unwrap();
                assert_eq!((world.told().len(), world.windows().len()), (1, 1));
            }
            world = world.restarted();
            next_run(&world);
            world.clock.run(world.invoke(batch)).unwrap();
            assert_eq!(world.windows().len(), 0, "it was read");
        }
    }
}

#[test]
fn the_gap_after_a_lost_client_state_key_has_no_known_beginning() {
    let world = world(&organisations(1, &[(0, "chats", chats())]));
    world.scheduled();
    world.clock.advance(300);
    world.documents.set(Document::ClientState, "{}");
    runs_for(&world, 60);
    let told = world.told();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["data"]["subscriptionId"], json!("id-1"));
    assert_eq!(
        told[0]["data"].get("lostFrom"),
        None,
        "it may have been long before"
    );
}

/// Returns a world with one subscription that Graph has removed in silence.
fn with_lost() -> World {
    let world = world(&organisations(1, &[(0, "chats", chats())]));
    world.scheduled();
    world.clock.advance(10);
    next_run(&world);
    world.graph.remove("id-1");
    world.log();
    world
}

/// Checks that consumers have one event, about the subscription with this id, and get no other in the next run.
#[track_caller]
fn check(world: &World, id: Option<&str>) {
    for _ in 0..2 {
        let told = world.told();
        assert_eq!(told.len(), 1, "{told:#?}");
        assert_eq!(told[0]["type"], json!("Microsoft.Graph.SubscriptionRecreated"));
        assert_eq!(told[0]["data"]["subscriptionId"].as_str(), id);
        assert!(told[0]["data"]["lostFrom"].is_string(), "{told:#?}");
        next_run(world);
    }
}
