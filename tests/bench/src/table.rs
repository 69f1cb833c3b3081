//! The table, for people and for programs.

use std::{fmt, fs, path::Path, process::Command};

use serde_json::{Value, json};

use crate::{BoxError, options::Options, samples::Samples};

/// The rows of a run.
pub struct Table {
    quick: bool,
    left_out: Vec<String>,
    /// Of which commit, when and where.
    origin: String,
    rows: Vec<Row>,
}

struct Row {
    what: String,
    ours: String,
    others: String,
    goals: String,
    json: Value,
}

/// The unit of a figure.
#[derive(Clone, Copy, Debug)]
pub enum Unit {
    /// A time in microseconds.
    Time,
    /// A size in bytes.
    Bytes,
    /// An amount of US dollars.
    Dollars,
    /// A number without a unit.
    Number,
}

/// A goal of a row.
#[derive(Clone, Copy, Debug)]
pub enum Goal {
    /// This project's figure is at most so many times this contender's.
    AtMost(&'static str, f64),
    /// The figure of each of these contenders is at least this project's.
    Ahead(&'static [&'static str]),
    /// None: how many times this contender's figure is this project's.
    Told(&'static str),
}

impl Table {
    /// Returns a table without rows.
    pub fn new(options: &Options, left_out: Vec<String>) -> Self {
        Self {
            quick: options.quick,
            left_out,
            origin: origin(),
            rows: Vec::new(),
        }
    }

    /// Adds a comparison.
    pub fn compare(&mut self, what: &str, unit: Unit, samples: &Samples, goals: &[Goal]) {
        let summary = samples.summary();
        let [(_, ours, _), others @ ..] = summary.as_slice() else {
            return;
        };
        let ratio = |(name, _, ratio): &(&str, f64, f64)| format!("{name} {}", times(*ratio));
        let goals: Vec<Judged> = goals.iter().map(|goal| goal.judged(others)).collect();
        let verdict = |(text, met): &Judged| match met {
            Verdict::Reached => format!("{text}: yes"),
            Verdict::Missed => format!("{text}: **no**"),
            Verdict::NotMeasured => format!("{text}: **not measured**"),
            Verdict::None => text.clone(),
        };
        self.rows.push(Row {
            what: what.to_owned(),
            ours: unit.write(*ours),
            others: others.iter().map(ratio).collect::<Vec<_>>().join(", "),
            json: json!({
                "what": what,
                "unit": unit.name(),
                "goals": goals.iter().map(|(text, met)| json!({"goal": text, "met": met.json()})).collect::<Vec<_>>(),
                "contenders": summary.iter().map(|(name, median, ratio)| {
                    json!({"name": name, "median": median, "ratioToOurs": ratio})
                }).collect::<Vec<_>>(),
            }),
            goals: goals.iter().map(verdict).collect::<Vec<_>>().join(", "),
        });
    }

    /// Adds a figure without a comparison, with a remark.
    pub fn tell(&mut self, what: &str, unit: Unit, figure: f64, remark: &str) {
        self.rows.push(Row {
            what: what.to_owned(),
            ours: unit.write(figure),
            others: remark.to_owned(),
            goals: String::new(),
            json: json!({"what": what, "unit": unit.name(), "figure": figure, "remark": remark}),
        });
    }

    /// Puts the table into a page, in place of the one that is there.
    pub fn put_into(&self, page: &Path) -> Result<(), BoxError> {
        let text = fs::read_to_string(page)?;
        let replaced = replaced(&text, &self.to_string()).ok_or("the page has no table of this kind")?;
        Ok(fs::write(page, replaced)?)
    }

    /// Writes the table to the folder of the benchmarks.
    pub fn write(&self, folder: &Path) -> Result<(), BoxError> {
        let document = json!({
            "quick": self.quick,
            "leftOut": self.left_out,
            "origin": self.origin,
            "rows": self.rows.iter().map(|row| &row.json).collect::<Vec<_>>(),
        });
        fs::write(
            folder.join("results.json"),
            serde_json::to_string_pretty(&document)?,
        )?;
        fs::write(folder.join("table.md"), self.to_string())?;
        Ok(())
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.quick {
            writeln!(
                f,
                "Everything works and compares right; a quick run has no figures:\n"
            )?;
            self.rows
                .iter()
                .try_for_each(|row| writeln!(f, "- {}", row.what))?;
            return self.left_out.iter().try_for_each(|why| writeln!(f, "\n{why}"));
        }
        writeln!(
            f,
            "{}\n\n| What | Ours | Others need | Goals |\n|---|---|---|---|",
            self.origin
        )?;
        for row in &self.rows {
            writeln!(
                f,
                "| {} | {} | {} | {} |",
                row.what, row.ours, row.others, row.goals
            )?;
        }
        self.left_out.iter().try_for_each(|why| writeln!(f, "\n{why}"))
    }
}

/// A goal as text, and what became of it.
type Judged = (String, Verdict);

/// What became of a goal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// It is reached.
    Reached,
    /// It is missed.
    Missed,
    /// The contender was not measured.
    NotMeasured,
    /// There is none: something is only told.
    None,
}

impl Verdict {
    fn of(is_reached: bool) -> Self {
        if is_reached { Self::Reached } else { Self::Missed }
    }

    fn json(self) -> Value {
        match self {
            Self::Reached => json!(true),
            Self::Missed => json!(false),
            Self::NotMeasured => json!("not measured"),
            Self::None => Value::Null,
        }
    }
}

