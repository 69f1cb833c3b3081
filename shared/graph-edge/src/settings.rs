//! The settings of a function: environment variables, checked as a whole at start-up.

use std::{collections::BTreeMap, ffi::OsString, path::Path};

/// The environment variables of a function, and which required ones are missing.
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
        // `env::vars` panics at a variable that is not UTF-8, even if it is none of these settings.
        std::env::vars_os().filter_map(text).collect()
    }

    /// Returns the value of a required setting.
    pub fn required(&mut self, name: &'static str) -> String {
        let value = self.optional(name);
        if value.is_none() {
            self.missing.push(name);
        }
        value.unwrap_or_default()
    }

    /// Returns the value of a setting. An empty value counts as unset.
    pub fn optional(&self, name: &str) -> Option<String> {
        self.variables
            .get(name)
            .filter(|value| !value.is_empty())
            .cloned()
    }

    /// Checks the settings after all have been read.
    ///
    /// # Errors
    ///
    /// Returns every mistake at once: missing settings, and a file of root certificates that does not exist, without
    /// which no call would succeed.
    pub fn check(self) -> Result<(), InvalidSettings> {
        let mut mistakes = Vec::new();
        if !self.missing.is_empty() {
            let missing = self.missing.join(", ");
            mistakes.push(format!(
                "these environment variables are not set: {missing}; template.yaml sets them"
            ));
        }
        if let Some(path) = self
            .optional("SSL_CERT_FILE")
            .filter(|path| !Path::new(path).is_file())
        {
            mistakes.push(format!(
                "SSL_CERT_FILE is {path}, and there is no such file; have RootCertificates of template.yaml name one"
            ));
        }
        if mistakes.is_empty() {
            Ok(())
        } else {
            Err(InvalidSettings(mistakes.join(". ")))
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

/// The settings are incomplete, so the function cannot start.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidSettings(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mistake_is_named_at_once() {
        let mut settings = of(&[("A", "1"), ("B", ""), ("SSL_CERT_FILE", "/nowhere/ca-bundle.crt")]);
        assert_eq!(settings.required("A"), "1");
        settings.required("B");
        settings.required("C");
        assert_eq!(settings.optional("B"), None);
        let found = settings.check().unwrap_err().to_string();
        assert_eq!(
            found,
            "these environment variables are not set: B, C; template.yaml sets them. SSL_CERT_FILE is \
             /nowhere/ca-bundle.crt, and there is no such file; have RootCertificates of template.yaml name one"
        );
    }

    #[test]
    fn root_certificates_that_are_there_or_are_not_named_are_right() {
        let here = std::env::current_exe().unwrap();
        let here = here.to_str().unwrap();
        assert_eq!(of(&[("SSL_CERT_FILE", here)]).check(), Ok(()));
        assert_eq!(of(&[]).check(), Ok(()));
    }

    fn of(variables: &[(&str, &str)]) -> Settings {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        variables.iter().map(owned).collect()
    }
}
