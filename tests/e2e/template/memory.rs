//! The memory of renewal, from what `cargo bench-all` measured: a run holds all subscriptions at a time.

use graph_edge::graph::MAX_ITEMS;

use super::{file, template};

#[test]
fn renewal_has_memory_for_the_longest_list() {
    let measured = measured(&file("docs/performance.md"));
    let [.., (fewer, less), (many, more)] = measured[..] else {
        panic!("{measured:?}")
    };
    let each = (more - less) / f64::from(many - fewer);
    let longest = u32::try_from(MAX_ITEMS).unwrap();
    let needed = less + each * f64::from(longest - fewer);
    let memory = &template()["Resources"]["RenewalFunction"]["Properties"]["MemorySize"];
    // A quarter is left for what the measurement does not hold, such as other resources and longer names.
    assert!(
        needed * 1.25 <= memory.as_f64().unwrap(),
        "{longest} subscriptions need {needed:.0} MiB of {memory} MB"
    );
    let told = format!("Renewal has {memory} MB: ");
    assert!(file("docs/operations.md").contains(&told), "{told}");
}

/// Returns how much memory renewal needs at most, in MiB, by the number of subscriptions.
fn measured(performance: &str) -> Vec<(u32, f64)> {
    let rows = performance.lines().filter_map(|line| {
        let (number, rest) = line.strip_prefix("| Renewal: making ")?.split_once(' ')?;
        let (_, memory) = rest.rsplit_once("at most ")?;
        let (memory, _) = memory.split_once(" MiB of memory")?;
        Some((number.parse().ok()?, memory.parse().ok()?))
    });
    rows.collect()
}
