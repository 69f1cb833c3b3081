//! Any items, and any failures.

use proptest::prelude::*;
use serde_json::json;

/// Any JSON text: numbers of any size, any characters and escapes, and deep nesting.
pub fn any_json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("\"\"".to_owned()),
        any::<bool>().prop_map(|value| value.to_string()),
        "-?[1-9][0-9]{0,300}(\\.[0-9]{1,30})?([eE][+-]?[0-9]{1,9})?",
        any::<String>().prop_map(|text| json!(text).to_string()),
        r#""(\\u[0-9a-fA-F]{4}|\\[nrt"\\/]|[a-z]){0,6}""#,
        (1..200_usize).prop_map(|levels| format!("{}{}", "[".repeat(levels), "]".repeat(levels))),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        let member = (any_key(), inner.clone());
        prop_oneof![
            proptest::collection::vec(inner, 0..4).prop_map(|values| format!("[{}]", values.join(","))),
            proptest::collection::vec(member, 0..4).prop_map(object),
        ]
    })
}

/// A member of an item: one that has a meaning somewhere on the way, with a value of Graph's or any other.
pub fn any_member() -> impl Strategy<Value = (String, String)> {
    let graphs = prop_oneof![
        Just(("changeType", json!("created"))),
        Just(("changeType", json!("deleted"))),
        Just(("lifecycleEvent", json!("missed"))),
        Just(("lifecycleEvent", json!("subscriptionRemoved"))),
        Just(("lifecycleEvent", json!("reauthorizationRequired"))),
        Just(("lifecycleEvent", json!("invented"))),
        Just(("subscriptionId", json!("id-1"))),
        Just(("subscriptionId", json!("id-2"))),
        Just(("subscriptionId", json!("invented"))),
        Just(("tenantId", json!(crate::tenant_id(0)))),
        Just(("tenantId", json!(crate::tenant_id(1)))),
        Just(("resource", json!("users/1/messages/2"))),
        Just(("resource", json!(format!("users/{}/messages/2", crate::USER)))),
        Just(("resource", json!("drives/1/root"))),
        Just(("resourceData", json!({"id": "2", "@odata.etag": "W/\"1\""}))),
        Just(("resourceData", json!({"filler": "x".repeat(1_100_000)}))),
        Just(("encryptedContent", json!({"data": "AAAA"}))),
        Just((
            "encryptedContent",
            json!({"data": "A".repeat(24), "dataKey": "A".repeat(344), "dataSignature": "A".repeat(44)})
        )),
    ];
    let graphs = graphs.prop_map(|(name, value)| (json!(name).to_string(), value.to_string()));
    prop_oneof![3 => graphs, 1 => (any_key(), any_json())]
}

/// A key, often one that counts, in any letter case.
pub fn any_key() -> impl Strategy<Value = String> {
    let known = prop_oneof![
        "[cC]lient[sS]tate",
        "[cC]hangeType",
        "[sS]ubscriptionId",
        "subscriptionExpirationDateTime",
        "[tT]enantId",
        "organizationId",
        "[lL]ifecycleEvent",
        "[eE]ncryptedContent",
        "[rR]esource(Data)?",
        "id",
        "proof",
        "version",
        "content",
    ];
    prop_oneof![
        3 => known.prop_map(|key| json!(key).to_string()),
        1 => any::<String>().prop_map(|key| json!(key).to_string()),
        1 => r#""(\\u[0-9a-f]{4}){0,3}""#,
    ]
}

/// Returns an object with these members, in their order.
#[must_use]
pub fn object(members: Vec<(String, String)>) -> String {
    let members = members.into_iter().map(|(key, value)| format!("{key}:{value}"));
    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
}

/// What an item says.
#[derive(Clone, Debug)]
pub struct AnyItem {
    /// The entry whose client state it has.
    pub name: &'static str,
    /// Its members in their order, besides the client state.
    pub members: Vec<(String, String)>,
    /// The place of the client state among them.
    pub place: usize,
    /// Whether it carries content that Graph encrypted, and its members are in the way of nothing.
    pub is_rich: bool,
}

/// An item of this stack that says anything besides its client state, or one with content.
pub fn any_item() -> impl Strategy<Value = AnyItem> {
    let names = proptest::sample::select(vec!["mail", "chat", "fetched", "drive"]);
    let members = proptest::collection::vec(any_member(), 0..6);
    let any = (names, members, 0..6_usize).prop_map(|(name, members, place)| AnyItem {
        name,
        members,
        place,
        is_rich: false,
    });
    let rich = AnyItem {
        name: "chat",
        members: Vec::new(),
        place: 0,
        is_rich: true,
    };
    prop_oneof![3 => any, 1 => Just(rich)]
}

