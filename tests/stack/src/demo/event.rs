//! A delivered event, as a consumer reads it.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// The parts of an event that the demo compares.
#[derive(Debug, Deserialize)]
pub(crate) struct Event<'a> {
    /// Type of what happened.
    #[serde(rename = "type")]
    pub(crate) event_type: String,
    /// Name of the subscription.
    pub(crate) subscription: String,
    /// What happened.
    #[serde(borrow)]
    pub(crate) data: Data<'a>,
}

/// What happened.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Data<'a> {
    /// Kind of change.
    pub(crate) change_type: String,
    /// Path of the resource.
    pub(crate) resource: String,
    /// What the notification says about the resource.
    #[serde(default)]
    pub(crate) resource_data: Value,
    /// The resource, decrypted or fetched, as text.
    #[serde(borrow)]
    pub(crate) content: Option<&'a RawValue>,
    /// The gap that the change was read for.
    pub(crate) caught_up: Option<String>,
}

impl<'a> Event<'a> {
    /// Reads an event.
    pub(crate) fn parse(json: &'a str) -> Option<Self> {
        serde_json::from_str(json).ok()
    }

    /// Says in a few words what the event is about.
    pub(crate) fn summary(&self) -> String {
        let content = self
            .data
            .content
            .and_then(|raw| serde_json::from_str::<Value>(raw.get()).ok());
        let text = |pointer: &str| {
            content
                .as_ref()?
                .pointer(pointer)?
                .as_str()
                .filter(|text| !text.is_empty())
        };
        let said = ["/subject", "/body/content", "/displayName", "/availability"]
            .into_iter()
            .find_map(text);
        said.map_or_else(
            || self.data.resource.clone(),
            |said| format!("“{}”", without_tags(said)),
        )
    }
}

/// Leaves out what is between angle brackets, and reads the entities of XML.
fn without_tags(html: &str) -> String {
    let mut text = String::new();
    let mut is_tag = false;
    for character in html.chars() {
        match character {
            '<' => is_tag = true,
            '>' => is_tag = false,
            _ if is_tag => {}
            _ => text.push(character),
        }
    }
    text.replace("&nbsp;", " ")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_is_taken_from_the_resource_when_there_is_one() {
        check(
            r#","content":{"subject":null,"body":{"content":"<p>Hello</p>"}}"#,
            "“Hello”",
        );
        check(r#","content":{"displayName":"Sales"}"#, "“Sales”");
        check("", "users/1");
    }

    #[track_caller]
    fn check(content: &str, expected: &str) {
        let json = format!(
            r#"{{"type":"t","subscription":"s","data":{{"changeType":"c","resource":"users/1"{content}}}}}"#
        );
        assert_eq!(Event::parse(&json).unwrap().summary(), expected);
    }
}
