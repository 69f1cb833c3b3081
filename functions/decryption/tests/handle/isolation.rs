//! Two tenants share the queue, and neither gets anything out of the other.

use super::*;
use graph_core::application::Application;

#[tokio::test]
async fn proof_for_one_tenant_is_no_proof_for_another() {
    let (a, b) = (tenant(), other_tenant());
    let token = |tenant: &TrustedTenant| SIGNER.token(&claims_v2(tenant, now()));
    let mut mixed = claims_v2(&a, now());
    mixed["aud"] = json!(b.application.client_id);
    let mixed = SIGNER.token(&mixed);
    let item_of = |tenant: &TrustedTenant, body: Value| with(body, "/item/tenantId", &tenant_id(tenant));
    let basic_of_a = message(&a, None);
    let cases = [
        (
            "A's item with B's token",
            message(&a, Some(&token(&b))),
            "TokenRejected",
        ),
        (
            "B's item with A's token",
            message(&b, Some(&token(&a))),
            "TokenRejected",
        ),
        (
            "a token of A's tenant for B's application",
            message(&a, Some(&mixed)),
            "TokenRejected",
        ),
        (
            "the same for B's item",
            message(&b, Some(&mixed)),
            "TokenRejected",
        ),
        (
            "B's item in A's message, with A's token",
            item_of(&b, message(&a, Some(&token(&a)))),
            "OtherTenant",
        ),
        (
            "B's item in A's message, with B's token",
            item_of(&b, message(&a, Some(&token(&b)))),
            "OtherTenant",
        ),
        (
            "A's item in B's message, with B's token",
            item_of(&a, message(&b, Some(&token(&b)))),
            "OtherTenant",
        ),
        (
            "a basic item of B in A's message",
            item_of(&b, basic_of_a),
            "OtherTenant",
        ),
    ];
    for (case, body, reason) in cases {
        let world = world();
        assert_eq!(world.process(&[&body]).await, NOTHING, "{case}");
        assert_eq!(world.failed(), [(reason.to_owned(), body.to_string())], "{case}");
        assert!(world.delivered().is_empty(), "{case}");
    }
}

/// The pair of A's tenant and B's application is nobody's, though both are known.
#[tokio::test]
async fn a_tenant_and_an_application_count_together() {
    let world = world();
    let mut claims = claims_v2(&tenant(), now());
    claims["aud"] = json!(other_tenant().application.client_id);
    let pair = TrustedTenant {
        application: Application {
            client_id: other_tenant().application.client_id,
            ..tenant().application
        },
        ..tenant()
    };
    let body = message(&pair, Some(&SIGNER.token(&claims)));
    assert_eq!(world.process(&[&body]).await, ["m0"]);
    assert!(world.delivered().is_empty() && world.failed().is_empty());
}

#[tokio::test]
async fn each_tenant_gets_its_own_events_beside_the_other() {
    let world = world();
    let tokens = [tenant(), other_tenant()].map(|tenant| SIGNER.token(&claims_v2(&tenant, now())));
    let mut a = message(&tenant(), Some(&tokens[0]));
    a["item"]["tenantId"] = json!(tenant_id(&tenant()).to_uppercase());
    let mut b = message(&other_tenant(), Some(&tokens[1]));
    // Both tokens travel with this one.
    b["validationTokens"] = json!(tokens);
    assert_eq!(world.process(&[&a, &b]).await, NOTHING);
    let delivered = world.delivered();
    for (event, tenant) in delivered.iter().zip([tenant(), other_tenant()]) {
        let event: Value = serde_json::from_str(event).unwrap();
        assert_eq!(event["source"], tenant.application.source());
        assert_eq!(event["data"]["tenantId"], tenant_id(&tenant));
    }
    assert_eq!(delivered.len(), 2);
}

/// Returns the world with both tenants in it.
fn world() -> World {
    let world = World::new();
    world
        .source
        .set(document(vec![key().clone()], vec![tenant(), other_tenant()]));
    world
}

/// Returns the message of an item for `tenant`, encrypted if there is a token.
fn message(tenant: &TrustedTenant, token: Option<&str>) -> Value {
    of(tenant, token.map_or_else(basic, |token| rich(Some(token))))
}

fn with(mut body: Value, pointer: &str, value: &str) -> Value {
    *body.pointer_mut(pointer).unwrap() = json!(value);
    body
}

fn other_tenant() -> TrustedTenant {
    TrustedTenant {
        application: application((OTHER_TENANT, OTHER_CLIENT)),
        ..tenant()
    }
}
