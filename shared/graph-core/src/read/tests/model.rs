//! A small model of the lists of Microsoft Graph, with their traps: written from its documentation and reports from the
//! field, not from the code that reads it.

use std::collections::{BTreeMap, BTreeSet};

use graph_events::Change;
use jiff::{SignedDuration, Timestamp};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use crate::read::Request;

/// Something that happens to an item.
#[derive(Clone, Copy, Debug)]
pub(super) struct Op {
    pub(super) id: usize,
    /// Seconds since the last one.
    pub(super) pause: i64,
    pub(super) what: What,
}

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// The item is changed, or created where it was not there.
    Changes,
    /// The item is deleted.
    Deletes,
    /// The item leaves the folder, or comes back; its time stays.
    Moves,
}

#[derive(Clone, Debug)]
pub(super) struct Item {
    created: i64,
    changed: i64,
    version: u32,
    deleted: bool,
    /// Whether it is in another folder, and when it moved last.
    is_away: bool,
    moved: i64,
}

/// The items of one list.
#[derive(Clone, Debug, Default)]
pub(super) struct Graph {
    pub(super) now: i64,
    pub(super) page: usize,
    pub(super) refuses_order: bool,
    /// How many seconds after a change its list shows it.
    pub(super) lag: i64,
    /// Whether a list by token shows of a deleted item nothing but its id, begins with an empty page, and repeats items.
    pub(super) is_odd: bool,
    pub(super) items: BTreeMap<usize, Item>,
    /// What a list by token goes through, as it was when it began.
    pub(super) walk: Vec<usize>,
    /// The items after each change.
    pub(super) states: Vec<(i64, BTreeMap<usize, Item>)>,
}

/// Returns the time so many seconds after the beginning.
pub(super) fn at(seconds: i64) -> Timestamp {
    "2026-11-22T10:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(seconds)
}

impl Graph {
    pub(super) fn happen(&mut self, op: Op) {
        self.now += op.pause;
        self.carry_out(op);
        self.states.push((self.now, self.items.clone()));
    }

    /// Returns the items as lists show them.
    fn listed(&self) -> BTreeMap<usize, Item> {
        let is_listed = |(at, _): &&(i64, BTreeMap<usize, Item>)| *at <= self.now - self.lag;
        let state = self.states.iter().rev().find(is_listed);
        state.map(|(_, items)| items.clone()).unwrap_or_default()
    }

    fn carry_out(&mut self, op: Op) {
        let now = self.now;
        // Nobody replies to what is not there.
        for id in [root(op.id), op.id] {
            self.items.entry(id).or_insert(Item {
                created: now,
                changed: now,
                version: 1,
                deleted: false,
                is_away: false,
                moved: i64::MIN,
            });
        }
        let Some(item) = self.items.get_mut(&op.id).filter(|item| !item.deleted) else {
            return;
        };
        if op.what == What::Moves {
            (item.is_away, item.moved) = (!item.is_away, now);
        } else {
            (item.changed, item.version) = (now, item.version + 1);
            item.deleted = op.what == What::Deletes;
        }
    }

    pub(super) fn changed_after(&self, id: &str, until: Timestamp) -> bool {
        self.has(id, |item| at(item.changed) > until)
    }

    /// Returns whether a folder cannot show the item as it was at `until`: it has moved since, or was deleted.
    pub(super) fn left_after(&self, id: &str, until: Timestamp) -> bool {
        self.has(id, |item| {
            at(item.moved.max(-1_000_000)) > until || (item.deleted && at(item.changed) > until)
        })
    }

    fn has(&self, id: &str, what: impl Fn(&Item) -> bool) -> bool {
        let mut items = self.items.iter();
        items.any(|(number, item)| name(*number) == id && what(item))
    }

    /// Returns the changes that a list can show of the window.
    pub(super) fn shows(
        &self,
        resource: &str,
        from: Timestamp,
        until: Timestamp,
    ) -> BTreeSet<(Change, String, String)> {
        let is_mail = resource.starts_with("/users");
        let is_bare = self.is_odd && resource.starts_with("/drives");
        let holds = |time: i64| from <= at(time) && at(time) <= until;
        let mut shown = BTreeSet::new();
        for (number, item) in &self.items {
            let mut add = |kind, time| {
                if holds(time) {
                    shown.insert((kind, name(*number), item.version.to_string()));
                }
            };
            match item.deleted {
                // Mail that is deleted, or in another folder, is not there.
                _ if is_mail && (item.deleted || item.is_away) => {}
                true if is_bare => {
                    if holds(item.changed) {
                        shown.insert((Change::Deleted, name(*number), String::new()));
                    }
                }
                true => {
                    add(Change::Created, item.created);
                    add(Change::Deleted, item.changed);
                }
                false => {
                    add(Change::Created, item.created);
                    if item.changed > item.created {
                        add(Change::Updated, item.changed);
                    }
                }
            }
        }
        shown
    }

