//! Teams, channels and presence.

use serde_json::Value;

use super::{
    DateTime, IdentitySet, ItemBody,
    define::{entity, model, texts},
};

entity! {
    /// A team (Microsoft Graph, *team resource type*).
    ///
    /// In a basic notification, `id` in `resourceData` is a time in milliseconds and not the team's id, which is the
    /// key in the path of the resource.
    pub struct Team {
        /// When the team was created.
        created_date_time: DateTime,
        /// The name.
        display_name: String,
        /// The description.
        description: String,
        /// The id within Teams: the thread of the general channel.
        internal_id: String,
        /// The kind of team, such as for a class.
        specialization: TeamSpecialization,
        /// Who can see the team.
        visibility: TeamVisibility,
        /// The URL of the team in the Teams client.
        web_url: String,
        /// Whether the team is archived and therefore read-only.
        is_archived: bool,
        /// Whether only owners can see the members.
        is_membership_limited_to_owners: bool,
        /// The permissions of members.
        member_settings: TeamMemberSettings,
        /// The permissions of guests.
        guest_settings: TeamGuestSettings,
        /// The settings for messages.
        messaging_settings: TeamMessagingSettings,
        /// The settings for pictures.
        fun_settings: TeamFunSettings,
        /// Whether the team can be found; not sent in notifications.
        discovery_settings: Value,
        /// The settings of a class; not sent in notifications.
        class_settings: Value,
        /// The classification, such as the confidentiality.
        classification: String,
        /// The id of the tenant.
        tenant_id: String,
    }
}

model! {
    /// The permissions of a team's members (Microsoft Graph, *teamMemberSettings*).
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

    /// The permissions of a team's guests (Microsoft Graph, *teamGuestSettings*).
    pub struct TeamGuestSettings {
        /// Whether they may add and change channels.
        allow_create_update_channels: bool,
        /// Whether they may delete channels.
        allow_delete_channels: bool,
    }

    /// The settings for messages in a team (Microsoft Graph, *teamMessagingSettings*).
    pub struct TeamMessagingSettings {
        /// Whether authors may edit their messages.
        allow_user_edit_messages: bool,
        /// Whether authors may delete their messages.
        allow_user_delete_messages: bool,
        /// Whether owners may delete messages.
        allow_owner_delete_messages: bool,
        /// Whether authors may mention the team.
        allow_team_mentions: bool,
        /// Whether authors may mention channels.
        allow_channel_mentions: bool,
    }

    /// The settings for pictures in a team (Microsoft Graph, *teamFunSettings*).
    pub struct TeamFunSettings {
        /// Whether Giphy may be used.
        allow_giphy: bool,
        /// The content filter of Giphy.
        giphy_content_rating: GiphyRating,
        /// Whether stickers and memes may be used.
        allow_stickers_and_memes: bool,
        /// Whether custom memes may be used.
        allow_custom_memes: bool,
    }
}

entity! {
    /// A channel (Microsoft Graph, *channel resource type*).
    pub struct Channel {
        /// When the channel was created.
        created_date_time: DateTime,
        /// The name.
        display_name: String,
        /// The description.
        description: String,
        /// Whether the channel is shown to all members by default.
        is_favorite_by_default: bool,
        /// The mail address; empty in notifications.
        email: String,
        /// The URL of the channel in the Teams client.
        web_url: String,
        /// Who is a member of the channel.
        membership_type: ChannelMembershipType,
        /// Who may write.
        moderation_settings: ChannelModerationSettings,
        /// Whether the channel is archived and therefore read-only.
        is_archived: bool,
        /// The id of the tenant.
        tenant_id: String,
    }
}

