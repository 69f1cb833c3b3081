//! The texts of `--help`. They are here so that they can be read before anything else is compiled.

/// `cargo demo --help`.
pub const DEMO: &str = "\
Builds and deploys the real template to a local AWS, subscribes at a simulated
Microsoft Graph, and sends one notification of each kind, one of which Graph
loses and the reader reads. Shows renewal's plan, the delivered events, and how
renewal answers when Graph removes a subscription or asks for its
reauthorization.

Usage: cargo demo [OPTIONS]

      --keep   leave everything running, and print its addresses and commands
               that send more; Ctrl-C stops it
      --json   print the delivered events as a stream of JSON values
  -h, --help   this text

The exit status is 0 only if every event is right.
";

/// `cargo year --help`.
pub const YEAR: &str = "\
Runs a year of renewal in virtual time with many kinds of faults, and prints
the result.

Usage: cargo year [OPTIONS]

      --subscriptions N   number of subscriptions (default 1000)
      --tenants N         number of tenants (default 20)
      --days N            number of days (default 365)
      --seed N            another course of events (default 1)
  -h, --help              this text

The first run compiles with optimisation, which takes minutes. The table at the
end has each rule with its goal. The exit status is 1 if one was broken: a
subscription that is missing, superfluous or twice, or lapsed though its reserve
was long enough, a wrong deletion, changes missed without a report, a report of
failures where nothing had happened, a limit of Graph that was exceeded, a
renewal and a reauthorization too close together, more than a tenth of
unnecessary calls, or, in a whole year, a kind of fault that did not occur.
";

/// `cargo chaos --help`.
pub const CHAOS: &str = "\
Deploys the real template to a local AWS and sends changes to it under faults:
calls to AWS fail or hang, functions are killed, the simulated Microsoft Graph
fails, loses and repeats notifications, and returns empty and incomplete lists,
and keys and the configuration are replaced. Then it compares the delivered
events with the sent changes of two tenants.

Usage: cargo chaos [OPTIONS]

      --items N     changes to send, at least 100 (default 5000)
      --faults P    percent of the calls to AWS that fail (default 15)
      --kills N     functions to kill (default 20)
      --seed N      another course of events (default 1)
      --minutes N   longest time to send, in minutes (default 15)
      --steady      spreads the changes over all of these minutes, with three
                    more for what is late, replaces both keys each ten minutes,
                    and compares the memory and the open files of each function,
                    and how long a change takes, at the end with those of the
                    beginning
      --upgrade DIR deploys an earlier version first, and what is built here
                    over it while changes are sent; DIR is an unpacked release
                    or a checkout, whose functions are compiled
  -h, --help        this text

The exit status is 0 only if every genuine change arrived exactly once by its
id and for its own tenant and subscription; if it was read where Graph lost it;
if every subscription that is configured lives, with time left, and none was
deleted that should live; if, at the end, renewal has no failures and no queue
has messages; if no program ended by itself and none wrote a secret; if, with
--steady for ten minutes or more, nothing has grown; and if the run did what it
was asked for: all changes were sent, nine of ten functions were killed, half
as many calls failed as asked for, and nearly all else that was to go wrong did.
docs/performance.md names the cases in which a change may be missing; the report
counts each of them. The seed decides which faults happen and after how many
changes; the machine decides what runs at that moment.
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_fits_into_80_columns() {
        for line in [DEMO, YEAR, CHAOS].into_iter().flat_map(str::lines) {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }
}
