//! What a consumer would have missed, with the reader and without it.

use std::collections::BTreeMap;

use graph_core::{
    read::{Window, way},
    subscription::catalogue,
};
use jiff::Timestamp;

/// A time in which no subscription watched a resource.
#[derive(Clone, Debug)]
pub(super) struct Unwatched {
    pub(super) tenant_id: String,
    pub(super) resource: String,
    pub(super) from: Timestamp,
    pub(super) until: Timestamp,
}

/// What an event tells consumers about a gap.
#[derive(Clone, Debug)]
pub(super) struct GapEvent {
    pub(super) tenant_id: String,
    pub(super) resource: String,
    /// When it began, if that is known.
    pub(super) from: Option<Timestamp>,
    pub(super) until: Timestamp,
}

/// What renewal says about gaps.
#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    /// The events for consumers.
    pub(super) events: Vec<GapEvent>,
    /// The windows for the reader.
    pub(super) windows: Vec<Window>,
    /// The runs that were killed, which could not say anything: from their beginning until their end.
    pub(super) killed: Vec<(Timestamp, Timestamp)>,
}

/// The changes that no notification reports, if each resource changes once a minute.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Missed {
    /// All: a consumer without the reader misses these.
    pub(super) all: u64,
    /// Those that a window of the reader contains.
    pub(super) read: u64,
    /// Those of resources that have no list by time, in a gap that an event tells of.
    pub(super) unreadable: u64,
    /// Those before a window that is reported as incomplete, because renewal does not know how long the gap is.
    pub(super) reported: u64,
    /// Those of which only a run knew that was killed: it had created the subscription again.
    pub(super) killed: u64,
    /// All others: resource, and when.
    pub(super) silent: Vec<(String, Timestamp)>,
}

impl Missed {
    /// Counts the changes in `unwatched`.
    pub(super) fn of(unwatched: &[Unwatched], told: &Told) -> Self {
        let mut windows: BTreeMap<(String, &str), Vec<&Window>> = BTreeMap::new();
        for window in &told.windows {
            let key = (window.application.tenant_id.to_string(), window.resource.as_str());
            windows.entry(key).or_default().push(window);
        }
        let mut events: BTreeMap<(String, &str), Vec<&GapEvent>> = BTreeMap::new();
        for event in &told.events {
            let key = (event.tenant_id.clone(), event.resource.as_str());
            events.entry(key).or_default().push(event);
        }
        let mut missed = Self::default();
        for gap in unwatched {
            let key = (gap.tenant_id.to_ascii_lowercase(), gap.resource.as_str());
            let tells = |event: &&GapEvent| {
                event.from.is_none_or(|from| from <= gap.from) && gap.until <= event.until
            };
            let is_told = events.get(&key).is_some_and(|events| events.iter().any(tells));
            let ended_in = |(from, until): &(Timestamp, Timestamp)| (*from..=*until).contains(&gap.until);
            let is_killed = told.killed.iter().any(ended_in);
            let windows = windows.get(&key).map(Vec::as_slice).unwrap_or_default();
            missed.add(gap, windows, is_told, is_killed);
        }
        missed
    }

    fn add(&mut self, gap: &Unwatched, windows: &[&Window], is_told: bool, is_killed: bool) {
        let is_readable = catalogue::find(&gap.resource).is_some_and(|row| way(row).is_ok());
        for moment in minutes(gap.from, gap.until) {
            self.all += 1;
            let reads = |window: &&Window| window.from <= moment && moment <= window.until;
            let reports =
                |window: &&Window| window.clipped && moment < window.from && gap.until <= window.until;
            if !is_readable && is_told {
                self.unreadable += 1;
            } else if windows.iter().any(reads) {
                self.read += 1;
            } else if windows.iter().any(reports) {
                self.reported += 1;
            } else if is_killed {
                self.killed += 1;
            } else {
                self.silent.push((gap.resource.clone(), moment));
            }
        }
    }
}

/// Returns the full minutes from `from` until before `until`.
fn minutes(from: Timestamp, until: Timestamp) -> impl Iterator<Item = Timestamp> {
    let first = from.as_second().div_euclid(60) * 60;
    let moments = (0..).map_while(move |number: i64| Timestamp::from_second(first + 60 * number).ok());
    moments
        .skip_while(move |moment| *moment < from)
        .take_while(move |moment| *moment < until)
}

#[cfg(test)]
mod tests {
    use graph_core::{application::test_util::application, notification::client_state::Proven};
    use jiff::SignedDuration;

    use super::*;

    #[test]
    fn only_changes_that_nobody_reads_or_reports_are_missed_silently() {
        let chat = "/chats/1/messages";
        let (mut none, mut told, mut killed) = (Told::default(), Told::default(), Told::default());
        none.killed = vec![(at(0), at(19)), (at(21), at(30))];
        told.events = vec![event("/users", Some(11), 20), event(chat, None, 30)];
        killed.killed = vec![(at(12), at(22))];
        let mut all = told.clone();
        all.events.push(event("/users", Some(10), 20));
        let read = |windows| Told {
            windows,
            ..Told::default()
        };
        for (resource, told, expected) in [
            (chat, none.clone(), (0, 0, 0, 0, 10)),
            (chat, killed, (0, 0, 0, 10, 0)),
            ("/users", none, (0, 0, 0, 0, 10)),
            ("/users", told, (0, 0, 0, 0, 10)),
            ("/users", all, (0, 10, 0, 0, 0)),
            (chat, read(vec![window(chat, 5, 20, false)]), (10, 0, 0, 0, 0)),
            (chat, read(vec![window(chat, 15, 20, false)]), (5, 0, 0, 0, 5)),
            (chat, read(vec![window(chat, 15, 20, true)]), (5, 0, 5, 0, 0)),
            (
                chat,
                read(vec![window("/chats/2/messages", 5, 20, true)]),
                (0, 0, 0, 0, 10),
            ),
        ] {
            let gap = Unwatched {
                tenant_id: tenant_id(),
                resource: resource.to_owned(),
                from: at(10),
                until: at(20),
            };
            let missed = Missed::of(&[gap], &told);
            let found = (
                missed.read,
                missed.unreadable,
                missed.reported,
                missed.killed,
                missed.silent.len(),
            );
            assert_eq!((missed.all, found), (10, expected), "{resource} {told:?}");
        }
    }

    fn event(resource: &str, from: Option<i64>, until: i64) -> GapEvent {
        GapEvent {
            tenant_id: tenant_id(),
            resource: resource.to_owned(),
            from: from.map(at),
            until: at(until),
        }
    }

    fn window(resource: &str, from: i64, until: i64, clipped: bool) -> Window {
        let owner = Proven {
            subscription: "one".to_owned(),
            application: application(("t", "c")),
        };
        Window {
            clipped,
            ..Window::without_gap(&owner, resource.to_owned(), at(from), at(until))
        }
    }

    fn tenant_id() -> String {
        application(("t", "c")).tenant_id.to_string()
    }

    fn at(minute: i64) -> Timestamp {
        "2027-01-01T00:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_mins(minute)
    }
}
