//! The commands for the messages of queues.

use clap::{Args, Subcommand};
use graph_core::application::Guid;

use super::{A_DAY, non_empty};

/// A command for `FailedQueue`.
#[derive(Clone, Debug, Subcommand)]
pub enum Failed {
    /// Lists the messages by age, with reason, subscription and tenant.
    #[command(
        after_help = "Example:\n  graph-notifications failed list --reason TokenRejected\n\n\
        AGE is the time since the message was sent to FailedQueue, for `none` to the queue from which SQS moved it. LEFT is the\n\
        time in which a retry can succeed. While the command reads, SQS hides messages from others. If it is interrupted, they\n\
        are visible again within a minute, in a long queue within an hour. SQS counts changes late: in the minute after a retry\n\
        or drop, the command may look for ten seconds and say that messages were not looked at."
    )]
    List {
        /// The reason of the messages.
        #[command(flatten)]
        reason: Reason,
        /// The owner of the messages.
        #[command(flatten)]
        owner: Owner,
        /// The number of messages.
        #[command(flatten)]
        limit: Limit,
    },
    /// Shows messages without client states and tokens, and their content only on request.
    #[command(after_help = "Example:\n  graph-notifications failed show 0a1b2c3d")]
    Show(Show),
    /// Moves messages back to a queue where they are retried, and reports the result.
    #[command(
        after_help = "Example:\n  graph-notifications failed retry --reason UnknownCertificate\n\n\
        Remove the cause first. Items that were received over 19 days ago stay in FailedQueue: every function would reject them."
    )]
    Retry {
        /// The reason of the messages.
        #[command(flatten)]
        reason: Reason,
        /// The messages.
        #[command(flatten)]
        choice: Choice,
        /// Seconds to wait for the result.
        #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(..=A_DAY))]
        wait: u64,
    },
    /// Deletes messages for good.
    #[command(
        after_help = "Example:\n  graph-notifications failed drop --reason TokenRejected --tenant 11111111-2222-3333-4444-555555555555"
    )]
    Drop {
        /// The reason of the messages.
        #[command(flatten)]
        reason: Reason,
        /// The messages.
        #[command(flatten)]
        choice: Choice,
    },
}

/// A command for `UndeliveredQueue`.
#[derive(Clone, Debug, Subcommand)]
pub enum Undelivered {
    /// Lists the events by age, with subscription and tenant, and how often they were received.
    #[command(
        after_help = "Example:\n  graph-notifications undelivered list --subscription users\n\n\
        AGE is the time since the event was sent to DeliveryQueue. LEFT is the time until SQS deletes it. While the command\n\
        reads, SQS hides events from others. If it is interrupted, they are visible again within a minute, in a long queue\n\
        within an hour."
    )]
    List {
        /// The owner of the events.
        #[command(flatten)]
        owner: Owner,
        /// The number of events.
        #[command(flatten)]
        limit: Limit,
    },
    /// Shows events, and their content only on request.
    #[command(after_help = "Example:\n  graph-notifications undelivered show 0a1b2c3d")]
    Show(Show),
    /// Moves events back to DeliveryQueue.
    #[command(
        after_help = "Example:\n  graph-notifications undelivered retry --all\n\nRepair the consumer first."
    )]
    Retry(Choice),
    /// Deletes events for good.
    #[command(after_help = "Example:\n  graph-notifications undelivered drop --subscription users")]
    Drop(Choice),
}

/// Ids of messages to show.
#[derive(Args, Clone, Debug)]
pub struct Show {
    /// Ids of messages, or unique beginnings of ids.
    #[arg(required = true, value_name = "ID", value_parser = non_empty)]
    pub ids: Vec<String>,
    /// Also shows the content.
    #[arg(long)]
    pub content: bool,
}

/// The messages to change.
#[derive(Args, Clone, Debug)]
pub struct Choice {
    /// Ids of messages, or unique beginnings of ids.
    #[arg(value_name = "ID", value_parser = non_empty)]
    pub ids: Vec<String>,
    /// The owner of the messages.
    #[command(flatten)]
    pub owner: Owner,
    /// All messages of the queue.
    #[arg(long)]
    pub all: bool,
    /// Skips the confirmation.
    #[arg(long, short)]
    pub yes: bool,
}

/// Selects messages by their reason.
#[derive(Args, Clone, Debug)]
pub struct Reason {
    /// Only messages with this reason; `none` for messages that SQS moved after their last try.
    #[arg(long, value_name = "REASON", value_parser = non_empty)]
    pub reason: Option<String>,
}

/// Selects messages by their owner.
#[derive(Args, Clone, Debug)]
pub struct Owner {
    /// Only messages of the tenant with this id, a GUID.
    #[arg(long, value_name = "ID", value_parser = tenant_id)]
    pub tenant: Option<String>,
    /// Only messages of this subscription or entry, by its name.
    #[arg(long, value_name = "NAME", value_parser = non_empty)]
    pub subscription: Option<String>,
}

/// The number of messages in a list.
#[derive(Args, Clone, Debug)]
pub struct Limit {
    /// Maximum number of messages.
    #[arg(long, value_name = "COUNT", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: u32,
}

/// A command for events.
#[derive(Clone, Debug, Subcommand)]
pub enum Events {
    /// Shows the waiting events and leaves them in the queue.
    #[command(after_help = "Example:\n  graph-notifications events tail\n\n\
        Each look counts as a receive; after DeliveryMaxReceives receives SQS moves an event to UndeliveredQueue.")]
    Tail {
        /// Maximum number of events, from 1 to 100. Each can have 1 MiB.
        #[arg(long, value_name = "COUNT", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=100))]
        limit: u16,
        /// Shows the whole events.
        #[arg(long)]
        content: bool,
    },
}

/// Parses a tenant's id. With a name, which `status --tenant` takes, no message would be found.
fn tenant_id(value: &str) -> Result<String, String> {
    let value = non_empty(value)?;
    let id = Guid::parse(&value)
        .ok_or("it is not the id of a tenant; `graph-notifications config show` has the ids")?;
    Ok(id.to_string())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use crate::arguments::Arguments;

    #[test]
    fn a_tenant_is_named_by_its_id_and_not_by_its_name() {
        for queue in ["failed", "undelivered"] {
            for command in ["list", "retry", "drop"] {
                let parse = |tenant: &str| {
                    let line = format!("graph-notifications {queue} {command} --tenant {tenant}");
                    Arguments::try_parse_from(line.split(' '))
                };
                let error = parse("contoso").expect_err(command).to_string();
                assert!(error.contains("config show"), "{error}");
                assert!(parse("11111111-2222-3333-4444-55555555555A").is_ok());
            }
        }
    }

    #[test]
    fn events_have_no_reason_and_no_result_to_wait_for() {
        for line in ["list --reason none", "drop --reason none", "retry --all --wait 1"] {
            let line = format!("graph-notifications undelivered {line}");
            assert!(Arguments::try_parse_from(line.split(' ')).is_err(), "{line}");
        }
    }

    #[test]
    fn a_limit_allows_at_least_one_message_and_no_endless_output() {
        for (line, is_right) in [
            ("failed list --limit 0", false),
            ("failed list --limit 200000", true),
            ("events tail --limit 0", false),
            ("events tail --limit 100", true),
            ("events tail --limit 101", false),
        ] {
            let words = format!("graph-notifications {line}");
            let parsed = Arguments::try_parse_from(words.split(' '));
            assert_eq!(parsed.is_ok(), is_right, "{line}");
        }
    }
}
