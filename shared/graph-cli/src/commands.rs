//! Runs the commands. The decisions are in modules without input or output.

mod config;
mod doctor;
mod messages;
mod renewal;

use clap::CommandFactory;

use crate::{
    Answer,
    arguments::{Arguments, Command, Events, Global},
    aws::Aws,
    failure::Failure,
    stack::Stack,
    terminal::Style,
};

/// The context of a command.
struct Context {
    aws: Aws,
    stack: Stack,
    style: Style,
    global: Global,
}

/// Runs the command of the command line.
///
/// # Errors
///
/// Returns a failure if the command fails.
pub async fn run(arguments: Arguments, style: Style) -> Result<Answer, Failure> {
    let Arguments { global, command } = arguments;
    match command {
        Command::Config(command) => config::run(command, &global, style).await,
        Command::Completions { shell } => Ok(completions(shell)),
        Command::Failed(command) => messages::failed(&Context::find(&global, style).await?, command).await,
        Command::Undelivered(command) => {
            messages::undelivered(&Context::find(&global, style).await?, command).await
        }
        Command::Events(Events::Tail { limit, content }) => {
            messages::tail(&Context::find(&global, style).await?, limit, content).await
        }
        Command::Doctor { webhook } => doctor::run(&global, style, webhook.as_deref()).await,
        Command::Plan => renewal::plan(&Context::find(&global, style).await?).await,
        Command::Apply { confirm_deletions } => {
            renewal::apply(
                &Context::find(&global, style).await?,
                confirm_deletions.as_deref(),
            )
            .await
        }
        Command::Status { tenant } => {
            renewal::status(&Context::find(&global, style).await?, tenant.as_deref()).await
        }
        Command::Rotate { what, yes } => {
            renewal::rotate(&Context::find(&global, style).await?, what, yes).await
        }
        Command::TakeOver { yes } => renewal::take_over(&Context::find(&global, style).await?, yes).await,
        Command::DeleteAll { confirm } => {
            renewal::delete_all(&Context::find(&global, style).await?, confirm.as_deref()).await
        }
    }
}

impl Context {
    /// Looks up the stack.
    async fn find(global: &Global, style: Style) -> Result<Self, Failure> {
        let aws = Aws::from_options(global).await?;
        let stack = Stack::find(&aws, &global.stack).await?;
        Ok(Self {
            aws,
            stack,
            style,
            global: global.clone(),
        })
    }
}

fn completions(shell: clap_complete::Shell) -> Answer {
    let mut script = Vec::new();
    let mut command = Arguments::command();
    clap_complete::generate(shell, &mut command, "graph-notifications", &mut script);
    let text = String::from_utf8_lossy(&script).into_owned();
    Answer {
        json: serde_json::json!({"script": text}),
        text,
        needs_person: false,
    }
}
