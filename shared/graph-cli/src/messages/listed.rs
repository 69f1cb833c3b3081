//! A list of messages as displayed to a person.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{MessageSummary, NO_REASON, Queue};
use crate::{
    table::{Cell, Table, fixed, flexible},
    terminal::{Style, counted},
    timespan::{age, left},
};

/// Returns the messages as a table, the oldest first, and the number for each reason.
#[must_use]
pub fn text(queue: Queue, summaries: &[MessageSummary], now: Timestamp, style: Style) -> String {
    let mut table = Table::new([
        fixed("AGE"),
        fixed("LEFT"),
        fixed(if queue == Queue::Failed {
            "REASON"
        } else {
            "RECEIVED"
        }),
        flexible("SUBSCRIPTION"),
        flexible("WHAT"),
        flexible("TENANT"),
        fixed("ID"),
    ]);
    let letters = prefix_length(summaries);
    for one in summaries {
        let why = match queue {
            Queue::Failed => one.reason.clone().unwrap_or_else(|| NO_REASON.to_owned()),
            Queue::Undelivered | Queue::Delivery => one.receives.to_string(),
        };
        table.push([
            one.since.map(|since| age(since, now)).unwrap_or_default().into(),
            one.retry_until
                .map(|until| left(until, now))
                .unwrap_or_default()
                .into(),
            Cell::from(why),
            one.subscription.clone().unwrap_or_default().into(),
            one.what.clone().into(),
            one.tenant.clone().unwrap_or_default().into(),
            // A person pastes it; a program keeps it.
            if style.is_terminal {
                one.id.chars().take(letters).collect::<String>().into()
            } else {
                one.id.clone().into()
            },
        ]);
    }
    if !style.is_terminal {
        return table.render(style);
    }
    format!("{}\n{}", table.render(style), sums(queue, summaries))
}

/// Returns the text for a person where none of the messages was selected.
#[must_use]
pub fn nothing_found(queue: Queue, looked_at: usize) -> String {
    let messages = counted(looked_at, "message");
    match looked_at {
        0 => format!("No message is visible in {}.\n", queue.name()),
        _ => format!("No such message is among {messages} of {}.\n", queue.name()),
    }
}

/// Returns the shortest length at which all ids differ.
fn prefix_length(summaries: &[MessageSummary]) -> usize {
    let cut = |id: &'_ str, letters: usize| id.chars().take(letters).collect::<String>();
    let ids: BTreeSet<&str> = summaries.iter().map(|summaries| summaries.id.as_str()).collect();
    let tells = |letters: &usize| {
        let begun: BTreeSet<String> = ids.iter().map(|id| cut(id, *letters)).collect();
        begun.len() == ids.len()
    };
    (MIN_ID_PREFIX..ID_LENGTH).find(tells).unwrap_or(ID_LENGTH)
}

/// Returns the number of messages, in all and for each reason.
#[must_use]
pub fn sums(queue: Queue, summaries: &[MessageSummary]) -> String {
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for one in summaries {
        *reasons
            .entry(one.reason.as_deref().unwrap_or(NO_REASON))
            .or_default() += 1;
    }
    let messages = counted(summaries.len(), "message");
    if queue != Queue::Failed {
        return format!("{messages}\n");
    }
    let reasons: Vec<String> = reasons
        .iter()
        .map(|(reason, count)| format!("{count} {reason}"))
        .collect();
    format!("{messages}: {}\n", reasons.join(", "))
}

/// The shortest prefix of an id that is displayed. A shorter one could match a later message.
const MIN_ID_PREFIX: usize = 8;

/// The length of SQS's message ids.
const ID_LENGTH: usize = 36;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::tests::failed;

    #[test]
    fn failed_messages_are_shown_by_reason_and_never_with_their_content() {
        let style = Style {
            is_terminal: true,
            has_color: false,
            width: 80,
        };
        let now = "2026-11-22T10:00:00Z".parse().unwrap();
        let mut summaries = [failed(Some("TokenRejected")), failed(None)]
            .map(|message| MessageSummary::of(Queue::Failed, &message));
        summaries[1].id = "0a1b2c3d-1000-4000-8000-000000000000".to_owned();
        assert_eq!(
            text(Queue::Failed, &summaries, now, style),
            include_str!("failed.txt")
        );
    }

    #[test]
    fn the_runbook_shows_the_list_as_the_tool_prints_it() {
        let operations = include_str!("../../../../docs/operations.md");
        assert!(operations.contains(include_str!("failed.txt")));
    }
}
