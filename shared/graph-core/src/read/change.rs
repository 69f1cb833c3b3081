//! What an item of a list shows to have happened in a window.

use std::{borrow::Cow, collections::HashMap};

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::way::{Shows, Way};
use graph_events::{Change as Kind, ResourcePath, guid::is_guid};

/// A change that a list shows.
#[derive(Clone, Debug)]
pub struct Change<'a> {
    /// What happened.
    pub kind: Kind,
    /// When.
    pub time: Timestamp,
    /// The path of the item, as a notification would have it.
    pub path: String,
    /// The item's id.
    pub id: String,
    /// `@odata.type`, as a notification would have it.
    pub odata_type: &'static str,
    /// The item's version, where it has one.
    pub etag: Option<String>,
    /// What tells this change from others of the item; its time, where there is nothing else.
    pub version: Option<String>,
    /// The item as it was sent.
    pub raw: &'a RawValue,
}

/// The kinds of change that an entry asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kinds {
    /// Creation.
    pub created: bool,
    /// Change.
    pub updated: bool,
    /// Deletion.
    pub deleted: bool,
}

impl Kinds {
    /// All kinds.
    pub const ALL: Self = Self {
        created: true,
        updated: true,
        deleted: true,
    };

    /// Reads a list with commas.
    #[must_use]
    pub fn parse(change_type: &str) -> Self {
        let has = |kind| {
            change_type
                .split(',')
                .any(|word| Kind::parse(word.trim()) == Some(kind))
        };
        Self {
            created: has(Kind::Created),
            updated: has(Kind::Updated),
            deleted: has(Kind::Deleted),
        }
    }

    /// Returns whether `kind` is one of them.
    #[must_use]
    pub fn has(self, kind: Kind) -> bool {
        match kind {
            Kind::Created => self.created,
            Kind::Updated => self.updated,
            Kind::Deleted => self.deleted,
        }
    }
}

/// What is looked for in a list.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) way: &'static Way,
    /// The resource that is read.
    pub(super) resource: ResourcePath,
    /// The beginning of the window, at a full second: some lists know no smaller part of one.
    pub(super) from: Timestamp,
    pub(super) until: Timestamp,
    pub(super) kinds: Kinds,
    /// Whether a filter of the subscription's own hides items as they are now.
    pub(super) is_filtered: bool,
    /// Whether an item keeps its id when it moves.
    pub(super) keeps_ids: bool,
}

/// An item shows no id, no path or no time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Odd;

/// An item of a list, looked at. What its members hold is not parsed before it is asked for: parsed whole, a page of small
/// members takes more than ten times its size.
pub(super) struct Item<'a> {
    raw: &'a RawValue,
    members: Members<'a>,
}

/// The members of an object, as they were sent.
type Members<'a> = HashMap<String, &'a RawValue>;

impl<'a> Item<'a> {
    pub(super) fn parse(raw: &'a RawValue) -> Result<Self, Odd> {
        let members = serde_json::from_str(raw.get()).map_err(|_| Odd)?;
        Ok(Self { raw, members })
    }

