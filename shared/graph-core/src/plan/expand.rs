//! From entries to single subscriptions: one entry may stand for thousands.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use jiff::SignedDuration;

use super::{
    Desired,
    limit::{self, Limit},
};
use crate::{
    client_state,
    config::Entry,
    subscription::{Origin, Subscription, change_types, resource_key},
};

/// The objects that an entry stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Objects {
    /// None: it stands for itself.
    Itself,
    /// The objects with these ids.
    Known(Vec<String>),
    /// They could not be listed, for this reason: what exists goes on as it is, and nothing is added.
    Unknown(String),
}

/// What a list of entries comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expansion {
    /// The subscriptions to have.
    pub desired: Vec<Desired>,
    /// How many of an entry's objects are left out, and why.
    pub left_out: BTreeMap<String, BTreeMap<LeftOut, usize>>,
    /// Entries whose subscriptions are not to be deleted, with the reason.
    pub held: BTreeMap<String, String>,
    /// How many objects each entry stands for; entries that stand for themselves are not here.
    pub objects: BTreeMap<String, usize>,
}

/// Why an object gets no subscription.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LeftOut {
    /// Its id is too long beside the entry's name, or has characters that would change the resource path.
    UnfitId,
    /// Another entry, this one, asks for the same already, and Graph allows one.
    Shared(String),
    /// Graph would refuse it.
    Over(Limit),
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnfitId => write!(
                f,
                "with an id that does not fit into a client state or a resource path"
            ),
            Self::Shared(entry) => write!(f, "that `subscriptions.{entry}` watches already"),
            Self::Over(limit) => write!(f, "over the limit of {limit}"),
        }
    }
}

/// Returns what `entries`, each with its objects, ask for, given what Graph lists for the application.
///
/// The order is that of the names. Where Graph allows only some, entries for themselves come first, then what exists
/// already, then the rest in order: nobody loses a subscription to a newcomer.
#[must_use]
pub fn expand(entries: &[(&Entry, Objects)], listed: &[Subscription], origin: &Origin) -> Expansion {
    let existing: BTreeSet<String> = listed
        .iter()
        .filter_map(|one| Some(origin.read(one.notification_url.as_deref()?)?.name))
        .collect();
    let mut expansion = Expansion::default();
    let mut candidates = Vec::new();
    for (entry, objects) in entries {
        let limit = limit::of(&entry.resource);
        let ids: BTreeSet<&str> = match objects {
            Objects::Itself => {
                candidates.push(Candidate::itself(entry, limit));
                continue;
            }
            Objects::Known(ids) => ids.iter().map(String::as_str).collect(),
            Objects::Unknown(why) => {
                expansion.held.insert(entry.name.clone(), why.clone());
                existing
                    .iter()
                    .filter_map(|name| name.strip_prefix(&entry.name)?.strip_prefix('/'))
                    .collect()
            }
        };
        expansion.objects.insert(entry.name.clone(), ids.len());
        for id in ids {
            if is_fit(&entry.name, id) {
                candidates.push(Candidate::one_of_many(entry, id, limit, &existing));
            } else {
                expansion.leave_out(&entry.name, LeftOut::UnfitId);
            }
        }
    }
    expansion.choose(candidates, listed, origin);
    expansion
}

impl Expansion {
    /// Takes the candidates for which Graph has room.
    fn choose(&mut self, mut candidates: Vec<Candidate<'_>>, listed: &[Subscription], origin: &Origin) {
        candidates.sort_by(|one, other| one.order().cmp(&other.order()));
        let names: BTreeSet<&str> = candidates.iter().map(|one| one.desired.name.as_str()).collect();
        let mut used = used_by_others(listed, origin, &names);
        let mut watched: BTreeMap<(String, BTreeSet<String>), &str> = BTreeMap::new();
        let mut chosen = Vec::new();
        for candidate in &candidates {
            let key = (
                resource_key(&candidate.desired.resource),
                change_types(&candidate.desired.change_type),
            );
            if let Some(first) = watched.get(&key) {
                self.leave_out(&candidate.entry.name, LeftOut::Shared((*first).to_owned()));
                continue;
            }
            if let Some(limit) = candidate.limit {
                let used = used.entry(limit).or_default();
                if *used >= limit.most && candidate.rank == Rank::New {
                    self.leave_out(&candidate.entry.name, LeftOut::Over(limit));
                    continue;
                }
                *used += 1;
            }
            watched.insert(key, &candidate.entry.name);
            chosen.push(candidate.desired.clone());
        }
        chosen.sort_by(|one, other| one.name.cmp(&other.name));
        self.desired = chosen;
    }

