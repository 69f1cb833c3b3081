use std::time::Instant;

use aws_sdk_sqs::types::{MessageAttributeValue, SendMessageBatchRequestEntry};
use aws_sigv4::sign::v4;
use sha2::{Digest, Sha256};

use super::*;
use crate::{
    http::testing::{Reply, Request, Server},
    testing::{FakeQueue, Hang, Written, hang},
};
use graph_core::{
    application::test_util::{application, guid},
    notification::{
        client_state::Proven,
        message::{MAX_BYTES, MAX_MESSAGE_BODY_BYTES},
    },
};

#[test]
fn a_message_is_sent_in_the_group_of_its_tenant() {
    let message = Message::of_tenant(guid(TENANT_ID), "{}".to_owned());
    assert_eq!(group(&message).as_deref(), Some(TENANT_ID));
    assert_eq!(
        group(&message.failed(Reason::Malformed)).as_deref(),
        Some(TENANT_ID)
    );
    assert_eq!(group(&Message::of_nobody("{}".to_owned())), None);
}

#[test]
fn the_largest_message_that_sqs_holds_is_kept_with_its_reason() {
    let owner = Proven {
        subscription: "s".repeat(69),
        application: application((TENANT_ID, TENANT_ID)),
    };
    for (owner, letter) in [(None, "a"), (None, "\u{20ac}"), (Some(&owner), "a")] {
        let body = letter.repeat(MAX_BYTES / letter.len());
        let failed = Message::of_any(owner, body.clone()).failed(Reason::SealRejected);
        assert!(failed.size() <= MAX_BYTES, "{}", failed.size());
        assert!(body.starts_with(&failed.body) && failed.body.len() > MAX_BYTES - 256);
    }
    let ours = "a".repeat(MAX_MESSAGE_BODY_BYTES);
    let failed = Message::of_any(Some(&owner), ours.clone()).failed(Reason::UnknownCertificate);
    assert_eq!(failed.body, ours, "what the functions write is never cut");
}

/// What FailedQueue does not store comes again, and would be a line at each try.
#[tokio::test]
async fn a_message_is_logged_once_failed_queue_has_stored_it() {
    let (queue, written) = (FakeQueue::default(), Written::start());
    let owner = Proven {
        subscription: "mail".to_owned(),
        application: application((TENANT_ID, TENANT_ID)),
    };
    let failed = |is_last_try| Failed {
        note: (),
        id: "m1".to_owned(),
        body: "{}".to_owned(),
        owner: Some(owner.clone()),
        reason: Reason::Malformed,
        is_last_try,
    };
    let deadline = Deadline::after(Duration::from_mins(1));
    queue.refuse(Some(""));
    assert_eq!(
        set_aside(vec![failed(false)], "AQueue", &queue, deadline)
            .await
            .lost,
        [()]
    );
    assert_eq!(written.text(), "");
    queue.refuse(None);
    for (is_last_try, what) in [(false, "cannot be"), (true, "could not be")] {
        assert_eq!(
            set_aside(vec![failed(is_last_try)], "AQueue", &queue, deadline)
                .await
                .stored,
            [()]
        );
        let line =
            format!("Message m1 of AQueue for subscription mail of tenant {TENANT_ID} {what} processed");
        assert_eq!(written.text().matches(&line).count(), 1, "{}", written.text());
    }
}

#[tokio::test]
async fn only_messages_that_are_not_handed_over_again_are_kept() {
    let queue = FakeQueue::default();
    let unfinished = |note: &'static str, received| Unfinished {
        note,
        id: note.to_owned(),
        last_try: LastTry::of(received, 10, note, None),
        reason: Reason::NotStored,
    };
    let all = || {
        vec![
            unfinished("first", 1),
            unfinished("ninth", 9),
            unfinished("tenth", 10),
            unfinished("later", 11),
        ]
    };
    let deadline = Deadline::after(Duration::from_mins(1));
    let sent = keep(all(), "AQueue", &queue, deadline).await;
    assert_eq!(
        (sent.stored, sent.lost),
        (vec!["tenth", "later"], vec!["first", "ninth"])
    );
    let kept = queue.take();
    let kept: Vec<_> = kept
        .iter()
        .map(|message| (&*message.body, message.reason))
        .collect();
    assert_eq!(kept, [("tenth", Some("NotStored")), ("later", Some("NotStored"))]);
    queue.refuse(Some("tenth"));
    let sent = keep(all(), "AQueue", &queue, deadline).await;
    assert_eq!(
        (sent.stored, sent.lost),
        (vec!["later"], vec!["tenth", "first", "ninth"])
    );
}

