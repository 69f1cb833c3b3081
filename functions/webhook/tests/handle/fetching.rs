//! Items whose notification URL asks for their content go to reader, and nothing else does.

use super::*;

#[tokio::test]
async fn the_url_decides_whether_the_reader_fetches_an_items_content() {
    let source = FakeSecret::new(document(&["k1"]));
    for (url, has_reader, read, delivered) in [
        ("/notifications?s=mail&f=1", true, 1, 0),
        ("/notifications?s=mail&f=1", false, 0, 1),
        ("/notifications?s=mail", true, 0, 1),
        ("/notifications?s=mail&f=10&xf=1", true, 0, 1),
    ] {
        let mut deps = deps(&source);
        deps.queues.read = has_reader.then(FakeQueue::default);
        let body = json!({"value": [change("mail")]}).to_string();
        assert_eq!(post(&deps, url, &body).await.status(), 202);
        let in_read_queue = deps.queues.read.as_ref().map_or_else(Vec::new, FakeQueue::stored);
        assert_eq!(
            (in_read_queue.len(), deps.queues.delivery.stored().len()),
            (read, delivered),
            "{url}"
        );
        for message in in_read_queue {
            assert!(QueuedItem::parse(&message.body).unwrap().fetches_content, "{url}");
        }
    }
}

#[tokio::test]
async fn the_url_does_not_redirect_encrypted_and_lifecycle_items() {
    let source = FakeSecret::new(document(&["k1"]));
    let mut deps = deps(&source);
    deps.queues.read = Some(FakeQueue::default());
    let (mut rich, mut lifecycle) = (change("mail"), change("mail"));
    rich["encryptedContent"] = json!({"data": "AA"});
    lifecycle["lifecycleEvent"] = json!("missed");
    let body = json!({"value": [rich, lifecycle]}).to_string();
    assert_eq!(post(&deps, "/notifications?f=1", &body).await.status(), 202);
    let Queues {
        read,
        notification,
        lifecycle,
        ..
    } = &deps.queues;
    assert!(read.as_ref().unwrap().stored().is_empty());
    assert_eq!((notification.stored().len(), lifecycle.stored().len()), (1, 1));
}

#[tokio::test]
async fn an_item_that_read_queue_did_not_store_is_not_acknowledged() {
    let source = FakeSecret::new(document(&["k1"]));
    let mut deps = deps(&source);
    let refusing = FakeQueue::default();
    refusing.refuse(Some(""));
    deps.queues.read = Some(refusing);
    let body = json!({"value": [change("mail")]}).to_string();
    assert_eq!(post(&deps, "/notifications?f=1", &body).await.status(), 503);
}
