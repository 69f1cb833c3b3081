//! Turns and their median.

use std::time::Duration;

/// The figures of several contenders, turn by turn.
pub struct Samples {
    names: Vec<&'static str>,
    turns: Vec<Vec<f64>>,
}

impl Samples {
    /// Returns empty samples for these contenders; the first one is this project's.
    pub fn new(names: &[&'static str]) -> Self {
        Self {
            names: names.to_vec(),
            turns: vec![Vec::new(); names.len()],
        }
    }

    /// Adds a figure of the contender with this number.
    pub fn add(&mut self, contender: usize, figure: f64) {
        if let Some(turns) = self.turns.get_mut(contender) {
            turns.push(figure);
        }
    }

    /// Adds a time in microseconds.
    pub fn add_time(&mut self, contender: usize, time: Duration) {
        self.add(contender, time.as_secs_f64() * 1e6);
    }

    /// Returns each contender's name, its median, and its median ratio to this project's.
    pub fn summary(&self) -> Vec<(&'static str, f64, f64)> {
        let ours = self.turns.first().map(Vec::as_slice).unwrap_or_default();
        let summarize = |(name, turns): (&&'static str, &Vec<f64>)| {
            let ratios: Vec<f64> = turns
                .iter()
                .zip(ours)
                .map(|(figure, ours)| figure / ours)
                .collect();
            (*name, median(turns), median(&ratios))
        };
        self.names.iter().zip(&self.turns).map(summarize).collect()
    }
}

/// Returns the median.
pub fn median(figures: &[f64]) -> f64 {
    percentile(figures, 0.5)
}

/// Returns the figure that this share of the figures does not exceed.
pub fn percentile(figures: &[f64], share: f64) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    #[expect(
        clippy::as_conversions,
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "a share of a length is an index"
    )]
    let index = (share * sorted.len().saturating_sub(1) as f64).round() as usize;
    sorted.get(index).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_the_median_of_each_turns_own() {
        let mut samples = Samples::new(&["ours", "other"]);
        for (ours, other) in [(1.0, 2.0), (10.0, 30.0), (2.0, 8.0)] {
            samples.add(0, ours);
            samples.add(1, other);
        }
        assert_eq!(samples.summary(), [("ours", 2.0, 1.0), ("other", 8.0, 3.0)]);
    }
}
