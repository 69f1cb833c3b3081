//! Prints a line for each delivered event. The input is the bodies of messages of the delivery queue, one after the
//! other.
//!
//! ```sh
//! cargo demo --json | cargo run -p graph-events --example consumer
//! ```

use std::{
    error::Error,
    io::{self, Read, Write},
};

use graph_events::{DeliveredEvent, Field, Resource};
use serde_json::value::RawValue;

fn main() -> Result<(), Box<dyn Error>> {
    consume(io::stdin().lock(), io::stdout().lock())
}

/// Writes a line for each of the events in `input`.
pub(crate) fn consume(input: impl Read, mut output: impl Write) -> Result<(), Box<dyn Error>> {
    // Content is as Microsoft Graph sent it, including line breaks, so an event can take many lines.
    let bodies = serde_json::Deserializer::from_reader(input).into_iter::<Box<RawValue>>();
    for body in bodies {
        // An unreadable event does not hold back the others.
        match DeliveredEvent::parse(body?.get()) {
            Ok(event) => writeln!(output, "{}", describe(&event))?,
            Err(error) => writeln!(output, "not an event: {error}")?,
        }
    }
    Ok(())
}

/// Returns the line for an event: time, type, resource and details.
fn describe(event: &DeliveredEvent) -> String {
    let path = event
        .path()
        .map_or_else(|error| error.to_string(), |path| path.to_string());
    let details = match event.resource() {
        Ok(resource) => details(&resource),
        Err(error) => error.to_string(),
    };
    let source = match (&event.data.content, event.data.content_omitted) {
        (Some(_), _) => "content",
        (None, true) => "content omitted",
        (None, false) => "basic",
    };
    format!("{} {} {path} [{source}] {details}", event.time, event.event_type)
}

/// Returns the most useful detail of a resource.
fn details(resource: &Resource) -> String {
    match resource {
        Resource::Team(team) => text(&team.display_name),
        Resource::Channel(channel) => text(&channel.display_name),
        Resource::ChatMessage(message) => {
            let author = message.from.value().and_then(|from| from.user.value());
            let body = message.body.value().and_then(|body| body.content.as_deref());
            let name = author.and_then(|user| user.display_name.as_deref());
            format!("{}: {}", name.unwrap_or("somebody"), body.unwrap_or_default())
        }
        Resource::Presence(presence) => match (presence.availability.value(), presence.activity.value()) {
            (Some(availability), Some(activity)) => format!("{availability}, {activity}"),
            _ => String::new(),
        },
        Resource::Message(message) => text(&message.subject),
        Resource::Event(event) => text(&event.subject),
        Resource::Contact(contact) => text(&contact.display_name),
        Resource::User(user) => text(&user.id),
        Resource::Group(group) => {
            let changed = group.members_delta.as_deref().unwrap_or_default();
            format!("{} members came or went", changed.len())
        }
        Resource::DriveItem(_) | Resource::ListItem(_) => "a delta query tells what changed".to_owned(),
        // Models without a line of their own, and models of later versions.
        _ => String::new(),
    }
}

fn text(field: &Field<String>) -> String {
    field.as_deref().unwrap_or_default().to_owned()
}
