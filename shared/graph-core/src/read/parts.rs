//! The list of the parts of a tenant-wide resource.

use graph_events::ResourcePath;

use super::{
    completed::Completed,
    page::Page,
    request::Request,
    shortfall::Shortfall,
    way::PartList,
    window::{At, Counts, MAX_PARTS, MAX_WAITS, Part, Window},
};

/// The list of the parts of a tenant-wide resource, page by page.
#[derive(Debug)]
pub struct Parts {
    window: Window,
    list: &'static PartList,
    ids: Vec<String>,
    link: Option<String>,
    is_read: bool,
    pages: u64,
    /// Why the list cannot be read to its end: half a list would leave the other half unread.
    shortfall: Option<Shortfall>,
}

impl Parts {
    pub(super) fn new(window: Window, list: &'static PartList) -> Self {
        let ids = window.at.as_ref().map_or_else(Vec::new, |at| at.parts.clone());
        Self {
            window,
            list,
            // The rest of a list that was read before.
            is_read: !ids.is_empty(),
            ids,
            link: None,
            pages: 0,
            shortfall: None,
        }
    }

    /// Returns what to ask for next; nothing at the end.
    #[must_use]
    pub fn request(&self) -> Option<Request> {
        if self.shortfall.is_some() {
            return None;
        }
        let first = Request::new(self.list.list.to_owned(), &[("$select", "id")]);
        match &self.link {
            Some(link) => Some(first.page(link.clone())),
            None => (!self.is_read).then_some(first),
        }
    }

    /// Takes a page of the list.
    pub fn take(&mut self, page: &Page<'_>) {
        for raw in &page.items {
            let is_odd = |letter: char| !letter.is_ascii_alphanumeric() && letter != '-';
            match serde_json::from_str::<Id>(raw.get()) {
                Ok(Id { id }) if !id.is_empty() && !id.contains(is_odd) => self.ids.push(id),
                _ => return self.falls_short(Shortfall::OddItem),
            }
        }
        self.pages += 1;
        self.is_read = true;
        self.link = page.next.as_deref().map(str::to_owned);
        if self.ids.len() > MAX_PARTS || self.pages > MAX_PART_PAGES {
            self.falls_short(Shortfall::TooMuch);
        }
    }

    /// Ends the list before its end.
    pub fn falls_short(&mut self, shortfall: Shortfall) {
        self.shortfall.get_or_insert(shortfall);
    }

    /// Counts a wait until Microsoft Graph is ready; after too many the list is at its end.
    pub fn waits(&mut self) {
        match self.window.clone().waited(MAX_WAITS) {
            Some(window) => self.window = window,
            None => self.falls_short(Shortfall::NotReady),
        }
    }

    /// Returns the window, to be split later; nothing after too many waits.
    #[must_use]
    pub fn later(&mut self) -> Option<Window> {
        self.waits();
        self.shortfall.is_none().then(|| self.window.clone())
    }

    /// Returns the path of the list.
    #[must_use]
    pub fn path(&self) -> Option<ResourcePath> {
        ResourcePath::parse(self.list.list).ok()
    }

    /// Returns a window for each part; of many, for the first ones, and a window that holds the others. A queue may refuse some
    /// messages, and then all are sent again.
    #[must_use]
    pub fn windows(mut self) -> Vec<Window> {
        self.ids.sort_unstable();
        self.ids.dedup();
        let known = self.window.at.as_ref().and_then(|at| at.of);
        let of = known.unwrap_or(self.ids.len());
        let rest = self.ids.split_off(self.ids.len().min(PORTION));
        let rest = (!rest.is_empty()).then(|| Window {
            at: Some(At {
                parts: rest,
                of: Some(of),
                ..At::default()
            }),
            ..self.window.clone()
        });
        let part = |id| Window {
            part: Some(Part { id, of }),
            at: None,
            ..self.window.clone()
        };
        self.ids.into_iter().map(part).chain(rest).collect()
    }

    /// Returns the end of the window where there are no parts to read.
    #[must_use]
    pub fn completed(&self) -> Option<Completed> {
        let is_over = self.shortfall.is_some() || self.ids.is_empty();
        is_over.then(|| Completed {
            window: self.window.clone(),
            counts: Counts {
                pages: self.pages,
                ..Counts::default()
            },
            unseen: Vec::new(),
            why: None,
            permission: (self.shortfall == Some(Shortfall::Forbidden)).then_some(self.list.permission),
            shortfall: self.shortfall,
        })
    }
}

#[derive(serde::Deserialize)]
struct Id {
    id: String,
}

/// How many parts become windows at a time.
const PORTION: usize = 500;

/// The most pages of the list of parts.
const MAX_PART_PAGES: u64 = 1_000;
