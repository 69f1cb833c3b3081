//! Every path in *Get change notifications for teams and channels using Microsoft Graph* (2021), with today's figures.

use super::{Figures, Rich};

/// Every path of the page.
#[rustfmt::skip]
pub(super) const PATHS: &[Figures] = &[
    ("/teams",                    "team.all",     "team",    "cud", "v1.0", Rich::Yes, 4_320, 4_320),
    ("/teams/{team-id}",          "team.one",     "team",    "ud",  "v1.0", Rich::Yes, 4_320, 4_320),
    ("/teams/getAllChannels",     "channel.all",  "channel", "cud", "v1.0", Rich::Yes, 4_320, 4_320),
    ("/teams/{team-id}/channels", "channel.team", "channel", "cud", "v1.0", Rich::Yes, 4_320, 4_320),
];
