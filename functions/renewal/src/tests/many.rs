//! `forEach` entries.

use super::*;

#[tokio::test]
async fn added_objects_get_a_subscription_and_removed_ones_lose_it() {
    let world = world(&of_members());
    world.graph.set_objects(&["u1", "u2"]);
    let report = world.run().await;
    assert_eq!(
        world.log()[2..],
        [
            "list a",
            "members",
            "create /users/u1/messages",
            "create /users/u2/messages"
        ]
    );
    let line = &report["forEach"][0];
    assert_eq!(
        *line,
        json!({
            "name": "mail", "tenant": "a", "objects": 2, "leftOut": 0, "counts": {"create": 2}, "failed": 0, "skipped": 0,
            "unfinished": 0, "nextExpiry": line["nextExpiry"], "lines": line["lines"], "more": 0,
        })
    );
    assert_eq!(line["lines"][1]["name"], json!("mail/u2"));
    assert!(
        world.graph.all()[0]
            .notification_url
            .as_ref()
            .unwrap()
            .contains("&s=mail%2Fu1&")
    );
    assert!(
        world.graph.bodies()[0]["clientState"]
            .as_str()
            .unwrap()
            .starts_with("mail/u1.")
    );

    world.graph.set_objects(&["u2", "u3"]);
    let report = world.run().await;
    assert_eq!(world.log(), ["list a", "members", "create /users/u3/messages"]);
    assert_eq!(report["counts"], json!({"create": 1, "keep": 2}));
    assert_eq!((world.told(), world.windows()), (vec![], vec![]), "u3 is new");
    // Graph may have listed too few.
    world.clock.advance(10);
    let report = world.run().await;
    assert_eq!(world.log(), ["list a", "members", "delete id-1"]);
    assert_eq!(report["counts"], json!({"delete": 1, "keep": 2}));
    assert_eq!(report["failed"], json!(0));
    world.run().await;
    assert_eq!(world.log(), ["list a", "members"]);
}

#[tokio::test]
async fn objects_whose_first_list_failed_are_new_and_not_lost() {
    for is_new_process in [false, true] {
        let mut world = world(&of_members());
        world.graph.set_objects(&["u1"]);
        world.graph.fail(
            "members",
            Reply::refusal(403, "Forbidden", "Insufficient privileges"),
        );
        world.run().await;
        assert_eq!(creations(&world.log()), 0);
        if is_new_process {
            world = world.restarted();
        }
        world.graph.heal();
        world.clock.advance(10);
        world.run().await;
        assert_eq!(creations(&world.log()), 1);
        assert_eq!((world.told(), world.windows()), (vec![], vec![]));
    }
}

#[tokio::test]
async fn objects_added_between_two_processes_are_new_and_not_lost() {
    let mut world = with_members(&["u1", "u2"]).await;
    world = world.restarted();
    world.clock.advance(10);
    world.graph.set_objects(&["u1", "u2", "u3"]);
    world.run().await;
    assert_eq!(creations(&world.log()), 1);
    assert_eq!((world.told(), world.windows()), (vec![], vec![]));
}

#[tokio::test]
async fn an_object_lost_between_two_processes_is_reported_beside_new_ones() {
    for comes in [false, true] {
        let mut world = with_members(&["u1", "u2"]).await;
        world = world.restarted();
        world.clock.advance(10);
        world.graph.remove("id-1");
        if comes {
            world.graph.set_objects(&["u1", "u2", "u3"]);
        }
        world.run().await;
        let told = world.told();
        let subjects: Vec<_> = told.iter().map(|event| &event["subject"]).collect();
        assert!(
            subjects.contains(&&json!("subscriptions/mail/u1")),
            "{subjects:?}"
        );
        assert!(
            !subjects.contains(&&json!("subscriptions/mail/u2")),
            "{subjects:?}"
        );
    }
}

#[tokio::test]
async fn an_object_lost_while_the_list_failed_is_reported_later() {
    for restarts in [[false, false], [false, true], [true, false], [true, true]] {
        let mut world = with_members(&["u1", "u2"]).await;
        for (index, is_new_process) in restarts.into_iter().enumerate() {
            if is_new_process {
                world = world.restarted();
            }
            world.clock.advance(10);
            world.graph.heal();
            if index == 0 {
                world.graph.remove("id-1");
                world.graph.fail(
                    "members",
                    Reply::refusal(403, "Forbidden", "Insufficient privileges"),
                );
            }
            world.run().await;
        }
        let told = world.told();
        let subjects: Vec<_> = told.iter().map(|event| event["subject"].clone()).collect();
        assert_eq!(subjects, [json!("subscriptions/mail/u1")], "{restarts:?}");
    }
}

