//! The command line.

mod queues;

use std::path::PathBuf;

use clap::{Args, ColorChoice, Parser, Subcommand};
use clap_complete::Shell;

pub use self::queues::{Choice, Events, Failed, Limit, Owner, Reason, Show, Undelivered};

/// Plans, applies, checks and repairs a stack of Microsoft Graph change notifications.
#[derive(Clone, Debug, Parser)]
#[command(name = "graph-notifications", version, after_help = STATUSES)]
pub struct Arguments {
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Options of every command")]
pub struct Global {
    /// Name of the stack.
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        default_value = STACK,
        value_parser = non_empty
    )]
    pub stack: String,
    /// Region of the stack [default: from the environment or the profile].
    #[arg(long, global = true, value_name = "REGION", value_parser = non_empty)]
    pub region: Option<String>,
    /// Profile in the files of the AWS CLI.
    #[arg(long, global = true, value_name = "PROFILE", value_parser = non_empty)]
    pub profile: Option<String>,
    /// Endpoint URL for all AWS services.
    #[arg(
        long,
        global = true,
        value_name = "URL",
        value_parser = non_empty,
        help = "Endpoint URL for all AWS services [default: AWS_ENDPOINT_URL]"
    )]
    pub endpoint_url: Option<String>,
    /// Time limit of one AWS call, in seconds [default: 20; 300 for a plan]. A run of renewal may take 15 minutes.
    #[arg(long, global = true, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=A_DAY))]
    pub timeout: Option<u64>,
    /// Prints JSON for programs.
    #[arg(long, global = true)]
    pub json: bool,
    /// Use of colours in the output.
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: ColorChoice,
}

impl Global {
    /// Adds the stack, region and profile of this command line to the commands in an advice. Without them, a person who
    /// pastes a command would change another stack.
    #[must_use]
    pub fn with_global_options(&self, advice: &str) -> String {
        let location = [
            option("--region", self.region.as_deref()),
            option("--profile", self.profile.as_deref()),
            option("--endpoint-url", self.endpoint_url.as_deref()),
        ]
        .concat();
        let stack = option(
            "--stack",
            Some(&self.stack)
                .filter(|stack| *stack != STACK)
                .map(String::as_str),
        );
        let advice = with_options(advice, "graph-notifications ", &format!("{stack}{location}"));
        let deploy_options = self.deploy_options();
        let advice = advice.replace("sam deploy", &format!("sam deploy{deploy_options}"));
        with_options(&advice, "aws ", &location)
    }
}

impl Global {
    /// Returns the options of `sam deploy` for the same stack.
    fn deploy_options(&self) -> String {
        let stack = (self.stack != STACK).then_some(self.stack.as_str());
        let options = [
            option("--stack-name", stack),
            option("--region", self.region.as_deref()),
            option("--profile", self.profile.as_deref()),
        ];
        let options = options.concat();
        if options.is_empty() {
            options
        } else {
            format!(" {}", options.trim_end())
        }
    }
}

/// Inserts options after each `program` in a text, unless the match is the end of a longer word.
fn with_options(text: &str, program: &str, options: &str) -> String {
    let mut parts = text.split(program);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |all, part| {
        let is_word = !all.ends_with(|letter: char| letter.is_alphanumeric() || letter == '-');
        let options = if is_word { options } else { "" };
        all + program + options + part
    })
}

/// Formats an option for a command line.
fn option(name: &str, value: Option<&str>) -> String {
    value.map(|value| format!("{name} {value} ")).unwrap_or_default()
}

/// Parses a text that must not be empty: an empty one comes from a shell variable that is not set.
fn non_empty(value: &str) -> Result<String, String> {
    let value = value.trim();
    if value.is_empty() {
        return Err("it is empty; is a variable of your shell not set?".to_owned());
    }
    Ok(value.to_owned())
}

/// The longest time limit, in seconds. A longer one could overflow a clock.
const A_DAY: u64 = 24 * 60 * 60;

/// The default name of a stack.
const STACK: &str = "graph-notifications";

