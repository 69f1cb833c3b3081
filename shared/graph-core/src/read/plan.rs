//! From a window and its configuration to what has to be read.

use graph_events::{ResourcePath, path};
use jiff::{SignedDuration, Timestamp};

use super::{
    change::{Kinds, Wanted},
    completed::Completed,
    parts::Parts,
    query::Query,
    reading::Reading,
    request::floor,
    shortfall::Shortfall,
    way::{Shows, Way, way},
    window::Window,
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
                "$filter" if way.selects && is_closed(&value) => options.filter = Some(value.into_owned()),
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

/// Returns whether a filter can stand in parentheses: one that closes more of them than it opens would end ours, and what
/// follows would be read whenever it changed.
fn is_closed(filter: &str) -> bool {
    let (mut depth, mut quoted) = (0_i32, false);
    for letter in filter.chars() {
        match letter {
            '\'' => quoted = !quoted,
            '(' if !quoted => depth = depth.saturating_add(1),
            ')' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth < 0 {
            return false;
        }
    }
    depth == 0 && !quoted
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
            keeps_ids: entry.options.immutable_ids,
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
