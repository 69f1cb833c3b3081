//! Mistakes in the configuration.

use super::{
    super::lifecycle::{batch, event},
    *,
};

#[tokio::test]
async fn a_challenge_of_an_entry_with_a_mistake_is_answered() {
    for mistake in [in_entry, in_tenant] {
        let world = mistaken(mistake).await;
        world.clock.advance(60);
        let challenge = event("m1", "reauthorizationRequired", "chat", "id-1");
        let answer = world.invoke(batch(&[challenge])).await.unwrap();
        assert_eq!(answer, json!({"batchItemFailures": []}));
        assert_eq!(world.log(), ["get id-1", "update id-1"]);
    }
}

#[tokio::test]
async fn consumers_hear_what_an_entry_with_a_mistake_has_missed() {
    for mistake in [in_entry, in_tenant] {
        for is_new_process in [false, true] {
            let mut world = mistaken(mistake).await;
            if is_new_process {
                world = world.restarted();
            }
            let missed = event("m1", "missed", "chat", "id-1");
            world.invoke(batch(&[missed])).await.unwrap();
            let told = world.told();
            assert_eq!(told.len(), 1, "{told:?}");
            assert_eq!(told[0]["data"]["resource"], json!("/chats/getAllMessages"));
        }
    }
}

/// Returns a world after one run, with a mistake in its configuration since.
async fn mistaken(mistake: fn(&mut Value)) -> World {
    let world = prepared(&[("chat", "a", true)]).await;
    let mut config = world.documents.json(Document::Config);
    mistake(&mut config);
    world.documents.set(Document::Config, &config.to_string());
    world
}

fn in_entry(config: &mut Value) {
    config["subscriptions"]["chat"]["changeTypo"] = json!("created");
}

fn in_tenant(config: &mut Value) {
    config["tenants"]["a"]["clientId"] = json!("nonsense");
}