/// A command.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Checks, shows, compares and writes the configuration.
    #[command(subcommand)]
    Config(Config),
    /// Shows what the next run of renewal would do and why, and every mistake. Changes nothing.
    #[command(after_help = "Example:\n  graph-notifications plan")]
    Plan,
    /// Runs renewal now, and shows what it did.
    #[command(after_help = "Example:\n  graph-notifications apply\n\n\
        The command waits for the run and never retries. A second run at the same time does no harm.")]
    Apply {
        /// Allows all deletions that the configuration requires, in these tenants or in all.
        #[arg(long, value_name = "TENANT", num_args = 0..)]
        confirm_deletions: Option<Vec<String>>,
    },
    /// Lists the subscriptions with their remaining time, the most urgent first.
    #[command(after_help = "Example:\n  graph-notifications status --tenant contoso")]
    Status {
        /// Only the subscriptions of one tenant, by its name in the configuration.
        #[arg(long, value_name = "NAME", value_parser = non_empty)]
        tenant: Option<String>,
    },
    /// Replaces keys now.
    #[command(after_help = "Example:\n  graph-notifications rotate certificate\n\n\
        A certificate is replaced without a loss. For new client-state keys, renewal creates every subscription again, with a gap\n\
        of a moment each. A run six minutes later uses the new keys.")]
    Rotate {
        /// What to replace.
        #[arg(value_enum)]
        what: Rotate,
        /// Skips the confirmation.
        #[arg(long, short)]
        yes: bool,
    },
    /// Replaces the subscriptions that a deleted stack left behind.
    #[command(after_help = "Example:\n  graph-notifications take-over")]
    TakeOver {
        /// Skips the confirmation.
        #[arg(long, short)]
        yes: bool,
    },
    /// Deletes every subscription of this stack, before the stack itself is deleted.
    #[command(after_help = "Example:\n  graph-notifications delete-all --confirm graph-notifications")]
    DeleteAll {
        /// The stack's name, which skips the question.
        #[arg(long, value_name = "NAME", value_parser = non_empty)]
        confirm: Option<String>,
    },
    /// Lists, shows, retries and deletes the messages of FailedQueue: items that could not be processed.
    #[command(subcommand)]
    Failed(Failed),
    /// Lists, shows, retries and deletes the messages of UndeliveredQueue: events that a consumer did not delete.
    #[command(subcommand)]
    Undelivered(Undelivered),
    /// Shows the events that wait in DeliveryQueue for a consumer.
    #[command(subcommand)]
    Events(Events),
    /// Checks the whole stack, in the order in which you should repair it, and says what to do.
    #[command(after_help = "Example:\n  graph-notifications doctor\n\n\
        What could not be checked is marked \"?\". If nothing else is wrong, the exit status is 0.")]
    Doctor {
        /// Base URL of the webhook as seen from this machine, if it is not the URL that Graph calls.
        #[arg(long, value_name = "URL", value_parser = non_empty)]
        webhook: Option<String>,
    },
    /// Prints a script that completes commands in a shell.
    #[command(
        after_help = "Example:\n  graph-notifications completions bash > ~/.local/share/bash-completion/completions/graph-notifications"
    )]
    Completions {
        /// The shell.
        shell: Shell,
    },
}

/// What to replace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Rotate {
    /// The encryption certificates.
    Certificate,
    /// The client-state keys.
    Keys,
    /// Both.
    All,
}

/// A command for the configuration.
#[derive(Clone, Debug, Subcommand)]
pub enum Config {
    /// Reports every mistake in a file, with line and column. Needs neither AWS nor Microsoft.
    #[command(after_help = "Example:\n  graph-notifications config check config.json")]
    Check {
        /// The file; `-` for standard input.
        file: PathBuf,
    },
    /// Prints the stack's configuration, without its credentials.
    #[command(after_help = "Example:\n  graph-notifications config show > config.json\n\n\
        `config put` takes a credential that is \"[redacted]\" from the current configuration.")]
    Show,
    /// Shows what a file would change in the stack's configuration.
    #[command(after_help = "Example:\n  graph-notifications config diff config.json")]
    Diff {
        /// The file; `-` for standard input.
        file: PathBuf,
    },
    /// Writes the stack's configuration after you confirm.
    #[command(after_help = "Example:\n  graph-notifications config put config.json\n\n\
        A credential that is \"\" or \"[redacted]\" in the file keeps its value in the stack. If the stack does not have it, the\n\
        command asks for it and never writes it to a disk. The next run of renewal applies the configuration within ten\n\
        minutes; `graph-notifications apply` applies it at once.")]
    Put {
        /// The file; `-` for standard input.
        file: PathBuf,
        /// Skips the confirmation.
        #[arg(long, short)]
        yes: bool,
        /// Allows all deletions that the configuration requires.
        #[arg(long)]
        confirm_deletions: bool,
    },
}

