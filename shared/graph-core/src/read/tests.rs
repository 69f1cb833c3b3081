//! Reading over any history, against a small model of Microsoft Graph.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::json;

use self::model::{Graph, Op, What, at};
use super::*;
use crate::{
    application::test_util::application,
    notification::{
        client_state::{
            ClientStateKeys,
            test_util::{document, key},
        },
        seal::Sealed,
    },
    subscription::{catalogue, config::Config},
};

mod items;
mod limits;
mod model;
mod rows;
mod windows;

const MAIL: &str = "/users/u1/messages";
const FOLDER: &str = "/users/u1/mailFolders/f1/messages";
const CHANNEL: &str = "/teams/t1/channels/c1/messages";
const CHAT: &str = "/chats/c1/messages";
const DRIVE: &str = "/drives/d1/root";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn nothing_that_a_mailbox_shows_is_left_out(story in story()) {
        let read = story.read(MAIL, "created,updated");
        read.holds()?;
        // No folder hides anything in the list of all mail.
        prop_assert!(read.completed.unseen.is_empty());
        // A page holds a second's items: then there is nothing that could hide.
        if story.page > story.before.len() + story.meanwhile.len() {
            prop_assert!(read.completed.is_complete());
        }
    }

    #[test]
    fn a_mailbox_read_without_order_loses_nothing_without_reporting_it(story in story()) {
        story.read_from(Graph { refuses_order: true, ..story.graph() }, MAIL, "created,updated").holds()?;
    }

    #[test]
    fn nothing_that_stays_in_a_folder_is_left_out(story in story_with(0.2)) {
        let read = story.read(FOLDER, "created,updated");
        read.holds()?;
        prop_assert_eq!(&read.completed.unseen, &["moved"]);
        prop_assert!(!read.completed.is_complete());
    }

    #[test]
    fn nothing_that_a_channel_shows_is_left_out(story in story()) {
        let read = story.read(CHANNEL, "created,updated,deleted");
        read.holds()?;
        prop_assert!(read.completed.is_complete() || story.stops());
    }

    #[test]
    fn nothing_that_a_chat_shows_is_left_out(story in story()) {
        let read = story.read(CHAT, "created,updated,deleted");
        read.holds()?;
        prop_assert!(read.completed.is_complete() || story.stops());
    }

    #[test]
    fn nothing_is_left_out_though_pages_are_empty_repeat_or_lack_times(story in story()) {
        for (resource, change_type) in [(DRIVE, "updated"), (CHANNEL, "created,updated,deleted")] {
            story.read_from(Graph { is_odd: true, ..story.graph() }, resource, change_type).holds()?;
        }
    }

    /// The wait before a window is read is longer than the time after which lists show a change here.
    #[test]
    fn a_change_that_a_list_shows_late_is_read(story in story(), lag in 0..60_i64) {
        for (resource, change_type) in [
            (MAIL, "created,updated"), (CHANNEL, "created,updated,deleted"), (CHAT, "created,updated,deleted"), (DRIVE, "updated"),
        ] {
            story.read_from(Graph { lag, ..story.graph() }, resource, change_type).holds()?;
        }
    }

    #[test]
    fn nothing_that_a_drive_shows_is_left_out(story in story()) {
        let read = story.read(DRIVE, "updated");
        read.holds()?;
        prop_assert_eq!(read.completed.unseen, ["deleted"]);
    }
}

#[test]
fn a_mailbox_with_one_change_a_second_is_read_completely() {
    let story = Story {
        before: (0..40)
            .map(|id| Op {
                id,
                pause: 1,
                what: What::Changes,
            })
            .collect(),
        meanwhile: (40..60)
            .map(|id| Op {
                id: id % 40,
                pause: 1,
                what: What::Changes,
            })
            .collect(),
        page: 3,
        turns: vec![true, false, true],
        pauses: vec![false],
    };
    let read = story.read(MAIL, "created,updated");
    read.holds().unwrap();
    assert!(read.completed.is_complete(), "{:?}", read.completed);
}

