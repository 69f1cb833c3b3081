//! The commands for the messages of queues.

use clap::{Args, Subcommand};

use super::{A_DAY, non_empty};

/// A command for the messages of a queue.
#[derive(Clone, Debug, Subcommand)]
pub enum QueueCommand {
    /// Lists the messages by age, with reason, subscription and tenant.
    #[command(
        after_help = "Example:\n  graph-notifications failed list --reason TokenRejected\n\n\
        AGE is the time since the message reached the queue, LEFT the time in which a retry can succeed. While the command reads\n\
        messages, SQS hides them from others. If the command is interrupted, they are visible again after a minute, or up to an\n\
        hour in a long queue."
    )]
    List {
        /// The messages.
        #[command(flatten)]
        selection: Selection,
        /// Maximum number of messages.
        #[arg(long, value_name = "COUNT", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
    },
    /// Shows messages without their proofs, and their content only on request.
    #[command(after_help = "Example:\n  graph-notifications failed show 0a1b2c3d")]
    Show {
        /// Ids of messages, or unique beginnings of ids.
        #[arg(required = true, value_name = "ID", value_parser = non_empty)]
        ids: Vec<String>,
        /// Also shows the content.
        #[arg(long)]
        content: bool,
    },
    /// Moves messages back to a queue where they are retried, and reports the result.
    #[command(after_help = "Example:\n  graph-notifications failed retry --reason UnknownCertificate")]
    Retry {
        /// Ids of messages, or unique beginnings of ids.
        #[arg(value_name = "ID", value_parser = non_empty)]
        ids: Vec<String>,
        /// The messages.
        #[command(flatten)]
        selection: Selection,
        /// All messages of the queue.
        #[arg(long)]
        all: bool,
        /// Skips the confirmation.
        #[arg(long, short)]
        yes: bool,
        /// Seconds to wait for the result.
        #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(..=A_DAY))]
        wait: u64,
    },
    /// Deletes messages for good.
    #[command(
        after_help = "Example:\n  graph-notifications failed drop --reason TokenRejected --tenant 11111111-2222-3333-4444-555555555555"
    )]
    Drop {
        /// Ids of messages, or unique beginnings of ids.
        #[arg(value_name = "ID", value_parser = non_empty)]
        ids: Vec<String>,
        /// The messages.
        #[command(flatten)]
        selection: Selection,
        /// All messages of the queue.
        #[arg(long)]
        all: bool,
        /// Skips the confirmation.
        #[arg(long, short)]
        yes: bool,
    },
}

/// Selects messages.
#[derive(Args, Clone, Debug)]
pub struct Selection {
    /// Only messages with this reason; `none` for messages that SQS moved.
    #[arg(long, value_name = "REASON", value_parser = non_empty)]
    pub reason: Option<String>,
    /// Only messages of the tenant with this id.
    #[arg(long, value_name = "ID", value_parser = non_empty)]
    pub tenant: Option<String>,
    /// Only messages of this subscription or entry, by its name.
    #[arg(long, value_name = "NAME", value_parser = non_empty)]
    pub subscription: Option<String>,
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

#[cfg(test)]
mod tests {
    use clap::Parser;

    use crate::arguments::Arguments;

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
