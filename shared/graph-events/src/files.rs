//! Files and items of lists.

use serde_json::{Map, Number, Value};

use super::{
    DateTime, IdentitySet,
    define::{entity, model},
};

entity! {
    /// A file or folder (Microsoft Graph, *driveItem resource type*).
    ///
    /// A notification says that something below the subscribed folder changed, not what: its `resourceData` has no id, or
    /// is missing. A delta query tells the rest.
    pub struct DriveItem {
        /// The name.
        name: String,
        /// What the item is about.
        description: String,
        /// The size in bytes.
        size: Number,
        /// When it was made.
        created_date_time: DateTime,
        /// When it changed last.
        last_modified_date_time: DateTime,
        /// Who made it.
        created_by: IdentitySet,
        /// Who changed it last.
        last_modified_by: IdentitySet,
        /// The version of the item.
        #[serde(rename = "eTag")]
        e_tag: String,
        /// The version of its content.
        #[serde(rename = "cTag")]
        c_tag: String,
        /// The item in a browser.
        web_url: String,
        /// The item over `WebDAV`.
        web_dav_url: String,
        /// What it is in.
        parent_reference: ItemReference,
        /// There when it is a file.
        file: Value,
        /// There when it is a folder.
        folder: Value,
        /// There when it is the top of a drive.
        root: Value,
        /// There when it was deleted.
        deleted: Value,
        /// There when it is in another drive.
        remote_item: Value,
        /// There when it is shared.
        shared: Value,
        /// The times that the client's file system gave.
        file_system_info: Value,
        /// The ids of SharePoint.
        sharepoint_ids: Value,
    }
}

entity! {
    /// An item of a SharePoint list (Microsoft Graph, *listItem resource type*).
    ///
    /// A notification says that something in the list changed, not what: its `resourceData` has no id, or is missing. A
    /// delta query tells the rest.
    pub struct ListItem {
        /// The name.
        name: String,
        /// What the item is about.
        description: String,
        /// When it was made.
        created_date_time: DateTime,
        /// When it changed last.
        last_modified_date_time: DateTime,
        /// Who made it.
        created_by: IdentitySet,
        /// Who changed it last.
        last_modified_by: IdentitySet,
        /// The version.
        #[serde(rename = "eTag")]
        e_tag: String,
        /// The item in a browser.
        web_url: String,
        /// The list.
        parent_reference: ItemReference,
        /// The content type.
        content_type: Value,
        /// The columns.
        fields: Map<String, Value>,
        /// There when it was deleted.
        deleted: Value,
        /// The ids of SharePoint.
        sharepoint_ids: Value,
    }
}

model! {
    /// What an item is in (Microsoft Graph, *itemReference*).
    pub struct ItemReference {
        /// The drive.
        drive_id: String,
        /// The kind of drive.
        drive_type: String,
        /// The folder, or the list.
        id: String,
        /// The name.
        name: String,
        /// The path inside the drive.
        path: String,
        /// An id that can be used to share it.
        share_id: String,
        /// The site.
        site_id: String,
        /// The ids of SharePoint.
        sharepoint_ids: Value,
    }
}