/// The meaning of the exit statuses.
pub const STATUSES: &str = "Exit statuses:
  0  done, and nothing is wrong
  1  done, but you have something to do: a mistake, a failure or a finding
  2  the command line, or a file that it names, is wrong
  3  AWS refused, or did not answer
  4  the stack does not exist, or is not completely deployed
  5  nothing was changed: not confirmed";

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_command_has_an_example_of_its_own_that_is_understood() {
        check(&Arguments::command(), "graph-notifications");
    }

    #[test]
    fn deletions_are_confirmed_for_named_tenants_or_for_all() {
        let confirmed = |line: &str| match Arguments::try_parse_from(line.split(' ')).unwrap().command {
            Command::Apply { confirm_deletions } => confirm_deletions,
            other => panic!("{other:?}"),
        };
        let named = ["a", "b"].map(str::to_owned).to_vec();
        for (options, expected) in [
            ("", None),
            (" --confirm-deletions", Some(Vec::new())),
            (" --confirm-deletions a b --json", Some(named)),
        ] {
            assert_eq!(
                confirmed(&format!("graph-notifications apply{options}")),
                expected
            );
        }
    }

    #[test]
    fn commands_in_an_advice_are_about_the_same_stack() {
        let of = |line: &str| Arguments::try_parse_from(line.split(' ')).unwrap().global;
        let advice = "Look: graph-notifications plan\naws sts get-caller-identity\nsomebody withdraws it";
        assert_eq!(of("graph-notifications plan").with_global_options(advice), advice);
        assert_eq!(
            of("graph-notifications doctor --stack prod --region eu-west-1 --profile ops")
                .with_global_options(advice),
            "Look: graph-notifications --stack prod --region eu-west-1 --profile ops plan\n\
             aws --region eu-west-1 --profile ops sts get-caller-identity\nsomebody withdraws it"
        );
    }

    #[test]
    fn an_empty_value_is_refused_wherever_a_text_is_wanted() {
        for line in [
            "failed drop  --yes",
            "failed show ",
            "undelivered retry  ",
            "failed drop --subscription= --yes",
            "failed list --tenant=",
            "failed list --reason=",
            "status --tenant=",
            "delete-all --confirm=",
            "doctor --webhook=",
            "plan --stack=",
            "plan --region=",
            "plan --profile=",
            "plan --endpoint-url=",
        ] {
            let words = std::iter::once("graph-notifications").chain(line.split(' '));
            let error = Arguments::try_parse_from(words).expect_err(line);
            assert!(error.to_string().contains("it is empty"), "{line}: {error}");
        }
    }

    #[test]
    fn a_deployment_in_an_advice_is_of_the_same_stack() {
        let of = |line: &str| Arguments::try_parse_from(line.split(' ')).unwrap().global;
        let advice = "Deploy it again:\nsam build && sam deploy";
        assert_eq!(of("graph-notifications plan").with_global_options(advice), advice);
        assert_eq!(
            of("graph-notifications plan --stack prod --region eu-west-1").with_global_options(advice),
            "Deploy it again:\nsam build && sam deploy --stack-name prod --region eu-west-1"
        );
    }

    #[test]
    fn a_time_that_no_clock_has_is_refused() {
        for line in ["plan --timeout", "failed retry --all --wait"] {
            let line = format!("graph-notifications {line} {}", u64::MAX);
            assert!(Arguments::try_parse_from(line.split(' ')).is_err(), "{line}");
        }
    }

    fn check(command: &clap::Command, path: &str) {
        for command in command.get_subcommands() {
            let path = format!("{path} {}", command.get_name());
            if command.has_subcommands() {
                check(command, &path);
                continue;
            }
            let help = command
                .get_after_help()
                .map(ToString::to_string)
                .unwrap_or_default();
            let begin = format!("  {path}");
            let example = help.lines().find(|line| line.starts_with(&begin));
            let example = example.unwrap_or_else(|| panic!("{path} has no example"));
            let words = example.split(['>', '|']).next().unwrap().split_whitespace();
            Arguments::try_parse_from(words).unwrap_or_else(|error| panic!("{example}: {error}"));
        }
    }
}
