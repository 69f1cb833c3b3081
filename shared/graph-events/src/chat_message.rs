//! Messages of channels and chats.

use serde::Deserialize;
use serde_json::{Number, Value};

use super::{
    DateTime, IdentitySet, ItemBody,
    define::{entity, model, texts},
};

entity! {
    /// A message in a channel or chat (Microsoft Graph, *chatMessage resource type*).
    ///
    /// A message that was deleted comes without its text, with `deletedDateTime`.
    pub struct ChatMessage {
        /// The message that this one answers; null for the first one of a conversation.
        reply_to_id: String,
        /// The version.
        etag: String,
        /// Whether a person or the system wrote it.
        message_type: ChatMessageType,
        /// When it was written.
        created_date_time: DateTime,
        /// When it changed last, reactions included.
        last_modified_date_time: DateTime,
        /// When its author changed it last.
        last_edited_date_time: DateTime,
        /// When it was deleted.
        deleted_date_time: DateTime,
        /// The subject.
        subject: String,
        /// A summary, for notifications and where the text cannot be shown.
        summary: String,
        /// The chat, when it is not in a channel.
        chat_id: String,
        /// How important it is.
        importance: ChatMessageImportance,
        /// The language, always `en-us`.
        locale: String,
        /// The message in the Teams client.
        web_url: String,
        /// Who wrote it.
        from: IdentitySet,
        /// For whom somebody else wrote it.
        on_behalf_of: IdentitySet,
        /// What it says.
        body: ItemBody,
        /// The channel, when it is not in a chat.
        channel_identity: ChannelIdentity,
        /// What is attached.
        attachments: Vec<ChatMessageAttachment>,
        /// Who is mentioned.
        mentions: Vec<ChatMessageMention>,
        /// Who reacted and how.
        reactions: Vec<ChatMessageReaction>,
        /// The answers; [`ChatMessage::answers`] reads them.
        replies: Vec<Value>,
        /// Pictures and the like that are stored with it.
        hosted_contents: Vec<Value>,
        /// What was done to it.
        message_history: Vec<Value>,
        /// What a filter found against it.
        policy_violation: Value,
        /// What happened, when the system wrote it.
        event_detail: Value,
    }
}

impl ChatMessage {
    /// Returns those of the answers that are messages.
    ///
    /// They are read on demand: a model inside of itself would take as much stack as whoever wrote the JSON likes.
    pub fn answers(&self) -> impl Iterator<Item = Self> {
        let replies = self.replies.as_deref().unwrap_or_default();
        replies.iter().filter_map(|reply| Self::deserialize(reply).ok())
    }
}

model! {
    /// The channel of a message (Microsoft Graph, *channelIdentity*).
    pub struct ChannelIdentity {
        /// The team.
        team_id: String,
        /// The channel.
        channel_id: String,
    }

    /// What is attached to a message (Microsoft Graph, *chatMessageAttachment*).
    pub struct ChatMessageAttachment {
        /// The id, which the text of the message refers to.
        id: String,
        /// The media type, or `reference`, `messageReference` and the like.
        content_type: String,
        /// Where the content is.
        content_url: String,
        /// The content itself, such as the JSON of a card.
        content: String,
        /// The name.
        name: String,
        /// A small picture of it.
        thumbnail_url: String,
        /// The app that attached it.
        teams_app_id: String,
    }

    /// Somebody who is mentioned in a message (Microsoft Graph, *chatMessageMention*).
    pub struct ChatMessageMention {
        /// The number that the text of the message refers to.
        id: Number,
        /// The text that stands for the mention.
        mention_text: String,
        /// Who is mentioned.
        mentioned: IdentitySet,
    }

    /// How somebody reacted to a message (Microsoft Graph, *chatMessageReaction*).
    pub struct ChatMessageReaction {
        /// The reaction: an emoji, or `like` and the like.
        reaction_type: String,
        /// The name of the reaction.
        display_name: String,
        /// Where the picture of a reaction of one's own is.
        reaction_content_url: String,
        /// When it was given.
        created_date_time: DateTime,
        /// Who gave it.
        user: IdentitySet,
    }
}

texts! {
    /// Who wrote a message (Microsoft Graph, *chatMessageType*).
    pub enum ChatMessageType {
        /// A person or an app.
        Message = "message",
        /// The system, about a change of the chat.
        ChatEvent = "chatEvent",
        /// The system, with a placeholder.
        Typing = "typing",
        /// The system, about something that happened, as told in `eventDetail`.
        SystemEventMessage = "systemEventMessage",
    }

    /// How important a message is (Microsoft Graph, *chatMessageImportance*).
    pub enum ChatMessageImportance {
        /// As most are.
        Normal = "normal",
        /// Important.
        High = "high",
        /// Urgent: the recipients are told again and again.
        Urgent = "urgent",
    }
}
