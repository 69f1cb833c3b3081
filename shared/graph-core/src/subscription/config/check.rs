//! Checks an entry against the catalogue, so that mistakes show before Microsoft Graph refuses the subscription.

use std::collections::{BTreeMap, BTreeSet};

use super::reader::{Problems, first, join, listed};
use super::subscriptions::{FETCH_CONTENT, IMMUTABLE_IDS, PERMISSION_CHANGES, QUERY_OPTIONS, Written};
use super::{Entry, ForEach, MIN_MINUTES, Tenant, requested};
use crate::cloud::Cloud;
use crate::subscription::catalogue::{self, Access, Changes, Fetching, Remark, Rich, Row, Select};
use graph_events::{Change, ResourcePath, path};

/// Checks `written` for the tenants in `names` and returns the entry; `None` if a part is missing. The rules of a
/// tenant are skipped while the tenant has mistakes itself.
pub(super) fn check(
    written: Written<'_>,
    names: &[&str],
    tenants: &BTreeMap<String, Tenant>,
    problems: &mut Problems,
) -> Option<Entry> {
    let before = problems.errors();
    let row = written.resource.and_then(catalogue::find);
    if let Some(resource) = written.resource {
        check_placeholder(&written, resource, problems);
        match row {
            Some(row) => check_row(&written, resource, row, problems),
            None => check_unknown(&written, resource, problems),
        }
    }
    check_shortest(&written, problems);
    // Warnings do not refuse the entry: Graph decides.
    let is_right = problems.errors() == before;
    let fitting: BTreeSet<String> = fitting(&written, row, names, tenants, problems);
    if !is_right || fitting.is_empty() && !names.is_empty() {
        return None;
    }
    let changes = written.changes?;
    // Graph measures its maximum by its own clock, so a little less is requested.
    let granted = row.map(|row| requested(row.max_minutes(written.rich)));
    let minutes = written.minutes.into_iter().chain(granted).min()?;
    Some(Entry {
        name: written.name.to_owned(),
        tenants: fitting,
        resource: written.resource?.to_owned(),
        change_type: changes
            .iter()
            .map(|change| change.as_str())
            .collect::<Vec<_>>()
            .join(","),
        include_resource_data: written.rich,
        query_options: written.query_options.map(str::to_owned),
        minutes,
        version: written.version.or(row.map(Row::version)).unwrap_or_default(),
        for_each: written.for_each,
        options: written.options,
    })
}

/// Returns those of the tenants in `names` that the entry fits. A problem that several tenants share is reported once.
fn fitting(
    written: &Written<'_>,
    row: Option<&Row>,
    names: &[&str],
    tenants: &BTreeMap<String, Tenant>,
    problems: &mut Problems,
) -> BTreeSet<String> {
    let all = names.iter().map(|name| (*name).to_owned());
    let Some(row) = row else { return all.collect() };
    let is_elsewhere = |name: &&str| {
        tenants
            .get(*name)
            .is_some_and(|tenant| !row.available_in(tenant.cloud))
    };
    let elsewhere: Vec<&str> = names.iter().copied().filter(is_elsewhere).collect();
    if !elsewhere.is_empty() {
        let clouds = listed(&row.clouds.iter().copied().map(Cloud::as_str).collect::<Vec<_>>());
        // The entry stays in use for the others.
        let of = if names.len() > 1 {
            first(&elsewhere)
        } else {
            "its tenant".to_owned()
        };
        let message = format!("does not exist in the cloud of {of}; it exists in {clouds}");
        problems.error(&join(&written.path, "resource"), message);
    }
    for tenant in names.iter().filter_map(|name| tenants.get(*name)) {
        check_tenant(written, row, tenant, problems);
    }
    all.filter(|name| !elsewhere.contains(&name.as_str())).collect()
}

/// Checks a known resource.
fn check_row(written: &Written<'_>, resource: &str, row: &Row, problems: &mut Problems) {
    check_changes(written, row, problems);
    check_rich(written, row, problems);
    check_query(written, resource, row, problems);
    if written.query_options.is_some() && row.remark != Remark::TakesQueryOptions {
        let message = "is not for this resource, only for print jobs and for health alerts of one type; remove it, and \
                       write query options into `resource` if Microsoft documents them";
        problems.error(&join(&written.path, QUERY_OPTIONS), message);
    }
    let max = row.max_minutes(written.rich);
    if written.minutes.is_some_and(|minutes| minutes > max) {
        let with = if written.rich { "with" } else { "without" };
        let message =
            format!("is over the maximum of {max} minutes {with} resource data; write {max} or less");
        problems.error(&join(&written.path, "expirationMinutes"), message);
    }
    if let Some(version) = written.version.filter(|version| !row.versions.contains(version)) {
        let message = format!(
            "is {version}, which does not have this resource; write `{}`",
            row.version()
        );
        problems.error(&join(&written.path, "version"), message);
    }
    check_options(written, row, problems);
    check_narrowed(written, resource, row, problems);
    check_users(written, resource, row, problems);
    if row.remark == Remark::Retired {
        let message = "belongs to the legacy alerts API, which Microsoft retired on 15 October 2026; it works as long as \
                       Graph accepts it, and has no successor with notifications";
        problems.warning(&join(&written.path, "resource"), message);
    }
}

