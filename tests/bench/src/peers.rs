//! The webhook and its peers, and the checks that each has to pass before it is measured.

use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

use crate::{
    BoxError,
    artefacts::{Artefacts, peers},
    lambda::{Function, Program},
    table::SAME_BYTES,
    world::{World, http_event},
};

/// Returns this project's webhook and its peers, in this order.
pub fn webhooks(artefacts: &Artefacts, world: &World) -> Vec<Program> {
    let program = |name, command: &[&str], environment: &[(&str, String)]| Program {
        name,
        command: command.iter().map(|&part| part.to_owned()).collect(),
        environment: environment
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .chain(world.webhook_settings())
            .collect(),
    };
    let python = artefacts.python.display().to_string();
    let sources = peers().join("python").display().to_string();
    let mut programs = vec![
        artefacts.program("ours", "webhook", world.webhook_settings()),
        program(
            "Python",
            &[&python, "-m", "awslambdaric", "webhook.handler"],
            &[
                ("PYTHONPATH", sources),
                ("_HANDLER", "webhook.handler".to_owned()),
                (
                    "PYTHONPYCACHEPREFIX",
                    artefacts.folder.join("python/cache").display().to_string(),
                ),
            ],
        ),
    ];
    if artefacts.has_node {
        let bundle = artefacts.folder.join("node/dist/index.mjs").display().to_string();
        programs.push(program(
            "Node.js",
            &["node", &bundle],
            &[("NODE_ENV", "production".to_owned())],
        ));
    }
    programs
}

/// Returns the bare webhook, which only passes items on. It shows what the packages cost and is no contender.
pub fn bare(artefacts: &Artefacts, world: &World) -> Program {
    artefacts.program("bare", "bare", world.webhook_settings())
}

/// Returns the bare webhook whose messages are as long as those of our webhook, with the same attributes: what storing them
/// costs whoever keeps them from being forged, lost or taken for others.
pub async fn same_bytes(artefacts: &Artefacts, world: &World) -> Result<Program, BoxError> {
    let frames = frames(artefacts, world).await?.to_string();
    let settings = world.webhook_settings().into_iter();
    let settings = settings.chain([("FRAMES".to_owned(), frames)]);
    Ok(artefacts.program(SAME_BYTES, "bare", settings))
}

/// Returns what stands around the items in the messages of our webhook.
async fn frames(artefacts: &Artefacts, world: &World) -> Result<Value, BoxError> {
    let programs = webhooks(artefacts, world);
    let ours = programs.first().ok_or("there is no webhook")?;
    let function = Function::start(ours, &world.aws.url, artefacts.log(ours.name)?).await?;
    answer(&function, "", &world.rich(1, 1_300).await?).await?;
    answer(&function, "", &world.basic(1).await?).await?;
    let frame = |queue: &str| {
        let message = world.aws.last(queue);
        let body = message["MessageBody"].as_str().unwrap_or_default();
        let item = serde_json::from_str::<Item<'_>>(body)
            .ok()
            .map(|item| item.item.get());
        let (before, after) = item.and_then(|item| body.split_once(item)).unwrap_or((body, ""));
        let attributes = message["MessageAttributes"].as_object().into_iter().flatten();
        let attributes: Vec<_> = attributes
            .map(|(name, value)| (name, &value["StringValue"]))
            .collect();
        json!({"before": before, "after": after, "has_item": item.is_some(), "attributes": attributes,
            "group": message["MessageGroupId"]})
    };
    Ok(json!({"item": frame("notifications"), "event": frame("delivery")}))
}

/// The item in a message.
#[derive(Deserialize)]
struct Item<'a> {
    #[serde(borrow)]
    item: &'a RawValue,
}

/// Checks that a POST makes calls of nearly the same size as ours.
pub async fn check_same_bytes(
    program: &Program,
    artefacts: &Artefacts,
    world: &World,
) -> Result<(), BoxError> {
    let programs = webhooks(artefacts, world);
    let ours = programs.first().ok_or("there is no webhook")?;
    for (queue, body) in [
        ("notifications", world.rich(11, 1_300).await?),
        ("delivery", world.basic(11).await?),
    ] {
        let mut sent = Vec::new();
        for program in [ours, program] {
            let function = Function::start(program, &world.aws.url, artefacts.log(program.name)?).await?;
            let before = world.aws.bytes(queue);
            answer(&function, "", &body).await?;
            sent.push(world.aws.bytes(queue) - before);
        }
        let [ours, other] = sent.as_slice() else { continue };
        if *ours == 0 || ours.abs_diff(*other) * 100 > *ours {
            return Err(format!(
                "calls for {queue} have {ours} bytes, and those of {} {other}",
                program.name
            )
            .into());
        }
    }
    Ok(())
}

