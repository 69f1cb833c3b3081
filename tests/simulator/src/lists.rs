//! Lists and single items, with the traps of reading by time.
//!
//! Sources: Microsoft Graph, *list messages*, *chatMessage: delta*, *list messages in a chat*, *chats: getAllMessages*,
//! *channels: getAllMessages*, *list callRecords*, *driveItem: delta*, *onlineMeeting: getAllRecordings*.

mod filter;
mod kind;
mod page;
mod spelling;

use axum::http::{Method, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use self::{
    filter::{Term, terms},
    kind::{Kind, Order},
    page::{Options, PageStart},
    spelling::{linked, plain},
};
use super::api::bad_request;
use super::http::{Call, GraphError, Reply};
use super::items::Item;
use super::state::{Shared, State};

/// Answers a request for a list or an item; `None` for other requests.
pub(crate) fn answer(
    shared: &Shared,
    call: &Call,
    tenant_id: &str,
    segments: &[&str],
) -> Option<Result<Reply, GraphError>> {
    let [_, path @ ..] = segments else { return None };
    if call.method != Method::GET {
        return None;
    }
    let path: Vec<String> = path.iter().map(|segment| page::decoded(segment)).collect();
    let path = plain(&path);
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let mut state = shared.state();
    let now = state.now();
    if let Some((kind, collection)) = Kind::of(&path) {
        let list = List {
            kind,
            collection,
            call,
            now,
        };
        return Some(list.answer(&mut state, tenant_id));
    }
    let (id, collection) = path.split_last()?;
    single(&state, tenant_id, collection, id)
}

/// Answers with one item.
fn single(
    state: &State,
    tenant_id: &str,
    collection: &[&str],
    id: &str,
) -> Option<Result<Reply, GraphError>> {
    let (kind, own) = match collection {
        [before @ .., _, "replies"] => Kind::of_collection(before)?,
        _ => Kind::of_collection(collection)?,
    };
    let items = state.items.of(tenant_id, &own).unwrap_or_default();
    let found = items.iter().find(|item| item.id == id);
    Some(found.map_or_else(
        || {
            let message = "The specified object was not found in the store.";
            Err(GraphError::new(
                StatusCode::NOT_FOUND,
                "ErrorItemNotFound",
                message,
            ))
        },
        |item| Ok(Reply::json(StatusCode::OK, &kind.shown(item, &own))),
    ))
}

/// A requested list.
struct List<'a> {
    kind: Kind,
    collection: String,
    call: &'a Call,
    now: Timestamp,
}

