//! Compares the events with the notifications.

use serde_json::{Value, value::RawValue};

use super::case::Transport;
use super::event::Event;
use super::loss;
use super::report::Line;
use super::{FETCHED, Sent};
use crate::Message;

/// The verdict on a notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Its event arrived and equals the notification.
    Right,
    /// Its event came out and differs in this part.
    Differs(&'static str),
    /// It ended in FailedQueue for this reason.
    Failed(String),
    /// Nothing came out, or the webhook did not accept the notification.
    Missing(&'static str),
    /// The event was not sent, or came out twice.
    Unasked,
}

/// Compares what was sent with what came out. Returns a line for each notification, and one for each surplus event.
#[must_use]
pub fn judge(sent: &[Sent], delivered: &[Message], failed: &[Message]) -> Vec<Line> {
    let mut unasked: Vec<&Message> = delivered.iter().collect();
    let mut lines: Vec<Line> = Vec::new();
    for sent in sent {
        let own = unasked.iter().position(|message| is_about(&message.body, sent));
        let message = own.map(|index| unasked.swap_remove(index));
        lines.push(line(sent, message, delivered, failed));
    }
    if sent.iter().any(|sent| sent.case.transport == Transport::Lost) {
        unasked.retain(|message| !loss::is_about_a_gap(&message.body));
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

/// Returns the line of one notification.
fn line(sent: &Sent, message: Option<&Message>, delivered: &[Message], failed: &[Message]) -> Line {
    let event = message.and_then(|message| Event::parse(&message.body));
    let verdict = match (&event, sent.case.transport) {
        (None, _) => absence(sent, failed),
        (Some(_), Transport::Lost) if !loss::is_complete(sent.case.name, delivered) => {
            Verdict::Differs("CatchUpCompleted")
        }
        (Some(event), _) => difference(sent, event).map_or(Verdict::Right, Verdict::Differs),
    };
    let summary = event.as_ref().map(Event::summary).unwrap_or_default();
    Line {
        name: sent.case.name.to_owned(),
        summary: match sent.case.transport {
            Transport::Sent => summary,
            Transport::Fetched => format!("fetched: {summary}"),
            Transport::Lost => "lost by Graph, read by the reader".to_owned(),
        },
        event_type: event.map_or_else(|| sent.case.event_type.to_owned(), |event| event.event_type),
        milliseconds: message
            .and_then(|message| message.sent_at)
            .map(|at| at.saturating_sub(sent.at)),
        verdict,
    }
}

/// Returns whether a message is the event of a notification.
fn is_about(body: &str, sent: &Sent) -> bool {
    Event::parse(body).is_some_and(|event| event.subscription == sent.case.name)
}

/// Returns the first part of an event that differs from what was sent.
fn difference(sent: &Sent, event: &Event<'_>) -> Option<&'static str> {
    let item = |name: &str| sent.item.item.get(name).cloned().unwrap_or_default();
    let content = event.data.content.map(RawValue::get);
    let is_lost = sent.case.transport == Transport::Lost;
    if sent.case.transport == Transport::Fetched && !content.is_some_and(|content| content.contains(FETCHED))
    {
        return Some("content");
    }
    let content = content.filter(|_| sent.case.transport == Transport::Sent);
    let parsed = |text: Option<&str>| text.and_then(|text| serde_json::from_str::<Value>(text).ok());
    let expected = sent.item.content.as_deref();
    let same = [
        ("type", event.event_type == sent.case.event_type),
        ("subscription", event.subscription == sent.case.name),
        ("changeType", event.data.change_type == sent.case.change_type),
        ("resource", item("resource") == event.data.resource.as_str()),
        (
            "resourceData",
            is_lost || item("resourceData") == event.data.resource_data,
        ),
        ("caughtUp", is_lost == event.data.caught_up.is_some()),
        ("form", expected.is_some() == sent.case.rich),
        ("content", parsed(content) == parsed(expected)),
        ("content, byte for byte", content == expected),
    ];
    same.into_iter().find_map(|(part, same)| (!same).then_some(part))
}

/// Returns why there is no event.
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
    use crate::demo::{CASES, Case};
    use graph_simulator::SentItem;

    #[test]
    fn an_event_that_equals_its_change_is_right() {
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

    #[test]
    fn a_fetch_needs_content_and_a_loss_an_end_that_is_complete() {
        let events = |case: &'static Case, data: &Value, complete: bool| {
            let change = json!({"type": case.event_type, "subscription": case.name, "data": data});
            let end = json!({
                "type": "Microsoft.Graph.CatchUpCompleted", "subscription": case.name, "data": {"complete": complete},
            });
            [change, end].map(|event| message(event.to_string()))
        };
        let data = |case: &Case, name: &str, value: Value| {
            let mut data =
                json!({"changeType": case.change_type, "resource": "r", "resourceData": {"id": "1"}});
            data[name] = value;
            data
        };
        let of = |transport| CASES.iter().find(|case| case.transport == transport).unwrap();
        let fetched = json!({"subject": FETCHED});
        for (transport, name, value, complete, expected) in [
            (Transport::Fetched, "content", &fetched, true, Verdict::Right),
            (
                Transport::Fetched,
                "content",
                &json!({}),
                true,
                Verdict::Differs("content"),
            ),
            (Transport::Lost, "caughtUp", &json!("gap"), true, Verdict::Right),
            (
                Transport::Lost,
                "caughtUp",
                &json!("gap"),
                false,
                Verdict::Differs("CatchUpCompleted"),
            ),
            (
                Transport::Lost,
                "other",
                &json!("gap"),
                true,
                Verdict::Differs("caughtUp"),
            ),
        ] {
            let case = of(transport);
            let mut sent = Sent { case, ..sent() };
            sent.item.content = None;
            let events = events(case, &data(case, name, value.clone()), complete);
            let lines = judge(&[sent], &events, &[]);
            assert_eq!(lines[0].verdict, expected, "{transport:?} {name} {complete}");
        }
    }

    /// Returns the verdicts on events with these contents, compared with [`sent`].
    fn verdicts(contents: &[&str]) -> Vec<Verdict> {
        let case = &CASES[0];
        let event = |content: &&str| {
            message(format!(
                r#"{{"type":"{}","subscription":"{}","data":{{"changeType":"{}","resource":"r","resourceData":{{"id":"1"}},"content":{content}}}}}"#,
                case.event_type, case.name, case.change_type
            ))
        };
        let delivered: Vec<Message> = contents.iter().map(event).collect();
        judge(&[sent()], &delivered, &[])
            .into_iter()
            .map(|line| line.verdict)
            .collect()
    }

    fn message(body: String) -> Message {
        Message {
            body,
            attributes: BTreeMap::new(),
            sent_at: None,
        }
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
