//! What a stack does over its life: messages in FailedQueue are moved back, parameters change, consumers come, the stack is
//! removed.
//!
//! Each test has a stack of its own: the others would suffer.

use std::{
    collections::BTreeSet,
    process::Command,
    time::{Duration, Instant},
};

use aws_sdk_sqs::types::{MessageAttributeValue, QueueAttributeName};
use graph_simulator::{self as graph, App, LifecycleEvent, Post, Registered, TokenVersion, Wrong};
use serde_json::{Value, json};
use stack::{Function, Message, NOTIFICATION_ORIGIN, Options, Pair, Progress, Stack};

mod alarms;
mod consumers;
mod parameters;

#[tokio::test]
async fn a_stack_lives_from_redrive_and_changed_parameters_to_its_removal() {
    let mut world = World::start().await;
    // One waits for deployments, the other for messages that come again.
    tokio::join!(
        a_second_stack_shares_the_account(&world),
        failed_messages_are_moved_back(&world)
    );
    world.works().await;
    alarms::each_has_its_metric(&world).await;
    parameters::each_changes_what_it_is_about(&mut world).await;
    a_removed_stack_leaves_the_configuration_alone(&world).await;
    nothing_runs_on(world);
}

#[tokio::test]
async fn each_consumer_gets_what_it_is_for() {
    consumers::check_each(&World::start().await).await;
}

/// Nothing of one stack is the other's.
async fn a_second_stack_shares_the_account(world: &World) {
    let stack = &world.pair.stack;
    let [ours, others] = stack.deploy_beside("another", &world.options()).await.unwrap();
    assert_eq!(ours.keys().collect::<Vec<_>>(), others.keys().collect::<Vec<_>>());
    // The name of a stage is its own within its API.
    let is_shared = |(name, id): &(&String, &String)| others[*name] == **id && *id != "$default";
    assert_eq!(ours.iter().find(is_shared), None);
    stack.remove_beside("another").unwrap();
}

/// Of a batch that fails for an unknown certificate, each message succeeds once the key is there; one that failed for
/// good comes back with its reason; and a lifecycle notification among them finds its own way, on to the reader too.
async fn failed_messages_are_moved_back(world: &World) {
    let (stack, subscription) = (&world.pair.stack, world.subscription());
    // On AWS tries take half an hour.
    world.try_times(2).await;
    let genuine = stack.read_secret("DecryptionSecret").await.unwrap();
    world.renew(json!({"rotate": "certificate"})).await;
    let mut without = stack.read_secret("DecryptionSecret").await.unwrap();
    let of_subscription = subscription.encryption_certificate_id.as_deref().unwrap();
    let keys = without["keys"].as_array_mut().unwrap();
    keys.retain(|key| key["id"] != of_subscription);
    assert_eq!(keys.len(), 1, "the new key alone");
    world.write("DecryptionSecret", &without).await;

    let post = Post::new()
        .rich(&subscription, "created")
        .rich(&subscription, "updated");
    world.send(post).await;
    let post = Post::new().rich(&subscription, "created");
    world.send(post.wrong(0, Wrong::TokensAbsent)).await;
    stack.enable_mapping("LifecycleMapping", false).await.unwrap();
    let lifecycle = Post::new().lifecycle(&subscription, LifecycleEvent::Missed);
    world.send(lifecycle).await;
    let mut failed = world.receive("FailedQueue", 3).await;
    // As if renewal had tried it as often as it does.
    failed.extend(world.receive("LifecycleQueue", 1).await);
    stack.enable_mapping("LifecycleMapping", true).await.unwrap();
    assert_eq!(reasons(&failed), [None, None, None, Some("TokenMissing")]);

    world.write("DecryptionSecret", &genuine).await;
    world.try_times(1000).await;
    world.move_back(&failed).await;
    let delivered = world.receive("DeliveryQueue", 4).await;
    let mut types: Vec<String> = delivered
        .iter()
        .map(|message| event_type(&message.body))
        .collect();
    types.sort();
    assert_eq!(
        types,
        [
            "Microsoft.Graph.CatchUpCompleted",
            "Microsoft.Graph.ChatMessageCreated",
            "Microsoft.Graph.ChatMessageUpdated",
            "Microsoft.Graph.SubscriptionMissed",
        ]
    );
    let is_change = |message: &&Message| event_type(&message.body).starts_with("Microsoft.Graph.ChatMessage");
    let is_delivered = |message: &&Message| {
        !message.attributes.contains_key("Reason") && !message.body.contains("lifecycleEvent")
    };
    let ids_before: BTreeSet<String> = failed.iter().filter(is_delivered).map(id).collect();
    let ids: BTreeSet<String> = delivered.iter().filter(is_change).map(id).collect();
    assert_eq!(ids, ids_before, "the id is that of the admission");
    let again = world.receive("FailedQueue", 1).await;
    assert_eq!(reasons(&again), [Some("TokenMissing")]);
    let before = failed
        .iter()
        .find(|message| message.attributes.contains_key("Reason"));
    assert_eq!(again[0].body, before.unwrap().body);
}

