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
        Ok(programs_in(&String::from_utf8_lossy(&record), name))
    }
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
        };
        assert_eq!(programs_in(record, "a"), expected);
        assert_eq!(programs_in(record, "c"), Programs::default());
    }
}
