//! The local stack: the real template, built and deployed by the SAM CLI on a local AWS.
//!
//! The first use sets everything up under `target/`: the SAM CLI, cargo-lambda and MiniStack in Python virtual
//! environments, the functions' binaries, and a MiniStack on a free port that ends with this process, however it ends.
//! Policies are enforced: a function can do exactly what the template allows.
//!
//! MiniStack is not AWS. It promises no times, it runs functions as programs of this machine and not in Amazon Linux on
//! its processors, and it accepts a second write to a secret with a used request token.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use serde_json::Value;

mod aws;
mod build;
mod checkout;
pub mod demo;
mod deploy;
mod error;
pub mod local;
mod machine;
mod microburst;
mod ministack;
mod pair;
mod policies;
pub mod price;
mod processes;
mod programs;
mod queues;
mod run;
mod supervised;

pub use aws::http_client;
pub use checkout::{Adopted, Checkout};
pub use error::Error;
pub use machine::root_certificates;
pub use microburst::{Calls, Microburst};
pub use pair::{NOTIFICATION_ORIGIN, Pair, shared};
pub use processes::Process;
pub use programs::Programs;
pub use queues::Message;
pub use supervised::Supervised;
pub use tools::{Profile, Progress};

pub(crate) use machine::architecture;

use aws::Aws;
use deploy::Deployment;
use ministack::Ministack;
use run::Run;
use tools::{EventSchema, Tools, command, root, target};

/// How a stack is built and deployed. Empty parameters of the template keep their defaults.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// How the functions are compiled.
    pub profile: Profile,
    /// `GraphEndpoint`.
    pub graph_endpoint: String,
    /// `LoginEndpoint`.
    pub login_endpoint: String,
    /// `NotificationUrlOverride`.
    pub notification_origin: String,
    /// `RenewalMinutes`.
    pub renewal_minutes: String,
    /// `LogLevel`.
    pub log_level: String,
    /// Whether microburst is between the functions and the local AWS. Without rules it passes every call on.
    pub unreliable: bool,
    /// Other parameters of the template, by name. They come last, so that they count.
    pub parameters: BTreeMap<&'static str, String>,
    /// What is deployed first: an unpacked release, or a checkout. [`Stack::upgrade`] deploys what is built here over it.
    pub earlier: Option<PathBuf>,
}

/// A deployed stack. It ends when it is dropped.
pub struct Stack {
    tools: Tools,
    options: Options,
    deployment: Deployment,
    microburst: Option<Microburst>,
    /// The validator, started with the first received event.
    schema: Mutex<Option<Arc<Mutex<EventSchema>>>>,
    // Dropped in this order: MiniStack writes to the run's folder until it has ended.
    ministack: Ministack,
    run: Run,
}

impl Stack {
    /// Builds the functions, starts MiniStack and deploys the template.
    ///
    /// # Errors
    ///
    /// A tool is missing or fails. The error names the tool and shows the end of its output.
    pub async fn start(options: &Options, progress: Progress) -> Result<Self, Error> {
        architecture()?;
        let (root, target) = (root(), target());
        let run = Run::start(&target)?;
        let tools = Tools::set_up(&target, progress)?;
        if let Some(earlier) = &options.earlier {
            let upgraded = upgraded(run.folder())?;
            build::build(&root, &target, &upgraded, &tools, options.profile, progress)?;
            build::earlier(earlier, &target, run.folder(), &tools, progress)?;
        } else {
            build::build(&root, &target, run.folder(), &tools, options.profile, progress)?;
        }
        let proxy = if options.unreliable {
            Some((tools.microburst(progress)?, ministack::free_port()?))
        } else {
            None
        };
        progress.say("Starting MiniStack");
        let port_of_proxy = proxy.as_ref().map(|(_, port)| *port);
        let ministack = Ministack::start(&tools, run.folder(), port_of_proxy).await?;
        let microburst = match proxy {
            Some((program, port)) => {
                Some(Microburst::start(&program, port, ministack.aws(), run.folder()).await?)
            }
            None => None,
        };
        progress.say("Running sam deploy");
        let deployment = deploy::deploy(&tools, ministack.aws(), run.folder(), STACK_NAME, options).await?;
        progress.say("The stack is up");
        Ok(Self {
            tools,
            options: options.clone(),
            deployment,
            microburst,
            schema: Mutex::default(),
            ministack,
            run,
        })
    }