    fn leave_out(&mut self, entry: &str, why: LeftOut) {
        let reasons = self.left_out.entry(entry.to_owned()).or_default();
        *reasons.entry(why).or_default() += 1;
    }
}

/// A subscription that an entry asks for.
struct Candidate<'a> {
    entry: &'a Entry,
    desired: Desired,
    limit: Option<Limit>,
    rank: Rank,
}

/// Who comes first where there is not room for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Itself,
    Existing,
    New,
}

impl<'a> Candidate<'a> {
    fn itself(entry: &'a Entry, limit: Option<Limit>) -> Self {
        Self {
            entry,
            desired: desired(entry, entry.name.clone(), entry.resource.clone()),
            limit,
            rank: Rank::Itself,
        }
    }

    fn one_of_many(entry: &'a Entry, id: &str, limit: Option<Limit>, existing: &BTreeSet<String>) -> Self {
        let name = format!("{}/{id}", entry.name);
        let rank = if existing.contains(&name) {
            Rank::Existing
        } else {
            Rank::New
        };
        let resource = entry.resource.replace(PLACEHOLDER, id);
        Self {
            entry,
            desired: desired(entry, name, resource),
            limit,
            rank,
        }
    }

    fn order(&self) -> (Rank, &str) {
        (self.rank, &self.desired.name)
    }
}

fn desired(entry: &Entry, name: String, resource: String) -> Desired {
    Desired {
        name,
        resource,
        change_type: entry.change_type.clone(),
        include_resource_data: entry.include_resource_data,
        lifetime: SignedDuration::from_mins(i64::from(entry.minutes)),
        version: entry.version,
    }
}

/// Counts the listed subscriptions that take up room and are not among those asked for.
fn used_by_others(
    listed: &[Subscription],
    origin: &Origin,
    names: &BTreeSet<&str>,
) -> BTreeMap<Limit, usize> {
    let mut used = BTreeMap::new();
    for one in listed {
        let ours = one.notification_url.as_deref().and_then(|url| origin.read(url));
        if ours.is_some_and(|ours| names.contains(ours.name.as_str())) {
            continue;
        }
        if let Some(limit) = one.resource.as_deref().and_then(limit::of) {
            *used.entry(limit).or_default() += 1;
        }
    }
    used
}

/// Returns whether the subscription for `id` can be named after it: the name goes into a client state, and the id into
/// a path.
fn is_fit(entry: &str, id: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !br#"/'"?#&{}\%"#.contains(&byte);
    !id.is_empty() && id.bytes().all(is_plain) && entry.len() + 1 + id.len() <= MAX_NAME
}

/// What stands for the object's id in a resource.
const PLACEHOLDER: &str = "{id}";

