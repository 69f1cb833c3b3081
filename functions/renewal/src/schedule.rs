//! The schedules of renewal: of its runs, and of its keys.

use graph_core::subscription::{plan::Policy, rotation::Rotation};
use jiff::SignedDuration;

/// Returns the policy for a schedule expression of AWS, such as `rate(10 minutes)`.
///
/// Of other forms the period is not known; then a run every ten minutes is assumed.
pub fn policy(schedule: Option<&str>) -> Policy {
    let assumed = Policy::default();
    let period = schedule.and_then(period).unwrap_or(assumed.period);
    Policy { period, ..assumed }
}

/// Returns how long keys are used, from settings in days: `KEY_ROTATION_DAYS` for client-state keys (90 when unset) and
/// `CERTIFICATE_ROTATION_DAYS` for certificates (365 when unset).
///
/// # Errors
///
/// Returns an error for what is not a number of days from 1 to 3650, so that a slip does not turn rotation off.
pub fn rotation(keys: Option<&str>, certificates: Option<&str>) -> Result<Rotation, InvalidDays> {
    let assumed = Rotation::default();
    Ok(Rotation {
        client_state: days(keys, "KEY_ROTATION_DAYS")?.unwrap_or(assumed.client_state),
        certificate: days(certificates, "CERTIFICATE_ROTATION_DAYS")?.unwrap_or(assumed.certificate),
    })
}

/// A number of days that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not a whole number from 1 to 3650")]
pub struct InvalidDays(&'static str);

fn days(text: Option<&str>, name: &'static str) -> Result<Option<SignedDuration>, InvalidDays> {
    let Some(text) = text else { return Ok(None) };
    let days: i64 = text.trim().parse().map_err(|_| InvalidDays(name))?;
    if !(1..=3650).contains(&days) {
        return Err(InvalidDays(name));
    }
    Ok(Some(SignedDuration::from_hours(24 * days)))
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
    fn keys_are_used_for_as_many_days_as_are_set() {
        let assumed = rotation(None, None).unwrap();
        assert_eq!(assumed, Rotation::default());
        let set = rotation(Some("30"), Some(" 3650 ")).unwrap();
        assert_eq!(
            (set.client_state.as_hours(), set.certificate.as_hours()),
            (30 * 24, 3650 * 24)
        );
        for wrong in ["0", "-1", "3651", "never", "1.5"] {
            assert_eq!(rotation(Some(wrong), None), Err(InvalidDays("KEY_ROTATION_DAYS")));
            assert_eq!(
                rotation(None, Some(wrong)),
                Err(InvalidDays("CERTIFICATE_ROTATION_DAYS"))
            );
        }
    }

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
