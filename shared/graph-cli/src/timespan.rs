//! Time spans as text for people.

use jiff::{SignedDuration, Timestamp};

/// Returns the time until `end`, in its largest unit.
#[must_use]
pub fn left(end: Timestamp, now: Timestamp) -> String {
    let left = end.duration_since(now);
    if left.is_negative() {
        "over".to_owned()
    } else {
        largest(left)
    }
}

/// Returns the time since `since`, in its largest unit.
#[must_use]
pub fn age(since: Timestamp, now: Timestamp) -> String {
    // The clocks of two machines may differ a little.
    largest(now.duration_since(since).max(SignedDuration::ZERO))
}

/// Returns a time span in its largest unit.
#[must_use]
pub fn largest(time: SignedDuration) -> String {
    match time.as_mins() {
        0 => format!("{} s", time.as_secs()),
        minutes @ 1..120 => format!("{minutes} min"),
        minutes @ 120..2880 => format!("{} h", minutes / 60),
        minutes => format!("{} d", minutes / (24 * 60)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_in_its_largest_unit() {
        let now = Timestamp::UNIX_EPOCH;
        for (seconds, text) in [
            (59, "59 s"),
            (60, "1 min"),
            (7199, "119 min"),
            (7200, "2 h"),
            (172_800, "2 d"),
            (-1, "over"),
        ] {
            assert_eq!(left(Timestamp::from_second(seconds).unwrap(), now), text);
        }
        assert_eq!(age(Timestamp::from_second(5).unwrap(), now), "0 s");
    }
}