/// What is around the items of a POST.
#[derive(Clone, Debug)]
pub struct Envelope {
    /// What comes first.
    begin: &'static [u8],
    /// What stands between the items.
    between: &'static [u8],
    /// Other members.
    members: Vec<(String, String)>,
    /// Whether the list of tokens, and an empty one of items, come twice.
    is_double: bool,
}

/// Any envelope in which items can be found.
pub fn any_envelope() -> impl Strategy<Value = Envelope> {
    let begin = proptest::sample::select(vec![&b""[..], b"\xEF\xBB\xBF", b" \r\n"]);
    let between = proptest::sample::select(vec![
        &b","[..],
        b",{\"clientState\":\"forged\"},",
        b",\"\xff\xed\xa0\x80\",",
        b",{\"\x01\":\"\n\"},5,null,",
        b"],\"VALUE\":5,\"Value\":[",
    ]);
    let members = proptest::collection::vec((any_key(), any_json()), 0..3);
    (begin, between, members, any::<bool>()).prop_map(|(begin, between, members, is_double)| Envelope {
        begin,
        between,
        members,
        is_double,
    })
}

impl Envelope {
    /// Returns the body of a POST.
    #[must_use]
    pub fn around(&self, items: &[String], token: &str) -> Vec<u8> {
        let items: Vec<&[u8]> = items.iter().map(String::as_bytes).collect();
        let (doubled, tokens) = if self.is_double {
            (
                r#","value":[]"#,
                format!(r#","ValidationTokens":["{token}"],"validationTokens":null"#),
            )
        } else {
            ("", format!(r#","validationTokens":["{token}"]"#))
        };
        let members = self.members.iter().map(|(key, value)| format!(",{key}:{value}"));
        [
            self.begin,
            br#"{"value":["#,
            &items.join(self.between),
            b"]",
            doubled.as_bytes(),
            tokens.as_bytes(),
            members.collect::<String>().as_bytes(),
            b"}",
        ]
        .concat()
    }
}

/// For how many turns each service fails, from the moment before the POST.
#[derive(Clone, Debug)]
pub struct Faults {
    /// DeliveryQueue.
    pub delivery: usize,
    /// NotificationQueue.
    pub notification: usize,
    /// LifecycleQueue.
    pub lifecycle: usize,
    /// `ReadQueue`.
    pub read: usize,
    /// FailedQueue: for fewer turns than a message has tries.
    pub failed: usize,
    /// What the messages contain that the queues refuse; all where it is empty.
    pub refused: &'static str,
    /// Microsoft Graph.
    pub graph: usize,
    /// The login service's signing keys.
    pub signing_keys: usize,
    /// ConfigSecret.
    pub config: usize,
    /// ClientStateSecret.
    pub client_states: usize,
    /// DecryptionSecret.
    pub decryption: usize,
    /// Whether AWS Lambda starts the functions afresh before each turn.
    pub restarts: bool,
}

/// Any failures: mostly of a few services.
pub fn any_faults() -> impl Strategy<Value = Faults> {
    let turns = || prop_oneof![3 => Just(0_usize), 1 => 1..4_usize, 1 => 4..30_usize];
    let queues = (
        turns(),
        turns(),
        turns(),
        turns(),
        prop_oneof![3 => Just(0_usize), 1 => 1..8_usize],
    );
    let services = (turns(), turns(), turns(), turns(), turns());
    let refused = proptest::sample::select(vec!["", "created", "\"read\"", "1"]);
    (queues, services, refused, any::<bool>()).prop_map(|(queues, services, refused, restarts)| Faults {
        delivery: queues.0,
        notification: queues.1,
        lifecycle: queues.2,
        read: queues.3,
        failed: queues.4,
        refused,
        graph: services.0,
        signing_keys: services.1,
        config: services.2,
        client_states: services.3,
        decryption: services.4,
        restarts,
    })
}

impl Faults {
    /// Has the services of a stack fail that do so in this turn.
    pub fn apply(&self, stack: &mut crate::Stack, turn: usize) {
        let queues = &stack.queues;
        for (queue, turns) in [
            (&queues.delivery, self.delivery),
            (&queues.notification, self.notification),
            (&queues.lifecycle, self.lifecycle),
            (&queues.read, self.read),
            (&queues.failed, self.failed),
        ] {
            queue.refuse((turn < turns).then_some(self.refused));
        }
        stack.graph.set_down(turn < self.graph);
        let keys = graph_core::notification::tokens::testing::SIGNER.jwks();
        stack.login.set((turn >= self.signing_keys).then_some(keys));
        let documents = &stack.documents;
        documents.config.set_down(turn < self.config);
        documents.client_states.set_down(turn < self.client_states);
        documents.decryption.set_down(turn < self.decryption);
        if self.restarts {
            stack.restart();
        }
    }
}
