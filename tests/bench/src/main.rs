//! `cargo bench-all`: measures the functions beside the alternatives that a user could deploy.
//!
//! CPU time is compared where possible, because it depends least on other programs. Contenders take turns, so that a
//! slow minute affects all of them. A figure is the median of the turns, a ratio the median of each turn's ratio. A
//! contender with wrong results is an error and not a row.
#![expect(
    clippy::indexing_slicing,
    reason = "JSON values are indexed by name, which gives null for what is not there"
)]

mod artefacts;
mod aws;
mod cost;
mod decrypt;
mod decryption;
mod end_to_end;
mod inbox;
mod instructions;
mod lambda;
mod limits;
mod options;
mod peers;
mod process;
mod renewal;
mod samples;
mod table;
mod webhook;
mod world;

use std::{error::Error, fs, process::ExitCode};

use self::{
    artefacts::Artefacts,
    options::{Measurement, Options},
    table::Table,
    world::World,
};

/// An error of any kind, which ends the run.
type BoxError = Box<dyn Error + Send + Sync>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let options = match Options::parse() {
        Ok(Some(options)) => options,
        Ok(None) => {
            print!("{}", options::HELP);
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("bench-all: {error}\nTry --help.");
            return ExitCode::from(2);
        }
    };
    match run(&options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-all: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: &Options) -> Result<(), BoxError> {
    if options.only == Some(Measurement::Limits) {
        // Nothing has to be built for this.
        let folder = tools::target().join("bench");
        fs::create_dir_all(&folder)?;
        let mut table = Table::new(options, Vec::new());
        limits::measure(options, &mut table)?;
        table.write(&folder)?;
        print!("{table}");
        return Ok(());
    }
    let artefacts = Artefacts::build(options)?;
    let mut table = Table::new(options, artefacts.left_out.clone());
    if options.wants(Measurement::Decrypt) {
        decrypt::measure(options, &artefacts, &mut table)?;
        table.write(&artefacts.folder)?;
    }
    let with_world = [
        Measurement::Webhook,
        Measurement::Decryption,
        Measurement::EndToEnd,
        Measurement::Cost,
        Measurement::Instructions,
    ];
    if with_world.iter().any(|one| options.wants(*one)) {
        options.say("Subscribing: our renewal against the simulator of Microsoft Graph");
        let world = World::create(&artefacts).await?;
        if options.wants(Measurement::Webhook) {
            webhook::measure(options, &artefacts, &world, &mut table).await?;
            table.write(&artefacts.folder)?;
        }
        // Only by name: valgrind is not on every machine, and the times of the other rows say what a user pays.
        if options.only == Some(Measurement::Instructions) {
            instructions::measure(options, &artefacts, &world, &mut table).await?;
            table.write(&artefacts.folder)?;
        }
        if options.wants(Measurement::Decryption) {
            decryption::measure(options, &artefacts, &world, &mut table).await?;
            table.write(&artefacts.folder)?;
        }
        if options.wants(Measurement::Cost) {
            cost::measure(options, &artefacts, &world, &mut table).await?;
            table.write(&artefacts.folder)?;
        }
        if options.wants(Measurement::EndToEnd) {
            end_to_end::in_memory::measure(options, &artefacts, &world, &mut table).await?;
            table.write(&artefacts.folder)?;
        }
    }
    if options.wants(Measurement::Renewal) {
        renewal::measure(options, &artefacts, &mut table).await?;
        table.write(&artefacts.folder)?;
    }
    if options.wants(Measurement::Limits) {
        limits::measure(options, &mut table)?;
        table.write(&artefacts.folder)?;
    }
    if options.page && options.only.is_none() && !options.quick {
        table.put_into(&tools::root().join("docs/performance.md"))?;
    }
    print!("{table}");
    Ok(())
}
