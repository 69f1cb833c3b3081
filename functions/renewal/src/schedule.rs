//! The schedule that renewal runs on.

use graph_core::plan::Policy;
use jiff::SignedDuration;

/// Returns the policy for a schedule expression of AWS, such as `rate(10 minutes)`.
///
/// Of other forms the period is not known; then a run every ten minutes is assumed.
pub fn policy(schedule: Option<&str>) -> Policy {
    let assumed = Policy::default();
    let period = schedule.and_then(period).unwrap_or(assumed.period);
    Policy { period, ..assumed }
}

fn period(schedule: &str) -> Option<SignedDuration> {
    let rate = schedule.trim().strip_prefix("rate(")?.strip_suffix(')')?;
    let (number, unit) = rate.trim().split_once(char::is_whitespace)?;
    let minutes = match unit.trim().trim_end_matches('s') {
        "minute" => 1,
        "hour" => 60,
        "day" => 24 * 60,
        _ => return None,
    };
    let number: i32 = number.parse().ok().filter(|number| *number > 0)?;
    Some(SignedDuration::from_mins(
        i64::from(number).saturating_mul(minutes),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_understood_and_the_rest_is_assumed() {
        for (schedule, minutes) in [
            (Some("rate(1 minute)"), 1),
            (Some("rate(10 minutes)"), 10),
            (Some("rate(2 hours)"), 120),
            (Some("rate(1 day)"), 1440),
            (Some("cron(0/15 * * * ? *)"), 10),
            (Some("rate(-1 minutes)"), 10),
            (None, 10),
        ] {
            assert_eq!(
                policy(schedule).period,
                SignedDuration::from_mins(minutes),
                "{schedule:?}"
            );
        }
    }
}
