//! The changes that were sent and the observations, which the verdict compares.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use graph_events::{DateTime, DeliveredEvent, Field, Notice};
use jiff::Timestamp;

use crate::done::Done;
use crate::flaw::Flaw;
use crate::growth::{Growth, Sample, growth, median};
use crate::plan::Kind;
use crate::subject::Subject;

/// Everything that the verdict is about.
#[derive(Debug, Default)]
pub struct Evidence {
    /// What the run was asked for, and how much of it was done.
    pub done: Vec<Done>,
    /// The changes, as they were sent.
    pub sent: Vec<Sent>,
    /// The events about changes that consumers got, repeats included.
    pub events: Vec<Event>,
    /// The gaps in the events for consumers.
    pub gaps: Vec<Gap>,
    /// What was read of the gaps.
    pub caught_up: Vec<CaughtUp>,
    /// When Microsoft's signing keys were replaced, or could not be read.
    pub key_troubles: Vec<Timestamp>,
    /// The messages of FailedQueue.
    pub failures: Vec<Failure>,
    /// Names of subscriptions that ended although renewal had time to save them.
    pub lapsed: Vec<String>,
    /// Names of subscriptions that renewal deleted although they should live.
    pub deleted: Vec<String>,
    /// What is wrong with the subscriptions at the end.
    pub flaws: Vec<Flaw>,
    /// What did not become right although nothing failed any more.
    pub uncured: Vec<String>,
    /// Kinds of secrets that nobody could look for.
    pub unsearched: Vec<&'static str>,
    /// Secrets that stand in a log: of which function, and what it is.
    pub leaks: Vec<(&'static str, &'static str)>,
    /// Panics: of which function, and the line that tells of it.
    pub panics: Vec<(&'static str, String)>,
    /// Programs that ended by themselves: of which function, and with which status or by which signal.
    pub deaths: Vec<(&'static str, i32)>,
    /// How often a function took longer than its timeout.
    pub timeouts: Vec<(&'static str, usize)>,
    /// When the first event about each change arrived.
    pub arrivals: BTreeMap<u32, Timestamp>,
    /// What the functions' programs occupied.
    pub samples: Vec<Sample>,
    /// Programs that have grown although they had the same to do all the time.
    pub grown: Vec<Growth>,
    /// How long changes took at first and at the end, if they took longer and longer.
    pub slowed: Option<[Duration; 2]>,
}

impl Evidence {
    /// Returns how long changes took from Graph to a consumer, in the middle: those of the first quarter, and those of the last.
    pub fn latencies(&self) -> [Duration; 2] {
        let took = |sent: &Sent| {
            let arrived = self.arrivals.get(&sent.number)?;
            arrived.duration_since(sent.at).try_into().ok()
        };
        let quarter = self.sent.len() / 4;
        let (first, _) = self.sent.split_at(quarter);
        let (_, last) = self.sent.split_at(self.sent.len() - quarter);
        [first, last].map(|part| median(part.iter().filter_map(took)))
    }

    /// Notes what a steady run has shown to grow. The beginning of a short one is all that it has.
    pub fn compare(&mut self, minutes: u32) {
        if minutes < MIN_STEADY_MINUTES {
            return;
        }
        let growth = growth(&self.samples).into_iter();
        self.grown = growth.filter(|growth| !growth.is_flat()).collect();
        let [early, late] = self.latencies();
        self.slowed = (late > 2 * early + TOLERANCE).then_some([early, late]);
    }
}

/// A change, as it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// Its number.
    pub number: u32,
    /// The subscription.
    pub subject: Subject,
    /// The kind of notification that was sent.
    pub kind: Kind,
    /// The outcome of the POST.
    pub outcome: Outcome,
    /// When Graph had the change.
    pub at: Timestamp,
    /// Digest of the content, of a change that carried one.
    pub content: Option<u64>,
    /// Whether every configuration that may have been in force meanwhile asks for the subscription.
    pub is_wanted: bool,
    /// Whether Graph's list showed it from the beginning.
    pub is_listed: bool,
}

/// The outcome of a POST.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The webhook answered 2xx.
    Accepted,
    /// Graph gave up.
    GivenUp,
    /// The subscription ended while Graph was trying.
    Ended,
    /// Graph lost it.
    Dropped,
    /// There was no subscription just then.
    Unsubscribed,
}

/// An event about a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its id, by which consumers tell repeats.
    pub id: String,
    /// The number of the change, if it is one of the run's.
    pub number: Option<u32>,
    /// The tenant and the name of the subscription that it is said to be for.
    pub owner: [String; 2],
    /// Digest of the content.
    pub content: Option<u64>,
    /// Whether it was read after a gap, where content is of now and not of then.
    pub was_read: bool,
}

/// A time in which changes of a subscription may have been lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// The id of the event that tells of it.
    pub id: String,
    /// Name of the subscription.
    pub name: String,
    /// Since when, if that is known.
    pub from: Option<Timestamp>,
    /// Until when.
    pub until: Timestamp,
}

/// What was read of a gap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaughtUp {
    /// The id of the event that tells of the gap.
    pub gap: String,
    /// The team that was read, if the gap is read in parts.
    pub part: Option<String>,
    /// Since when changes were read.
    pub from: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// Whether all of them were delivered.
    pub is_complete: bool,
    /// Why some were perhaps not.
    pub reason: Option<String>,
}

/// A message in FailedQueue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The number of the change, if it is about one.
    pub number: Option<u32>,
    /// Why it is there.
    pub reason: Option<String>,
}

/// The content of a message of DeliveryQueue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivered {
    /// Something changed.
    Change(Event),
    /// Something may have been lost.
    Gap(Gap),
    /// A gap was read, as far as it can be.
    CaughtUp(CaughtUp),
}

