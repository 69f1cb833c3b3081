//! Properties of every plan.

use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn others_are_never_touched(listed in vec_of_listed(), entries in 0usize..4) {
        let steps = plan(&desired(entries), &listed, &context(), at(NOW), &Policy::default());
        for subscription in listed.iter().filter(|subscription| !is_ours(subscription)) {
            let touched = steps.iter().any(|step| step.action.id() == Some(&subscription.id));
            prop_assert!(!touched, "{subscription:?}");
        }
    }

    #[test]
    fn each_owned_subscription_gets_one_step(listed in vec_of_listed(), entries in 0usize..4) {
        let steps = plan(&desired(entries), &listed, &context(), at(NOW), &Policy::default());
        for subscription in listed.iter().filter(|subscription| is_ours(subscription)) {
            let count = steps.iter().filter(|step| step.action.id() == Some(&subscription.id)).count();
            prop_assert_eq!(count, 1, "{:?}", subscription);
        }
    }

    #[test]
    fn after_its_steps_there_is_nothing_left_to_do(listed in vec_of_listed(), entries in 0usize..4) {
        let desired = desired(entries);
        let steps = plan(&desired, &listed, &context(), at(NOW), &Policy::default());
        let after = apply(&steps, listed);
        let again = plan(&desired, &after, &context(), at(NOW), &Policy::default());
        prop_assert!(again.iter().all(|step| step.action.name() == "keep"), "{again:?}");
        prop_assert_eq!(again.len(), desired.len());
    }
}

/// Returns Graph's list after `steps`.
fn apply(steps: &[Step], mut listed: Vec<Subscription>) -> Vec<Subscription> {
    for step in steps {
        if let Action::Delete(id) | Action::Replace { id, .. } = &step.action {
            listed.retain(|subscription| subscription.id != *id);
        }
        match &step.action {
            Action::Create(creation) | Action::Replace { creation, .. } => listed.push(Subscription {
                id: format!("new-{}", listed.len()),
                resource: Some(creation.desired.resource.clone()),
                change_type: Some(creation.desired.change_type.clone()),
                notification_url: Some(creation.notification_url.clone()),
                lifecycle_notification_url: Some(creation.lifecycle_url.clone()),
                expiration_date_time: Some(creation.expires_at),
                include_resource_data: Some(creation.desired.include_resource_data),
                ..Subscription::default()
            }),
            Action::Renew { id, renewal, .. } => {
                let renewed = listed
                    .iter_mut()
                    .find(|subscription| subscription.id == *id)
                    .unwrap();
                renewed.expiration_date_time = Some(renewal.expires_at);
                if let Some(url) = &renewal.notification_url {
                    renewed.notification_url = Some(url.clone());
                }
            }
            Action::Delete(_) | Action::Keep(_) => {}
        }
    }
    listed
}

fn desired(entries: usize) -> Vec<Desired> {
    (0..entries)
        .map(|index| Desired {
            name: format!("n{index}"),
            resource: format!("/users/{index}/messages"),
            include_resource_data: index % 2 == 0,
            lifetime: SignedDuration::from_mins(if index == 1 { 50 } else { 72 * 60 }),
            ..mail()
        })
        .collect()
}

/// Returns subscriptions of this stack and of others, in all states.
fn vec_of_listed() -> impl Strategy<Value = Vec<Subscription>> {
    proptest::collection::vec(listed(), 0..8).prop_map(|mut all| {
        for (index, subscription) in all.iter_mut().enumerate() {
            subscription.id = format!("id-{index}");
        }
        all
    })
}

fn listed() -> impl Strategy<Value = Subscription> {
    let host = prop_oneof![4 => Just("our.example"), 1 => Just("other.example")];
    let stack = prop_oneof![4 => Just("stack"), 1 => Just("other")];
    let query = (
        stack,
        "n[0-4]",
        "k[0-2]",
        prop_oneof![Just(String::new()), "&c=c[0-2]"],
    );
    let url = (host, query).prop_map(|(host, (stack, name, key, certificate))| {
        format!("https://{host}/notifications?i={stack}&s={name}&k={key}{certificate}")
    });
    (
        url,
        proptest::option::of("users/[0-4]/messages"),
        prop_oneof![Just("created,updated"), Just("deleted")],
        proptest::option::of(-100i64..5000),
        proptest::option::of(any::<bool>()),
    )
        .prop_map(|(url, resource, change_type, left, rich)| Subscription {
            resource,
            change_type: Some(change_type.to_owned()),
            notification_url: Some(url),
            expiration_date_time: left.map(|left| at(NOW) + SignedDuration::from_mins(left)),
            include_resource_data: rich,
            ..Subscription::default()
        })
}

fn is_ours(subscription: &Subscription) -> bool {
    subscription
        .notification_url
        .as_deref()
        .is_some_and(|url| url.contains("?i=stack&"))
}
