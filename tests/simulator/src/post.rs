//! What is to be sent, and what became of it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::wrong::Wrong;

/// Notifications to send: items that go to one URL travel in one POST.
///
/// ```no_run
/// # async fn example(simulator: &graph_simulator::Simulator) -> Result<(), graph_simulator::SimulatorError> {
/// use graph_simulator::{Post, Wrong};
///
/// let subscription = simulator.subscriptions().remove(0);
/// let post = Post::new()
///     .change(&subscription, "created")
///     .change(&subscription, "updated")
///     .wrong(1, Wrong::FlippedBit);
/// let report = simulator.send(post).await?;
/// assert!(report.delivered());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct Post {
    pub(crate) entries: Vec<Entry>,
    pub(crate) document_edits: Vec<Edit>,
    pub(crate) delay: Duration,
}

impl Post {
    /// Begins without items.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a change notification in the form that was subscribed to. A subscription is named by its id or its
    /// resource; so everywhere here.
    #[must_use]
    pub fn change(self, subscription: impl AsRef<str>, change_type: &str) -> Self {
        self.entry(
            subscription,
            Kind::Change {
                data: None,
                change_type: change_type.to_owned(),
            },
        )
    }

    /// Adds a change notification with resource data.
    #[must_use]
    pub fn rich(self, subscription: impl AsRef<str>, change_type: &str) -> Self {
        self.entry(
            subscription,
            Kind::Change {
                data: Some(true),
                change_type: change_type.to_owned(),
            },
        )
    }

    /// Adds a change notification without resource data.
    #[must_use]
    pub fn basic(self, subscription: impl AsRef<str>, change_type: &str) -> Self {
        self.entry(
            subscription,
            Kind::Change {
                data: Some(false),
                change_type: change_type.to_owned(),
            },
        )
    }

    /// Adds a lifecycle notification; `SubscriptionRemoved` also removes the subscription.
    #[must_use]
    pub fn lifecycle(self, subscription: impl AsRef<str>, event: LifecycleEvent) -> Self {
        self.entry(subscription, Kind::Lifecycle(event))
    }

    /// Adds the item of that number once more, byte for byte.
    #[must_use]
    pub fn duplicate(self, index: usize) -> Self {
        let subscription = self.entries.get(index).map(|entry| entry.subscription.clone());
        self.entry(subscription.unwrap_or_default(), Kind::Duplicate(index))
    }

    /// Adds an item exactly as given, sent to the subscription's notification URL.
    #[must_use]
    pub fn item(self, subscription: impl AsRef<str>, item: Value) -> Self {
        self.entry(subscription, Kind::Raw(item))
    }

    /// Sets the resource data of the item added last: JSON text that is encrypted as it is.
    #[must_use]
    pub fn content(mut self, json: impl Into<String>) -> Self {
        if let Some(last) = self.entries.last_mut() {
            last.content = Some(json.into());
        }
        self
    }

    /// Makes the item added last one about this object, by its id: two items about one object are two changes of it, which
    /// differ in what Graph tells changes of it apart by, and in nothing if that is nothing.
    #[must_use]
    pub fn about(mut self, object: impl Into<String>) -> Self {
        if let Some(last) = self.entries.last_mut() {
            last.object = Some(object.into());
        }
        self
    }

    /// Makes something wrong with the item of that number, or with the token or POST that it travels with.
    #[must_use]
    pub fn wrong(mut self, index: usize, wrong: Wrong) -> Self {
        if let Some(entry) = self.entries.get_mut(index) {
            entry.wrong.push(wrong);
        }
        self
    }

    /// Changes the finished item of that number, before what is wrong with it is applied.
    #[must_use]
    pub fn edit(mut self, index: usize, edit: impl Fn(&mut Value) + Send + Sync + 'static) -> Self {
        if let Some(entry) = self.entries.get_mut(index) {
            entry.edits.push(Arc::new(edit));
        }
        self
    }

    /// Sends everything so much later: nobody knows how late Graph says `missed`.
    #[must_use]
    pub fn after(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }

    /// Changes the finished document of every POST.
    #[must_use]
    pub fn edit_document(mut self, edit: impl Fn(&mut Value) + Send + Sync + 'static) -> Self {
        self.document_edits.push(Arc::new(edit));
        self
    }