async fn a_removed_stack_leaves_the_configuration_alone(world: &World) {
    let stack = &world.pair.stack;
    let config = stack.read_secret("ConfigSecret").await.unwrap();
    stack.remove().unwrap();
    assert_eq!(stack.read_secret("ConfigSecret").await.unwrap(), config);
    for secret in ["ClientStateSecret", "DecryptionSecret", "RefreshTokenSecret"] {
        assert!(
            stack.read_secret(secret).await.is_err(),
            "{secret} is still there"
        );
    }
    for queue in ["NotificationQueue", "FailedQueue"] {
        let url = stack.resource(queue).unwrap();
        let attributes = stack.sqs().get_queue_attributes().queue_url(url).send().await;
        assert!(attributes.is_err(), "{queue} is still there");
    }
}

/// Every program of this run names the run's folder: MiniStack's log is in there, and so is the code of each function.
fn nothing_runs_on(world: World) {
    let folder = world.stack().folder().display().to_string();
    drop(world);
    let began = Instant::now();
    loop {
        let programs = Command::new("ps").args(["-A", "-o", "args="]).output().unwrap();
        let programs = String::from_utf8_lossy(&programs.stdout).into_owned();
        let left: Vec<_> = programs.lines().filter(|line| line.contains(&folder)).collect();
        if left.is_empty() {
            return;
        }
        assert!(began.elapsed() < DEADLINE, "still running: {left:#?}");
        std::thread::sleep(POLL_INTERVAL);
    }
}

/// A stack of its own, with one subscription.
pub struct World {
    pair: Pair,
}

impl World {
    /// Starts a stack and a simulator, and has renewal subscribe.
    pub async fn start() -> Self {
        let simulator = graph::Options {
            retry_scale: 0.001,
            ..graph::Options::default()
        };
        let pair = Pair::start(simulator, own_options(), Progress::start())
            .await
            .unwrap();
        let app = App {
            tenant_id: "11111111-0000-4000-8000-0123456789ab".to_owned(),
            client_id: "22222222-0000-4000-8000-0123456789ab".to_owned(),
            client_secret: "the-client-secret".to_owned(),
            token_version: TokenVersion::V2,
        };
        let tenant = json!({
            "tenantId": app.tenant_id, "clientId": app.client_id,
            "credential": {"clientSecret": app.client_secret}
        });
        pair.simulator.add_app(app);
        let subscription = json!({
            "resource": "/teams/getAllMessages", "changeType": "created,updated", "includeResourceData": true
        });
        let config = json!({"tenants": {"own": tenant}, "subscriptions": {"messages": subscription}});
        pair.stack.write_config(&config).await.unwrap();
        let world = Self { pair };
        world.renew(json!({})).await;
        world
    }

    fn options(&self) -> Options {
        Options {
            graph_endpoint: self.pair.simulator.base_url(),
            login_endpoint: self.pair.simulator.base_url(),
            notification_origin: NOTIFICATION_ORIGIN.to_owned(),
            ..own_options()
        }
    }

    /// Returns the stack.
    pub fn stack(&self) -> &Stack {
        &self.pair.stack
    }

    /// Returns the subscription.
    pub fn subscription(&self) -> Registered {
        self.pair.simulator.subscriptions().remove(0)
    }

    async fn renew(&self, event: Value) {
        let report = self.pair.stack.invoke(Function::Renewal, &event).await.unwrap();
        assert_eq!(report["failed"], 0, "{report:#}");
    }

    /// Sends a POST.
    pub async fn send(&self, post: Post) {
        let report = self.pair.simulator.send(post).await.unwrap();
        assert!(report.delivered(), "{report:?}");
    }

    /// Sends a notification, and receives its event.
    async fn works(&self) {
        self.send(Post::new().basic(self.subscription(), "created")).await;
        assert_eq!(self.receive("DeliveryQueue", 1).await.len(), 1);
    }

    /// Writes a secret that renewal writes.
    async fn write(&self, secret: &str, document: &Value) {
        let stack = &self.pair.stack;
        let put = stack.secrets().put_secret_value();
        let put = put.secret_id(stack.resource(secret).unwrap());
        put.secret_string(document.to_string()).send().await.unwrap();
    }