model! {
    /// Who may write in a channel (Microsoft Graph, *channelModerationSettings*).
    pub struct ChannelModerationSettings {
        /// Who may start a conversation.
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
    /// The presence of a user (Microsoft Graph, *presence resource type*).
    pub struct Presence {
        /// The user's availability.
        availability: Availability,
        /// The user's activity, more specific than `availability`.
        activity: Activity,
        /// The user's status message.
        status_message: PresenceStatusMessage,
        /// Whether the user is out of office, and until when.
        out_of_office_settings: Value,
        /// The user's work location.
        work_location: Value,
        /// A number that grows with each change.
        sequence_number: String,
    }
}

model! {
    /// A user's status message (Microsoft Graph, *presenceStatusMessage*).
    pub struct PresenceStatusMessage {
        /// The message.
        message: ItemBody,
        /// When it was published.
        published_date_time: DateTime,
        /// When it expires.
        expiry_date_time: super::DateTimeTimeZone,
        /// Its author.
        published_by: IdentitySet,
    }
}

texts! {
    /// The specialization of a team (Microsoft Graph, *teamSpecialization*).
    pub enum TeamSpecialization {
        /// None.
        None = "none",
        /// Education in general.
        EducationStandard = "educationStandard",
        /// A class.
        EducationClass = "educationClass",
        /// A professional learning community.
        EducationProfessionalLearningCommunity = "educationProfessionalLearningCommunity",
        /// The staff of a school.
        EducationStaff = "educationStaff",
        /// Health care in general.
        HealthcareStandard = "healthcareStandard",
        /// The coordination of care.
        HealthcareCareCoordination = "healthcareCareCoordination",
    }

    /// The visibility of a team (Microsoft Graph, *teamVisibilityType*).
    pub enum TeamVisibility {
        /// Visible to members; everybody can ask to join.
        Private = "private",
        /// Visible to everybody in the tenant.
        Public = "public",
        /// Visible to members only.
        HiddenMembership = "hiddenMembership",
    }

    /// The content filter of Giphy (Microsoft Graph, *giphyRatingType*).
    pub enum GiphyRating {
        /// Moderate.
        Moderate = "moderate",
        /// Strict.
        Strict = "strict",
    }

    /// The members of a channel (Microsoft Graph, *channelMembershipType*).
    pub enum ChannelMembershipType {
        /// All members of the team.
        Standard = "standard",
        /// Some members of the team.
        Private = "private",
        /// Also people and teams from outside the team.
        Shared = "shared",
    }

    /// The availability of a user (Microsoft Graph, *presence*, `availability`).
    pub enum Availability {
        /// Available.
        Available = "Available",
        /// Available, but the device is idle.
        AvailableIdle = "AvailableIdle",
        /// Is away.
        Away = "Away",
        /// Will be back soon.
        BeRightBack = "BeRightBack",
        /// Is busy.
        Busy = "Busy",
        /// Busy, but the device is idle.
        BusyIdle = "BusyIdle",
        /// Do not disturb.
        DoNotDisturb = "DoNotDisturb",
        /// Is not signed in.
        Offline = "Offline",
        /// Unknown.
        PresenceUnknown = "PresenceUnknown",
    }

    /// The activity of a user (Microsoft Graph, *presence*, `activity`).
    pub enum Activity {
        /// Available.
        Available = "Available",
        /// Is away.
        Away = "Away",
        /// Will be back soon.
        BeRightBack = "BeRightBack",
        /// Is busy.
        Busy = "Busy",
        /// Does not want to be disturbed.
        DoNotDisturb = "DoNotDisturb",
        /// Is in a conference call.
        InAConferenceCall = "InAConferenceCall",
        /// Is in a call.
        InACall = "InACall",
        /// Is inactive.
        Inactive = "Inactive",
        /// Is in a meeting.
        InAMeeting = "InAMeeting",
        /// Is not signed in.
        Offline = "Offline",
        /// Is off work.
        OffWork = "OffWork",
        /// Is out of office.
        OutOfOffice = "OutOfOffice",
        /// Unknown.
        PresenceUnknown = "PresenceUnknown",
        /// Is presenting.
        Presenting = "Presenting",
        /// Accepts urgent interruptions only.
        UrgentInterruptionsOnly = "UrgentInterruptionsOnly",
    }
}