impl List<'_> {
    fn answer(&self, state: &mut State, tenant_id: &str) -> Result<Reply, GraphError> {
        let options = Options::parse(self.call)?;
        self.note(state);
        let items = self.items(state, tenant_id).ok_or_else(|| {
            let message = "The requested resource does not exist.";
            GraphError::new(StatusCode::NOT_FOUND, "ResourceNotFound", message)
                .hint("collections are made with Simulator::put_item")
        })?;
        let all = items.clone();
        let mut items = self.filtered(items, &options)?;
        self.sort(&mut items, &options)?;
        let most = self.kind.most_on_a_page();
        let top = options.top.unwrap_or(self.kind.usual_on_a_page()).min(most);
        if options.top.is_some_and(|top| top > most || top == 0) {
            return Err(bad_request(&format!(
                "Invalid page size specified. Must be between 1 and {most} inclusive."
            )));
        }
        let places: Vec<(Timestamp, String)> = items
            .iter()
            .map(|(_, item)| (item.changed, item.id.clone()))
            .collect();
        let first = options.after.as_ref().map_or(0, |after| after.index(&places));
        let shown = items.iter().skip(first).take(top);
        let values: Vec<Value> = shown
            .map(|(own, item)| options.selected(self.shown(item, own, &all, &options)))
            .collect();
        let is_last = first + values.len() >= items.len();
        let next = match (is_last, self.kind.skips()) {
            (true, _) => None,
            // Counted from the beginning of the current list, as Outlook does, so that items can be passed over.
            (false, true) => Some(("$skip", (first + top).to_string())),
            (false, false) => places
                .get((first + top).saturating_sub(1))
                .map(|place| ("$skiptoken", PageStart::token(place))),
        };
        let values = self.with_root(values);
        let body = match next {
            Some((name, value)) => {
                json!({"value": values, "@odata.nextLink": self.link_with(name, &value)})
            }
            None if self.kind.is_delta() => {
                json!({"value": values, "@odata.deltaLink": self.link_with("$deltatoken", "latest")})
            }
            None => json!({"value": values}),
        };
        Ok(Reply::json(StatusCode::OK, &body))
    }

    /// Returns the URL of the list with this page option, in Graph's spelling.
    fn link_with(&self, name: &str, value: &str) -> String {
        let link = self.call.link_with(name, value);
        link.replacen(&self.call.path, &linked(&self.call.path), 1)
    }

    /// Notes a violation of Graph's limit on reads: one request a second for a chat or a channel.
    fn note(&self, state: &mut State) {
        if !matches!(self.kind, Kind::Chat | Kind::ChannelDelta) {
            return;
        }
        let last = state.read_at.insert(self.collection.clone(), self.now);
        let is_early =
            last.is_some_and(|last| self.now.duration_since(last) < SignedDuration::from_millis(950));
        if is_early {
            let violation = format!("{} was read twice in a second", self.collection);
            state.violations.push(violation);
        }
    }

    /// Returns the items that the list shows by now, with their collections; nothing if the collection does not exist.
    fn items(&self, state: &State, tenant_id: &str) -> Option<Vec<(String, Item)>> {
        let mut items = self.all_items(state, tenant_id)?;
        items.retain(|(_, item)| self.now.duration_since(item.changed) >= state.list_lag);
        Some(items)
    }

    fn all_items(&self, state: &State, tenant_id: &str) -> Option<Vec<(String, Item)>> {
        let days = |days: i64| SignedDuration::from_hours(days * 24);
        if self.kind == Kind::User {
            // The messages of the user's chats, which are stored by chat.
            let chats = state.items.below(tenant_id, "chats");
            let of_user = self.collection.split('/').nth(1).unwrap_or_default();
            let all = chats.flat_map(|(rest, items)| {
                items
                    .iter()
                    .map(move |item| (format!("chats/{rest}"), item.clone()))
            });
            return Some(
                all.filter(|(_, item)| item.text("ofUser") == Some(of_user))
                    .collect(),
            );
        }
        if self.kind == Kind::Replies {
            let (chain, _) = self.collection.rsplit_once('/')?;
            let (collection, root) = chain.rsplit_once('/')?;
            let items = state.items.of(tenant_id, collection)?.iter();
            let replies = items.filter(|item| item.text("replyToId") == Some(root)).cloned();
            return Some(replies.map(|item| (collection.to_owned(), item)).collect());
        }
        if self.kind != Kind::Team {
            let items = state.items.of(tenant_id, &self.collection)?.iter().cloned();
            return Some(items.map(|item| (self.collection.clone(), item)).collect());
        }
        let forgotten = |item: &Item| {
            let deleted = item.deleted;
            deleted.is_some_and(|at| self.now.duration_since(at) > days(21))
        };
        let below = state.items.below(tenant_id, &self.collection);
        let all = below.flat_map(|(rest, items)| {
            let collection = format!("{}/{rest}", self.collection);
            items.iter().map(move |item| (collection.clone(), item.clone()))
        });
        Some(all.filter(|(_, item)| !forgotten(item)).collect())
    }

    /// Returns the items that pass the filter.
    fn filtered(
        &self,
        items: Vec<(String, Item)>,
        options: &Options,
    ) -> Result<Vec<(String, Item)>, GraphError> {
        if self.kind == Kind::Drive {
            return self.since_token(items, options);
        }
        if let Kind::Meetings(from, until) = self.kind {
            let fits = |item: &Item| from <= item.created && item.created < until;
            return Ok(items.into_iter().filter(|(_, item)| fits(item)).collect());
        }
        let Some(filter) = &options.filter else {
            return Ok(items);
        };
        let terms = terms(filter).ok_or_else(|| bad_request("Invalid filter clause"))?;
        self.check(&terms, options)?;
        // Without an order by the same property, Graph ignores the filter silently.
        if self.kind == Kind::Chat && !options.orders_by("lastModifiedDateTime") {
            return Ok(items);
        }
        let fits = |item: &Item| terms.iter().all(|term| self.kind.fits(term, item));
        Ok(items
            .into_iter()
            .filter(|(_, item)| fits(item) || self.kind == Kind::ChannelDelta)
            .collect())
    }

    /// Refuses a filter that the list does not support.
    fn check(&self, terms: &[Term<'_>], options: &Options) -> Result<(), GraphError> {
        let first = terms.first().map(|term| term.property).unwrap_or_default();
        if self.kind.skips() && options.order.as_ref().is_some_and(|_| !options.orders_by(first)) {
            let message = "The restriction or sort order is too complex for this operation.";
            return Err(GraphError::new(
                StatusCode::BAD_REQUEST,
                "InefficientFilter",
                message,
            ));
        }
        for term in terms {
            if !self.kind.takes(term) {
                let message = format!(
                    "Filter on '{} {}' is not supported.",
                    term.property, term.operator
                );
                return Err(bad_request(&message));
            }
            let time: Option<Timestamp> = term.value.parse().ok();
            let oldest = self
                .now
                .saturating_sub(self.kind.horizon())
                .unwrap_or(Timestamp::MIN);
            if time.is_some_and(|time| time < oldest) && matches!(term.operator, "gt" | "ge") {
                return Err(bad_request("The filter goes back further than what is kept."));
            }
        }
        Ok(())
    }

    /// Returns the changes in a drive since the time in the token.
    fn since_token(
        &self,
        items: Vec<(String, Item)>,
        options: &Options,
    ) -> Result<Vec<(String, Item)>, GraphError> {
        let Some(token) = &options.token else {
            return Ok(items);
        };
        if token == "latest" {
            return Ok(Vec::new());
        }
        let token: Timestamp = token
            .parse()
            .map_err(|_| bad_request("The token is not valid."))?;
        let oldest = self
            .now
            .saturating_sub(self.kind.horizon())
            .unwrap_or(Timestamp::MIN);
        if token < oldest {
            let message = "Resync required. Replace any local items with the server's version.";
            return Err(GraphError::new(
                StatusCode::GONE,
                "resyncChangesApplyDifferences",
                message,
            ));
        }
        Ok(items
            .into_iter()
            .filter(|(_, item)| item.changed >= token)
            .collect())
    }

    fn sort(&self, items: &mut Vec<(String, Item)>, options: &Options) -> Result<(), GraphError> {
        if self.kind == Kind::ChannelDelta {
            self.chains(items, options);
        }
        let by_change = |(_, one): &(String, Item), (_, other): &(String, Item)| {
            (one.changed, &one.id).cmp(&(other.changed, &other.id))
        };
        match self.kind.order(options) {
            Some(Order::Ascending) => items.sort_by(by_change),
            Some(Order::Descending) => items.sort_by(|one, other| by_change(other, one)),
            Some(Order::Newest) => items.reverse(),
            None => return Err(bad_request("The order is not supported.")),
        }
        Ok(())
    }

    /// Keeps the messages that begin a chain in which something has changed. Their replies come with them.
    fn chains(&self, items: &mut Vec<(String, Item)>, options: &Options) {
        let all = items.clone();
        let terms = options.filter.as_deref().and_then(terms).unwrap_or_default();
        let fits = |item: &Item| terms.iter().all(|term| self.kind.fits(term, item));
        items.retain(|(_, root)| {
            let is_reply_to = |item: &Item| item.text("replyToId") == Some(&root.id);
            root.text("replyToId").is_none()
                && all
                    .iter()
                    .any(|(_, item)| (item.id == root.id || is_reply_to(item)) && fits(item))
        });
    }

    /// Returns an item as the list shows it. A message that begins a chain has all replies, even old ones.
    fn shown(&self, item: &Item, own: &str, all: &[(String, Item)], options: &Options) -> Value {
        let mut shown = self.kind.shown(item, own);
        if self.kind == Kind::ChannelDelta && options.expands_replies {
            let of_chain = all
                .iter()
                .filter(|(_, one)| one.text("replyToId") == Some(&item.id));
            let mut replies: Vec<&Item> = of_chain.map(|(_, one)| one).collect();
            replies.sort_by_key(|one| (one.changed, &one.id));
            let shown_replies = replies
                .iter()
                .take(MOST_REPLIES)
                .map(|one| self.kind.shown(one, own));
            let shown_replies: Vec<Value> = shown_replies.collect();
            if let Some(members) = shown.as_object_mut() {
                members.insert("replies".to_owned(), json!(shown_replies));
                let last = replies
                    .get(MOST_REPLIES - 1)
                    .filter(|_| replies.len() > MOST_REPLIES);
                if let Some(last) = last {
                    let token = PageStart::token(&(last.changed, last.id.clone()));
                    let (base, own) = (self.call.base_url(), linked(own));
                    let link = format!(
                        "{base}/v1.0/{own}('{}')/replies?$skiptoken={token}",
                        page::encoded(&item.id)
                    );
                    members.insert("replies@odata.nextLink".to_owned(), json!(link));
                }
            }
        }
        shown
    }

    /// Adds the root of a drive, which is in every answer.
    fn with_root(&self, mut values: Vec<Value>) -> Vec<Value> {
        if self.kind == Kind::Drive {
            values.insert(0, json!({"id": "root", "name": "root", "root": {}, "folder": {}}));
        }
        values
    }
}

/// How many replies a message that begins a chain has with it; the others are behind a link.
const MOST_REPLIES: usize = 2;
