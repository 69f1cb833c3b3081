//! A storm of notifications whose content is fetched, and Graph's limits on these reads.

use futures_util::future;
use graph_edge::clock::Clock;
use serde_json::{Value, json};

use super::{Environment, FAST, STORMY, alone};
use crate::limits::Allowance;

/// The result of a storm of fetches.
#[derive(Clone, Copy, Debug)]
pub struct Fetches {
    /// How many items there were.
    pub items: usize,
    /// How many were delivered with content.
    pub fetched: usize,
    /// How many reads arrived.
    pub reads: u64,
    /// How many of them were over Graph's limits.
    pub over: usize,
    /// How many came less than a second after another of the same chat or channel. An instance reads each once in two seconds,
    /// and two instances know nothing of each other; Graph answers 429 then, and the reader waits.
    pub coincided: usize,
    /// How many reads of one mailbox were under way at once, at the most.
    pub at_once: usize,
}

/// Notifications of one mailbox, whose folders are read meanwhile, of one chat and of many, of one channel and of many, and of
/// calls. Two instances work off what Graph would answer in seconds.
#[must_use]
pub fn fetches() -> Fetches {
    alone(|| {
        let environment = Environment::with(&entries(), FAST, Allowance::new(usize::MAX));
        let items = environment.put_items();
        for folder in 0..FOLDERS {
            let resource = format!("/users/1/mailFolders/f{folder}/messages");
            environment.put_window(STORMY, &format!("folder{folder}"), resource);
        }
        let instances = future::join(environment.instance(), environment.instance());
        let ((), ()) = environment.clock.run(instances);
        let (reads, over) = environment.lists.reads();
        Fetches {
            items,
            fetched: environment.delivered.fetched().len(),
            reads,
            over,
            coincided: environment.lists.coincided(),
            at_once: environment.lists.most_at_once(),
        }
    })
}

impl Environment {
    /// Queues the notifications, and returns how many there are.
    fn put_items(&self) -> usize {
        let now = self.clock.now();
        let channel = |channel: usize, message: usize| {
            format!("teams('7')/channels('19:{channel}')/messages('1{message}')")
        };
        let of_mailbox = (0..200).map(|mail| ("mail", format!("Users/1/Messages/AAMk{mail}=")));
        let of_chat = (0..30).map(|message| ("chats", format!("chats('19:c')/messages('1{message}')")));
        let of_chats = (0..90).map(|chat| ("chats", format!("chats('19:{chat}')/messages('1')")));
        let of_channel = (0..30).map(|message| ("channels", channel(0, message)));
        let of_channels = (1..90).map(|number| ("channels", channel(number, 0)));
        let of_calls = (0..1_700).map(|call| ("calls", format!("communications/callRecords/1{call}")));
        let all = of_mailbox
            .chain(of_chat)
            .chain(of_chats)
            .chain(of_channel)
            .chain(of_channels);
        let all = all.chain(of_calls).enumerate();
        all.map(|(number, (entry, path))| self.put_item(entry, &format!("{number:043}"), &path, now))
            .count()
    }
}

fn entries() -> Value {
    let entry = |resource: &str| json!({"tenant": "stormy", "resource": resource, "changeType": "created", "fetchContent": true});
    let mut entries = json!({
        "mail": entry("/users/1/messages"), "chats": entry("/chats/getAllMessages"), "channels": entry("/teams/getAllMessages"),
        "calls": entry("/communications/callRecords"),
    });
    for folder in 0..FOLDERS {
        entries[format!("folder{folder}")] = entry(&format!("/users/1/mailFolders/f{folder}/messages"));
    }
    entries
}

/// How many folders of the mailbox are read.
const FOLDERS: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fetches_keep_graphs_limits_and_every_item_has_its_content() {
        let fetches = fetches();
        println!("{fetches:?}");
        assert_eq!(fetches.over, 0, "{fetches:?}");
        // Sixty reads are of one chat or one channel.
        assert!(fetches.coincided <= 15, "{fetches:?}");
        assert!((2..=4).contains(&fetches.at_once), "{fetches:?}");
        assert_eq!(fetches.fetched, fetches.items, "{fetches:?}");
    }
}
