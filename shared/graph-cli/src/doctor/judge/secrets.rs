//! The secrets of the stack.

use graph_core::secrets::{ClientStateDocument, DecryptionDocument};

use super::super::Finding;
use crate::{
    config::check::Checked,
    terminal::{Style, counted},
};

/// Judges the configuration.
#[must_use]
pub fn configuration(text: Option<&str>) -> Finding {
    let check = "configuration";
    let Some(text) = text else {
        let advice = "Write config.json as docs/configuration.md describes, then:\ngraph-notifications config put config.json";
        return Finding::wrong(check, "ConfigSecret has no content yet", advice);
    };
    let checked = Checked::of(text);
    let lines = checked.text("ConfigSecret", Style::PLAIN);
    let lines = lines.trim_end();
    let advice = "graph-notifications config show > config.json\nCorrect it, then:\ngraph-notifications config put config.json";
    match (checked.errors(), checked.found.len()) {
        (0, 0) => Finding::ok(check, lines),
        (0, _) => Finding::warning(check, lines, ""),
        _ => Finding::wrong(check, lines, advice),
    }
}

/// Judges the two secrets that renewal writes.
#[must_use]
pub fn keys(client_state: Option<&str>, decryption: Option<&str>) -> Finding {
    let check = "keys";
    let (Some(client_state), Some(decryption)) = (client_state, decryption) else {
        return Finding::warning(
            check,
            "no key exists yet",
            "The first run of renewal creates the keys:\ngraph-notifications apply",
        );
    };
    let states =
        serde_json::from_str::<ClientStateDocument>(client_state).map(|document| document.keys.len());
    let certificates =
        serde_json::from_str::<DecryptionDocument>(decryption).map(|document| document.keys.len());
    let advice =
        "Put its older version back: docs/operations.md, \"Putting an older version of a secret back\".";
    match (states, certificates) {
        (Err(_), _) => Finding::wrong(check, "ClientStateSecret is malformed", advice),
        (_, Err(_)) => Finding::wrong(check, "DecryptionSecret is malformed", advice),
        (Ok(0), _) => Finding::wrong(
            check,
            "ClientStateSecret holds no key",
            "graph-notifications apply",
        ),
        (Ok(states), Ok(certificates)) => Finding::ok(
            check,
            format!(
                "{}, {}",
                counted(states, "client-state key"),
                counted(certificates, "encryption certificate")
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::super::State, *};

    #[test]
    fn malformed_secrets_are_wrong_and_empty_ones_are_a_warning() {
        assert_eq!(keys(None, None).state, State::Warning);
        assert_eq!(
            keys(Some("{}"), Some("{}")).text,
            "ClientStateSecret holds no key"
        );
        assert_eq!(keys(Some("[]]"), Some("{}")).state, State::Wrong);
    }
}
