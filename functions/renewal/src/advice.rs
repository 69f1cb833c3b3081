//! Advice for a person when Graph forbids a call: above all, which permission to grant, and where.

use graph_core::subscription::{
    catalogue::{self, Access},
    config::{ForEach, Tenant},
};
use graph_edge::graph::{GraphErrorKind, Refused, permissions};

/// Returns the advice for a refused subscription to `resource`; empty where Graph forbids nothing.
pub(crate) fn for_subscription(kind: &GraphErrorKind, resource: Option<&str>, tenant: &Tenant) -> String {
    let grant = permission(resource, tenant.access());
    advice(kind, || match kind.refused() {
        // Graph answers 403 without a reason in many cases; a missing permission is the most frequent one.
        Some(Refused::Unknown) => {
            format!("; Graph gives no reason: where a permission is missing{grant}")
        }
        _ => grant,
    })
}

/// Returns what to do: to `grant` a permission where that cures the refusal.
fn advice(kind: &GraphErrorKind, grant: impl FnOnce() -> String) -> String {
    match kind.refused() {
        None => String::new(),
        Some(Refused::Permission | Refused::Unknown) => grant(),
        Some(other) => elsewhere(other).to_owned(),
    }
}

/// Says which permission a resource needs.
fn permission(resource: Option<&str>, access: Access) -> String {
    match resource.and_then(catalogue::find) {
        Some(row) if row.supports(access) => {
            let names: Vec<_> = row
                .permissions(access)
                .map(|permission| permission.to_string())
                .collect();
            grant(&names, access)
        }
        Some(_) => format!("; this resource has no {access} permission; use another kind of credential"),
        None => format!(
            "; grant the {access} permission that Microsoft names for this resource{}",
            place(access)
        ),
    }
}

/// Returns the advice for a refused list of objects; empty where Graph forbids nothing.
pub(crate) fn for_objects(kind: &GraphErrorKind, of: &ForEach, tenant: &Tenant) -> String {
    advice(kind, || grant(permissions(of), tenant.access()))
}

/// Returns the advice for a refused list of the application's own subscriptions, which needs no permission of its own.
pub(crate) fn for_list(kind: &GraphErrorKind, tenant: &Tenant) -> String {
    let access = tenant.access();
    let place = place(access);
    advice(kind, || {
        format!("; grant the {access} permissions of the resources in the configuration{place}")
    })
}

/// Says which permissions to grant. Any one of `names` is enough; the first is the least privileged.
pub(crate) fn grant(names: &[impl AsRef<str>], access: Access) -> String {
    let place = place(access);
    match names {
        [] => String::new(),
        [only] => format!("; grant the {access} permission {}{place}", only.as_ref()),
        [least, more @ ..] => {
            let more: Vec<&str> = more.iter().map(AsRef::as_ref).collect();
            format!(
                "; grant the {access} permission {}, the least privileged (or: {}){place}",
                least.as_ref(),
                more.join(", ")
            )
        }
    }
}

/// Says where in Entra a person grants a permission, and what has to follow.
fn place(access: Access) -> &'static str {
    match access {
        Access::Application => {
            ", in Entra: App registrations, API permissions, Microsoft Graph, Application permissions; then grant admin \
             consent"
        }
        Access::Delegated => {
            ", in Entra: App registrations, API permissions, Microsoft Graph, Delegated permissions; then grant admin \
             consent, sign in again with it, and write the new refresh token into ConfigSecret"
        }
        Access::DelegatedPersonal => {
            ", by signing in again with it and consenting; then write the new refresh token into ConfigSecret"
        }
    }
}

/// Says what to do about a refusal that no permission cures.
fn elsewhere(refused: Refused) -> &'static str {
    match refused {
        // The caller answers these two, because only it knows the resource.
        Refused::Permission | Refused::Unknown => "",
        Refused::ExchangePolicy => {
            "; no permission of Graph is missing: an application access policy of Exchange, or its policy for EWS, blocks the \
             application for this mailbox; let an Exchange administrator include the mailbox, or remove it from the entry"
        }
        Refused::OtherTenant => {
            "; no permission is missing: the meeting belongs to another tenant, and only an application that is signed in there \
             may watch it"
        }
        Refused::NoMailbox => {
            "; the object has no mailbox in Exchange Online: it is a guest, has no licence, or its mailbox is on premises"
        }
        Refused::Quota => {
            "; no permission is missing: Graph's quota is exhausted; delete unneeded subscriptions, also of other \
             applications; Graph may count a subscription for up to 3 hours after its deletion"
        }
        Refused::Mailbox => {
            "; no permission is missing: the mailbox has its maximum of subscriptions, of all applications together; \
             delete some of them, or wait until some expire"
        }
        Refused::ConditionalAccess => {
            "; no permission is missing: a Conditional Access policy of the tenant blocks the application or its user; \
             let an administrator exclude them from the policy, or sign in again as the policy demands"
        }
    }
}

#[cfg(test)]
mod tests {
    use graph_core::{
        application::{Application, Guid, test_util::guid},
        cloud::Cloud,
        secrets::Secret,
        subscription::config::{Credential, PERSONAL_TENANT},
    };

    use super::*;