    /// Has messages of NotificationQueue be tried so many times, five seconds apart.
    async fn try_times(&self, times: usize) {
        let stack = &self.pair.stack;
        let dead_letter = json!({
            "deadLetterTargetArn": self.arn("FailedQueue").await, "maxReceiveCount": times
        });
        let set = stack.sqs().set_queue_attributes();
        let set = set.queue_url(stack.resource("NotificationQueue").unwrap());
        let set = set.attributes(QueueAttributeName::VisibilityTimeout, "5");
        let set = set.attributes(QueueAttributeName::RedrivePolicy, dead_letter.to_string());
        set.send().await.unwrap();
    }

    async fn arn(&self, queue: &str) -> String {
        let stack = &self.pair.stack;
        let get = stack.sqs().get_queue_attributes();
        let get = get.queue_url(stack.resource(queue).unwrap());
        let attributes = get.attribute_names(QueueAttributeName::QueueArn).send().await;
        attributes.unwrap().attributes.unwrap()[&QueueAttributeName::QueueArn].clone()
    }

    /// Takes messages from a queue, those without attributes first, once there are `count` of them. What comes twice, as
    /// where a function takes longer than the five seconds, counts once.
    pub async fn receive(&self, queue: &str, count: usize) -> Vec<Message> {
        let (stack, began) = (&self.pair.stack, Instant::now());
        let url = stack.resource(queue).unwrap();
        let enough = |messages: &[Message]| distinct(messages).len() >= count;
        let taken = stack.receive(url, DEADLINE, enough).await.unwrap();
        let mut taken = distinct(&taken);
        assert!(
            taken.len() >= count,
            "{} of {count} in {queue} after {:?}\n{}",
            taken.len(),
            began.elapsed(),
            stack.logs(Function::Decryption).await.unwrap()
        );
        taken.sort_by_key(|message| message.attributes.len());
        taken
    }

    /// Does what `StartMessageMoveTask` does, which MiniStack does not know: sends the same messages, attributes
    /// included, to NotificationQueue.
    async fn move_back(&self, messages: &[Message]) {
        for message in messages {
            self.put_back("NotificationQueue", message).await;
        }
    }

    /// Puts a message into a queue, attributes included.
    async fn put_back(&self, queue: &str, message: &Message) {
        let stack = &self.pair.stack;
        let mut send = stack.sqs().send_message().message_body(&message.body);
        for (name, text) in &message.attributes {
            let value = MessageAttributeValue::builder().data_type("String");
            send = send.message_attributes(name, value.string_value(text).build().unwrap());
        }
        let url = stack.resource(queue).unwrap();
        send.queue_url(url).send().await.unwrap();
    }

    /// Waits until a queue holds so many messages.
    async fn hold(&self, queue: &str, count: usize) {
        let (stack, began) = (&self.pair.stack, Instant::now());
        let url = stack.resource(queue).unwrap();
        loop {
            let held = stack.held(url).await.unwrap();
            if held == count {
                return;
            }
            assert!(
                began.elapsed() < DEADLINE,
                "{queue} holds {held} messages, and not {count}"
            );
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }
}

/// Without a run of the schedule, with the alarm that is optional, and with a DeliveryQueue that soon gives up an event that
/// its consumer cannot process.
fn own_options() -> Options {
    let parameters = [
        ("SilenceAlarmMinutes", "60"),
        ("DeliveryVisibilitySeconds", "15"),
        ("DeliveryMaxReceives", "2"),
    ];
    Options {
        renewal_minutes: "60".to_owned(),
        parameters: parameters.map(|(name, value)| (name, value.to_owned())).into(),
        ..Options::default()
    }
}

/// Returns the messages without those whose body has come before.
fn distinct(messages: &[Message]) -> Vec<Message> {
    let mut seen = BTreeSet::new();
    let is_new = |message: &&Message| seen.insert(message.body.clone());
    messages.iter().filter(is_new).cloned().collect()
}

fn reasons(messages: &[Message]) -> Vec<Option<&str>> {
    let mut reasons: Vec<_> = messages
        .iter()
        .map(|message| message.attributes.get("Reason").map(String::as_str))
        .collect();
    reasons.sort_unstable();
    reasons
}

/// Returns the id of an event, or of the event that a message of NotificationQueue becomes.
fn id(message: &Message) -> String {
    let body: Value = serde_json::from_str(&message.body).unwrap();
    body["id"].as_str().unwrap().to_owned()
}

fn event_type(body: &str) -> String {
    let event: Value = serde_json::from_str(body).unwrap();
    event["type"].as_str().unwrap().to_owned()
}

/// The events of a gap that the reader closes.
const GAP: [&str; 2] = [
    "Microsoft.Graph.CatchUpCompleted",
    "Microsoft.Graph.SubscriptionMissed",
];

const DEADLINE: Duration = Duration::from_secs(90);

const POLL_INTERVAL: Duration = Duration::from_millis(200);
