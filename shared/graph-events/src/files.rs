//! Files, folders and list items.

use serde_json::{Map, Number, Value};

use super::{
    DateTime, IdentitySet,
    define::{entity, model},
};

entity! {
    /// A file or folder (Microsoft Graph, *driveItem resource type*).
    ///
    /// A notification says that something below the subscribed folder changed, but not what: its `resourceData` has no
    /// id, or is missing. A delta query returns the changes.
    pub struct DriveItem {
        /// The name.
        name: String,
        /// The description.
        description: String,
        /// The size in bytes.
        size: Number,
        /// When the item was created.
        created_date_time: DateTime,
        /// When the item last changed.
        last_modified_date_time: DateTime,
        /// The author.
        created_by: IdentitySet,
        /// The author of the last change.
        last_modified_by: IdentitySet,
        /// The version of the item.
        #[serde(rename = "eTag")]
        e_tag: String,
        /// The version of the content.
        #[serde(rename = "cTag")]
        c_tag: String,
        /// The URL of the item in a browser.
        web_url: String,
        /// The URL of the item for `WebDAV`.
        web_dav_url: String,
        /// The parent folder.
        parent_reference: ItemReference,
        /// Present if the item is a file.
        file: Value,
        /// Present if the item is a folder.
        folder: Value,
        /// Present if the item is the root of a drive.
        root: Value,
        /// Present if the item was deleted.
        deleted: Value,
        /// Present if the item is in another drive.
        remote_item: Value,
        /// Present if the item is shared.
        shared: Value,
        /// The times from the client's file system.
        file_system_info: Value,
        /// The item's ids in SharePoint.
        sharepoint_ids: Value,
    }
}

entity! {
    /// An item of a SharePoint list (Microsoft Graph, *listItem resource type*).
    ///
    /// A notification says that something in the list changed, but not what: its `resourceData` has no id, or is
    /// missing. A delta query returns the changes.
    pub struct ListItem {
        /// The name.
        name: String,
        /// The description.
        description: String,
        /// When the item was created.
        created_date_time: DateTime,
        /// When the item last changed.
        last_modified_date_time: DateTime,
        /// The author.
        created_by: IdentitySet,
        /// The author of the last change.
        last_modified_by: IdentitySet,
        /// The version.
        #[serde(rename = "eTag")]
        e_tag: String,
        /// The URL of the item in a browser.
        web_url: String,
        /// The parent list.
        parent_reference: ItemReference,
        /// The content type.
        content_type: Value,
        /// The values of the columns.
        fields: Map<String, Value>,
        /// Present if the item was deleted.
        deleted: Value,
        /// The item's ids in SharePoint.
        sharepoint_ids: Value,
    }
}

model! {
    /// The parent of an item (Microsoft Graph, *itemReference*).
    pub struct ItemReference {
        /// The id of the drive.
        drive_id: String,
        /// The kind of drive.
        drive_type: String,
        /// The id of the folder or list.
        id: String,
        /// The name.
        name: String,
        /// The path within the drive.
        path: String,
        /// The id for sharing.
        share_id: String,
        /// The id of the site.
        site_id: String,
        /// The parent's ids in SharePoint.
        sharepoint_ids: Value,
    }
}
