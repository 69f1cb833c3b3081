//! Whatever is sent wrong lands where it should, and the good neighbour in the same POST arrives.

use std::collections::BTreeMap;

use graph_simulator::{Post, TokenVersion, Wrong};
use serde_json::{Value, json};
use stack::Function;

use crate::{
    delivery::team_messages,
    world::{Tenant, logs, send, stack},
};

/// Where an item ends that something is wrong with.
#[derive(Clone, Copy)]
enum ItemOutcome {
    /// Not admitted: counted, and nowhere to be found.
    Dropped,
    /// In FailedQueue with this reason.
    Failed(&'static str),
    /// Delivered all the same: it is odd, not wrong.
    Delivered,
}

#[tokio::test]
async fn every_wrong_kind_lands_where_it_should_and_its_neighbour_arrives() {
    use ItemOutcome::{Delivered, Dropped, Failed};
    let cases = [
        (Wrong::FlippedBit, Failed("ContentRejected")),
        (Wrong::TruncatedData, Failed("ContentRejected")),
        (Wrong::MissingSignature, Failed("ContentRejected")),
        (Wrong::WrongMac, Failed("ContentRejected")),
        (Wrong::ShortKey, Failed("ContentRejected")),
        (Wrong::OaepSha256, Failed("ContentRejected")),
        (Wrong::RandomDataKey, Failed("ContentRejected")),
        (Wrong::DataNotBase64, Failed("ContentRejected")),
        (Wrong::EmptyEncryptedContent, Failed("Malformed")),
        (Wrong::WrongClientState, Dropped),
        (Wrong::AbsentClientState, Dropped),
        (Wrong::NullClientState, Dropped),
        (Wrong::OtherTenant, Failed("OtherTenant")),
        (Wrong::ItemNotAnObject, Dropped),
        (Wrong::UnknownSubscription, Delivered),
        (Wrong::OddCasing, Delivered),
        (Wrong::ByteOrderMark, Delivered),
        (Wrong::PersonalAccount, Delivered),
        (Wrong::SharePointForm, Delivered),
        (Wrong::EmptyTexts, Delivered),
        (Wrong::NullResourceData, Delivered),
        // A token for another tenant or application does not even travel with the item.
        (Wrong::TokensNull, Failed("TokenMissing")),
        (Wrong::TokensAbsent, Failed("TokenMissing")),
        (Wrong::TokensEmpty, Failed("TokenMissing")),
        (Wrong::TokenAudience, Failed("TokenMissing")),
        (Wrong::TokenTenant, Failed("TokenMissing")),
        (Wrong::TokenGarbage, Failed("TokenMissing")),
        (Wrong::TokenPublisher, Failed("TokenRejected")),
        (Wrong::TokenIssuer, Failed("TokenRejected")),
        (Wrong::TokenExpired, Failed("TokenRejected")),
        (Wrong::TokenNotYetValid, Failed("TokenRejected")),
        (Wrong::TokenAlgNone, Failed("TokenRejected")),
        (Wrong::TokenHs256, Failed("TokenRejected")),
        (Wrong::TokenBadSignature, Failed("TokenRejected")),
        (Wrong::TokenEmbeddedKey, Failed("TokenRejected")),
        (Wrong::TokenConsumerKey, Failed("TokenRejected")),
    ];
    let neighbour = json!({"neighbour": {"resource": "/users", "changeType": "updated"}});
    let neighbour = Tenant::subscribe(TokenVersion::V2, neighbour).await;
    let good = neighbour.subscription("/users");
    let tenant = Tenant::subscribe(TokenVersion::V2, team_messages("hostile")).await;
    let subscription = tenant.subscription("/teams/getAllMessages");

    let (mut delivered, mut failed) = (0, BTreeMap::<&str, usize>::new());
    for (sent, (wrong, ends)) in cases.into_iter().enumerate() {
        let post = Post::new().rich(&subscription, "created").basic(&good, "updated");
        let report = send(post.wrong(0, wrong)).await;
        assert!(
            report.delivered(),
            "{wrong:?}: a caller learns nothing, but got {report:?}"
        );
        assert_eq!(report.posts[0].attempts[0].status, Some(202), "{wrong:?}");
        match ends {
            Dropped => {}
            Failed(reason) => *failed.entry(reason).or_default() += 1,
            Delivered => delivered += 1,
        }
        let failures = tenant.failures(failed.values().sum()).await;
        assert_eq!(count(&failures), failed, "{wrong:?}");
        assert_eq!(neighbour.events(sent + 1).await.len(), sent + 1, "{wrong:?}");
        assert_eq!(tenant.events(delivered).await.len(), delivered, "{wrong:?}");
    }
}

#[tokio::test]
async fn a_malformed_body_is_answered_with_4xx() {
    let tenant = Tenant::subscribe(TokenVersion::V2, team_messages("bodies")).await;
    let subscription = tenant.subscription("/teams/getAllMessages");
    for wrong in [
        Wrong::NotJson,
        Wrong::NoValue,
        Wrong::ValueNotAnArray,
        Wrong::EmptyBody,
    ] {
        let report = send(Post::new().change(&subscription, "created").wrong(0, wrong)).await;
        let statuses = report.posts[0]
            .attempts
            .iter()
            .map(|attempt| attempt.status.unwrap_or_default());
        assert!(
            statuses.clone().all(|status| (400..500).contains(&status)),
            "{wrong:?}: {report:?}"
        );
        assert!(statuses.count() > 1, "Graph tries again");
    }
}

#[tokio::test]
async fn one_tenants_proof_is_rejected_for_another() {
    let a = Tenant::subscribe(TokenVersion::V2, team_messages("isolated-a")).await;
    let b = Tenant::subscribe(TokenVersion::V2, team_messages("isolated-b")).await;
    let [from_a, from_b] = [&a, &b].map(|tenant| tenant.subscription("/teams/getAllMessages"));
    // A's client state on an item that says it is B's.
    let tenant_b = json!(b.app.tenant_id);
    let post = Post::new()
        .change(&from_a, "created")
        .edit(0, move |item| item["tenantId"] = tenant_b.clone());
    assert!(send(post).await.delivered());
    // B's token beside A's item, whose own is not there.
    let report = send(Post::new().change(&from_b, "created")).await;
    let of_b: Value = serde_json::from_slice(&report.posts[0].body).unwrap();
    let post = Post::new().change(&from_a, "created");
    let post =
        post.edit_document(move |document| document["validationTokens"] = of_b["validationTokens"].clone());
    assert!(send(post).await.delivered());
    let mut failures = a.failures(2).await;
    failures.sort();
    assert_eq!(failures, ["OtherTenant", "TokenMissing"]);
    assert_eq!(b.events(1).await.len(), 1);
    assert!(a.events(0).await.is_empty());
}

#[tokio::test]
async fn no_secret_is_ever_logged() {
    let tenant = Tenant::subscribe(TokenVersion::V2, team_messages("logged")).await;
    let subscription = tenant.subscription("/teams/getAllMessages");
    let content = r#"{"id":"1","body":"a word that nobody may read"}"#;
    let post = Post::new().change(&subscription, "created").content(content);
    let post = post
        .change(&subscription, "created")
        .content(content)
        .wrong(1, Wrong::FlippedBit);
    let report = send(
        post.change(&subscription, "created")
            .wrong(2, Wrong::WrongClientState),
    )
    .await;
    assert!(report.delivered());
    tenant.events(1).await;
    tenant.failures(1).await;
    let body: Value = serde_json::from_slice(&report.posts[0].body).unwrap();
    let private_key = stack().read_secret("DecryptionSecret").await.unwrap()["keys"][0]["privateKey"].clone();
    let state_key = stack().read_secret("ClientStateSecret").await.unwrap()["keys"][0]["key"].clone();
    let logs = logs().await;
    assert!(
        logs.contains("Delivered 1"),
        "the logs are there to be searched: {logs}"
    );
    for (what, secret) in [
        ("content", "a word that nobody may read"),
        ("client secret", &tenant.app.client_secret),
        ("client state", subscription.client_state.as_deref().unwrap()),
        ("validation token", body["validationTokens"][0].as_str().unwrap()),
        (
            "private key",
            private_key.as_str().unwrap().lines().nth(1).unwrap(),
        ),
        ("client-state key", state_key.as_str().unwrap()),
        (
            "data key",
            body["value"][0]["encryptedContent"]["dataKey"].as_str().unwrap(),
        ),
    ] {
        assert!(
            !logs.contains(secret),
            "a {what} is in the logs of {:?}",
            Function::ALL
        );
    }
}

fn count(reasons: &[String]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for reason in reasons {
        *counts.entry(reason.as_str()).or_default() += 1;
    }
    counts
}
