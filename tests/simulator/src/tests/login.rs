use super::*;

#[tokio::test]
async fn a_token_request_is_refused_in_entras_words() {
    let bench = Bench::new().await;
    check(
        &bench,
        "client_secret",
        "wrong",
        401,
        "invalid_client",
        "AADSTS7000215",
    )
    .await;
    check(
        &bench,
        "client_secret",
        "",
        401,
        "invalid_client",
        "AADSTS7000215",
    )
    .await;
    check(
        &bench,
        "client_id",
        "nobody",
        400,
        "unauthorized_client",
        "AADSTS700016",
    )
    .await;
    check(
        &bench,
        "scope",
        "Mail.Read",
        400,
        "invalid_scope",
        "AADSTS1002012",
    )
    .await;
    check(
        &bench,
        "scope",
        "https://vault.azure.net/.default",
        400,
        "invalid_resource",
        "AADSTS500011",
    )
    .await;
    check(&bench, "scope", "", 400, "invalid_request", "AADSTS900144").await;
    check(
        &bench,
        "grant_type",
        "password",
        400,
        "unsupported_grant_type",
        "AADSTS70003",
    )
    .await;
    check(&bench, "grant_type", "", 400, "invalid_request", "AADSTS900144").await;
}

#[tokio::test]
async fn a_tenant_that_does_not_exist_is_refused() {
    let bench = Bench::new().await;
    let (status, body) = request(&bench, OTHER_APP, &form()).await;
    assert_eq!((status, body["error"].as_str()), (400, Some("invalid_request")));
}

#[tokio::test]
async fn a_refresh_token_gives_an_access_token_and_its_successor() {
    let bench = Bench::new().await;
    let first = bench.simulator.issue_refresh_token(&app(TENANT, APP));
    let form = |token: &str| {
        vec![
            ("grant_type", "refresh_token".to_owned()),
            ("client_id", APP.to_owned()),
            ("refresh_token", token.to_owned()),
        ]
    };

    let (status, body) = request(&bench, TENANT, &form(&first)).await;
    assert_eq!(status, 200, "{body}");
    assert_ne!(body["refresh_token"], first);
    assert!(body["access_token"].is_string());
    let (status, body) = request(&bench, TENANT, &form("made up")).await;
    assert_eq!((status, body["error"].as_str()), (400, Some("invalid_grant")));
}

#[tokio::test]
async fn an_assertion_replaces_the_client_secret() {
    let bench = Bench::new().await;
    let mut form = form();
    form.retain(|(name, _)| *name != "client_secret");
    let (status, body) = request(&bench, TENANT, &form).await;
    assert_eq!(
        (status, body["error_codes"][0].as_u64()),
        (401, Some(7_000_218)),
        "{body}"
    );
    form.push(("client_assertion", "a.b.c".to_owned()));
    let (status, body) = request(&bench, TENANT, &form).await;
    assert_eq!(
        (status, body["error"].as_str()),
        (400, Some("invalid_request")),
        "{body}"
    );
    form.push((
        "client_assertion_type",
        "urn:ietf:params:oauth:client-assertion-type:jwt-bearer".to_owned(),
    ));
    let (status, body) = request(&bench, TENANT, &form).await;
    assert_eq!(
        (status, body["error_codes"][0].as_u64()),
        (401, Some(50_027)),
        "{body}"
    );
}

#[tokio::test]
async fn metadata_names_real_issuers_and_local_addresses() {
    let bench = Bench::new().await;
    for (path, issuer, keys) in [
        (
            "common/",
            "https://sts.windows.net/{tenantid}/",
            "common/discovery/keys",
        ),
        (
            "common/v2.0/",
            "https://login.microsoftonline.com/{tenantid}/v2.0",
            "common/discovery/v2.0/keys",
        ),
        (
            TENANT_V2,
            ISSUER,
            "11111111-2222-3333-4444-555555555555/discovery/v2.0/keys",
        ),
    ] {
        let base = bench.simulator.base_url();
        let url = format!("{base}/{path}.well-known/openid-configuration");
        let metadata: Value = bench.client.get(url).send().await.unwrap().json().await.unwrap();
        assert_eq!(metadata["issuer"], issuer);
        assert_eq!(metadata["jwks_uri"], format!("{base}/{keys}"));
        let keys: Value = bench
            .client
            .get(format!("{base}/{keys}"))
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        let issuers: Vec<&Value> = keys["keys"]
            .as_array()
            .unwrap()
            .iter()
            .map(|key| &key["issuer"])
            .collect();
        assert!(
            issuers.len() > 1 && issuers.contains(&&json!(issuer)),
            "{issuers:?}"
        );
    }
}

async fn check(bench: &Bench, name: &str, value: &str, status: u16, error: &str, code: &str) {
    let mut form = form();
    form.retain(|(key, _)| *key != name);
    form.push((name, value.to_owned()));
    let (found, body) = request(bench, TENANT, &form).await;
    assert_eq!((found, body["error"].as_str()), (status, Some(error)), "{body}");
    assert!(
        body["error_description"].as_str().unwrap().starts_with(code),
        "{body}"
    );
    assert!(
        body["error_codes"][0].is_number() && body["trace_id"].is_string(),
        "{body}"
    );
}

async fn request(bench: &Bench, tenant: &str, form: &[(&str, String)]) -> (u16, Value) {
    let url = format!("{}/{tenant}/oauth2/v2.0/token", bench.simulator.base_url());
    let response = bench.client.post(url).form(form).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

fn form() -> Vec<(&'static str, String)> {
    [
        ("grant_type", "client_credentials"),
        ("client_id", APP),
        ("client_secret", "s+cret &"),
        ("scope", "https://graph.microsoft.com/.default"),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .to_vec()
}

const TENANT_V2: &str = "11111111-2222-3333-4444-555555555555/v2.0/";
const ISSUER: &str = "https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0";
