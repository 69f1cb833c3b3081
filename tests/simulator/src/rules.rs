//! The resources that can be subscribed to, and their lifetimes.
//!
//! A separate small table, so that a mistake in the project's catalogue shows as a difference. Sources: Microsoft
//! Graph, *Change notifications overview* (supported resources, maximum length) and *Create subscription*.

use std::collections::BTreeMap;

mod table;

pub(crate) use table::RULES;

/// A resource path that can be subscribed to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rule {
    /// The path, with `{name}` in place of an id.
    pub(crate) pattern: &'static str,
    /// The entity of the notifications, which is also the name of the payload file.
    pub(crate) entity: &'static str,
    /// The change types: `c`reated, `u`pdated, `d`eleted.
    changes: &'static str,
    /// Whether resource data can be included.
    pub(crate) rich: Rich,
    /// The longest lifetime in minutes, without resource data.
    max_minutes: i64,
    /// Whether the rules of Microsoft Teams apply: a lifecycle URL for more than an hour, one subscription per
    /// resource, and its error texts.
    pub(crate) teams: bool,
    /// Whether only `/beta` has the path.
    pub(crate) beta: bool,
    /// The query option that the path requires.
    pub(crate) needs: Option<&'static str>,
    /// Whether `notificationQueryOptions` are allowed.
    pub(crate) query_options: bool,
}

/// Whether resource data can be included in notifications.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rich {
    /// Never.
    No,
    /// Always, with all properties.
    Whole,
    /// With the properties in `$select`.
    Selected,
    /// Required.
    Only,
}

impl Rule {
    /// Returns whether the resource raises this type of change.
    pub(crate) fn raises(&self, change_type: &str) -> bool {
        let letter = match change_type {
            "created" => 'c',
            "updated" => 'u',
            "deleted" => 'd',
            _ => return false,
        };
        self.changes.contains(letter)
    }

    /// Returns the longest lifetime in minutes.
    pub(crate) fn max_minutes(&self, include_resource_data: bool) -> i64 {
        if include_resource_data && self.rich == Rich::Selected {
            1_440
        } else {
            self.max_minutes
        }
    }

    /// Marks a path that only `/beta` has.
    const fn beta(mut self) -> Self {
        self.beta = true;
        self
    }

    /// Marks a path that requires a query option.
    const fn needs(mut self, option: &'static str) -> Self {
        self.needs = Some(option);
        self
    }

    /// Marks a path that allows `notificationQueryOptions`.
    const fn queried(mut self) -> Self {
        self.query_options = true;
        self
    }

    /// Sets the lifetime.
    const fn lasting(mut self, minutes: i64) -> Self {
        self.max_minutes = minutes;
        self
    }

    /// Sets whether resource data can be included.
    const fn with(mut self, rich: Rich) -> Self {
        self.rich = rich;
        self
    }

    /// Matches the path of a resource, and returns the ids by their names in the pattern.
    fn matches(&self, segments: &[String]) -> Option<BTreeMap<String, String>> {
        let pattern: Vec<&str> = self.pattern.split('/').collect();
        if pattern.len() != segments.len() {
            return None;
        }
        let mut ids = BTreeMap::new();
        for (expected, found) in pattern.into_iter().zip(segments) {
            if let Some(name) = expected.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
                ids.insert(name.to_owned(), found.clone());
            } else if !expected.eq_ignore_ascii_case(found) {
                return None;
            }
        }
        Some(ids)
    }
}

/// A resource, split for the rules.
#[derive(Debug, Clone)]
pub(crate) struct Resource {
    /// The segments of the path. A key in parentheses is a segment of its own.
    pub(crate) segments: Vec<String>,
    /// The query options, by name in lower case.
    pub(crate) options: BTreeMap<String, String>,
}

impl Resource {
    /// Splits a resource; `None` if it is not a relative path.
    pub(crate) fn parse(resource: &str) -> Option<Self> {
        let (path, query) = resource.split_once('?').unwrap_or((resource, ""));
        if path.contains("://") {
            return None;
        }
        let segments = path
            .split('/')
            .filter(|part| !part.is_empty())
            .flat_map(keys_apart)
            .collect();
        let options = super::http::form(query)
            .into_iter()
            .map(|(name, value)| (name.to_lowercase(), value));
        Some(Self {
            segments,
            options: options.collect(),
        })
    }

