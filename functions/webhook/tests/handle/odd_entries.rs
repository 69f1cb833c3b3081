//! Entries of ClientStateSecret that cannot be used: they cost what depends on them, and that waits.

use super::*;

#[tokio::test]
async fn an_item_of_an_unusable_entry_comes_again_and_others_are_stored() {
    let (k2, k3) = (
        json!({"id": "k2", "key": 5}),
        json!({"id": "k3", "key": "AAAA", "createdAt": now()}),
    );
    let group = json!({"clientId": CLIENT, "cloud": "mars", "tenants": [OTHER]});
    let theirs = client_state(&key("k1"), (OTHER, CLIENT), "mail", false).unwrap();
    for (name, odd, client_state) in [
        ("a key that cannot be read", k2, with_key("k2")),
        ("a key that cannot be used", k3, with_key("k3")),
        ("a key without an id", json!(5), with_key("k9")),
        ("an application", group, theirs),
    ] {
        let mut document: Value = serde_json::from_str(&document(&["k1"])).unwrap();
        let list = if odd.get("tenants").is_some() {
            "trusted"
        } else {
            "keys"
        };
        document[list].as_array_mut().unwrap().push(odd);
        let source = FakeSecret::new(document.to_string());
        let deps = deps(&source);
        let mut item = change("mail");
        item["clientState"] = json!(client_state);
        let body = json!({"value": [item, change("mail")]}).to_string();
        let (written, mut metrics) = (Written::start(), Metrics::default());
        let response = handle(
            request("/notifications", &body),
            &deps,
            now(),
            soon(),
            &mut metrics,
        )
        .await;
        assert_eq!(response.status(), 503, "{name}");
        assert_eq!(metrics.values(Metric::Undecided), [1], "{name}");
        assert!(metrics.values(Metric::Rejected).is_empty(), "{name}");
        assert_eq!(delivered(&deps), ["mail"], "{name}");
        assert!(
            written
                .text()
                .contains("1 items may be of an entry of ClientStateSecret that cannot be used"),
            "{name}"
        );
    }
}

#[tokio::test]
async fn what_no_odd_entry_can_be_of_is_rejected() {
    let mut document: Value = serde_json::from_str(&document(&["k1"])).unwrap();
    document["keys"].as_array_mut().unwrap().push(json!({"id": "k2"}));
    let source = FakeSecret::new(document.to_string());
    let deps = deps(&source);
    for client_state in [with_key("k9"), minted("mail").replace("mail.", "post.")] {
        let mut item = change("mail");
        item["clientState"] = json!(client_state);
        let body = json!({"value": [item]}).to_string();
        assert_eq!(post(&deps, "/notifications", &body).await.status(), 202);
    }
}

/// Returns a client state under a key.
fn with_key(id: &str) -> String {
    client_state(&key(id), OURS, "mail", false).unwrap()
}

const OTHER: &str = "99999999-0000-0000-0000-000000000000";
