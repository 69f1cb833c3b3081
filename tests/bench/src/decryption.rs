//! The decryption function: batches, handled by the deployed binary.

use std::time::Instant;

use serde_json::Value;

use crate::{
    BoxError,
    artefacts::Artefacts,
    lambda::Function,
    options::Options,
    peers::webhooks,
    samples::median,
    table::{Table, Unit},
    world::{World, http_event, sqs_event},
};

/// Measures batches of 10 and 100 messages with content of several sizes.
pub async fn measure(
    options: &Options,
    artefacts: &Artefacts,
    world: &World,
    table: &mut Table,
) -> Result<(), BoxError> {
    let decryption = world.start_decryption(artefacts).await?;
    for (items, bytes, name) in [
        (10, 1_300, "1.3 kB"),
        (100, 1_300, "1.3 kB"),
        (10, 28_000, "28 kB"),
        (100, 28_000, "28 kB"),
        (10, 200_000, "200 kB"),
    ] {
        options.say(&format!("Decryption: batches of {items} items of {name}"));
        let event = sqs_event(&messages(artefacts, world, items, bytes).await?);
        let (mut times, mut cores) = (Vec::new(), Vec::new());
        for turn in 0..=options.turns(7) {
            let (before, begun) = (decryption.cpu_time()?, Instant::now());
            let batches = options.repeats(200) / items + 1;
            for _ in 0..batches {
                deliver(&decryption, world, &event, items).await?;
            }
            let spent = decryption.cpu_time()?.saturating_sub(before);
            if turn > 0 {
                times.push((spent / u32::try_from(batches * items)?).as_secs_f64() * 1e6);
                cores.push(spent.as_secs_f64() / begun.elapsed().as_secs_f64());
            }
        }
        let time = median(&times);
        let remark = format!(
            "{:.0} items per CPU second; {:.2} processors busy",
            1e6 / time,
            median(&cores)
        );
        table.tell(
            &format!("Decryption: batch of {items}, {name}, CPU per item"),
            Unit::Time,
            time,
            &remark,
        );
    }
    second_processor(options, artefacts, world, table, &decryption).await?;
    table.tell(
        "Decryption: most memory",
        Unit::Number,
        mebibytes(decryption.peak()?),
        "MiB",
    );
    Ok(())
}

/// Measures how much a second processor speeds up a batch.
async fn second_processor(
    options: &Options,
    artefacts: &Artefacts,
    world: &World,
    table: &mut Table,
    decryption: &Function,
) -> Result<(), BoxError> {
    let items = 100;
    options.say("Decryption: with one processor, and with all");
    let event = sqs_event(&messages(artefacts, world, items, 1_300).await?);
    let on_one = world.start_decryption_on_one(artefacts).await?;
    let (mut times, mut ratios) = (Vec::new(), Vec::new());
    for turn in 0..=options.turns(7) {
        let time = async |function| -> Result<f64, BoxError> {
            let begun = Instant::now();
            deliver(function, world, &event, items).await?;
            Ok(begun.elapsed().as_secs_f64())
        };
        let (one, all) = (time(&on_one).await?, time(decryption).await?);
        if turn > 0 {
            times.push(all * 1e6);
            ratios.push(one / all);
        }
    }
    table.tell(
        &format!("Decryption: batch of {items}, 1.3 kB, from event to answer"),
        Unit::Time,
        median(&times),
        &format!("with one processor {:.2} × as long", median(&ratios)),
    );
    Ok(())
}

/// Gives a batch to the function, and checks that every item is delivered.
pub async fn deliver(function: &Function, world: &World, event: &str, items: usize) -> Result<(), BoxError> {
    let before = world.aws.stored("delivery");
    let answer: Value = serde_json::from_str(&function.invoke(event.to_owned()).await?)?;
    let failures = answer["batchItemFailures"].as_array().map_or(0, Vec::len);
    if failures > 0 || world.aws.stored("delivery") != before + items {
        return Err(format!("decryption does not deliver: {answer}").into());
    }
    Ok(())
}

/// Returns the messages that the webhook makes from a POST.
async fn messages(
    artefacts: &Artefacts,
    world: &World,
    items: usize,
    bytes: usize,
) -> Result<Vec<String>, BoxError> {
    let programs = webhooks(artefacts, world);
    let ours = programs.first().ok_or("there is no webhook")?;
    let webhook = Function::start(ours, &world.aws.url, artefacts.log(ours.name)?).await?;
    let mut queue = world.aws.read("notifications");
    webhook
        .invoke(http_event("", &world.rich(items, bytes).await?))
        .await?;
    world.aws.stop_reading("notifications");
    let mut messages = Vec::new();
    while let Some(message) = queue.recv().await {
        messages.push(message);
    }
    Ok(messages)
}

#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "some mebibytes"
)]
fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / 1_048_576.0
}
