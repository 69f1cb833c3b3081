//! The reader reads lost changes. A consumer that drops repeated ids ends with every change once.

use std::collections::{BTreeMap, BTreeSet};

use graph_simulator::{LifecycleEvent, Post, TokenVersion};
use serde_json::json;

use crate::{
    lists::{self, Change, LISTS, List, ids_by_change},
    world::{Tenant, renew, send, simulator},
};

#[tokio::test]
async fn lost_notifications_are_read_and_events_arrive_once() {
    let lists = LISTS.map(|list| (list.name.to_owned(), list.entry())).into_iter();
    let tenant = Tenant::subscribe(TokenVersion::V2, lists.collect()).await;
    let mut changes = BTreeMap::new();
    for list in LISTS {
        changes.insert(list.name, change(&tenant, list).await);
    }
    for list in LISTS {
        OtherFault::of(list).inject(&tenant, list).await;
    }
    renew(&json!({})).await;
    for completed in tenant.events_with("CatchUpCompleted", LISTS.len()).await {
        let list = LISTS
            .into_iter()
            .find(|list| completed["subscription"] == list.name);
        let unseen = list.unwrap().unseen;
        let data = &completed["data"];
        assert_eq!(data["complete"], json!(unseen.is_empty()), "{completed:#}");
        assert_eq!(data["unseen"], json!(unseen), "{completed:#}");
    }
    for list in LISTS {
        let (name, wanted) = (format!(r#""subscription":"{}""#, list.name), &changes[list.name]);
        // Live events and read ones come in no order.
        let mut count = wanted.len();
        let by_change = loop {
            let events = tenant.events_with(&name, count).await;
            count = events.len() + 1;
            let by_change = ids_by_change(&events);
            if wanted.iter().all(|change| by_change.contains_key(change)) {
                break by_change;
            }
        };
        assert_eq!(by_change.len(), wanted.len(), "{}: {by_change:#?}", list.name);
        let events = tenant.events_with(&name, count - 1).await;
        for events in lists::by_source(list, &events) {
            let by_change = ids_by_change(events);
            let twice: Vec<_> = by_change.iter().filter(|(_, ids)| ids.len() > 1).collect();
            assert!(twice.is_empty(), "{}: {twice:#?}", list.name);
        }
    }
}

/// A fault of Graph besides lost notifications.
#[derive(Clone, Copy)]
enum OtherFault {
    /// It says so.
    Missed,
    /// It says that it has removed the subscription.
    Removed,
    /// It removes the subscription and says nothing.
    Silent,
}

impl OtherFault {
    fn of(list: List) -> Self {
        match list.name {
            "channel" => Self::Silent,
            "chat" => Self::Removed,
            _ => Self::Missed,
        }
    }

    async fn inject(self, tenant: &Tenant, list: List) {
        let subscription = tenant.subscription(list.resource);
        match self {
            Self::Missed => drop(send(Post::new().lifecycle(&subscription, LifecycleEvent::Missed)).await),
            Self::Removed => {
                drop(send(Post::new().lifecycle(&subscription, LifecycleEvent::SubscriptionRemoved)).await);
            }
            Self::Silent => assert!(simulator().remove(&subscription)),
        }
    }
}

/// Makes changes of a list and has notifications sent for four of five; returns the changes, by item and type.
async fn change(tenant: &Tenant, list: List) -> BTreeSet<Change> {
    let changes = lists::change(simulator(), &tenant.app.tenant_id, list, CHANGES);
    for post in lists::posts(list, &tenant.subscription(list.resource), &changes) {
        let report = send(post).await;
        assert!(report.delivered(), "{:#?}", report.posts[0].attempts);
    }
    lists::named(&changes)
}

/// How many changes of each list there are: a thousand in all, of which two hundred are lost.
const CHANGES: i64 = 200;
