//! An item whose client state holds has an end that says what the item said: there is no fourth way.

use std::{borrow::Cow, collections::BTreeMap};

use graph_core::{
    models::DeliveredEvent,
    notification::{item::Notification, queued::QueuedItem},
};
use pipeline::{
    Stack,
    any::{AnyItem, any_envelope, any_faults, any_item, object},
    event, tenant_id,
};
use proptest::prelude::*;
use serde_json::{Value, json, value::RawValue};

use crate::schema;

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever items say besides, whatever is around them, and whichever services fail: Graph has to send the POST again, or
    /// each item is an event that says what it said, or in FailedQueue with its reason, or renewal has done what it asks for.
    #[test]
    fn an_item_of_this_stack_is_never_lost(
        items in proptest::collection::vec(any_item(), 1..5),
        envelope in any_envelope(),
        fetches in any::<bool>(),
        faults in any_faults(),
    ) {
        let mut stack = Stack::new(1);
        // What was renewed just now is not renewed again.
        stack.clock.advance(3_600);
        let items: Vec<Sent> = items.into_iter().enumerate().map(|(index, item)| Sent::of(item, index, &stack)).collect();
        let texts: Vec<String> = items.iter().map(|item| item.raw.get().to_owned()).collect();
        let body = envelope.around(&texts, &stack.token(0));
        let path = if fetches { "/notifications?f=1" } else { "/notifications" };
        let expiries = expiries(&stack);
        let mut is_stored = false;
        for turn in 0..100 {
            faults.apply(&mut stack, turn);
            if !is_stored {
                let status = stack.post(path, body.clone());
                prop_assert!([202, 503].contains(&status), "{}: {}", status, body.escape_ascii());
                is_stored = status == 202;
            }
            if is_stored && stack.is_quiet() && turn > 30 {
                break;
            }
            stack.turn();
        }
        prop_assert!(is_stored && stack.is_quiet());
        for item in &items {
            let end = item.end(&stack, &expiries);
            prop_assert!(end.is_ok(), "{}: {}", end.unwrap_err(), item.raw.get().get(..2_000).unwrap_or(item.raw.get()));
        }
        for message in &stack.failed {
            prop_assert!(message.reason.is_some(), "{:?}", message);
        }
        for message in &stack.delivered {
            prop_assert!(DeliveredEvent::parse(&message.body).is_ok(), "{}", message.body);
            prop_assert_eq!(schema::fault(&message.body), None, "{}", &message.body);
        }
        let mut kept: Vec<&str> = stack.failed.iter().map(|message| message.body.as_str()).collect();
        kept.sort_unstable();
        kept.dedup();
        prop_assert_eq!(kept.len(), stack.failed.len(), "a message is kept twice");
    }
}

/// An item of a POST.
struct Sent {
    name: &'static str,
    raw: Box<RawValue>,
    /// A text that no other item has.
    marker: String,
    /// The content that Graph has encrypted for it.
    content: Option<String>,
    /// Graph's id of its subscription.
    subscription_id: String,
}

impl Sent {
    fn of(item: AnyItem, index: usize, stack: &Stack) -> Self {
        let marker = format!("marker-{index}");
        let content = item
            .is_rich
            .then(|| json!({"id": "1", "body": marker}).to_string());
        let mut members = item.members;
        if let Some(content) = &content {
            let rich = [
                ("changeType", json!("created")),
                ("resource", json!("chats('19:1')/messages('1')")),
                (
                    "resourceData",
                    json!({"id": "1", "@odata.type": "#Microsoft.Graph.chatMessage"}),
                ),
                ("encryptedContent", stack.encrypted(content)),
            ];
            members.extend(rich.map(|(name, value)| (json!(name).to_string(), value.to_string())));
        }
        let client_state = json!(stack.client_state(item.name)).to_string();
        members.insert(
            item.place.min(members.len()),
            ("\"clientState\"".to_owned(), client_state),
        );
        members.push(("\"marker\"".to_owned(), json!(marker).to_string()));
        Self {
            name: item.name,
            raw: RawValue::from_string(object(members)).unwrap(),
            marker,
            content,
            subscription_id: stack.id(item.name),
        }
    }

