//! Another way for requests than the network, for tests.

use std::{fmt, pin::Pin};

use reqwest::{Request, Response};

use crate::BoxError;

/// Brings requests to a service and its answers back.
pub trait Transport: fmt::Debug + Send + Sync {
    /// Returns the service's answer, or what kept it from coming.
    fn send(&self, request: Request) -> PendingResponse<'_>;
}

/// An answer that is on its way.
pub type PendingResponse<'a> = Pin<Box<dyn Future<Output = Result<Response, BoxError>> + Send + 'a>>;

/// An answer that has not come in time.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("no answer in time")]
pub struct TimedOut;
