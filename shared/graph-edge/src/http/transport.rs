//! A replacement for the network in tests.

use std::{fmt, pin::Pin};

use reqwest::{Request, Response};

use crate::BoxError;

/// Sends requests to a service.
pub trait Transport: fmt::Debug + Send + Sync {
    /// Returns the service's answer, or why there is none.
    fn send(&self, request: Request) -> PendingResponse<'_>;
}

/// A pending answer.
pub type PendingResponse<'a> = Pin<Box<dyn Future<Output = Result<Response, BoxError>> + Send + 'a>>;

/// No answer came in time.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("no answer in time")]
pub struct TimedOut;
