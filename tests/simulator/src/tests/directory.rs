use super::*;

#[tokio::test]
async fn members_come_in_pages_with_other_objects_between_them() {
    let bench = Bench::with(|options| options.page_size = 2).await;
    bench.simulator.set_members(GROUP, &["u1", "u2"]);
    let mut path = format!("/v1.0/groups/{GROUP}/members?$select=id&$top=999");
    let mut objects = Vec::new();
    loop {
        let (status, body) = bench.call(Method::GET, &path, None).await;
        assert_eq!(status, 200, "{body}");
        let page = body["value"].as_array().unwrap();
        assert!(page.len() <= 2);
        objects.extend(
            page.iter()
                .map(|one| (one["id"].clone(), one["@odata.type"].clone())),
        );
        let Some(link) = body["@odata.nextLink"].as_str() else {
            break;
        };
        path = link.strip_prefix(&bench.simulator.base_url()).unwrap().to_owned();
    }
    let users: Vec<_> = objects
        .iter()
        .filter(|(_, kind)| kind == "#microsoft.graph.user")
        .map(|(id, _)| id.as_str().unwrap())
        .collect();
    assert_eq!((users, objects.len()), (vec!["u1", "u2"], 4));
}

#[tokio::test]
async fn users_and_teams_are_those_of_the_tenant() {
    let bench = Bench::new().await;
    bench.simulator.set_users(TENANT, &["u1"]);
    bench.simulator.set_users(OTHER_TENANT, &["u2"]);
    bench.simulator.set_teams(OTHER_TENANT, &["t1"]);
    for (path, expected) in [("users", json!([{"id": "u1"}])), ("teams", json!([]))] {
        let (status, body) = bench
            .call(Method::GET, &format!("/v1.0/{path}?$select=id"), None)
            .await;
        assert_eq!((status.as_u16(), &body["value"]), (200, &expected), "{body}");
    }
}

#[tokio::test]
async fn unknown_groups_odd_options_and_callers_without_token_are_refused() {
    let mut bench = Bench::new().await;
    let members = format!("/v1.0/groups/{GROUP}/members");
    let answer = bench.call(Method::GET, &members, None).await;
    refused(&answer, 404, "Request_ResourceNotFound", "does not exist");
    for query in ["$top=1000", "$top=0", "$skiptoken=junk", "$filter=a"] {
        let answer = bench
            .call(Method::GET, &format!("/v1.0/users?{query}"), None)
            .await;
        refused(&answer, 400, "BadRequest", "query option");
    }
    bench.token = "made.up".to_owned();
    let answer = bench.call(Method::GET, "/v1.0/users", None).await;
    refused(&answer, 401, "InvalidAuthenticationToken", "token");
}

const GROUP: &str = "dddddddd-0000-0000-0000-000000000000";
