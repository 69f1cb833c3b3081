//! The settings about time: the schedule of runs, the rotation of keys, and how far back losses are read.

use std::ops::RangeInclusive;

use graph_core::subscription::{plan::Policy, rotation::Rotation};
use jiff::SignedDuration;

/// Returns the policy for runs that are so many minutes apart, from `RENEWAL_MINUTES`. Unset means ten.
///
/// # Errors
///
/// Returns an error for anything but a number of minutes from 1 to 60.
pub fn policy(minutes: Option<&str>) -> Result<Policy, OutOfRange> {
    let assumed = Policy::default();
    let minutes = number(minutes, "RENEWAL_MINUTES", 1..=60)?;
    let period = minutes.map_or(assumed.period, SignedDuration::from_mins);
    Ok(Policy { period, ..assumed })
}

/// Returns how long keys are used, from settings in days: `KEY_ROTATION_DAYS` for the client-state key (0 or unset:
/// until a person asks for another) and `CERTIFICATE_ROTATION_DAYS` for certificates (365 if unset).
///
/// # Errors
///
/// Returns an error for anything but a number of days up to 3650, for certificates from 1, so that a typo does not turn
/// their rotation off.
pub fn rotation(keys: Option<&str>, certificates: Option<&str>) -> Result<Rotation, OutOfRange> {
    let days = |days: i64| SignedDuration::from_hours(24 * days);
    let keys = number(keys, "KEY_ROTATION_DAYS", 0..=3650)?;
    let certificates = number(certificates, "CERTIFICATE_ROTATION_DAYS", 1..=3650)?;
    Ok(Rotation {
        client_state: keys.filter(|keys| *keys > 0).map(days),
        certificate: certificates.map_or(Rotation::default().certificate, days),
    })
}

/// Returns how long before its end a loss of unknown beginning is read, from `CATCH_UP_HOURS`. Unset means nine hours:
/// the four for which Graph retries a notification, the four for which it retries `missed`, and one to spare.
///
/// # Errors
///
/// Returns an error for anything but a number of hours from 1 to 168.
pub fn hours_back(hours: Option<&str>) -> Result<SignedDuration, OutOfRange> {
    let hours = number(hours, "CATCH_UP_HOURS", 1..=168)?;
    Ok(SignedDuration::from_hours(hours.unwrap_or(9)))
}

/// Returns how long after its end a loss is read, from `CATCH_UP_DELAY_SECONDS`. Unset means a minute: Graph's lists show a
/// change some seconds after it happened.
///
/// # Errors
///
/// Returns an error for anything but a number of seconds up to 900, the longest that SQS keeps a message back.
pub fn catch_up_delay(seconds: Option<&str>) -> Result<SignedDuration, OutOfRange> {
    let seconds = number(seconds, "CATCH_UP_DELAY_SECONDS", 0..=900)?;
    Ok(SignedDuration::from_secs(seconds.unwrap_or(60)))
}

/// Returns the number in a setting; nothing if it is unset.
fn number(
    text: Option<&str>,
    name: &'static str,
    range: RangeInclusive<i64>,
) -> Result<Option<i64>, OutOfRange> {
    let Some(text) = text else { return Ok(None) };
    let number = text.trim().parse().ok().filter(|number| range.contains(number));
    number.map(Some).ok_or(OutOfRange { name, range })
}

/// A setting whose number is out of range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name} is not a whole number from {} to {}", .range.start(), .range.end())]
pub struct OutOfRange {
    name: &'static str,
    range: RangeInclusive<i64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_used_for_as_many_days_as_are_set() {
        let assumed = rotation(None, None).unwrap();
        assert_eq!(assumed, Rotation::default());
        let set = rotation(Some("30"), Some(" 3650 ")).unwrap();
        let hours = |days: Option<SignedDuration>| days.map(|days| days.as_hours());
        assert_eq!(hours(set.client_state), Some(30 * 24));
        assert_eq!(set.certificate.as_hours(), 3650 * 24);
        assert_eq!(rotation(Some("0"), None).unwrap().client_state, None);
        for wrong in ["-1", "3651", "never", "1.5"] {
            let error = rotation(Some(wrong), None).unwrap_err();
            assert_eq!(
                error.to_string(),
                "KEY_ROTATION_DAYS is not a whole number from 0 to 3650"
            );
        }
        for wrong in ["0", "-1", "3651", "never"] {
            let error = rotation(None, Some(wrong)).unwrap_err();
            assert_eq!(
                error.to_string(),
                "CERTIFICATE_ROTATION_DAYS is not a whole number from 1 to 3650"
            );
        }
    }

    #[test]
    fn the_setting_limits_how_far_back_an_undated_loss_is_read() {
        for (hours, expected) in [
            (None, Some(9)),
            (Some("168"), Some(168)),
            (Some("0"), None),
            (Some("x"), None),
        ] {
            let back = hours_back(hours).ok();
            assert_eq!(back, expected.map(SignedDuration::from_hours), "{hours:?}");
        }
    }

    #[test]
    fn the_setting_says_how_long_after_its_end_a_loss_is_read() {
        for (seconds, expected) in [
            (None, Some(60)),
            (Some("0"), Some(0)),
            (Some("900"), Some(900)),
            (Some("901"), None),
            (Some("-1"), None),
            (Some("x"), None),
        ] {
            let delay = catch_up_delay(seconds).ok();
            assert_eq!(delay, expected.map(SignedDuration::from_secs), "{seconds:?}");
        }
    }

    #[test]
    fn runs_are_as_many_minutes_apart_as_are_set() {
        for (minutes, expected) in [
            (None, Some(10)),
            (Some("1"), Some(1)),
            (Some("60"), Some(60)),
            (Some("0"), None),
            (Some("61"), None),
            (Some("rate(10 minutes)"), None),
        ] {
            let period = policy(minutes).map(|policy| policy.period).ok();
            assert_eq!(period, expected.map(SignedDuration::from_mins), "{minutes:?}");
        }
    }
}
