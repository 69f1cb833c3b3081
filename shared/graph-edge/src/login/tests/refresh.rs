//! Refresh tokens of users, and their store.

use super::*;

#[tokio::test]
async fn the_first_token_is_used_once_and_its_successors_from_then_on() {
    let server = Server::start([renewed("access-1", "second"), renewed("access-2", "third")]);
    let tokens = FakeSecret::default();
    let tenant = with(user("first", Some("p&")));
    let access = login_with(&server, &tokens).token(&tenant).await.unwrap();
    assert_eq!(access.expose(), "access-1");
    assert!(tokens.text().unwrap().contains("second"));
    login_with(&server, &tokens).token(&tenant).await.unwrap();
    let bodies: Vec<String> = server
        .requests()
        .into_iter()
        .map(|request| request.body)
        .collect();
    let expected = |token: &str| {
        format!("client_id={APP}&grant_type=refresh_token&refresh_token={token}&client_secret=p%26")
    };
    assert_eq!(bodies, [expected("first"), expected("second")]);
}

#[tokio::test]
async fn it_is_known_when_a_user_has_last_signed_in() {
    let server = Server::start([renewed("access", "second")]);
    let login = login(&server);
    let (user, other) = (with(user("first", None)), with(user("another", None)));
    assert_eq!(login.signed_in_at([&user].into_iter()).await, [None]);
    login.clock.sleep(Duration::from_secs(7)).await;
    login.token(&user).await.unwrap();
    let before = login.refresh_tokens.reads();
    let signed_in_at = login.signed_in_at([&user, &other, &tenant()].into_iter()).await;
    let expected = "1970-01-01T00:00:07Z".parse().unwrap();
    assert_eq!(signed_in_at, [Some(expected), None, None]);
    assert_eq!(login.refresh_tokens.reads(), before + 1, "once for all");
}

#[tokio::test]
async fn a_public_client_sends_no_secret() {
    let server = Server::start([renewed("access", "second")]);
    login(&server).token(&with(user("first", None))).await.unwrap();
    assert_eq!(
        server.requests()[0].body,
        format!("client_id={APP}&grant_type=refresh_token&refresh_token=first")
    );
}

#[tokio::test]
async fn a_new_sign_in_counts_at_once() {
    let server = Server::start([renewed("access-1", "second"), renewed("access-2", "new-second")]);
    let tokens = FakeSecret::default();
    let login = login_with(&server, &tokens);
    login.token(&with(user("first", None))).await.unwrap();
    let access = login.token(&with(user("new", None))).await.unwrap();
    assert_eq!(access.expose(), "access-2");
    assert!(server.requests()[1].body.ends_with("refresh_token=new"));
    assert!(tokens.text().unwrap().contains("new-second"));
}

#[tokio::test]
async fn users_of_one_application_do_not_share_tokens() {
    let server = Server::start([
        renewed("access-a", "a2"),
        renewed("access-b", "b2"),
        renewed("access-a", "a3"),
    ]);
    let tokens = FakeSecret::default();
    let login = login_with(&server, &tokens);
    let (a, b) = (with(user("a1", None)), with(user("b1", None)));
    assert_eq!(login.token(&a).await.unwrap().expose(), "access-a");
    assert_eq!(login.token(&b).await.unwrap().expose(), "access-b");
    login_with(&server, &tokens).token(&a).await.unwrap();
    assert!(server.requests()[2].body.ends_with("refresh_token=a2"));
}

#[tokio::test]
async fn a_kept_token_that_is_dead_gives_way_to_the_sign_in() {
    let server = Server::start([
        renewed("access-1", "second"),
        refused(400, "invalid_grant"),
        renewed("access-2", "third"),
    ]);
    let tokens = FakeSecret::default();
    let tenant = with(user("first", None));
    login_with(&server, &tokens).token(&tenant).await.unwrap();
    let access = login_with(&server, &tokens).token(&tenant).await.unwrap();
    assert_eq!(access.expose(), "access-2");
    assert!(server.requests()[2].body.ends_with("refresh_token=first"));
    assert!(tokens.text().unwrap().contains("third") && !tokens.text().unwrap().contains("second"));
}

#[tokio::test]
async fn when_both_are_dead_the_user_has_to_sign_in_again() {
    let server = Server::start([
        renewed("access", "second"),
        refused(400, "invalid_grant"),
        refused(400, "invalid_grant"),
    ]);
    let tokens = FakeSecret::default();
    let tenant = with(user("first", None));
    login_with(&server, &tokens).token(&tenant).await.unwrap();
    let error = login_with(&server, &tokens).token(&tenant).await.unwrap_err();
    assert!(matches!(error, LoginError::InvalidGrant(_)), "{error:?}");
    assert!(!format!("{error:?}{error}").contains("second"));
}

#[tokio::test]
async fn two_writers_keep_each_others_tokens() {
    let server = Server::start([renewed("access", "a2"), renewed("access", "b2")]);
    let other = FakeSecret::default();
    login_with(&server, &other)
        .token(&with(user("a1", None)))
        .await
        .unwrap();
    let tokens = FakeSecret::default();
    tokens.overtake(&other.text().unwrap());
    login_with(&server, &tokens)
        .token(&with(user("b1", None)))
        .await
        .unwrap();
    assert!(tokens.text().unwrap().contains("a2") && tokens.text().unwrap().contains("b2"));
}

