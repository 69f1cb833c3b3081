//! The commands of the documents, each through the program's own parser.

use clap::Parser;
use graph_cli::arguments::Arguments;

#[test]
fn every_command_of_the_documents_is_understood() {
    let documents = [
        include_str!("../../../../README.md"),
        include_str!("../../../../docs/configuration.md"),
        include_str!("../../../../docs/consuming.md"),
        include_str!("../../../../docs/local.md"),
        include_str!("../../../../docs/operations.md"),
    ];
    let commands: Vec<String> = documents.into_iter().flat_map(commands).collect();
    assert!(commands.len() > 15, "{commands:#?}");
    for command in commands {
        if let Err(error) = Arguments::try_parse_from(command.split_whitespace()) {
            panic!("{command}: {error}");
        }
    }
}

/// Returns the commands behind a prompt, and those in the running text that have more than the program's name.
fn commands(text: &str) -> Vec<String> {
    let typed = text
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("$ "));
    let spans = text.split('`').skip(1).step_by(2);
    let all = typed.flat_map(|line| line.split(" | ")).chain(spans);
    let all = all.filter(|command| command.trim_start().starts_with("graph-notifications "));
    all.filter(|command| !command.contains('\n'))
        .map(|command| command.trim().to_owned())
        .collect()
}