/// What a client state leaves for the name: a key's id has 8 characters, the proof 43, and two dots stand between.
const MAX_NAME: usize = client_state::MAX_LENGTH - 8 - 43 - 2;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::Version;

    #[test]
    fn an_entry_for_itself_is_one_subscription() {
        let expansion = expand(
            &[(&entry("chat", "/chats/getAllMessages"), Objects::Itself)],
            &[],
            &origin(),
        );
        assert_eq!(shown(&expansion), [("chat", "/chats/getAllMessages")]);
        assert_eq!(expansion.desired[0].lifetime, SignedDuration::from_mins(60));
        assert!(expansion.objects.is_empty());
    }

    #[test]
    fn an_entry_for_many_is_one_subscription_for_each_object() {
        let expansion = expand(&[(&mail(), known(&["b", "a", "b"]))], &[], &origin());
        assert_eq!(
            shown(&expansion),
            [("mail/a", "/users/a/messages"), ("mail/b", "/users/b/messages")]
        );
        assert_eq!(expansion.objects["mail"], 2);
    }

    #[test]
    fn an_id_that_does_not_fit_is_left_out_and_the_others_go_on() {
        let longest = "x".repeat(MAX_NAME - "mail/".len());
        let too_long = format!("{longest}x");
        for unfit in [
            "", "a/b", "a'b", "a b", "a?b", "a#b", "{id}", "ä", "a%2Fb", &too_long,
        ] {
            let expansion = expand(&[(&mail(), known(&[unfit, &longest]))], &[], &origin());
            assert_eq!(expansion.desired.len(), 1, "{unfit}");
            assert_eq!(
                expansion.left_out["mail"],
                BTreeMap::from([(LeftOut::UnfitId, 1)])
            );
        }
    }

    #[test]
    fn the_longest_name_that_fits_makes_a_client_state() {
        let key = crate::secrets::ClientStateKeyEntry {
            id: "k3f9a2bc".to_owned(),
            key: format!("{}=", "A".repeat(43)),
            tenant_id: "t".to_owned(),
            client_id: "c".to_owned(),
            created_at: jiff::Timestamp::UNIX_EPOCH,
            mint_from: jiff::Timestamp::UNIX_EPOCH,
            life: crate::secrets::KeyLife::default(),
        };
        assert_eq!(
            client_state::mint(&key, &"x".repeat(MAX_NAME)).unwrap().len(),
            client_state::MAX_LENGTH
        );
    }

    #[test]
    fn when_objects_are_unknown_what_exists_goes_on_and_nothing_else() {
        let listed = [
            ours("mail/a", "/users/a/messages"),
            ours("mailbox/b", "/users/b/messages"),
            ours("mail", "/users/c/messages"),
        ];
        let unknown = Objects::Unknown("no permission".to_owned());
        let expansion = expand(&[(&mail(), unknown)], &listed, &origin());
        assert_eq!(shown(&expansion), [("mail/a", "/users/a/messages")]);
        assert_eq!(
            expansion.held,
            BTreeMap::from([("mail".to_owned(), "no permission".to_owned())])
        );
    }

    #[test]
    fn of_two_entries_that_ask_for_the_same_the_first_gets_it() {
        let (one, other) = (mail(), entry("also", "users/{id}/Messages/"));
        let expansion = expand(
            &[(&one, known(&["a", "b"])), (&other, known(&["b", "c"]))],
            &[],
            &origin(),
        );
        let names: Vec<_> = shown(&expansion).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["also/b", "also/c", "mail/a"]);
        let shared = LeftOut::Shared("also".to_owned());
        assert_eq!(expansion.left_out["mail"], BTreeMap::from([(shared, 1)]));
    }

    #[test]
    fn who_has_the_subscription_keeps_it_when_another_entry_asks_for_it_too() {
        let (one, other) = (mail(), entry("also", "/users/{id}/messages"));
        let listed = [ours("mail/b", "/users/b/messages")];
        let expansion = expand(
            &[(&one, known(&["b"])), (&other, known(&["b"]))],
            &listed,
            &origin(),
        );
        assert_eq!(shown(&expansion), [("mail/b", "/users/b/messages")]);
    }

    #[test]
    fn an_entry_for_itself_comes_before_one_for_many() {
        let (one, other) = (entry("z", "/users/b/messages"), mail());
        let expansion = expand(
            &[(&one, Objects::Itself), (&other, known(&["b"]))],
            &[],
            &origin(),
        );
        assert_eq!(shown(&expansion), [("z", "/users/b/messages")]);
    }

    #[test]
    fn other_changes_of_the_same_resource_are_another_subscription() {
        let deletions = Entry {
            change_type: "deleted".to_owned(),
            ..entry("gone", "/users/{id}/messages")
        };
        let expansion = expand(
            &[(&mail(), known(&["a"])), (&deletions, known(&["a"]))],
            &[],
            &origin(),
        );
        assert_eq!(expansion.desired.len(), 2);
    }

    #[test]
    fn no_more_are_asked_for_than_graph_allows_and_nobody_loses_one() {
        let ids: Vec<String> = (0..120).map(|number| format!("u{number:03}")).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let users = entry("people", "/users/{id}");
        let mut listed = vec![
            theirs("/groups"),
            theirs("/groups/1"),
            theirs("/teams/1/channels"),
        ];
        listed.push(ours("people/u119", "/users/u119"));
        let expansion = expand(
            &[(&users, known(&ids)), (&entry("all", "/users"), Objects::Itself)],
            &listed,
            &origin(),
        );
        assert_eq!(expansion.desired.len(), 98, "two of a hundred are others'");
        let names: Vec<_> = shown(&expansion).into_iter().map(|(name, _)| name).collect();
        assert_eq!((names[0], names[1]), ("all", "people/u000"));
        assert_eq!((names[96], names[97]), ("people/u095", "people/u119"));
        let over = expansion.left_out["people"].iter().next().unwrap();
        assert_eq!(*over.1, 23);
        assert!(
            over.0.to_string().starts_with("over the limit of 100 "),
            "{}",
            over.0
        );
    }

    #[test]
    fn what_exists_stays_even_over_the_limit() {
        let listed: Vec<_> = (0..110)
            .map(|number| ours(&format!("people/{number}"), &format!("/users/{number}")))
            .collect();
        let ids: Vec<String> = (0..110).map(|number| number.to_string()).collect();
        let expansion = expand(
            &[(&entry("people", "/users/{id}"), Objects::Known(ids))],
            &listed,
            &origin(),
        );
        assert_eq!(expansion.desired.len(), 110);
    }

    #[test]
    fn ten_thousand_teams_subscriptions_fit_and_one_more_does_not() {
        let ids: Vec<String> = (0..10_001).map(|number| number.to_string()).collect();
        let expansion = expand(
            &[(&entry("channels", "/teams/{id}/channels"), Objects::Known(ids))],
            &[],
            &origin(),
        );
        assert_eq!(expansion.desired.len(), 10_000);
        assert_eq!(expansion.left_out["channels"].values().sum::<usize>(), 1);
    }

    fn shown(expansion: &Expansion) -> Vec<(&str, &str)> {
        expansion
            .desired
            .iter()
            .map(|one| (one.name.as_str(), one.resource.as_str()))
            .collect()
    }

    fn known(ids: &[&str]) -> Objects {
        Objects::Known(ids.iter().map(|id| (*id).to_owned()).collect())
    }

    fn mail() -> Entry {
        entry("mail", "/users/{id}/messages")
    }

    fn entry(name: &str, resource: &str) -> Entry {
        Entry {
            name: name.to_owned(),
            tenant: "contoso".to_owned(),
            resource: resource.to_owned(),
            change_type: "created".to_owned(),
            include_resource_data: false,
            minutes: 60,
            version: Version::V1,
            for_each: None,
        }
    }

    fn ours(name: &str, resource: &str) -> Subscription {
        let url = crate::subscription::OurUrl {
            name: name.to_owned(),
            ..crate::subscription::OurUrl::default()
        };
        Subscription {
            notification_url: Some(origin().url(&url)),
            ..theirs(resource)
        }
    }

    fn theirs(resource: &str) -> Subscription {
        Subscription {
            id: "id".to_owned(),
            resource: Some(resource.to_owned()),
            notification_url: Some("https://theirs.example/".to_owned()),
            ..Subscription::default()
        }
    }

    fn origin() -> Origin {
        Origin::parse("https://our.example/notifications").unwrap()
    }
}
