//! `sam deploy` of the real template, and the parts that MiniStack leaves out.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tools::{Tools, command};

use super::{Aws, Error, Options, architecture, build, policies, root_certificates};

/// The outputs and resources of a deployed stack.
#[derive(Debug, Clone)]
pub(crate) struct Deployment {
    /// The template's outputs.
    pub(crate) outputs: BTreeMap<String, String>,
    /// The physical ids by logical id.
    pub(crate) resources: BTreeMap<String, String>,
}

/// Deploys the result of [`build::build`] in `folder` as a stack with this name.
///
/// # Errors
///
/// `sam deploy` fails, or MiniStack does not answer.
pub(crate) async fn deploy(
    tools: &Tools,
    aws: &Aws,
    folder: &Path,
    name: &str,
    options: &Options,
) -> Result<Deployment, Error> {
    let template = Path::new("build/packed.yaml");
    run_sam(tools, aws, folder, name, template, &parameters(options)?).await?;
    complete(aws, name).await
}

/// Adds what the local AWS leaves out of the stack with this name, and returns what it consists of.
///
/// # Errors
///
/// There is no such stack, or MiniStack does not answer.
pub(crate) async fn complete(aws: &Aws, name: &str) -> Result<Deployment, Error> {
    let outputs = aws.stack_outputs(name).await?;
    let resources = aws.stack_resources(name).await?;
    let deployment = Deployment { outputs, resources };
    add_routes(aws, &deployment).await?;
    for (_, role) in deployment
        .resources
        .iter()
        .filter(|(name, _)| name.ends_with("FunctionRole"))
    {
        policies::allow_batches(aws, role).await?;
    }
    for (_, mapping) in deployment
        .resources
        .iter()
        .filter(|(name, _)| name.ends_with("Mapping"))
    {
        aws.number_concurrency(mapping).await?;
    }
    Ok(deployment)
}

/// Deploys a template that is not this repository's, and returns the physical ids of its resources by their logical ids.
///
/// # Errors
///
/// `sam deploy` fails, or MiniStack does not answer.
pub(crate) async fn deploy_template(
    tools: &Tools,
    aws: &Aws,
    folder: &Path,
    name: &str,
    template: &Path,
    parameters: &BTreeMap<&'static str, String>,
) -> Result<BTreeMap<String, String>, Error> {
    let parameters = parameters
        .iter()
        .map(|(name, value)| format!("{name}=\"{value}\""));
    let parameters: Vec<String> = parameters.collect();
    run_sam(tools, aws, folder, name, template, &parameters).await?;
    aws.stack_resources(name).await
}

/// Runs `sam deploy`.
async fn run_sam(
    tools: &Tools,
    aws: &Aws,
    folder: &Path,
    name: &str,
    template: &Path,
    parameters: &[String],
) -> Result<(), Error> {
    aws.create_bucket(BUCKET).await?;
    let mut sam = sam(tools, aws, folder, "deploy")?;
    sam.arg("--template-file")
        .arg(template)
        .args(["--stack-name", name, "--s3-bucket", BUCKET])
        .args([
            "--capabilities",
            "CAPABILITY_IAM",
            "--no-confirm-changeset",
            "--no-progressbar",
            "--no-fail-on-empty-changeset",
            "--parameter-overrides",
        ])
        .args(parameters);
    let log = folder.join("deploy.log");
    // Aside: what is sent to the stack meanwhile goes on.
    let deployed = tokio::task::spawn_blocking(move || command::run("sam deploy", &mut sam, &log));
    deployed
        .await
        .unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))?;
    Ok(())
}

/// Returns what became of resources from one deployment to the next, by logical ids. Only physical ids tell that one was replaced.
pub(crate) fn differences(
    before: &BTreeMap<String, String>,
    after: &BTreeMap<String, String>,
) -> Vec<String> {
    let removed = before.keys().filter(|name| !after.contains_key(*name));
    let removed = removed.map(|name| format!("removed {name}"));
    let others = after.iter().filter_map(|(name, id)| match before.get(name) {
        None => Some(format!("added {name}")),
        Some(earlier) if earlier != id => Some(format!("replaced {name}")),
        Some(_) => None,
    });
    removed.chain(others).collect()
}

/// Deletes the stack with this name.
///
/// Not by `sam delete`: it first deletes what it has uploaded, and on a local AWS it does not accept the address of a
/// nested stack's template ("not a valid S3 url").
///
/// # Errors
///
/// The stack cannot be removed.
pub(crate) fn remove(tools: &Tools, aws: &Aws, folder: &Path, name: &str) -> Result<(), Error> {
    let mut python = boto(tools, aws, folder);
    python.args(["-c", REMOVE, name]);
    Ok(command::run(
        "removing the stack",
        &mut python,
        &folder.join("delete.log"),
    )?)
}