    /// Deploys again with other parameters.
    ///
    /// # Errors
    ///
    /// `sam deploy` fails.
    pub async fn change(&mut self, options: &Options) -> Result<(), Error> {
        let (aws, folder) = (self.ministack.aws(), self.run.folder());
        self.deployment = deploy::deploy(&self.tools, aws, folder, STACK_NAME, options).await?;
        Ok(())
    }

    /// Deploys what is built here over what the stack was started with, with the same parameters, and returns what became of the
    /// resources: `removed ReadQueue`.
    ///
    /// # Errors
    ///
    /// `sam deploy` fails.
    pub async fn upgrade(&self) -> Result<Vec<String>, Error> {
        let (aws, folder) = (self.ministack.aws(), upgraded(self.run.folder())?);
        let now = deploy::deploy(&self.tools, aws, &folder, STACK_NAME, &self.options).await?;
        Ok(deploy::differences(&self.deployment.resources, &now.resources))
    }

    /// Deploys the same template as another stack beside this one, and returns the physical ids of both stacks'
    /// resources by logical id.
    ///
    /// # Errors
    ///
    /// `sam deploy` fails.
    pub async fn deploy_beside(
        &self,
        name: &str,
        options: &Options,
    ) -> Result<[BTreeMap<String, String>; 2], Error> {
        let (aws, folder) = (self.ministack.aws(), self.run.folder());
        let other = deploy::deploy(&self.tools, aws, folder, name, options).await?;
        Ok([self.deployment.resources.clone(), other.resources])
    }

    /// Returns the local AWS's description of each resource, by logical id.
    ///
    /// # Errors
    ///
    /// The local AWS does not describe a resource.
    pub fn described(&self) -> Result<BTreeMap<String, Value>, Error> {
        deploy::described(&self.tools, self.ministack.aws(), self.run.folder(), STACK_NAME)
    }

    /// Deploys a template of its own beside this stack, and returns the physical ids of its resources by their logical ids.
    ///
    /// # Errors
    ///
    /// `sam deploy` fails.
    pub async fn deploy_other(
        &self,
        name: &str,
        template: &Path,
        parameters: &BTreeMap<&'static str, String>,
    ) -> Result<BTreeMap<String, String>, Error> {
        let (aws, folder) = (self.ministack.aws(), self.run.folder());
        deploy::deploy_template(&self.tools, aws, folder, name, template, parameters).await
    }

    /// Returns what a log group holds.
    ///
    /// # Errors
    ///
    /// There is no such group, or `CloudWatch` Logs does not answer.
    pub async fn logs_of(&self, group: &str) -> Result<String, Error> {
        Ok(self.ministack.aws().log_lines(group).await?.join("\n"))
    }

    /// Deletes another stack.
    ///
    /// # Errors
    ///
    /// The stack cannot be deleted.
    pub fn remove_beside(&self, name: &str) -> Result<(), Error> {
        deploy::remove(&self.tools, self.ministack.aws(), self.run.folder(), name)
    }

    /// Deletes the stack. The local AWS goes on, with whatever it still contains.
    ///
    /// # Errors
    ///
    /// The stack cannot be deleted.
    pub fn remove(&self) -> Result<(), Error> {
        deploy::remove(&self.tools, self.ministack.aws(), self.run.folder(), STACK_NAME)
    }

    /// Returns the URL of the local AWS.
    #[must_use]
    pub fn endpoint_url(&self) -> &str {
        self.ministack.aws().url()
    }