    #[test]
    fn the_permissions_of_the_credentials_kind_are_named_least_privileged_first() {
        for (tenant, resource, expected) in [
            (
                application(),
                "/teams/getAllMessages",
                "; grant the application permission ChannelMessage.Read.All, in Entra: \
                App registrations, API permissions, Microsoft Graph, Application permissions; then grant admin consent",
            ),
            (
                application(),
                "/users/1/messages",
                "; grant the application permission Mail.ReadBasic, the least privileged (or: Mail.Read), in Entra:",
            ),
            (
                user(WORK),
                "/users/1/messages",
                "; grant the delegated permission Mail.ReadBasic, the least",
            ),
            (
                user(WORK),
                "/drives/1/root",
                "; grant the delegated permission Files.Read.All, in Entra: App registrations, \
                API permissions, Microsoft Graph, Delegated permissions; then grant admin consent, sign in again",
            ),
            (
                user(PERSONAL_TENANT),
                "/drives/1/root",
                "; grant the delegated (personal account) permission Files.Read, by \
                signing in again",
            ),
        ] {
            let told = for_subscription(&forbidden(MISSING), Some(resource), &tenant);
            assert!(told.starts_with(expected), "{resource}: {told}");
        }
    }

    #[test]
    fn permissions_by_resource_specific_consent_are_marked() {
        let told = for_subscription(&forbidden(MISSING), Some("/chats/1/messages"), &application());
        let expected = "; grant the application permission ChatMessage.Read.Chat (resource-specific consent), the least \
                        privileged (or: Chat.Read.All), in Entra:";
        assert!(told.starts_with(expected), "{told}");
    }

    #[test]
    fn a_resource_without_permissions_and_an_unknown_one_differ() {
        for (resource, expected) in [
            (
                "/communications/presences/1",
                "; this resource has no application permission",
            ),
            (
                "/weather",
                "; grant the application permission that Microsoft names for this resource, in Entra",
            ),
        ] {
            let told = for_subscription(&forbidden(MISSING), Some(resource), &application());
            assert!(told.starts_with(expected), "{told}");
        }
    }

    #[test]
    fn refusals_that_no_permission_prevents_have_other_advice() {
        let mailbox =
            "Status Code: 429; Reason: Resource 'SubscriptionCountReached' has reached limit of '1000'.";
        for (message, expected) in [
            (
                "App '1' has reached its limit of '1' 'CHATS' subscription on tenant 2.",
                "up to 3 hours after its deletion",
            ),
            (mailbox, "the mailbox has its maximum of subscriptions"),
            (
                "Access has been blocked: insufficient_claims",
                "Conditional Access policy",
            ),
        ] {
            let kind = forbidden(message);
            for told in [
                for_subscription(&kind, Some("/users/1/messages"), &application()),
                for_objects(&kind, &ForEach::AllUsers, &application()),
                for_list(&kind, &application()),
            ] {
                assert!(
                    told.contains(expected) && told.contains("no permission is missing"),
                    "{told}"
                );
                assert!(!told.contains("grant the"), "{told}");
            }
        }
    }

    #[test]
    fn refusals_that_belong_to_one_object_say_so() {
        let mailbox = "REST API is not yet supported for this mailbox.";
        let not_found = GraphErrorKind::NotFound {
            message: mailbox.to_owned(),
        };
        let disabled =
            "Operation: Create; Exception: [Status Code: Forbidden; Reason: Access to OData is disabled.]";
        for (kind, expected) in [
            (
                forbidden(disabled),
                "let an Exchange administrator include the mailbox",
            ),
            (
                forbidden("The meeting tenant does not match the token tenant."),
                "the meeting belongs to another tenant",
            ),
            (forbidden(mailbox), "the object has no mailbox in Exchange Online"),
            (
                not_found,
                "it is a guest, has no licence, or its mailbox is on premises",
            ),
        ] {
            let told = for_subscription(&kind, Some("/users/1/messages"), &application());
            assert!(told.contains(expected) && !told.contains("grant the"), "{told}");
        }
    }

    #[test]
    fn errors_other_than_forbidden_get_no_advice_about_permissions() {
        let kind = GraphErrorKind::Unavailable { source: None };
        assert_eq!(for_subscription(&kind, Some("/users"), &application()), "");
        assert_eq!(for_objects(&kind, &ForEach::AllUsers, &application()), "");
        assert_eq!(for_list(&kind, &application()), "");
    }

    #[test]
    fn lists_name_what_they_need() {
        let told = for_objects(&forbidden(MISSING), &ForEach::AllTeams, &application());
        assert!(
            told.starts_with("; grant the application permission Team.ReadBasic.All, in Entra"),
            "{told}"
        );
        let told = for_list(&forbidden(MISSING), &user(WORK));
        assert!(
            told.starts_with("; grant the delegated permissions of the resources in the configuration"),
            "{told}"
        );
    }

    fn forbidden(message: &str) -> GraphErrorKind {
        GraphErrorKind::Forbidden {
            message: message.to_owned(),
        }
    }

    fn application() -> Tenant {
        Tenant {
            credential: Credential::WebIdentity,
            ..user(WORK)
        }
    }

    fn user(tenant_id: Guid) -> Tenant {
        Tenant {
            application: Application {
                tenant_id,
                client_id: guid("app"),
            },
            cloud: Cloud::Global,
            credential: Credential::RefreshToken {
                refresh_token: Secret::new("token".to_owned()),
                client_secret: None,
            },
            client_secret_expires: None,
            own_certificate: false,
        }
    }

    const WORK: Guid = Guid::from_u128(0x1111_1111_2222_3333_4444_5555_5555_5555);

    const MISSING: &str = "Operation: Create; Exception: [Status Code: Forbidden; Reason: Missing scope]";
}
