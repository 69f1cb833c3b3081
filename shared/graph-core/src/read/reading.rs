//! Reading one list, page by page, in as many turns as it takes.

use std::{
    collections::HashSet,
    hash::{BuildHasher, RandomState},
};

use graph_events::{Change as Kind, ResourcePath};
use jiff::{SignedDuration, Timestamp};
use serde_json::value::RawValue;

use super::{
    change::{Change, Item, Odd, Wanted},
    completed::Completed,
    limits::Limit,
    page::Page,
    query::Query,
    request::{Request, floor},
    shortfall::Shortfall,
    way::{Pages, Shows},
    window::{At, Counts, MAX_LINKS, MAX_WAITS, Window},
};

/// A list on its way to the end. The reading of a window that goes on later begins where this one stopped.
#[derive(Debug)]
pub struct Reading {
    window: Window,
    wanted: Wanted,
    query: Query,
    at: At,
    counts: Counts,
    permission: Option<&'static str>,
    now: Timestamp,
    is_read: bool,
    followed: HashSet<String>,
    /// What came out already, by a number: lists repeat items.
    seen: HashSet<u64>,
    /// The items of the list, by a number.
    met: HashSet<u64>,
    /// Whether the list that is being read has more than one page, and had an item that was new.
    goes_on: bool,
    is_new: bool,
    hasher: RandomState,
}

/// What comes of a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turned {
    /// Ask again: the request is another one now.
    Again,
    /// The reading is over.
    Over,
}

impl Reading {
    pub(super) fn new(
        window: Window,
        wanted: Wanted,
        query: Query,
        shortfall: Option<Shortfall>,
        permission: Option<&'static str>,
        now: Timestamp,
    ) -> Self {
        let mut at = window.at.clone().unwrap_or_default();
        at.shortfall = at.shortfall.or(shortfall);
        Self {
            counts: window.counts.unwrap_or_default(),
            window,
            wanted,
            query,
            permission,
            now,
            is_read: false,
            followed: HashSet::new(),
            seen: HashSet::new(),
            met: HashSet::new(),
            // The pages before those that wait had items.
            goes_on: !at.links.is_empty(),
            is_new: !at.links.is_empty(),
            at,
            hasher: RandomState::new(),
        }
    }

    /// Returns the window that is read.
    #[must_use]
    pub fn window(&self) -> &Window {
        &self.window
    }

    /// Returns the resource that is read.
    #[must_use]
    pub fn resource(&self) -> &ResourcePath {
        &self.wanted.resource
    }

    /// Returns what Microsoft Graph allows of such reads.
    #[must_use]
    pub fn limit(&self) -> Limit {
        self.wanted.way.limit
    }

    /// Returns what to ask for next; nothing at the end.
    #[must_use]
    pub fn request(&self) -> Option<Request> {
        let from = self.at.after.unwrap_or(self.wanted.from);
        let first = self.query.request(&self.wanted, from, &self.at, self.now);
        match self.at.links.last() {
            Some(link) => Some(first.page(link.clone())),
            None => (!self.is_read).then_some(first),
        }
    }