    pub(super) fn answer(&mut self, resource: &str, request: &Request) -> Result<String, u16> {
        let query: BTreeMap<String, String> = request
            .query
            .split('&')
            .filter_map(|option| option.split_once('='))
            .map(|(name, value)| {
                (
                    name.to_owned(),
                    percent_decode_str(value).decode_utf8().unwrap().into_owned(),
                )
            })
            .collect();
        let skip: usize = match &request.link {
            Some(link) => link.rsplit_once('=').unwrap().1.parse().unwrap(),
            None => 0,
        };
        if let Some((chain, _)) = request
            .link
            .as_deref()
            .and_then(|link| link.split_once("/replies?"))
        {
            let root = chain.rsplit_once("id-").unwrap().1.parse().unwrap();
            let rest: Vec<Value> = self.replies(root).skip(skip).collect();
            return Ok(json!({"value": rest}).to_string());
        }
        if self.is_odd && !resource.starts_with("/users") && !resource.starts_with("/chats") {
            let is_empty = request.link.as_deref().is_none_or(|link| !link.contains("full"));
            if is_empty {
                let next = format!(
                    "https://graph.microsoft.com/v1.0{}?full&$skip={skip}",
                    request.path
                );
                return Ok(json!({"value": [], "@odata.nextLink": next}).to_string());
            }
        }
        let listed = match resource {
            "/teams/t1/channels/c1/messages" => self.walked(&query, "gt", "$filter", skip),
            "/chats/c1/messages" => self.chat(&query),
            _ if resource.starts_with("/users") => self.mail(&query)?,
            _ => self.walked(&query, "ge", "token", skip),
        };
        let more = listed.len() > skip + self.page;
        let items: Vec<Value> = listed.into_iter().skip(skip).take(self.page).collect();
        let mut page = json!({"value": items});
        if more {
            page["@odata.nextLink"] = json!(format!(
                "https://graph.microsoft.com/v1.0{}?$skip={}",
                request.path,
                skip + self.page
            ));
        }
        Ok(page.to_string())
    }

    /// In order of time; what is deleted is not there.
    fn mail(&self, query: &BTreeMap<String, String>) -> Result<Vec<Value>, u16> {
        let since = after(&query["$filter"], " ge ");
        let listed = self.listed();
        let mut items: Vec<_> = listed
            .iter()
            .filter(|(_, item)| !item.deleted && !item.is_away && at(item.changed) >= since)
            .collect();
        match query.get("$orderby").map(String::as_str) {
            Some(_) if self.refuses_order => return Err(400),
            Some("lastModifiedDateTime") => items.sort_by_key(|(number, item)| (item.changed, **number)),
            Some(_) => return Err(400),
            None => {}
        }
        Ok(items
            .into_iter()
            .map(|(number, item)| json(*number, item, false))
            .collect())
    }

    /// Descending; the filter counts only beside the order.
    fn chat(&self, query: &BTreeMap<String, String>) -> Vec<Value> {
        let listed = self.listed();
        let mut items: Vec<_> = listed.iter().collect();
        if query.get("$orderby").map(String::as_str) == Some("lastModifiedDateTime desc") {
            let (since, until) = (after(&query["$filter"], " gt "), after(&query["$filter"], " lt "));
            items.retain(|(_, item)| at(item.changed) > since && at(item.changed) < until);
        }
        items.sort_by_key(|(number, item)| (-item.changed, **number));
        items
            .into_iter()
            .map(|(number, item)| json(*number, item, true))
            .collect()
    }

    /// Goes through what had changed when the list began, as it is now. Chains come whole: old items among them.
    fn walked(
        &mut self,
        query: &BTreeMap<String, String>,
        word: &str,
        option: &str,
        skip: usize,
    ) -> Vec<Value> {
        if skip == 0 {
            let since = match option {
                "token" => query["token"].parse().unwrap(),
                _ => after(&query[option], &format!(" {word} ")),
            };
            let is_first = |item: &Item| at(item.changed) >= since;
            let items = self.listed();
            let listed = items.iter();
            let mut walk: Vec<usize> = listed
                .filter(|(number, item)| is_first(item) || (**number % 5 == 0 && !item.deleted))
                .map(|(number, _)| if option == "token" { *number } else { root(*number) })
                .collect();
            walk.dedup();
            if self.is_odd {
                walk.extend(walk.clone().iter().step_by(2));
            }
            self.walk = walk;
        }
        let listed = self.listed();
        let shown = self.walk.iter().map(|number| {
            let item = &listed[number];
            if item.deleted && self.is_odd && option == "token" {
                return json!({"id": name(*number), "deleted": {"state": "deleted"}});
            }
            let item = json(*number, item, true);
            if option == "token" {
                item
            } else {
                self.with_replies(*number, item)
            }
        });
        shown.collect()
    }

    /// Returns a message with its first reply, and where the others are.
    fn with_replies(&self, root: usize, mut item: Value) -> Value {
        let replies: Vec<Value> = self.replies(root).collect();
        item["replies"] = json!(replies.iter().take(1).collect::<Vec<_>>());
        if replies.len() > 1 {
            let path = "https://graph.microsoft.com/v1.0/teams('t1')/channels('c1')/messages";
            item["replies@odata.nextLink"] = json!(format!("{path}/{}/replies?$skip=1", name(root)));
        }
        item
    }

    fn replies(&self, chain: usize) -> impl Iterator<Item = Value> {
        let replies = self
            .listed()
            .into_iter()
            .filter(move |(number, _)| root(*number) == chain && *number != chain);
        replies.map(move |(number, item)| {
            let mut reply = json(number, &item, true);
            reply["replyToId"] = json!(name(chain));
            reply
        })
    }
}

/// Returns the message that another one replies to, or the message itself: two of three are replies.
fn root(number: usize) -> usize {
    number - number % 3
}

fn after(filter: &str, word: &str) -> Timestamp {
    let rest = filter.split_once(word).unwrap().1;
    rest.split(' ').next().unwrap().parse().unwrap()
}

fn name(number: usize) -> String {
    format!("id-{number}")
}

fn json(number: usize, item: &Item, shows_deleted: bool) -> Value {
    let mut json = json!({
        "id": name(number), "@odata.etag": item.version.to_string(),
        "createdDateTime": at(item.created), "lastModifiedDateTime": at(item.changed),
        "parentReference": {"driveId": "d1"}, "folder": {},
    });
    if item.deleted && shows_deleted {
        json["deletedDateTime"] = json!(at(item.changed));
        json["deleted"] = json!({"state": "deleted"});
    }
    json
}
