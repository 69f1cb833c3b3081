//! Validation tokens: proof that encrypted items come from Microsoft Graph, for our tenant and application.

/// A value that a validation token has vouched for; only the check of the tokens makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trusted<T>(T);

impl<T> Trusted<T> {
    /// Returns the value.
    pub fn get(&self) -> &T {
        &self.0
    }
}
