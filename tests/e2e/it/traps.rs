//! The reader against what Graph's lists do besides listing: each trap by itself, over the simulator.

use std::collections::BTreeSet;

use graph_simulator::{Fault, Item};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::interrupted::{TENANT, World};

#[tokio::test]
async fn all_replies_of_a_chain_are_read_also_behind_links() {
    let world = World::new(&json!({"one": {"resource": CHANNEL, "changeType": "created,updated,deleted"}}));
    world.put(CHANNEL, Item::new("root", world.ago(60 * 24 * 9)));
    for number in 0..7 {
        let reply = Item::new(format!("reply-{number}"), world.ago(10));
        world.put(CHANNEL, reply.with("replyToId", json!("root")));
    }
    world.read(vec![world.window("one", CHANNEL)]).await;
    let expected: BTreeSet<_> = (0..7)
        .map(|number| format!("replies('reply-{number}')"))
        .collect();
    assert_eq!(created(&world), expected);
    assert_eq!(end(&world)["complete"], true);
}

/// Keys of Teams have letters that are escaped in one spelling and not in another.
#[tokio::test]
async fn a_next_page_in_another_spelling_is_read() {
    let chat = "/chats/19:Cafe@unq.gbl.spaces/messages";
    let world = World::new(&json!({"one": {"resource": chat, "changeType": "created"}}));
    for number in 0..120 {
        world.put(chat, Item::new(number.to_string(), world.ago(10)));
    }
    world.read(vec![world.window("one", chat)]).await;
    assert_eq!(created(&world).len(), 120);
    assert_eq!(end(&world)["complete"], true);
}

#[tokio::test]
async fn a_deleted_file_without_times_or_version_is_one_event() {
    let drive = "/drives/d/root";
    let world = World::new(&json!({"one": {"resource": drive, "changeType": "updated"}}));
    world.put(drive, Item::new("file", world.ago(60 * 24)));
    assert!(world.simulator.delete_item(TENANT, drive, "file").is_some());
    for gap in 0..3 {
        let window = world.window("one", drive);
        world.read(vec![window]).await;
        world.simulator.advance(SignedDuration::from_secs(gap));
    }
    let events = world.events();
    let deleted = events
        .iter()
        .filter(|event| event["type"] == "Microsoft.Graph.DriveItemDeleted");
    let ids: BTreeSet<_> = deleted.map(|event| event["id"].to_string()).collect();
    assert_eq!(ids.len(), 1, "{events:#?}");
    assert_eq!(end(&world)["unseen"], json!(["deleted"]));
}

#[tokio::test]
async fn a_throttled_mailbox_is_read_after_its_pauses() {
    let world =
        World::new(&json!({"one": {"resource": MAIL, "changeType": "created", "immutableIds": true}}));
    world.put(MAIL, Item::new("mail", world.ago(10)));
    let throttled = Fault::new("GET", "/v1.0/users/u/", 429).times(3).retry_after(10);
    world.simulator.fail(throttled);
    let begun = world.simulator.now();
    world.read(vec![world.window("one", MAIL)]).await;
    let requests = world.simulator.requests();
    let read = requests
        .iter()
        .filter(|one| one.path.ends_with(MAIL) && one.status == 200);
    let waited = read.map(|one| one.at.duration_since(begun)).min().unwrap();
    assert!(waited >= SignedDuration::from_secs(30), "{waited}");
    assert_eq!(end(&world)["complete"], true);
}

/// Renewal keeps a window back for a minute after its end.
#[tokio::test]
async fn a_change_that_lists_show_after_half_a_minute_is_read() {
    let world =
        World::new(&json!({"one": {"resource": MAIL, "changeType": "created", "immutableIds": true}}));
    world.simulator.delay_lists(SignedDuration::from_secs(30));
    world.put(MAIL, Item::new("late", world.simulator.now()));
    let window = world.window("one", MAIL);
    world.simulator.advance(SignedDuration::from_mins(1));
    world.read(vec![window]).await;
    assert_eq!(created(&world), BTreeSet::from(["messages('late')".to_owned()]));
    assert_eq!(end(&world)["complete"], true);
}

#[tokio::test]
async fn a_gap_is_not_complete_where_messages_may_have_moved() {
    let folder = "/users/u/mailFolders/f/messages";
    for (resource, immutable, is_complete) in
        [(MAIL, true, true), (MAIL, false, false), (folder, true, false)]
    {
        let world = World::new(
            &json!({"one": {"resource": resource, "changeType": "created", "immutableIds": immutable}}),
        );
        world.put(MAIL, Item::new("old", world.ago(60 * 24)));
        world.put(folder, Item::new("new", world.ago(10)));
        assert!(world.simulator.move_item(TENANT, folder, MAIL, "new").is_some());
        world.read(vec![world.window("one", resource)]).await;
        let end = end(&world);
        assert_eq!(end["complete"], is_complete, "{resource} {immutable}");
        assert_eq!(end["unseen"] == json!(["moved"]), !is_complete, "{end:#}");
    }
}

/// The list shows the last state only: what was created and changed in the gap is one item, and no change is left out.
#[tokio::test]
async fn an_item_that_changes_often_is_delivered_in_its_last_state() {
    let world = World::new(
        &json!({"one": {"resource": MAIL, "changeType": "created,updated", "immutableIds": true}}),
    );
    world.put(MAIL, Item::new("new", world.ago(10)));
    world.put(MAIL, Item::new("old", world.ago(60 * 24)));
    for _ in 0..3 {
        for id in ["new", "old"] {
            world.simulator.advance(SignedDuration::from_secs(1));
            assert!(world.simulator.change_item(TENANT, MAIL, id).is_some());
        }
    }
    world.read(vec![world.window("one", MAIL)]).await;
    let mut kinds = BTreeSet::new();
    for event in world.events() {
        if event["data"]["changeType"].is_string() {
            kinds.insert((
                event["subject"].to_string(),
                event["data"]["changeType"].to_string(),
                event["id"].to_string(),
            ));
        }
    }
    let kinds: Vec<_> = kinds
        .iter()
        .map(|(subject, kind, _)| (subject.as_str(), kind.as_str()))
        .collect();
    let [new, old] = ["new", "old"].map(|id| format!("\"users('u')/messages('{id}')\""));
    assert_eq!(
        kinds,
        [
            (&*new, "\"created\""),
            (&*new, "\"updated\""),
            (&*old, "\"updated\"")
        ]
    );
}

impl World {
    fn put(&self, collection: &str, item: Item) {
        self.simulator.put_item(TENANT, collection, item);
    }

    fn ago(&self, minutes: i64) -> Timestamp {
        self.simulator.now() - SignedDuration::from_mins(minutes)
    }
}

/// Returns the last segments of what was created.
fn created(world: &World) -> BTreeSet<String> {
    let events = world.events().into_iter();
    let created = events.filter(|event| event["data"]["changeType"] == "created");
    let last = |event: Value| {
        let subject = event["subject"].as_str().unwrap_or_default().to_owned();
        subject.rsplit('/').next().unwrap_or_default().to_owned()
    };
    created.map(last).collect()
}

/// Returns the data of the last event about the end of a reading.
fn end(world: &World) -> Value {
    let mut events = world.events().into_iter();
    let is_end = |event: &Value| event["type"] == "Microsoft.Graph.CatchUpCompleted";
    events.rfind(is_end).unwrap()["data"].clone()
}

const MAIL: &str = "/users/u/messages";

const CHANNEL: &str = "/teams/t/channels/19:general@thread.tacv2/messages";
