//! Teams, channels and presence.

use serde_json::Value;

use super::{
    DateTime, IdentitySet, ItemBody,
    define::{entity, model, texts},
};

entity! {
    /// A team (Microsoft Graph, *team resource type*).
    ///
    /// In a basic notification, `id` in `resourceData` is a point in time in milliseconds, not the id of the team: that is
    /// the key in the path of the resource.
    pub struct Team {
        /// When the team was made.
        created_date_time: DateTime,
        /// The name.
        display_name: String,
        /// What the team is for.
        description: String,
        /// The id inside Teams: the thread of the general channel.
        internal_id: String,
        /// The kind of team, such as for a class.
        specialization: TeamSpecialization,
        /// Who can see the team.
        visibility: TeamVisibility,
        /// The team in the Teams client.
        web_url: String,
        /// Whether the team can only be read.
        is_archived: bool,
        /// Whether only owners see the members.
        is_membership_limited_to_owners: bool,
        /// What members may do.
        member_settings: TeamMemberSettings,
        /// What guests may do.
        guest_settings: TeamGuestSettings,
        /// What may be done with messages.
        messaging_settings: TeamMessagingSettings,
        /// What pictures may be used.
        fun_settings: TeamFunSettings,
        /// Whether the team can be found; not sent in notifications.
        discovery_settings: Value,
        /// The settings of a class; not sent in notifications.
        class_settings: Value,
        /// A label of the team's confidentiality.
        classification: String,
        /// The tenant.
        tenant_id: String,
    }
}

model! {
    /// What members of a team may do (Microsoft Graph, *teamMemberSettings*).
    pub struct TeamMemberSettings {
        /// Whether they may add and change channels.
        allow_create_update_channels: bool,
        /// Whether they may add private channels.
        allow_create_private_channels: bool,
        /// Whether they may delete channels.
        allow_delete_channels: bool,
        /// Whether they may add and remove apps.
        allow_add_remove_apps: bool,
        /// Whether they may add, change and remove tabs.
        allow_create_update_remove_tabs: bool,
        /// Whether they may add, change and remove connectors.
        allow_create_update_remove_connectors: bool,
    }

    /// What guests of a team may do (Microsoft Graph, *teamGuestSettings*).
    pub struct TeamGuestSettings {
        /// Whether they may add and change channels.
        allow_create_update_channels: bool,
        /// Whether they may delete channels.
        allow_delete_channels: bool,
    }

    /// What may be done with messages of a team (Microsoft Graph, *teamMessagingSettings*).
    pub struct TeamMessagingSettings {
        /// Whether authors may change them.
        allow_user_edit_messages: bool,
        /// Whether authors may delete them.
        allow_user_delete_messages: bool,
        /// Whether owners may delete them.
        allow_owner_delete_messages: bool,
        /// Whether they may mention the team.
        allow_team_mentions: bool,
        /// Whether they may mention channels.
        allow_channel_mentions: bool,
    }

    /// What pictures may be used in a team (Microsoft Graph, *teamFunSettings*).
    pub struct TeamFunSettings {
        /// Whether Giphy may be used.
        allow_giphy: bool,
        /// How strictly Giphy filters.
        giphy_content_rating: GiphyRating,
        /// Whether stickers and memes may be used.
        allow_stickers_and_memes: bool,
        /// Whether memes of one's own may be used.
        allow_custom_memes: bool,
    }
}

entity! {
    /// A channel (Microsoft Graph, *channel resource type*).
    pub struct Channel {
        /// When the channel was made.
        created_date_time: DateTime,
        /// The name.
        display_name: String,
        /// What the channel is for.
        description: String,
        /// Whether all members see the channel without choosing it.
        is_favorite_by_default: bool,
        /// The mail address; empty in notifications.
        email: String,
        /// The channel in the Teams client.
        web_url: String,
        /// Who is in the channel.
        membership_type: ChannelMembershipType,
        /// Who may write.
        moderation_settings: ChannelModerationSettings,
        /// Whether the channel can only be read.
        is_archived: bool,
        /// The tenant.
        tenant_id: String,
    }
}

model! {
    /// Who may write in a channel (Microsoft Graph, *channelModerationSettings*).
    pub struct ChannelModerationSettings {
        /// Who may begin a conversation.
        user_new_message_restriction: String,
        /// Who may reply.
        reply_restriction: String,
        /// Whether bots may write.
        allow_new_message_from_bots: bool,
        /// Whether connectors may write.
        allow_new_message_from_connectors: bool,
    }
}