#[tokio::test]
async fn a_failed_list_removes_nothing_and_existing_subscriptions_are_renewed() {
    let world = with_members(&["u1", "u2"]).await;
    world.graph.fail(
        "members",
        Reply::refusal(403, "Forbidden", "Insufficient privileges"),
    );
    let report = world.run().await;
    assert_eq!(world.log(), ["list a", "members"]);
    assert_eq!(
        (&report["counts"], &report["failed"]),
        (&json!({"keep": 2}), &json!(1))
    );
    let error = report["forEach"][0]["error"].as_str().unwrap();
    assert!(
        error.contains("the members of the group could not be listed"),
        "{error}"
    );
    assert!(
        error.contains("grant the application permission GroupMember.Read.All"),
        "{error}"
    );

    world.clock.advance(6 * 24 * 60 + 14 * 60);
    world.run().await;
    assert_eq!(world.log(), ["list a", "members", "update id-1", "update id-2"]);
}

#[tokio::test]
async fn all_subscriptions_of_a_removed_entry_are_deleted() {
    let world = with_members(&["u1", "u2"]).await;
    world
        .documents
        .set(Document::Config, &config(&["a"], &[]).to_string());
    let report = world.invoke(json!({"confirmDeletions": true})).await.unwrap();
    assert_eq!(world.log(), ["list a", "delete id-1", "delete id-2"]);
    assert_eq!(report["forEach"][0]["counts"], json!({"delete": 2}));
}

#[tokio::test]
async fn a_tenant_without_users_is_not_believed() {
    let world = with_members(&["u1"]).await;
    let mut all = of_members();
    all["subscriptions"]["mail"]["forEach"] = json!({"users": "all"});
    world.documents.set(Document::Config, &all.to_string());
    world.graph.set_objects(&[]);
    let report = world.run().await;
    assert_eq!(world.log(), ["list a", "users"]);
    assert_eq!(report["failed"], json!(1));
    let mut members = of_members();
    members["subscriptions"]["mail"]["forEach"] = json!({"membersOf": GROUP});
    world.documents.set(Document::Config, &members.to_string());
    world.run().await;
    assert_eq!(
        world.log(),
        ["list a", "members", "delete id-1"],
        "a group can be empty"
    );
}

#[tokio::test]
async fn entries_that_stand_for_the_same_objects_share_a_list() {
    let mut two = of_members();
    two["subscriptions"]["calendar"] = two["subscriptions"]["mail"].clone();
    two["subscriptions"]["calendar"]["resource"] = json!("/users/{id}/events");
    let world = world(&two);
    world.graph.set_objects(&["u1"]);
    world.run().await;
    assert_eq!(
        world.log()[2..],
        [
            "list a",
            "members",
            "create /users/u1/events",
            "create /users/u1/messages"
        ]
    );
}

#[tokio::test]
async fn ids_that_are_given_need_no_list() {
    let mut given = of_members();
    given["subscriptions"]["mail"]["forEach"] = json!(["u1"]);
    let world = world(&given);
    world.run().await;
    assert_eq!(world.log()[2..], ["list a", "create /users/u1/messages"]);
}

