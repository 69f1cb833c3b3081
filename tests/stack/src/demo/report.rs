//! The result of the demo as text.

use std::fmt::Write;

use super::columns::shortened;
use super::verdict::Verdict;
use crate::local;
use crate::{self as stack, Function, Pair};

/// The result of one notification.
#[derive(Debug, Clone)]
pub struct Line {
    /// The name of the subscription.
    pub name: String,
    /// The type of the event.
    pub event_type: String,
    /// A short description.
    pub summary: String,
    /// The time from the notification to the event in the queue.
    pub milliseconds: Option<i64>,
    /// Whether the event is right.
    pub verdict: Verdict,
}

impl Line {
    /// Returns whether the event is right.
    #[must_use]
    pub fn is_right(&self) -> bool {
        self.verdict == Verdict::Right
    }

    /// Returns the line as text.
    fn text(&self) -> String {
        let Self {
            name,
            event_type,
            summary,
            ..
        } = self;
        let event_type = event_type.strip_prefix(TYPE_PREFIX).unwrap_or(event_type);
        let (word, said) = match &self.verdict {
            Verdict::Right => ("ok", shortened(summary, 35)),
            Verdict::Differs(part) => ("WRONG", format!("not as sent: {part}")),
            Verdict::Failed(reason) => ("FAILED", format!("in FailedQueue: {reason}")),
            Verdict::Missing(why) => ("MISSING", (*why).to_owned()),
            Verdict::Unasked => ("UNASKED", shortened(summary, 35)),
        };
        format!("{word:7} {name:14} {event_type:20} {said}")
    }
}

/// Returns a line for each event, and the sums.
pub(crate) fn table(lines: &[Line], seconds: f64) -> String {
    let mut text = format!("        {:14} {TYPE_PREFIX}...\n", "subscription");
    for line in lines {
        let _ = writeln!(text, "{}", line.text());
    }
    let count = |which: fn(&Verdict) -> bool| lines.iter().filter(|line| which(&line.verdict)).count();
    let sent = count(|verdict| !matches!(verdict, Verdict::Unasked));
    let delivered =
        count(|verdict| matches!(verdict, Verdict::Right | Verdict::Differs(_) | Verdict::Unasked));
    let right = count(|verdict| matches!(verdict, Verdict::Right));
    let failed = count(|verdict| matches!(verdict, Verdict::Failed(_)));
    let mut times: Vec<i64> = lines.iter().filter_map(|line| line.milliseconds).collect();
    times.sort_unstable();
    let (median, slowest) = (times.get(times.len() / 2), times.last());
    let in_ms = |time: Option<&i64>| time.map_or_else(|| "-".to_owned(), |time| format!("{time} ms"));
    let _ = write!(
        text,
        "\nsent {sent}, delivered {delivered}, right {right}, failed {failed}\n\
         from POST to DeliveryQueue: median {}, slowest {}; all in {seconds:.1} s",
        in_ms(median),
        in_ms(slowest)
    );
    text
}

/// Returns what is running and how to use it, with `sam local` unless there is a reason against it.
///
/// # Errors
///
/// The template lacks an output.
pub fn kept(pair: &Pair, no_docker: Option<String>) -> Result<String, stack::Error> {
    let Pair { stack, simulator } = pair;
    let simulator = simulator.base_url();
    Ok(format!(
        "The stack is up; Ctrl-C stops it.

Local AWS          {aws}
Webhook            {webhook}
DeliveryQueue      {delivery}
FailedQueue        {failed}
ConfigSecret       {config}
Graph simulator    {simulator}/_simulator
Logs               {logs}

Send another notification:
  curl {simulator}/_simulator/send \\
    -H 'Content-Type: application/json' \\
    -d '{{\"items\": [{{\"subscription\": \"/teams/getAllMessages\",
         \"changeType\": \"created\"}}]}}'
See what else can be sent, and how it can go wrong:
  curl {simulator}/_simulator
See what is in the queues:
  curl {aws}/_ministack/sqs/messages
Run renewal:
  curl {aws}/2015-03-31/functions/{renewal}/invocations \\
    --aws-sigv4 aws:amz:{region}:lambda --user {key}:{key} -d '{{}}'
Have the AWS CLI and SDKs in this shell use the local AWS:
  export AWS_ENDPOINT_URL={aws} AWS_REGION={region} \\
    AWS_ACCESS_KEY_ID={key} AWS_SECRET_ACCESS_KEY={key}
Then, with the operator's tool, which takes some minutes to compile:
  cargo run --quiet --package graph-cli -- doctor --webhook \\
    {base}
  cargo run --quiet --package graph-cli -- status
  cargo run --quiet --package graph-cli -- plan
  cargo run --quiet --package graph-cli -- events tail
  cargo run --quiet --package graph-cli -- failed list
{sam_local}",
        aws = stack.endpoint_url(),
        webhook = stack.http_url("/notifications")?,
        base = stack.http_url("")?,
        delivery = stack.output("DeliveryQueueUrl")?,
        failed = stack.output("FailedQueueUrl")?,
        config = stack.output("ConfigSecretArn")?,
        logs = stack.folder().display(),
        region = stack::REGION,
        key = stack::ACCESS_KEY,
        renewal = stack.resource(Function::Renewal.logical_id())?,
        sam_local = sam_local(no_docker),
    ))
}

/// The common prefix of the event types.
const TYPE_PREFIX: &str = "Microsoft.Graph.";

/// Returns how to run the functions in containers.
fn sam_local(no_docker: Option<String>) -> String {
    match no_docker {
        None => local::commands().fold(
            "Run the functions in containers (`sam` is also in target/tools/sam/bin):".to_owned(),
            |text, command| text + "\n  " + command,
        ),
        Some(reason) => format!("Not ready for `sam local`: {reason}\nStart Docker, then the demo again."),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::columns::COLUMNS, *};

    #[test]
    fn the_totals_count_every_outcome() {
        let line = |verdict, milliseconds| Line {
            name: "a".to_owned(),
            event_type: "t".to_owned(),
            summary: "s".to_owned(),
            milliseconds,
            verdict,
        };
        let lines = [
            line(Verdict::Right, Some(5)),
            line(Verdict::Right, Some(7)),
            line(Verdict::Differs("content"), Some(90)),
            line(Verdict::Failed("rejected".to_owned()), None),
            line(Verdict::Missing("nothing came out"), None),
            line(Verdict::Unasked, None),
        ];
        let text = table(&lines, 1.0);
        assert!(text.contains("sent 5, delivered 4, right 2, failed 1"), "{text}");
        assert!(text.contains("median 7 ms, slowest 90 ms"), "{text}");
    }
    #[test]
    fn the_table_fits_into_80_columns() {
        let line = |verdict| Line {
            name: "conversations1".to_owned(),
            event_type: "Microsoft.Graph.ConversationCreated1".to_owned(),
            summary: "x".repeat(100),
            milliseconds: Some(100_000),
            verdict,
        };
        let lines = [
            line(Verdict::Right),
            line(Verdict::Differs("content, byte for byte")),
            line(Verdict::Failed("ContentRejected".to_owned())),
            line(Verdict::Missing("the webhook did not accept it")),
            line(Verdict::Unasked),
        ];
        let text = table(&lines, 100.0);
        assert!(text.lines().all(|line| line.chars().count() <= COLUMNS), "{text}");
    }
}
