//! No secret is in what decryption writes or delivers, whatever goes wrong.

use super::*;

#[tokio::test]
async fn no_failure_writes_or_delivers_a_secret() {
    let written = Written::start();
    let world = World::new();
    let token = good_token();
    let bodies = bodies(&token);
    let refused = [None, Some("")];
    for (login, seconds) in [
        (None, 0),
        (Some(b"MARK no keys".to_vec()), 10),
        (Some(SIGNER.jwks()), 600),
    ] {
        world.login.set(login);
        for refuse in refused {
            world.deps.delivery_queue.refuse(refuse);
            world.deps.failed_queue.refuse(refuse);
            world
                .process_at(&bodies.iter().collect::<Vec<_>>(), seconds)
                .await;
        }
    }
    let written = written.text();
    for expected in [
        "NoSigningKeys",
        "UnknownTenant",
        "UnknownCertificate",
        "NotStored",
        "Malformed(",
        "ClientStateRejected",
        "OtherTenant",
        "TokenMissing",
        "TokenRejected",
        "ContentRejected",
        "Delivered",
    ] {
        assert!(written.contains(expected), "{expected} is not in {written}");
    }
    silent(&written, &token);
    let delivered = world.delivered();
    assert!(!delivered.is_empty());
    for event in delivered {
        // The content is what is delivered; everything else that is marked is not.
        silent(
            &event.replace("MARKcontent", "").replace("MARKresource", ""),
            &token,
        );
    }
}

#[tokio::test]
async fn a_malformed_document_is_reported_without_a_word_of_it() {
    let entry = |change: &dyn Fn(&mut DecryptionKeyEntry)| {
        let mut entry = key().clone();
        change(&mut entry);
        document(vec![entry], vec![tenant()])
    };
    for text in [
        "MARK is not JSON".to_owned(),
        r#"{"keys":"MARK"}"#.to_owned(),
        r#"{"keys":[{"id":"k","privateKey":5,"MARK":"MARK"}]}"#.to_owned(),
        entry(&|entry| std::mem::swap(&mut entry.id, &mut entry.private_key)),
        entry(&|entry| entry.certificate.clone_from(&entry.private_key)),
        entry(&|entry| entry.private_key = "MARK".to_owned()),
        entry(&|entry| entry.certificate = "MARK".to_owned()),
        entry(&|entry| entry.private_key = entry.private_key.replace("PRIVATE KEY", "MARK")),
        entry(&|entry| entry.id = String::new()),
    ] {
        let written = Written::start();
        let world = World::new();
        world.source.set(text.clone());
        assert_eq!(world.process(&[&rich(Some(&good_token()))]).await, ["m0"]);
        let written = written.text();
        assert!(
            written.contains("Secret FakeSecret holds no valid document"),
            "{written}"
        );
        silent(&written, "MARK");
    }
}

#[tokio::test]
async fn a_panic_is_reported_without_its_message() {
    let written = Written::start();
    let deps = World::new().with_trust(Secretive::Panics(format!("MARK {}", key().private_key)));
    let record = json!({"messageId": "m", "body": sealed(&rich(Some(&good_token())).to_string())});
    let event = serde_json::from_value(json!({"Records": [record]})).unwrap();
    handle(event, &deps, now(), soon(), &mut Metrics::default()).await;
    assert!(written.text().contains("Panicked"));
    silent(&written.text(), "MARK");
}

#[test]
fn nothing_that_prints_shows_a_secret() {
    let trust = Trust::parse(&document(vec![key().clone()], vec![tenant()])).unwrap();
    silent(&format!("{trust:?}"), "MARK");
    for text in ["MARK", r#"{"keys":[{"id":"MARK"}]}"#] {
        let error = Trust::parse(text).unwrap_err();
        silent(&format!("{error:?} {error}"), "MARK");
    }
}

/// Messages that go wrong in every way there is, and one that does not.
fn bodies(token: &str) -> Vec<Value> {
    let marked = |change: &dyn Fn(&mut Value)| {
        let mut body = rich(Some(token));
        body["item"]["resource"] = json!("MARKresource");
        let plaintext = br#"{"id":"MARKcontent"}"#;
        body["item"]["encryptedContent"] = seal(plaintext, key(), &mut SystemRng);
        change(&mut body);
        body
    };
    let mut stranger = claims_v2(&tenant(), now());
    stranger["aud"] = json!("MARKclient");
    let stranger = SIGNER.token(&stranger);
    vec![
        marked(&|_| ()),
        json!("MARK is no message"),
        marked(&|body| body["item"] = json!(["MARK"])),
        marked(&|body| body["item"]["changeType"] = json!({"MARK": 1})),
        marked(&|body| body["item"]["tenantId"] = json!("MARKtenant")),
        marked(&|body| {
            *body = of(&in_other_tenant(), body.take());
        }),
        marked(&|body| body["item"]["clientState"] = json!("MARKstate")),
        marked(&|body| body["item"]["encryptedContent"] = json!({"data": "MARKdata"})),
        marked(&|body| body["item"]["encryptedContent"]["data"] = json!("MARKdata")),
        marked(&|body| body["item"]["encryptedContent"]["dataKey"] = json!("MARKkey")),
        marked(&|body| body["item"]["encryptedContent"]["dataSignature"] = json!("MARKsign")),
        marked(&|body| {
            body["item"]["encryptedContent"]["encryptionCertificateId"] = json!("MARKid");
            body["item"]["encryptedContent"]["encryptionCertificateThumbprint"] = json!("MARKprint");
        }),
        marked(&|body| {
            body["item"]["encryptedContent"] = seal(b"MARK is not JSON", key(), &mut SystemRng);
        }),
        marked(&|body| body["validationTokens"] = json!([])),
        marked(&|body| body["validationTokens"] = json!(["MARKtoken"])),
        marked(&|body| body["validationTokens"] = json!([stranger])),
        marked(&|body| body["validationTokens"] = json!([OTHER_SIGNER.token(&claims_v2(&tenant(), now()))])),
    ]
}

/// Checks that nothing marked, no token and no line of the private key is in `text`.
#[track_caller]
fn silent(text: &str, token: &str) {
    let pem = &key().private_key;
    let lines = pem.lines().filter(|line| !line.starts_with('-'));
    let client_state = client_state(&tenant(), "team-messages");
    for secret in ["MARK", token, &client_state].into_iter().chain(lines) {
        assert!(!text.contains(secret), "{secret} is in {text}");
    }
}
