//! Escapes in JSON that stand for half a character.

use std::borrow::Cow;

/// Returns `json` with U+FFFD for each escape of a lone surrogate, such as `"\ud83d"`.
///
/// JSON allows such an escape (RFC 8259, section 8.2), and programs that count in UTF-16 write it when they cut a text
/// within a character. Rust text cannot contain it, so a single one would make the whole document unreadable.
#[must_use]
pub fn mend_surrogates(json: &str) -> Cow<'_, str> {
    let mut mended = String::new();
    let (mut copied, mut at) = (0, 0);
    while let Some(escape) = next_escape(json, at) {
        let (length, is_lone) = match code_unit(json, escape) {
            Some(0xD800..=0xDBFF) => match code_unit(json, escape + UNIT) {
                Some(0xDC00..=0xDFFF) => (2 * UNIT, false),
                _ => (UNIT, true),
            },
            Some(0xDC00..=0xDFFF) => (UNIT, true),
            Some(_) => (UNIT, false),
            // An escape of one character, which may be a backslash itself.
            None => (2, false),
        };
        at = escape + length;
        if is_lone {
            mended.push_str(json.get(copied..escape).unwrap_or_default());
            mended.push_str("\\ufffd");
            copied = at;
        }
    }
    if copied == 0 {
        return Cow::Borrowed(json);
    }
    mended.push_str(json.get(copied..).unwrap_or_default());
    Cow::Owned(mended)
}

/// Returns the position of the next backslash from `at` on.
fn next_escape(json: &str, at: usize) -> Option<usize> {
    Some(
        at + json
            .as_bytes()
            .get(at..)?
            .iter()
            .position(|byte| *byte == b'\\')?,
    )
}

/// Returns the code unit of an escape such as `\ud83d` at `at`.
fn code_unit(json: &str, at: usize) -> Option<u16> {
    let digits = json.get(at..at + UNIT)?.strip_prefix("\\u")?;
    digits
        .bytes()
        .all(|byte| byte.is_ascii_hexdigit())
        .then(|| u16::from_str_radix(digits, 16).ok())?
}

/// The length of an escape with four digits.
const UNIT: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lone_surrogates_are_mended_and_nothing_else_is_touched() {
        for (json, expected) in [
            (r#""\ud83d""#, r#""\ufffd""#),
            (r#""a\uDE00b\ud83dc""#, r#""a\ufffdb\ufffdc""#),
            (r#""\ud83d\ud83d\ude00""#, r#""\ufffd\ud83d\ude00""#),
            (r#""\ud83d\u0041""#, r#""\ufffd\u0041""#),
            (r#""\\ud83d""#, r#""\\ud83d""#),
            (r#""\\\ud83d""#, r#""\\\ufffd""#),
            (r#""\ud83d\ude00 \n \u00e9 \"""#, r#""\ud83d\ude00 \n \u00e9 \"""#),
            (r#""\ud83"#, r#""\ud83"#),
            (r"\", r"\"),
            ("\"\u{1F600}\\", "\"\u{1F600}\\"),
        ] {
            assert_eq!(mend_surrogates(json), expected, "{json}");
        }
        assert!(matches!(mend_surrogates(r#""\ud83d\ude00""#), Cow::Borrowed(_)));
    }
}
