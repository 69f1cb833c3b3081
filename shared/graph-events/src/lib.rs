//! Microsoft Graph change notifications from the delivery queue, for consumers in Rust.
//!
//! A consumer parses each message of the queue as a [`DeliveredEvent`], and gets the resource in it as the model of its
//! type:
//!
//! ```
//! use graph_events::{DeliveredEvent, ReadError, Resource};
//!
//! /// Takes the body of one message of the delivery queue.
//! fn consume(body: &str) -> Result<(), ReadError> {
//!     let event = DeliveredEvent::parse(body)?;
//!     match event.resource()? {
//!         Resource::ChatMessage(message) => {
//!             let text = message.body.value().and_then(|body| body.content.as_deref());
//!             println!("{}: {}", event.id, text.unwrap_or_default());
//!         }
//!         Resource::Presence(presence) => println!("{:?}", presence.availability),
//!         _ => println!("{} {:?}", event.event_type, event.subject),
//!     }
//!     Ok(())
//! }
//! # consume(include_str!("../examples/event.json"))?;
//! # Ok::<(), ReadError>(())
//! ```
//!
//! | What | Where |
//! |---|---|
//! | a message of the delivery queue | [`DeliveredEvent`] |
//! | the resource: decrypted, or as far as it is identified | [`DeliveredEvent::resource`], [`Resource`] |
//! | the resource, if its type is known beforehand | [`DeliveredEvent::content_as`] |
//! | the decrypted JSON, byte for byte | [`EventData::content`] |
//! | the ids in the path, and the path for a GET | [`DeliveredEvent::path`], [`ResourcePath`] |
//! | a member: absent, null, or a value | [`Field`] |
//!
//! The same event can arrive twice, with the same [`id`](DeliveredEvent::id). The order of events is not kept.
//!
//! # One type, and the states of a field
//!
//! ```
//! use graph_events::{ChatMessage, DeliveredEvent};
//!
//! let event = DeliveredEvent::parse(include_str!("../examples/event.json"))?;
//!
//! // The ids are in the path, in whatever spelling Microsoft Graph uses.
//! let path = event.path()?;
//! assert_eq!(path.id("channels"), Some("19:a@thread.tacv2"));
//! assert_eq!(path.to_string(), "/teams/1/channels/19:a@thread.tacv2/messages/2");
//!
//! // Null is not absence: this message has no subject, and its summary was not sent.
//! let message: ChatMessage = event.content_as()?.ok_or("a basic notification")?;
//! assert!(message.subject.is_null() && message.summary.is_absent());
//! assert_eq!(message.body.value().and_then(|body| body.content.as_deref()), Some("Hello"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is kept
//!
//! A model that is read and written again gives the same JSON value: with unknown members, null distinguished from
//! absence, texts that are not in an enumeration, the spelling of dates, and values of another type than documented.
//! Microsoft Graph adds members and values without notice; none of them makes a model fail. The exceptions:
//!
//! - Order and white space are not kept, nor is the spelling of numbers: `1.10` becomes `1.1`. Integers beyond 64 bits are
//!   rounded, as are decimals of more than 15 digits; numbers beyond the range of `f64` are an error.
//! - An object that has a known member twice is an error.
//!
//! Where this matters, use [`EventData::content`], the JSON that Microsoft Graph encrypted, byte for byte.

mod change;
mod chat_message;
mod define;
mod delivered;
mod directory;
pub mod entity;
pub mod event_type;
mod field;
mod files;
pub mod guid;
mod identity;
mod notice;
mod operations;
mod outlook;
pub mod path;
mod resource;
mod resource_path;
mod surrogate;
mod teams;
#[cfg(test)]
mod tests;

pub use change::Change;
pub use chat_message::{
    ChannelIdentity, ChatMessage, ChatMessageAttachment, ChatMessageImportance, ChatMessageMention,
    ChatMessageReaction, ChatMessageType,
};
pub use delivered::{DeliveredEvent, EventData, ReadError, ResourceData};
pub use directory::{Conversation, Group, GroupDelta, User};
pub use field::{DateTime, Field};
pub use files::{DriveItem, ItemReference, ListItem};
pub use identity::{BodyType, Identity, IdentitySet, ItemBody, UserIdentityType};
pub use notice::{CatchUpCompleted, Notice, SubscriptionGap};
pub use operations::{Alert, AlertFeedback, AlertSeverity, AlertStatus, CallRecord, CallType, Modality};
pub use outlook::{
    Attendee, Contact, DateTimeTimeZone, EmailAddress, Event, FreeBusyStatus, Importance, Location, Message,
    Recipient,
};
pub use resource::Resource;
pub use resource_path::{NotAPath, ResourcePath, Segment};
pub use surrogate::mend_surrogates;
pub use teams::{
    Activity, Availability, Channel, ChannelMembershipType, ChannelModerationSettings, GiphyRating, Presence,
    PresenceStatusMessage, Team, TeamFunSettings, TeamGuestSettings, TeamMemberSettings,
    TeamMessagingSettings, TeamSpecialization, TeamVisibility,
};

/// Has cargo compile this package again in another checkout; see `.cargo/config.toml`.
const _: Option<&str> = option_env!("CHECKOUT");