/// Returns what the stack of a name consists of, by logical ids.
///
/// # Errors
///
/// The local AWS does not describe a resource.
pub(crate) fn described(
    tools: &Tools,
    aws: &Aws,
    folder: &Path,
    name: &str,
) -> Result<BTreeMap<String, Value>, Error> {
    let mut python = boto(tools, aws, folder);
    python.args(["-c", include_str!("described.py"), name]);
    let output = python.output().map_err(Error::io("describing the stack"))?;
    let said = || String::from_utf8_lossy(&output.stderr).into_owned();
    serde_json::from_slice(&output.stdout).map_err(|_| Error::Malformed(said()))
}

/// Returns a Python with AWS's client, for the local AWS.
fn boto(tools: &Tools, aws: &Aws, folder: &Path) -> Command {
    let mut python = build::python(tools);
    python
        .env("AWS_ENDPOINT_URL", aws.url())
        .env("AWS_DEFAULT_REGION", aws.region())
        .env("AWS_CONFIG_FILE", folder.join("no-aws-config"))
        .env("AWS_SHARED_CREDENTIALS_FILE", folder.join("no-aws-credentials"));
    python
}

/// Removes a stack, and waits until it is gone.
const REMOVE: &str = "
import boto3, sys
cloudformation = boto3.client('cloudformation')
cloudformation.delete_stack(StackName=sys.argv[1])
cloudformation.get_waiter('stack_delete_complete').wait(StackName=sys.argv[1], WaiterConfig={'Delay': 1})
";

/// Returns a command of `sam` for the local AWS, without any user's settings.
fn sam(tools: &Tools, aws: &Aws, folder: &Path, command: &str) -> Result<Command, Error> {
    let mut sam = build::sam(tools);
    sam.current_dir(folder)
        .args([command, "--config-file"])
        .arg(build::settings(folder)?)
        .env("AWS_ENDPOINT_URL", aws.url())
        .env("AWS_CONFIG_FILE", folder.join("no-aws-config"))
        .env("AWS_SHARED_CREDENTIALS_FILE", folder.join("no-aws-credentials"))
        .env("SAM_CLI_POLL_DELAY", "0.3");
    Ok(sam)
}

/// Adds the template's two routes to its API.
///
/// The template defines them in the API's `OpenAPI` body, which MiniStack does not read.
async fn add_routes(aws: &Aws, deployment: &Deployment) -> Result<(), Error> {
    let resource = |name: &str| {
        deployment
            .resources
            .get(name)
            .ok_or_else(|| Error::Absent(name.to_owned()))
    };
    let integration = aws
        .integrate(resource("HttpApi")?, resource("WebhookFunction")?)
        .await?;
    for path in ["/notifications", "/lifecycle"] {
        aws.add_route(resource("HttpApi")?, &format!("POST {path}"), &integration)
            .await?;
    }
    Ok(())
}

/// Returns the template's parameters.
fn parameters(options: &Options) -> Result<Vec<String>, Error> {
    let roots = root_certificates()?;
    let mut parameters = vec![
        format!("Architecture={}", architecture()?),
        format!("RootCertificates=\"{}\"", roots.display()),
    ];
    let mut set = |name: &str, value: &str| {
        if !value.is_empty() {
            parameters.push(format!("{name}=\"{value}\""));
        }
    };
    set("GraphEndpoint", &options.graph_endpoint);
    set("LoginEndpoint", &options.login_endpoint);
    set("NotificationUrlOverride", &options.notification_origin);
    set("RenewalMinutes", &options.renewal_minutes);
    set("LogLevel", &options.log_level);
    // The simulated lists show a change at once.
    set("CatchUpDelaySeconds", "0");
    for (name, value) in &options.parameters {
        // In what stands in quotes, `sam` reads these two behind a backslash.
        let value = value.replace('\\', r"\\").replace('"', r#"\""#);
        parameters.push(format!("{name}=\"{value}\""));
    }
    Ok(parameters)
}

/// The bucket for the functions' code.
const BUCKET: &str = "artifacts";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_difference_between_two_deployments_is_named() {
        let resources = |pairs: &[(&str, &str)]| {
            let pairs = pairs.iter();
            pairs
                .map(|(name, id)| ((*name).to_owned(), (*id).to_owned()))
                .collect()
        };
        let before = resources(&[("Api", "1"), ("Queue", "2"), ("Rule", "3")]);
        let after = resources(&[("Alarm", "4"), ("Api", "1"), ("Queue", "5")]);
        assert_eq!(differences(&before, &before), [""; 0]);
        let expected = ["removed Rule", "added Alarm", "replaced Queue"];
        assert_eq!(differences(&before, &after), expected);
    }
}
