//! The mistakes that a person can make in the configuration, one a line.

use serde_json::{Value, json};

/// A description, the entry, the path below it, and a part of the message.
pub(super) type Mistake = (&'static str, Value, &'static str, &'static str);

/// Every mistake in a subscription.
#[rustfmt::skip]
pub(super) fn subscription_mistakes() -> Vec<Mistake> {
    let with = |resource: &str, field: &str, value: Value| {
        let mut entry = json!({"resource": resource, "changeType": "updated"});
        entry[field] = value;
        entry
    };
    let rich = |resource: &str| with(resource, "includeResourceData", json!(true));
    let policy = "communications/calls/getEmergencyEventsByPolicy(policyName='p')";
    vec![
        ("no resource", json!({"changeType": "updated"}), ".resource", "is missing; write a path"),
        ("empty resource", json!({"resource": " ", "changeType": "updated"}), ".resource", "is empty"),
        ("resource that is a number", json!({"resource": 7, "changeType": "updated"}), ".resource", "is a number; write text"),
        ("unknown resource", with("/team/getAllMessages", "version", Value::Null), ".resource", "did you mean `/teams/getAllMessages`?"),
        ("unknown resource unlike any", with("/weather", "version", Value::Null), ".resource", "\"allowUnknownResource\": true"),
        ("resource with a host", with("https://graph.microsoft.com/v1.0/users", "version", Value::Null), ".resource", "write the path only; did you mean `/users`?"),
        ("resource with a version", with("v1.0/users", "version", Value::Null), ".resource", "write the path only"),
        ("unknown resource allowed without lifetime", with("/weather", "allowUnknownResource", json!(true)), ".expirationMinutes", "is missing"),
        ("unknown resource with too long a lifetime", json!({"resource": "/weather", "changeType": "updated", "allowUnknownResource": true, "expirationMinutes": 43_201}), ".expirationMinutes", "is over 43200 minutes"),
        ("no change type", json!({"resource": "/users"}), ".changeType", "is missing"),
        ("change type that does not exist", json!({"resource": "/users", "changeType": "updated,made"}), ".changeType", "does not exist"),
        ("empty part of a change type", json!({"resource": "/users", "changeType": "updated,"}), ".changeType", "does not exist"),
        ("change type that is not sent", json!({"resource": "/drives/1/root", "changeType": "created,updated"}), ".changeType", "has `created`, which this resource does not send; write `updated`"),
        ("new users", json!({"resource": "/users", "changeType": "created"}), ".changeType", "arrives as `updated`"),
        ("resource data where there is none", rich("/users"), ".includeResourceData", "has no resource data"),
        ("no resource data where it is required", with(policy, "includeResourceData", json!(false)), ".includeResourceData", "write true"),
        ("truth as text", with("/teams", "includeResourceData", json!("true")), ".includeResourceData", "is text; write true or false"),
        ("no $select for mail", rich("/users/1/messages"), ".resource", "has no `$select`"),
        ("no $select for events", rich("/users/1/events?$filter=a"), ".resource", "has no `$select`"),
        ("empty $select", rich("/users/1/messages?$select="), ".resource", "empty `$select`"),
        ("$select of body", rich("/users/1/messages?$select=Subject,Body"), ".resource", "write `bodyPreview` instead"),
        ("$select of uniqueBody", rich("/users/1/messages?%24select=uniquebody"), ".resource", "selects `uniqueBody`"),
        ("$top", rich("/users/1/messages?$select=subject&$top=1"), ".resource", "has `$top`"),
        ("$skip", rich("/users/1/messages?$select=subject&$skip=1"), ".resource", "has `$skip`"),
        ("$orderby", rich("/users/1/messages?$select=subject&$orderBy=subject"), ".resource", "has `$orderby`"),
        ("$expand", rich("/users/1/messages?$select=subject&$expand=attachments"), ".resource", "`$expand` other than"),
        ("$select for chat messages", rich("/chats/getAllMessages?$select=body"), ".resource", "does not support"),
        ("$select for chat messages without data", with("/teams/1/channels/2/messages?$select=id", "version", Value::Null), ".resource", "does not support"),
        ("query options for a resource that takes none", with("/users", "notificationQueryOptions", json!("$filter=a eq 'b'")), ".notificationQueryOptions", "is not for this resource"),
        ("query options that are none", with("/print/printers/1/jobs", "notificationQueryOptions", json!("isFetchable eq true")), ".notificationQueryOptions", "write one such as `$filter="),
        ("query options that are a number", with("/print/printers/1/jobs", "notificationQueryOptions", json!(1)), ".notificationQueryOptions", "is a number; write text"),
        ("lifetime over the maximum", with("/teams", "expirationMinutes", json!(4_321)), ".expirationMinutes", "is over the maximum of 4320 minutes"),
        ("lifetime over that with data", json!({"resource": "/users/1/events?$select=id", "changeType": "updated", "includeResourceData": true, "expirationMinutes": 1_441}), ".expirationMinutes", "1440 minutes with resource data"),
        ("lifetime under the minimum", with("/teams", "expirationMinutes", json!(44)), ".expirationMinutes", "write 45 or more"),
        ("negative lifetime", with("/teams", "expirationMinutes", json!(-60)), ".expirationMinutes", "whole number"),
        ("lifetime as text", with("/teams", "expirationMinutes", json!("60")), ".expirationMinutes", "is text; write a whole number"),
        ("huge lifetime", with("/teams", "expirationMinutes", json!(u64::MAX)), ".expirationMinutes", "whole number"),
        ("version that does not exist", with("/teams", "version", json!("v2.0")), ".version", "write `v1.0` or `beta`"),
        ("version that does not have the resource", json!({"resource": "/teams/1/channels/2/sharedWithTeams", "changeType": "created", "version": "v1.0"}), ".version", "write `beta`"),
        ("unknown tenant", with("/teams", "tenant", json!("fabrikam")), ".tenant", "write one of `contoso`, or \"*\" for all of them"),
        ("unknown field", with("/teams", "changetype", json!("created")), ".changetype", "did you mean `changeType`?"),
        ("unknown field unlike any", with("/teams", "colour", json!("red")), ".colour", "the fields here are `tenant`, `resource`"),
        ("key left in braces", with("/users/{id}/messages", "version", Value::Null), ".resource", "add `forEach`"),
        ("forEach without a key", with("/users", "forEach", json!(["1"])), ".resource", "exactly one `{id}`"),
        ("forEach with another key", with("/teams/{team-id}/channels", "forEach", json!(["1"])), ".resource", "exactly one `{id}`"),
        ("forEach with two keys", with("/teams/{id}/channels/{id}/messages", "forEach", json!(["1"])), ".resource", "exactly one `{id}`"),
        ("forEach of teams for users", with("/users/{id}/messages", "forEach", json!({"teams": "all"})), ".forEach", "fills in ids of teams"),
        ("forEach of users for teams", with("/teams/{id}/channels", "forEach", json!({"users": "all"})), ".forEach", "fills in ids of users"),
        ("forEach that is text", with("/users/{id}", "forEach", json!("all")), ".forEach", "is text; write one of"),
        ("forEach that is empty", with("/users/{id}", "forEach", json!({})), ".forEach", "has 0 fields"),
        ("forEach of two shapes", with("/users/{id}", "forEach", json!({"users": "all", "ids": ["1"]})), ".forEach", "has 2 fields"),
        ("forEach of an unknown shape", with("/users/{id}", "forEach", json!({"memberOf": "x"})), ".forEach.memberOf", "did you mean `membersOf`?"),
        ("forEach of some users", with("/users/{id}", "forEach", json!({"users": "some"})), ".forEach.users", "write \"all\""),
        ("forEach of a group by name", with("/users/{id}", "forEach", json!({"membersOf": "sales"})), ".forEach.membersOf", "object id of a group"),
        ("ids that are no list", with("/users/{id}", "forEach", json!({"ids": "1"})), ".forEach.ids", "write a list of ids"),
        ("no ids", with("/users/{id}", "forEach", json!([])), ".forEach", "at least one id"),
        ("id that is a number", with("/users/{id}", "forEach", json!([1])), ".forEach[0]", "write an id in quotes"),
        ("id with a slash", with("/users/{id}", "forEach", json!(["1", "a/b"])), ".forEach[1]", "without slashes"),
        ("id with a percent sign", with("/users/{id}", "forEach", json!(["a%2Fb"])), ".forEach[0]", "without slashes"),
        ("content fetched beside resource data", json!({"resource": "/teams/getAllMessages", "changeType": "updated", "includeResourceData": true, "fetchContent": true}), ".fetchContent", "remove one of them"),
        ("content that no GET can read", with("/groups/1/members", "fetchContent", json!(true)), ".fetchContent", "has no effect: a notification names the group"),
        ("content of what a filter leaves out", with("/users/1/messages?$filter=isRead eq false", "fetchContent", json!(true)), ".resource", "has `$filter`, which `fetchContent` cannot obey"),
        ("content of what a search leaves out", with("/users/1/messages?$select=id&%24Search=\"a\"", "fetchContent", json!(true)), ".resource", "has `$Search`, which `fetchContent` cannot obey"),
        ("content of what query options leave out", json!({"resource": "/print/printers/1/jobs", "changeType": "updated", "fetchContent": true, "notificationQueryOptions": "$filter=isFetchable eq true"}), ".notificationQueryOptions", "has `$filter`, which `fetchContent` cannot obey"),
        ("content for a user by principal name", with("/users/anna@contoso.com/messages", "fetchContent", json!(true)), ".resource", "names a user as `anna@contoso.com`, for whom `fetchContent` gets no content"),
        ("content for one of some users by principal name", json!({"resource": "/users/{id}/messages", "changeType": "updated", "fetchContent": true, "forEach": ["1", "boris@contoso.com"]}), ".forEach", "names a user as `boris@contoso.com`"),
        ("immutable ids outside of Outlook", with("/users", "immutableIds", json!(true)), ".immutableIds", "is for Outlook's messages"),
        ("permission changes outside of drives", with("/users", "permissionChanges", json!(true)), ".permissionChanges", "is for drives only"),
        ("fetching as text", with("/users", "fetchContent", json!("true")), ".fetchContent", "is text; write true or false"),
        ("id twice", with("/users/{id}", "forEach", json!({"ids": ["1", "1"]})), ".forEach.ids[1]", "twice"),
        ("id too long for the client state", with("/users/{id}", "forEach", json!(["1".repeat(67)])), ".forEach[0]", "at most 66 characters fit"),
    ]
}

/// A description, the tenant's field and its value, the path below the tenant, and a part of the message.
pub(super) type TenantMistake = (&'static str, &'static str, Value, &'static str, &'static str);

/// Every mistake in a tenant.
#[rustfmt::skip]
pub(super) fn tenant_mistakes() -> Vec<TenantMistake> {
    let forms = "write exactly one of {\"clientSecret\"}";
    vec![
        ("no tenant id", "tenantId", Value::Null, "tenantId", "is missing; write the directory (tenant) id"),
        ("tenant id that is no GUID", "tenantId", json!("contoso.com"), "tenantId", "is not a GUID"),
        ("client id that is no GUID", "clientId", json!("my app"), "clientId", "is not a GUID"),
        ("client id that is a number", "clientId", json!(1), "clientId", "is a number"),
        ("unknown cloud", "cloud", json!("mars"), "cloud", "write one of `global`, `usgov`, `usgov-dod`, `china`"),
        ("unknown field", "tenantID", json!("x"), "tenantID", "did you mean `tenantId`?"),
        ("certificate of its own as text", "ownCertificate", json!("yes"), "ownCertificate", "true or false"),
        ("no credential", "credential", Value::Null, "credential", forms),
        ("empty credential", "credential", json!({}), "credential", "is empty; write exactly one of"),
        ("credential as text", "credential", json!("s"), "credential", "is text; write exactly one of"),
        ("empty client secret", "credential", json!({"clientSecret": ""}), "credential.clientSecret", "is empty"),
        ("unknown kind", "credential", json!({"password": "s"}), "credential.(name of 8 characters)", "unknown field `(name of 8 characters)`"),
        ("misspelt kind", "credential", json!({"clientsecret": "s"}), "credential.(name of 12 characters)", "did you mean `clientSecret`?"),
        ("key and value swapped", "credential", json!({"correcthorse": "clientSecret"}), "credential.(name of 12 characters)", "unknown field `(name of 12 characters)`"),
        ("key without certificate", "credential", json!({"privateKey": "-----BEGIN "}), "credential", "does not fit together"),
        ("certificate without key", "credential", json!({"certificate": "-----BEGIN "}), "credential", "does not fit together"),
        ("two kinds", "credential", json!({"clientSecret": "s", "webIdentity": true}), "credential", "does not fit together"),
        ("end of a secret that is no day", "credential", json!({"clientSecret": "s", "clientSecretExpires": "next May"}), "credential.clientSecretExpires", "is not a date"),
        ("end of a secret that is a number", "credential", json!({"clientSecret": "s", "clientSecretExpires": 2027}), "credential.clientSecretExpires", "is not a date"),
        ("end of a secret that is not there", "credential", json!({"webIdentity": true, "clientSecretExpires": "2027-05-23"}), "credential.clientSecretExpires", "which is missing"),
        ("no web identity", "credential", json!({"webIdentity": false}), "credential", "does not fit together"),
        ("web identity as text", "credential", json!({"webIdentity": "true"}), "credential.webIdentity", "true or false"),
        ("key that is not PEM", "credential", json!({"privateKey": "MII", "certificate": "-----BEGIN "}), "credential.privateKey", "is not a private key in PEM"),
        ("certificate that is not PEM", "credential", json!({"privateKey": crate::notification::envelope::test_util::key().private_key, "certificate": "MII"}), "credential.certificate", "is not a certificate in PEM"),
    ]
}
