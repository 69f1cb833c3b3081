//! Tables: aligned columns with a header on a terminal, tab-separated fields elsewhere.

use crate::terminal::{Color, Style};

/// A table.
#[derive(Debug, Default)]
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
}

/// A column.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    name: &'static str,
    /// Whether it is truncated if the line is too long.
    shrinks: bool,
}

/// One field of a row.
#[derive(Clone, Debug, Default)]
pub struct Cell {
    text: String,
    color: Color,
}

impl Cell {
    /// Returns a field in a colour.
    pub fn new(color: Color, text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            color,
        }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::new(Color::Plain, text)
    }
}

/// Returns a column that is never truncated.
#[must_use]
pub fn fixed(name: &'static str) -> Column {
    Column { name, shrinks: false }
}

/// Returns a column that is truncated if the line is too long.
#[must_use]
pub fn flexible(name: &'static str) -> Column {
    Column { name, shrinks: true }
}

impl Table {
    /// Returns a table without rows.
    pub fn new(columns: impl Into<Vec<Column>>) -> Self {
        Self {
            columns: columns.into(),
            rows: Vec::new(),
        }
    }

    /// Adds a row.
    pub fn push(&mut self, row: impl Into<Vec<Cell>>) {
        self.rows.push(row.into());
    }

    /// Returns whether the table has no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Returns the text of the table.
    #[must_use]
    pub fn render(&self, style: Style) -> String {
        if !style.is_terminal {
            return self.rows.iter().map(|row| tabbed(row)).collect();
        }
        let widths = self.widths(style.width);
        let head = self
            .columns
            .iter()
            .map(|column| Cell::new(Color::Head, column.name));
        let head: Vec<Cell> = head.collect();
        std::iter::once(&head)
            .chain(&self.rows)
            .map(|row| aligned(row, &widths, style))
            .collect()
    }

    /// Returns the width of each column. A line has at most `width` characters if possible.
    fn widths(&self, width: usize) -> Vec<usize> {
        let widest = |(index, column): (usize, &Column)| {
            let cells = self.rows.iter().filter_map(|row| row.get(index));
            let widest = cells.map(|cell| cell.text.chars().count()).max();
            widest.unwrap_or_default().max(column.name.chars().count())
        };
        let mut widths: Vec<usize> = self.columns.iter().enumerate().map(widest).collect();
        let gaps = GAP * widths.len().saturating_sub(1);
        while widths.iter().sum::<usize>() + gaps > width {
            let flexible = widths
                .iter_mut()
                .zip(&self.columns)
                .filter(|(_, column)| column.shrinks);
            let Some((largest, _)) = flexible
                .max_by_key(|(width, _)| **width)
                .filter(|(width, _)| **width > NARROWEST)
            else {
                break;
            };
            *largest -= 1;
        }
        widths
    }
}

/// Returns a row for programs: every field in full.
fn tabbed(row: &[Cell]) -> String {
    let fields: Vec<String> = row
        .iter()
        .map(|cell| cell.text.replace(['\t', '\n'], " "))
        .collect();
    fields.join("\t") + "\n"
}

fn aligned(row: &[Cell], widths: &[usize], style: Style) -> String {
    let mut line = String::new();
    let mut blank = 0;
    for (cell, width) in row.iter().zip(widths) {
        let text = shortened(&cell.text, *width);
        line.extend(std::iter::repeat_n(' ', blank));
        line += &style.paint(cell.color, &text);
        blank = width - text.chars().count().min(*width) + GAP;
    }
    line.trim_end().to_owned() + "\n"
}

/// Truncates a text to `width` characters.
#[must_use]
pub fn shortened(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

/// Spaces between two columns.
const GAP: usize = 2;

/// The minimum width of a truncated column.
const NARROWEST: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    const TERMINAL: Style = Style {
        is_terminal: true,
        has_color: false,
        width: 30,
    };

    #[test]
    fn a_terminal_gets_columns_that_fit_its_width() {
        let shown = sample().render(TERMINAL);
        let expected =
            "NAME  RESOURCE            LEFT\na     /users              3 d\nbcd   /teams/getAllMess…  1 h\n";
        assert_eq!(shown, expected);
        assert!(shown.lines().all(|line| line.chars().count() <= 30), "{shown}");
    }

    #[test]
    fn a_program_gets_every_field_in_full_between_tabs() {
        assert_eq!(
            sample().render(Style::PLAIN),
            "a\t/users\t3 d\nbcd\t/teams/getAllMessages\t1 h\n"
        );
    }

    fn sample() -> Table {
        let mut table = Table::new([fixed("NAME"), flexible("RESOURCE"), fixed("LEFT")]);
        table.push(["a", "/users", "3 d"].map(Cell::from));
        table.push(["bcd", "/teams/getAllMessages", "1 h"].map(Cell::from));
        table
    }
}
