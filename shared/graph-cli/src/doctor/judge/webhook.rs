//! The webhook and the clock.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::super::Finding;

/// The result of a handshake.
#[derive(Clone, Debug)]
pub enum Handshake {
    /// The webhook answered.
    Answered {
        /// The HTTP status.
        status: u16,
        /// Whether the answer is the token as plain text.
        is_echoed: bool,
        /// The time until the answer.
        took: Duration,
    },
    /// The webhook did not answer, for this reason.
    Unanswered(String),
}

/// Judges the handshakes of both routes.
#[must_use]
pub fn handshakes(results: &[(String, Handshake)]) -> Finding {
    let check = "handshake";
    let mut lines = Vec::new();
    let (mut is_wrong, mut is_slow) = (false, false);
    for (url, result) in results {
        lines.push(match result {
            Handshake::Answered {
                status: 200,
                is_echoed: true,
                took,
            } => {
                is_slow |= *took > GRAPH_WAITS;
                format!("{url} in {} ms", took.as_millis())
            }
            Handshake::Answered { status, .. } => {
                is_wrong = true;
                format!("{url} answered {status} and not the token")
            }
            Handshake::Unanswered(why) => {
                is_wrong = true;
                format!("{url} did not answer: {why}")
            }
        });
    }
    let lines = lines.join("\n");
    let advice = "Graph cannot create subscriptions. Check that the domain name points to the HTTP API, and look at its access log.";
    match (is_wrong, is_slow) {
        (true, _) => Finding::wrong(check, lines, advice),
        (_, true) => Finding::warning(
            check,
            lines,
            "Graph waits for 3 seconds. Try again: the first call starts an instance.",
        ),
        _ => Finding::ok(check, lines),
    }
}

/// Compares this machine's clock with that of AWS.
#[must_use]
pub fn clock(aws_time: Option<Timestamp>, local_time: Timestamp) -> Finding {
    let check = "clock";
    let Some(aws_time) = aws_time else {
        return Finding::unknown(check, "the webhook's answers have no Date header");
    };
    let difference = local_time.duration_since(aws_time).abs();
    let text = format!("differs from AWS by {} s", difference.as_secs());
    if difference < CLOCK_TOLERANCE {
        return Finding::ok(check, text);
    }
    Finding::warning(
        check,
        text,
        "Set the clock of this machine: AWS rejects signatures that are five minutes off.",
    )
}

/// Graph waits three seconds for the first try.
const GRAPH_WAITS: Duration = Duration::from_secs(3);

const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::{super::super::State, *};

    #[test]
    fn a_handshake_has_to_echo_the_token_in_time() {
        let answered = |status, is_echoed, seconds| Handshake::Answered {
            status,
            is_echoed,
            took: Duration::from_secs(seconds),
        };
        for (result, state) in [
            (answered(200, true, 1), State::Ok),
            (answered(200, true, 4), State::Warning),
            (answered(200, false, 1), State::Wrong),
            (answered(404, true, 1), State::Wrong),
            (Handshake::Unanswered("no route".to_owned()), State::Wrong),
        ] {
            assert_eq!(handshakes(&[("u".to_owned(), result)]).state, state);
        }
    }

    #[test]
    fn a_clock_that_is_a_minute_off_is_worth_a_look() {
        let now = Timestamp::UNIX_EPOCH;
        assert_eq!(
            clock(Some(now - SignedDuration::from_secs(59)), now).state,
            State::Ok
        );
        assert_eq!(
            clock(Some(now + SignedDuration::from_secs(61)), now).state,
            State::Warning
        );
    }
}
