//! Whether what came out is what went in.

use serde_json::{Value, value::RawValue};

use super::Sent;
use super::event::Event;
use super::report::Line;
use crate::Message;

/// What became of a notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Its event came out, and says what was sent.
    Right,
    /// Its event came out, and differs in this.
    Differs(&'static str),
    /// It ended in FailedQueue for this reason.
    Failed(String),
    /// Nothing came out, or the webhook did not accept it.
    Missing(&'static str),
    /// It came out, but was not sent, or came out before.
    Unasked,
}

/// Compares what was sent with what came out: a line for each notification, and one for each event too many.
#[must_use]
pub fn judge(sent: &[Sent], delivered: &[Message], failed: &[Message]) -> Vec<Line> {
    let mut unasked: Vec<&Message> = delivered.iter().collect();
    let mut lines: Vec<Line> = Vec::new();
    for sent in sent {
        let own = unasked.iter().position(|message| is_about(&message.body, sent));
        let message = own.map(|index| unasked.swap_remove(index));
        lines.push(line(sent, message, failed));
    }
    lines.extend(unasked.into_iter().map(|message| Line {
        name: "?".to_owned(),
        summary: message.body.clone(),
        event_type: String::new(),
        milliseconds: None,
        verdict: Verdict::Unasked,
    }));
    lines
}

/// Judges one notification.
fn line(sent: &Sent, message: Option<&Message>, failed: &[Message]) -> Line {
    let event = message.and_then(|message| Event::parse(&message.body));
    let verdict = match &event {
        Some(event) => difference(sent, event).map_or(Verdict::Right, Verdict::Differs),
        None => absence(sent, failed),
    };
    Line {
        name: sent.case.name.to_owned(),
        summary: event.as_ref().map(Event::summary).unwrap_or_default(),
        event_type: event.map_or_else(|| sent.case.event_type.to_owned(), |event| event.event_type),
        milliseconds: message
            .and_then(|message| message.sent_at)
            .map(|at| at.saturating_sub(sent.at)),
        verdict,
    }
}

/// Tells whether a message is the event of a notification.
fn is_about(body: &str, sent: &Sent) -> bool {
    Event::parse(body).is_some_and(|event| event.data.subscription_id == sent.item.subscription_id)
}

/// Returns the first part of an event that is not as it was sent.
fn difference(sent: &Sent, event: &Event<'_>) -> Option<&'static str> {
    let item = |name: &str| sent.item.item.get(name).cloned().unwrap_or_default();
    let content = event.data.content.map(RawValue::get);
    let parsed = |text: Option<&str>| text.and_then(|text| serde_json::from_str::<Value>(text).ok());
    let expected = sent.item.content.as_deref();
    let same = [
        ("type", event.event_type == sent.case.event_type),
        ("subscription", event.subscription == sent.case.name),
        ("changeType", event.data.change_type == sent.case.change_type),
        ("resource", item("resource") == event.data.resource.as_str()),
        ("resourceData", item("resourceData") == event.data.resource_data),
        ("form", expected.is_some() == sent.case.rich),
        ("content", parsed(content) == parsed(expected)),
        ("content, byte for byte", content == expected),
    ];
    same.into_iter().find_map(|(part, same)| (!same).then_some(part))
}

/// Says why there is no event.
fn absence(sent: &Sent, failed: &[Message]) -> Verdict {
    let own = failed
        .iter()
        .find(|message| message.body.contains(&sent.item.subscription_id));
    match own {
        Some(message) => Verdict::Failed(
            message
                .attributes
                .get("Reason")
                .cloned()
                .unwrap_or_else(|| "tried too often".to_owned()),
        ),
        None if sent.accepted => Verdict::Missing("nothing came out"),
        None => Verdict::Missing("the webhook did not accept it"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;
    use crate::demo::CASES;
    use graph_simulator::SentItem;

    #[test]
    fn an_event_that_says_what_was_sent_is_right() {
        assert_eq!(verdicts(&[CONTENT]), [Verdict::Right]);
    }

    #[test]
    fn the_same_json_in_other_bytes_is_not_right() {
        assert_eq!(
            verdicts(&[r#"{"a":1.1,"b":2}"#]),
            [Verdict::Differs("content, byte for byte")]
        );
        assert_eq!(
            verdicts(&[r#"{ "a":1.10,"b":2}"#]),
            [Verdict::Differs("content, byte for byte")]
        );
    }

    #[test]
    fn other_content_is_not_right() {
        assert_eq!(verdicts(&[r#"{"a":1.2,"b":2}"#]), [Verdict::Differs("content")]);
        assert_eq!(verdicts(&["null"]), [Verdict::Differs("content")]);
    }

    #[test]
    fn an_event_too_many_is_not_right() {
        assert_eq!(verdicts(&[CONTENT, CONTENT]), [Verdict::Right, Verdict::Unasked]);
    }

    #[test]
    fn no_event_is_not_right() {
        assert_eq!(verdicts(&[]), [Verdict::Missing("nothing came out")]);
    }

    #[test]
    fn the_reason_of_a_failure_is_shown() {
        let reason = BTreeMap::from([("Reason".to_owned(), "rejected".to_owned())]);
        let failed = Message {
            body: r#"{"item":{"subscriptionId":"id"}}"#.to_owned(),
            attributes: reason,
            sent_at: None,
        };
        let lines = judge(&[sent()], &[], &[failed]);
        assert_eq!(lines[0].verdict, Verdict::Failed("rejected".to_owned()));
    }

    /// Judges events with these contents against what [`sent`] returns.
    fn verdicts(contents: &[&str]) -> Vec<Verdict> {
        let case = &CASES[0];
        let message = |content: &&str| Message {
            body: format!(
                r#"{{"type":"{}","subscription":"{}","data":{{"subscriptionId":"id","changeType":"{}","resource":"r","resourceData":{{"id":"1"}},"content":{content}}}}}"#,
                case.event_type, case.name, case.change_type
            ),
            attributes: BTreeMap::new(),
            sent_at: None,
        };
        let delivered: Vec<Message> = contents.iter().map(message).collect();
        judge(&[sent()], &delivered, &[])
            .into_iter()
            .map(|line| line.verdict)
            .collect()
    }

    /// Returns a notification with [`CONTENT`].
    fn sent() -> Sent {
        let item = json!({ "resource": "r", "resourceData": { "id": "1" } });
        let item = SentItem {
            index: 0,
            subscription_id: "id".to_owned(),
            item,
            content: Some(CONTENT.to_owned()),
        };
        Sent {
            case: &CASES[0],
            item,
            at: 0,
            accepted: true,
        }
    }

    const CONTENT: &str = r#"{"a":1.10,"b":2}"#;
}
