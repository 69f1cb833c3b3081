//! From a window and its configuration to what has to be read.

use graph_events::{ResourcePath, path};
use jiff::{SignedDuration, Timestamp};

use super::{
    change::{Kinds, Wanted},
    completed::Completed,
    page::Page,
    query::Query,
    reading::Reading,
    request::{Request, floor},
    shortfall::Shortfall,
    way::{PartList, Shows, Way, way},
    window::{Counts, MOST_WAITS, Part, Window},
};
use crate::subscription::{
    catalogue::{self, Access},
    config::{Entry, Tenant},
};

/// What has to be done about a window.
#[derive(Debug)]
pub enum Plan {
    /// Read the list.
    Read(Box<Reading>),
    /// List the parts of the resource first; each becomes a window.
    Split(Box<Parts>),
    /// Nothing: it cannot be read.
    Nothing(Box<Completed>),
}

impl Plan {
    /// Decides about a window of the configured `entry` in `tenant`; `with_content` is whether events carry the items.
    #[must_use]
    pub fn of(window: Window, entry: &Entry, tenant: &Tenant, with_content: bool, now: Timestamp) -> Self {
        match Self::readable(&window, tenant) {
            Ok(readable) => readable.plan(window, entry, with_content, now),
            Err((shortfall, why)) => Self::Nothing(Box::new(Completed {
                counts: window.counts.unwrap_or_default(),
                window,
                unseen: Vec::new(),
                shortfall: Some(shortfall),
                why,
                permission: None,
            })),
        }
    }

    fn readable(window: &Window, tenant: &Tenant) -> Result<Readable, (Shortfall, Option<&'static str>)> {
        if tenant.credential.is_delegated() {
            return Err((Shortfall::Delegated, None));
        }
        let unknown = (Shortfall::NotReadable, Some("the resource is not known"));
        let row = catalogue::find(&window.resource).ok_or(unknown)?;
        let way = way(row).map_err(|why| (Shortfall::NotReadable, Some(why)))?;
        let mut options = Options::default();
        for (name, value) in path::options(&window.resource) {
            match name.to_ascii_lowercase().as_str() {
                "$select" => options.select = Some(value.into_owned()),
                "$filter" if way.selects => options.filter = Some(value.into_owned()),
                _ => return Err((Shortfall::Options, None)),
            }
        }
        let permission = row.permissions(Access::Application).next();
        let resource = match (&way.parts, &window.part) {
            (Some(parts), Some(part)) => parts.resource.replace("{id}", &part.id),
            _ => window.resource.clone(),
        };
        Ok(Readable {
            way,
            resource: ResourcePath::parse(&resource).map_err(|_| unknown)?,
            options,
            permission: permission.map(|permission| permission.name()),
        })
    }
}

/// A resource that can be read by time.
struct Readable {
    way: &'static Way,
    resource: ResourcePath,
    options: Options,
    permission: Option<&'static str>,
}

/// The options of the subscription's own.
#[derive(Default)]
struct Options {
    select: Option<String>,
    filter: Option<String>,
}

impl Readable {
    fn plan(self, window: Window, entry: &Entry, with_content: bool, now: Timestamp) -> Plan {
        if let (Some(list), None) = (&self.way.parts, &window.part) {
            return Plan::Split(Box::new(Parts::new(window, list)));
        }
        let horizon = self.way.horizon_days.map(|days| {
            let back = SignedDuration::from_hours(days.saturating_mul(24));
            now.saturating_sub(back).unwrap_or(window.from)
        });
        let too_old = horizon.filter(|horizon| window.from < *horizon);
        let kinds = match self.way.shows {
            // A subscription to a drive knows no other kind than `updated`, whatever happened to its items.
            Shows::Facets => Kinds::ALL,
            Shows::Times | Shows::Creation | Shows::Version => Kinds::parse(&entry.change_type),
        };
        let wanted = Wanted {
            way: self.way,
            from: floor(too_old.unwrap_or(window.from)),
            until: window.until,
            kinds,
            is_filtered: self.options.filter.is_some(),
            resource: self.resource,
        };
        let query = Query {
            select: self.options.select,
            filter: self.options.filter,
            with_content,
            horizon,
        };
        let shortfall = too_old.map(|_| Shortfall::TooOld);
        Plan::Read(Box::new(Reading::new(
            window,
            wanted,
            query,
            shortfall,
            self.permission,
            now,
        )))
    }
}

