//! Lists of the objects of an entry.

use super::*;
use crate::graph::Refused;

#[tokio::test]
async fn the_users_of_a_group_are_read_from_all_pages() {
    let first = r##"{"value":[
        {"@odata.type":"#microsoft.graph.user","id":"a"},
        {"@odata.type":"#microsoft.graph.group","id":"g"},
        {"@odata.type":"#microsoft.graph.servicePrincipal","id":"s"},
        {"id":"b"}
    ],"@odata.nextLink":"{base}/v1.0/groups/4f/transitiveMembers/?$skiptoken=2"}"##;
    let server = Server::start([
        Reply::json(200, first),
        Reply::json(200, r#"{"value":[{"id":"c"}]}"#),
    ]);
    let of = ForEach::MembersOf("4f".to_owned());
    assert_eq!(
        graph(&server).objects(&tenant(), &of).await.unwrap(),
        ["a", "b", "c"]
    );
    assert_eq!(
        server.lines(),
        [
            "GET /v1.0/groups/4f/transitiveMembers/microsoft.graph.user?$select=id&$top=999",
            "GET /v1.0/groups/4f/transitiveMembers/?$skiptoken=2"
        ]
    );
}

#[tokio::test]
async fn users_and_teams_have_lists_of_their_own() {
    for (of, line) in [
        (ForEach::AllUsers, "GET /v1.0/users?$select=id&$top=999"),
        (ForEach::AllTeams, "GET /v1.0/teams?$select=id"),
    ] {
        let server = Server::start([Reply::json(200, r#"{"value":[{"id":"a"}]}"#)]);
        assert_eq!(graph(&server).objects(&tenant(), &of).await.unwrap(), ["a"]);
        assert_eq!(server.lines(), [line]);
    }
}

#[tokio::test]
async fn given_ids_need_no_call() {
    let server = Server::start([]);
    let of = ForEach::Ids(vec!["a".to_owned()]);
    assert_eq!(graph(&server).objects(&tenant(), &of).await.unwrap(), ["a"]);
}

#[tokio::test]
async fn half_a_list_is_an_error() {
    let first = r#"{"value":[{"id":"a"}],"@odata.nextLink":"{base}/v1.0/users?$skiptoken=2"}"#;
    let odd = r#"{"value":[{"id":"a"},{"name":"no id"}]}"#;
    for replies in [
        vec![Reply::json(200, first), refused(403, "Forbidden", "no more")],
        vec![Reply::json(200, odd)],
    ] {
        let server = Server::start(replies);
        assert!(
            graph(&server)
                .objects(&tenant(), &ForEach::AllUsers)
                .await
                .is_err()
        );
    }
}

#[tokio::test]
async fn a_token_is_never_carried_to_another_host() {
    for link in [
        "http://evil.example/v1.0/users?$skiptoken=2",
        "{base}.evil.example/v1.0/users",
        "{base}/elsewhere",
        "https://user@evil.example/v1.0/users",
    ] {
        let page = format!(r#"{{"value":[],"@odata.nextLink":"{link}"}}"#);
        let server = Server::start([Reply::json(200, &page)]);
        let error = graph(&server)
            .objects(&tenant(), &ForEach::AllUsers)
            .await
            .unwrap_err();
        assert!(matches!(error.kind, GraphErrorKind::Malformed), "{link}: {error}");
        assert_eq!(server.lines().len(), 1);
    }
}

#[test]
fn the_cause_of_a_403_is_read_from_its_text() {
    for (message, expected) in [
        (
            "App '1' has reached its limit of '1' 'TEAMS' subscription on tenant 2",
            Refused::Quota,
        ),
        ("The subscription quota is used up", Refused::Quota),
        ("Subscriptions exceed what the tenant may have", Refused::Quota),
        (
            "Resource 'SubscriptionCountReached' has reached limit of '1000'",
            Refused::Mailbox,
        ),
        (
            "Continuous access evaluation resulted in a claims challenge: insufficient_claims",
            Refused::ConditionalAccess,
        ),
        (
            "Access has been blocked by Conditional Access policies",
            Refused::ConditionalAccess,
        ),
        (
            "Operation: Create; Exception: [Status Code: Forbidden; Reason: Missing Chat.Read.All]",
            Refused::Permission,
        ),
        (
            "Insufficient privileges to complete the operation.",
            Refused::Permission,
        ),
        ("", Refused::Unknown),
    ] {
        let message = message.to_owned();
        assert_eq!(
            GraphErrorKind::Forbidden {
                message: message.clone()
            }
            .refused(),
            Some(expected),
            "{message}"
        );
        assert_eq!(GraphErrorKind::NotFound { message }.refused(), None);
    }
}
