//! An operator makes an earlier version of a secret current again.

use graph_core::{notification::client_state::ClientStateKeys, secrets::ClientStateDocument};

use super::*;

#[test]
fn keys_that_an_operator_put_back_are_built_upon() {
    let entries = [(0, "chats", chats()), (1, "mail", mail(users(1)))];
    let world = world(&organisations(1, &entries[..1]));
    world.scheduled();
    let two = organisations(2, &entries);
    world.documents.set(Document::Config, &two.to_string());
    world.scheduled();
    assert_eq!(live(&world), 2);
    // Secrets Manager knows by now what followed the first versions, so the same write is a conflict.
    for _ in 0..3 {
        for document in [Document::ClientState, Document::Decryption] {
            world.documents.fake(document).move_current("1");
        }
        let newest = world.graph.all().pop().unwrap();
        world.graph.remove(&newest.id);
        world.clock.advance(10);
        let report = world.scheduled();
        assert_eq!((live(&world), &report["failed"]), (2, &json!(0)), "{report:#}");
        for document in [Document::ClientState, Document::Decryption] {
            let trusted = world.documents.json(document)["trusted"].to_string();
            assert!(trusted.contains(&tenant_id(1)), "{document:?}: {trusted}");
        }
        assert!(is_admitted(&world), "{report:#}");
    }
}

/// Returns whether the webhook admits the notifications of the newest subscription.
fn is_admitted(world: &World) -> bool {
    let document = world.documents.json(Document::ClientState);
    let document: ClientStateDocument = serde_json::from_value(document).unwrap();
    let bodies = world.graph.bodies();
    let created = bodies.iter().rfind(|body| body.get("clientState").is_some());
    let client_state = created.unwrap()["clientState"].as_str();
    ClientStateKeys::parse(&document).0.verify(client_state).is_ok()
}