/// Checks the options of an entry.
fn check_options(written: &Written<'_>, row: &Row, problems: &mut Problems) {
    let options = written.options;
    let mut refuse = |field, message| problems.error(&join(&written.path, field), message);
    match row.fetching() {
        _ if !options.fetch_content => {}
        _ if written.rich => refuse(
            FETCH_CONTENT,
            "is not needed with `includeResourceData`, which brings the content; remove one of them"
                .to_owned(),
        ),
        Fetching::Never(reason) => refuse(FETCH_CONTENT, format!("has no effect: {reason}; remove it")),
        Fetching::Get | Fetching::Drive => {}
    }
    if options.immutable_ids && !OUTLOOK_ITEMS.contains(&row.entity) {
        refuse(
            IMMUTABLE_IDS,
            "is for Outlook's messages, events, contacts and tasks only; remove it".to_owned(),
        );
    }
    if options.permission_changes && row.entity != "driveItem" {
        refuse(PERMISSION_CHANGES, "is for drives only; remove it".to_owned());
    }
}

/// Checks that no query option limits which items the entry is for where their content is fetched: a GET by an item's key
/// obeys no filter, so it would read items that the entry does not ask for.
fn check_narrowed(written: &Written<'_>, resource: &str, row: &Row, problems: &mut Problems) {
    if !written.options.fetch_content || matches!(row.fetching(), Fetching::Never(_)) {
        return;
    }
    let own = catalogue::option_against_fetching(resource).map(|name| ("resource", name));
    let beside = || {
        Some((
            QUERY_OPTIONS,
            written.query_options?.split('=').next()?.trim().to_owned(),
        ))
    };
    let Some((field, name)) = own.or_else(beside) else {
        return;
    };
    let message = format!(
        "has `{name}`, which `fetchContent` cannot obey: it reads an item by its id, also one that `{name}` leaves out; remove \
         `{name}` or `fetchContent`"
    );
    problems.error(&join(&written.path, field), message);
}

/// Checks that users are named by their ids, as in notifications: by a principal name, content is never fetched, and what is
/// read after a gap has other ids than its notifications.
fn check_users(written: &Written<'_>, resource: &str, row: &Row, problems: &mut Problems) {
    let Some((path, name)) = principal_name(written, resource) else {
        return;
    };
    let needs_id = |template: &str| template.contains("{users}");
    if written.options.fetch_content && row.shapes().any(|shape| needs_id(shape.item)) {
        let message = format!(
            "names a user as `{name}`, for whom `fetchContent` gets no content, because notifications name users by id; \
             write the user's object id"
        );
        problems.error(&path, message);
    } else {
        let message = format!(
            "names a user as `{name}`; notifications name users by id, so events that the reader catches up have other \
             ids than live ones; write the user's object id"
        );
        problems.warning(&path, message);
    }
}

/// Returns the first user principal name in the place of a user's id, and where it is written.
fn principal_name(written: &Written<'_>, resource: &str) -> Option<(String, String)> {
    let in_path = |resource: &str| -> Option<String> {
        let path = ResourcePath::parse(resource).ok()?;
        path.user_id().filter(|id| id.contains('@')).map(str::to_owned)
    };
    let in_list = match &written.for_each {
        Some(ForEach::Ids(ids)) => ids
            .iter()
            .find_map(|id| in_path(&resource.replace("{id}", id)).map(|name| ("forEach", name))),
        _ => None,
    };
    let (field, name) = in_list.or_else(|| Some(("resource", in_path(resource)?)))?;
    Some((join(&written.path, field), name))
}

/// Checks an entry whose resource is not in the catalogue.
fn check_unknown(written: &Written<'_>, resource: &str, problems: &mut Problems) {
    let minutes = join(&written.path, "expirationMinutes");
    if written.allow_unknown {
        match written.minutes {
            None => problems.error(
                &minutes,
                "is missing; an unknown resource needs it, because its maximum lifetime is unknown",
            ),
            Some(asked) if asked > MAX_LIFETIME_MINUTES => {
                problems.error(
                    &minutes,
                    format!("is over {MAX_LIFETIME_MINUTES} minutes, the longest of all resources"),
                );
            }
            Some(_) => {}
        }
        return;
    }
    let suggestion =
        catalogue::nearest(resource).map_or(String::new(), |near| format!("; did you mean `{near}`?"));
    // A URL copied from Graph Explorer is the most frequent mistake, so it has its own message.
    let is_url = resource.contains("://")
        || ["v1.0", "beta"]
            .iter()
            .any(|version| resource.trim_start_matches('/').starts_with(version));
    let message = if is_url {
        format!("is a URL or has a version; write the path only{suggestion}")
    } else {
        let allow = "if it is right, write \"allowUnknownResource\": true and \"expirationMinutes\"";
        format!("is not a known resource{suggestion} ({allow})")
    };
    problems.error(&join(&written.path, "resource"), message);
}