#[tokio::test]
async fn a_token_that_another_run_stored_is_used() {
    let server = Server::start([renewed("access", "theirs"), renewed("access", "ours")]);
    let other = FakeSecret::default();
    let tenant = with(user("first", None));
    login_with(&server, &other).token(&tenant).await.unwrap();
    let tokens = FakeSecret::default();
    tokens.overtake(&other.text().unwrap());
    login_with(&server, &tokens).token(&tenant).await.unwrap();
    assert_eq!(tokens.text(), other.text());
}

#[tokio::test]
async fn a_successor_that_cannot_be_stored_costs_no_access_token() {
    let server = Server::start([renewed("access-1", "second"), renewed("access-2", "third")]);
    let tokens = FakeSecret::default();
    tokens.take_down();
    let tenant = with(user("first", None));
    for access_token in ["access-1", "access-2"] {
        let login = login_with(&server, &tokens);
        assert_eq!(login.token(&tenant).await.unwrap().expose(), access_token);
        assert_eq!(
            login.unstored(&tenant).as_deref(),
            Some("RefreshTokenSecret cannot be read or written: AWS Secrets Manager is unavailable: down")
        );
    }
    assert!(server.requests()[1].body.ends_with("refresh_token=first"));
}

#[tokio::test]
async fn a_sign_in_without_room_costs_nobody_an_access_token() {
    let long = |name: &str| format!("{name}-{}", "x".repeat(1_590));
    let names: Vec<String> = (0..36).map(|number| format!("user-{number}")).collect();
    let first = names.iter().map(|name| renewed(name, &long(name)));
    let again = names
        .iter()
        .map(|name| renewed(&format!("{name} again"), &long(name)));
    let server = Server::start(first.chain(again).collect::<Vec<_>>());
    let (tokens, http) = (FakeSecret::default(), Http::default());
    let new_process = || login_at(http.clone(), Some(server.url()), &tokens);
    let mut full = Vec::new();
    for name in &names {
        let login = new_process();
        let tenant = with(user(name, None));
        assert_eq!(login.token(&tenant).await.unwrap().expose(), name);
        full.extend(login.unstored(&tenant).map(|_| name));
    }
    assert_eq!(full, names.last().into_iter().collect::<Vec<_>>(), "the newcomer");
    for name in &names {
        let access = new_process().token(&with(user(name, None))).await;
        assert_eq!(*access.unwrap().expose(), format!("{name} again"));
    }
    let used: Vec<String> = server
        .requests()
        .into_iter()
        .map(|request| request.body)
        .skip(36)
        .collect();
    assert!(used[0].contains("user-0-xxx") && used[35].ends_with("refresh_token=user-35"));
}

#[tokio::test]
async fn a_document_of_others_is_left_alone_and_costs_no_access() {
    for text in ["[]", r#"{"keys":[]}"#, r#"{"tokens":[{"hunter2":1}]}"#, "hunter2"] {
        let server = Server::start([renewed("access-1", "second"), renewed("access-2", "third")]);
        let tokens = FakeSecret::new(text);
        let login = login_with(&server, &tokens);
        let tenant = with(user("first", None));
        for access_token in ["access-1", "access-2"] {
            let token = login.token(&tenant).await.unwrap();
            assert_eq!(token.expose(), access_token);
            login.forget(&tenant, &token);
        }
        assert!(server.requests()[1].body.ends_with("refresh_token=second"));
        let problem = login.unstored(&tenant).unwrap();
        assert!(
            problem.starts_with("RefreshTokenSecret is malformed"),
            "{problem}"
        );
        assert!(!problem.contains("hunter2"));
        assert_eq!((tokens.text().as_deref(), tokens.versions()), (Some(text), 1));
    }
}

#[tokio::test]
async fn a_dead_sign_in_beside_an_unreadable_secret_blames_the_secret() {
    let server = Server::start([refused(400, "invalid_grant")]);
    let error = login_with(&server, &FakeSecret::new("[]"))
        .token(&with(user("first", None)))
        .await
        .unwrap_err();
    assert!(
        matches!(error, LoginError::RefreshTokens(RefreshTokenError::Malformed)),
        "{error:?}"
    );
}

#[tokio::test]
async fn an_answer_without_successor_leaves_the_token_in_use() {
    let server = Server::start([granted("one", "3599"), granted("two", "3599")]);
    let tokens = FakeSecret::new(" { } ");
    let tenant = with(user("first", None));
    login_with(&server, &tokens).token(&tenant).await.unwrap();
    login_with(&server, &tokens).token(&tenant).await.unwrap();
    assert!(server.requests()[1].body.ends_with("refresh_token=first"));
    assert_eq!(tokens.versions(), 1);
}

fn renewed(access_token: &str, refresh_token: &str) -> Reply {
    let body = format!(
        r#"{{"token_type":"Bearer","scope":"User.Read","expires_in":3599,"access_token":"{access_token}",
            "refresh_token":"{refresh_token}"}}"#
    );
    Reply::json(200, &body)
}
