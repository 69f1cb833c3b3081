//! Posts: notifications to send, and the report about their delivery.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::wrong::Wrong;

/// The notifications to send. Items for one URL are sent in one POST.
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
    /// Returns a post without items.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a change notification in the form of the subscription. Here and below, a subscription is named by its id or
    /// its resource.
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

    /// Adds the item with this number again, byte for byte.
    #[must_use]
    pub fn duplicate(self, index: usize) -> Self {
        let subscription = self.entries.get(index).map(|entry| entry.subscription.clone());
        self.entry(subscription.unwrap_or_default(), Kind::Duplicate(index))
    }

    /// Adds this item unchanged. It is sent to the subscription's notification URL.
    #[must_use]
    pub fn item(self, subscription: impl AsRef<str>, item: Value) -> Self {
        self.entry(subscription, Kind::Raw(item))
    }

    /// Sets the resource data of the last item: JSON text, which is encrypted unchanged.
    #[must_use]
    pub fn content(mut self, json: impl Into<String>) -> Self {
        if let Some(last) = self.entries.last_mut() {
            last.content = Some(json.into());
        }
        self
    }

    /// Makes the last item one about the object with this id. Two items about one object are two changes of it. They
    /// differ only in what Graph itself sends to tell them apart, which may be nothing.
    #[must_use]
    pub fn about(mut self, object: impl Into<String>) -> Self {
        if let Some(last) = self.entries.last_mut() {
            last.object = Some(object.into());
        }
        self
    }

    /// Makes something wrong in the item with this number, or in its token or POST.
    #[must_use]
    pub fn wrong(mut self, index: usize, wrong: Wrong) -> Self {
        if let Some(entry) = self.entries.get_mut(index) {
            entry.wrong.push(wrong);
        }
        self
    }

    /// Changes the finished item with this number, before anything is made wrong in it.
    #[must_use]
    pub fn edit(mut self, index: usize, edit: impl Fn(&mut Value) + Send + Sync + 'static) -> Self {
        if let Some(entry) = self.entries.get_mut(index) {
            entry.edits.push(Arc::new(edit));
        }
        self
    }

    /// Sends everything later by `delay`, because nobody knows how late Graph sends `missed`.
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

/// A change of JSON before it is sent.
pub(crate) type Edit = Arc<dyn Fn(&mut Value) + Send + Sync>;

/// An item to send.
#[derive(Clone)]
pub(crate) struct Entry {
    /// The id or the resource of the subscription.
    pub(crate) subscription: String,
    /// The kind of item.
    pub(crate) kind: Kind,
    /// The resource data, in place of the prepared one.
    pub(crate) content: Option<String>,
    /// The id of the object, in place of a new one.
    pub(crate) object: Option<String>,
    /// The things that are wrong.
    pub(crate) wrong: Vec<Wrong>,
    /// The changes to the item.
    pub(crate) edits: Vec<Edit>,
}

/// The kind of an item.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    /// A change notification.
    Change {
        /// With resource data, without, or as in the subscription if absent.
        data: Option<bool>,
        /// The change type.
        change_type: String,
    },
    /// A lifecycle notification.
    Lifecycle(LifecycleEvent),
    /// The item of another entry.
    Duplicate(usize),
    /// A complete item.
    Raw(Value),
}

/// The kind of a lifecycle notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum LifecycleEvent {
    /// The subscription has to be reauthorized.
    ReauthorizationRequired,
    /// The subscription was removed.
    SubscriptionRemoved,
    /// Notifications were lost.
    Missed,
}

impl LifecycleEvent {
    /// Returns the name in a notification.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ReauthorizationRequired => "reauthorizationRequired",
            Self::SubscriptionRemoved => "subscriptionRemoved",
            Self::Missed => "missed",
        }
    }
}

/// The report about a [`Post`].
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryReport {
    /// The POSTs, one for each URL.
    pub posts: Vec<PostReport>,
    /// The items that Microsoft Graph would not send.
    pub skipped: Vec<Skipped>,
}

impl DeliveryReport {
    /// Returns whether every item was sent and every POST accepted.
    #[must_use]
    pub fn delivered(&self) -> bool {
        self.skipped.is_empty() && !self.posts.is_empty() && self.posts.iter().all(|post| post.delivered)
    }

    /// Returns the sent items, in the order of the POSTs.
    pub fn items(&self) -> impl Iterator<Item = &SentItem> {
        self.posts.iter().flat_map(|post| &post.items)
    }
}

/// An item that was not sent.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Skipped {
    /// The number of the item in the [`Post`].
    pub index: usize,
    /// The subscription, as it was named.
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
    /// The items, before anything was made wrong in the whole document.
    pub items: Vec<SentItem>,
    /// The body.
    #[serde(serialize_with = "as_text")]
    pub body: Vec<u8>,
    /// The attempts, in order.
    pub attempts: Vec<Attempt>,
    /// Whether an attempt was answered with 2xx in time.
    pub delivered: bool,
}

/// One item of a POST.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SentItem {
    /// The number of the item in the [`Post`].
    pub index: usize,
    /// The id of the subscription.
    pub subscription_id: String,
    /// The item.
    pub item: Value,
    /// The JSON text that was encrypted into the item.
    pub content: Option<String>,
}

/// A delivery attempt.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    /// When it began, by the simulator's clock.
    pub at: Timestamp,
    /// How long it took, in milliseconds.
    pub milliseconds: u64,
    /// The status of the answer, if it came in time.
    pub status: Option<u16>,
    /// Why there was no answer.
    pub error: Option<String>,
}

/// Serialises bytes as text.
fn as_text<S: serde::Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&String::from_utf8_lossy(bytes))
}
