//! The README's way to a first event, as a person goes it: each command in the order in which it stands there.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use graph_simulator::{App, Post, TokenVersion};
use stack::{Adopted, Checkout, Pair, Progress};

use crate::{
    tool::{Ended, PROGRAM, converse, plain, terminal},
    world::{SECRET, block_on},
};

#[test]
fn whoever_follows_the_readme_receives_an_event() {
    // A local AWS of its own: roles have no region, and a stack of the same name would take the other's over.
    let pair = block_on(Pair::start(
        graph_simulator::Options::default(),
        stack::Options::default(),
        Progress::start(),
    ));
    let pair = pair.unwrap();
    let graph = pair.simulator.base_url();
    let parameters = [
        ("GraphEndpoint", graph.as_str()),
        ("LoginEndpoint", graph.as_str()),
        ("NotificationUrlOverride", ORIGIN),
    ];
    let program = Path::new(PROGRAM).parent().unwrap();
    let checkout = pair.stack.checkout(&parameters, program).unwrap();
    let mut reader = Reader {
        pair: &pair,
        checkout,
        stack: None,
    };
    let steps = steps(README);
    assert!(steps.len() > 15, "{steps:#?}");
    for step in &steps {
        reader.follow(step);
    }
    let ended = reader.type_in(
        "graph-notifications delete-all --confirm graph-notifications",
        &[],
    );
    assert_eq!(ended.status, 0, "{}{}", ended.out, ended.err);
    reader.checkout.remove("graph-notifications").unwrap();
}

/// Debian 12, Ubuntu 23.04 and whatever is newer refuse it (PEP 668, *externally managed environments*).
#[test]
fn the_readme_installs_nothing_into_the_python_of_the_system() {
    let steps = steps(README);
    let commands = steps.iter().filter_map(|step| match step {
        Step::Type { command, .. } => Some(command.as_str()),
        Step::Write { .. } => None,
    });
    let installs: Vec<&str> = commands.filter(|command| command.contains("pip")).collect();
    assert!(!installs.is_empty());
    for command in installs {
        let (environment, rest) = command.split_once(" && ").unwrap_or_default();
        let folder = environment.strip_prefix("python3 -m venv ").unwrap_or("/");
        assert!(
            rest.starts_with(&format!("{folder}/bin/pip install ")),
            "{command}"
        );
    }
}

/// Something that the README has its reader do.
#[derive(Debug, PartialEq)]
enum Step {
    /// Type a command, which then prints this.
    Type { command: String, prints: String },
    /// Write a file.
    Write { name: String, text: String },
}

/// Somebody who follows the README.
struct Reader<'a> {
    pair: &'a Pair,
    checkout: Checkout<'a>,
    /// Once it is deployed.
    stack: Option<Adopted>,
}

impl Reader<'_> {
    fn follow(&mut self, step: &Step) {
        match step {
            Step::Write { name, text } => fs::write(self.checkout.folder().join(name), text).unwrap(),
            Step::Type { command, .. } if ELSEWHERE.iter().any(|(known, _)| known == command) => {}
            Step::Type { command, prints } => self.try_out(command, prints),
        }
    }

    fn try_out(&mut self, command: &str, prints: &str) {
        let _lock = (command == "sam build").then(|| self.checkout.build_lock().unwrap());
        let questions = QUESTIONS.iter().filter(|(of, ..)| *of == command);
        let answers: Vec<_> = questions
            .map(|(_, question, answer)| (*question, *answer))
            .collect();
        let ended = self.type_in(&self.filled_in(command), &answers);
        // The webhook has no name that the doctor could look up.
        let most = i32::from(command == "graph-notifications doctor");
        assert!(ended.status <= most, "$ {command}\n{}{}", ended.out, ended.err);
        let shown = plain(&ended.out);
        if !prints.is_empty() {
            assert_eq!(shown.trim(), prints.trim(), "$ {command}");
        }
        match command {
            "sam deploy" => self.adopt(),
            "graph-notifications apply" => self.change(),
            _ if command.starts_with("aws sqs receive-message") => assert_eq!(told(&shown), TOLD, "{shown}"),
            _ => {}
        }
    }

    /// Returns a command with the output that it names.
    fn filled_in(&self, command: &str) -> String {
        let queue = self
            .stack
            .as_ref()
            .map(|stack| &stack.outputs["DeliveryQueueUrl"]);
        command.replace("DELIVERY_QUEUE_URL", queue.map_or("", String::as_str))
    }

    fn type_in(&self, command: &str, answers: &[(&str, &str)]) -> Ended {
        let mut shell = terminal(command);
        self.checkout.set_up(&mut shell);
        shell.env("TERM", "xterm").env("SHELL", "/bin/sh");
        converse(spawn(shell), answers)
    }

    /// Has Graph know the tenant and find the webhook.
    fn adopt(&mut self) {
        let stack = block_on(self.checkout.adopt("graph-notifications")).unwrap();
        let simulator = &self.pair.simulator;
        simulator.add_app(app());
        simulator.set_resolve(ORIGIN, &stack.http_url);
        self.stack = Some(stack);
    }

    /// Somebody writes a message.
    fn change(&self) {
        let simulator = &self.pair.simulator;
        let live = simulator.subscriptions();
        let ours = live.iter().find(|one| one.tenant_id == app().tenant_id).unwrap();
        let report = block_on(simulator.send(Post::new().rich(ours, "created"))).unwrap();
        assert!(report.delivered(), "{report:?}");
    }
}

