//! Messages in channels and chats.

use serde::Deserialize;
use serde_json::{Number, Value};

use super::{
    DateTime, IdentitySet, ItemBody,
    define::{entity, model, texts},
};

entity! {
    /// A message in a channel or chat (Microsoft Graph, *chatMessage resource type*).
    ///
    /// A deleted message has a `deletedDateTime` and no text.
    pub struct ChatMessage {
        /// The id of the message that this one replies to; null for the first message of a conversation.
        reply_to_id: String,
        /// The version of the message.
        etag: String,
        /// Whether a person or the system wrote the message.
        message_type: ChatMessageType,
        /// When the message was created.
        created_date_time: DateTime,
        /// When the message last changed, including reactions.
        last_modified_date_time: DateTime,
        /// When the author last edited the message.
        last_edited_date_time: DateTime,
        /// When the message was deleted.
        deleted_date_time: DateTime,
        /// The subject.
        subject: String,
        /// A summary for notifications, and for clients that cannot show the text.
        summary: String,
        /// The id of the chat; null in a channel.
        chat_id: String,
        /// The importance.
        importance: ChatMessageImportance,
        /// The language, always `en-us`.
        locale: String,
        /// The URL of the message in the Teams client.
        web_url: String,
        /// The author.
        from: IdentitySet,
        /// The person on whose behalf the author wrote.
        on_behalf_of: IdentitySet,
        /// The text.
        body: ItemBody,
        /// The channel; null in a chat.
        channel_identity: ChannelIdentity,
        /// The attachments.
        attachments: Vec<ChatMessageAttachment>,
        /// The mentions.
        mentions: Vec<ChatMessageMention>,
        /// The reactions.
        reactions: Vec<ChatMessageReaction>,
        /// The replies; [`ChatMessage::answers`] reads them.
        replies: Vec<Value>,
        /// Pictures and other content that is stored with the message.
        hosted_contents: Vec<Value>,
        /// The history of the message.
        message_history: Vec<Value>,
        /// The verdict of a data loss prevention policy.
        policy_violation: Value,
        /// The event that a system message is about.
        event_detail: Value,
    }
}

impl ChatMessage {
    /// Returns the replies that are messages.
    ///
    /// They are parsed on demand: with a model that contains itself, a sender of deeply nested JSON could exhaust the
    /// stack.
    pub fn answers(&self) -> impl Iterator<Item = Self> {
        let replies = self.replies.as_deref().unwrap_or_default();
        replies.iter().filter_map(|reply| Self::deserialize(reply).ok())
    }
}

model! {
    /// The channel of a message (Microsoft Graph, *channelIdentity*).
    pub struct ChannelIdentity {
        /// The id of the team.
        team_id: String,
        /// The id of the channel.
        channel_id: String,
    }

    /// An attachment of a message (Microsoft Graph, *chatMessageAttachment*).
    pub struct ChatMessageAttachment {
        /// The id, to which the text of the message refers.
        id: String,
        /// The media type, or `reference`, `messageReference` and the like.
        content_type: String,
        /// The URL of the content.
        content_url: String,
        /// The content itself, such as the JSON of a card.
        content: String,
        /// The name.
        name: String,
        /// The URL of a preview picture.
        thumbnail_url: String,
        /// The id of the app that attached it.
        teams_app_id: String,
    }

    /// A mention in a message (Microsoft Graph, *chatMessageMention*).
    pub struct ChatMessageMention {
        /// The number to which the text of the message refers.
        id: Number,
        /// The displayed text of the mention.
        mention_text: String,
        /// The mentioned person, app, team, channel or tag.
        mentioned: IdentitySet,
    }

    /// A reaction to a message (Microsoft Graph, *chatMessageReaction*).
    pub struct ChatMessageReaction {
        /// The reaction: an emoji, or a name such as `like`.
        reaction_type: String,
        /// The displayed name of the reaction.
        display_name: String,
        /// The URL of the picture of a custom reaction.
        reaction_content_url: String,
        /// When the reaction was added.
        created_date_time: DateTime,
        /// The person who reacted.
        user: IdentitySet,
    }
}

texts! {
    /// The kind of a message (Microsoft Graph, *chatMessageType*).
    pub enum ChatMessageType {
        /// A message by a person or an app.
        Message = "message",
        /// A system message about a change of the chat.
        ChatEvent = "chatEvent",
        /// A placeholder while somebody types.
        Typing = "typing",
        /// A system message; `eventDetail` says what happened.
        SystemEventMessage = "systemEventMessage",
    }

    /// The importance of a message (Microsoft Graph, *chatMessageImportance*).
    pub enum ChatMessageImportance {
        /// Normal.
        Normal = "normal",
        /// Important.
        High = "high",
        /// Urgent: Teams notifies the recipients repeatedly.
        Urgent = "urgent",
    }
}
