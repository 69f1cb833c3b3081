//! Everything that the functions' programs wrote, and how they ended.
//!
//! A log group has only what a program wrote until its answer. What it wrote before its first answer, or after its last one, is
//! not there.

use std::fs;

use super::{Error, Function, Stack};

/// The programs that have run a function.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Programs {
    /// All lines that they wrote.
    pub text: String,
    /// How those that have ended did: a status, or the negative number of a signal.
    pub ends: Vec<i32>,
    /// How many were ended because an invocation took longer than the function's timeout.
    pub timeouts: usize,
}

impl Stack {
    /// Returns what the programs of a function wrote, and how they ended.
    ///
    /// # Errors
    ///
    /// The template has no such function, or the record cannot be read.
    pub fn programs(&self, function: Function) -> Result<Programs, Error> {
        let name = self.resource(function.logical_id())?;
        let file = self.folder().join("programs.log");
        let record = fs::read(&file).map_err(Error::io(format!("reading {}", file.display())))?;
        let log = self.folder().join("ministack.log");
        let said = fs::read(&log).map_err(Error::io(format!("reading {}", log.display())))?;
        Ok(Programs {
            timeouts: timeouts_in(&String::from_utf8_lossy(&said), name),
            ..programs_in(&String::from_utf8_lossy(&record), name)
        })
    }
}

/// Counts the lines in which MiniStack says that it has ended a program of this function.
fn timeouts_in(log: &str, function: &str) -> usize {
    let said = format!(" Lambda {function}: Task timed out ");
    log.lines().filter(|line| line.contains(&said)).count()
}

/// Reads the record: lines that begin with the name of the function, and a sign.
fn programs_in(record: &str, function: &str) -> Programs {
    let mut programs = Programs::default();
    for line in record.lines() {
        let Some((sign, text)) = line
            .strip_prefix(function)
            .and_then(|rest| rest.strip_prefix('\t'))
            .and_then(|rest| rest.split_once('\t'))
        else {
            continue;
        };
        if let ("ended", Ok(status)) = (sign, text.parse()) {
            programs.ends.push(status);
        } else {
            programs.text.push_str(text);
            programs.text.push('\n');
        }
    }
    programs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_ends_are_those_of_the_function() {
        let record =
            "a\twrote\tone\tand more\nb\twrote\ttwo\na\tended\t-9\nab\tended\t1\na\twrote\t\na\tended\t0\n";
        let expected = Programs {
            text: "one\tand more\n\n".to_owned(),
            ends: vec![-9, 0],
            timeouts: 0,
        };
        assert_eq!(programs_in(record, "a"), expected);
        assert_eq!(programs_in(record, "c"), Programs::default());
    }

    #[test]
    fn timeouts_are_those_of_the_function() {
        let log = "12:00 WARNING [lambda] Lambda a: Task timed out after 10.00 seconds\n\
                   12:01 WARNING [lambda] Lambda ab: Task timed out after 30.00 seconds\n\
                   12:02 INFO [lambda] Lambda a: init exceeded 10s\n";
        assert_eq!(["a", "ab", "b"].map(|name| timeouts_in(log, name)), [1, 1, 0]);
    }
}
