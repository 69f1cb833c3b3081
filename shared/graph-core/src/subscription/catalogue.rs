//! The resources that Microsoft Graph sends change notifications for, as data.
//!
//! One table has a [`Row`] per kind of resource. [`find`] looks up a subscription's resource path; [`nearest`] suggests
//! a path for a misspelt one.

pub use fetching::{Fetching, option_against_fetching};
pub use row::{Access, Changes, Permission, Remark, Rich, Row, Select, Version};

use graph_events::path;
use pattern::{INDEX, Pattern, words};
use strsim::levenshtein;

use super::compare::squeeze;

mod fetching;
#[cfg(test)]
mod figures;
mod pattern;
mod row;
mod table;

/// Returns all rows.
pub fn rows() -> impl Iterator<Item = &'static Row> {
    table::ROWS.iter()
}

/// Returns the longest lifetime of any subscription, in minutes.
#[must_use]
pub fn longest_minutes() -> u32 {
    let minutes = rows().map(|row| row.minutes.max(row.minutes_rich));
    minutes.max().unwrap_or_default()
}

/// Returns the row for a subscription's `resource` path.
///
/// Accepts every spelling that Microsoft Graph accepts: with or without outer slashes, names in any letter case, `/me`,
/// keys in parentheses or between slashes, functions with arguments, and query options. A URL, or a version in front,
/// is not accepted.
#[must_use]
pub fn find(resource: &str) -> Option<&'static Row> {
    best(resource).map(|pattern| pattern.row)
}

/// Returns whether Graph takes a second subscription for the same `resource`, as it does for lists of SharePoint.
#[must_use]
pub fn takes_twice(resource: &str) -> bool {
    best(resource).is_some_and(|pattern| pattern.text.starts_with("/sites"))
}

/// Returns the path pattern most similar to `resource`, for a suggestion, if few of its letters differ, and at most a quarter. A
/// path that differs more is another resource and not a misspelt one.
#[must_use]
pub fn nearest(resource: &str) -> Option<&'static str> {
    let written = words(resource);
    let rated = INDEX.iter().map(|pattern| {
        let meant = words(pattern.text);
        (levenshtein(&meant, &written), meant.len(), pattern.text)
    });
    let (edits, length, text) = rated.min_by_key(|(edits, ..)| *edits)?;
    (edits <= MAX_EDITS && edits * 4 <= length).then_some(text)
}

/// How many letters differ at most in a suggestion: a name in place of a placeholder, and a slip.
const MAX_EDITS: usize = 6;

/// Returns the most specific pattern that fits `resource`.
///
/// If two patterns are equally specific (a filter that contains the scopes of two rows), a less specific one stands for
/// both.
fn best(resource: &str) -> Option<&'static Pattern> {
    let path = path::tokens(resource)?;
    let options = path::options(resource);
    let filter = options
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("$filter"))
        .map(|(_, value)| squeeze(value).to_ascii_lowercase());
    let mut fitting: Vec<_> = INDEX
        .iter()
        .filter(|pattern| pattern.fits(&path, filter.as_deref()))
        .collect();
    // Of two equally specific patterns, neither can be preferred, so both are dropped and the next one stands for them.
    loop {
        let top = fitting.iter().map(|pattern| pattern.demands()).max()?;
        let mut foremost = fitting.iter().filter(|pattern| pattern.demands() == top);
        if let (Some(only), None) = (foremost.next(), foremost.next()) {
            return Some(only);
        }
        fitting.retain(|pattern| pattern.demands() != top);
    }
}

#[cfg(test)]
mod tests {
    use graph_events::entity;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_spelling_of_a_path_is_found() {
        for spelling in [
            "/users/1/messages",
            "users/1/messages",
            "Users/1/Messages/",
            "/users('1')/messages",
            "/me/messages",
            "me/messages?$select=subject&$filter=isRead eq false",
            "/users/{id}/messages",
            "/users/anna@contoso.com/messages",
        ] {
            check(spelling, Some("message.all"));
        }
        check(
            "/users('1')/mailFolders('inbox')/messages",
            Some("message.folder"),
        );
        check("/me/mailfolders/inbox/messages", Some("message.folder"));
        check("groups('1')/conversations", Some("conversation"));
        check("/me/drive/root", Some("driveItem.root"));
        check("/me/drive/root:/Documents/2026", Some("driveItem.folder"));
        check("/me/drive/root:/messages", Some("driveItem.folder"));
        check("/drives/b!1/root/Documents/2026", Some("driveItem.folder"));
        check("/drives/b!1/root", Some("driveItem.root"));
        check("groups('1')/events", Some("event.group"));
        check("/groups/1/calendar/events", Some("event.group"));
        check("sites", Some("site.all"));
    }