/// The list of the parts of a tenant-wide resource.
#[derive(Debug)]
pub struct Parts {
    window: Window,
    list: &'static PartList,
    ids: Vec<String>,
    link: Option<String>,
    is_read: bool,
    pages: u64,
}

impl Parts {
    fn new(window: Window, list: &'static PartList) -> Self {
        Self {
            window,
            list,
            ids: Vec::new(),
            link: None,
            is_read: false,
            pages: 0,
        }
    }

    /// Returns what to ask for next; nothing at the end.
    #[must_use]
    pub fn request(&self) -> Option<Request> {
        let first = Request::new(self.list.list.to_owned(), &[("$select", "id")]);
        match &self.link {
            Some(link) => Some(first.page(link.clone())),
            None => (!self.is_read).then_some(first),
        }
    }

    /// Takes a page of the list.
    ///
    /// # Errors
    ///
    /// Returns an error when something in the list cannot be understood or it has no end: half a list would leave the
    /// other half unread.
    pub fn take(&mut self, page: &Page<'_>) -> Result<(), Shortfall> {
        for raw in &page.items {
            let item: Id = serde_json::from_str(raw.get()).map_err(|_| Shortfall::OddItem)?;
            let is_odd = |letter: char| !letter.is_ascii_alphanumeric() && letter != '-';
            if item.id.is_empty() || item.id.contains(is_odd) {
                return Err(Shortfall::OddItem);
            }
            self.ids.push(item.id);
        }
        self.pages += 1;
        self.is_read = true;
        self.link = page.next.as_deref().map(str::to_owned);
        if self.ids.len() > MAX_PARTS || self.pages > MAX_PART_PAGES {
            return Err(Shortfall::TooMuch);
        }
        Ok(())
    }

    /// Returns the window, to be split when Microsoft Graph is ready.
    ///
    /// # Errors
    ///
    /// Returns what to say after too many waits.
    pub fn waits(mut self) -> Result<Window, Box<Completed>> {
        let at = self.window.at.get_or_insert_default();
        at.waits += 1;
        if at.waits < MOST_WAITS {
            return Ok(self.window);
        }
        Err(Box::new(self.completed(Some(Shortfall::NotReady))))
    }

    /// Returns the path of the list.
    #[must_use]
    pub fn path(&self) -> Option<ResourcePath> {
        ResourcePath::parse(self.list.list).ok()
    }

    /// Returns whether the list has nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Returns a window for each part.
    #[must_use]
    pub fn windows(mut self) -> Vec<Window> {
        self.ids.sort_unstable();
        self.ids.dedup();
        let of = self.ids.len();
        let part = |id| Window {
            part: Some(Part { id, of }),
            at: None,
            ..self.window.clone()
        };
        self.ids.into_iter().map(part).collect()
    }

    /// Returns what to say when the list cannot be had, or has nothing in it.
    #[must_use]
    pub fn completed(self, shortfall: Option<Shortfall>) -> Completed {
        Completed {
            window: self.window,
            counts: Counts {
                pages: self.pages,
                ..Counts::default()
            },
            unseen: Vec::new(),
            why: None,
            permission: (shortfall == Some(Shortfall::Forbidden)).then_some(self.list.permission),
            shortfall,
        }
    }
}

#[derive(serde::Deserialize)]
struct Id {
    id: String,
}

/// The most parts of one window; each is a message, and at least one read.
const MAX_PARTS: usize = 20_000;

/// The most pages of the list of parts.
const MAX_PART_PAGES: u64 = 1_000;