/// Checks that the resource sends the change types.
fn check_changes(written: &Written<'_>, row: &Row, problems: &mut Problems) {
    let Changes::Known(known) = row.changes else {
        return;
    };
    let refused: Vec<_> = written
        .changes
        .iter()
        .flatten()
        .filter(|change| !row.sends(**change))
        .collect();
    if refused.is_empty() {
        return;
    }
    let refused = listed(&refused.iter().map(|change| change.as_str()).collect::<Vec<_>>());
    let sent = known
        .iter()
        .map(|change| change.as_str())
        .collect::<Vec<_>>()
        .join(",");
    // Users and groups arrive as `updated` when they are created, which surprises people.
    let created_as_updated = matches!(row.entity, "user" | "group")
        && written
            .changes
            .iter()
            .flatten()
            .any(|change| *change == Change::Created);
    let why = if created_as_updated {
        " (a new one arrives as `updated`)"
    } else {
        ""
    };
    let message =
        format!("has {refused}, which this resource does not send{why}; write `{sent}` or a part of it");
    problems.error(&join(&written.path, "changeType"), message);
}

/// Checks that the resource supports resource data if the entry asks for it, and that the entry asks if it is required.
fn check_rich(written: &Written<'_>, row: &Row, problems: &mut Problems) {
    let message = match (row.rich, written.rich) {
        (Rich::No, true) => {
            "is true, but this resource has no resource data; write false or leave the field out"
        }
        (Rich::Required, false) => {
            "is false, but Graph sends this resource only with resource data; write true"
        }
        (Rich::No, false) | (Rich::Required, true) | (Rich::Yes, _) => return,
    };
    problems.error(&join(&written.path, "includeResourceData"), message);
}

/// Checks the query options (Microsoft Graph, *change notifications for Outlook resources*, for those with resource data).
fn check_query(written: &Written<'_>, resource: &str, row: &Row, problems: &mut Problems) {
    let path = join(&written.path, "resource");
    let options = path::options(resource);
    let option = |name: &str| {
        options
            .iter()
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    };
    if row.entity == "presence" && option("$filter").is_some_and(|ids| ids.split(',').count() > PRESENCES) {
        let message =
            format!("has more than {PRESENCES} ids in its `$filter`, the maximum of Graph; name fewer");
        problems.error(&path, message);
    }
    match row.select {
        Select::Refused if option("$select").is_some() => {
            problems.error(
                &path,
                "has `$select`, which this resource does not support; remove it, Graph sends all properties",
            );
        }
        // Microsoft documents these rules only for resource data.
        Select::Required if written.rich => {
            match option("$select") {
                None => problems.error(
                    &path,
                    "has no `$select`; with resource data, write `?$select=` and the properties you want",
                ),
                Some(select) if select.trim().is_empty() => {
                    problems.error(&path, "has an empty `$select`; write the properties you want");
                }
                Some(select) => check_selected(select, &path, problems),
            }
            for name in ["$top", "$skip", "$orderby"]
                .into_iter()
                .filter(|name| option(name).is_some())
            {
                problems.error(
                    &path,
                    format!("has `{name}`, which is not supported with resource data; remove it"),
                );
            }
            if option("$expand").is_some_and(|expand| !is_extended_property(expand)) {
                let allowed = listed(EXTENDED_PROPERTIES);
                problems.error(&path, format!("has an `$expand` other than {allowed}; remove it"));
            }
        }
        Select::Refused | Select::Required | Select::Undocumented => {}
    }
}

/// Checks the properties in `$select`.
fn check_selected(select: &str, path: &str, problems: &mut Problems) {
    for name in ["body", "uniqueBody"] {
        if select
            .split(',')
            .any(|property| property.trim().eq_ignore_ascii_case(name))
        {
            problems.error(
                path,
                format!("selects `{name}`, which is not supported; write `bodyPreview` instead"),
            );
        }
    }
}

