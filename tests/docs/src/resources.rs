//! `docs/resources.md`: the catalogue of resources, for people who write a configuration.

use std::fmt::Write as _;

use graph_core::subscription::catalogue::{
    self, Access, Changes, Fetching, Permission, Remark, Rich, Row, Version,
};

/// Returns the text of the page.
#[must_use]
pub fn page() -> String {
    let mut page = INTRODUCTION.to_owned();
    for area in &AREAS {
        let mut rows = catalogue::rows().filter(|row| area.holds(row)).peekable();
        if rows.peek().is_none() {
            continue;
        }
        let _ = write!(page, "\n## {}\n\n{HEAD}\n", area.title);
        for row in rows {
            page += &line(row);
        }
    }
    page + NOTES + &not_fetched()
}

/// Returns the table of the resources of which nothing is fetched.
fn not_fetched() -> String {
    let mut table = NOT_FETCHED.to_owned();
    for row in catalogue::rows() {
        if let Fetching::Never(reason) = row.fetching() {
            let paths: Vec<_> = row.patterns.iter().map(|path| format!("`{path}`")).collect();
            let _ = writeln!(table, "| {} | {reason} |", paths.join("<br>"));
        }
    }
    table
}

/// Returns whether the reader fetches content.
fn fetched(row: &Row) -> &'static str {
    match row.fetching() {
        Fetching::Get => "yes",
        Fetching::Drive => "files",
        Fetching::Never(_) => "no",
    }
}

/// Returns a row of a table.
fn line(row: &Row) -> String {
    let paths: Vec<_> = row.patterns.iter().map(|path| format!("`{path}`")).collect();
    let version = match row.version() {
        Version::V1 => "",
        Version::Beta => " (beta)",
    };
    let remark = match row.remark {
        Remark::None | Remark::TakesQueryOptions => "",
        Remark::FromTheField => " ²",
        Remark::Retired => " ³",
    };
    format!(
        "| {}{version}{remark} | {} | {} | {} | {} | {} | {} | {} |\n",
        paths.join("<br>"),
        row.entity,
        changes(row.changes),
        data(row.rich),
        fetched(row),
        lifetime(row),
        permissions(row, Access::Application),
        signed_in(row),
    )
}

/// Returns the change types that Graph sends.
fn changes(changes: Changes) -> String {
    match changes {
        Changes::Known(changes) => {
            let names: Vec<_> = changes.iter().map(|change| change.as_str()).collect();
            names.join(", ")
        }
        Changes::Unconfirmed => "not documented".to_owned(),
    }
}

/// Returns whether notifications carry resource data.
fn data(rich: Rich) -> &'static str {
    match rich {
        Rich::No => "no",
        Rich::Yes => "yes",
        Rich::Required => "always",
    }
}

/// Returns the longest lifetime of a subscription.
fn lifetime(row: &Row) -> String {
    let (basic, rich) = (row.max_minutes(false), row.max_minutes(true));
    if row.rich == Rich::Yes && basic != rich {
        format!("{}; with data {}", duration(basic), duration(rich))
    } else {
        duration(rich)
    }
}

/// Returns a duration in minutes and, rounded, in a larger unit.
fn duration(minutes: u32) -> String {
    let about = match minutes {
        ..1_440 => format!("{} h", minutes / 60),
        _ => format!("{} d", (minutes + 720) / 1_440),
    };
    format!("{minutes} min ({about})")
}

/// Returns the permissions of a signed-in user, for both kinds of account.
fn signed_in(row: &Row) -> String {
    let work = permissions(row, Access::Delegated);
    let personal = permissions(row, Access::DelegatedPersonal);
    match (work.as_str(), personal.as_str()) {
        (_, NONE) => work,
        (NONE, _) => format!("personal account: {personal}"),
        _ if work == personal => work,
        _ => format!("{work}<br>personal account: {personal}"),
    }
}

