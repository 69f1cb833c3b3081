//! The query of a list: ours by time, joined with the subscription's own.

use jiff::{SignedDuration, Timestamp};

use super::{
    change::Wanted,
    request::{Request, second},
    way::Way,
    window::At,
};

/// What makes the query of a list.
#[derive(Clone, Debug)]
pub(super) struct Query {
    pub(super) select: Option<String>,
    pub(super) filter: Option<String>,
    pub(super) with_content: bool,
    pub(super) horizon: Option<Timestamp>,
}

impl Query {
    /// Returns the request for the first page of what changed since `from`.
    pub(super) fn request(&self, wanted: &Wanted, from: Timestamp, at: &At, now: Timestamp) -> Request {
        let way = wanted.way;
        let lead = SignedDuration::from_mins(way.lead_minutes);
        let from = from.saturating_sub(lead).unwrap_or(from);
        let from = self.horizon.map_or(from, |horizon| from.max(horizon));
        let before = from.saturating_sub(SignedDuration::from_secs(1)).unwrap_or(from);
        let until = now.saturating_add(SignedDuration::from_mins(1)).unwrap_or(now);
        let filled = |text: &str| {
            text.replace("{from}", &second(from))
                .replace("{before}", &second(before))
                .replace("{until}", &second(until))
        };
        let user = wanted.resource.user_id().unwrap_or_default().replace('\'', "''");
        let suffix = filled(way.suffix).replace("{@users}", &user);
        let mut options: Vec<(&str, String)> = Vec::new();
        for (name, value) in way.query {
            match (*name, &self.filter) {
                ("$orderby", _) if at.unordered => {}
                ("$top", _) => {
                    let top = at.top.or_else(|| self.top(wanted));
                    options.push((
                        name,
                        top.map_or_else(|| (*value).to_owned(), |top| top.to_string()),
                    ));
                }
                ("$filter", Some(own)) => options.push((name, format!("{} and ({own})", filled(value)))),
                _ => options.push((name, filled(value))),
            }
        }
        options.extend(self.selected(way).map(|select| ("$select", select)));
        Request::new(format!("{}{suffix}", wanted.resource), &options)
    }

    /// Returns how many items a page may have; nothing where the list decides.
    pub(super) fn top(&self, wanted: &Wanted) -> Option<u16> {
        let top = wanted.way.query.iter().find(|(name, _)| *name == "$top");
        let top: u16 = top?.1.parse().ok()?;
        Some(if self.with_content {
            top.min(TOP_WITH_CONTENT)
        } else {
            top
        })
    }

    /// Returns the properties to ask for: those that tell what happened, and those that the subscription wants.
    fn selected(&self, way: &Way) -> Option<String> {
        match (way.selects, self.with_content, &self.select) {
            (false, ..) | (true, true, None) => None,
            (true, false, _) => Some(NEEDED.join(",")),
            (true, true, Some(own)) => {
                let has = |name: &&&str| !own.split(',').any(|own| own.trim().eq_ignore_ascii_case(name));
                let own_first = [own.as_str()].into_iter();
                let names: Vec<&str> = own_first.chain(NEEDED.iter().filter(has).copied()).collect();
                Some(names.join(","))
            }
        }
    }
}

/// How many items with all that they hold fit into an answer.
const TOP_WITH_CONTENT: u16 = 50;

/// What tells when an item was created and changed.
const NEEDED: &[&str] = &["id", "createdDateTime", "lastModifiedDateTime"];
