//! The form of GUIDs.

/// Returns whether `text` has the form of a GUID.
#[must_use]
pub fn is_guid(text: &str) -> bool {
    let mut lengths = [8, 4, 4, 4, 12].into_iter();
    let is_group = |group: &str| {
        lengths.next() == Some(group.len()) && group.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    text.split('-').all(is_group) && lengths.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guid_has_five_groups_of_hexadecimal_digits() {
        assert!(is_guid("11111111-2222-3333-4444-55555555ABcd"));
        for text in [
            "",
            "11111111222233334444555555555555",
            "11111111-2222-3333-4444-55555555555g",
            "11111111-2222-3333-4444-5555555555555",
            "11111111-2222-3333-4444",
            "11111111-2222-3333-4444-555555555555-6",
            "{11111111-2222-3333-4444-555555555555}",
        ] {
            assert!(!is_guid(text), "{text}");
        }
    }
}