/// Returns permissions, the least privileged first. Any one of them is enough.
fn permissions(row: &Row, access: Access) -> String {
    let names: Vec<_> = row.permissions(access).map(|one| permission(&one)).collect();
    if names.is_empty() {
        NONE.to_owned()
    } else {
        names.join("<br>")
    }
}

/// Returns a permission.
fn permission(permission: &Permission) -> String {
    let mark = if permission.is_resource_specific() {
        " ¹"
    } else {
        ""
    };
    format!("{}{mark}", permission.name())
}

/// A section of the page.
struct Area {
    title: &'static str,
    /// The prefixes of the keys of its rows.
    keys: &'static [&'static str],
}

impl Area {
    /// Returns whether a row belongs to this section: the one with the longest prefix of the row's key.
    fn holds(&self, row: &Row) -> bool {
        let length = |area: &Self| {
            let fitting = area.keys.iter().filter(|key| row.key.starts_with(**key));
            fitting.map(|key| key.len()).max()
        };
        let longest = AREAS.iter().filter_map(length).max();
        length(self) == longest && (longest.is_some() || self.keys.is_empty())
    }
}

/// The sections of the page, in order. The last one takes every row that no other section names.
const AREAS: [Area; 7] = [
    Area {
        title: "Mail, calendar, contacts, tasks",
        keys: &["message", "event", "contact", "todoTask"],
    },
    Area {
        title: "Users and groups",
        keys: &["user", "group", "conversation", "presence"],
    },
    Area {
        title: "Files and lists",
        keys: &["driveItem", "list", "site"],
    },
    Area {
        title: "Teams: messages, chats, teams, channels, members, apps, shifts",
        keys: &[
            "chatMessage",
            "chat",
            "team",
            "channel",
            "member",
            "appInstall",
            "shift",
            "openShiftChangeRequest",
            "offerShiftRequest",
            "swapShiftsChangeRequest",
            "timeOffRequest",
        ],
    },
    Area {
        title: "Calls, meetings, recordings, transcripts, virtual events",
        keys: &[
            "callRecord",
            "recording",
            "transcript",
            "onlineMeeting",
            "virtualEvent",
            "emergency",
        ],
    },
    Area {
        title: "Copilot",
        keys: &["aiI"],
    },
    Area {
        title: "Security, printing, approvals, service health",
        keys: &[],
    },
];

/// The text in place of missing permissions.
const NONE: &str = "not supported";

const HEAD: &str = "\
| Resource | Entity | Changes | Data | Fetched | Longest lifetime | Application permission | Permission for a signed-in user |
|---|---|---|---|---|---|---|---|";

const NOT_FETCHED: &str = "
## What is not fetched

| Resource | Why `fetchContent` cannot fetch its content |
|---|---|
";

const INTRODUCTION: &str = "\
# Resources

This page lists every resource that an entry of the [configuration](configuration.md) can name. A test generates the page from the catalogue
in `graph-core`, which follows Microsoft's documentation.

- **Resource**: the path. Replace the parts in braces; only an entry with `forEach` keeps `{id}`. `/me/..` means `/users/{id}/..` of the
  signed-in user. Resources marked *beta* need the beta version of Graph.
- **Changes**: the change types that Graph sends. If Microsoft documents none, an entry may name any. Graph reports a new user or group as
  `updated`.
- **Data**: whether notifications can contain the resource, encrypted (`includeResourceData`).
- **Fetched**: whether the reader can [fetch the content](consuming.md#content-that-was-fetched) of a notification without data
  (`fetchContent`). [What is not fetched](#what-is-not-fetched) says why not. A GET may need a permission of its own.
- **Permissions**: one of them is enough; the first is the least privileged. *Not supported* means that Graph rejects the subscription.
";

const NOTES: &str = "
¹ Resource-specific consent: the owner of the team, chat or meeting grants the permission to an app that is installed there.

² Users report that the resource works, but Microsoft does not document it. Its lifetime and permission are those of similar resources.

³ The resource belongs to the legacy alerts API, which Microsoft retired on 15 October 2026. It works as long as Graph accepts it.
";
