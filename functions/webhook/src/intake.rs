//! Which items of a POST are admitted, and where they go.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use graph_core::{
    application::Guid,
    notification::{
        client_state::{ClientStateKeys, Proven, Refused},
        collection::Collection,
        event,
        identity::Receipt,
        item::{Admitted, Kind, Malformed, Unadmitted},
        queued::{QueuedItem, Unfit, VerifiedItem},
        seal::seal,
        tokens::TokenIndex,
    },
};
use graph_edge::{
    BoxError,
    deadline::Deadline,
    sqs::{Message, Queue, Sent},
};
use jiff::Timestamp;
use tracing::error;

use crate::{
    Queues,
    lifecycle::{self, Group},
};

/// The items of one POST, sorted.
#[derive(Debug, Default)]
pub struct Intake<'a> {
    /// Admitted items, each with its place in the POST.
    pub items: Vec<(usize, Admitted<'a>)>,
    /// Items that are not admitted, by reason.
    pub refused: BTreeMap<Refused, usize>,
    /// Items that are not of Graph's form, by what is wrong with them.
    pub malformed: BTreeMap<Malformed, usize>,
    /// How many items were not looked at, because the time was over.
    pub unsorted: usize,
}

impl<'a> Intake<'a> {
    /// Sorts the items of a collection, each by itself, as far as the time suffices. A large collection begins elsewhere each
    /// time: Graph repeats a POST as a whole, and its last items would else never be reached.
    pub fn sort(
        collection: &Collection<'a>,
        keys: &ClientStateKeys,
        now: Timestamp,
        deadline: Deadline,
    ) -> Self {
        let mut intake = Self::default();
        let items = collection.items.iter().enumerate();
        let begin = beginning(items.len(), now);
        let (last, first) = (items.clone().take(begin), items.skip(begin));
        for (index, item) in first.chain(last) {
            // Looked at for each item: verifying them takes processor time, in which no timer goes off.
            if deadline.left().is_zero() {
                intake.unsorted += 1;
                continue;
            }
            let item = match Unadmitted::parse(item) {
                Ok(item) => item,
                Err(malformed) => {
                    *intake.malformed.entry(malformed).or_default() += 1;
                    continue;
                }
            };
            match item.admit(keys) {
                Ok(item) => intake.items.push((index, item)),
                Err(refused) => *intake.refused.entry(refused).or_default() += 1,
            }
        }
        intake
    }

    /// Returns how many items name a key that is not known, which a newer document may hold.
    pub fn unknown(&self) -> usize {
        let unknown = self
            .refused
            .iter()
            .filter(|(refused, _)| refused.may_be_known_by_now());
        unknown.map(|(_, items)| items).sum()
    }

    /// Takes the items out of the refused ones that nobody can judge now, and returns them: those that may be of an unusable
    /// entry, and unless the keys are conclusive, those that name what the keys do not have.
    pub fn leave_undecided(&mut self, is_conclusive: bool) -> Undecided {
        let unusable = self.refused.remove(&Refused::UnusableEntry).unwrap_or_default();
        let unread = if is_conclusive { 0 } else { self.take_unknown() };
        Undecided { unusable, unread }
    }

    /// Takes the items out of the refused ones that newer keys may admit, and counts them with those that were not looked at.
    pub fn leave_unsorted(&mut self) {
        self.unsorted += self.take_unknown();
    }

    fn take_unknown(&mut self) -> usize {
        let unknown = self
            .refused
            .extract_if(.., |refused, _| refused.may_be_known_by_now());
        unknown.map(|(_, items)| items).sum()
    }

    /// Returns how many admitted items are of a kind.
    pub fn count(&self, kind: Kind) -> usize {
        self.items.iter().filter(|(_, item)| item.kind() == kind).count()
    }
}

/// How many items nobody can judge now, by what is in the way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Undecided {
    /// An entry of ClientStateSecret that cannot be used, which may be theirs.
    pub unusable: usize,
    /// ClientStateSecret, which cannot be read again: it may have their key or their application by now.
    pub unread: usize,
}

impl Undecided {
    /// Returns how many items they are.
    pub fn items(self) -> usize {
        self.unusable + self.unread
    }
}

/// Sends admitted items on their way.
pub struct Sender<'a> {
    keys: &'a ClientStateKeys,
    tokens: TokenIndex<'a>,
    has_excess_tokens: bool,
    received_at: Timestamp,
    fetches: bool,
}