#[tokio::test]
async fn a_hanging_queue_loses_messages_at_the_deadline_with_one_warning() {
    for hang in Hang::ALL {
        let written = Written::start();
        let queue = hang.queue();
        let (begun, deadline) = (Instant::now(), Deadline::after(Duration::from_millis(300)));
        let messages = (0..25).map(|n| (n, Message::of_nobody("{}".to_owned())));
        let mut sent = queue.send(messages.collect(), deadline).await;
        sent.lost.sort_unstable();
        assert_eq!(sent.lost, (0..25).collect::<Vec<_>>(), "{hang:?}");
        assert_eq!(sent.stored, Vec::<i32>::new());
        // The machine may be busy; what matters is that nothing was waited for that takes longer.
        assert!(begun.elapsed() < Duration::from_secs(3), "{hang:?}");
        let lines = written.text();
        let warnings: Vec<&str> = lines.lines().filter(|line| line.contains(" WARN ")).collect();
        assert_eq!(warnings.len(), 1, "{hang:?} {lines}");
        assert!(
            warnings.concat().contains("TheQueue did not store 25 messages"),
            "{lines}"
        );
    }
}

/// What an answer does not name is not stored: neither what it says failed, nor what it passes over, nor what it invents.
#[tokio::test]
async fn only_messages_that_the_answer_names_are_stored() {
    let partial = r#"{"Successful":[{"Id":"3","MessageId":"m","MD5OfMessageBody":"x"},{"Id":"99","MessageId":"m","MD5OfMessageBody":"x"}],
        "Failed":[{"Id":"1","SenderFault":false,"Code":"InternalError"}]}"#;
    let nothing = r#"{"Successful":[],"Failed":[]}"#;
    for (replies, stored, lost) in [
        ([partial, nothing, nothing], vec!["d"], vec!["a", "b", "c"]),
        ([nothing, nothing, nothing], vec![], vec!["a", "b", "c", "d"]),
        ([nothing, partial, nothing], vec!["d"], vec!["a", "b", "c"]),
    ] {
        let server = Server::start(replies.map(|body| Reply::json(200, body)));
        let url = format!("{}/123456789012/TheQueue", server.url());
        let queue = Sqs::new(&hang::config(server.url())).queue(url);
        let messages = ["a", "b", "c", "d"].map(|note| (note, Message::of_nobody("{}".to_owned())));
        let sent = queue
            .send(messages.to_vec(), Deadline::after(Duration::from_mins(1)))
            .await;
        assert_eq!((sent.stored, sent.lost), (stored, lost));
    }
}

#[tokio::test]
async fn a_patient_sender_tries_a_message_seven_times() {
    let nothing = r#"{"Successful":[],"Failed":[]}"#;
    let stored = r#"{"Successful":[{"Id":"0","MessageId":"m","MD5OfMessageBody":"x"}],"Failed":[]}"#;
    for (is_patient, is_stored, calls) in [(false, false, 3), (true, true, 7)] {
        let server = Server::start(
            [nothing; 6]
                .into_iter()
                .chain([stored])
                .map(|body| Reply::json(200, body)),
        );
        let queue =
            Sqs::new(&hang::config(server.url())).queue(format!("{}/123456789012/TheQueue", server.url()));
        let queue = if is_patient { queue.patient() } else { queue };
        let messages = vec![((), Message::of_nobody("{}".to_owned()))];
        let sent = queue
            .send(messages, Deadline::after(Duration::from_mins(1)))
            .await;
        assert_eq!(
            (sent.lost.is_empty(), server.requests().len()),
            (is_stored, calls)
        );
    }
}

#[tokio::test]
async fn a_slow_answer_is_waited_for_as_long_as_there_is_time() {
    let stored = r#"{"Successful":[{"Id":"0","MessageId":"m","MD5OfMessageBody":"x"}],"Failed":[]}"#;
    let after = |milliseconds| Reply::json(200, stored).after(Duration::from_millis(milliseconds));
    let fails = || Reply::json(500, "{}").after(Duration::from_millis(700));
    let never = || after(3_600_000);
    for (time, replies, calls) in [
        // Nothing is sent twice that had no time to arrive.
        (280, vec![after(120), never()], 1),
        (1_500, vec![after(700)], 1),
        (1_500, vec![after(700), never()], 2),
        // The connection of the first call is gone.
        (1_500, vec![never(), after(0)], 2),
        // A failure is tried again, whatever the second call waits for.
        (1_500, vec![fails(), never(), after(0)], 3),
    ] {
        let server = Server::start(replies);
        let url = format!("{}/123456789012/TheQueue", server.url());
        let queue = Sqs::new(&hang::config(server.url())).queue(url);
        let messages = vec![((), Message::of_nobody("{}".to_owned()))];
        let sent = queue
            .send(messages, Deadline::after(Duration::from_millis(time)))
            .await;
        let said = (sent.stored.len(), sent.lost.len(), server.lines().len());
        assert_eq!(said, (1, 0, calls), "{time}");
    }
}

