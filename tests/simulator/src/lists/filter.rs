//! `$filter`, in the form that lists by time support: comparisons joined by `and`.

use jiff::Timestamp;

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Term<'a> {
    /// The property.
    pub(super) property: &'a str,
    /// `eq`, `ge`, `gt`, `le` or `lt`.
    pub(super) operator: &'a str,
    /// The value, as it is written.
    pub(super) value: &'a str,
}

impl Term<'_> {
    /// Returns whether a time fits; nothing if the value is not a time.
    pub(super) fn fits(&self, time: Timestamp) -> Option<bool> {
        let value: Timestamp = self.value.parse().ok()?;
        Some(match self.operator {
            "eq" => time == value,
            "ge" => time >= value,
            "gt" => time > value,
            "le" => time <= value,
            "lt" => time < value,
            _ => return None,
        })
    }
}

/// Splits a filter; nothing if it is more than comparisons joined by `and`.
pub(super) fn terms(filter: &str) -> Option<Vec<Term<'_>>> {
    filter.split(" and ").map(term).collect()
}

fn term(text: &str) -> Option<Term<'_>> {
    let text = text.trim();
    let inner = text.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
    let mut words = inner.unwrap_or(text).splitn(3, ' ');
    let term = Term {
        property: words.next()?,
        operator: words.next()?,
        value: words.next()?,
    };
    ["eq", "ge", "gt", "le", "lt"]
        .contains(&term.operator)
        .then_some(term)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comparisons_are_taken_apart() {
        let terms = terms("lastModifiedDateTime ge 2026-11-22T10:00:00Z and (isRead eq false)").unwrap();
        let parts: Vec<_> = terms.iter().map(|term| (term.property, term.operator)).collect();
        assert_eq!(parts, [("lastModifiedDateTime", "ge"), ("isRead", "eq")]);
        let second = "2026-11-22T10:00:00Z".parse().unwrap();
        assert_eq!(terms[0].fits(second), Some(true));
        assert_eq!(terms[1].fits(second), None);
        assert_eq!(super::terms("contains(subject,'a')"), None);
    }
}