impl<'a> Sender<'a> {
    /// Reads the validation tokens that came along, if an item needs them: nobody who has no client state can make us.
    /// Messages are sealed with `keys`. `fetches` is whether items without content go to reader first.
    pub fn new(
        collection: &'a Collection<'_>,
        intake: &Intake<'_>,
        keys: &'a ClientStateKeys,
        received_at: Timestamp,
        fetches: bool,
    ) -> Self {
        let tokens = if intake.items.iter().any(|(_, item)| item.is_encrypted()) {
            collection.validation_tokens.as_slice()
        } else {
            &[]
        };
        Self {
            keys,
            tokens: TokenIndex::new(tokens),
            has_excess_tokens: collection.excess_tokens > 0,
            received_at,
            fetches,
        }
    }

    /// Sends one message for each item, in portions. Lifecycle items that say the same share one.
    pub async fn send<Q: Queue>(
        &self,
        items: &[(usize, Admitted<'_>)],
        queues: &Queues<Q>,
        deadline: Deadline,
    ) -> Receipts {
        let (mut receipts, mut outbox) = (Receipts::default(), Outbox::default());
        let make_until = deadline.less(SEND_WITHIN);
        for group in self.ordered(items, make_until) {
            let note = Note {
                proven: group.item.proven(),
                items: group.items,
                changed_at: None,
            };
            // Looked at for each message: making them takes processor time, in which no timer goes off.
            if make_until.left().is_zero() {
                receipts.lose(&note);
                continue;
            }
            match self.message(group.index, group.item) {
                Ok((way, message)) => outbox.add(way, note, message),
                Err(error) => {
                    let name = &group.item.proven().subscription;
                    let tenant_id = group.item.proven().application.tenant_id;
                    error!(
                        tenant.id = %tenant_id,
                        subscription = name,
                        %error,
                        "No message can be made of an item of subscription {name} of tenant {tenant_id}: {error}; answering 503 so that Graph retries"
                    );
                    receipts.lose(&note);
                }
            }
            if outbox.is_full() {
                outbox.send(queues, deadline, &mut receipts).await;
            }
        }
        outbox.send(queues, deadline, &mut receipts).await;
        receipts
    }

    /// Returns the items in the order in which they are sent: that of the POST, but a large POST begins elsewhere each time.
    ///
    /// Graph repeats a POST that could not be stored in time as a whole. If it always began at the first item, its last items
    /// would never be reached.
    fn ordered<'i, 'b>(&self, items: &'i [(usize, Admitted<'b>)], until: Deadline) -> Vec<Group<'i, 'b>> {
        let mut groups = lifecycle::groups(items, until);
        let begin = beginning(groups.len(), self.received_at);
        groups.rotate_left(begin);
        groups
    }

    /// Returns the message for an item, and its way: an item without content is delivered at once, unless something is odd
    /// about it. What that is decryption finds out, which keeps it with the reason.
    fn message(&self, index: usize, admitted: &Admitted<'_>) -> Result<(Way, Message), BoxError> {
        let proven = admitted.proven();
        let receipt = Receipt {
            at: self.received_at,
            index,
        };
        let mut queued = QueuedItem::new(admitted, receipt, self.tokens(admitted));
        queued.token_left_out = queued.validation_tokens.is_empty() && self.has_left_out(admitted);
        // Kept with the item: it may come back from FailedQueue, where nobody sees the URL any more.
        queued.fetches_content = self.fetches && admitted.kind() == Kind::Change && !admitted.is_encrypted();
        let item = queued.as_admitted(admitted);
        let way = match admitted.kind() {
            Kind::Lifecycle => Way::Renewal,
            Kind::Change if admitted.is_encrypted() => Way::Decryption,
            Kind::Change => match self.event(&item) {
                Ok(_) if self.fetches => Way::Reader,
                Ok((event, changed_at)) => {
                    let message = Message::of_tenant(proven.application.tenant_id, event);
                    return Ok((Way::Delivery(changed_at), message));
                }
                Err(Unfit::Malformed(_) | Unfit::OtherTenant | Unfit::ReceivedAt) => Way::Decryption,
            },
        };
        let body = seal(&item.queued().to_body()?, self.keys, self.received_at)?;
        Ok((way, Message::of(proven, body)))
    }

    /// Returns the event for an item without content, and when the change happened.
    fn event(&self, item: &VerifiedItem<'_>) -> Result<(String, Timestamp), Unfit> {
        let notification = item.read(self.received_at)?;
        let event = event::document(item, &notification, None)?;
        Ok((event, event::time(item, &notification)))
    }

    /// Returns whether tokens came that may have been for an item that needs one, where none of them travels with it.
    fn has_left_out(&self, admitted: &Admitted<'_>) -> bool {
        admitted.needs_tokens() && (self.has_excess_tokens || self.tokens.has(admitted.proven().application))
    }