#[tokio::test]
async fn objects_that_are_left_out_are_counted_and_reported() {
    let mut also = of_members();
    also["subscriptions"]["also"] = also["subscriptions"]["mail"].clone();
    also["subscriptions"]["also"]["forEach"] = json!(["u1"]);
    let world = world(&also);
    let long = "x".repeat(100);
    world.graph.set_objects(&["u1", "u2", &long]);
    let report = world.run().await;
    assert_eq!(report["counts"], json!({"create": 2}));
    assert_eq!(report["failed"], json!(1), "{report:#}");
    let told: Vec<_> = report["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|problem| {
            (
                problem["severity"].as_str().unwrap(),
                problem["message"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (
                "error",
                "leaves out 1 object whose id does not fit into a client state or a resource path"
            ),
            (
                "warning",
                "leaves out 1 object that `subscriptions.also` already watches"
            ),
        ]
    );
    let line = &report["forEach"][1];
    assert_eq!(
        (&line["name"], &line["objects"], &line["leftOut"]),
        (&json!("mail"), &json!(3), &json!(2))
    );
}

#[tokio::test]
async fn after_several_refusals_the_other_objects_are_not_attempted() {
    let world = world(&of_members());
    let ids: Vec<String> = (0..200).map(|number| format!("u{number:03}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    world.graph.set_objects(&ids);
    world.graph.fail(
        "create",
        Reply::refusal(403, "Forbidden", "Insufficient privileges"),
    );
    let report = world.run().await;
    let asked = creations(&world.log());
    assert!((30..70).contains(&asked), "{asked}");
    let line = &report["forEach"][0];
    assert_eq!((&line["failed"], &report["failed"]), (&json!(200), &json!(200)));
    assert_eq!(line["lines"].as_array().unwrap().len(), 20);
    assert!(
        line["lines"][0]["error"]
            .as_str()
            .unwrap()
            .contains("grant the application permission Mail.ReadBasic, the least privileged")
    );
}

/// Nobody here can change that, so none of them is a failure.
#[tokio::test]
async fn any_number_of_mailboxes_that_a_policy_excludes_is_skipped() {
    let world = world(&of_members());
    let ids: Vec<String> = (0..200).map(|number| format!("u{number:03}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    world.graph.set_objects(&ids);
    let text = "[Status Code: Forbidden; Reason: Access to OData is disabled.]";
    world
        .graph
        .fail("create", Reply::refusal(403, "ExtensionError", text));
    let report = world.run().await;
    assert_eq!(
        (&report["failed"], &report["skipped"]),
        (&json!(0), &json!(200)),
        "{report:#}"
    );
}

#[tokio::test]
async fn after_a_success_any_number_of_refusals_stops_no_object() {
    let world = world(&of_members());
    let guests = (0..100).map(|number| format!("guest{number:03}"));
    let ids: Vec<String> = ["ada".to_owned()]
        .into_iter()
        .chain(guests)
        .chain(["zoe".to_owned()])
        .collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    world.graph.set_objects(&ids);
    world.graph.fail(
        "create /users/guest",
        Reply::refusal(403, "Forbidden", "Insufficient privileges"),
    );
    let report = world.run().await;
    assert_eq!(
        (&report["counts"], &report["failed"]),
        (&json!({"create": 2}), &json!(100))
    );
}

#[tokio::test]
async fn a_refusal_for_one_object_does_not_stop_the_others() {
    let world = world(&of_members());
    world.graph.set_objects(&["u1", "u2", "u3", "u4", "u5", "u6"]);
    world.graph.fail(
        "create /users/u2/",
        Reply::refusal(
            404,
            "ExtensionError",
            "REST API is not yet supported for this mailbox.",
        ),
    );
    let report = world.run().await;
    assert_eq!(
        (&report["counts"], &report["failed"], &report["skipped"]),
        (&json!({"create": 5}), &json!(0), &json!(1))
    );
}

#[tokio::test]
async fn a_run_out_of_time_reports_it_and_the_next_continues() {
    let world = world(&of_members());
    world.graph.set_objects(&["u1", "u2"]);
    world.clock.advance(0);
    world.graph.delay("list", 7);
    let soon = world.clock.now() + jiff::SignedDuration::from_secs(10);
    let report = world.invoke_until(soon, json!({})).await.unwrap();
    assert_eq!(creations(&world.log()), 0);
    assert_eq!((&report["unfinished"], &report["failed"]), (&json!(2), &json!(0)));
    assert_eq!(report["counts"], json!({}));
    assert_eq!(report["forEach"][0]["lines"][0]["unfinished"], json!(true));
    let report = world.run().await;
    assert_eq!(
        (&report["unfinished"], &report["counts"]),
        (&json!(0), &json!({"create": 2}))
    );
}

#[tokio::test]
async fn a_thousand_subscriptions_are_reported_in_a_few_lines() {
    let mut teams = of_members();
    teams["subscriptions"] = json!({
        "channels": {"resource": "/teams/{id}/channels", "changeType": "created", "forEach": {"teams": "all"}},
    });
    let world = world(&teams);
    let ids: Vec<String> = (0..1_000).map(|number| format!("t{number:05}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    world.graph.set_objects(&ids);
    let report = world.run().await;
    assert_eq!(report["counts"], json!({"create": 1_000}));
    assert!(report.to_string().len() < 20_000);
}

async fn with_members(ids: &[&str]) -> World {
    let world = world(&of_members());
    world.graph.set_objects(ids);
    let report = world.run().await;
    assert_eq!(report["failed"], json!(0), "{report}");
    world.log();
    world
}

fn creations(log: &[String]) -> usize {
    log.iter().filter(|line| line.starts_with("create")).count()
}

fn of_members() -> Value {
    let mut config = config(&["a"], &[]);
    config["subscriptions"]["mail"] = json!({
        "resource": "/users/{id}/messages", "changeType": "created", "forEach": {"membersOf": GROUP},
    });
    config
}

const GROUP: &str = "dddddddd-0000-0000-0000-000000000000";
