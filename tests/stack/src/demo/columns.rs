//! Text for a terminal of the usual width.

/// Breaks a text between words. Every line but the first begins with `indent`. A word without spaces, such as a URL, is
/// not broken.
pub(super) fn wrapped(text: &str, indent: &str) -> String {
    let mut lines = String::new();
    let mut length = 0;
    for word in text.split_whitespace() {
        let width = word.chars().count();
        if length > 0 && length + 1 + width > COLUMNS {
            lines.extend(["\n", indent]);
            length = indent.chars().count();
        } else if length > 0 {
            lines.push(' ');
            length += 1;
        } else {
            let margin = text.len() - text.trim_start().len();
            lines.extend(std::iter::repeat_n(' ', margin));
            length = margin;
        }
        lines.push_str(word);
        length += width;
    }
    lines
}

/// Returns the beginning of a text that is longer than `width` characters.
pub(super) fn shortened(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

/// The characters of a line.
pub(super) const COLUMNS: usize = 80;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_do_not_fit_go_to_the_next_line() {
        let text = wrapped(&format!("  first {}", "word ".repeat(30)), "    ");
        let lines: Vec<&str> = text.lines().collect();
        assert!(
            lines.len() > 1 && lines.iter().all(|line| line.len() <= COLUMNS),
            "{text}"
        );
        assert!(
            lines[0].starts_with("  first word") && lines[1].starts_with("    word"),
            "{text}"
        );
        assert_eq!(text.matches("word").count(), 30);
        let url = format!("https://{}", "x".repeat(100));
        assert_eq!(wrapped(&format!("see {url}"), "  "), format!("see\n  {url}"));
    }

    #[test]
    fn a_long_text_is_shown_by_its_beginning() {
        assert_eq!(shortened("/users", 6), "/users");
        assert_eq!(shortened("/users/1", 6), "/user…");
    }
}
