//! Users, groups and the conversations of groups.

use serde_json::{Number, Value};

use super::{
    DateTime,
    define::{entity, model},
};

entity! {
    /// A user (Microsoft Graph, *user resource type*).
    ///
    /// Notifications carry no resource data. `resourceData` has the tenant, the time and the number of the change.
    pub struct User {
        /// The id of the tenant; in notifications.
        organization_id: String,
        /// When the change happened; in notifications.
        event_time: DateTime,
        /// The number of the change; in notifications.
        sequence_number: Number,
        /// Whether the account is enabled.
        account_enabled: bool,
        /// The telephone numbers of the business.
        business_phones: Vec<String>,
        /// When the user was created.
        created_date_time: DateTime,
        /// When the user was deleted.
        deleted_date_time: DateTime,
        /// The department.
        department: String,
        /// The displayed name.
        display_name: String,
        /// The first name.
        given_name: String,
        /// The job title.
        job_title: String,
        /// The mail address.
        mail: String,
        /// The mobile telephone number.
        mobile_phone: String,
        /// The office.
        office_location: String,
        /// The language.
        preferred_language: String,
        /// The family name.
        surname: String,
        /// The name to sign in with.
        user_principal_name: String,
        /// Whether the user is a member or a guest.
        user_type: String,
    }
}

entity! {
    /// A group (Microsoft Graph, *group resource type*).
    ///
    /// Notifications carry no resource data. `resourceData` has the tenant, the time and the number of the change, and
    /// which members and owners were added or removed.
    pub struct Group {
        /// The id of the tenant; in notifications.
        organization_id: String,
        /// When the change happened; in notifications.
        event_time: DateTime,
        /// The number of the change; in notifications.
        sequence_number: Number,
        /// The added and removed members; in notifications.
        #[serde(rename = "members@delta")]
        members_delta: Vec<GroupDelta>,
        /// The added and removed owners; in notifications.
        #[serde(rename = "owners@delta")]
        owners_delta: Vec<GroupDelta>,
        /// The classification, such as the confidentiality.
        classification: String,
        /// When the group was created.
        created_date_time: DateTime,
        /// When the group was deleted.
        deleted_date_time: DateTime,
        /// When the group expires.
        expiration_date_time: DateTime,
        /// The description.
        description: String,
        /// The displayed name.
        display_name: String,
        /// The kinds of group, such as `Unified`.
        group_types: Vec<String>,
        /// The mail address.
        mail: String,
        /// Whether the group has a mail address.
        mail_enabled: bool,
        /// The part of the mail address before the `@`.
        mail_nickname: String,
        /// The rule that selects the members of a dynamic group.
        membership_rule: String,
        /// All mail addresses.
        proxy_addresses: Vec<String>,
        /// When the group was renewed.
        renewed_date_time: DateTime,
        /// Whether the group is a security group.
        security_enabled: bool,
        /// Who can see the group.
        visibility: String,
    }
}

model! {
    /// An object that was added to or removed from a group (Microsoft Graph, *delta query*).
    pub struct GroupDelta {
        /// The type of the object.
        #[serde(rename = "@odata.type")]
        odata_type: String,
        /// The id of the object.
        id: String,
        /// Present if the object was removed.
        #[serde(rename = "@removed")]
        removed: Value,
    }
}

entity! {
    /// A conversation of a group (Microsoft Graph, *conversation resource type*).
    pub struct Conversation {
        /// Whether a post has attachments.
        has_attachments: bool,
        /// When the last post was delivered.
        last_delivered_date_time: DateTime,
        /// The beginning of the last post.
        preview: String,
        /// The subject.
        topic: String,
        /// The authors of posts.
        unique_senders: Vec<String>,
    }
}