    /// Returns the items within this one: the replies of a chain.
    pub(super) fn replies(&self) -> Result<Vec<&'a RawValue>, Odd> {
        let replies = self.members.get("replies");
        let replies: Option<Option<Vec<&'a RawValue>>> = replies
            .map(|replies| serde_json::from_str(replies.get()).map_err(|_| Odd))
            .transpose()?;
        Ok(replies.flatten().unwrap_or_default())
    }

    /// Returns where the rest of the replies is.
    pub(super) fn more_replies(&self) -> Option<String> {
        self.text("replies@odata.nextLink").map(Cow::into_owned)
    }

    /// Returns the item's id.
    pub(super) fn id(&self) -> Option<Cow<'a, str>> {
        self.text("id")
    }

    /// Returns when the item changed last.
    pub(super) fn changed_at(&self) -> Result<Timestamp, Odd> {
        self.time("lastModifiedDateTime")?
            .or(self.time("createdDateTime")?)
            .ok_or(Odd)
    }

    /// Returns what happened to the item inside the window.
    ///
    /// One item can show two changes: one that was created and then changed or deleted is both, since only the later state
    /// is there to be read.
    pub(super) fn changes(&self, wanted: &Wanted) -> Result<Vec<Change<'a>>, Odd> {
        let happened = match wanted.way.shows {
            Shows::Times => self.by_times(wanted)?,
            Shows::Creation => self.by_creation(wanted)?,
            Shows::Version => self.by_version(wanted)?,
            Shows::Facets => self.by_facets(wanted)?,
        };
        let asked = happened.into_iter().filter(|(kind, _)| wanted.kinds.has(*kind));
        asked
            .map(|(kind, time)| self.change(wanted, kind, time))
            .collect()
    }

    fn by_times(&self, wanted: &Wanted) -> Result<Vec<(Kind, Timestamp)>, Odd> {
        let created = self.time("createdDateTime")?;
        let creation = created.and_then(|created| wanted.when(Kind::Created, created));
        if let Some(deleted) = self.time("deletedDateTime")? {
            let deletion = wanted.when(Kind::Deleted, deleted);
            return Ok(creation.into_iter().chain(deletion).collect());
        }
        let changed = self.changed_at()?;
        let is_changed = created.is_none_or(|created| changed > created);
        let change = is_changed.then(|| wanted.when(Kind::Updated, changed)).flatten();
        Ok(creation.into_iter().chain(change).collect())
    }

    /// What is recorded has the time of its beginning, and exists from its end.
    fn by_creation(&self, wanted: &Wanted) -> Result<Vec<(Kind, Timestamp)>, Odd> {
        let began = self.time("createdDateTime")?.ok_or(Odd)?;
        let ended = self.time("endDateTime")?.unwrap_or(began).max(began);
        let creation = (began <= wanted.until && wanted.from <= ended)
            .then_some((Kind::Created, ended.min(wanted.until)));
        Ok(creation.into_iter().collect())
    }

    /// A record's first version is its creation. A later one does not show when the record was created: perhaps inside the
    /// window, unless the call began after it or the record has not changed since.
    fn by_version(&self, wanted: &Wanted) -> Result<Vec<(Kind, Timestamp)>, Odd> {
        let changed = self.changed_at()?;
        let version = self.members.get("version");
        let version: Option<i64> = version.and_then(|raw| serde_json::from_str(raw.get()).ok());
        let is_first = version.is_none_or(|version| version <= 1);
        let created = match self.time("startDateTime")? {
            _ if is_first => Some(changed),
            _ if changed < wanted.from => None,
            began => began.map(|began| began.max(wanted.from)),
        };
        let creation = created.and_then(|created| wanted.when(Kind::Created, created));
        let change = (!is_first).then(|| wanted.when(Kind::Updated, changed)).flatten();
        Ok(creation.into_iter().chain(change).collect())
    }

    /// The list holds only what changed, besides the root and the folders above, whose times tell.
    fn by_facets(&self, wanted: &Wanted) -> Result<Vec<(Kind, Timestamp)>, Odd> {
        let has = |facet: &str| self.members.get(facet).is_some_and(|facet| facet.get() != "null");
        if has("root") {
            return Ok(Vec::new());
        }
        let changed = self.time("lastModifiedDateTime")?;
        let is_later = changed.is_some_and(|changed| changed > wanted.until);
        let created = self.time("createdDateTime")?;
        let creation = created.and_then(|created| wanted.when(Kind::Created, created));
        if has("deleted") {
            let at = changed.filter(|at| wanted.holds(*at)).unwrap_or(wanted.until);
            let deletion = (!is_later).then_some((Kind::Deleted, at));
            return Ok(creation.into_iter().chain(deletion).collect());
        }
        let changed = changed.ok_or(Odd)?;
        let is_above = has("folder") && changed < wanted.from;
        let is_changed = !is_later && !is_above && created.is_none_or(|created| changed > created);
        // What was moved or renamed may keep its time: that it is in the list says that it changed.
        let change = is_changed.then_some((Kind::Updated, changed.max(wanted.from)));
        Ok(creation.into_iter().chain(change).collect())
    }

    fn change(&self, wanted: &Wanted, kind: Kind, time: Timestamp) -> Result<Change<'a>, Odd> {
        let is_reply = self.text("replyToId").is_some();
        let template = wanted.way.reply.filter(|_| is_reply).unwrap_or(wanted.way.item);
        let etag = ["@odata.etag", "etag", "eTag"]
            .into_iter()
            .find_map(|name| self.text(name));
        let version = match (wanted.way.shows, kind) {
            // Windows of a drive overlap, and a later one shows the same creation under a later version.
            (Shows::Facets, Kind::Created) => None,
            // A deletion may have neither version nor time. A file that was restored can be deleted again: on another day, that
            // is another deletion.
            (Shows::Facets, Kind::Deleted) => {
                let day = wanted.until.strftime("%F");
                Some(format!("{} {day}", etag.as_deref().unwrap_or("deleted")).into())
            }
            _ => etag.clone(),
        };
        Ok(Change {
            kind,
            time,
            path: self.filled(template, &wanted.resource)?,
            id: self.text("id").ok_or(Odd)?.into_owned(),
            odata_type: wanted.way.odata_type,
            etag: etag.map(Cow::into_owned),
            version: version.map(Cow::into_owned),
            raw: self.raw,
        })
    }

    /// Returns the template with what stands for its names; quotes in keys are doubled.
    fn filled(&self, template: &str, resource: &ResourcePath) -> Result<String, Odd> {
        let (mut filled, mut rest) = (String::new(), template);
        while let Some((before, after)) = rest.split_once('{') {
            let (names, after) = after.split_once('}').ok_or(Odd)?;
            let key = names.split('|').find_map(|name| match name.strip_prefix('@') {
                Some("users") => resource.user_id().map(Cow::from),
                Some(segment) => resource.id(segment).map(Cow::from),
                None => self.text(name),
            });
            let key = key.ok_or(Odd)?;
            filled.push_str(before);
            // Graph writes these ids in lower case, however the configuration does; the path is a part of an event's id.
            let lower = is_guid(&key).then(|| key.to_ascii_lowercase());
            filled.push_str(&lower.unwrap_or_else(|| key.replace('\'', "''")));
            rest = after;
        }
        filled.push_str(rest);
        Ok(filled)
    }

    /// Returns the text of a member, or of one further down; an empty one is none.
    fn text(&self, name: &str) -> Option<Cow<'a, str>> {
        let text: Cow<'a, str> = match name.split_once('/') {
            None => text(self.members.get(name)?)?,
            Some((outer, inner)) => inside(self.members.get(outer)?, inner)?,
        };
        Some(text).filter(|text| !text.is_empty())
    }

    /// Returns a time; one that cannot be read is an error, as a change could hide behind it.
    fn time(&self, name: &str) -> Result<Option<Timestamp>, Odd> {
        self.text(name)
            .map(|text| text.parse().map_err(|_| Odd))
            .transpose()
    }
}

