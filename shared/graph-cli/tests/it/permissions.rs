//! The permissions that docs/operations.md lists for the tool.

use std::collections::BTreeSet;

use crate::{
    long_queue::{Queue, action},
    tool::Tool,
};

#[test]
fn commands_of_queues_need_no_permission_that_is_not_listed() {
    let fake = Queue {
        held: 2,
        ..Queue::default()
    }
    .start();
    let tool = Tool::at(&fake.url);
    for (command, options) in [
        ("failed list", ""),
        ("failed show", "0a"),
        ("failed retry", "--all --yes --wait 0"),
        ("failed drop", "--all --yes"),
        ("undelivered list", ""),
        ("undelivered show", "0a"),
        ("undelivered retry", "--all --yes"),
        ("undelivered drop", "--all --yes"),
        ("events tail", ""),
    ] {
        fake.requests.lock().unwrap().clear();
        let ended = tool.run(&format!("{command} {options}"));
        assert!(ended.status <= 1, "{command}: {ended:?}");
        let used: BTreeSet<String> = fake
            .requests
            .lock()
            .unwrap()
            .iter()
            .filter_map(|request| action(request))
            .map(|action| format!("sqs:{}", action.trim_end_matches("Batch")))
            .collect();
        assert_eq!(used, listed(command), "{command}");
    }
}

/// Returns the actions on SQS that the documents list for a command.
fn listed(command: &str) -> BTreeSet<String> {
    let rows = include_str!("../../../../docs/operations.md").lines();
    let named = format!("`{command}`");
    let row = rows
        .filter(|row| row.starts_with("| `"))
        .find(|row| row.split('|').nth(1).unwrap().contains(&named));
    let actions = row
        .unwrap_or_else(|| panic!("{command}"))
        .split('|')
        .nth(2)
        .unwrap();
    let mut all: BTreeSet<String> = actions
        .split('`')
        .filter(|text| text.starts_with("sqs:"))
        .map(str::to_owned)
        .collect();
    if let Some((_, other)) = actions.split_once("those of `") {
        let (queue, _) = command.split_once(' ').unwrap();
        let (other, _) = other.split_once('`').unwrap();
        all.extend(listed(&format!("{queue} {other}")));
    }
    all
}
