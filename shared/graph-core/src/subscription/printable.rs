//! Text from outside, as it may be printed.

/// Returns the first `most` characters of a text, without those that show nothing: controls, line ends, and what changes how
/// the text around it is read (Unicode, general category *Format*).
#[must_use]
pub fn printable(text: &str, most: usize) -> String {
    text.chars()
        .filter(|letter| !letter.is_control() && !is_format(*letter))
        .take(most)
        .collect()
}

/// Tells whether a character has the category *Format*, or ends a line or a paragraph.
fn is_format(letter: char) -> bool {
    FORMAT
        .iter()
        .any(|(first, last)| (*first..=*last).contains(&letter))
}

/// Unicode 16.0, `DerivedGeneralCategory.txt`: Cf, Zl and Zp.
const FORMAT: [(char, char); 21] = [
    ('\u{ad}', '\u{ad}'),
    ('\u{600}', '\u{605}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{6dd}', '\u{6dd}'),
    ('\u{70f}', '\u{70f}'),
    ('\u{890}', '\u{891}'),
    ('\u{8e2}', '\u{8e2}'),
    ('\u{180e}', '\u{180e}'),
    ('\u{200b}', '\u{200f}'),
    ('\u{2028}', '\u{202e}'),
    ('\u{2060}', '\u{2064}'),
    ('\u{2066}', '\u{206f}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{fff9}', '\u{fffb}'),
    ('\u{110bd}', '\u{110bd}'),
    ('\u{110cd}', '\u{110cd}'),
    ('\u{13430}', '\u{1343f}'),
    ('\u{1bca0}', '\u{1bca3}'),
    ('\u{1d173}', '\u{1d17a}'),
    ('\u{e0001}', '\u{e0001}'),
    ('\u{e0020}', '\u{e007f}'),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invisible_characters_are_left_out() {
        for hidden in [
            "\u{0}",
            "\r\n",
            "\u{1b}",
            "\u{85}",
            "\u{ad}",
            "\u{61c}",
            "\u{180e}",
            "\u{200b}",
            "\u{200f}",
            "\u{2028}",
            "\u{202a}",
            "\u{202e}",
            "\u{2060}",
            "\u{2066}",
            "\u{2069}",
            "\u{206a}",
            "\u{feff}",
            "\u{fff9}",
            "\u{e0001}",
            "\u{e0041}",
        ] {
            let text = format!("drowssap{hidden}: 1 ü 日 😀");
            assert_eq!(printable(&text, 100), "drowssap: 1 ü 日 😀", "{hidden:?}");
        }
    }

    #[test]
    fn a_long_text_is_cut() {
        assert_eq!(printable(&"ü".repeat(11), 10), "ü".repeat(10));
    }
}
