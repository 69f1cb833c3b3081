//! Lists and items, and the traps of reading them by time.

use super::*;
use crate::Item;

#[tokio::test]
async fn outlook_orders_only_by_the_first_filtered_field() {
    let bench = filled(MAIL, 3).await;
    let filter = format!("$filter=lastModifiedDateTime ge {}", at(0));
    let (status, body) = bench
        .read(MAIL, &format!("{filter}&$orderby=lastModifiedDateTime"))
        .await;
    assert_eq!((status.as_u16(), ids(&body)), (200, numbers(0..3)));
    let answer = bench
        .read(MAIL, &format!("{filter}&$orderby=receivedDateTime"))
        .await;
    refused(&answer, 400, "InefficientFilter", "too complex");
}

#[tokio::test]
async fn outlook_compares_by_the_second() {
    let bench = Bench::new().await;
    let changed = at(0) + SignedDuration::from_millis(900);
    bench.simulator.put_item(TENANT, MAIL, Item::new("0", changed));
    for (operator, expected) in [("ge", 1), ("gt", 0)] {
        let (_, body) = bench
            .read(
                MAIL,
                &format!("$filter=lastModifiedDateTime {operator} {}", at(0)),
            )
            .await;
        assert_eq!(ids(&body).len(), expected, "{operator}");
        if expected == 1 {
            assert_eq!(body["value"][0]["lastModifiedDateTime"], at(0).to_string());
        }
    }
}

#[tokio::test]
async fn a_next_link_of_outlook_skips_an_item_after_a_change() {
    let bench = filled(MAIL, 6).await;
    let query = format!(
        "$filter=lastModifiedDateTime ge {}&$orderby=lastModifiedDateTime&$top=2",
        at(0)
    );
    let (_, first) = bench.read(MAIL, &query).await;
    assert!(bench.simulator.change_item(TENANT, MAIL, "0").is_some());
    let mut seen = ids(&first);
    let mut page = first;
    while let Some(link) = page["@odata.nextLink"].as_str() {
        let path = link.strip_prefix(&bench.simulator.base_url()).unwrap().to_owned();
        page = bench.call(Method::GET, &path, None).await.1;
        seen.extend(ids(&page));
    }
    assert!(!seen.contains(&"2".to_owned()), "{seen:?}");
    assert_eq!(seen.iter().filter(|id| *id == "0").count(), 2, "{seen:?}");
}

#[tokio::test]
async fn a_chat_ignores_a_filter_without_the_order_and_orders_downwards_only() {
    let bench = filled(CHAT, 4).await;
    let filter = format!("$filter=lastModifiedDateTime gt {}", at(1));
    let (_, body) = bench.read(CHAT, &filter).await;
    assert_eq!(ids(&body).len(), 4, "the filter is ignored");
    let ordered = format!("{filter}&$orderby=lastModifiedDateTime desc");
    let (_, body) = bench.read(CHAT, &ordered).await;
    assert_eq!(ids(&body), ["3", "2"]);
    let answer = bench
        .read(CHAT, &format!("{filter}&$orderby=lastModifiedDateTime asc"))
        .await;
    refused(&answer, 400, "BadRequest", "order");
}

#[tokio::test]
async fn a_channel_takes_gt_only_and_answers_with_whole_chains() {
    let bench = filled(CHANNEL, 2).await;
    let reply = |id: &str, second| Item::new(id, at(second)).with("replyToId", json!("0"));
    bench.simulator.put_item(TENANT, CHANNEL, reply("old", 1));
    bench.simulator.put_item(TENANT, CHANNEL, reply("new", 20));
    let delta = format!("{CHANNEL}/delta");
    let answer = bench
        .read(&delta, &format!("$filter=lastModifiedDateTime ge {}", at(10)))
        .await;
    refused(&answer, 400, "BadRequest", "ge");
    let query = format!(
        "$filter=lastModifiedDateTime gt {}&$expand=replies&$top=50",
        at(10)
    );
    let (status, body) = bench.read(&delta, &query).await;
    assert_eq!((status.as_u16(), ids(&body)), (200, vec!["0".to_owned()]));
    let replies: Vec<_> = body["value"][0]["replies"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["id"])
        .collect();
    assert_eq!(replies, ["old", "new"]);
    assert!(body["@odata.deltaLink"].is_string());
    assert!(
        !bench.simulator.violations().is_empty(),
        "it was read twice in a second"
    );
    let answer = bench.read(&delta, "$top=51").await;
    refused(&answer, 400, "BadRequest", "page size");
}