/// Checks that a handshake is answered, and that items are passed on unchanged.
pub async fn check_bare(program: &Program, artefacts: &Artefacts, world: &World) -> Result<(), BoxError> {
    let function = Function::start(program, &world.aws.url, artefacts.log(program.name)?).await?;
    check_handshake(&function).await?;
    let kinds = [
        ("notifications", world.rich(11, 1_300).await?),
        ("delivery", world.basic(11).await?),
    ];
    for (queue, items) in kinds {
        let mut messages = world.aws.read(queue);
        let items: Value = serde_json::from_str(&items)?;
        let answers = [
            answer(&function, "", &items.to_string()).await?,
            answer(&function, "", &forged(&items["value"][0], 5).to_string()).await?,
        ];
        world.aws.stop_reading(queue);
        let mut arrived = Vec::new();
        while let Ok(message) = messages.try_recv() {
            arrived.push(serde_json::from_str::<Value>(&message)?);
        }
        let items = items["value"].as_array().map(Vec::as_slice).unwrap_or_default();
        let all = items.iter().all(|item| arrived.contains(item)) && items.len() == arrived.len();
        if !all || answers.iter().any(|answer| answer["statusCode"] != 202) {
            return Err(format!(
                "{} does not pass on to {queue} what it gets: {answers:?}",
                program.name
            )
            .into());
        }
    }
    Ok(())
}

/// Checks that a webhook works.
pub async fn check(program: &Program, artefacts: &Artefacts, world: &World) -> Result<(), BoxError> {
    let function = Function::start(program, &world.aws.url, artefacts.log(program.name)?).await?;
    let wrong =
        |what: &str, got: &Value| format!("the webhook of {} is wrong: {what}, got {got}", program.name);

    check_handshake(&function).await?;
    let mut messages = world.aws.read("notifications");
    let items = world.rich(11, 1_300).await?;
    let stored = answer(&function, "", &items).await?;
    let sent: Value = serde_json::from_str(&items)?;
    let mut arrived = Vec::new();
    while let Ok(message) = messages.try_recv() {
        let message: Value = serde_json::from_str(&message)?;
        if message["subscription"] != "rich" || message["validationTokens"] != sent["validationTokens"] {
            return Err(wrong(
                "a message tells the subscription and carries the tokens",
                &message,
            )
            .into());
        }
        arrived.push(message["item"].clone());
    }
    let every = |item: &Value| arrived.contains(item);
    let all = sent["value"]
        .as_array()
        .is_some_and(|items| items.iter().all(every) && items.len() == arrived.len());
    if stored["statusCode"] != 202 || !all {
        return Err(wrong("every item becomes one message", &stored).into());
    }
    let forged = forged(&sent["value"][0], 5).to_string();
    let refused = answer(&function, "", &forged).await?;
    if refused["statusCode"] != 202 || messages.try_recv().is_ok() {
        return Err(wrong("forged items are answered 202 and stored nowhere", &refused).into());
    }
    world.aws.set_down(true);
    let unstored = answer(&function, "", &items).await;
    world.aws.set_down(false);
    let unstored = unstored?;
    if unstored["statusCode"] != 503 {
        return Err(wrong("what is not stored is answered 503", &unstored).into());
    }
    world.aws.stop_reading("notifications");
    Ok(())
}

/// Checks that a handshake is answered with the decoded token.
async fn check_handshake(function: &Function) -> Result<(), BoxError> {
    let echo = answer(function, "s=a&validationToken=Validation%3a+a%20b", "").await?;
    if echo["statusCode"] == 200 && echo["body"] == "Validation: a b" {
        return Ok(());
    }
    let name = function.name;
    Err(
        format!("the webhook of {name} does not answer a handshake with the decoded token, but {echo}")
            .into(),
    )
}

/// Returns the body of a POST with forged client states.
pub fn forged(item: &Value, items: usize) -> Value {
    let mut item = item.clone();
    let client_state = item["clientState"].as_str().unwrap_or_default();
    item["clientState"] = json!(format!("forged-{client_state}"));
    json!({"value": vec![item; items]})
}

async fn answer(function: &Function, query: &str, body: &str) -> Result<Value, BoxError> {
    Ok(serde_json::from_str(
        &function.invoke(http_event(query, body)).await?,
    )?)
}
