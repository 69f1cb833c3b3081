//! What `--help` says. It is here, so that nothing has to be compiled before it can be read.

/// `cargo demo --help`.
pub const DEMO: &str = "\
Builds and deploys the real template to a local AWS, subscribes at a simulated
Microsoft Graph, sends one notification of each kind, and shows the plan, the
events that come out, and what renewal does when Graph removes a subscription
or asks for its reauthorization.

Usage: cargo demo [OPTIONS]

      --keep   leave everything up at the end, and print where it is and how to
               send more; Ctrl-C stops it
      --json   print the events as they are delivered, a stream of JSON values
  -h, --help   this text

The exit status is 0 only if everything came out right.
";

/// `cargo year --help`.
pub const YEAR: &str = "\
Lets a year of renewal pass in virtual time, with everything going wrong that
can, and prints what was seen.

Usage: cargo year [OPTIONS]

      --subscriptions N   how many there are (default 1000)
      --tenants N         in how many tenants (default 20)
      --days N            how long it lasts (default 365)
      --seed N            another course of events (default 1)
  -h, --help              this text

The first time it is compiled with optimisation, which takes minutes. The exit
status is 1 if a rule was broken: a subscription lapsed that could have been
saved, one was deleted that should live, a limit of Graph was passed, renewals
and reauthorizations came too close together, or more than a tenth more calls
were made than necessary.
";

/// `cargo chaos --help`.
pub const CHAOS: &str = "\
Deploys the real template to a local AWS and sends changes to it while
everything goes wrong that can: calls of AWS fail or hang, functions are killed,
the simulated Microsoft Graph fails, loses and repeats, keys and the
configuration are replaced. Then it holds what arrived against what was sent.

Usage: cargo chaos [OPTIONS]

      --items N     changes to send (default 5000)
      --faults P    percent of the calls to AWS that fail (default 15)
      --kills N     functions to kill, at any moment (default 20)
      --seed N      another course of events (default 1)
      --minutes N   send for at most so long (default 15)
  -h, --help        this text

The exit status is 0 only if every change that was sent has arrived exactly
once by its id, is in FailedQueue with a reason, or lies in a gap that was
reported; if no subscription lapsed that could have been saved; if no secret is
in any log; and if no function panicked. The seed decides what goes wrong and
after how many changes; the machine decides what is under way at that moment.
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
