//! A shorter time, with every kind of fault.

use super::*;

#[test]
fn subscriptions_lapse_only_unavoidably_and_calls_are_necessary() {
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
