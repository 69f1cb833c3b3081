//! The removed subscriptions whose windows no queue has taken.

use serde::{Deserialize, Serialize};

use super::{DIGEST, MAX_STORED, application};
use crate::{
    application::Application,
    subscription::plan::digest::{digest, digests},
};

/// The removals of which a run has proven that they happened, and whose notifications still have to be read: the report of a
/// removal comes again, perhaps to a process that cannot prove it any more.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnreadRemovals(String);

impl UnreadRemovals {
    /// Returns whether the notifications of the removed subscription with this id still have to be read.
    #[must_use]
    pub fn has(&self, owner: Application, id: &str) -> bool {
        let removal = removal(owner, id);
        digests(&self.0, LENGTH).any(|one| one == removal)
    }

    /// Sets whether they still have to be read. The latest removals are kept.
    pub fn set(&mut self, owner: Application, id: &str, is_unread: bool) {
        let removal = removal(owner, id);
        let others = digests(&self.0, LENGTH).filter(|one| *one != removal);
        let all = is_unread.then(|| removal.clone()).into_iter().chain(others);
        self.0 = all.take(MAX_STORED).collect();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn removal(owner: Application, id: &str) -> String {
    digest(&format!("{} {id}", application(owner)), LENGTH)
}

/// How many characters of a digest are stored. Senders choose ids, so an id must not look like another one.
const LENGTH: usize = 2 * DIGEST;
