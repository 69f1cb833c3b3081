//! Nothing that comes in grows by more than a small factor on its way through queues and logs, whichever service fails meanwhile.

use pipeline::{Stack, Traffic, USER, tenant_id};
use serde_json::{Value, json};

/// Each item is the smallest of its kind: what the functions add to an item counts most there.
#[test]
fn what_comes_in_grows_by_a_small_factor_in_queues_and_logs() {
    let mut faults = Vec::new();
    for outage in Outage::ALL {
        for case in cases() {
            let mut stack = Stack::new(case.tenants);
            let body = case.post(&stack);
            // What fails now fails behind the webhook: as much as possible is stored.
            let status = stack.post(&format!("/notifications{}", case.query), body.as_str());
            assert_eq!(status, 202, "{}", case.name);
            outage.begin(&mut stack);
            for turn in 0..20 {
                outage.end(&stack, turn);
                stack.turn();
            }
            for (what, traffic) in &stack.traffic {
                if !is_small(what, *traffic, outage, body.len()) {
                    faults.push(format!(
                        "{} during {outage:?}: {what} has {traffic:?} of {ITEMS} items in {} bytes",
                        case.name,
                        body.len()
                    ));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

fn is_small(what: &str, traffic: Traffic, outage: Outage, bytes: usize) -> bool {
    let (most_messages, most_bytes) = match (what, outage) {
        ("webhook's log", _) => (1, bytes),
        // The reader puts an item back for its next five tries. An item that says what to fetch grows by half as much.
        ("ReadQueue", Outage::Graph) => (6 * ITEMS, 6 * MAX_GROWTH / 2 * bytes),
        // The first and the last try of a message are a line each, and each of its batches has some.
        (what, _) if what.ends_with("log") => (6 * ITEMS, MAX_GROWTH * bytes),
        _ => (3 * ITEMS, MAX_GROWTH * bytes),
    };
    traffic.count <= most_messages && traffic.bytes <= most_bytes
}

/// What a client state allows its holder to send.
struct Case {
    name: &'static str,
    query: &'static str,
    tenants: usize,
    /// The entry whose client state each item has; of several tenants each has its own.
    entry: &'static str,
    /// The other members. The text `N` is another number in each item.
    members: Value,
}

impl Case {
    fn post(&self, stack: &Stack) -> String {
        let items: Vec<Value> = (0..ITEMS).map(|number| self.item(stack, number)).collect();
        let tokens: Vec<String> = match self.members.get("encryptedContent") {
            Some(_) => (0..self.tenants).map(|tenant| stack.token(tenant)).collect(),
            None => Vec::new(),
        };
        json!({"value": items, "validationTokens": tokens}).to_string()
    }

    fn item(&self, stack: &Stack, number: usize) -> Value {
        let members = self
            .members
            .to_string()
            .replace("\"N\"", &format!("\"{number}\""));
        let mut item: Value = serde_json::from_str(&members).unwrap();
        let tenant = number % self.tenants;
        let entry = match tenant {
            0 => self.entry.to_owned(),
            _ => format!("{}{tenant}", self.entry),
        };
        item["clientState"] = json!(stack.client_state(&entry));
        item
    }
}

fn cases() -> Vec<Case> {
    let least = json!({"data": "A".repeat(22), "dataKey": "A".repeat(342), "dataSignature": "A".repeat(43)});
    let lifecycle = |event: &str| json!({"lifecycleEvent": event, "subscriptionId": "N"});
    let path = |path: String| json!({"resource": path});
    let basic = [
        ("nothing but the client state", json!({})),
        ("another tenant", json!({"tenantId": tenant_id(1)})),
        ("a path that is a number", json!({"resource": 5})),
        ("content without anything", json!({"encryptedContent": {}})),
        ("the least content", json!({"encryptedContent": least})),
        (
            "a lifecycle event without a subscription",
            json!({"lifecycleEvent": "missed"}),
        ),
        ("an unknown lifecycle event", lifecycle("x")),
        ("missed", lifecycle("missed")),
        ("removed", lifecycle("subscriptionRemoved")),
        ("a challenge", lifecycle("reauthorizationRequired")),
        (
            "an end that is a number",
            json!({"lifecycleEvent": "missed", "subscriptionExpirationDateTime": 5}),
        ),
    ];
    let fetched = [
        ("nothing to fetch", json!({})),
        ("a message to fetch", path(format!("users/{USER}/messages/1"))),
        (
            "a message of somebody else to fetch",
            path("users/1/messages/1".to_owned()),
        ),
        ("a long path", path("a".repeat(4_000))),
        ("a path of control characters", path("\u{7f}".repeat(1_000))),
        ("a path of noncharacters", path("\u{ffff}".repeat(1_000))),
    ];
    let case = |query, tenants, entry| {
        move |(name, members)| Case {
            name,
            query,
            tenants,
            entry,
            members,
        }
    };
    let mut cases: Vec<Case> = basic.clone().map(case("", 1, "mail")).into();
    cases.extend(basic.map(case("", 12, "chat")));
    cases.extend(fetched.map(case("?f=1", 1, "fetched")));
    cases.push(case("?f=1", 1, "drive")((
        "a drive",
        path("drives/1/root".to_owned()),
    )));
    cases
}

/// What fails while the items are on their way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outage {
    Nothing,
    Delivery,
    Failed,
    Graph,
    SigningKeys,
    ClientStates,
    Config,
}

impl Outage {
    const ALL: [Self; 7] = [
        Self::Nothing,
        Self::Delivery,
        Self::Failed,
        Self::Graph,
        Self::SigningKeys,
        Self::ClientStates,
        Self::Config,
    ];

    fn begin(self, stack: &mut Stack) {
        match self {
            Self::Nothing => {}
            Self::Delivery => stack.queues.delivery.refuse(Some("")),
            Self::Failed => stack.queues.failed.refuse(Some("")),
            Self::Graph => stack.graph.set_down(true),
            Self::SigningKeys => stack.login.set(None),
            Self::ClientStates => stack.documents.client_states.set_down(true),
            Self::Config => stack.documents.config.set_down(true),
        }
        // What a function has read before would hide that it cannot be read.
        stack.restart();
    }

    /// Ends an outage of FailedQueue: after its last try a message would be there without a reason.
    fn end(self, stack: &Stack, turn: usize) {
        if self == Self::Failed && turn == 8 {
            stack.queues.failed.refuse(None);
        }
    }
}

/// How many items a POST has.
const ITEMS: usize = 48;

/// How many times as many bytes as a POST each queue and each log may get.
const MAX_GROWTH: usize = 8;
