//! `sam local`: the functions in containers, and a running stack around them.
//!
//! The SAM CLI finds everything by itself: `samconfig.toml` names the files that are written here. The template is the one
//! that was built and deployed; only what it says of the processor and of the place of the code is for this machine.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::{self as stack, Function, Pair};
use graph_simulator::SimulatorError;

mod door;
mod engine;
mod events;
mod template;

pub use engine::Engine;
pub use events::write_events;

use door::Door;

/// The files and the open doors; containers no longer reach the stack when it is dropped.
#[derive(Debug)]
pub struct Local {
    _doors: [Door; 2],
}

impl Local {
    /// Writes the template and the functions' environment into `folder`, and lets containers reach the stack.
    ///
    /// # Errors
    ///
    /// The stack does not answer, or a file cannot be written.
    pub async fn open(pair: &Pair, engine: &Engine, folder: &Path) -> Result<Self, Error> {
        let (aws, simulator) = (pair.stack.endpoint_url(), pair.simulator.base_url());
        fs::create_dir_all(folder).map_err(stack::Error::io(format!("creating {}", folder.display())))?;
        let code = pair.stack.build_folder();
        let built = code.join("template.yaml");
        let built =
            fs::read_to_string(&built).map_err(stack::Error::io(format!("reading {}", built.display())))?;
        let template = template::localized(&built, stack::architecture()?, &code);
        write(&folder.join("template.yaml"), &template)?;
        let environment = environment(pair).await?;
        write(&folder.join("env.json"), &in_lines(&environment))?;
        let doors = [
            Door::open(engine, aws).await?,
            Door::open(engine, &simulator).await?,
        ];
        Ok(Self { _doors: doors })
    }
}

/// Why `sam local` cannot be prepared.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The stack.
    #[error(transparent)]
    Stack(#[from] stack::Error),
    /// The simulator.
    #[error(transparent)]
    Simulator(#[from] SimulatorError),
    /// The stack did not pass a notification on.
    #[error("{0} did not get to its queue")]
    NotQueued(&'static str),
}

/// Returns the folder that `samconfig.toml` names.
#[must_use]
pub fn folder() -> PathBuf {
    tools::root().join("target").join("local")
}

/// Returns docs/local.md's commands for `sam local`, in their order.
pub fn commands() -> impl Iterator<Item = &'static str> {
    let section = PAGE.split_once(SECTION).map_or("", |(_, rest)| rest);
    let section = section.split("\n## ").next().unwrap_or_default();
    section.lines().filter_map(|line| line.strip_prefix("$ "))
}

/// Returns the functions' variables by their names in the template: those that they are deployed with, with this machine
/// named as containers know it, and what Lambda or MiniStack adds to them.
async fn environment(pair: &Pair) -> Result<BTreeMap<&'static str, BTreeMap<String, String>>, stack::Error> {
    let (aws, simulator) = (pair.stack.endpoint_url(), pair.simulator.base_url());
    let mut environment = BTreeMap::new();
    for function in Function::ALL {
        let mut variables = pair.stack.environment(function).await?;
        // Containers have root certificates of their own, where the template says.
        variables.remove("SSL_CERT_FILE");
        for endpoint in variables.values_mut().filter(|value| **value == simulator) {
            *endpoint = door::seen_from_inside(&simulator);
        }
        let [endpoint, key, secret, session, region] = template::VARIABLES;
        variables.extend([
            (endpoint.to_owned(), door::seen_from_inside(aws)),
            (key.to_owned(), stack::ACCESS_KEY.to_owned()),
            (secret.to_owned(), stack::ACCESS_KEY.to_owned()),
            // The SAM CLI would pass on that of an account that the user is signed in to.
            (session.to_owned(), String::new()),
            (region.to_owned(), stack::REGION.to_owned()),
        ]);
        environment.insert(function.logical_id(), variables);
    }
    Ok(environment)
}

/// Returns JSON for people to read.
fn in_lines(value: &impl Serialize) -> String {
    // Only a map with keys that are not text has no JSON.
    serde_json::to_string_pretty(value).unwrap_or_default() + "\n"
}

/// Writes a file.
fn write(path: &Path, text: &str) -> Result<(), stack::Error> {
    fs::write(path, text).map_err(stack::Error::io(format!("writing {}", path.display())))
}

/// Where the commands are written down.
const PAGE: &str = include_str!("../../../docs/local.md");

/// Heading of the part of it that is about them.
const SECTION: &str = "\n## Run the functions locally with `sam local`\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_settings_of_the_sam_cli_name_the_files_that_are_written() {
        let settings = fs::read_to_string(tools::root().join("samconfig.toml")).unwrap();
        for command in ["local_invoke", "local_start_api", "local_start_lambda"] {
            let (_, section) = settings
                .split_once(&format!("[default.{command}.parameters]\n"))
                .unwrap();
            let section = section.split("\n[").next().unwrap();
            for line in [
                "template_file = \"target/local/template.yaml\"",
                "env_vars = \"target/local/env.json\"",
                &format!("add_host = \"{}:host-gateway\"", door::HOST),
            ] {
                assert!(
                    section.lines().any(|found| found == line),
                    "{command} lacks {line}"
                );
            }
        }
    }
}