entity! {
    /// Whether a user is there, and what the user does (Microsoft Graph, *presence resource type*).
    pub struct Presence {
        /// Whether the user can be reached.
        availability: Availability,
        /// What the user does, in more words than `availability`.
        activity: Activity,
        /// What the user wrote about it.
        status_message: PresenceStatusMessage,
        /// Whether and until when the user is out of office.
        out_of_office_settings: Value,
        /// Where the user works.
        work_location: Value,
        /// A number that grows with each change.
        sequence_number: String,
    }
}

model! {
    /// What a user wrote about the presence (Microsoft Graph, *presenceStatusMessage*).
    pub struct PresenceStatusMessage {
        /// The message.
        message: ItemBody,
        /// When the message was published.
        published_date_time: DateTime,
        /// Until when the message is shown.
        expiry_date_time: super::DateTimeTimeZone,
        /// Who wrote the message.
        published_by: IdentitySet,
    }
}

texts! {
    /// The kind of a team (Microsoft Graph, *teamSpecialization*).
    pub enum TeamSpecialization {
        /// No special kind.
        None = "none",
        /// For education without a more special kind.
        EducationStandard = "educationStandard",
        /// For a class.
        EducationClass = "educationClass",
        /// For a learning community.
        EducationProfessionalLearningCommunity = "educationProfessionalLearningCommunity",
        /// For the staff.
        EducationStaff = "educationStaff",
        /// For health care.
        HealthcareStandard = "healthcareStandard",
        /// For the coordination of care.
        HealthcareCareCoordination = "healthcareCareCoordination",
    }

    /// Who can see a team (Microsoft Graph, *teamVisibilityType*).
    pub enum TeamVisibility {
        /// Its members; everybody can ask to join.
        Private = "private",
        /// Everybody in the tenant.
        Public = "public",
        /// Its members, and nobody else knows that it exists.
        HiddenMembership = "hiddenMembership",
    }

    /// How strictly Giphy filters (Microsoft Graph, *giphyRatingType*).
    pub enum GiphyRating {
        /// Moderately.
        Moderate = "moderate",
        /// Strictly.
        Strict = "strict",
    }

    /// Who is in a channel (Microsoft Graph, *channelMembershipType*).
    pub enum ChannelMembershipType {
        /// All members of the team.
        Standard = "standard",
        /// Some members of the team.
        Private = "private",
        /// People and teams from outside as well.
        Shared = "shared",
    }

    /// Whether a user can be reached (Microsoft Graph, *presence*, `availability`).
    pub enum Availability {
        /// Can be reached.
        Available = "Available",
        /// Can be reached, but has not touched the device for a while.
        AvailableIdle = "AvailableIdle",
        /// Is away.
        Away = "Away",
        /// Will be back soon.
        BeRightBack = "BeRightBack",
        /// Is busy.
        Busy = "Busy",
        /// Is busy, and has not touched the device for a while.
        BusyIdle = "BusyIdle",
        /// Does not want to be disturbed.
        DoNotDisturb = "DoNotDisturb",
        /// Is not signed in.
        Offline = "Offline",
        /// Cannot be known.
        PresenceUnknown = "PresenceUnknown",
    }

    /// What a user does (Microsoft Graph, *presence*, `activity`).
    pub enum Activity {
        /// Nothing that hinders.
        Available = "Available",
        /// Is away.
        Away = "Away",
        /// Will be back soon.
        BeRightBack = "BeRightBack",
        /// Is busy.
        Busy = "Busy",
        /// Does not want to be disturbed.
        DoNotDisturb = "DoNotDisturb",
        /// Speaks in a conference call.
        InAConferenceCall = "InAConferenceCall",
        /// Speaks in a call.
        InACall = "InACall",
        /// Has nothing to do just now.
        Inactive = "Inactive",
        /// Is in a meeting.
        InAMeeting = "InAMeeting",
        /// Is not signed in.
        Offline = "Offline",
        /// Has finished work.
        OffWork = "OffWork",
        /// Is out of office.
        OutOfOffice = "OutOfOffice",
        /// Cannot be known.
        PresenceUnknown = "PresenceUnknown",
        /// Shows something to others.
        Presenting = "Presenting",
        /// Wants urgent messages only.
        UrgentInterruptionsOnly = "UrgentInterruptionsOnly",
    }
}
