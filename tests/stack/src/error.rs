//! The errors of the local stack.

use std::io;

/// Why the local stack cannot be set up or used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A program or a file cannot be used.
    #[error(transparent)]
    Tools(#[from] tools::Error),
    /// A wait took too long.
    #[error("{what} took longer than {seconds} s")]
    TimedOut {
        /// What was awaited.
        what: String,
        /// How long the wait was.
        seconds: u64,
    },
    /// A service could not be reached.
    #[error("{service} does not answer: {}", chain(source.as_ref()))]
    Unreachable {
        /// The service.
        service: &'static str,
        /// The cause.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A service answered with an error.
    #[error("{service} answered {status}: {body}")]
    Refused {
        /// The service.
        service: &'static str,
        /// The status of the answer.
        status: u16,
        /// The body of the answer.
        body: String,
    },
    /// A function returned an error.
    #[error("{function} failed: {payload}")]
    Function {
        /// The function.
        function: &'static str,
        /// Its answer.
        payload: String,
    },
    /// The template lacks this output or resource.
    #[error("stack has no {0}")]
    Absent(String),
    /// An event does not have the form that consumers rely on.
    #[error("event does not follow docs/events.schema.json: {fault}\n{event}")]
    Schema {
        /// The fault.
        fault: String,
        /// The event.
        event: String,
    },
    /// A text does not have the expected form.
    #[error("{0} cannot be understood")]
    Malformed(String),
}

impl Error {
    /// Returns a function that wraps an I/O error, with what was attempted.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let error = tools::Error::io(what);
        move |source| error(source).into()
    }

    /// Returns a function that wraps an error, with the service that could not be reached.
    pub(crate) fn unreachable<E>(service: &'static str) -> impl FnOnce(E) -> Self
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        move |source| Self::Unreachable {
            service,
            source: source.into(),
        }
    }
}

/// Returns the texts of an error and of its causes.
fn chain(error: &(dyn std::error::Error + Send + Sync)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
