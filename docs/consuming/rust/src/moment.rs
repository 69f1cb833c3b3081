//! Which of two states of a resource is the later one.

use graph_events::{Change, DateTime, DeliveredEvent};
use lambda_runtime::Error;
use serde_json::Value;

/// Returns a number that is larger for a later state.
///
/// Graph can send an old change late, so what the resource itself says comes first. Changes of one POST have one time: of
/// these a deletion is the last.
pub fn of(event: &DeliveredEvent) -> Result<i64, Error> {
    let is_deleted = event.change() == Some(Change::Deleted);
    let time = modified(event)?.or_else(|| microseconds(&event.time));
    Ok(number(time.ok_or("the state has no time")?, is_deleted))
}

/// Returns when the resource changed, as it says itself. Microsoft writes a time that is not set as the year 1.
fn modified(event: &DeliveredEvent) -> Result<Option<i64>, Error> {
    let content: Option<Value> = event.content_as()?;
    let time = content.and_then(|content| Some(content.get("lastModifiedDateTime")?.as_str()?.to_owned()));
    let time = time.and_then(|time| microseconds(&DateTime::from(time)));
    Ok(time.filter(|time| *time > 0))
}

/// Returns a time in microseconds since 1970, if it can be read.
fn microseconds(time: &DateTime) -> Option<i64> {
    time.timestamp().map(|time| time.as_microsecond())
}

/// Returns the number of a state at a time, in microseconds since 1970.
pub fn number(microseconds: i64, is_deleted: bool) -> i64 {
    microseconds * 2 + i64::from(is_deleted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_later_state_has_a_larger_number() {
        let in_order = [
            moment("10:00:00.123456789", "created", json!({"content": {"id": "1"}})),
            moment("10:00:01", "updated", json!({})),
            moment("10:00:01.5", "updated", json!({})),
            // Of the same POST as the deletion.
            moment("10:00:05", "updated", json!({})),
            moment("10:00:05", "deleted", json!({})),
            moment("10:00:06", "created", json!({})),
        ];
        assert!(in_order.is_sorted_by(|one, other| one < other), "{in_order:?}");
    }

    #[test]
    fn an_old_change_that_comes_late_stays_old() {
        let late = json!({"content": {"lastModifiedDateTime": "2026-11-22T10:00:00Z"}});
        let deletion = moment("10:00:05", "deleted", json!({}));
        assert!(moment("11:00:00", "updated", late) < deletion);
    }

    #[test]
    fn a_resource_without_a_usable_time_has_that_of_its_event() {
        let expected = moment("10:00:00", "created", json!({"content": {"id": "1"}}));
        for unusable in [
            json!(""),
            json!("soon"),
            json!(5),
            json!(null),
            json!("0001-01-01T00:00:00Z"),
        ] {
            let content = json!({"content": {"lastModifiedDateTime": unusable}});
            assert_eq!(moment("10:00:00", "created", content), expected, "{unusable}");
        }
    }

    #[test]
    fn an_event_without_a_time_is_an_error() {
        assert!(of(&event("soon", "created", json!({}))).is_err());
    }

    fn moment(time: &str, change: &str, data: Value) -> i64 {
        of(&event(time, change, data)).unwrap()
    }

    fn event(time: &str, change: &str, mut data: Value) -> DeliveredEvent {
        data["tenantId"] = json!("t");
        data["changeType"] = json!(change);
        let event = json!({
            "specversion": "1.0", "id": "x", "source": "/tenants/t/applications/c", "type": "Microsoft.Graph.ChatMessageUpdated",
            "time": format!("2026-11-22T{time}Z"), "subscription": "chats", "data": data
        });
        DeliveredEvent::parse(&event.to_string()).unwrap()
    }
}
