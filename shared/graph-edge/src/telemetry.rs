//! What the functions write about themselves.

use std::error::Error;

/// Sends log lines to standard output in the format and from the level that Lambda's logging controls ask for.
pub fn init() {
    lambda_runtime::tracing::init_default_subscriber();
}

/// Returns an error's text followed by those of its causes.
///
/// The texts only: the debug form of an AWS error holds the raw response.
pub fn causes(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |cause: &&dyn Error| (*cause).source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] std::fmt::Error);

    #[test]
    fn every_cause_is_named() {
        assert!(causes(&Outer(std::fmt::Error)).starts_with("outer: "));
    }
}