impl Delivered {
    /// Reads a message of DeliveryQueue. An unreadable one belongs to no change.
    pub fn read(body: &str) -> Self {
        let Ok(event) = DeliveredEvent::parse(body) else {
            return Self::Change(Event {
                id: body.chars().take(80).collect(),
                number: None,
                owner: <[String; 2]>::default(),
                content: None,
                was_read: false,
            });
        };
        match event.notice() {
            Ok(Some(Notice::CatchUpCompleted(done))) => Self::CaughtUp(CaughtUp {
                gap: text(&done.gap).unwrap_or_default(),
                part: text(&done.part),
                // Without a time nothing was read.
                from: timestamp(&done.from).unwrap_or(Timestamp::MAX),
                until: timestamp(&done.until).unwrap_or(Timestamp::MIN),
                is_complete: done.complete.value() == Some(&true),
                reason: text(&done.reason),
            }),
            Ok(Some(
                Notice::SubscriptionMissed(gap)
                | Notice::SubscriptionRemoved(gap)
                | Notice::SubscriptionRecreated(gap),
            )) => Self::Gap(Gap {
                id: event.id,
                name: event.subscription,
                from: timestamp(&gap.lost_from),
                until: timestamp(&gap.lost_until).unwrap_or(Timestamp::MIN),
            }),
            _ => Self::Change(Event {
                number: event
                    .data
                    .resource_data
                    .as_ref()
                    .and_then(|data| number(data.get())),
                content: event.data.content.as_ref().map(|content| digest(content.get())),
                was_read: event.data.caught_up.is_some(),
                owner: [event.data.tenant_id, event.subscription],
                id: event.id,
            }),
        }
    }
}

/// Returns the id of the object that a change is about.
pub fn object(number: u32) -> String {
    format!("{MARK}{number:08}")
}

/// Returns the number of the change that a text is about: the digits behind the first mark that has any.
pub fn number(text: &str) -> Option<u32> {
    text.split(MARK)
        .skip(1)
        .find_map(|rest| rest.get(..DIGITS)?.parse().ok())
}

/// Returns a digest of content, as a hundred thousand of them would take a lot of memory.
pub fn digest(content: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    hasher.finish()
}

fn text(field: &Field<String>) -> Option<String> {
    field.value().cloned()
}

fn timestamp(time: &Field<DateTime>) -> Option<Timestamp> {
    time.value()?.as_str().parse().ok()
}

/// The beginning of an object's id.
const MARK: &str = "chaos-";

/// How many digits follow.
const DIGITS: usize = 8;

/// The shortest steady run whose end differs from its beginning.
const MIN_STEADY_MINUTES: u32 = 10;

/// By how much changes may take longer at the end, beside twice the time: this machine does other things as well.
const TOLERANCE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_known_by_the_id_of_its_object() {
        assert_eq!(number(&format!("{{\"id\":\"{}\"}}", object(42))), Some(42));
        assert_eq!(
            number("the chaos-client and chaos-00000007 and chaos-00000008"),
            Some(7)
        );
        for text in ["", "chaos-", "chaos-1234567", "7", "chaos-abcdefgh"] {
            assert_eq!(number(text), None, "{text}");
        }
    }

    #[test]
    fn an_event_about_a_change_is_read() {
        let body = event(
            "Microsoft.Graph.ChatMessageCreated",
            r#"{"tenantId":"t","resourceData":{"id":"chaos-00000003"},"content":{"a":1.10},"caughtUp":"g"}"#,
        );
        let expected = Event {
            id: "e".to_owned(),
            number: Some(3),
            owner: ["t".to_owned(), "mail".to_owned()],
            content: Some(digest(r#"{"a":1.10}"#)),
            was_read: true,
        };
        assert_eq!(Delivered::read(&body), Delivered::Change(expected));
    }

    #[test]
    fn an_event_about_a_gap_is_read() {
        let body = event(
            "Microsoft.Graph.SubscriptionMissed",
            r#"{"tenantId":"t","lostFrom":"2026-01-01T00:00:00Z","lostUntil":"2026-01-01T01:00:00Z"}"#,
        );
        let expected = Gap {
            id: "e".to_owned(),
            name: "mail".to_owned(),
            from: Some("2026-01-01T00:00:00Z".parse().unwrap()),
            until: "2026-01-01T01:00:00Z".parse().unwrap(),
        };
        assert_eq!(Delivered::read(&body), Delivered::Gap(expected));
    }

    #[test]
    fn the_end_of_a_reading_is_read() {
        let body = event(
            "Microsoft.Graph.CatchUpCompleted",
            r#"{"tenantId":"t","gap":"g","from":"2026-01-01T00:00:00Z","until":"2026-01-01T01:00:00Z","complete":false,"reason":"r","part":"p","parts":2}"#,
        );
        let expected = CaughtUp {
            gap: "g".to_owned(),
            part: Some("p".to_owned()),
            from: "2026-01-01T00:00:00Z".parse().unwrap(),
            until: "2026-01-01T01:00:00Z".parse().unwrap(),
            is_complete: false,
            reason: Some("r".to_owned()),
        };
        assert_eq!(Delivered::read(&body), Delivered::CaughtUp(expected));
    }

    #[test]
    fn an_unreadable_event_belongs_to_no_change() {
        for body in ["chaos-00000003", "{}"] {
            let Delivered::Change(event) = Delivered::read(body) else {
                panic!("{body}");
            };
            assert_eq!(event.number, None);
        }
    }

    fn event(event_type: &str, data: &str) -> String {
        format!(
            r#"{{"specversion":"1.0","id":"e","source":"/s","type":"{event_type}","time":"2026-01-01T00:00:00Z","subscription":"mail","data":{data}}}"#
        )
    }
}
