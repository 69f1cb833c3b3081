//! Which windows were read to their end, so that the same time is not read again and again.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use graph_core::read::{At, Completed, OVERLAP, Window};
use jiff::Timestamp;

/// The time that this process has read to its end, by subscription and part.
///
/// Graph may say `missed` of a mailbox every few minutes, and never since when: without this, hours would be read each time.
#[derive(Debug, Default)]
pub struct CompleteWindows(Mutex<BTreeMap<[String; 4], (Timestamp, Timestamp)>>);

impl CompleteWindows {
    /// Has the window of a gap begin where the one before it ended, when that began no later: what lies between was delivered.
    pub(crate) fn skip_read_part(&self, mut window: Window) -> Window {
        let known = self.lock().get(&key(&window)).copied();
        let is_new = window.gap.is_some() && window.at.is_none() && window.counts.is_none();
        if let Some((from, until)) = known.filter(|_| is_new) {
            let after = until.saturating_sub(OVERLAP).unwrap_or(until).min(window.until);
            if from <= window.from && window.from < after {
                window.at = Some(At {
                    after: Some(after),
                    ..At::default()
                });
            }
        }
        window
    }

    /// Remembers the window of a gap that was read with nothing left out that its list shows.
    ///
    /// A window without a gap reads a drive after a notification. It looks back for as long as Graph may show a change late, so
    /// the one before it does not shorten it.
    pub(crate) fn remember(&self, completed: &Completed) {
        let window = &completed.window;
        if completed.shortfall.is_some() || window.gap.is_none() {
            return;
        }
        let mut known = self.lock();
        let last = known.entry(key(window)).or_insert((window.from, window.until));
        let touches = last.0 <= window.until && window.from <= last.1;
        *last = if touches {
            (last.0.min(window.from), last.1.max(window.until))
        } else {
            (window.from, window.until)
        };
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<[String; 4], (Timestamp, Timestamp)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(window: &Window) -> [String; 4] {
    let part = window.part.as_ref().map(|part| part.id.clone());
    [
        window.application.tenant_id.to_string(),
        window.application.client_id.to_string(),
        format!("{} {}", window.subscription, window.resource),
        part.unwrap_or_default(),
    ]
}
