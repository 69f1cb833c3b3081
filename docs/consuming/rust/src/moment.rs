//! Which of two states of a resource is the later one.

use graph_events::{Change, DateTime, DeliveredEvent, ReadError};
use serde_json::Value;

/// Returns a number that is larger for a later state, or nothing if the event has no time.
///
/// Graph can send an old change late, so what the resource itself says comes first. Changes of one POST have one time: of
/// these a deletion is the last.
pub fn moment(event: &DeliveredEvent) -> Result<Option<i64>, ReadError> {
    let content: Option<Value> = event.content_as()?;
    let modified =
        content.and_then(|content| Some(content.get("lastModifiedDateTime")?.as_str()?.to_owned()));
    let time = modified.map_or_else(|| event.time.clone(), DateTime::from);
    let is_deleted = event.change() == Some(Change::Deleted);
    Ok(time
        .timestamp()
        .map(|time| time.as_microsecond() * 2 + i64::from(is_deleted)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_later_state_has_a_larger_number() {
        let in_order = [
            of("10:00:00.123456789", "created", json!({"content": {"id": "1"}})),
            of("10:00:01", "updated", json!({})),
            of("10:00:01.5", "updated", json!({})),
            // Of the same POST as the deletion.
            of("10:00:05", "updated", json!({})),
            of("10:00:05", "deleted", json!({})),
            of("10:00:06", "created", json!({})),
        ];
        assert!(in_order.is_sorted_by(|one, other| one < other), "{in_order:?}");
    }

    #[test]
    fn an_old_change_that_comes_late_stays_old() {
        let late = json!({"content": {"lastModifiedDateTime": "2026-11-22T10:00:00Z"}});
        let deletion = of("10:00:05", "deleted", json!({}));
        assert!(of("11:00:00", "updated", late) < deletion);
    }

    #[test]
    fn an_event_without_a_time_has_no_number() {
        assert_eq!(of("soon", "created", json!({})), None);
    }

    fn of(time: &str, change: &str, mut data: Value) -> Option<i64> {
        data["tenantId"] = json!("t");
        data["changeType"] = json!(change);
        let event = json!({
            "specversion": "1.0", "id": "x", "source": "/tenants/t/applications/c", "type": "Microsoft.Graph.ChatMessageUpdated",
            "time": format!("2026-11-22T{time}Z"), "subscription": "chats", "data": data
        });
        moment(&DeliveredEvent::parse(&event.to_string()).unwrap()).unwrap()
    }
}
