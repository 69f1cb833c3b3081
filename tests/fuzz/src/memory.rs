//! Memory, counted.

use peak_alloc::PeakAlloc;

/// The most that one input of some kilobytes may allocate at a time, in bytes.
pub const LIMIT: usize = 8 * 1_048_576;

/// Runs `task` and returns its result.
///
/// # Panics
///
/// When it takes more than [`LIMIT`] at a time.
pub fn bounded<T>(task: impl FnOnce() -> T) -> T {
    ALLOCATOR.reset_peak_usage();
    let before = ALLOCATOR.current_usage();
    let value = task();
    let taken = ALLOCATOR.peak_usage().saturating_sub(before);
    assert!(taken <= LIMIT, "{taken} bytes were allocated at a time");
    value
}

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;