/// Returns the README's steps in their order: commands behind a prompt, commands with arguments in the running text, and files
/// that the text names before it shows them.
fn steps(text: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    for (number, part) in text.split("```").enumerate() {
        if number.is_multiple_of(2) {
            steps.extend(
                spans(part)
                    .filter(|span| is_command(span))
                    .map(|command| typed(command, "")),
            );
            continue;
        }
        let (language, block) = part.split_once('\n').unwrap();
        match language {
            "console" => steps.extend(prompts(block)),
            "json" if block.contains("\"tenants\"") => steps.push(Step::Write {
                name: "config.json".to_owned(),
                text: block.to_owned(),
            }),
            _ => {}
        }
    }
    steps
}

/// Returns the commands of a block, each with what is shown below it.
fn prompts(block: &str) -> impl Iterator<Item = Step> {
    let joined = block.replace("\\\n", " ");
    let parts: Vec<_> = format!("\n{joined}")
        .split("\n$ ")
        .skip(1)
        .map(str::to_owned)
        .collect();
    parts.into_iter().map(|part| {
        let (command, prints) = part.split_once('\n').unwrap_or((&part, ""));
        typed(command, prints)
    })
}

fn typed(command: &str, prints: &str) -> Step {
    Step::Type {
        command: command.split_whitespace().collect::<Vec<_>>().join(" "),
        prints: prints.to_owned(),
    }
}

/// Returns what stands between backquotes.
fn spans(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Tells whether a span is a command to type. `sam` in the running text speaks of the commands that stand in blocks.
fn is_command(span: &str) -> bool {
    let words = span.split_whitespace().count();
    let programs = [
        "aws ",
        "graph-notifications ",
        "cargo install ",
        "rustup ",
        "pip ",
        "pip3 ",
        "python3 ",
    ];
    words > 1 && programs.iter().any(|program| span.starts_with(program))
}

/// Returns the type and the subscription of an event.
fn told(event: &str) -> [String; 2] {
    let event: serde_json::Value = serde_json::from_str(event).unwrap();
    ["type", "subscription"].map(|name| event[name].as_str().unwrap().to_owned())
}

fn spawn(mut shell: Command) -> std::process::Child {
    shell
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// The application of the README.
fn app() -> App {
    App {
        tenant_id: "11111111-2222-3333-4444-555555555555".to_owned(),
        client_id: "66666666-7777-8888-9999-000000000000".to_owned(),
        client_secret: SECRET.to_owned(),
        token_version: TokenVersion::V2,
    }
}

/// What commands ask, and the answers.
const QUESTIONS: [(&str, &str, &str); 7] = [
    (
        "aws configure",
        "AWS Access Key ID [None]: ",
        Checkout::ACCESS_KEY,
    ),
    (
        "aws configure",
        "AWS Secret Access Key [None]: ",
        Checkout::ACCESS_KEY,
    ),
    ("aws configure", "Default region name [None]: ", Checkout::REGION),
    ("aws configure", "Default output format [None]: ", ""),
    ("sam deploy", "Deploy this changeset? [y/N]: ", "y"),
    (
        "graph-notifications config put config.json",
        "tenants.contoso.credential.clientSecret: ",
        SECRET,
    ),
    (
        "graph-notifications config put config.json",
        "Write this to ConfigSecret of graph-notifications? [y/N] ",
        "y",
    ),
];

/// What is not typed here, and why.
const ELSEWHERE: [(&str, &str); 5] = [
    ("cargo demo", "is a test of its own"),
    ("cargo test", "runs this"),
    (
        "rustup target add aarch64-unknown-linux-gnu",
        "functions run as programs of this machine",
    ),
    (
        "python3 -m venv ~/.cargo-lambda && ~/.cargo-lambda/bin/pip install cargo-lambda",
        "loads 100 MB; the environment of the SAM CLI has it in the same way",
    ),
    (
        "cargo install --debug --locked --path shared/graph-cli",
        "is what these tests run",
    ),
];

/// The event of the change.
const TOLD: [&str; 2] = ["Microsoft.Graph.ChatMessageCreated", "team-messages"];

/// Where Graph finds the webhook.
const ORIGIN: &str = "https://readme.test";

const README: &str = include_str!("../../../../README.md");
