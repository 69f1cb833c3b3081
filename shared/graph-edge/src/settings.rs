//! The settings of a function: environment variables, checked as a whole at start-up.

use std::{collections::BTreeMap, ffi::OsString};

/// The environment variables of a function and what was found wrong with them.
#[derive(Debug, Default)]
pub struct Settings {
    variables: BTreeMap<String, String>,
    missing: Vec<&'static str>,
}

impl Settings {
    /// Returns the settings of this process.
    pub fn from_env() -> Self {
        let text =
            |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
        std::env::vars_os().filter_map(text).collect()
    }

    /// Returns the value of a setting that the function cannot do without.
    pub fn required(&mut self, name: &'static str) -> String {
        let value = self.optional(name);
        if value.is_none() {
            self.missing.push(name);
        }
        value.unwrap_or_default()
    }

    /// Returns the value of a setting; an empty one counts as unset.
    pub fn optional(&self, name: &str) -> Option<String> {
        self.variables
            .get(name)
            .filter(|value| !value.is_empty())
            .cloned()
    }

    /// Ends the reading.
    ///
    /// # Errors
    ///
    /// Returns every required setting that is missing, at once.
    pub fn check(self) -> Result<(), MissingSettings> {
        if self.missing.is_empty() {
            Ok(())
        } else {
            Err(MissingSettings(self.missing.join(", ")))
        }
    }
}

impl FromIterator<(String, String)> for Settings {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(variables: I) -> Self {
        Self {
            variables: variables.into_iter().collect(),
            missing: Vec::new(),
        }
    }
}

/// Settings without which the function cannot start.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("these environment variables are not set: {0}; template.yaml sets them")]
pub struct MissingSettings(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_missing_setting_is_named_at_once() {
        let mut settings =
            Settings::from_iter([("A".to_owned(), "1".to_owned()), ("B".to_owned(), String::new())]);
        assert_eq!(settings.required("A"), "1");
        settings.required("B");
        settings.required("C");
        assert_eq!(settings.optional("B"), None);
        assert_eq!(settings.check(), Err(MissingSettings("B, C".to_owned())));
    }
}
