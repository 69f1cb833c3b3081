//! Every path in the table of *Use the Microsoft Graph API to get change notifications* (2020), with today's figures.

use super::{Figures, Rich};

/// Every path of the page.
#[rustfmt::skip]
pub(super) const PATHS: &[Figures] = &[
    ("/users/{id}/messages",                             "message.all",             "message",      "cud", "v1.0", Rich::Yes, 10_070, 1_440),
    ("/users/{id}/mailFolders('inbox')/messages",        "message.folder",          "message",      "cud", "v1.0", Rich::Yes, 10_070, 1_440),
    ("/users/{id}/events",                               "event.all",               "event",        "cud", "v1.0", Rich::Yes, 10_070, 1_440),
    ("/users/{id}/contacts",                             "contact.all",             "contact",      "cud", "v1.0", Rich::Yes, 10_070, 1_440),
    ("/users",                                           "user.all",                "user",         "ud",  "v1.0", Rich::No,  41_760, 41_760),
    ("/users/{id}",                                      "user.one",                "user",         "ud",  "v1.0", Rich::No,  41_760, 41_760),
    ("/groups",                                          "group.all",               "group",        "ud",  "v1.0", Rich::No,  41_760, 41_760),
    ("/groups/{id}",                                     "group.one",               "group",        "ud",  "v1.0", Rich::No,  41_760, 41_760),
    ("/groups/{id}/owners",                              "group.owners",            "group",        "?",   "v1.0", Rich::No,  41_760, 41_760),
    ("/groups/{id}/members",                             "group.members",           "group",        "?",   "v1.0", Rich::No,  41_760, 41_760),
    ("groups/{id}/conversations",                        "conversation",            "conversation", "?",   "v1.0", Rich::No,   4_230, 4_230),
    ("/users/{id}/drive/root",                           "driveItem.root",          "driveItem",    "u",   "v1.0", Rich::No,  42_300, 42_300),
    ("/drives/{id}/root",                                "driveItem.root",          "driveItem",    "u",   "v1.0", Rich::No,  42_300, 42_300),
    ("/sites/{id}/lists/{id}",                           "list",                    "listItem",     "u",   "v1.0", Rich::No,  42_300, 42_300),
    ("/security/alerts/{id}",                            "alert.one",               "alert",        "?",   "v1.0", Rich::No,  43_200, 43_200),
    ("/security/alerts/?$filter",                        "alert.filtered",          "alert",        "?",   "v1.0", Rich::No,  43_200, 43_200),
    ("/communications/callRecords",                      "callRecord",              "callRecord",   "cu",  "v1.0", Rich::No,   4_230, 4_230),
    ("/teams/getAllMessages",                            "chatMessage.allChannels", "chatMessage",  "cud", "v1.0", Rich::Yes,  4_320, 4_320),
    ("/teams/{id}/channels/{id}/messages",               "chatMessage.channel",     "chatMessage",  "cud", "v1.0", Rich::Yes,  4_320, 4_320),
    ("/chats/getAllMessages",                            "chatMessage.allChats",    "chatMessage",  "cud", "v1.0", Rich::Yes,  4_320, 4_320),
    ("/chats/{id}/messages",                             "chatMessage.chat",        "chatMessage",  "cud", "v1.0", Rich::Yes,  4_320, 4_320),
    ("/communications/presences/{id}",                   "presence.one",            "presence",     "u",   "v1.0", Rich::Yes,     60, 60),
    ("/communications/presences?$filter=id in ({id},{id}...)", "presence.many",     "presence",     "u",   "v1.0", Rich::Yes,     60, 60),
];
