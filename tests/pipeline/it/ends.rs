//! An item whose client state holds has an end: there is no fourth way.

use graph_core::models::DeliveredEvent;
use pipeline::{
    Stack,
    any::{any_faults, any_member, object},
    event,
};
use proptest::prelude::*;
use serde_json::{Value, json};

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever the item says besides, and whichever services fail: Graph has to send the item again, or it is an event, or it is
    /// in FailedQueue with its reason, or renewal has acted on what it says of its subscription.
    #[test]
    fn an_item_of_this_stack_is_never_lost(
        members in proptest::collection::vec(any_member(), 0..6),
        place in 0..6_usize,
        name in proptest::sample::select(vec!["mail", "chat", "fetched", "drive"]),
        faults in any_faults(),
    ) {
        let mut stack = Stack::new(1);
        let mut members = members;
        let client_state = json!(stack.client_state(name)).to_string();
        members.insert(place.min(members.len()), ("\"clientState\"".to_owned(), client_state));
        let body = format!(r#"{{"value":[{}]}}"#, object(members));
        let path = if name == "mail" { "/notifications" } else { "/notifications?f=1" };
        let mut is_stored = false;
        for turn in 0..100 {
            faults.apply(&mut stack, turn);
            if !is_stored {
                let status = stack.post(path, &body);
                prop_assert!([202, 503].contains(&status), "{}", status);
                is_stored = status == 202;
            }
            if is_stored && stack.is_quiet() && turn > 30 {
                break;
            }
            stack.turn();
        }
        prop_assert!(is_stored && stack.is_quiet());
        let ends = stack.delivered.len() + stack.failed.len() + stack.traffic("LifecycleQueue").count;
        prop_assert!(ends > 0, "{}", body.get(..2_000).unwrap_or(&body));
        for message in &stack.failed {
            prop_assert!(message.reason.is_some(), "{:?}", message);
        }
        for message in &stack.delivered {
            prop_assert!(DeliveredEvent::parse(&message.body).is_ok(), "{}", message.body);
        }
        let mut kept: Vec<&str> = stack.failed.iter().map(|message| message.body.as_str()).collect();
        kept.sort_unstable();
        kept.dedup();
        prop_assert_eq!(kept.len(), stack.failed.len(), "a message is kept twice");
    }
}

/// What a lifecycle item reports comes to consumers, and what was lost is read, whichever service fails for a while.
#[test]
fn a_loss_that_graph_reports_is_told_and_read() {
    for fault in 0..10 {
        let mut stack = Stack::new(1);
        let mut faults = no_faults();
        let turns = [
            &mut faults.delivery,
            &mut faults.lifecycle,
            &mut faults.read,
            &mut faults.failed,
            &mut faults.graph,
            &mut faults.config,
            &mut faults.client_states,
            &mut faults.decryption,
        ];
        if let Some(turns) = turns.into_iter().nth(fault) {
            *turns = 5;
        }
        faults.restarts = fault == 9;
        let item = json!({
            "clientState": stack.client_state("mail"), "subscriptionId": stack.id("mail"), "lifecycleEvent": "missed"
        });
        let body = json!({"value": [item]}).to_string();
        let mut is_stored = false;
        for turn in 0..40 {
            faults.apply(&mut stack, turn);
            is_stored = is_stored || stack.post("/lifecycle", &body) == 202;
            stack.turn();
        }
        let types: Vec<Value> = stack
            .delivered
            .iter()
            .map(|one| event(one)["type"].clone())
            .collect();
        for expected in ["SubscriptionMissed", "CatchUpCompleted"] {
            let expected = json!(format!("Microsoft.Graph.{expected}"));
            assert!(types.contains(&expected), "{faults:?}: {types:?}");
        }
        assert!(stack.failed.is_empty() && stack.is_quiet(), "{faults:?}");
    }
}

fn no_faults() -> pipeline::any::Faults {
    pipeline::any::Faults {
        delivery: 0,
        notification: 0,
        lifecycle: 0,
        read: 0,
        failed: 0,
        refused: "",
        graph: 0,
        signing_keys: 0,
        config: 0,
        client_states: 0,
        decryption: 0,
        restarts: false,
    }
}
