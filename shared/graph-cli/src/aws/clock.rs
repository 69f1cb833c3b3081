//! Detects a clock that differs from that of AWS.

use jiff::Timestamp;

/// Returns whether AWS refused a request because of its time of signing.
#[must_use]
pub fn is_skewed(code: &str, message: &str) -> bool {
    matches!(
        code,
        "RequestTimeTooSkewed" | "RequestExpired" | "RequestInTheFuture"
    ) || ["Signature expired", "Signature not yet current"]
        .iter()
        .any(|words| message.contains(words))
}

/// Returns the difference of this machine's clock. `date` is the Date header of AWS's answer.
#[must_use]
pub fn text(date: Option<&str>, now: Timestamp) -> String {
    let theirs = date.and_then(|date| jiff::fmt::rfc2822::parse(date).ok());
    let Some(theirs) = theirs.map(|date| date.timestamp()) else {
        return "the clock of this machine differs from that of AWS".to_owned();
    };
    let (minutes, word) = match now.duration_since(theirs).as_mins() {
        ahead @ 0.. => (ahead, "ahead of"),
        behind => (-behind, "behind"),
    };
    format!("the clock of this machine is {minutes} min {word} that of AWS")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_of_another_time_is_a_matter_of_the_clock() {
        let is = [
            (
                "InvalidSignatureException",
                "Signature expired: 2026 is now earlier than",
            ),
            ("SignatureDoesNotMatch", "Signature not yet current: 2026"),
            ("RequestTimeTooSkewed", ""),
            (
                "SignatureDoesNotMatch",
                "The request signature we calculated does not match",
            ),
        ]
        .map(|(code, message)| is_skewed(code, message));
        assert_eq!(is, [true, true, true, false]);
    }

    #[test]
    fn the_difference_is_measured_from_the_date_of_the_answer() {
        let now = "2026-11-22T10:00:00Z".parse().unwrap();
        let shown = [
            Some("Sun, 22 Nov 2026 09:48:00 GMT"),
            Some("Sun, 22 Nov 2026 10:07:00 GMT"),
            None,
        ]
        .map(|date| text(date, now));
        assert_eq!(
            shown,
            [
                "the clock of this machine is 12 min ahead of that of AWS",
                "the clock of this machine is 7 min behind that of AWS",
                "the clock of this machine differs from that of AWS"
            ]
        );
    }
}
