//! The deployed template, changed for containers on this machine.

use std::path::Path;

/// The variables that a function gets from AWS Lambda or from MiniStack. The SAM CLI passes them on only if the
/// template names them: it ignores other variables in `--env-vars`.
pub(crate) const VARIABLES: [&str; 5] = [
    "AWS_ENDPOINT_URL",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_REGION",
];

/// Returns a template from `sam build`, changed for this machine: its architecture, the path of the code, and
/// [`VARIABLES`] in the environment of each function.
pub(crate) fn localized(built: &str, architecture: &str, code: &Path) -> String {
    let mut local = String::new();
    let mut before = "";
    for line in built.lines() {
        let text = line.trim_start();
        let indent = " ".repeat(line.len() - text.len());
        let line = match text.split_once(": ") {
            Some(("Default", "arm64")) => format!("{indent}Default: {architecture}"),
            // The code of a function, or the template of a nested stack.
            Some((key @ ("CodeUri" | "TemplateURL"), path)) => {
                format!("{indent}{key}: {}", quoted(&code.join(path)))
            }
            _ => line.to_owned(),
        };
        local.extend([&line, "\n"]);
        if before == "Environment:" && text == "Variables:" {
            let named = VARIABLES.map(|name| format!("{indent}  {name}: ''\n"));
            local.extend(named);
        }
        before = text;
    }
    local
}

/// Returns a path as YAML text.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_local_settings_differ() {
        let built = "Parameters:\n  Architecture:\n    Default: arm64\nResources:\n  F:\n    Properties:\n      CodeUri: F\n      \
                     Environment:\n        Variables:\n          A: b\n  \
                     N:\n    Properties:\n      TemplateURL: N/template.yaml\n";
        let local = localized(built, "x86_64", Path::new("/build"));
        let expected = "Parameters:\n  Architecture:\n    Default: x86_64\nResources:\n  F:\n    Properties:\n      \
                        CodeUri: '/build/F'\n      Environment:\n        Variables:\n          AWS_ENDPOINT_URL: ''\n          \
                        AWS_ACCESS_KEY_ID: ''\n          AWS_SECRET_ACCESS_KEY: ''\n          AWS_SESSION_TOKEN: ''\n          \
                        AWS_REGION: ''\n          A: b\n  \
                        N:\n    Properties:\n      TemplateURL: '/build/N/template.yaml'\n";
        assert_eq!(local, expected);
    }
}
