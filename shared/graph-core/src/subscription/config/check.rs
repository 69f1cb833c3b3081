//! Checks an entry against the catalogue, so that mistakes show before Microsoft Graph refuses the subscription.

use std::collections::{BTreeMap, BTreeSet};

use super::reader::{first, listed};
use super::subscriptions::{FETCH_CONTENT, IMMUTABLE_IDS, PERMISSION_CHANGES, QUERY_OPTIONS, Written};
use super::{Entry, ForEach, MIN_MINUTES, Tenant, requested};
use crate::cloud::Cloud;
use crate::subscription::catalogue::{self, Access, Changes, Fetching, Remark, Rich, Row, Select};
use graph_events::{Change, ResourcePath, path};

impl Written<'_> {
    /// Checks the entry for the tenants in `names` and returns it; `None` if a part is missing. The rules of a tenant are
    /// skipped while the tenant has mistakes itself.
    pub(super) fn check(self, names: &[&str], tenants: &BTreeMap<String, Tenant>) -> Option<Entry> {
        let before = self.fields.problems.errors();
        let row = self.resource.and_then(catalogue::find);
        if let Some(resource) = self.resource {
            self.check_placeholder(resource);
            match row {
                Some(row) => self.check_row(resource, row),
                None => self.check_unknown(resource),
            }
        }
        self.check_shortest();
        // Warnings do not refuse the entry: Graph decides.
        let is_right = self.fields.problems.errors() == before;
        let fitting = self.fitting(row, names, tenants);
        if !is_right || fitting.is_empty() && !names.is_empty() {
            return None;
        }
        // Graph measures its maximum by its own clock, so a little less is requested.
        let granted = row.map(|row| requested(row.max_minutes(self.rich)));
        let minutes = self.minutes.into_iter().chain(granted).min()?;
        Some(Entry {
            name: self.name.to_owned(),
            tenants: fitting,
            resource: self.resource?.to_owned(),
            change_type: joined(&self.changes?),
            include_resource_data: self.rich,
            query_options: self.query_options.map(str::to_owned),
            minutes,
            version: self.version.or(row.map(Row::version)).unwrap_or_default(),
            for_each: self.for_each,
            options: self.options,
        })
    }

    /// Returns those of the tenants in `names` that the entry fits. A problem that several tenants share is reported once.
    fn fitting(
        &self,
        row: Option<&Row>,
        names: &[&str],
        tenants: &BTreeMap<String, Tenant>,
    ) -> BTreeSet<String> {
        let all = names.iter().map(|name| (*name).to_owned());
        let Some(row) = row else { return all.collect() };
        let is_elsewhere = |name: &&str| {
            let tenant = tenants.get(*name);
            tenant.is_some_and(|tenant| !row.available_in(tenant.cloud))
        };
        let elsewhere: Vec<&str> = names.iter().copied().filter(is_elsewhere).collect();
        if !elsewhere.is_empty() {
            let clouds = listed(&row.clouds.iter().copied().map(Cloud::as_str).collect::<Vec<_>>());
            let of = if names.len() > 1 {
                first(&elsewhere)
            } else {
                "its tenant".to_owned()
            };
            let message = format!("does not exist in the cloud of {of}; it exists in {clouds}");
            if elsewhere.len() < names.len() {
                let path = self.fields.path("resource");
                self.fields.problems.error_in_part(&path, message);
            } else {
                self.fields.error("resource", message);
            }
        }
        for tenant in names.iter().filter_map(|name| tenants.get(*name)) {
            self.check_tenant(row, tenant);
        }
        all.filter(|name| !elsewhere.contains(&name.as_str())).collect()
    }

    /// Checks a known resource.
    fn check_row(&self, resource: &str, row: &Row) {
        self.check_changes(row);
        self.check_rich(row);
        self.check_query(resource, row);
        if self.query_options.is_some() && row.remark != Remark::TakesQueryOptions {
            let message = "is not for this resource, only for print jobs and for health alerts of one type; remove it, and \
                           write query options into `resource` if Microsoft documents them";
            self.fields.error(QUERY_OPTIONS, message);
        }
        let max = row.max_minutes(self.rich);
        if self.minutes.is_some_and(|minutes| minutes > max) {
            let with = if self.rich { "with" } else { "without" };
            let message =
                format!("is over the maximum of {max} minutes {with} resource data; write {max} or less");
            self.fields.error("expirationMinutes", message);
        }
        if let Some(version) = self.version.filter(|version| !row.versions.contains(version)) {
            let right = row.version();
            let message = format!("is {version}, which does not have this resource; write `{right}`");
            self.fields.error("version", message);
        }
        self.check_options(row);
        self.check_narrowed(resource, row);
        self.check_users(resource, row);
        if row.remark == Remark::Retired {
            let message = "belongs to the legacy alerts API, which Microsoft retired on 15 October 2026; it works as long as \
                           Graph accepts it, and has no successor with notifications";
            self.fields.warning("resource", message);
        }
    }

    /// Checks the options of an entry.
    fn check_options(&self, row: &Row) {
        let options = self.options;
        match row.fetching() {
            _ if !options.fetch_content => {}
            _ if self.rich => {
                let message =
                    "is not needed with `includeResourceData`, which brings the content; remove one of them";
                self.fields.error(FETCH_CONTENT, message);
            }
            Fetching::Never(reason) => {
                let message = format!("has no effect: {reason}; remove it");
                self.fields.error(FETCH_CONTENT, message);
            }
            Fetching::Get | Fetching::Drive => {}
        }
        if options.immutable_ids && !OUTLOOK_ITEMS.contains(&row.entity) {
            let message = "is for Outlook's messages, events, contacts and tasks only; remove it";
            self.fields.error(IMMUTABLE_IDS, message);
        }
        if options.permission_changes && row.entity != "driveItem" {
            self.fields
                .error(PERMISSION_CHANGES, "is for drives only; remove it");
        }
    }

    /// Checks that no query option limits which items the entry is for where their content is fetched: a GET by an item's key
    /// obeys no filter, so it would read items that the entry does not ask for.
    fn check_narrowed(&self, resource: &str, row: &Row) {
        if !self.options.fetch_content || matches!(row.fetching(), Fetching::Never(_)) {
            return;
        }
        let own = catalogue::option_against_fetching(resource).map(|name| ("resource", name));
        let beside = || {
            let name = self.query_options?.split('=').next()?;
            Some((QUERY_OPTIONS, name.trim().to_owned()))
        };
        let Some((field, name)) = own.or_else(beside) else {
            return;
        };
        let message = format!(
            "has `{name}`, which `fetchContent` cannot obey: it reads an item by its id, also one that `{name}` leaves out; remove \
             `{name}` or `fetchContent`"
        );
        self.fields.error(field, message);
    }

    /// Checks that users are named by their ids, as in notifications: by a principal name, content is never fetched, and what is
    /// read after a gap has other ids than its notifications.
    fn check_users(&self, resource: &str, row: &Row) {
        let Some((field, name)) = self.principal_name(resource) else {
            return;
        };
        let needs_id = |template: &str| template.contains("{users}");
        if self.options.fetch_content && row.shapes().any(|shape| needs_id(shape.item)) {
            let message = format!(
                "names a user as `{name}`, for whom `fetchContent` gets no content, because notifications name users by id; \
                 write the user's object id"
            );
            self.fields.error(field, message);
        } else {
            let message = format!(
                "names a user as `{name}`; notifications name users by id, so events that the reader catches up have other \
                 ids than live ones; write the user's object id"
            );
            self.fields.warning(field, message);
        }
    }

    /// Returns the first user principal name in the place of a user's id, and the field that has it.
    fn principal_name(&self, resource: &str) -> Option<(&'static str, String)> {
        let in_path = |resource: &str| -> Option<String> {
            let path = ResourcePath::parse(resource).ok()?;
            path.user_id().filter(|id| id.contains('@')).map(str::to_owned)
        };
        let ids: &[String] = match &self.for_each {
            Some(ForEach::Ids(ids)) => ids,
            _ => &[],
        };
        let in_list = ids.iter().find_map(|id| in_path(&resource.replace("{id}", id)));
        let in_list = in_list.map(|name| ("forEach", name));
        in_list.or_else(|| Some(("resource", in_path(resource)?)))
    }

    /// Checks an entry whose resource is not in the catalogue.
    fn check_unknown(&self, resource: &str) {
        if self.allow_unknown {
            let message = match self.minutes {
                None => "is missing; an unknown resource needs it, because its maximum lifetime is unknown"
                    .to_owned(),
                Some(asked) if asked > MAX_LIFETIME_MINUTES => {
                    format!("is over {MAX_LIFETIME_MINUTES} minutes, the longest of all resources")
                }
                Some(_) => return,
            };
            self.fields.error("expirationMinutes", message);
            return;
        }
        let suggestion =
            catalogue::nearest(resource).map_or(String::new(), |near| format!("; did you mean `{near}`?"));
        // A URL copied from Graph Explorer is the most frequent mistake, so it has its own message.
        let path = resource.trim_start_matches('/');
        let has_version = path.starts_with("v1.0") || path.starts_with("beta");
        let message = if resource.contains("://") || has_version {
            format!("is a URL or has a version; write the path only{suggestion}")
        } else {
            let allow = "if it is right, write \"allowUnknownResource\": true and \"expirationMinutes\"";
            format!("is not a known resource{suggestion} ({allow})")
        };
        self.fields.error("resource", message);
    }

    /// Checks that the resource sends the change types.
    fn check_changes(&self, row: &Row) {
        let Changes::Known(known) = row.changes else {
            return;
        };
        let changes = self.changes.iter().flatten();
        let refused: Vec<_> = changes.filter(|change| !row.sends(**change)).collect();
        if refused.is_empty() {
            return;
        }
        // Users and groups arrive as `updated` when they are created, which surprises people.
        let is_created_as_updated =
            matches!(row.entity, "user" | "group") && refused.contains(&&Change::Created);
        let why = if is_created_as_updated {
            " (a new one arrives as `updated`)"
        } else {
            ""
        };
        let refused = listed(&refused.iter().map(|change| change.as_str()).collect::<Vec<_>>());
        let sent = joined(known);
        let message =
            format!("has {refused}, which this resource does not send{why}; write `{sent}` or a part of it");
        self.fields.error("changeType", message);
    }

    /// Checks that the resource supports resource data if the entry asks for it, and that the entry asks if it is required.
    fn check_rich(&self, row: &Row) {
        let message = match (row.rich, self.rich) {
            (Rich::No, true) => {
                "is true, but this resource has no resource data; write false or leave the field out"
            }
            (Rich::Required, false) => {
                "is false, but Graph sends this resource only with resource data; write true"
            }
            (Rich::No, false) | (Rich::Required, true) | (Rich::Yes, _) => return,
        };
        self.fields.error("includeResourceData", message);
    }

    /// Checks the query options (Microsoft Graph, *change notifications for Outlook resources*, for those with resource data).
    fn check_query(&self, resource: &str, row: &Row) {
        let options = path::options(resource);
        let option = |name: &str| {
            let mut options = options.iter();
            let found = options.find(|(found, _)| found.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value)
        };
        let refuse = |message: String| self.fields.error("resource", message);
        if row.entity == "presence" && option("$filter").is_some_and(|ids| ids.split(',').count() > PRESENCES)
        {
            refuse(format!(
                "has more than {PRESENCES} ids in its `$filter`, the maximum of Graph; name fewer"
            ));
        }
        match row.select {
            Select::Refused if option("$select").is_some() => refuse(
                "has `$select`, which this resource does not support; remove it, Graph sends all properties"
                    .to_owned(),
            ),
            // Microsoft documents these rules only for resource data.
            Select::Required if self.rich => {
                match option("$select") {
                    None => refuse(
                        "has no `$select`; with resource data, write `?$select=` and the properties you want"
                            .to_owned(),
                    ),
                    Some(select) if select.trim().is_empty() => {
                        refuse("has an empty `$select`; write the properties you want".to_owned());
                    }
                    Some(select) => {
                        let is_selected = |name: &&str| {
                            let mut names = select.split(',').map(str::trim);
                            names.any(|property| property.eq_ignore_ascii_case(name))
                        };
                        for name in ["body", "uniqueBody"].into_iter().filter(is_selected) {
                            refuse(format!(
                                "selects `{name}`, which is not supported; write `bodyPreview` instead"
                            ));
                        }
                    }
                }
                let unsupported = ["$top", "$skip", "$orderby"].into_iter();
                for name in unsupported.filter(|name| option(name).is_some()) {
                    refuse(format!(
                        "has `{name}`, which is not supported with resource data; remove it"
                    ));
                }
                if option("$expand").is_some_and(|expand| !is_extended_property(expand)) {
                    let allowed = listed(EXTENDED_PROPERTIES);
                    refuse(format!("has an `$expand` other than {allowed}; remove it"));
                }
            }
            Select::Refused | Select::Required | Select::Undocumented => {}
        }
    }

    /// Checks the tenant's kind of credential.
    fn check_tenant(&self, row: &Row, tenant: &Tenant) {
        let access = tenant.access();
        if self.options.fetch_content && access != Access::Application {
            let message =
                "has no effect with a signed-in user's credential: only an application can read content";
            self.fields.warning(FETCH_CONTENT, message);
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
            self.fields.warning("resource", message);
        }
        let path = self.resource.unwrap_or_default().trim_start_matches('/');
        let first = path.split(['/', '?']).next().unwrap_or_default();
        if first.eq_ignore_ascii_case("me") && access == Access::Application {
            let message =
                "begins with `/me`, and the tenant's credential acts for no user; write `/users/` and an id";
            self.fields.warning("resource", message);
        }
    }

    /// Checks that the lifetime is at least Graph's minimum (*subscription resource type*).
    fn check_shortest(&self) {
        if self.minutes.is_some_and(|minutes| minutes < MIN_MINUTES) {
            let message =
                format!("is under the minimum of {MIN_MINUTES} minutes; write {MIN_MINUTES} or more");
            self.fields.error("expirationMinutes", message);
        }
    }

    /// Checks that a `forEach` entry, and no other, has a key to fill in, and that its objects fit the key.
    fn check_placeholder(&self, resource: &str) {
        let Some(for_each) = &self.for_each else {
            let plain = resource.split('?').next().unwrap_or_default();
            // If `forEach` itself is malformed, the key is intended and the mistake is reported already.
            if plain.contains('{') && !self.fields.problems.is_wrong(&self.fields.path("forEach")) {
                let message = "has a key in braces; replace it with an id, or add `forEach`";
                self.fields.error("resource", message);
            }
            return;
        };
        if !resource.contains("{id}") || resource.matches('{').count() != 1 {
            let message = "needs exactly one `{id}` for `forEach` to fill in";
            self.fields.error("resource", message);
            return;
        }
        // Both "/users/{id}" and "/users('{id}')" leave "users" here.
        let collection = resource.split("{id}").next().unwrap_or_default();
        let collection = collection.trim_end_matches(['/', '(', '\'']);
        let collection = collection.rsplit('/').next().unwrap_or_default();
        let (fitting, what): (&[&str], _) = match for_each {
            ForEach::AllTeams => (&["teams", "groups"], "teams"),
            ForEach::AllUsers | ForEach::MembersOf(_) => (&["users", "presences"], "users"),
            ForEach::Ids(_) => return,
        };
        let is_fitting = fitting.iter().any(|known| known.eq_ignore_ascii_case(collection));
        if catalogue::find(resource).is_some() && !is_fitting {
            let message = format!(
                "fills in ids of {what}, and the resource has its `{{id}}` elsewhere; write a list of ids"
            );
            self.fields.error("forEach", message);
        }
    }
}

/// Returns change types as they are written.
fn joined(changes: &[Change]) -> String {
    let changes: Vec<&str> = changes.iter().map(|change| change.as_str()).collect();
    changes.join(",")
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

/// The entities that can have immutable ids (Microsoft Graph, *immutable identifiers for Outlook resources*).
const OUTLOOK_ITEMS: &[&str] = &["message", "event", "contact", "todoTask"];

/// The longest lifetime of any resource.
const MAX_LIFETIME_MINUTES: u32 = 43_200;

/// How many presences one filter may name (Microsoft Graph, *change notifications overview*, quotas).
const PRESENCES: usize = 650;

/// The properties that `$expand` may name with resource data.
const EXTENDED_PROPERTIES: &[&str] = &["singleValueExtendedProperties", "multiValueExtendedProperties"];