    /// Adds an entry.
    fn entry(mut self, subscription: impl AsRef<str>, kind: Kind) -> Self {
        let subscription = subscription.as_ref().to_owned();
        self.entries.push(Entry {
            subscription,
            kind,
            content: None,
            object: None,
            wrong: Vec::new(),
            edits: Vec::new(),
        });
        self
    }
}

impl fmt::Debug for Post {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds = self
            .entries
            .iter()
            .map(|entry| (&entry.subscription, &entry.kind, &entry.wrong));
        f.debug_list().entries(kinds).finish()
    }
}

/// A change to JSON that is about to be sent.
pub(crate) type Edit = Arc<dyn Fn(&mut Value) + Send + Sync>;

/// One item to be sent.
#[derive(Clone)]
pub(crate) struct Entry {
    /// Id or resource of the subscription.
    pub(crate) subscription: String,
    /// What to send.
    pub(crate) kind: Kind,
    /// Resource data in place of the ready-made one.
    pub(crate) content: Option<String>,
    /// Id of the object that it is about, in place of a new one.
    pub(crate) object: Option<String>,
    /// What is wrong.
    pub(crate) wrong: Vec<Wrong>,
    /// Changes to the item.
    pub(crate) edits: Vec<Edit>,
}

/// What to send.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    /// A change notification; with resource data or without, or as subscribed.
    Change {
        /// With resource data, without, or as subscribed.
        data: Option<bool>,
        /// Change type.
        change_type: String,
    },
    /// A lifecycle notification.
    Lifecycle(LifecycleEvent),
    /// The item of another entry.
    Duplicate(usize),
    /// A ready item.
    Raw(Value),
}

/// What a lifecycle notification can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum LifecycleEvent {
    /// The subscription has to be reauthorized.
    ReauthorizationRequired,
    /// The subscription is gone.
    SubscriptionRemoved,
    /// Notifications were lost.
    Missed,
}

impl LifecycleEvent {
    /// Returns the event's name on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ReauthorizationRequired => "reauthorizationRequired",
            Self::SubscriptionRemoved => "subscriptionRemoved",
            Self::Missed => "missed",
        }
    }
}

/// What became of a [`Post`].
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryReport {
    /// The POSTs, one for each URL.
    pub posts: Vec<PostReport>,
    /// What Microsoft Graph would not have sent.
    pub skipped: Vec<Skipped>,
}

impl DeliveryReport {
    /// Tells whether everything was sent and every POST was accepted.
    #[must_use]
    pub fn delivered(&self) -> bool {
        self.skipped.is_empty() && !self.posts.is_empty() && self.posts.iter().all(|post| post.delivered)
    }

    /// Returns the items that were sent, in the order of the POSTs.
    pub fn items(&self) -> impl Iterator<Item = &SentItem> {
        self.posts.iter().flat_map(|post| &post.items)
    }
}

/// An item that was not sent.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Skipped {
    /// Number of the item in the [`Post`].
    pub index: usize,
    /// Subscription as it was named.
    pub subscription: String,
    /// Why it was not sent.
    pub reason: &'static str,
}

/// One POST and its attempts.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PostReport {
    /// The registered URL.
    pub url: String,
    /// Items, as they were meant before something was made wrong with the whole document.
    pub items: Vec<SentItem>,
    /// Body.
    #[serde(serialize_with = "as_text")]
    pub body: Vec<u8>,
    /// Attempts in their order.
    pub attempts: Vec<Attempt>,
    /// Whether an attempt was answered 2xx in time.
    pub delivered: bool,
}

/// One item of a POST.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SentItem {
    /// Number of the item in the [`Post`].
    pub index: usize,
    /// Id of the subscription.
    pub subscription_id: String,
    /// The item.
    pub item: Value,
    /// JSON text that was encrypted into it.
    pub content: Option<String>,
}

/// One attempt to deliver.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    /// When it began, by the simulator's clock.
    pub at: Timestamp,
    /// How long it took, in milliseconds.
    pub milliseconds: u64,
    /// Status of the answer, when there was one in time.
    pub status: Option<u16>,
    /// Why there was none.
    pub error: Option<String>,
}

/// Writes bytes as text.
fn as_text<S: serde::Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&String::from_utf8_lossy(bytes))
}