    /// Returns the proxy between the functions and the local AWS.
    ///
    /// # Errors
    ///
    /// The stack was not started with `unreliable`.
    pub fn microburst(&self) -> Result<&Microburst, Error> {
        let microburst = self.microburst.as_ref();
        microburst.ok_or_else(|| Error::Absent("microburst".to_owned()))
    }

    /// Returns the process group of the local AWS, which includes the functions.
    #[must_use]
    pub fn process_group(&self) -> u32 {
        self.ministack.process_group()
    }

    /// Returns the programs that run a function now.
    ///
    /// # Errors
    ///
    /// The template has no such function.
    pub fn processes(&self, function: Function) -> Result<Vec<Process>, Error> {
        let name = self.resource(function.logical_id())?;
        Ok(processes::of(self.ministack.process_group(), name))
    }

    /// Returns the output folder of `sam build`.
    #[must_use]
    pub fn build_folder(&self) -> PathBuf {
        self.run.folder().join("build")
    }

    /// Returns the AWS operations that have been called so far, by any caller: `AmazonSQS.SendMessageBatch`.
    ///
    /// # Errors
    ///
    /// Their list cannot be read.
    pub fn requests(&self) -> Result<Vec<String>, Error> {
        let file = self.run.folder().join("requests.log");
        let text =
            std::fs::read_to_string(&file).map_err(Error::io(format!("reading {}", file.display())))?;
        Ok(text.lines().map(str::to_owned).collect())
    }

    /// Returns the folder with this run's files and logs.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.run.folder()
    }

    /// Returns a shell command that finds the SAM CLI.
    #[must_use]
    pub fn shell(&self, line: &str) -> Command {
        let mut shell = Command::new("sh");
        shell.args(["-c", line]).env_clear();
        shell
            .envs(command::clean_environment())
            .env("PATH", command::path_with(self.tools.sam_folder()))
            .envs(self.tools.sam_environment());
        shell
    }

    /// Returns an output of the template.
    ///
    /// # Errors
    ///
    /// The template has no such output.
    pub fn output(&self, name: &str) -> Result<&str, Error> {
        self.deployment
            .outputs
            .get(name)
            .map(String::as_str)
            .ok_or_else(|| Error::Absent(format!("output {name}")))
    }

    /// Returns the physical id of a resource of the template: for a queue the URL, otherwise the name.
    ///
    /// # Errors
    ///
    /// The template has no such resource.
    pub fn resource(&self, logical_id: &str) -> Result<&str, Error> {
        let found = self.deployment.resources.get(logical_id).map(String::as_str);
        found.ok_or_else(|| Error::Absent(format!("resource {logical_id}")))
    }

    /// Returns the URL of a path of the HTTP API.
    ///
    /// # Errors
    ///
    /// The template has no HTTP API.
    pub fn http_url(&self, path: &str) -> Result<String, Error> {
        Ok(format!(
            "{}/_aws/execute-api/{}/$default{path}",
            self.endpoint_url(),
            self.resource("HttpApi")?
        ))
    }

    /// Returns a client of Secrets Manager. It belongs to the runtime that uses it first, so every test takes its own.
    #[must_use]
    pub fn secrets(&self) -> aws_sdk_secretsmanager::Client {
        use aws_sdk_secretsmanager::config::{Credentials, Region};
        aws_sdk_secretsmanager::Client::from_conf(
            aws_sdk_secretsmanager::Config::builder()
                .behavior_version_latest()
                .region(Region::new(REGION))
                .endpoint_url(self.endpoint_url())
                .http_client(http_client())
                .credentials_provider(Credentials::new(ACCESS_KEY, ACCESS_KEY, None, None, "local"))
                .build(),
        )
    }

    /// Writes the configuration.
    ///
    /// # Errors
    ///
    /// Secrets Manager refuses.
    pub async fn write_config(&self, document: &Value) -> Result<(), Error> {
        let put = self
            .secrets()
            .put_secret_value()
            .secret_id(self.output("ConfigSecretArn")?);
        let sent = put.secret_string(document.to_string()).send().await;
        sent.map(|_| ()).map_err(Error::unreachable("Secrets Manager"))
    }

    /// Returns the content of a secret.
    ///
    /// # Errors
    ///
    /// The secret does not exist, or is empty.
    pub async fn read_secret(&self, logical_id: &str) -> Result<Value, Error> {
        let get = self
            .secrets()
            .get_secret_value()
            .secret_id(self.resource(logical_id)?)
            .send()
            .await;
        let text = get
            .map_err(Error::unreachable("Secrets Manager"))?
            .secret_string
            .unwrap_or_default();
        serde_json::from_str(&text).map_err(|_| Error::Malformed(format!("content of {logical_id}")))
    }

    /// Invokes a function and returns its answer.
    ///
    /// # Errors
    ///
    /// The function answers with an error, or does not answer.
    pub async fn invoke(&self, function: Function, event: &Value) -> Result<Value, Error> {
        let (payload, failed) = self
            .ministack
            .aws()
            .invoke(self.resource(function.logical_id())?, event)
            .await?;
        if failed {
            return Err(Error::Function {
                function: function.logical_id(),
                payload,
            });
        }
        serde_json::from_str(&payload).map_err(|_| Error::Malformed(payload))
    }

    /// Returns the environment variables of a deployed function.
    ///
    /// # Errors
    ///
    /// Lambda does not answer.
    pub async fn environment(&self, function: Function) -> Result<BTreeMap<String, String>, Error> {
        let name = self.resource(function.logical_id())?;
        self.ministack.aws().environment(name).await
    }

    /// Enables or disables an event source mapping, by its logical id. A disabled one leaves messages in the queue.
    ///
    /// # Errors
    ///
    /// The mapping does not exist, or Lambda does not answer.
    pub async fn enable_mapping(&self, logical_id: &str, enabled: bool) -> Result<(), Error> {
        let id = self.resource(logical_id)?;
        self.ministack.aws().enable_mapping(id, enabled).await
    }

    /// Returns the log of a function.
    ///
    /// # Errors
    ///
    /// `CloudWatch` Logs does not answer.
    pub async fn logs(&self, function: Function) -> Result<String, Error> {
        self.logs_of(self.resource(function.log_group())?).await
    }
}