/// Returns the text of a member further down.
fn inside<'a>(raw: &'a RawValue, name: &str) -> Option<Cow<'a, str>> {
    let members: Members<'a> = serde_json::from_str(raw.get()).ok()?;
    match name.split_once('/') {
        None => text(members.get(name)?),
        Some((outer, inner)) => inside(members.get(outer)?, inner),
    }
}

fn text(raw: &RawValue) -> Option<Cow<'_, str>> {
    #[derive(Deserialize)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

    let Text(text) = serde_json::from_str(raw.get()).ok()?;
    Some(text)
}

impl Wanted {
    /// Returns the kind with its time when that is inside the window.
    fn when(&self, kind: Kind, time: Timestamp) -> Option<(Kind, Timestamp)> {
        self.holds(time).then_some((kind, time))
    }

    fn holds(&self, time: Timestamp) -> bool {
        self.from <= time && time <= self.until
    }

    /// Returns the kinds that are asked for and cannot be seen, and what else cannot be.
    pub(super) fn unseen(&self, now: Timestamp) -> Vec<&'static str> {
        let days = |days: i64| SignedDuration::from_hours(days.saturating_mul(24));
        let forgets = self
            .way
            .deleted_days
            .is_some_and(|most| now.duration_since(self.from) > days(most));
        let is_hidden = |kind: &Kind| match kind {
            Kind::Deleted => forgets || !self.way.sees.contains(kind),
            Kind::Created | Kind::Updated => !self.way.sees.contains(kind),
        };
        let kinds = Kind::ALL
            .into_iter()
            .filter(|kind| self.kinds.has(*kind) && is_hidden(kind));
        let mut unseen: Vec<_> = kinds.map(Kind::as_str).collect();
        let of_new_ids = self.way.unseen_of_new_ids.iter().filter(|_| !self.keeps_ids);
        unseen.extend(of_new_ids);
        unseen.extend(self.way.unseen.iter().filter(|what| match Kind::parse(what) {
            Some(kind) => self.kinds.has(kind),
            None => true,
        }));
        // An item that left the filter after it changed is not in the list.
        unseen.extend(self.is_filtered.then_some("filtered"));
        unseen
    }
}