#[test]
fn more_items_in_one_second_than_a_page_are_not_complete() {
    let story = Story {
        before: (0..9)
            .map(|id| Op {
                id,
                pause: 0,
                what: What::Changes,
            })
            .collect(),
        meanwhile: Vec::new(),
        page: 2,
        turns: vec![false],
        pauses: vec![false],
    };
    let read = story.read(MAIL, "created,updated");
    read.holds().unwrap();
    assert_eq!(read.came.len(), 9);
    assert_eq!(read.completed.shortfall, Some(Shortfall::Shifted));
}

/// What happens to the items of a list, and when.
#[derive(Clone, Debug)]
struct Story {
    /// Before the end of the window.
    before: Vec<Op>,
    /// While the list is read.
    meanwhile: Vec<Op>,
    /// How many items a page holds.
    page: usize,
    /// Whether each turn ends after one page.
    turns: Vec<bool>,
    /// Whether Microsoft Graph answers each request by a pause, which ends the turn.
    pauses: Vec<bool>,
}

/// Items are created, changed and deleted, before the list is read and while it is.
fn story() -> impl Strategy<Value = Story> {
    story_with(0.0)
}

/// Items move out of the folder as well, and come back.
fn story_with(moves: f64) -> impl Strategy<Value = Story> {
    let op = || {
        let what = (proptest::bool::weighted(0.15), proptest::bool::weighted(moves));
        (0..12_usize, 0..3_i64, what).prop_map(|(id, pause, (deletes, moves))| Op {
            id,
            pause,
            what: match (deletes, moves) {
                (true, _) => What::Deletes,
                (false, true) => What::Moves,
                (false, false) => What::Changes,
            },
        })
    };
    (
        proptest::collection::vec(op(), 1..40),
        proptest::collection::vec(op(), 0..20),
        1..8_usize,
        proptest::collection::vec(any::<bool>(), 1..5),
        proptest::collection::vec(proptest::bool::weighted(0.2), 1..6),
    )
        .prop_map(|(before, meanwhile, page, turns, mut pauses)| {
            // A list that is never there is given up, which other tests show.
            pauses.push(false);
            Story {
                before,
                meanwhile,
                page,
                turns,
                pauses,
            }
        })
}

impl Story {
    /// Returns whether turns end early, or more happens than the list is asked for again: no time passes in this model, so
    /// that nothing is ever long ago.
    fn stops(&self) -> bool {
        self.turns.contains(&true) || self.pauses.contains(&true) || self.meanwhile.len() > 3
    }

    fn graph(&self) -> Graph {
        let mut graph = Graph {
            page: self.page,
            ..Graph::default()
        };
        self.before.iter().for_each(|op| graph.happen(*op));
        graph
    }

    fn read(&self, resource: &str, change_type: &str) -> Read {
        self.read_from(self.graph(), resource, change_type)
    }

    /// Reads the second half of the history; something happens before each page, and turns end now and then.
    fn read_from(&self, mut graph: Graph, resource: &str, change_type: &str) -> Read {
        let (from, until) = (at(graph.now / 2), at(graph.now));
        let (expected, is_odd) = (graph.shows(resource, from, until), graph.is_odd);
        let config = config(resource, change_type);
        let mut window = window(resource, from, until);
        let (mut came, mut meanwhile) = (BTreeSet::new(), self.meanwhile.iter());
        let (mut turns, mut pauses) = (self.turns.iter().cycle(), self.pauses.iter().cycle());
        let wait = window.settles_in(SignedDuration::from_mins(1), at(graph.now + 1));
        graph.now += 1 + i64::try_from(wait.as_secs()).unwrap();
        loop {
            let (entry, tenant) = window.configured(&config).unwrap();
            let Plan::Read(mut reading) = Plan::of(window, entry, tenant, true, at(graph.now)) else {
                panic!("it can be read");
            };
            while let Some(request) = reading.request() {
                meanwhile.next().into_iter().for_each(|op| graph.happen(*op));
                if *pauses.next().unwrap() {
                    assert_eq!(reading.waits(), Turned::Again);
                    break;
                }
                match graph.answer(resource, &request) {
                    Ok(answer) => {
                        let page = Page::parse(answer.as_bytes()).unwrap();
                        let changes = reading.take(&page);
                        came.extend(changes.into_iter().map(|change| {
                            (
                                change.kind,
                                change.id,
                                change.etag.unwrap_or_default(),
                                change.time,
                            )
                        }));
                    }
                    Err(status) => assert_eq!(reading.refused(status), Turned::Again),
                }
                if *turns.next().unwrap() {
                    break;
                }
            }
            if reading.request().is_none() {
                return Read {
                    completed: reading.completed(),
                    came,
                    expected,
                    graph,
                    from,
                    until,
                    hides_deleted: resource.starts_with("/users") || (is_odd && resource == DRIVE),
                };
            }
            window = reread(&reading.rest()).unwrap();
        }
    }
}

