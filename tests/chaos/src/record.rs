//! The record of a run in files: what happened when, and the logs of the functions. A broken promise is explained with them.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::evidence::{CaughtUp, Evidence, Gap, Sent};
use crate::world::World;

/// Writes the record into a folder, in place of the one of an earlier run, and returns the folder.
///
/// # Errors
///
/// A file cannot be written.
pub fn write(world: &World, evidence: &Evidence, folder: PathBuf) -> io::Result<PathBuf> {
    fs::create_dir_all(&folder)?;
    for (function, programs) in world.programs.borrow().iter() {
        fs::write(folder.join(format!("{function}.log")), &programs.text)?;
    }
    write_history(&world.disturbed.borrow(), evidence, &folder)?;
    Ok(folder)
}

/// Writes the faults, the changes and the gaps in the order of their times.
fn write_history(disturbed: &[(Timestamp, String)], evidence: &Evidence, folder: &Path) -> io::Result<()> {
    let mut lines: Vec<(Timestamp, String)> = disturbed.to_vec();
    lines.extend(
        evidence
            .sent
            .iter()
            .map(|sent| (sent.at, line_of_change(sent, evidence))),
    );
    lines.extend(evidence.gaps.iter().map(|gap| (gap.until, line_of_gap(gap))));
    lines.extend(
        evidence
            .caught_up
            .iter()
            .map(|done| (done.until, line_of_reading(done))),
    );
    lines.sort();
    let mut text = String::new();
    for (at, line) in lines {
        let _ = writeln!(text, "{at:.3} {line}");
    }
    fs::write(folder.join("history.txt"), text)
}

fn line_of_change(sent: &Sent, evidence: &Evidence) -> String {
    let Sent {
        number,
        subject,
        kind,
        outcome,
        ..
    } = sent;
    let arrived = match evidence.arrivals.get(number) {
        Some(at) => format!("arrived {at:.3}"),
        None => "did not arrive".to_owned(),
    };
    format!(
        "change {number} of {}: {kind:?}, {outcome:?}, {arrived}",
        subject.name()
    )
}

fn line_of_gap(gap: &Gap) -> String {
    let from = gap
        .from
        .map_or("an unknown time".to_owned(), |from| format!("{from:.3}"));
    format!("gap {} of {} ends; it began at {from}", gap.id, gap.name)
}

fn line_of_reading(done: &CaughtUp) -> String {
    let CaughtUp {
        gap,
        part,
        from,
        is_complete,
        reason,
        ..
    } = done;
    let part = part.as_deref().unwrap_or("all");
    let reason = reason.as_deref().unwrap_or("no reason");
    format!(
        "what is read of gap {gap} ends; it began at {from:.3}; part: {part}; complete: {is_complete}, {reason}"
    )
}
