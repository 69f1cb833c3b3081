//! The webhook: start, memory, size and CPU time.

use std::{fs, path::Path, process::Command};

use serde_json::Value;

use crate::{
    BoxError,
    artefacts::{Artefacts, peers as sources},
    lambda::{Function, Program},
    options::Options,
    peers::{bare, check, check_bare, check_same_bytes, forged, same_bytes, webhooks},
    samples::Samples,
    table::{Goal, SAME_BYTES, Table, Unit},
    world::{World, http_event},
};

/// Compares with the same webhook in Python and on Node.js.
pub async fn measure(
    options: &Options,
    artefacts: &Artefacts,
    world: &World,
    table: &mut Table,
) -> Result<(), BoxError> {
    let mut programs = webhooks(artefacts, world);
    for program in &programs {
        options.say(&format!("Checking the webhook: {}", program.name));
        check(program, artefacts, world).await?;
    }
    let bare = bare(artefacts, world);
    check_bare(&bare, artefacts, world).await?;
    programs.insert(1, bare);
    let same_bytes = same_bytes(artefacts, world).await?;
    check_same_bytes(&same_bytes, artefacts, world).await?;
    let bench = Bench {
        options,
        artefacts,
        world,
        programs,
    };
    bench.start(table).await?;
    let functions = bench.functions().await?;
    let same_bytes = bench.function(&same_bytes).await?;
    bench.work(&functions, &same_bytes, table).await?;
    drop((functions, same_bytes));
    bench.memory(table).await?;
    bench.size(table)
}

struct Bench<'a> {
    options: &'a Options,
    artefacts: &'a Artefacts,
    world: &'a World,
    programs: Vec<Program>,
}

