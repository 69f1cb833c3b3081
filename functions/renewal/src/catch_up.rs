//! Windows: the periods that the reader reads, one for each gap.

use graph_core::{
    read::{Window, configured},
    subscription::{
        compare::same_resource,
        config::Config,
        plan::{
            CaughtUp,
            gap::{Gap, GapKind},
        },
    },
};
use graph_edge::{
    deadline::Deadline,
    sqs::{Message, Queue},
};
use jiff::{SignedDuration, Timestamp};
use tracing::error;

use crate::{keys, ports::Documents};

/// Sends windows to the reader, so that it reads the changes that were lost.
#[derive(Debug)]
pub struct CatchUp<Q> {
    /// `ReadQueue`.
    pub queue: Q,
    /// How long before its end a gap of unknown beginning is read.
    pub back: SignedDuration,
    /// How long after its end a window is read, when Graph's lists show the last changes in it.
    pub settle: SignedDuration,
}

/// The window of a loss.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LostWindow {
    pub(crate) window: Window,
    /// Whether it was ordered because Graph missed notifications, which says no time.
    pub(crate) is_undated: bool,
}

/// A gap, and how much of it the reader reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Loss {
    pub(crate) gap: Gap,
    /// When the subscription was created, where this is known.
    pub(crate) made_at: Option<Timestamp>,
    /// Whether the gap is proven well enough to be read: reading costs calls, and client states can be replayed.
    pub(crate) is_read: bool,
}

impl Loss {
    /// Returns whether the reader reads a gap of which nobody knows the beginning.
    pub(crate) fn is_undated(&self) -> bool {
        self.is_read && self.gap.kind == GapKind::Missed
    }
}

impl From<Gap> for Loss {
    fn from(gap: Gap) -> Self {
        Self {
            gap,
            made_at: None,
            is_read: true,
        }
    }
}

impl<Q: Queue> CatchUp<Q> {
    /// Puts windows into `ReadQueue`, joined where they belong to one subscription. Returns whether it has accepted all, and the
    /// accepted ones of losses that say no time.
    pub(crate) async fn order(
        &self,
        windows: Vec<LostWindow>,
        documents: &impl Documents,
        now: Timestamp,
        deadline: Deadline,
    ) -> (bool, Vec<Window>) {
        let mut all = Vec::new();
        for window in windows {
            add(&mut all, window);
        }
        if all.is_empty() {
            return (true, Vec::new());
        }
        // A secret that hangs must not take the time of what comes afterwards.
        let keys = deadline.within(keys::of_messages(documents)).await;
        let keys = keys.inspect_err(|_| {
            error!("ClientStateSecret cannot be read in time, so windows for ReadQueue wait");
        });
        let keys = keys.ok().flatten();
        let (mut messages, mut is_all) = (Vec::new(), true);
        for one in all {
            match keys.as_ref().and_then(|keys| one.window.to_body(keys, now).ok()) {
                Some(body) => {
                    let message = Message::of_window(&one.window.owner(), body);
                    let message = message.delayed(one.window.settles_in(self.settle, now));
                    messages.push((one, message));
                }
                None => is_all = false,
            }
        }
        let sent = self.queue.send(messages, deadline).await;
        let undated = sent.stored.into_iter().filter(|one| one.is_undated);
        (
            is_all && sent.lost.is_empty(),
            undated.map(|one| one.window).collect(),
        )
    }

    /// Returns the window of a loss; nothing if the loss is not read or the configuration no longer has its resource.
    pub(crate) fn window(
        &self,
        loss: &Loss,
        config: &Config,
        caught_up: &CaughtUp,
        now: Timestamp,
    ) -> Option<LostWindow> {
        let gap = &loss.gap;
        let (_, _, resource) = configured(config, &gap.name, gap.application)?;
        let is_configured = gap
            .resource
            .as_deref()
            .is_none_or(|known| same_resource(known, &resource));
        // The reader compares resources letter by letter, and Graph may spell them differently from the configuration.
        let gap = Gap {
            resource: Some(resource),
            ..gap.clone()
        };
        let mut window =
            Window::of_gap(&gap, &gap.id(), self.back).filter(|_| loss.is_read && is_configured)?;
        // Before its creation the subscription could not lose anything.
        if let Some(made_at) = loss.made_at.filter(|made_at| *made_at >= window.from) {
            window.from = made_at.min(window.until);
            window.clipped = false;
        }
        let is_undated = loss.is_undated();
        if is_undated {
            window = caught_up.rest(window, now);
        }
        Some(LostWindow { window, is_undated })
    }
}

/// Adds a window, or joins it with one of the same subscription.
fn add(windows: &mut Vec<LostWindow>, added: LostWindow) {
    let LostWindow {
        mut window,
        is_undated,
    } = added;
    for other in &mut *windows {
        match other.window.join(window) {
            Ok(()) => {
                other.is_undated |= is_undated;
                return;
            }
            Err(back) => window = *back,
        }
    }
    windows.push(LostWindow { window, is_undated });
}
