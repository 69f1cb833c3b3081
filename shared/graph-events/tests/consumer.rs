//! The example, run with events as its input.
#![expect(clippy::unwrap_used, reason = "a failed expectation is a failed test")]

#[expect(dead_code, reason = "its main function is not called here")]
#[path = "../examples/consumer.rs"]
mod consumer;

const EVENT: &str = include_str!("../examples/event.json");

#[test]
fn events_of_many_lines_are_read_one_by_one() {
    let line = "2026-11-22T10:00:00Z Microsoft.Graph.ChatMessageCreated \
        /teams/1/channels/19:a@thread.tacv2/messages/2 [content] somebody: Hello\n";
    assert_eq!(printed(&format!("{EVENT}\n\n{EVENT}{EVENT}")), line.repeat(3));
}

#[test]
fn a_malformed_event_does_not_stop_the_others() {
    let output = printed(&format!("{{}} {EVENT}"));
    assert!(output.starts_with("not an event: "), "{output}");
    assert_eq!(output.lines().count(), 2, "{output}");
}

#[test]
fn malformed_json_ends_the_program_with_an_error() {
    let mut output = Vec::new();
    assert!(consumer::consume("{".as_bytes(), &mut output).is_err());
}

fn printed(input: &str) -> String {
    let mut output = Vec::new();
    consumer::consume(input.as_bytes(), &mut output).unwrap();
    String::from_utf8(output).unwrap()
}
