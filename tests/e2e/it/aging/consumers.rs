//! The consumers of docs/consuming, each deployed beside the product: repeats are dropped, a poison event holds back nothing and
//! ends in UndeliveredQueue, and a gap is told.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use graph_simulator::{LifecycleEvent, Post};
use stack::Stack;

use super::{DEADLINE, POLL_INTERVAL, World};

/// Deploys one consumer after the other: two would share the events.
///
/// The one in Rust has dependencies of its own, which take minutes to compile, so only `.ci/run --all` asks for it.
pub async fn check_each(world: &World) {
    check(world, &python(world.stack())).await;
    if std::env::var_os("REQUIRE_RUST_CONSUMER").is_some() {
        check(world, &rust(world.stack())).await;
    }
}

struct Consumer {
    name: &'static str,
    template: PathBuf,
    /// What stands in its log for a stored resource, and for a gap.
    stored: &'static str,
    gap: &'static str,
}

async fn check(world: &World, consumer: &Consumer) {
    let stack = world.stack();
    let subscription = world.subscription();
    let post = Post::new().rich(&subscription, "created");
    world
        .send(post.lifecycle(&subscription, LifecycleEvent::Missed))
        .await;
    let events = world.receive("DeliveryQueue", 3).await;

    let parameters = BTreeMap::from([(
        "DeliveryQueueArn",
        stack.output("DeliveryQueueArn").unwrap().to_owned(),
    )]);
    let resources = stack
        .deploy_other(consumer.name, &consumer.template, &parameters)
        .await
        .unwrap();
    let log = format!("/aws/lambda/{}", resources["ConsumerFunction"]);
    let said = async |what: &str| {
        stack
            .logs_of(&log)
            .await
            .unwrap_or_default()
            .matches(what)
            .count()
    };
    for event in &events {
        world.put_back("DeliveryQueue", event).await;
    }
    let sqs = stack.sqs();
    let queue = stack.output("DeliveryQueueUrl").unwrap();
    sqs.send_message()
        .queue_url(queue)
        .message_body("poison")
        .send()
        .await
        .unwrap();
    let began = Instant::now();
    while (said(consumer.stored).await, said(consumer.gap).await) != (1, 1) {
        let log = stack.logs_of(&log).await.unwrap_or_default();
        assert!(
            began.elapsed() < DEADLINE,
            "{} has not processed its events:\n{log}",
            consumer.name
        );
        tokio::time::sleep(POLL_INTERVAL).await;
    }

    for event in &events {
        world.put_back("DeliveryQueue", event).await;
    }
    let undelivered = world.receive("UndeliveredQueue", 1).await;
    assert_eq!(undelivered[0].body, "poison");
    world.hold("DeliveryQueue", 0).await;
    world.hold("UndeliveredQueue", 0).await;
    assert_eq!(
        (said(consumer.stored).await, said(consumer.gap).await),
        (1, 1),
        "a repeat was processed"
    );
    stack.remove_beside(consumer.name).unwrap();
}

/// The consumer in Python, with Powertools. What that depends on is in the runtime, of AWS Lambda and of MiniStack.
fn python(stack: &Stack) -> Consumer {
    let folder = stack.folder().join("consumer-python");
    fs::create_dir_all(&folder).unwrap();
    let source = tools::root().join("docs/consuming/python");
    fs::copy(source.join("consumer.py"), folder.join("consumer.py")).unwrap();
    let line = format!(
        "python3 -m pip install --quiet --disable-pip-version-check --no-deps --target '{}' --requirement '{}'",
        folder.display(),
        source.join("requirements.txt").display()
    );
    run(&mut stack.shell(&line));
    Consumer {
        name: "consumer-python",
        template: template(&source, &folder),
        stored: "\"Store the resource\"",
        gap: "\"Notifications were lost\"",
    }
}

/// The consumer in Rust, as cargo builds it.
fn rust(stack: &Stack) -> Consumer {
    let folder = stack.folder().join("consumer-rust");
    fs::create_dir_all(&folder).unwrap();
    let source = tools::root().join("docs/consuming/rust");
    let target = tools::target().join("consumer-rust");
    let line = format!(
        "cargo build --quiet --locked --target host-tuple --manifest-path '{}' --target-dir '{}'",
        source.join("Cargo.toml").display(),
        target.display()
    );
    run(stack.shell(&line).current_dir(tools::root()));
    let built = fs::read_dir(&target)
        .unwrap()
        .map(|entry| entry.unwrap().path().join("debug/consumer"));
    let built = built
        .filter(|path| path.exists())
        .max_by_key(|path| path.metadata().unwrap().modified().unwrap());
    fs::copy(built.unwrap(), folder.join("bootstrap")).unwrap();
    Consumer {
        name: "consumer-rust",
        template: template(&source, &folder),
        stored: ": store ",
        gap: " has a gap since ",
    }
}

/// Writes the consumer's template for this machine, and returns where.
fn template(source: &Path, folder: &Path) -> PathBuf {
    let text = fs::read_to_string(source.join("template.yaml")).unwrap();
    let text = text.replace("CodeUri: .", &format!("CodeUri: {}", folder.display()));
    let path = folder.with_extension("yaml");
    fs::write(&path, text).unwrap();
    path
}

#[track_caller]
fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
}
