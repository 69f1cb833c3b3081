//! `sam local`: the functions in containers, connected to a running stack.
//!
//! The SAM CLI finds everything by itself, because `samconfig.toml` names the files that are written here. The template
//! is the deployed one; only its processor and the paths of the code are changed for this machine.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::{self as stack, Function, Pair};
use graph_simulator::SimulatorError;

mod container_proxy;
mod engine;
mod events;
mod template;

pub use engine::Engine;
pub use events::write_events;

use container_proxy::ContainerProxy;

/// The files, and the doors for containers. When it is dropped, containers can no longer reach the stack.
#[derive(Debug)]
pub struct Local {
    _proxies: [ContainerProxy; 2],
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
        let proxies = [
            ContainerProxy::open(engine, aws).await?,
            ContainerProxy::open(engine, &simulator).await?,
        ];
        Ok(Self { _proxies: proxies })
    }
}

/// Why `sam local` cannot be prepared.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The stack failed.
    #[error(transparent)]
    Stack(#[from] stack::Error),
    /// The simulator failed.
    #[error(transparent)]
    Simulator(#[from] SimulatorError),
    /// The stack did not store a notification in its queue.
    #[error("{0} did not get to its queue")]
    NotQueued(&'static str),
}

/// Returns the folder that `samconfig.toml` names.
#[must_use]
pub fn folder() -> PathBuf {
    tools::root().join("target").join("local")
}

/// Returns the commands for `sam local` in docs/local.md, in order.
pub fn commands() -> impl Iterator<Item = &'static str> {
    let section = PAGE.split_once(SECTION).map_or("", |(_, rest)| rest);
    let section = section.split("\n## ").next().unwrap_or_default();
    section.lines().filter_map(|line| line.strip_prefix("$ "))
}

/// Returns the functions' variables by their names in the template: the deployed ones, with the address of this machine
/// as containers see it, and those that Lambda or MiniStack adds.
async fn environment(pair: &Pair) -> Result<BTreeMap<&'static str, BTreeMap<String, String>>, stack::Error> {
    let (aws, simulator) = (pair.stack.endpoint_url(), pair.simulator.base_url());
    let mut environment = BTreeMap::new();
    for function in Function::ALL {
        let mut variables = pair.stack.environment(function).await?;
        // Containers have root certificates of their own, at the path in the template.
        variables.remove("SSL_CERT_FILE");
        for endpoint in variables.values_mut().filter(|value| **value == simulator) {
            *endpoint = container_proxy::url_in_containers(&simulator);
        }
        let [endpoint, key, secret, session, region] = template::VARIABLES;
        variables.extend([
            (endpoint.to_owned(), container_proxy::url_in_containers(aws)),
            (key.to_owned(), stack::ACCESS_KEY.to_owned()),
            (secret.to_owned(), stack::ACCESS_KEY.to_owned()),
            // Otherwise the SAM CLI would pass on the session token of the user's own account.
            (session.to_owned(), String::new()),
            (region.to_owned(), stack::REGION.to_owned()),
        ]);
        environment.insert(function.logical_id(), variables);
    }
    Ok(environment)
}

/// Returns indented JSON.
fn in_lines(value: &impl Serialize) -> String {
    // This fails only for maps whose keys are not text.
    serde_json::to_string_pretty(value).unwrap_or_default() + "\n"
}

/// Writes a file.
fn write(path: &Path, text: &str) -> Result<(), stack::Error> {
    fs::write(path, text).map_err(stack::Error::io(format!("writing {}", path.display())))
}

/// The page with the commands.
const PAGE: &str = include_str!("../../../docs/local.md");

/// The heading of its section about the commands.
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
                &format!("add_host = \"{}:host-gateway\"", container_proxy::HOST),
            ] {
                assert!(
                    section.lines().any(|found| found == line),
                    "{command} lacks {line}"
                );
            }
        }
    }
}
