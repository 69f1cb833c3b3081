//! A delivered event, as a consumer reads it.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// The parts of an event that the demo compares.
#[derive(Debug, Deserialize)]
pub(crate) struct Event<'a> {
    /// The type of the event.
    #[serde(rename = "type")]
    pub(crate) event_type: String,
    /// The name of the subscription.
    pub(crate) subscription: String,
    /// The data.
    #[serde(borrow)]
    pub(crate) data: Data<'a>,
}

/// The data of an event.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Data<'a> {
    /// The kind of change.
    pub(crate) change_type: String,
    /// The path of the resource.
    pub(crate) resource: String,
    /// The resource data of the notification.
    #[serde(default)]
    pub(crate) resource_data: Value,
    /// The decrypted or fetched resource, as text.
    #[serde(borrow)]
    pub(crate) content: Option<&'a RawValue>,
    /// The id of the gap event, if the change was read for a gap.
    pub(crate) caught_up: Option<String>,
}

impl<'a> Event<'a> {
    /// Parses an event.
    pub(crate) fn parse(json: &'a str) -> Option<Self> {
        serde_json::from_str(json).ok()
    }

    /// Returns a short description of the resource.
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

/// Removes the text between angle brackets, and replaces the entities of XML.
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
