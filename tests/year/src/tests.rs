//! A shorter time, with every kind of fault.

use super::*;

#[test]
fn subscriptions_lapse_only_unavoidably_and_calls_are_necessary() {
    let figures = check(&Scale {
        subscriptions: 20,
        tenants: 2,
        days: 10,
        fault_rate: 5,
        fills_document: false,
        ..Scale::default()
    });
    assert_eq!(figures.absent(), ["a full document"], "{figures}");
}

#[test]
fn a_full_document_is_kept_alive_as_well() {
    let figures = check(&Scale {
        subscriptions: 9,
        tenants: 3,
        days: 1,
        fault_rate: 5,
        ..Scale::default()
    });
    assert!(!figures.absent().contains(&"a full document"), "{figures}");
}

#[track_caller]
fn check(scale: &Scale) -> Figures {
    let figures = run(scale, &mut |_, _| ());
    assert!(figures.broken().is_empty(), "{figures}");
    println!("{figures}");
    figures
}
