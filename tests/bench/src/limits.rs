//! How close renewal and the reader come to the time that Microsoft Graph's limits force. In virtual time, with the
//! real client of Graph and the whole function, and with Graph's rules, latencies and limits in memory.

use std::{fs, time::Duration};

use year::{
    scenes::{self, Scene},
    storm::{self, Storm},
};

use crate::{
    BoxError,
    options::Options,
    table::{Table, Unit},
};

/// Plays the scenes.
pub fn measure(options: &Options, table: &mut Table) -> Result<(), BoxError> {
    let (count, tenants) = if options.quick { (500, 20) } else { (10_000, 500) };
    options.say(&format!(
        "Limits: {count} subscriptions, and {tenants} tenants, in virtual time"
    ));
    let plain = tell(table, Some(1.10), || [scenes::creation(count, false)])?;
    let slow = tell(table, None, || [scenes::creation(count, true)])?;
    let times = slow.as_secs_f64() / plain.as_secs_f64();
    let what = "Renewal, virtual time: how many times as long with one call in a hundred that takes 55 s, in percent";
    table.tell(what, Unit::Number, times * 100.0, "goal: 120");
    tell(table, Some(1.25), || [scenes::reauthorizations(count)])?;
    tell(table, None, || [scenes::idle(count)])?;
    tell(table, None, || scenes::tenants(tenants))?;
    tell_storm(table, || storm::chats(count))?;
    tell_storm(table, || storm::mailboxes(count))
}

/// Plays a storm of gaps and adds its row.
fn tell_storm(table: &mut Table, play: impl FnOnce() -> Storm) -> Result<(), BoxError> {
    fs::write("/proc/self/clear_refs", "5")?;
    let storm = play();
    let peak = peak()?;
    let ratio = if storm.forced.is_zero() {
        "Graph forces nothing".to_owned()
    } else {
        format!(
            "{:.2} times what is forced (goal: 1.20), {} s forced",
            storm.ratio(),
            storm.forced.as_secs()
        )
    };
    let remark = format!(
        "{ratio}, {} complete, {} reads, {} of them over a limit, another tenant's gap waited {:.1} s and notifications to fetch \
         {:.1} s ({:.1} times as long as without a storm), a run of renewal took {:.2} times as long, {:.1} s of work, at most {peak} MiB of memory (goal: 128), Graph's side included",
        storm.complete,
        storm.reads,
        storm.over,
        storm.other.as_secs_f64(),
        storm.live.during.as_secs_f64(),
        storm.live.ratio(),
        storm.renewal.ratio(),
        storm.work.as_secs_f64(),
    );
    let what = format!("Reader, virtual time: a storm of {}", storm.what);
    table.tell(
        &what,
        Unit::Time,
        Duration::try_from(storm.took)?.as_secs_f64() * 1e6,
        &remark,
    );
    Ok(())
}

/// Plays scenes, adds their rows, and returns the time of the last one.
fn tell<const N: usize>(
    table: &mut Table,
    goal: Option<f64>,
    play: impl FnOnce() -> [Scene; N],
) -> Result<Duration, BoxError> {
    // Resets the peak of the memory (proc(5), *clear_refs*).
    fs::write("/proc/self/clear_refs", "5")?;
    let scenes = play();
    let peak = peak()?;
    let mut last = Duration::ZERO;
    for scene in scenes {
        let took = Duration::try_from(scene.took)?;
        let goal = goal.map_or(String::new(), |goal| {
            format!("{:.2} times what is forced (goal: {goal:.2}), ", scene.ratio())
        });
        let remark = format!(
            "{goal}{} s forced, {} runs or batches, a tenant at most {} runs behind another, {} requests, {} of them over a \
             limit, {:.1} s of work, at most {peak} MiB of memory, Graph's side included",
            scene.forced.as_secs(),
            scene.runs,
            scene.behind,
            scene.requests,
            scene.over,
            scene.work.as_secs_f64(),
        );
        let what = format!("Renewal, virtual time: {}", scene.what);
        table.tell(&what, Unit::Time, took.as_secs_f64() * 1e6, &remark);
        last = took;
    }
    Ok(last)
}

/// Returns the peak of this process's memory, in mebibytes.
fn peak() -> Result<u64, BoxError> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = line.and_then(|line| line.split_whitespace().next());
    Ok(kibibytes.ok_or("no VmHWM in /proc/self/status")?.parse::<u64>()? / 1_024)
}