impl Bench<'_> {
    fn samples(&self) -> Samples {
        Samples::new(
            &self
                .programs
                .iter()
                .map(|program| program.name)
                .collect::<Vec<_>>(),
        )
    }

    async fn function(&self, program: &Program) -> Result<Function, BoxError> {
        Function::start(program, &self.world.aws.url, self.artefacts.log(program.name)?).await
    }

    async fn functions(&self) -> Result<Vec<Function>, BoxError> {
        let mut functions = Vec::new();
        for program in &self.programs {
            functions.push(self.function(program).await?);
        }
        Ok(functions)
    }

    async fn start(&self, table: &mut Table) -> Result<(), BoxError> {
        self.options.say("Starting the webhook again and again");
        let handshake = http_event("validationToken=abc", "");
        let (mut poll, mut answer, mut cpu) = (self.samples(), self.samples(), self.samples());
        for _ in 0..self.options.turns(15) {
            for (index, program) in self.programs.iter().enumerate() {
                let function = self.function(program).await?;
                poll.add_time(index, function.start_time);
                let echo = function.invoke(handshake.clone()).await?;
                answer.add_time(index, function.age());
                cpu.add_time(index, function.cpu_time()?);
                let echo: Value = serde_json::from_str(&echo)?;
                if echo["statusCode"] != 200 || echo["body"] != "abc" {
                    return Err(format!("{} answers a handshake with {echo}", program.name).into());
                }
            }
        }
        table.compare(
            "Webhook: process start to first poll",
            Unit::Time,
            &poll,
            &NEAR_BARE,
        );
        table.compare(
            "Webhook: process start to first answered handshake",
            Unit::Time,
            &answer,
            &NEAR_BARE,
        );
        table.compare(
            "Webhook: CPU from start to first answered handshake",
            Unit::Time,
            &cpu,
            &NEAR_BARE,
        );
        Ok(())
    }

    async fn work(
        &self,
        functions: &[Function],
        same_bytes: &Function,
        table: &mut Table,
    ) -> Result<(), BoxError> {
        let functions: Vec<&Function> = functions.iter().collect();
        let mut storing = functions.clone();
        storing.insert(2, same_bytes);
        for items in [1, 10, 100] {
            let (basic, rich) = (
                self.world.basic(items).await?,
                self.world.rich(items, 1_300).await?,
            );
            for (kind, body) in [("basic", basic), ("rich", rich)] {
                self.options
                    .say(&format!("Webhook: POSTs of {items} {kind} items"));
                let posts = self.options.repeats(400 / (items + 3) + 20);
                let samples = self.posts(&storing, &body, posts).await?;
                let what = format!("Webhook: POST of {items} {kind}, SQS included, CPU");
                table.compare(&what, Unit::Time, &samples, &STORING);
                let refused = self.refusals(&functions, &body, items, posts).await?;
                let what = format!("Webhook: POST of {items} {kind}, up to the SQS call, CPU");
                table.compare(&what, Unit::Time, &refused, &[Goal::Told("bare"), AHEAD]);
            }
        }
        self.options.say("Webhook: POSTs of 5,000 forged items");
        let samples = self
            .refusals(&functions, &self.world.basic(1).await?, 5_000, 5)
            .await?;
        let what = "Webhook: refusing 5,000 forged items in one POST, CPU";
        table.compare(what, Unit::Time, &samples, &[AHEAD]);
        Ok(())
    }

    /// Returns the CPU time of a POST with items like the first of `genuine`, but forged: all of the work except
    /// storing.
    async fn refusals(
        &self,
        functions: &[&Function],
        genuine: &str,
        items: usize,
        posts: usize,
    ) -> Result<Samples, BoxError> {
        let stored = || ["notifications", "delivery"].map(|queue| self.world.aws.stored(queue));
        let before = stored();
        let genuine: Value = serde_json::from_str(genuine)?;
        let forged = forged(&genuine["value"][0], items).to_string();
        let samples = self.posts(functions, &forged, posts).await?;
        if stored() != before {
            return Err("a forged item is stored".into());
        }
        Ok(samples)
    }

    /// Returns the CPU time of one POST.
    async fn posts(&self, functions: &[&Function], body: &str, posts: usize) -> Result<Samples, BoxError> {
        let event = http_event("", body);
        let names: Vec<_> = functions.iter().map(|function| function.name).collect();
        let mut samples = Samples::new(&names);
        for turn in 0..=self.options.turns(7) {
            for (index, function) in functions.iter().enumerate() {
                let before = function.cpu_time()?;
                for _ in 0..posts {
                    let answer: Value = serde_json::from_str(&function.invoke(event.clone()).await?)?;
                    if answer["statusCode"] != 202 {
                        return Err(format!("a webhook answers {answer}").into());
                    }
                }
                let spent = function.cpu_time()?.saturating_sub(before);
                // The first turn only fills caches and warms up compilers.
                if turn > 0 {
                    samples.add_time(index, spent / u32::try_from(posts)?);
                }
            }
        }
        Ok(samples)
    }

    async fn memory(&self, table: &mut Table) -> Result<(), BoxError> {
        self.options.say("Webhook: memory after 1,000 POSTs");
        let event = http_event("", &self.world.rich(1, 1_300).await?);
        let mut samples = self.samples();
        // Several processes, because the place in memory changes a figure by up to a twentieth.
        for _ in 0..self.options.turns(5) {
            for (index, function) in self.functions().await?.iter().enumerate() {
                for _ in 0..self.options.repeats(1_000) {
                    function.invoke(event.clone()).await?;
                }
                samples.add(index, to_float(function.resident()?));
            }
        }
        table.compare(
            "Webhook: resident memory after 1,000 POSTs",
            Unit::Bytes,
            &samples,
            &NEAR_BARE,
        );
        Ok(())
    }

    fn size(&self, table: &mut Table) -> Result<(), BoxError> {
        let mut samples = self.samples();
        let packages = self.artefacts.folder.join("python/lib");
        let node = self.artefacts.folder.join("node/dist/index.mjs");
        for (index, program) in self.programs.iter().enumerate() {
            let size = match program.name {
                "Python" => self.zip(&[&packages, &sources().join("python/webhook.py")])?,
                "Node.js" => self.zip(&[&node])?,
                "bare" => self.zip(&[&self.artefacts.function("bare")])?,
                _ => self.zip(&[&self.artefacts.function("webhook")])?,
            };
            samples.add(index, to_float(size));
        }
        table.compare("Webhook: size of the zip", Unit::Bytes, &samples, &[]);
        Ok(())
    }

    fn zip(&self, files: &[&Path]) -> Result<u64, BoxError> {
        let zip = self.artefacts.folder.join("size.zip");
        let mut python = Command::new(&self.artefacts.python);
        python.args(["-c", ZIP]).arg(&zip).args(files);
        if !python.status()?.success() {
            return Err("a zip cannot be made".into());
        }
        Ok(fs::metadata(zip)?.len())
    }
}

/// The other contenders.
const AHEAD: Goal = Goal::Ahead(&["Python", "Node.js"]);

/// What start and memory have to reach: near to what the packages cost alone, and ahead of every other contender.
const NEAR_BARE: [Goal; 2] = [Goal::AtMost("bare", 1.15), AHEAD];

/// What a POST with calls to SQS has to reach. The yardstick takes the same way: it stores the same messages in the same
/// queues. Plain *bare* stores two thirds of the bytes, as its messages have no proof, no seal, no id and no token. Its ratio
/// is told, because a part of it is what these bytes cost in calls to SQS.
const STORING: [Goal; 3] = [Goal::AtMost(SAME_BYTES, 1.15), Goal::Told("bare"), AHEAD];

#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "a size of some mebibytes"
)]
fn to_float(bytes: u64) -> f64 {
    bytes as f64
}

/// Packs files and, from the folder of an environment, the packages that the webhook needs and AWS Lambda's runtime
/// lacks. The runtime brings boto3.
const ZIP: &str = r#"
import pathlib, sys, zipfile
wanted = ("boto3", "botocore", "jmespath", "s3transfer", "dateutil", "six", "urllib3", "python_dateutil")
with zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
    for name in map(pathlib.Path, sys.argv[2:]):
        if name.is_file():
            archive.write(name, name.name)
            continue
        packages = next(name.glob("python*/site-packages"))
        for file in packages.rglob("*"):
            path = file.relative_to(packages)
            if file.is_file() and path.parts[0].startswith(wanted) and "__pycache__" not in path.parts:
                archive.write(file, path)
"#;
