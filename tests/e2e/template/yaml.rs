//! YAML with the short forms of CloudFormation, as JSON with the long ones.

use saphyr_parser::{Event, Parser, ScalarStyle, Tag};
use serde_json::{Map, Value};

/// Returns a template as JSON: `!Ref A` as `{"Ref": "A"}`, `!Sub ..` as `{"Fn::Sub": ..}` and so on.
pub fn parse(text: &str) -> Value {
    let mut events = Parser::new_from_str(text).map(|event| event.unwrap().0);
    let is_content = |event: &Event<'_>| !matches!(event, Event::StreamStart | Event::DocumentStart(_));
    let first = events.find(is_content).unwrap();
    value(first, &mut events)
}

fn value<'a>(event: Event<'a>, events: &mut impl Iterator<Item = Event<'a>>) -> Value {
    match event {
        Event::Scalar(text, style, _, tag) => tagged(tag.as_deref(), scalar(&text, style)),
        Event::SequenceStart(_, tag) => {
            let mut items = Vec::new();
            loop {
                match events.next().unwrap() {
                    Event::SequenceEnd => return tagged(tag.as_deref(), items.into()),
                    event => items.push(value(event, events)),
                }
            }
        }
        Event::MappingStart(_, tag) => {
            let mut members = Map::new();
            loop {
                let Event::Scalar(key, ..) = events.next().unwrap() else {
                    return tagged(tag.as_deref(), members.into());
                };
                let member = value(events.next().unwrap(), events);
                assert!(
                    members.insert(key.to_string(), member).is_none(),
                    "{key} comes twice"
                );
            }
        }
        event => panic!("{event:?} has no place in a template"),
    }
}

fn scalar(text: &str, style: ScalarStyle) -> Value {
    let is_plain = style == ScalarStyle::Plain;
    let plain = serde_json::from_str(text).ok().filter(|_| is_plain);
    plain.unwrap_or_else(|| text.into())
}

fn tagged(tag: Option<&Tag>, value: Value) -> Value {
    let Some(tag) = tag else { return value };
    let function = match tag.suffix.as_str() {
        "Ref" | "Condition" => tag.suffix.clone(),
        name => format!("Fn::{name}"),
    };
    Map::from_iter([(function, value)]).into()
}
