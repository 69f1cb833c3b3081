//! Typed models of delivered events and of the resources in them, for consumers written in Rust.
//!
//! The pipeline itself does not use them: it hands on what Microsoft Graph sent. A consumer reads a message of the
//! delivery queue as a [`DeliveredEvent`], and what is in it as the model of its type:
//!
//! ```
//! use graph_core::models::{ChatMessage, DeliveredEvent, Resource};
//!
//! let body = r##"{
//!     "specversion": "1.0", "id": "x", "source": "/tenants/t/applications/c",
//!     "type": "Microsoft.Graph.ChatMessageCreated", "time": "2026-11-22T10:00:00Z", "subscription": "team-messages",
//!     "data": {
//!         "changeType": "created", "tenantId": "t",
//!         "resource": "teams('1')/channels('19:a@thread.tacv2')/messages('2')",
//!         "resourceData": {"id": "2", "@odata.type": "#Microsoft.Graph.chatMessage"},
//!         "content": {"id": "2", "subject": null, "body": {"contentType": "text", "content": "Hello"}}
//!     }
//! }"##;
//! let event = DeliveredEvent::parse(body)?;
//!
//! // The ids are in the path, whichever way Microsoft Graph spells it.
//! assert_eq!(event.path()?.id("channels"), Some("19:a@thread.tacv2"));
//!
//! // Who knows what the subscription sends reads that.
//! let message: Option<ChatMessage> = event.content_as()?;
//! let message = message.ok_or("a basic notification")?;
//! assert!(message.subject.is_null() && message.summary.is_absent());
//! assert_eq!(message.body.value().and_then(|body| body.content.as_deref()), Some("Hello"));
//!
//! // Who does not asks for the type.
//! assert!(matches!(event.resource()?, Resource::ChatMessage(_)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is kept
//!
//! A model that is read and written again gives the same JSON value: members that it does not know, null as against
//! absence, texts that are not in an enumeration, the spelling of dates, and values of another type than documented.
//! Microsoft Graph adds members and values without notice; none of them makes a model fail. The exceptions:
//!
//! - Order and white space are not kept, nor is the spelling of numbers: `1.10` becomes `1.1`. Integers beyond 64 bits are
//!   rounded, as are decimals of more than 15 digits; numbers beyond the range of `f64` are an error.
//! - An object that has a known member twice is an error.
//!
//! Where that matters, [`EventData::content`] is the JSON that Microsoft Graph encrypted, byte for byte.

mod chat_message;
mod define;
mod delivered;
mod directory;
mod field;
mod files;
mod identity;
mod operations;
mod outlook;
mod resource;
mod teams;
#[cfg(test)]
mod tests;

pub use chat_message::{
    ChannelIdentity, ChatMessage, ChatMessageAttachment, ChatMessageImportance, ChatMessageMention,
    ChatMessageReaction, ChatMessageType,
};
pub use delivered::{DeliveredEvent, EventData, ReadError, ResourceData};
pub use directory::{Conversation, Group, GroupDelta, User};
pub use field::{DateTime, Field};
pub use files::{DriveItem, ItemReference, ListItem};
pub use identity::{BodyType, Identity, IdentitySet, ItemBody, UserIdentityType};
pub use operations::{Alert, AlertFeedback, AlertSeverity, AlertStatus, CallRecord, CallType, Modality};
pub use outlook::{
    Attendee, Contact, DateTimeTimeZone, EmailAddress, Event, FreeBusyStatus, Importance, Location, Message,
    Recipient,
};
pub use resource::Resource;
pub use teams::{
    Activity, Availability, Channel, ChannelMembershipType, ChannelModerationSettings, GiphyRating, Presence,
    PresenceStatusMessage, Team, TeamFunSettings, TeamGuestSettings, TeamMemberSettings,
    TeamMessagingSettings, TeamSpecialization, TeamVisibility,
};
