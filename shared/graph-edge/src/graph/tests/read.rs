//! Reads: their requests, and the meaning of the answers.

use graph_core::read::Request;

use super::*;
use crate::graph::ReadAnswer;

const PATH: &str = "/users/1/messages";

#[tokio::test]
async fn a_read_asks_for_path_and_query_and_ids_that_stay() {
    let server = Server::start([Reply::json(200, "{}"), Reply::json(200, "{}")]);
    let graph = graph(&server);
    for immutable_ids in [true, false] {
        let answer = graph
            .read(&tenant(), &request(), immutable_ids, MAX_PAGE_BYTES)
            .await;
        assert_eq!(answer, ReadAnswer::Body(b"{}".to_vec()));
    }
    assert_eq!(server.lines()[0], "GET /v1.0/users/1/messages?$top=1");
    let heads: Vec<bool> = server
        .requests()
        .iter()
        .map(|request| request.head.contains("prefer: IdType=\"ImmutableId\""))
        .collect();
    assert_eq!(heads, [true, false]);
}

#[tokio::test]
async fn a_resource_of_beta_is_read_in_beta() {
    let server = Server::start([Reply::json(200, "{}")]);
    let request = Request {
        version: Version::Beta,
        ..request()
    };
    graph(&server)
        .read(&tenant(), &request, false, MAX_PAGE_BYTES)
        .await;
    assert_eq!(server.lines()[0], "GET /beta/users/1/messages?$top=1");
}

#[tokio::test]
async fn a_read_carries_the_token_to_no_other_place() {
    for link in [
        "http://evil.example/v1.0/users/1/messages?$skiptoken=2",
        "{base}.evil.example/v1.0/users/1/messages",
        "{base}/v1.0/users/2/messages",
        "{base}/v1.0/users/1/events",
        "{base}/v1.0/users",
        "{base}/users/1/messages",
        "/v1.0/users/1/messages",
    ] {
        let server = Server::start([Reply::json(200, "{}")]);
        let link = link.replace("{base}", server.url().trim_end_matches('/'));
        let answer = graph(&server)
            .read(&tenant(), &request().page(link.clone()), false, MAX_PAGE_BYTES)
            .await;
        assert_eq!(answer, ReadAnswer::OtherList, "{link}");
        assert!(server.lines().is_empty(), "{link}");
    }
}

#[tokio::test]
async fn a_link_of_the_same_list_is_followed() {
    let server = Server::start([Reply::json(200, "{}")]);
    let link = format!(
        "{}/v1.0/users('1')/messages?$skiptoken=2",
        server.url().trim_end_matches('/')
    );
    let answer = graph(&server)
        .read(&tenant(), &request().page(link), false, MAX_PAGE_BYTES)
        .await;
    assert_eq!(answer, ReadAnswer::Body(b"{}".to_vec()));
    assert_eq!(server.lines(), ["GET /v1.0/users('1')/messages?$skiptoken=2"]);
}

#[tokio::test]
async fn every_answer_of_a_read_has_its_meaning() {
    for (reply, expected) in [
        (
            Reply::json(429, "").header("retry-after", "40"),
            ReadAnswer::NotNow(Duration::from_secs(40)),
        ),
        (Reply::json(429, ""), ReadAnswer::NotNow(Duration::from_secs(10))),
        (
            Reply::json(503, "").header("retry-after", "7"),
            ReadAnswer::NotNow(Duration::from_secs(7)),
        ),
        (Reply::json(503, ""), ReadAnswer::Unavailable),
        (Reply::json(500, ""), ReadAnswer::Unavailable),
        (Reply::json(423, ""), ReadAnswer::Unavailable),
        (Reply::json(403, ""), ReadAnswer::Refused(403)),
        (Reply::json(410, ""), ReadAnswer::Refused(410)),
        (
            Reply::json(302, "").header("location", "/v1.0/users"),
            ReadAnswer::Refused(302),
        ),
        (
            Reply::json(200, &"x".repeat(MAX_PAGE_BYTES + 1)),
            ReadAnswer::TooLarge,
        ),
    ] {
        let server = Server::start([reply]);
        assert_eq!(
            graph(&server)
                .read(&tenant(), &request(), false, MAX_PAGE_BYTES)
                .await,
            expected
        );
        assert_eq!(server.lines().len(), 1, "a read is made once");
    }
}

#[tokio::test]
async fn an_answer_over_the_limit_of_its_reader_is_too_large() {
    for (max_bytes, expected) in [
        (5, ReadAnswer::Body(b"12345".to_vec())),
        (4, ReadAnswer::TooLarge),
    ] {
        let server = Server::start([Reply::json(200, "12345")]);
        assert_eq!(
            graph(&server).read(&tenant(), &request(), false, max_bytes).await,
            expected
        );
    }
}

#[tokio::test]
async fn a_read_whose_token_is_refused_is_made_once_more() {
    let server = Server::start([
        Reply::json(401, ""),
        Reply::json(200, "{}"),
        Reply::json(401, ""),
        Reply::json(401, ""),
    ]);
    let graph = graph(&server);
    assert_eq!(
        graph.read(&tenant(), &request(), false, MAX_PAGE_BYTES).await,
        ReadAnswer::Body(b"{}".to_vec())
    );
    assert_eq!(
        graph.read(&tenant(), &request(), false, MAX_PAGE_BYTES).await,
        ReadAnswer::Refused(401)
    );
}

fn request() -> Request {
    Request::new(PATH.to_owned(), &[("$top", "1")])
}
