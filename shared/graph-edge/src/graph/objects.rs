//! The items in a list of directory objects.

use graph_core::subscription::config::ForEach;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{GraphError, GraphErrorKind};

/// Returns the permissions to list objects, the least privileged first. They have the same names for applications and
/// users (Microsoft Graph, *list group members*, *list users*, *list teams*).
pub fn permissions(of: &ForEach) -> &'static [&'static str] {
    match of {
        ForEach::MembersOf(_) => {
            &["GroupMember.Read.All (and Member.Read.Hidden for a group with hidden members)"]
        }
        ForEach::AllUsers => &["User.Read.All"],
        ForEach::AllTeams => &["Team.ReadBasic.All"],
        ForEach::Ids(_) => &[],
    }
}

/// Returns the id of an item; nothing for a group member that is not a user.
pub(super) fn id(item: &RawValue) -> Result<Option<String>, GraphError> {
    let object: Object =
        serde_json::from_str(item.get()).map_err(|_| GraphError::of(GraphErrorKind::Malformed))?;
    // A group can also contain devices, contacts and service principals.
    let is_other = object
        .kind
        .is_some_and(|kind| !matches!(kind.as_str(), "#microsoft.graph.user" | "#microsoft.graph.team"));
    Ok((!is_other).then_some(object.id))
}

#[derive(Deserialize)]
struct Object {
    id: String,
    /// Present in lists that mix kinds of objects.
    #[serde(rename = "@odata.type")]
    kind: Option<String>,
}