#[tokio::test]
async fn without_time_nothing_is_sent() {
    let messages = vec![((), Message::of_nobody("{}".to_owned()))];
    let sent = Hang::NeverAnswers
        .queue()
        .send(messages, Deadline::after(Duration::ZERO))
        .await;
    assert_eq!((sent.stored.len(), sent.lost.len()), (0, 1));
}

/// The SDK knows the protocol; what is written here has to say the same.
#[tokio::test]
async fn the_body_of_a_call_says_what_the_sdk_would_say() {
    let answer = r#"{"Successful":[{"Id":"0","MessageId":"m","MD5OfMessageBody":"x"},{"Id":"1","MessageId":"m","MD5OfMessageBody":"x"}],"Failed":[]}"#;
    let server = Server::start([answer, answer].map(|body| Reply::json(200, body)));
    let url = format!("{}/123456789012/TheQueue", server.url());
    let sqs = Sqs::new(&hang::config(server.url()));
    let owner = Proven {
        subscription: "mail/\u{e4}".to_owned(),
        application: application((TENANT_ID, TENANT_ID)),
    };
    let text = "{\"a\":\"\\\\ \\\" \u{1} \n\t \u{7f} \u{2028} \u{1f600}\"}";
    let messages = [
        Message::of_nobody("{}".to_owned()),
        Message::of(&owner, text.to_owned())
            .failed(Reason::NotStored)
            .delayed(Duration::from_secs(7)),
    ];
    let deadline = Deadline::after(Duration::from_mins(1));
    let queue = sqs.queue(url.clone());
    let sent = queue.send(messages.clone().map(|one| ((), one)).to_vec(), deadline);
    assert_eq!(sent.await.stored.len(), 2);
    let entries = messages.iter().enumerate().map(by_sdk).collect();
    let call = sqs
        .0
        .send_message_batch()
        .queue_url(url)
        .set_entries(Some(entries));
    call.send().await.unwrap();
    let [ours, theirs] = server.requests().try_into().unwrap();
    let value = |request: &Request| serde_json::from_str::<serde_json::Value>(&request.body).unwrap();
    assert_eq!(value(&ours), value(&theirs));
    let names = |request: &Request| -> Vec<String> {
        let lines = request.head.lines().filter_map(|line| line.split_once(':'));
        lines.map(|(name, _)| name.to_owned()).collect()
    };
    assert_eq!(names(&ours), names(&theirs));
    assert!(value(&ours)["Entries"][1]["MessageAttributes"]["Subscription"].is_object());
    for request in [&ours, &theirs] {
        let (said, computed) = signatures(request);
        assert_eq!(said, computed, "{}", request.head);
    }
}

/// Returns the signature of a request, and the one that its headers and its body have (AWS, *Signature Version 4*).
fn signatures(request: &Request) -> (String, String) {
    let header = |wanted: &str| {
        let mut lines = request.head.lines().filter_map(|line| line.split_once(':'));
        lines
            .find(|(name, _)| *name == wanted)
            .unwrap()
            .1
            .trim()
            .to_owned()
    };
    let hash = |text: &str| {
        let digest = Sha256::digest(text);
        digest
            .iter()
            .fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
    };
    let authorization = header("authorization");
    let part = |name: &str| {
        authorization
            .split_once(name)
            .unwrap()
            .1
            .split(',')
            .next()
            .unwrap()
    };
    let (names, date) = (part("SignedHeaders="), header("x-amz-date"));
    let headers = names
        .split(';')
        .fold(String::new(), |all, name| all + name + ":" + &header(name) + "\n");
    let canonical = format!("POST\n/\n\n{headers}\n{names}\n{}", hash(&request.body));
    let scope = part("Credential=").split_once('/').unwrap().1;
    let text = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{}", hash(&canonical));
    let time = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", &date).unwrap();
    let time = time.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp();
    let key = v4::generate_signing_key("key", time.into(), "eu-west-1", "sqs");
    (
        part("Signature=").to_owned(),
        v4::calculate_signature(key, text.as_bytes()),
    )
}

/// Returns a message as an entry of the SDK.
fn by_sdk((index, message): (usize, &Message)) -> SendMessageBatchRequestEntry {
    let mut entry = SendMessageBatchRequestEntry::builder()
        .id(index.to_string())
        .message_body(&message.body)
        .set_message_group_id(message.group().map(str::to_owned))
        .set_delay_seconds(Some(message.delay_seconds()).filter(|seconds| *seconds > 0));
    for (name, value) in message.attributes() {
        let value = MessageAttributeValue::builder()
            .data_type("String")
            .string_value(value);
        entry = entry.message_attributes(name, value.build().unwrap());
    }
    entry.build().unwrap()
}

fn group(message: &Message) -> Option<String> {
    message.group().map(str::to_owned)
}

const TENANT_ID: &str = "11111111-2222-3333-4444-555555555555";