/// Says whether each part of `expand` is an extended property.
fn is_extended_property(expand: &str) -> bool {
    let name = |part: &str| {
        part.split('(')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase()
    };
    let mut depth = 0_u32;
    // Commas inside parentheses belong to the options of a property.
    let parts = expand.split(|letter| {
        match letter {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        letter == ',' && depth == 0
    });
    parts.map(name).all(|name| {
        EXTENDED_PROPERTIES
            .iter()
            .any(|known| known.eq_ignore_ascii_case(&name))
    })
}

/// Checks the tenant's kind of credential.
fn check_tenant(written: &Written<'_>, row: &Row, tenant: &Tenant, problems: &mut Problems) {
    let path = join(&written.path, "resource");
    let access = tenant.access();
    if written.options.fetch_content && access != Access::Application {
        let message =
            "has no effect with a signed-in user's credential: only an application can read content";
        problems.warning(&join(&written.path, FETCH_CONTENT), message);
    }
    // Only a warning: the catalogue may not know a permission that Microsoft has added.
    if !row.supports(access) {
        let others: Vec<_> = [Access::Application, Access::Delegated, Access::DelegatedPersonal]
            .into_iter()
            .filter(|other| row.supports(*other))
            .map(|other| format!("{}, with {}", credential_of(other), names(row, other)))
            .collect();
        let message = format!(
            "has no {access} permission, the kind that the tenant's credential needs; use {}",
            others.join(", or ")
        );
        problems.warning(&path, message);
    }
    let is_alias = written.resource.is_some_and(|resource| {
        resource
            .trim_start_matches('/')
            .split(['/', '?'])
            .next()
            .is_some_and(|first| first.eq_ignore_ascii_case("me"))
    });
    if is_alias && access == Access::Application {
        problems.warning(
            &path,
            "begins with `/me`, and the tenant's credential acts for no user; write `/users/` and an id",
        );
    }
}

/// Returns the names of the row's permissions, the least privileged first.
fn names(row: &Row, access: Access) -> String {
    let names: Vec<_> = row.permissions(access).map(|found| found.to_string()).collect();
    names.join(" or ")
}

/// Returns the credential that can have permissions of this kind.
fn credential_of(access: Access) -> &'static str {
    match access {
        Access::Application => "a client secret, a certificate or webIdentity",
        Access::Delegated => "a refreshToken",
        Access::DelegatedPersonal => "a refreshToken of a personal account",
    }
}

/// Checks that the lifetime is at least Graph's minimum (*subscription resource type*).
fn check_shortest(written: &Written<'_>, problems: &mut Problems) {
    if written.minutes.is_some_and(|minutes| minutes < MIN_MINUTES) {
        let message = format!("is under the minimum of {MIN_MINUTES} minutes; write {MIN_MINUTES} or more");
        problems.error(&join(&written.path, "expirationMinutes"), message);
    }
}

/// Checks that a `forEach` entry, and no other, has a key to fill in, and that its objects fit the key.
fn check_placeholder(written: &Written<'_>, resource: &str, problems: &mut Problems) {
    let path = join(&written.path, "resource");
    let Some(for_each) = &written.for_each else {
        let plain = resource.split('?').next().unwrap_or_default();
        // If `forEach` itself is malformed, the key is intended and the mistake is reported already.
        if plain.contains('{') && !problems.is_wrong(&join(&written.path, "forEach")) {
            problems.error(
                &path,
                "has a key in braces; replace it with an id, or add `forEach`",
            );
        }
        return;
    };
    if !resource.contains("{id}") || resource.matches('{').count() != 1 {
        problems.error(&path, "needs exactly one `{id}` for `forEach` to fill in");
        return;
    }
    // Both "/users/{id}" and "/users('{id}')" leave "users" here.
    let collection = resource
        .split("{id}")
        .next()
        .unwrap_or_default()
        .trim_end_matches(['/', '(', '\'']);
    let collection = collection.rsplit('/').next().unwrap_or_default();
    let (fitting, what): (&[&str], _) = match for_each {
        ForEach::AllTeams => (&["teams", "groups"], "teams"),
        ForEach::AllUsers | ForEach::MembersOf(_) => (&["users", "presences"], "users"),
        ForEach::Ids(_) => return,
    };
    if catalogue::find(resource).is_some()
        && !fitting.iter().any(|known| known.eq_ignore_ascii_case(collection))
    {
        let message = format!(
            "fills in ids of {what}, and the resource has its `{{id}}` elsewhere; write a list of ids"
        );
        problems.error(&join(&written.path, "forEach"), message);
    }
}

/// The entities that can have immutable ids (Microsoft Graph, *immutable identifiers for Outlook resources*).
const OUTLOOK_ITEMS: &[&str] = &["message", "event", "contact", "todoTask"];

/// The longest lifetime of any resource.
const MAX_LIFETIME_MINUTES: u32 = 43_200;

/// How many presences one filter may name (Microsoft Graph, *change notifications overview*, quotas).
const PRESENCES: usize = 650;

/// The properties that `$expand` may name with resource data.
const EXTENDED_PROPERTIES: &[&str] = &["singleValueExtendedProperties", "multiValueExtendedProperties"];
