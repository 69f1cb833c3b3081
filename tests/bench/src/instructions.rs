//! The instructions of a POST, as valgrind counts them: the same on a busy machine as on a quiet one.
//!
//! Each program runs twice, with few POSTs and with more. The difference leaves out the start and the first call.

use std::{fs, path::Path};

use serde_json::Value;

use crate::{
    BoxError,
    artefacts::Artefacts,
    lambda::{Function, Program},
    options::Options,
    peers::{bare, check_same_bytes, same_bytes, webhooks},
    samples::Samples,
    table::{Goal, SAME_BYTES, Table, Unit},
    world::{World, http_event},
};

/// Counts the instructions of the webhook, of the bare one, and of the one with as long messages.
pub async fn measure(
    options: &Options,
    artefacts: &Artefacts,
    world: &World,
    table: &mut Table,
) -> Result<(), BoxError> {
    let ours = webhooks(artefacts, world)
        .into_iter()
        .next()
        .ok_or("there is no webhook")?;
    let same_bytes = same_bytes(artefacts, world).await?;
    check_same_bytes(&same_bytes, artefacts, world).await?;
    let programs = [ours, bare(artefacts, world), same_bytes];
    for items in [1, 10, 100] {
        let (basic, rich) = (world.basic(items).await?, world.rich(items, 1_300).await?);
        for (kind, body) in [("basic", basic), ("rich", rich)] {
            options.say(&format!(
                "Counting the instructions of a POST of {items} {kind} items"
            ));
            let mut samples = Samples::new(&programs.each_ref().map(|program| program.name));
            for (index, program) in programs.iter().enumerate() {
                let name = format!("{}-{items}-{kind}", program.name.replace(' ', "-"));
                let profile = artefacts.folder.join("callgrind").join(name);
                samples.add(index, per_post(program, world, &body, &profile, artefacts).await?);
            }
            let what = format!("Webhook: POST of {items} {kind}, SQS included, instructions");
            let goals = [Goal::AtMost(SAME_BYTES, 1.15), Goal::Told("bare")];
            table.compare(&what, Unit::Number, &samples, &goals);
        }
    }
    Ok(())
}

/// Returns the instructions of one POST. The profile of the longer run stays.
async fn per_post(
    program: &Program,
    world: &World,
    body: &str,
    profile: &Path,
    artefacts: &Artefacts,
) -> Result<f64, BoxError> {
    let few = instructions(program, world, body, FEW, profile, artefacts).await?;
    let many = instructions(program, world, body, MANY, profile, artefacts).await?;
    Ok((many - few) / f64::from(MANY - FEW))
}

/// Returns the instructions of a process that answers so many POSTs.
async fn instructions(
    program: &Program,
    world: &World,
    body: &str,
    posts: u32,
    profile: &Path,
    artefacts: &Artefacts,
) -> Result<f64, BoxError> {
    fs::create_dir_all(profile.parent().unwrap_or(profile))?;
    let valgrind = [
        "valgrind".to_owned(),
        "--tool=callgrind".to_owned(),
        format!("--callgrind-out-file={}", profile.display()),
    ];
    let counted = Program {
        command: valgrind.into_iter().chain(program.command.clone()).collect(),
        ..program.clone()
    };
    let mut function = Function::start(&counted, &world.aws.url, artefacts.log("valgrind")?).await?;
    let event = http_event("", body);
    for _ in 0..posts {
        let answer: Value = serde_json::from_str(&function.invoke(event.clone()).await?)?;
        if answer["statusCode"] != 202 {
            return Err(format!("a webhook under valgrind answers {answer}").into());
        }
    }
    function.end()?;
    let written = fs::read_to_string(profile)?;
    let total = written.lines().find_map(|line| line.strip_prefix("totals: "));
    Ok(total
        .ok_or("valgrind has not counted; see target/bench/logs")?
        .trim()
        .parse()?)
}

/// How many POSTs the two runs have. The first POSTs read the secret, open a connection and fill buffers.
const FEW: u32 = 5;
const MANY: u32 = 25;
