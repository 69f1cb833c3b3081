//! Whether a function's memory and files grow while it runs.

use std::collections::BTreeMap;
use std::fmt;

/// The memory and files of a program at one moment.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    /// The function that it runs.
    pub function: &'static str,
    /// The program's id on this machine.
    pub process: u32,
    /// Its memory, in kilobytes.
    pub memory: u64,
    /// Its open files.
    pub files: usize,
}

/// The memory and files of a program soon after its start, and at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Growth {
    /// The function that it runs.
    pub function: &'static str,
    /// Its memory, in kilobytes.
    pub memory: [u64; 2],
    /// Its open files.
    pub files: [usize; 2],
}

impl Growth {
    /// Returns by how much the memory has grown.
    fn added(&self) -> u64 {
        let [early, late] = self.memory;
        late.saturating_sub(early)
    }

    /// Tells whether neither has grown.
    pub fn is_flat(&self) -> bool {
        let ([early, late], [opened, open]) = (self.memory, self.files);
        late <= early + early / 10 + MEMORY_TOLERANCE && open <= opened + FILES_TOLERANCE
    }
}

/// Compares each program's second quarter of samples with its last one: in the first it takes what it needs.
pub fn growth(samples: &[Sample]) -> Vec<Growth> {
    let mut by_process: BTreeMap<(&'static str, u32), Vec<&Sample>> = BTreeMap::new();
    for sample in samples {
        by_process
            .entry((sample.function, sample.process))
            .or_default()
            .push(sample);
    }
    let grown = by_process.into_iter().filter_map(|((function, _), samples)| {
        let quarter = samples.len() / 4;
        if samples.len() < MIN_SAMPLES {
            return None;
        }
        let early = samples.get(quarter..2 * quarter)?;
        let late = samples.get(samples.len() - quarter..)?;
        Some(Growth {
            function,
            memory: [early, late].map(|part| median(part.iter().map(|one| one.memory))),
            files: [early, late].map(|part| median(part.iter().map(|one| one.files))),
        })
    });
    grown.collect()
}

/// Returns the program of each function that has grown most.
pub fn largest(growth: &[Growth]) -> Vec<Growth> {
    let mut largest: BTreeMap<&'static str, Growth> = BTreeMap::new();
    for one in growth {
        let known = largest.entry(one.function).or_insert(*one);
        if one.added() > known.added() {
            *known = *one;
        }
    }
    largest.into_values().collect()
}

/// Returns the value in the middle; nothing has the least of values.
pub fn median<T: Ord + Copy + Default>(values: impl Iterator<Item = T>) -> T {
    let mut values: Vec<T> = values.collect();
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or_default()
}

impl fmt::Display for Growth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ([early, late], [opened, open]) = (self.memory, self.files);
        write!(
            f,
            "{:18} {early} kB, then {late} kB; {opened} files, then {open}",
            self.function
        )
    }
}

/// Samples below which a program did not run for long enough.
const MIN_SAMPLES: usize = 20;

/// Kilobytes by which a program may grow beside a tenth: the allocator keeps some pages.
const MEMORY_TOLERANCE: u64 = 2_048;

/// Files by which a program may grow: connections that it keeps for the next invocation. The reader reads eight windows side by
/// side, and keeps their connections and those to the login for a minute and a half.
const FILES_TOLERANCE: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_grows_only_at_first_has_not_grown() {
        let found = of(|number| if number < 10 { (5_000, 8) } else { (9_000, 12) });
        assert_eq!((found.memory, found.files), ([9_000, 9_000], [12, 12]));
        assert!(found.is_flat());
    }

    #[test]
    fn connections_that_are_kept_for_the_next_invocation_are_no_growth() {
        assert!(of(|number| (9_000, if number < 30 { 9 } else { 19 })).is_flat());
        assert!(!of(|number| (9_000, if number < 30 { 9 } else { 20 })).is_flat());
    }

    #[test]
    fn a_program_that_keeps_growing_has_grown() {
        assert!(!of(|number| (9_000 + 200 * number, 12)).is_flat());
        assert!(!of(|number| (9_000, usize::try_from(number).unwrap())).is_flat());
    }

    #[test]
    fn a_program_that_ran_shortly_is_not_judged() {
        assert_eq!(growth(&samples(19, |_| (9_000, 12))), []);
    }

    #[test]
    fn of_each_function_the_program_that_grew_most_is_shown() {
        let one = |function, late| Growth {
            function,
            memory: [9_000, late],
            files: [8, 8],
        };
        let all = [
            one("WebhookFunction", 9_100),
            one("WebhookFunction", 9_300),
            one("ReaderFunction", 8_000),
            one("WebhookFunction", 9_200),
        ];
        assert_eq!(
            largest(&all),
            [one("ReaderFunction", 8_000), one("WebhookFunction", 9_300)]
        );
    }

    fn of(figures: impl Fn(u64) -> (u64, usize)) -> Growth {
        growth(&samples(40, figures))[0]
    }

    fn samples(count: u64, figures: impl Fn(u64) -> (u64, usize)) -> Vec<Sample> {
        let sample = |number| {
            let (memory, files) = figures(number);
            Sample {
                function: "WebhookFunction",
                process: 7,
                memory,
                files,
            }
        };
        (0..count).map(sample).collect()
    }
}
