//! How the rows of the catalogue are read by time: a column of the catalogue, as data.

use graph_events::Change;

use self::table::NOT_READABLE;
pub(super) use self::table::WAYS;
use super::limits::Limit;
use crate::subscription::catalogue::Row;

mod table;

/// How a row is read.
#[derive(Debug)]
pub struct Way {
    /// The keys of the catalogue's rows that are read this way.
    pub rows: &'static [&'static str],
    /// What follows the path of the subscription's resource.
    pub suffix: &'static str,
    /// The query options, with `{from}`, `{before}` and `{until}` for times.
    pub query: &'static [(&'static str, &'static str)],
    /// How the pages of the list follow each other.
    pub pages: Pages,
    /// How an item shows what happened to it.
    pub shows: Shows,
    /// The kinds of change that a list shows.
    pub sees: &'static [Change],
    /// What else the list does not show, whatever the entry asks for.
    pub unseen: &'static [&'static str],
    /// What else it does not show where ids change.
    pub unseen_of_new_ids: &'static [&'static str],
    /// The path of an item, with `{name}` for a member, `{name/name}` for one further down, `{@name}` for the key of a
    /// segment of the resource that was read, and `{one|other}` for the first that is there.
    pub item: &'static str,
    /// The path of an item that is a reply to another.
    pub reply: Option<&'static str>,
    /// `@odata.type` of the item.
    pub odata_type: &'static str,
    /// How many days back the list goes.
    pub horizon_days: Option<i64>,
    /// How many days back the list shows deletions, where that is less.
    pub deleted_days: Option<i64>,
    /// How long before the window the list begins: what it is filtered by may be earlier than the change.
    pub lead_minutes: i64,
    /// Whether the list takes `$select`, and a `$filter` of the subscription's own beside ours.
    pub selects: bool,
    /// The list of the parts that a tenant-wide resource is read in.
    pub parts: Option<PartList>,
    /// What Microsoft Graph allows.
    pub limit: Limit,
}

/// How the pages of a list follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pages {
    /// By the time of the last item, in ascending order. The link of such a list counts items from its beginning, so that
    /// an item that changes while it is read leaves its place, and the first one behind the page is passed over.
    Time,
    /// By the link, which goes on where the page ended.
    Link,
    /// By a link that counts items: a list of several pages may leave some out.
    Count,
}

/// How an item shows what happened to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shows {
    /// By `createdDateTime`, `lastModifiedDateTime` and, in Teams, `deletedDateTime`.
    Times,
    /// By `createdDateTime`, and `endDateTime` of what is recorded: there is nothing but creation.
    Creation,
    /// By `lastModifiedDateTime` and `version`, the first of which is 1.
    Version,
    /// By the `deleted` facet and times; the list itself holds only what changed.
    Facets,
}

/// A list of the parts that a resource is read in.
#[derive(Debug)]
pub struct PartList {
    /// The path of the list.
    pub list: &'static str,
    /// The resource of a part, with `{id}` for the part's id.
    pub resource: &'static str,
    /// The least application permission that lists the parts.
    pub permission: &'static str,
}

/// Returns how `row` is read by time.
///
/// # Errors
///
/// Returns, in words, why it cannot be.
pub fn way(row: &Row) -> Result<&'static Way, &'static str> {
    let has = |keys: &[&str]| keys.contains(&row.key);
    if let Some(way) = WAYS.iter().find(|way| has(way.rows)) {
        return Ok(way);
    }
    let reason = NOT_READABLE.iter().find(|(keys, _)| has(keys));
    Err(reason.map_or(
        "Microsoft Graph has no list of this resource by time",
        |(_, reason)| reason,
    ))
}
