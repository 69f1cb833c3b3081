//! What can go wrong with the local stack.

use std::io;

/// Why the local stack cannot be set up or used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A program cannot be used, or a file be handled.
    #[error(transparent)]
    Tools(#[from] tools::Error),
    /// Something did not happen in time.
    #[error("{what} took longer than {seconds} s")]
    TimedOut {
        /// What was waited for.
        what: String,
        /// How long.
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
        /// Status of the answer.
        status: u16,
        /// Body of the answer.
        body: String,
    },
    /// A function ended with an error.
    #[error("{function} failed: {payload}")]
    Function {
        /// The function.
        function: &'static str,
        /// What it answered.
        payload: String,
    },
    /// The template does not have what was asked for.
    #[error("stack has no {0}")]
    Absent(String),
    /// An event does not have the form that consumers rely on.
    #[error("event does not follow docs/events.schema.json: {fault}\n{event}")]
    Schema {
        /// What is wrong.
        fault: String,
        /// The event.
        event: String,
    },
    /// What was read is not what it should be.
    #[error("{0} cannot be understood")]
    Malformed(String),
}

impl Error {
    /// Returns a function that says what was to be done when an input or output operation failed.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let error = tools::Error::io(what);
        move |source| error(source).into()
    }

    /// Returns a function that names the service which could not be reached.
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
