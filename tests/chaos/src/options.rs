//! The command line.

use std::{ffi::OsString, path::PathBuf};

use lexopt::prelude::*;

use crate::verdict::MIN_ITEMS;

/// What a run is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Changes to send.
    pub items: u32,
    /// Percent of the calls to AWS that fail.
    pub faults: u8,
    /// Functions to kill.
    pub kills: u32,
    /// What decides on everything that goes wrong.
    pub seed: u64,
    /// Most minutes to send for.
    pub minutes: u32,
    /// Whether the changes are spread over all of these minutes.
    pub steady: bool,
    /// What is upgraded to what is built here: the folder of an unpacked release, or of a checkout.
    pub upgrade: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            items: 5_000,
            faults: 15,
            kills: 20,
            seed: 1,
            minutes: 15,
            steady: false,
            upgrade: None,
        }
    }
}

impl Options {
    /// Reads the command line without the program's name; returns nothing if it asks for help.
    ///
    /// # Errors
    ///
    /// An option is unknown, or has no value that it can have.
    pub fn parse<I>(arguments: I) -> Result<Option<Self>, lexopt::Error>
    where
        I: IntoIterator<Item = OsString>,
    {
        let mut options = Self::default();
        let mut arguments = lexopt::Parser::from_args(arguments);
        while let Some(argument) = arguments.next()? {
            match argument {
                Long("items") => options.items = arguments.value()?.parse_with(items)?,
                Long("faults") => options.faults = arguments.value()?.parse_with(percent)?,
                Long("kills") => options.kills = arguments.value()?.parse()?,
                Long("seed") => options.seed = arguments.value()?.parse()?,
                Long("minutes") => options.minutes = arguments.value()?.parse()?,
                Long("steady") => options.steady = true,
                Long("upgrade") => options.upgrade = Some(arguments.value()?.into()),
                Short('h') | Long("help") => return Ok(None),
                other => return Err(other.unexpected()),
            }
        }
        Ok(Some(options))
    }
}

/// Reads a number of changes of which something can be said.
fn items(text: &str) -> Result<u32, String> {
    let items: u32 = text.parse().map_err(|_| "is not a number".to_owned())?;
    if usize::try_from(items).is_ok_and(|items| items >= MIN_ITEMS) {
        Ok(items)
    } else {
        Err(format!("is less than {MIN_ITEMS}: so few prove nothing"))
    }
}

/// Reads a percentage at which something still gets through.
fn percent(text: &str) -> Result<u8, String> {
    let percent: u8 = text.parse().map_err(|_| "is not a number".to_owned())?;
    if percent <= 50 {
        Ok(percent)
    } else {
        Err("is more than 50: hardly anything would get through".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_is_read() {
        let line = "--items 700 --faults 8 --kills 9 --seed 10 --minutes 11 --steady --upgrade release";
        let expected = Options {
            items: 700,
            faults: 8,
            kills: 9,
            seed: 10,
            minutes: 11,
            steady: true,
            upgrade: Some("release".into()),
        };
        assert_eq!(parse(line).unwrap(), Some(expected));
        assert_eq!(parse("").unwrap(), Some(Options::default()));
        assert_eq!(parse("--help").unwrap(), None);
    }

    #[test]
    fn an_option_that_makes_no_sense_is_refused() {
        for line in ["--faults 51", "--items", "--items 99", "--items x", "--colour"] {
            assert!(parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn the_help_names_every_option_and_its_default() {
        let Options {
            items,
            faults,
            kills,
            seed,
            minutes,
            ..
        } = Options::default();
        for text in [
            format!("--items N     changes to send, at least {MIN_ITEMS} (default {items})"),
            format!("(default {faults})"),
            format!("functions to kill (default {kills})"),
            format!("another course of events (default {seed})"),
            format!("in minutes (default {minutes})"),
        ] {
            assert!(tools::help::CHAOS.contains(&text), "{text}");
        }
    }

    fn parse(line: &str) -> Result<Option<Options>, lexopt::Error> {
        Options::parse(line.split_whitespace().map(OsString::from))
    }
}
