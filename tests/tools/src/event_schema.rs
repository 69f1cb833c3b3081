//! The JSON Schema of delivered events, held against events by a validator in Python.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::{Error, Tools, root};

/// A validator that runs until it is dropped.
#[derive(Debug)]
pub struct EventSchema {
    validator: Child,
    events: Option<ChildStdin>,
    faults: BufReader<ChildStdout>,
}

impl EventSchema {
    /// Starts the validator, with the Python of the SAM CLI, which depends on the package `jsonschema`.
    ///
    /// # Errors
    ///
    /// Python cannot be started.
    pub fn start(tools: &Tools) -> Result<Self, Error> {
        let mut validator = Command::new(tools.sam_folder().join("python"))
            .args(["-c", include_str!("../event_schema.py")])
            .arg(root().join("docs").join("events.schema.json"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(Error::io("starting the validator of events"))?;
        let (events, faults) = (validator.stdin.take(), validator.stdout.take());
        let closed = || Error::io("reaching the validator of events")(std::io::ErrorKind::BrokenPipe.into());
        Ok(Self {
            validator,
            events: Some(events.ok_or_else(closed)?),
            faults: BufReader::new(faults.ok_or_else(closed)?),
        })
    }

    /// Returns what is wrong with an event.
    ///
    /// # Errors
    ///
    /// The validator has ended, which it does when the schema itself is wrong.
    pub fn fault(&mut self, event: &str) -> Result<Option<String>, Error> {
        let mut line = String::new();
        self.ask(event, &mut line)
            .map_err(Error::io("holding docs/events.schema.json against an event"))?;
        let fault = line.trim_end();
        Ok((!fault.is_empty()).then(|| fault.to_owned()))
    }

    fn ask(&mut self, event: &str, answer: &mut String) -> std::io::Result<()> {
        let events = self.events.as_mut().ok_or(std::io::ErrorKind::BrokenPipe)?;
        // Content stays as Graph sent it, line ends included, so the length says where an event ends.
        write!(events, "{}\n{event}", event.len())?;
        events.flush()?;
        if self.faults.read_line(answer)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }
}

impl Drop for EventSchema {
    fn drop(&mut self) {
        // Without input it ends.
        drop(self.events.take());
        // Whoever is dropped has nobody to tell.
        let _ = self.validator.wait();
    }
}