#[tokio::test]
async fn replies_beyond_the_first_are_behind_a_link_in_another_spelling() {
    let bench = filled(CHANNEL, 1).await;
    for number in 1..=5 {
        let reply = Item::new(format!("r{number}"), at(number)).with("replyToId", json!("0"));
        bench.simulator.put_item(TENANT, CHANNEL, reply);
    }
    let (_, body) = bench.read(&format!("{CHANNEL}/delta"), "$expand=replies").await;
    let chain = &body["value"][0];
    assert_eq!(chain["replies"].as_array().unwrap().len(), 2);
    let link = chain["replies@odata.nextLink"].as_str().unwrap();
    let path = link.strip_prefix(&bench.simulator.base_url()).unwrap();
    assert!(
        path.starts_with("/v1.0/Teams('t')/Channels('c')/messages('0')/replies?"),
        "{path}"
    );
    let (status, body) = bench.call(Method::GET, path, None).await;
    assert_eq!(
        (status.as_u16(), ids(&body)),
        (200, vec!["r3".to_owned(), "r4".to_owned(), "r5".to_owned()])
    );
}

#[tokio::test]
async fn a_list_shows_a_change_late_if_asked_to() {
    let bench = Bench::new().await;
    let now = bench.simulator.now();
    bench.simulator.put_item(TENANT, MAIL, Item::new("0", now));
    bench.simulator.delay_lists(SignedDuration::from_secs(30));
    for (wait, expected) in [(0, 0), (31, 1)] {
        bench.simulator.advance(SignedDuration::from_secs(wait));
        let (_, body) = bench.read(MAIL, "").await;
        assert_eq!(ids(&body).len(), expected);
    }
}

#[tokio::test]
async fn a_moved_message_has_another_id_and_the_same_times() {
    let bench = filled(MAIL, 1).await;
    let folder = "/users/u/mailFolders/f/messages";
    let moved = bench.simulator.move_item(TENANT, MAIL, folder, "0").unwrap();
    assert_ne!(moved.id, "0");
    assert_eq!((moved.created, moved.changed), (at(0), at(0)));
    let (_, body) = bench.read(folder, "").await;
    assert_eq!(ids(&body), [moved.id]);
    assert_eq!(bench.read(&format!("{MAIL}/0"), "").await.0, 404);
}

#[tokio::test]
async fn calls_are_filtered_by_their_start() {
    let bench = filled(CALLS, 3).await;
    let query = format!(
        "$filter=startDateTime ge {} and startDateTime lt {}",
        at(1),
        at(2)
    );
    let (_, body) = bench.read(CALLS, &query).await;
    assert_eq!(ids(&body), ["1"]);
    let answer = bench
        .read(CALLS, &format!("$filter=lastModifiedDateTime ge {}", at(1)))
        .await;
    refused(&answer, 400, "BadRequest", "lastModifiedDateTime");
}

#[tokio::test]
async fn a_drive_shows_deletions_and_forgets_old_ones() {
    let bench = filled(DRIVE, 2).await;
    assert!(bench.simulator.delete_item(TENANT, DRIVE, "1").is_some());
    let delta = format!("{DRIVE}/delta");
    let (_, body) = bench.read(&delta, &format!("token={}", at(0))).await;
    assert_eq!(ids(&body), ["root", "0", "1"]);
    let deleted = &body["value"][2];
    assert!(deleted["deleted"].is_object(), "{body}");
    assert_eq!(
        deleted.get("lastModifiedDateTime").or(deleted.get("eTag")),
        None,
        "{body}"
    );
    let old = bench.simulator.now() - SignedDuration::from_hours(24 * 70);
    let answer = bench.read(&delta, &format!("token={old}")).await;
    refused(&answer, 410, "resyncChangesApplyDifferences", "Resync");
}

