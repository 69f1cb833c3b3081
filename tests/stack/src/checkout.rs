//! A checkout in which a person builds and deploys: the files of the repository, with settings of its own.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use tools::{Profile, Progress, command, lock, packages, root, target};

use super::{ACCESS_KEY, Aws, Error, Stack, architecture, deploy, root_certificates};

/// A folder that looks like the repository. Its commands reach the local AWS, and none of the user's settings.
pub struct Checkout<'a> {
    stack: &'a Stack,
    aws: Aws,
    folder: PathBuf,
    path: std::ffi::OsString,
}

/// A stack that somebody else deployed on the local AWS.
#[derive(Debug, Clone)]
pub struct Adopted {
    /// The template's outputs.
    pub outputs: BTreeMap<String, String>,
    /// The URL under which the local AWS answers for the HTTP API.
    pub http_url: String,
}

impl Stack {
    /// Makes a checkout with these parameters in its `samconfig.toml`, beside those that this machine needs. Its shell finds the
    /// programs in `programs`. Stacks that are deployed from it are in a region of their own, so that they may have any name.
    ///
    /// # Errors
    ///
    /// A file cannot be written, or the AWS CLI cannot be installed.
    pub fn checkout(&self, parameters: &[(&str, &str)], programs: &Path) -> Result<Checkout<'_>, Error> {
        let folder = self.folder().join("checkout");
        let wrong = || format!("making {}", folder.display());
        link(&folder).map_err(Error::io(wrong()))?;
        let settings = settings(parameters)?;
        fs::write(folder.join("samconfig.toml"), settings).map_err(Error::io(wrong()))?;
        let aws = self.tools.aws_cli(Progress::start())?.join("aws");
        let own = folder.join("bin");
        write_program(&own.join("aws"), &wrapper(&aws)).map_err(Error::io(wrong()))?;
        let folders = [programs.to_owned(), own, self.tools.sam_folder()];
        let of_user = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths(folders.into_iter().chain(std::env::split_paths(&of_user)))
            .map_err(|error| Error::Malformed(format!("PATH: {error}")))?;
        Ok(Checkout {
            stack: self,
            aws: self.ministack.aws().in_region(Checkout::REGION),
            folder,
            path,
        })
    }
}

impl Checkout<'_> {
    /// The region in which it deploys.
    pub const REGION: &'static str = "eu-central-1";

    /// The key that the local AWS takes, and the secret that belongs to it.
    pub const ACCESS_KEY: &'static str = ACCESS_KEY;

    /// Returns the folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Sets a command up to run as in a person's shell in this folder.
    pub fn set_up(&self, command: &mut Command) {
        command
            .current_dir(&self.folder)
            .env_clear()
            .envs(command::clean_environment())
            .envs(self.stack.tools.sam_environment())
            .env("PATH", &self.path)
            .env("AWS_ENDPOINT_URL", self.stack.endpoint_url())
            .env("AWS_CONFIG_FILE", self.folder.join("aws-config"))
            .env("AWS_SHARED_CREDENTIALS_FILE", self.folder.join("aws-credentials"))
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("NO_PROXY", "127.0.0.1")
            .env("no_proxy", "127.0.0.1")
            // What is compiled already serves here as well: the artefacts need not be those that are deployed on AWS.
            .env("SAM_BUILD_MODE", "debug")
            .env("CARGO_LAMBDA_COMPILER", "cargo")
            .env(
                "CARGO_LAMBDA_COMPILER_EXTRA_ARGS",
                packages(Profile::Tests).join(" "),
            )
            .env("SAM_CLI_POLL_DELAY", "0.3");
    }

    /// Keeps other processes from `sam build`, which moves binaries in a folder that all share, while the lock is held.
    ///
    /// # Errors
    ///
    /// The lock cannot be taken.
    pub fn build_lock(&self) -> Result<File, Error> {
        Ok(lock(&target().join("stack").join("build.lock"))?)
    }

    /// Adds what the local AWS leaves out of a stack that was deployed from here.
    ///
    /// # Errors
    ///
    /// There is no such stack, or the local AWS does not answer.
    pub async fn adopt(&self, name: &str) -> Result<Adopted, Error> {
        let deployment = deploy::complete(&self.aws, name).await?;
        let api = deployment.resources.get("HttpApi");
        let api = api.ok_or_else(|| Error::Absent("resource HttpApi".to_owned()))?;
        let base = self.stack.endpoint_url();
        Ok(Adopted {
            http_url: format!("{base}/_aws/execute-api/{api}/$default"),
            outputs: deployment.outputs,
        })
    }

    /// Deletes a stack that was deployed from here.
    ///
    /// # Errors
    ///
    /// The stack cannot be deleted.
    pub fn remove(&self, name: &str) -> Result<(), Error> {
        deploy::remove(&self.stack.tools, &self.aws, self.stack.folder(), name)
    }
}

/// Makes a folder with the template and links to what it names.
fn link(folder: &Path) -> std::io::Result<()> {
    fs::create_dir_all(folder)?;
    fs::copy(root().join("template.yaml"), folder.join("template.yaml"))?;
    // From inside of it, cargo finds the workspace of the repository.
    symlink(root().join("functions"), folder.join("functions"))
}

/// Returns a program in place of the AWS CLI, whose first version calls some services by addresses of its own unless an option
/// says otherwise.
fn wrapper(aws: &Path) -> String {
    format!(
        "#!/bin/sh\n[ \"$1\" = configure ] && exec '{0}' \"$@\"\nexec '{0}' --endpoint-url \"$AWS_ENDPOINT_URL\" \"$@\"\n",
        aws.display()
    )
}

/// Writes a program into a folder of its own.
fn write_program(file: &Path, text: &str) -> std::io::Result<()> {
    fs::create_dir_all(file.with_file_name(""))?;
    fs::write(file, text)?;
    fs::set_permissions(file, fs::Permissions::from_mode(0o755))
}

/// Returns the settings of the repository with parameters of one's own, where its comment says.
fn settings(parameters: &[(&str, &str)]) -> Result<String, Error> {
    let file = root().join("samconfig.toml");
    let text = fs::read_to_string(&file).map_err(Error::io(format!("reading {}", file.display())))?;
    let roots = root_certificates()?.display().to_string();
    let of_machine = [
        ("Architecture", architecture()?),
        ("RootCertificates", roots.as_str()),
    ];
    let lines = of_machine
        .iter()
        .chain(parameters)
        .map(|(name, value)| format!("    \"{name}={value}\",\n"));
    let lines = lines.collect::<Vec<_>>().concat();
    let place = "parameter_overrides = [\n";
    Ok(text.replacen(place, &format!("{place}{lines}"), 1))
}
