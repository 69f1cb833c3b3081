//! A shorter time, with all that can go wrong in it.

use super::*;

#[test]
fn nothing_lapses_that_could_be_saved_and_no_call_is_made_without_need() {
    let scale = Scale {
        subscriptions: 40,
        days: 4,
        fault_rate: 5,
        ..Scale::default()
    };
    let figures = run(&scale, &mut std::io::sink());
    assert!(figures.broken().is_empty(), "{figures}");
    println!("{figures}");
}