#[tokio::test]
async fn all_messages_of_a_team_come_with_their_channels() {
    let bench = filled(CHANNEL, 2).await;
    bench
        .simulator
        .put_item(TENANT, "/teams/t/channels/other/messages", Item::new("9", at(9)));
    let query = format!(
        "$filter=lastModifiedDateTime gt {} and lastModifiedDateTime lt {}",
        at(0),
        at(60)
    );
    let (_, body) = bench.read("/teams/t/channels/getAllMessages", &query).await;
    assert_eq!(ids(&body), ["1", "9"]);
    assert_eq!(body["value"][1]["channelIdentity"]["channelId"], "other");
}

#[tokio::test]
async fn recordings_are_those_of_the_organizer_whom_the_path_names() {
    let bench = filled("/users/u/onlineMeetings/getAllRecordings", 3).await;
    let path = |user: &str| {
        let times = format!("startDateTime={},endDateTime={}", at(1), at(2));
        format!("/users/u/onlineMeetings/getAllRecordings(meetingOrganizerUserId='{user}',{times})")
    };
    let (_, body) = bench.read(&path("u"), "").await;
    assert_eq!(ids(&body), ["1"]);
    assert_eq!(bench.read(&path("v"), "").await.0, 404);
}

#[tokio::test]
async fn single_items_are_there_until_they_are_deleted() {
    let bench = filled(MAIL, 1).await;
    let (status, body) = bench.read(&format!("{MAIL}/0"), "").await;
    assert_eq!((status.as_u16(), &body["id"]), (200, &json!("0")));
    assert!(bench.simulator.delete_item(TENANT, MAIL, "0").is_some());
    let answer = bench.read(&format!("{MAIL}/0"), "").await;
    refused(&answer, 404, "ErrorItemNotFound", "not found");
}

#[tokio::test]
async fn a_lost_notification_is_not_sent() {
    let bench = Bench::new().await;
    let id = bench.subscribe(bench.basic("/users/u/messages")).await;
    for (is_lost, expected) in [(true, 0), (false, 1)] {
        bench.simulator.lose_notifications(&id, is_lost);
        let report = bench
            .simulator
            .send(Post::new().change(&id, "updated"))
            .await
            .unwrap();
        assert_eq!(report.posts.len(), expected, "{report:#?}");
    }
}

#[tokio::test]
async fn a_missed_notification_has_the_given_delay() {
    let bench = Bench::new().await;
    let mut body = bench.basic("/users/u/messages");
    body["lifecycleNotificationUrl"] = json!("https://notify.test/l");
    let id = bench.subscribe(body).await;
    let missed = json!({
        "afterMilliseconds": 200, "items": [{"subscription": id, "lifecycleEvent": "missed"}],
    });
    let asked = bench.simulator.now();
    bench.call(Method::POST, "/_simulator/send", Some(missed)).await;
    let sent = bench.simulator.deliveries()[0].attempts[0].at;
    assert!(sent.duration_since(asked) >= SignedDuration::from_millis(200));
}

/// Returns a bench with `count` items in a collection, one per second.
async fn filled(collection: &str, count: i64) -> Bench {
    let bench = Bench::new().await;
    for number in 0..count {
        bench
            .simulator
            .put_item(TENANT, collection, Item::new(number.to_string(), at(number)));
    }
    bench
}

impl Bench {
    async fn read(&self, path: &str, query: &str) -> (StatusCode, Value) {
        let query = query.replace(' ', "%20");
        let path = if query.is_empty() {
            path.to_owned()
        } else {
            format!("{path}?{query}")
        };
        self.call(Method::GET, &format!("/v1.0{path}"), None).await
    }
}

fn ids(body: &Value) -> Vec<String> {
    let items = body["value"].as_array().unwrap_or_else(|| panic!("{body}"));
    items
        .iter()
        .map(|item| item["id"].as_str().unwrap().to_owned())
        .collect()
}

fn numbers(range: std::ops::Range<i64>) -> Vec<String> {
    range.map(|number| number.to_string()).collect()
}

/// Returns a second of the past hour.
fn at(second: i64) -> Timestamp {
    let today = Timestamp::now().as_second();
    Timestamp::from_second(today - today % 86_400 - 3_600 + second).unwrap()
}

const MAIL: &str = "/users/u/messages";
const CHANNEL: &str = "/teams/t/channels/c/messages";
const CHAT: &str = "/chats/c/messages";
const CALLS: &str = "/communications/callRecords";
const DRIVE: &str = "/drives/d/root";
