//! Identities, and texts with a type, which several resources share.

use super::define::{model, texts};

model! {
    /// The identities behind an action (Microsoft Graph, *identitySet* and *chatMessageFromIdentitySet*).
    pub struct IdentitySet {
        /// The application.
        application: Identity,
        /// The device.
        device: Identity,
        /// The user.
        user: Identity,
        /// The team or channel; in mentions.
        conversation: Identity,
        /// The tag; in mentions.
        tag: Identity,
        /// The phone; in call records.
        phone: Identity,
        /// The guest; in call records.
        guest: Identity,
        /// The group; in files.
        group: Identity,
        /// The site's user; in files.
        site_user: Identity,
    }

    /// One identity (Microsoft Graph, *identity* and the types derived from it).
    pub struct Identity {
        /// The type of the identity.
        #[serde(rename = "@odata.type")]
        odata_type: String,
        /// The id.
        id: String,
        /// The displayed name.
        display_name: String,
        /// The kind of user; in Teams.
        user_identity_type: UserIdentityType,
        /// The kind of application; in Teams.
        application_identity_type: String,
        /// The kind of conversation; in Teams.
        conversation_identity_type: String,
        /// The id of the tenant.
        tenant_id: String,
        /// The mail address; in files and groups.
        email: String,
        /// The user principal name; in call records.
        user_principal_name: String,
    }

    /// A text with its type (Microsoft Graph, *itemBody*).
    pub struct ItemBody {
        /// Whether the text is plain or HTML.
        content_type: BodyType,
        /// The text.
        content: String,
    }
}

texts! {
    /// The kind of a Teams user (Microsoft Graph, *teamworkUserIdentity*).
    pub enum UserIdentityType {
        /// A member of the tenant.
        AadUser = "aadUser",
        /// A user of an on-premises directory.
        OnPremiseAadUser = "onPremiseAadUser",
        /// An anonymous guest.
        AnonymousGuest = "anonymousGuest",
        /// A user of another tenant.
        FederatedUser = "federatedUser",
        /// A user with a personal account.
        PersonalMicrosoftAccountUser = "personalMicrosoftAccountUser",
        /// A user of Skype.
        SkypeUser = "skypeUser",
        /// A user known by a phone number.
        PhoneUser = "phoneUser",
        /// A user known by a mail address.
        EmailUser = "emailUser",
        /// A user of Azure Communication Services.
        AzureCommunicationServicesUser = "azureCommunicationServicesUser",
    }

    /// The type of a text (Microsoft Graph, *itemBody*, `contentType`).
    pub enum BodyType {
        /// Plain text.
        Text = "text",
        /// HTML.
        Html = "html",
    }
}