impl Goal {
    /// Returns the goal, judged.
    fn judged(self, others: &[(&str, f64, f64)]) -> Judged {
        let times = |name| {
            let (_, _, ratio) = others.iter().find(|(other, _, _)| *other == name)?;
            Some(1.0 / ratio)
        };
        match self {
            Self::AtMost(name, limit) => match times(name) {
                Some(ours) => (
                    format!("≤ {limit:.2} × {name} (is {ours:.2})"),
                    Verdict::of(ours <= limit),
                ),
                None => (format!("≤ {limit:.2} × {name}"), Verdict::NotMeasured),
            },
            Self::Told(name) => match times(name) {
                Some(ours) => (format!("is {ours:.2} × {name}"), Verdict::None),
                None => (name.to_owned(), Verdict::NotMeasured),
            },
            Self::Ahead(all) => {
                let ratio = |name: &&str| others.iter().find(|(other, _, _)| other == name);
                let ratios: Option<Vec<_>> = all.iter().map(ratio).collect();
                let verdict = ratios.map_or(Verdict::NotMeasured, |ratios| {
                    Verdict::of(ratios.iter().all(|(_, _, ratio)| *ratio >= 1.0))
                });
                ("ahead of all".to_owned(), verdict)
            }
        }
    }
}

impl Unit {
    fn name(self) -> &'static str {
        match self {
            Self::Time => "microseconds",
            Self::Bytes => "bytes",
            Self::Dollars => "dollars",
            Self::Number => "number",
        }
    }

    /// Returns a figure as text.
    pub fn write(self, figure: f64) -> String {
        match self {
            Self::Time if figure >= 1e6 => format!("{:.1} s", figure / 1e6),
            Self::Time if figure >= 10_000.0 => format!("{:.0} ms", figure / 1e3),
            Self::Time if figure >= 1_000.0 => format!("{:.1} ms", figure / 1e3),
            Self::Time => format!("{figure:.0} µs"),
            Self::Bytes => format!("{:.1} MiB", figure / 1_048_576.0),
            Self::Dollars => format!("{figure:.2} dollars"),
            Self::Number if figure >= 1e6 => format!("{:.2} million", figure / 1e6),
            Self::Number => format!("{figure:.0}"),
        }
    }
}

/// The name of the bare webhook whose messages are as long as this project's.
pub const SAME_BYTES: &str = "same bytes";

fn times(ratio: f64) -> String {
    if ratio < 10.0 {
        format!("{ratio:.2} ×")
    } else {
        format!("{ratio:.0} ×")
    }
}

/// Returns a sentence on what is measured, when and where.
fn origin() -> String {
    let commit = Command::new("git")
        .args(["log", "-1", "--format=%h"])
        .current_dir(tools::root())
        .output();
    let commit = commit.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processors
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    let model = model.map_or("a processor without a name", |name| {
        name.trim_start_matches(['\t', ' ', ':'])
    });
    format!(
        "{ORIGIN} {} of {}, on {} processors ({model}).",
        commit.unwrap_or_default(),
        jiff::Timestamp::now().strftime("%Y-%m-%d"),
        std::thread::available_parallelism().map_or(1, usize::from),
    )
}

/// Returns a page with another table in place of its own: the sentence on where it was measured, and all lines of the table below.
fn replaced(page: &str, table: &str) -> Option<String> {
    let (before, rest) = page.split_once(&format!("\n{ORIGIN}"))?;
    let mut lines = rest
        .split_inclusive('\n')
        .skip_while(|line| !line.starts_with('|'))
        .peekable();
    lines.peek()?;
    let after: String = lines.skip_while(|line| line.starts_with('|')).collect();
    Some(format!("{before}\n{table}{after}"))
}

/// How the sentence begins.
const ORIGIN: &str = "Measured at commit";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_takes_the_place_of_the_one_before() {
        let page = format!("# Page\n\n{ORIGIN} a.\n\n| What |\n|---|\n| old |\n\nText | more\n| other |\n");
        let table = format!("{ORIGIN} b.\n\n| What |\n|---|\n| new |\n");
        let expected = page.replace(" a.", " b.").replace("old", "new");
        assert_eq!(replaced(&page, &table).unwrap(), expected);
        assert_eq!(replaced("# Page\n", &table), None);
    }

    #[test]
    fn a_goal_whose_contender_is_missing_is_not_measured() {
        let (ahead, near) = (Goal::Ahead(&["Python", "Node.js"]), Goal::AtMost("bare", 1.15));
        for (others, expected) in [
            (
                vec![("bare", 1.0, 0.9), ("Python", 1.0, 3.0), ("Node.js", 1.0, 2.0)],
                [Verdict::Reached; 2],
            ),
            (
                vec![("bare", 1.0, 0.8), ("Python", 1.0, 0.9), ("Node.js", 1.0, 2.0)],
                [Verdict::Missed; 2],
            ),
            (vec![("Python", 1.0, 3.0)], [Verdict::NotMeasured; 2]),
        ] {
            assert_eq!(
                [ahead, near].map(|goal| goal.judged(&others).1),
                expected,
                "{others:?}"
            );
        }
    }

    #[test]
    fn the_page_of_this_project_has_a_place_for_the_table() {
        let page = fs::read_to_string(tools::root().join("docs/performance.md")).unwrap();
        assert!(replaced(&page, "new\n").unwrap().contains("\nnew\n"));
    }
}
