//! Expiries are reported in time.

use jiff::{SignedDuration, Timestamp};

use super::*;

#[tokio::test]
async fn the_report_says_when_credentials_and_keys_end() {
    let world = empty_world(&expiring(20));
    let report = world.run().await;
    assert_eq!(
        (&report["daysLeft"], &report["failed"]),
        (&json!(20), &json!(0)),
        "{report}"
    );
    let expiries = report["expiries"].as_array().unwrap();
    assert_eq!(
        expiries[0],
        json!({"what": "clientSecret", "tenant": "a", "expiresAt": "2026-12-12T10:00:00Z", "daysLeft": 20})
    );
    let keys = &world.documents.json(Document::ClientState)["keys"];
    assert_eq!(
        expiries[1],
        json!({"what": "clientStateKey", "id": keys[0]["id"], "since": fakes::NOW})
    );
    let certificates = &world.documents.json(Document::Decryption)["keys"];
    assert_eq!(
        expiries[2],
        json!({
            "what": "encryptionCertificate", "id": certificates[0]["id"], "since": fakes::NOW,
            "expiresAt": "2028-11-21T10:00:00Z", "daysLeft": 730,
        })
    );
    assert_eq!(expiries.len(), 3);
    let warning = &report["problems"][0];
    assert_eq!(
        (&warning["path"], &warning["severity"]),
        (&json!("tenants.a.credential"), &json!("warning"))
    );
}

#[tokio::test]
async fn the_last_week_of_a_credential_fails_the_run_during_outages_too() {
    let world = world(&expiring(5));
    world.graph.fail("list", unavailable());
    let report = world.run().await;
    assert_eq!(
        (&report["daysLeft"], &report["failed"]),
        (&json!(4), &json!(2)),
        "the tenant, and its credential"
    );
    assert_eq!(report["problems"][0]["severity"], json!("error"));
}

#[tokio::test]
async fn a_sign_in_counts_from_its_newest_token() {
    let mut config = config(&["a"], &[("users", "a", false)]);
    config["tenants"]["a"]["credential"] = json!({"refreshToken": "seed"});
    let world = world(&config);
    world.run().await;
    world.clock.advance(85 * 24 * 60);
    // The last sign-in is the first run's until this run has a token.
    world.graph.fail("list", unavailable());
    let report = world.invoke(json!({"dryRun": true})).await.unwrap();
    assert_eq!(
        report["expiries"][0]["since"].as_str().unwrap()[..10],
        at(85).to_string()[..10]
    );
}

#[tokio::test]
async fn the_report_says_when_the_first_subscription_ends() {
    let world = prepared(&[("chat", "a", true), ("users", "a", false)]).await;
    let chat = world.graph.all()[0].expiration_date_time.unwrap();
    let leftover = Subscription {
        id: "leftover".to_owned(),
        notification_url: Some("https://our.example/notifications?i=stack&s=gone&k=1".to_owned()),
        expiration_date_time: Some(at(1)),
        ..Subscription::default()
    };
    world.graph.add(TENANT_A, leftover);
    let report = world.run().await;
    assert_eq!(report["counts"], json!({"delete": 1, "keep": 2}));
    assert_eq!(report["nextExpiry"], json!(chat.to_string()));
}

#[tokio::test]
async fn a_dry_run_says_when_subscriptions_end_if_nothing_is_done() {
    let world = prepared(&[("chat", "a", true)]).await;
    let end = world.graph.all()[0].expiration_date_time.unwrap();
    world.clock.advance(24 * 60);
    let report = world.invoke(json!({"dryRun": true})).await.unwrap();
    assert_eq!(report["subscriptions"][0]["action"], json!("renew"));
    assert_eq!(report["subscriptions"][0]["endsAt"], json!(end.to_string()));
    assert_eq!(report["nextExpiry"], json!(end.to_string()));
}

#[tokio::test]
async fn mistakes_in_the_configuration_fail_the_run_but_warnings_do_not() {
    for (resource, failed) in [("/users", 0), ("/me/messages", 0), ("/weather", 1)] {
        let mut config = config(&["a"], &[("users", "a", false)]);
        config["subscriptions"]["users"]["resource"] = json!(resource);
        let report = world(&config).run().await;
        assert_eq!(report["failed"], json!(failed), "{resource}: {report}");
    }
}

/// Returns a configuration whose client secret expires in `days`.
fn expiring(days: i64) -> Value {
    let mut config = config(&["a"], &[("users", "a", false)]);
    config["tenants"]["a"]["credential"]["clientSecretExpires"] = json!(at(days).to_string());
    config
}

fn at(days: i64) -> Timestamp {
    fakes::NOW.parse::<Timestamp>().unwrap() + SignedDuration::from_hours(24 * days)
}
