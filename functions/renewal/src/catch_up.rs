//! Windows of time that the reader is to read, one for each gap.

use std::sync::{Mutex, PoisonError};

use graph_core::{
    read::{Window, configured},
    subscription::{compare::same_resource, config::Config, plan::gap::Gap},
};
use graph_edge::{
    deadline::Deadline,
    sqs::{Message, Queue},
};
use jiff::{SignedDuration, Timestamp};

/// Has the reader read what was lost.
#[derive(Debug)]
pub struct CatchUp<Q> {
    queue: Q,
    back: SignedDuration,
    /// What `ReadQueue` has not taken. It goes with the next windows.
    unsent: Mutex<Vec<Window>>,
}

/// What was lost, and how much of it is to be read.
#[derive(Clone, Debug)]
pub(crate) struct Loss {
    pub(crate) gap: Gap,
    /// Since when the subscription exists, where that is known.
    pub(crate) made_at: Option<Timestamp>,
    /// Whether the gap is proven well enough to have anything read.
    pub(crate) is_read: bool,
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
    /// Has windows put into `queue`. A gap of unknown beginning is read from `back` before its end.
    pub fn new(queue: Q, back: SignedDuration) -> Self {
        Self {
            queue,
            back,
            unsent: Mutex::default(),
        }
    }

    /// Puts a window into `ReadQueue` for each loss that is to be read, several of one subscription as one, and returns whether
    /// the queue has taken all of them.
    pub(crate) async fn order(&self, losses: &[Loss], config: &Config, deadline: Deadline) -> bool {
        let mut windows = std::mem::take(&mut *self.unsent.lock().unwrap_or_else(PoisonError::into_inner));
        for window in losses.iter().filter_map(|loss| self.window(loss, config)) {
            add(&mut windows, window);
        }
        if windows.is_empty() {
            return true;
        }
        let messages = windows.into_iter().map(|window| {
            let message = Message::of_tenant(window.application.tenant_id, window.clone().into_body());
            (window, message)
        });
        let lost = self.queue.send(messages.collect(), deadline).await.lost;
        let is_all = lost.is_empty();
        let mut unsent = self.unsent.lock().unwrap_or_else(PoisonError::into_inner);
        for window in lost {
            add(&mut unsent, window);
        }
        is_all
    }

    /// Keeps the windows of losses that consumers could not be told of. Who made the new subscription is the only one to know
    /// that it was gone, so they cannot be found out later.
    pub(crate) fn keep(&self, losses: &[Loss], config: &Config) {
        let mut unsent = self.unsent.lock().unwrap_or_else(PoisonError::into_inner);
        for window in losses.iter().filter_map(|loss| self.window(loss, config)) {
            add(&mut unsent, window);
        }
    }

    /// Returns the window of a loss; nothing where nothing is to be read, or the configuration does not ask for it any more.
    fn window(&self, loss: &Loss, config: &Config) -> Option<Window> {
        let gap = &loss.gap;
        let (_, _, resource) = configured(config, &gap.name, gap.application)?;
        let is_configured = gap
            .resource
            .as_deref()
            .is_none_or(|known| same_resource(known, &resource));
        // The reader compares the resource letter by letter, and Graph may spell it in another way.
        let gap = Gap {
            resource: Some(resource),
            ..gap.clone()
        };
        let mut window =
            Window::of_gap(&gap, &gap.id(), self.back).filter(|_| loss.is_read && is_configured)?;
        if let Some(made_at) = loss.made_at {
            window.from = window.from.max(made_at).min(window.until);
        }
        Some(window)
    }
}

/// Adds a window, to one of the same subscription where there is one.
fn add(windows: &mut Vec<Window>, window: Window) {
    let mut window = window;
    for other in &mut *windows {
        match other.join(window) {
            Ok(()) => return,
            Err(back) => window = *back,
        }
    }
    windows.push(window);
}
