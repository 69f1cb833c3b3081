//! Keys and certificates are replaced while notifications keep coming, over days of virtual time.

use std::collections::BTreeSet;

use graph_core::subscription::rotation::Rotation;
use jiff::SignedDuration;
use serde_json::json;

use crate::pipeline::Pipeline;

#[tokio::test]
async fn not_one_notification_is_lost_while_everything_is_replaced() {
    let mut world = Pipeline::start().await;
    world.renew(json!({})).await;
    let (key, certificate) = (world.ids("ClientState"), world.ids("Decryption"));
    world.pass(SignedDuration::from_mins(2), 10).await;
    let earlier = world.send().await;

    let report = world.renew(json!({"rotate": true})).await;
    assert_eq!(report["keys"].as_array().unwrap().len(), 2, "{report:#}");
    assert_eq!(
        (world.ids("ClientState").len(), world.ids("Decryption").len()),
        (2, 2)
    );
    assert!(world.all_use(&key[0], &certificate[0]));

    // Runs come all the time, by schedule, by hand and for lifecycle notifications. One of them replaces what there is.
    for _ in 0..40 {
        world.simulator.advance(SignedDuration::from_secs(15));
        world.renew(json!({})).await;
        world.send().await;
    }
    let (keys, certificates) = (world.ids("ClientState"), world.ids("Decryption"));
    assert!(world.all_use(&keys[1], &certificates[1]));
    assert_eq!(
        world.recreated(),
        2,
        "consumers are told of both moments without a subscription"
    );

    // What was on its way since before comes as late as Graph tries, and is admitted and opened all the same, even after
    // a day in the queue, for which its validation token holds.
    world.pass(SignedDuration::from_mins(10), 20).await;
    for post in &earlier {
        assert!(world.simulator.resend(post).await.unwrap().delivered);
    }
    // The item without content has been delivered at once.
    let late = world.withhold();
    assert_eq!(late.len(), earlier.len() - 1);
    world.pass(SignedDuration::from_hours(1), 18).await;
    world.open(&late).await;
    assert_eq!(world.failed.bodies(), Vec::<String>::new());
    assert_eq!(world.events().len(), world.sent + 2 + earlier.len());

    world.pass(SignedDuration::from_hours(6), 20).await;
    assert_eq!(world.ids("ClientState"), keys[1..], "the older key is gone");
    assert_eq!(
        world.ids("Decryption"),
        certificates[1..],
        "the older certificate is gone"
    );
    world.check();
}

#[tokio::test]
async fn not_one_notification_is_lost_in_a_year_of_rotations_by_schedule() {
    let mut world = Pipeline::start().await;
    world.deps.policy.period = SignedDuration::from_hours(24);
    world.deps.rotation = Rotation {
        client_state: Some(SignedDuration::from_hours(24 * 60)),
        certificate: SignedDuration::from_hours(24 * 90),
    };
    world.renew(json!({})).await;
    let mut seen = (BTreeSet::new(), BTreeSet::new());
    for _ in 0..52 {
        world.pass(SignedDuration::from_hours(24), 7).await;
        seen.0.extend(world.ids("ClientState"));
        seen.1.extend(world.ids("Decryption"));
        assert!(world.ids("ClientState").len() <= 2 && world.ids("Decryption").len() <= 2);
    }
    assert!(seen.0.len() >= 6, "{} client-state keys in a year", seen.0.len());
    assert!(seen.1.len() >= 4, "{} certificates in a year", seen.1.len());
    world.check();
}
