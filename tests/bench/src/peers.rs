//! The webhook and its peers, and the checks that each has to pass before it is measured.

use serde_json::{Value, json};

use crate::{
    BoxError,
    artefacts::{Artefacts, peers},
    lambda::{Function, Program},
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

/// Checks that items are passed on unchanged.
pub async fn check_bare(program: &Program, artefacts: &Artefacts, world: &World) -> Result<(), BoxError> {
    let function = Function::start(program, &world.aws.url, artefacts.log(program.name)?).await?;
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

    let echo = answer(&function, "s=a&validationToken=Validation%3a+a%20b", "").await?;
    if echo["statusCode"] != 200 || echo["body"] != "Validation: a b" {
        return Err(wrong("a handshake is answered with the decoded token", &echo).into());
    }
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