/// Returns a window as it comes out of the queue.
fn reread(window: &Window) -> Option<Window> {
    let keys = ClientStateKeys::parse(&document(vec![key("k1", 7)], &[])).0;
    let body = window.to_body(&keys, Timestamp::UNIX_EPOCH).unwrap();
    Window::parse(Sealed::open(&body, &keys).unwrap())
}

/// What a reading brought.
struct Read {
    completed: Completed,
    came: BTreeSet<(graph_events::Change, String, String, Timestamp)>,
    expected: BTreeSet<(graph_events::Change, String, String)>,
    graph: Graph,
    from: Timestamp,
    until: Timestamp,
    hides_deleted: bool,
}

impl Read {
    fn holds(&self) -> Result<(), TestCaseError> {
        for (kind, id, etag, time) in &self.came {
            prop_assert!(
                self.from <= *time && *time <= self.until,
                "{kind:?} {id} {etag} at {time}"
            );
        }
        let created: BTreeSet<_> = self
            .came
            .iter()
            .filter(|(kind, ..)| *kind == graph_events::Change::Created)
            .map(|(_, id, ..)| id)
            .collect();
        let is_there = |(kind, id, etag): &(graph_events::Change, String, String)| {
            // What changed again while it was read shows its later state.
            let is_later = self.graph.changed_after(id, self.until);
            let is_exact = self
                .came
                .iter()
                .any(|(one, other, tag, _)| (one, other, tag) == (kind, id, etag));
            // What was deleted or moved while it was read is nowhere to be seen.
            let is_gone = self.hides_deleted && self.graph.left_after(id, self.until);
            is_exact
                || is_gone
                || (is_later && (*kind != graph_events::Change::Created || created.contains(id)))
        };
        let missing: Vec<_> = self.expected.iter().filter(|change| !is_there(change)).collect();
        prop_assert!(
            missing.is_empty() || !self.completed.is_complete(),
            "{missing:?} of {:?}",
            self.came
        );
        let ordered = self.completed.shortfall != Some(Shortfall::Shifted);
        prop_assert!(missing.is_empty() || !ordered, "{missing:?} of {:?}", self.came);
        let counts = self.completed.counts;
        prop_assert!(
            counts.created + counts.updated + counts.deleted >= u64::try_from(self.came.len()).unwrap()
        );
        Ok(())
    }
}

fn config(resource: &str, change_type: &str) -> Config {
    let document = json!({
        "tenants": {"contoso": {
            "tenantId": "11111111-2222-3333-4444-555555555555", "clientId": "66666666-7777-8888-9999-000000000000",
            "credential": {"clientSecret": "s"},
        }},
        "subscriptions": {"one": {
            "resource": resource, "changeType": change_type, "immutableIds": resource == MAIL,
        }},
    });
    Config::parse(&document.to_string()).unwrap().0
}

fn window(resource: &str, from: Timestamp, until: Timestamp) -> Window {
    Window {
        read: Tag::Window,
        application: application((
            "11111111-2222-3333-4444-555555555555",
            "66666666-7777-8888-9999-000000000000",
        )),
        subscription: "one".to_owned(),
        resource: resource.to_owned(),
        from,
        until,
        gap: Some("gap".to_owned()),
        clipped: false,
        part: None,
        also: Vec::new(),
        at: None,
        counts: None,
    }
}

fn minutes(minutes: i64) -> SignedDuration {
    SignedDuration::from_mins(minutes)
}
