//! Lifecycle items of one POST that say the same.
//!
//! Graph may challenge a subscription many times at once, and whoever has a client state can repeat an item as often as a
//! POST has room. Renewal acts on what an item says, not on how often it is said, so repeats share one message.

use std::{borrow::Cow, collections::BTreeMap};

use graph_core::{
    application::Application,
    notification::item::{Admitted, Kind},
};
use graph_edge::deadline::Deadline;

/// Admitted items of a POST that one message stands for.
pub(crate) struct Group<'i, 'a> {
    /// The place of the first of them in the POST.
    pub(crate) index: usize,
    /// The first of them.
    pub(crate) item: &'i Admitted<'a>,
    /// How many they are.
    pub(crate) items: usize,
}

/// Returns what there is to send of admitted items, in their order: lifecycle items that say the same are one group, and
/// every other item is a group of its own. After `until` no item is read any more: nobody will send the rest.
pub(crate) fn groups<'i, 'a>(items: &'i [(usize, Admitted<'a>)], until: Deadline) -> Vec<Group<'i, 'a>> {
    let mut groups: Vec<Group<'i, 'a>> = Vec::with_capacity(items.len());
    let mut said = BTreeMap::new();
    for (index, item) in items {
        let is_read = item.kind() == Kind::Lifecycle && !until.left().is_zero();
        if let Some(statement) = is_read.then(|| Statement::of(item)).flatten() {
            let first = *said.entry(statement).or_insert(groups.len());
            if let Some(group) = groups.get_mut(first) {
                group.items += 1;
                continue;
            }
        }
        groups.push(Group {
            index: *index,
            item,
            items: 1,
        });
    }
    groups
}

/// What renewal reads of a lifecycle item.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Statement<'i> {
    application: Application,
    name: &'i str,
    event: String,
    /// Without one, renewal keeps the item as malformed, whatever else it says.
    subscription_id: Option<Cow<'i, str>>,
    /// The tenant that the item itself names: renewal keeps an item that names another one than its client state.
    stated_tenant_id: Option<Cow<'i, str>>,
    expiration: Option<Cow<'i, str>>,
}

impl<'i> Statement<'i> {
    /// Returns what a lifecycle item says. One about which something is odd says nothing that could be compared.
    fn of(item: &'i Admitted<'_>) -> Option<Self> {
        let read = item.read().ok()?;
        let event = read.lifecycle_event?.to_ascii_lowercase();
        // A challenge is answered by what Graph has at that time. The end matters where a loss is to be dated.
        let expiration = read
            .subscription_expiration_date_time
            .filter(|_| event != "reauthorizationrequired");
        let proven = item.proven();
        Some(Self {
            application: proven.application,
            name: &proven.subscription,
            event,
            subscription_id: read.subscription_id,
            stated_tenant_id: read.tenant_id,
            expiration,
        })
    }
}