    /// Finds the rule for the resource, with the ids in its path.
    pub(crate) fn rule(&self) -> Option<(&'static Rule, BTreeMap<String, String>)> {
        // Literal segments first, so that `users/{id}` does not match a longer name.
        let mut found: Vec<_> = RULES
            .iter()
            .filter_map(|rule| Some((rule, rule.matches(&self.segments)?)))
            .collect();
        found.sort_by_key(|(_, ids)| ids.len());
        found.into_iter().next()
    }

    /// Returns a form that is equal for all spellings of a resource.
    pub(crate) fn canonical(&self) -> String {
        let options: Vec<String> = self
            .options
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        format!("{}?{}", self.segments.join("/"), options.join("&")).to_lowercase()
    }
}

/// Splits `name('key')` into `name` and `key`, and a function likewise.
fn keys_apart(segment: &str) -> Vec<String> {
    let Some((name, key)) = segment.strip_suffix(')').and_then(|open| open.split_once('(')) else {
        return vec![segment.to_owned()];
    };
    let key = key
        .strip_prefix('\'')
        .and_then(|key| key.strip_suffix('\''))
        .unwrap_or(key);
    vec![name.to_owned(), key.replace("''", "'")]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_of_the_supported_resources_is_known() {
        check("/users/1/messages", "message");
        check("users/1/mailFolders('inbox')/messages", "message");
        check(
            "users/1/mailFolders/2/messages?$filter=isRead eq false",
            "message",
        );
        check("/users/1/events", "event");
        check("/users/1/contacts", "contact");
        check("/users", "user");
        check("/users/1", "user");
        check("/groups", "group");
        check("/groups/1", "group");
        check("/groups/1/owners", "group");
        check("/groups/1/members", "group");
        check("groups/1/conversations", "conversation");
        check("groups('1')/conversations", "conversation");
        check("/users/1/drive/root", "driveItem");
        check("/drives/1/root", "driveItem");
        check("/sites/contoso.sharepoint.com,1,2/lists/3", "listItem");
        check("/security/alerts/1", "alert");
        check("/security/alerts/?$filter=status eq 'New'", "alert");
        check("/communications/callRecords", "callRecord");
        check("/teams/getAllMessages", "chatMessage");
        check("/teams/1/channels/19:a@thread.tacv2/messages", "chatMessage");
        check("/chats/getAllMessages", "chatMessageInChat");
        check("/chats/1/messages", "chatMessageInChat");
        check("/communications/presences/1", "presence");
        check("/communications/presences?$filter=id in ('1','2')", "presence");
        check("/teams", "team");
        check("/teams/1", "team");
        check("/teams/getAllChannels", "channel");
        check("/teams/1/channels", "channel");
    }

    #[test]
    fn a_resource_outside_the_table_is_unknown() {
        for resource in [
            "",
            "/",
            "/sites",
            "/users/1/photos",
            "https://graph.microsoft.com/v1.0/users",
        ] {
            assert!(
                Resource::parse(resource).and_then(|r| r.rule()).is_none(),
                "{resource}"
            );
        }
    }

    #[test]
    fn ids_come_out_of_both_path_styles() {
        for resource in ["teams/1/channels/19:x@t", "teams('1')/channels('19:x@t')"] {
            let resource = Resource::parse(&format!("{resource}/messages")).unwrap();
            let (_, ids) = resource.rule().unwrap();
            assert_eq!(
                (ids["teamId"].as_str(), ids["channelId"].as_str()),
                ("1", "19:x@t")
            );
        }
    }

    #[test]
    fn spellings_of_one_resource_have_one_canonical_form() {
        let forms = ["/Teams/1/channels", "teams('1')/channels", "teams/1/channels/"]
            .map(|resource| Resource::parse(resource).unwrap().canonical());
        assert_eq!(forms[0], forms[1]);
        assert_eq!(forms[0], forms[2]);
    }

    #[track_caller]
    fn check(resource: &str, entity: &str) {
        let found = Resource::parse(resource).and_then(|resource| resource.rule());
        assert_eq!(found.map(|(rule, _)| rule.entity), Some(entity), "{resource}");
    }
}
