//! The result in words.

use std::fmt::Write;

use super::verdict::Verdict;
use crate::local;
use crate::{self as stack, Function, Pair};

/// What became of one notification.
#[derive(Debug, Clone)]
pub struct Line {
    /// Name of the subscription.
    pub name: String,
    /// Type of the event.
    pub event_type: String,
    /// What it is about.
    pub summary: String,
    /// Time from sending the notification to the event in the queue.
    pub milliseconds: Option<i64>,
    /// Whether it is as it should be.
    pub verdict: Verdict,
}

impl Line {
    /// Tells whether everything is as it should be.
    #[must_use]
    pub fn is_right(&self) -> bool {
        self.verdict == Verdict::Right
    }

    /// Returns the line.
    fn text(&self) -> String {
        let Self {
            name,
            event_type,
            summary,
            ..
        } = self;
        match &self.verdict {
            Verdict::Right => format!("ok      {name:14} {event_type:37} {summary}"),
            Verdict::Differs(part) => {
                format!("WRONG   {name:14} {event_type:37} {part} is not as it was sent")
            }
            Verdict::Failed(reason) => format!("FAILED  {name:14} {event_type:37} {reason}"),
            Verdict::Missing(why) => format!("MISSING {name:14} {event_type:37} {why}"),
            Verdict::Unasked => format!("UNASKED {name:14} {summary}"),
        }
    }
}

/// Returns a line for each event, and the sums.
pub(crate) fn table(lines: &[Line], seconds: f64) -> String {
    let mut text = String::new();
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

/// Says what is up and what can be done with it, `sam local` included unless there is a reason why not.
///
/// # Errors
///
/// The template has not got the outputs that it should have.
pub(crate) fn kept(pair: &Pair, no_docker: Option<String>) -> Result<String, stack::Error> {
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

Send another notification (GET {simulator}/_simulator tells what else there is):
  curl {simulator}/_simulator/send -H 'Content-Type: application/json' \\
    -d '{{\"items\": [{{\"subscription\": \"/teams/getAllMessages\", \"changeType\": \"created\"}}]}}'
See what is in the queues:
  curl {aws}/_ministack/sqs/messages
Run renewal (with the AWS CLI, keys `test` and region us-east-1):
  aws --endpoint-url {aws} lambda invoke --function-name {renewal} /dev/stdout
{sam_local}",
        aws = stack.endpoint_url(),
        webhook = stack.http_url("/notifications")?,
        delivery = stack.output("DeliveryQueueUrl")?,
        failed = stack.output("FailedQueueUrl")?,
        config = stack.output("ConfigSecretArn")?,
        logs = stack.folder().display(),
        renewal = stack.resource(Function::Renewal.logical_id())?,
        sam_local = sam_local(no_docker),
    ))
}

/// Says how the functions are run in containers.
fn sam_local(no_docker: Option<String>) -> String {
    match no_docker {
        None => local::commands().fold(
            "Run the functions in containers, in another terminal (`sam` is also in target/tools/sam/bin):"
                .to_owned(),
            |text, command| text + "\n  " + command,
        ),
        Some(reason) => format!("Not ready for `sam local`: {reason}\nStart Docker, then the demo again."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sums_tell_what_became_of_everything() {
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
}
