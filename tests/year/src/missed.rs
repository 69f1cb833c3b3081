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

/// The changes that no notification reports, if each resource changes once a minute.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Missed {
    /// All: a consumer without the reader misses these.
    pub(super) all: u64,
    /// Those that a window of the reader contains.
    pub(super) read: u64,
    /// Those of resources that have no list by time: the event about the gap says so.
    pub(super) unreadable: u64,
    /// Those before a window that is reported as incomplete, because renewal does not know how long the gap is.
    pub(super) reported: u64,
    /// All others: resource, and when.
    pub(super) silent: Vec<(String, Timestamp)>,
}

impl Missed {
    /// Counts the changes in `unwatched`.
    pub(super) fn of(unwatched: &[Unwatched], windows: &[Window]) -> Self {
        let mut by_resource: BTreeMap<(String, &str), Vec<&Window>> = BTreeMap::new();
        for window in windows {
            let key = (window.application.tenant_id.to_string(), window.resource.as_str());
            by_resource.entry(key).or_default().push(window);
        }
        let mut missed = Self::default();
        for gap in unwatched {
            let key = (gap.tenant_id.to_ascii_lowercase(), gap.resource.as_str());
            let windows = by_resource.get(&key).map(Vec::as_slice).unwrap_or_default();
            missed.add(gap, windows);
        }
        missed
    }

    fn add(&mut self, gap: &Unwatched, windows: &[&Window]) {
        let is_readable = catalogue::find(&gap.resource).is_some_and(|row| way(row).is_ok());
        for moment in minutes(gap.from, gap.until) {
            self.all += 1;
            let reads = |window: &&Window| window.from <= moment && moment <= window.until;
            let reports =
                |window: &&Window| window.clipped && moment < window.from && gap.until <= window.until;
            if !is_readable {
                self.unreadable += 1;
            } else if windows.iter().any(reads) {
                self.read += 1;
            } else if windows.iter().any(reports) {
                self.reported += 1;
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
        for (resource, windows, expected) in [
            (chat, vec![], (0, 0, 0, 10)),
            ("/users", vec![], (0, 10, 0, 0)),
            (chat, vec![window(chat, 5, 20, false)], (10, 0, 0, 0)),
            (chat, vec![window(chat, 15, 20, false)], (5, 0, 0, 5)),
            (chat, vec![window(chat, 15, 20, true)], (5, 0, 5, 0)),
            (
                chat,
                vec![window("/chats/2/messages", 5, 20, true)],
                (0, 0, 0, 10),
            ),
        ] {
            let gap = Unwatched {
                tenant_id: tenant_id(),
                resource: resource.to_owned(),
                from: at(10),
                until: at(20),
            };
            let missed = Missed::of(&[gap], &windows);
            let found = (
                missed.read,
                missed.unreadable,
                missed.reported,
                missed.silent.len(),
            );
            assert_eq!((missed.all, found), (10, expected), "{resource} {windows:?}");
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