    /// Returns the tokens that travel with an item.
    fn tokens(&self, admitted: &Admitted<'_>) -> Vec<Cow<'a, str>> {
        if !admitted.needs_tokens() {
            return Vec::new();
        }
        let proven = admitted.proven();
        let item_bytes = admitted.raw().get().len();
        let tokens = self.tokens.relevant(proven.application, item_bytes);
        tokens.into_iter().map(Cow::Borrowed).collect()
    }
}

/// Where an item goes.
#[derive(Clone, Copy)]
enum Way {
    /// To the consumers, as an event about a change of this time.
    Delivery(Timestamp),
    /// To decryption.
    Decryption,
    /// To renewal.
    Renewal,
    /// To reader.
    Reader,
}

/// Returns where many items are begun with: by the time, as Graph repeats a POST at another.
fn beginning(items: usize, now: Timestamp) -> usize {
    if items <= MAX_UNSENT_MESSAGES {
        return 0;
    }
    let moment = now.as_millisecond().unsigned_abs();
    usize::try_from(moment).unwrap_or_default() % items
}

/// What has become of the items of a POST.
#[derive(Debug, Default)]
pub struct Receipts {
    /// How many are stored, in whichever queue, by themselves or by another item that says the same.
    pub stored: usize,
    /// How many no queue has taken.
    pub lost: usize,
    /// When the changes happened whose events are stored in DeliveryQueue.
    pub delivered: Vec<Timestamp>,
    /// The tenants and subscriptions that lost items are for, the first of them where there are many.
    pub losers: BTreeSet<(Guid, String)>,
}

impl Receipts {
    fn lose(&mut self, note: &Note<'_>) {
        self.lost += note.items;
        if self.losers.len() < MAX_NAMES {
            let Proven {
                application,
                subscription,
            } = note.proven;
            self.losers.insert((application.tenant_id, subscription.clone()));
        }
    }

    fn add(&mut self, sent: Sent<Note<'_>>) {
        for note in sent.stored {
            self.stored += note.items;
            self.delivered.extend(note.changed_at);
        }
        for note in &sent.lost {
            self.lose(note);
        }
    }
}

/// What is known of a message.
struct Note<'i> {
    /// Whose it is.
    proven: &'i Proven,
    /// How many items it stands for.
    items: usize,
    /// When the change happened, if the message is its event.
    changed_at: Option<Timestamp>,
}

/// Messages that wait to be sent.
#[derive(Default)]
struct Outbox<'i> {
    delivery: Vec<(Note<'i>, Message)>,
    decryption: Vec<(Note<'i>, Message)>,
    renewal: Vec<(Note<'i>, Message)>,
    reader: Vec<(Note<'i>, Message)>,
    messages: usize,
    bytes: usize,
}

impl<'i> Outbox<'i> {
    fn add(&mut self, way: Way, note: Note<'i>, message: Message) {
        self.messages += 1;
        self.bytes += message.body.len();
        match way {
            Way::Delivery(changed_at) => {
                let changed_at = Some(changed_at);
                self.delivery.push((Note { changed_at, ..note }, message));
            }
            Way::Decryption => self.decryption.push((note, message)),
            Way::Renewal => self.renewal.push((note, message)),
            Way::Reader => self.reader.push((note, message)),
        }
    }

    fn is_full(&self) -> bool {
        self.messages >= MAX_UNSENT_MESSAGES || self.bytes >= MAX_UNSENT_BYTES
    }

    async fn send<Q: Queue>(&mut self, queues: &Queues<Q>, deadline: Deadline, receipts: &mut Receipts) {
        let Self {
            delivery,
            decryption,
            renewal,
            reader,
            ..
        } = std::mem::take(self);
        let read = queues.read.as_ref().unwrap_or(&queues.notification);
        let (delivery, decryption, renewal, reader) = tokio::join!(
            send(&queues.delivery, delivery, deadline),
            send(&queues.notification, decryption, deadline),
            send(&queues.lifecycle, renewal, deadline),
            send(read, reader, deadline),
        );
        for sent in [delivery, decryption, renewal, reader] {
            receipts.add(sent);
        }
    }
}

/// Calls the queue only when there is something to send.
async fn send<T: Send>(queue: &impl Queue, messages: Vec<(T, Message)>, deadline: Deadline) -> Sent<T> {
    if messages.is_empty() {
        return Sent::default();
    }
    queue.send(messages, deadline).await
}

/// How many bytes of messages are made before they are sent: each item can carry its tokens, so all messages of a POST
/// together can be larger than the POST.
const MAX_UNSENT_BYTES: usize = 4 * 1_048_576;

/// How many messages are made before they are sent, so that the first ones of a large POST are stored when time runs out.
const MAX_UNSENT_MESSAGES: usize = 500;

/// The time that is left for sending the last portion.
const SEND_WITHIN: Duration = Duration::from_millis(200);

/// How many subscriptions one log line names.
pub(crate) const MAX_NAMES: usize = 10;

#[cfg(test)]
mod tests;