    #[test]
    fn a_function_is_not_taken_for_an_id() {
        check("/teams/getAllChannels", Some("channel.all"));
        check("/teams/getallmessages", Some("chatMessage.allChannels"));
        check("/teams/getAllMembers", Some("member.allTeams"));
        check("/teams/getAllMesages", None);
        check("/chats/allMessages", None);
        check("/teams/channels", None);
        check("/users/delta", None);
        check("/teams('getAllMessages')", Some("team.one"));
        check("/teams/1", Some("team.one"));
    }

    #[test]
    fn functions_are_found_by_the_names_of_their_arguments() {
        check(
            "communications/calls/getEmergencyEventsByPolicy(policyName='a/b')",
            Some("emergency"),
        );
        check("communications/calls/getEmergencyEventsByPolicy(name='a')", None);
        check(
            "solutions/virtualEvents/events/getEventsFromOrganizers(organizerIds=['1','2'])",
            Some("virtualEvent.organizers"),
        );
        let meeting = "communications/onlineMeetings(joinWebUrl='https%3A%2F%2Fteams%3Fa')/meetingCallEvents";
        check(meeting, Some("onlineMeeting"));
        check(
            "communications/onlineMeetings/?$filter=JoinWebUrl eq 'https://a/b?c'",
            Some("onlineMeeting"),
        );
    }

    #[test]
    fn a_filter_chooses_between_rows_of_the_same_path() {
        check("communications/callRecords", Some("callRecord"));
        check(
            "communications/callRecords?$filter=a eq 'b'",
            Some("callRecord.filtered"),
        );
        check(
            "communications/presences?$filter=id in ('1','2')",
            Some("presence.many"),
        );
        check("communications/presences", None);
        check("security/alerts/?$filter=status eq 'New'", Some("alert.filtered"));
        check("security/alerts", None);
        let installations = "appCatalogs/teamsApps/1/installations";
        check(installations, Some("appInstall"));
        check(
            &format!("{installations}?$filter=(scopeInfo/scope eq 'team')"),
            Some("appInstall.team"),
        );
        check(
            &format!("{installations}?$filter=scopeInfo/scope%20eq%20'groupChat'"),
            Some("appInstall.chat"),
        );
        let both = "?$filter=(scopeInfo/scope eq 'team') or (scopeInfo/scope eq 'personal')";
        check(&format!("{installations}{both}"), Some("appInstall"));
    }

    #[test]
    fn an_invalid_resource_path_is_not_found() {
        for path in [
            "",
            "/",
            "v1.0/users",
            "/beta/teams",
            "https://graph.microsoft.com/v1.0/users",
            "//users",
            "users//messages",
            "/users/1/messages/2",
            "/unknown",
            "?$filter=a",
        ] {
            check(path, None);
        }
    }

    #[test]
    fn a_misspelt_path_gets_the_pattern_it_resembles() {
        for (written, meant) in [
            ("/team/getAllMessages", "/teams/getAllMessages"),
            ("/chats/allMessages", "/chats/getAllMessages"),
            ("/users/1/mesages", "/users/{id}/messages"),
            (
                "/me/mailFolder('inbox')/messages",
                "/users/{id}/mailFolders/{id}/messages",
            ),
            (
                "https://graph.microsoft.com/v1.0/teams/getAllMessages",
                "/teams/getAllMessages",
            ),
            ("beta/teams", "/teams"),
            ("/communications/callRecord", "/communications/callRecords"),
            (
                "/communications/presences",
                "/communications/presences?$filter=id in ({ids})",
            ),
            (
                "/teams/8f3c6a1e-2d57-4b90/channel/19:a@thread.tacv2/messages",
                "/teams/{id}/channels/{id}/messages",
            ),
        ] {
            assert_eq!(nearest(written), Some(meant), "{written}");
        }
    }

    #[test]
    fn a_path_without_a_similar_row_gets_no_suggestion() {
        for written in [
            "",
            "/",
            "/weather/today",
            "🦀/('",
            "/x/y/z",
            // Other resources of Graph, without notifications.
            "/me/calendars/1/events",
            "/teams/1/tags",
            "/sites/1/drives",
            "/groups/1/threads",
            "/users/1/onenote/pages",
            "/places",
        ] {
            assert_eq!(nearest(written), None, "{written}");
        }
    }

    #[test]
    fn consumers_read_the_same_entity_off_every_path() {
        for row in rows() {
            for pattern in row.patterns {
                assert_eq!(entity::name(None, Some(pattern)), row.entity, "{pattern}");
            }
            let written = row.entity.to_ascii_uppercase();
            assert_eq!(entity::name(Some(&written), None), row.entity);
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_a_lookup_panic(text in "(/?[a-zA-Z]{0,12}[/?$&=('{}%é)]{0,3}){0,40}") {
            let _ = find(&text);
            prop_assert!(nearest(&text).is_none_or(|near| find(near).is_some()));
        }
    }

    #[track_caller]
    fn check(resource: &str, expected: Option<&str>) {
        assert_eq!(find(resource).map(|row| row.key), expected, "{resource}");
    }
}