impl fmt::Debug for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stack")
            .field("deployment", &self.deployment)
            .field("run", &self.run)
            .finish_non_exhaustive()
    }
}

/// One of the template's functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Function {
    /// `WebhookFunction`.
    Webhook,
    /// `DecryptionFunction`.
    Decryption,
    /// `RenewalFunction`.
    Renewal,
    /// `ReaderFunction`.
    Reader,
}

impl Function {
    /// All functions.
    pub const ALL: [Self; 4] = [Self::Webhook, Self::Decryption, Self::Renewal, Self::Reader];

    /// Returns the function's name in the template.
    #[must_use]
    pub fn logical_id(self) -> &'static str {
        match self {
            Self::Webhook => "WebhookFunction",
            Self::Decryption => "DecryptionFunction",
            Self::Renewal => "RenewalFunction",
            Self::Reader => "ReaderFunction",
        }
    }

    /// Returns the name of the function's log group in the template.
    fn log_group(self) -> &'static str {
        match self {
            Self::Webhook => "WebhookLogGroup",
            Self::Decryption => "DecryptionLogGroup",
            Self::Renewal => "RenewalLogGroup",
            Self::Reader => "ReaderLogGroup",
        }
    }
}

/// The name of the stack in CloudFormation.
const STACK_NAME: &str = "graph-notifications";

/// MiniStack's root access key, which is also its secret key.
pub(crate) const ACCESS_KEY: &str = "test";

/// The region of the stack.
pub(crate) const REGION: &str = "us-east-1";

/// Returns the folder for what is built here while a run's own holds what is deployed first.
fn upgraded(run: &Path) -> Result<PathBuf, Error> {
    let folder = run.join("upgraded");
    std::fs::create_dir_all(&folder).map_err(Error::io(format!("making {}", folder.display())))?;
    Ok(folder)
}
