//! A shorter time, with every kind of fault.

use super::*;

#[test]
fn nothing_lapses_that_could_be_saved_and_no_call_is_made_without_need() {
    let scale = Scale {
        subscriptions: 60,
        tenants: 3,
        days: 5,
        fault_rate: 5,
        fills_document: false,
        ..Scale::default()
    };
    let figures = run(&scale, &mut std::io::sink());
    assert!(figures.broken().is_empty(), "{figures}");
    println!("{figures}");
}