    /// Returns what is missing of the item's end, if anything.
    fn end(&self, stack: &Stack, expiries: &BTreeMap<String, String>) -> Result<(), String> {
        let is_own = |body: &str| body.contains(&format!("\"{}\"", self.marker));
        if stack.failed.iter().any(|message| is_own(&message.body)) {
            return Ok(());
        }
        let read = Notification::parse(&self.raw);
        if let Ok(Notification {
            lifecycle_event: Some(event),
            subscription_id,
            tenant_id,
            ..
        }) = &read
        {
            let asks = (event.to_ascii_lowercase(), subscription_id.as_deref());
            // Items that ask for the same share a message.
            let is_same = |body: &str| {
                self.is_of_this_name(body) && asked(body) == Some((asks.0.clone(), asks.1.map(str::to_owned)))
            };
            if stack.failed.iter().any(|message| is_same(&message.body)) {
                return Ok(());
            }
            let is_other = tenant_id
                .as_deref()
                .is_some_and(|id| !id.eq_ignore_ascii_case(&pipeline::tenant_id(0)));
            let is_done = !is_other && self.is_done(&asks, stack, expiries);
            return is_done
                .then_some(())
                .ok_or(format!("{asks:?} is neither done nor kept"));
        }
        let delivered = stack.delivered.iter().find(|message| is_own(&message.body));
        let delivered = delivered.ok_or("it is neither delivered nor kept")?;
        let delivered = DeliveredEvent::parse(&delivered.body).map_err(|error| error.to_string())?;
        // Malformed items come this far when they are so large that little is left of them.
        match read {
            Ok(said) => self.is_said(&said, &delivered),
            Err(_) if delivered.data.content_omitted => Ok(()),
            Err(malformed) => Err(malformed.to_string()),
        }
    }

    fn is_of_this_name(&self, body: &str) -> bool {
        body.contains(&format!("\"clientState\":\"{}.", self.name))
    }

    /// Returns whether renewal has done what a lifecycle item asks for.
    fn is_done(
        &self,
        asks: &(String, Option<&str>),
        stack: &Stack,
        expiries: &BTreeMap<String, String>,
    ) -> bool {
        let is_told = |kind: &str| {
            let events = stack.delivered.iter().map(event);
            let kind = format!("Microsoft.Graph.Subscription{kind}");
            events
                .into_iter()
                .any(|event| event["type"] == *kind && event["subscription"] == *self.name)
        };
        let id = &self.subscription_id;
        match (&*asks.0, asks.1) {
            (_, None) => false,
            // Renewal acts on no id that is not one of this name.
            (_, Some(of)) if of != id => true,
            ("missed", _) => is_told("Missed"),
            ("subscriptionremoved", _) => is_told("Removed"),
            // One that is gone needs no renewal.
            ("reauthorizationrequired", _) => self::expiries(stack).get(id) != expiries.get(id),
            _ => true,
        }
    }

    /// Returns whether an event says what the item says.
    fn is_said(&self, said: &Notification<'_>, event: &DeliveredEvent) -> Result<(), String> {
        let data = &event.data;
        let proof = if self.content.is_some() {
            "token"
        } else {
            "clientState"
        };
        let content = data.content.as_ref().map(|content| content.get());
        // What the reader fetches was not sent.
        let content = content.filter(|_| data.content_read_at.is_none());
        let pairs = [
            ("subscription", Some(&*event.subscription), Some(self.name)),
            ("tenant", Some(&*data.tenant_id), Some(&*tenant_id(0))),
            ("proof", data.proof.as_deref(), Some(proof)),
            ("content", content, self.content.as_deref()),
            (
                "subscriptionId",
                data.subscription_id.as_deref(),
                said.subscription_id.as_deref(),
            ),
            (
                "changeType",
                data.change_type.as_deref(),
                said.change_type.as_deref(),
            ),
            ("resource", data.resource.as_deref(), said.resource.as_deref()),
        ];
        for (what, is, should_be) in pairs {
            if is != should_be {
                return Err(format!("{what} is {is:?} instead of {should_be:?}"));
            }
        }
        let is_own = |name: &str| RESERVED.iter().any(|own| own.eq_ignore_ascii_case(name));
        for (name, value) in said
            .other
            .iter()
            .filter(|(name, _)| !data.content_omitted && !is_own(name))
        {
            let Ok(value) = serde_json::from_str::<Value>(value.get()) else {
                continue;
            };
            if data.other.get(&**name) != Some(&value) {
                return Err(format!(
                    "{name} is {:?} instead of {value}",
                    data.other.get(&**name)
                ));
            }
        }
        Ok(())
    }
}

/// Returns what the lifecycle item in a message asks for, and of which subscription.
fn asked(body: &str) -> Option<(String, Option<String>)> {
    let message = QueuedItem::parse(body).ok()?;
    let item = Notification::parse(message.item).ok()?;
    Some((
        item.lifecycle_event?.to_ascii_lowercase(),
        item.subscription_id.map(Cow::into_owned),
    ))
}

/// Returns when each subscription ends, by its id.
fn expiries(stack: &Stack) -> BTreeMap<String, String> {
    let subscriptions = stack.graph.subscriptions();
    let text = |one: &Value, member: &str| one[member].as_str().unwrap().to_owned();
    let all = subscriptions
        .iter()
        .map(|(_, one)| (text(one, "id"), text(one, "expirationDateTime")));
    all.collect()
}

/// What an event says of its own, whatever the item says.
const RESERVED: [&str; 8] = [
    "caughtUp",
    "content",
    "contentAbsent",
    "contentMissing",
    "contentOmitted",
    "contentReadAt",
    "proof",
    "version",
];

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
            is_stored = is_stored || stack.post("/lifecycle", body.as_str()) == 202;
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