    /// Takes the answer to [`Reading::request`] and returns the changes in it, each once.
    pub fn take<'a>(&mut self, page: &Page<'a>) -> Vec<Change<'a>> {
        self.counts.pages += 1;
        self.at.waits = 0;
        self.at.began.get_or_insert(self.now);
        let link = self.at.links.pop();
        let items = self.items(page);
        for (item, changed_at) in &items {
            self.is_new |= self.met.insert(self.hasher.hash_one((item.id(), changed_at)));
        }
        let changes = match self.wanted.way.pages {
            Pages::Time if !self.at.unordered => self.take_in_order(items, page.next.as_deref()),
            Pages::Time | Pages::Link | Pages::Count => self.take_all(items, page.next.as_deref()),
        };
        self.followed.extend(link);
        if self.wanted.way.pages != Pages::Time || self.at.unordered {
            self.is_read = true;
            self.goes_on |= !self.at.links.is_empty();
            self.begin_again();
        }
        if self.counts.pages > MAX_PAGES || self.at.links.len() > MAX_LINKS {
            self.end(Shortfall::TooMuch);
        } else if self
            .at
            .links
            .last()
            .is_some_and(|next| self.followed.contains(next))
        {
            // A list that leads back to itself has no end.
            self.end(Shortfall::OddAnswer);
        }
        changes
    }

    /// Asks once more at the end of a list of many pages, for what changed since it was asked for: an item that changed
    /// meanwhile may have left a page to come for one that had been read. A list of one page has nowhere to hide.
    fn begin_again(&mut self) {
        let moves = matches!(self.wanted.way.shows, Shows::Times | Shows::Facets);
        if !(moves && self.goes_on && self.is_new && self.at.links.is_empty()) {
            return;
        }
        let began = self.at.began.take().unwrap_or(self.now);
        self.at.again += 1;
        if self.at.again > MAX_REPEATS {
            self.falls_short(Shortfall::Shifted);
            return;
        }
        self.at.after = Some(began.saturating_sub(SKEW).unwrap_or(began));
        (self.is_read, self.goes_on, self.is_new) = (false, false, false);
        self.followed.clear();
    }

    /// Takes Graph's refusal of the request.
    pub fn refused(&mut self, status: u16) -> Turned {
        let is_ordered = self.wanted.way.pages == Pages::Time && !self.at.unordered;
        if status == 400 && is_ordered && self.at.links.is_empty() {
            self.at.unordered = true;
            return Turned::Again;
        }
        self.end(Shortfall::of(status));
        Turned::Over
    }

    /// Takes an answer that was larger than what is read of one: a page with fewer items is asked for.
    pub fn too_large(&mut self) -> Turned {
        let top = self.at.top.or_else(|| self.query.top(&self.wanted));
        match top {
            Some(top @ 2..) if self.at.links.is_empty() => {
                self.at.top = Some((top / 8).max(1));
                Turned::Again
            }
            _ => {
                self.end(Shortfall::OddAnswer);
                Turned::Over
            }
        }
    }

    /// Counts a wait until Microsoft Graph is ready; after too many the reading is over.
    pub fn waits(&mut self) -> Turned {
        self.at.waits += 1;
        if self.at.waits < MAX_WAITS {
            return Turned::Again;
        }
        self.end(Shortfall::NotReady);
        Turned::Over
    }

    /// Ends the reading before its end.
    pub fn end(&mut self, shortfall: Shortfall) {
        self.falls_short(shortfall);
        self.at.links.clear();
        self.is_read = true;
    }

    /// Says that something is left out; the reading goes on.
    pub fn falls_short(&mut self, shortfall: Shortfall) {
        self.at.shortfall.get_or_insert(shortfall);
    }

    /// Returns how many pages were read, over all turns.
    #[must_use]
    pub fn pages(&self) -> u64 {
        self.counts.pages
    }

    /// Returns the window that reads the rest.
    #[must_use]
    pub fn rest(&self) -> Window {
        Window {
            at: Some(self.at.clone()),
            counts: Some(self.counts),
            ..self.window.clone()
        }
    }

    /// Returns what was read, at the end.
    #[must_use]
    pub fn completed(self) -> Completed {
        let shortfall = self.at.shortfall;
        Completed {
            unseen: self.wanted.unseen(self.now),
            counts: self.counts,
            permission: self
                .permission
                .filter(|_| shortfall == Some(Shortfall::Forbidden)),
            shortfall,
            why: None,
            window: self.window,
        }
    }

    /// Reads the items of a page, and the replies in them.
    fn items<'a>(&mut self, page: &Page<'a>) -> Vec<(Item<'a>, Timestamp)> {
        let mut items = Vec::with_capacity(page.items.len());
        for raw in &page.items {
            if let Err(Odd) = self.add(raw, &mut items) {
                self.falls_short(Shortfall::OddItem);
            }
        }
        items
    }

    fn add<'a>(&mut self, raw: &'a RawValue, items: &mut Vec<(Item<'a>, Timestamp)>) -> Result<(), Odd> {
        let item = Item::parse(raw)?;
        if self.wanted.way.reply.is_some() {
            // A list may show a chain twice.
            let is_new = |link: &String| !self.followed.contains(link) && !self.at.links.contains(link);
            let more = item.more_replies().filter(is_new);
            self.at.links.extend(more);
            for reply in item.replies()? {
                let reply = Item::parse(reply)?;
                let changed_at = reply.changed_at()?;
                items.push((reply, changed_at));
            }
        }
        // What was deleted from a drive may have lost its times.
        let changed_at = item.changed_at().or_else(|odd| match self.wanted.way.pages {
            Pages::Link => Ok(self.wanted.until),
            Pages::Time | Pages::Count => Err(odd),
        })?;
        items.push((item, changed_at));
        Ok(())
    }

    /// Takes every item and follows the link.
    fn take_all<'a>(&mut self, items: Vec<(Item<'a>, Timestamp)>, next: Option<&str>) -> Vec<Change<'a>> {
        if next.is_some() && self.wanted.way.pages != Pages::Link {
            self.falls_short(Shortfall::Shifted);
        }
        self.at.links.extend(next.map(str::to_owned));
        self.changes(items)
    }

    /// Takes the items of a list in ascending order, and goes on at the last second that is not read to its end.
    ///
    /// The items of that second are left for the next page, which begins with all of them: so nothing comes twice, and
    /// what changes meanwhile cannot push anything out of sight.
    fn take_in_order<'a>(
        &mut self,
        items: Vec<(Item<'a>, Timestamp)>,
        next: Option<&str>,
    ) -> Vec<Change<'a>> {
        let Some(next) = next else {
            self.is_read = true;
            return self.changes(items);
        };
        let seconds: Vec<Timestamp> = items.iter().map(|(_, changed_at)| floor(*changed_at)).collect();
        if !seconds.is_sorted() {
            self.at.unordered = true;
            return self.take_all(items, Some(next));
        }
        match (seconds.first().copied(), seconds.last().copied()) {
            (Some(first), Some(last)) if first < last => {
                self.at.after = Some(last);
                self.is_read = self.is_over(last);
                let read = items
                    .into_iter()
                    .zip(seconds)
                    .filter(|(_, second)| *second < last);
                self.changes(read.map(|(item, _)| item).collect())
            }
            // More items of one second than a page holds: only the link leads on, which counts items.
            _ => {
                self.falls_short(Shortfall::Shifted);
                self.at.links.push(next.to_owned());
                self.changes(items)
            }
        }
    }

    /// Returns whether nothing that is wanted can have changed last at `second` or later: creation inside the window may
    /// hide behind a later change.
    fn is_over(&self, second: Timestamp) -> bool {
        second > self.wanted.until && !self.wanted.kinds.created
    }

    fn changes<'a>(&mut self, items: Vec<(Item<'a>, Timestamp)>) -> Vec<Change<'a>> {
        let mut changes = Vec::new();
        for (item, _) in items {
            match item.changes(&self.wanted) {
                Ok(found) => changes.extend(found),
                Err(Odd) => self.falls_short(Shortfall::OddItem),
            }
        }
        changes.retain(|change| {
            let key = (change.kind.as_str(), &change.path, &change.etag, change.time);
            self.seen.insert(self.hasher.hash_one(key))
        });
        for change in &changes {
            match change.kind {
                Kind::Created => self.counts.created += 1,
                Kind::Updated => self.counts.updated += 1,
                Kind::Deleted => self.counts.deleted += 1,
            }
        }
        changes
    }
}

/// How often a list is asked for once more.
const MAX_REPEATS: u8 = 5;

/// How far apart Graph's clock and ours may be.
const SKEW: SignedDuration = SignedDuration::from_mins(1);

/// The most pages of one reading, over all its turns.
const MAX_PAGES: u64 = 20_000;
