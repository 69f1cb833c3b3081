//! The plan of a run: the notifications and the faults in their order, decided by the seed.

use fastrand::Rng;
use stack::Function;

use crate::options::Options;
use crate::subject::Subject;
use crate::weather::Weather;

/// The steps of a run.
pub type Plan = Vec<Step>;

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Changes of one subscription in one POST.
    Post(Post),
    /// Something goes wrong, or is changed.
    Disturb(Disturbance),
}

/// A POST.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Post {
    /// The subscription.
    pub subject: Subject,
    /// What it consists of.
    pub changes: Vec<Change>,
    /// Whether Graph sends it once more, as if the answer had been lost.
    pub repeated: bool,
    /// Whether Graph loses it, and says that something was missed.
    pub dropped: bool,
}

/// A change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// Its number in the run.
    pub number: u32,
    /// What is sent of it.
    pub kind: Kind,
}

/// The kind of notification about a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The truth.
    Genuine,
    /// Content that cannot be decrypted.
    Unreadable,
    /// An item of somebody who does not know the client state.
    Forged,
}

/// Something that goes wrong, or is changed, while changes are on their way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disturbance {
    /// Calls to AWS fail in another way from now on.
    Weather(Weather),
    /// One of the next calls to Microsoft fails.
    Graph(GraphFault),
    /// A function is killed, so many milliseconds later.
    Kill(Function, u16),
    /// Renewal runs, beside its schedule.
    Renew,
    /// Renewal is asked for a new client-state key.
    ReplaceKey,
    /// Renewal is asked for a new certificate.
    ReplaceCertificate,
    /// Microsoft signs validation tokens with another key.
    ReplaceSigningKey,
    /// A person writes the next version of the configuration.
    Configure(u32),
    /// A subscription is nearly over.
    Age(Subject),
    /// Graph removes a subscription.
    Remove(Subject),
    /// Graph asks for reauthorization.
    Reauthorization(Subject),
    /// Graph's list leaves out a subscription that is there.
    Unlist(Subject),
    /// What is built here is deployed over the earlier version that is there.
    Upgrade,
}

/// How a call to Microsoft fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GraphFault {
    /// 429 with `Retry-After`.
    Throttled,
    /// 503.
    Unavailable,
    /// 504 after seconds, although it was carried out.
    Slow,
    /// 500 although it was carried out.
    AnswerLost,
    /// A list that is empty although there are subscriptions.
    EmptyList,
    /// A list that ends with its first page although there are more.
    PartialList,
    /// A list whose second page, or a later one, cannot be read.
    NoNextPage,
    /// No access token for the tenant of a subscription.
    NoToken(Subject),
    /// No signing keys.
    NoSigningKeys,
}

/// Returns the steps of a run.
pub fn plan(options: &Options) -> Plan {
    let mut chance = Rng::with_seed(options.seed);
    let posts = posts(options.items, &mut chance);
    let mut steps: Vec<(usize, Step)> = Vec::new();
    for disturbance in disturbances(options, &mut chance) {
        steps.push((chance.usize(..=posts.len()), Step::Disturb(disturbance)));
    }
    if options.upgrade.is_some() {
        steps.push((posts.len() / 3, Step::Disturb(Disturbance::Upgrade)));
    }
    if options.steady {
        let replaced = replacements(options.minutes, posts.len());
        steps.extend(replaced.map(|(position, one)| (position, Step::Disturb(one))));
    }
    // Versions of the configuration are written in their order, wherever each was put.
    steps.sort_by_key(|(position, _)| *position);
    let mut versions = 1..;
    for (_, step) in &mut steps {
        if let Step::Disturb(Disturbance::Configure(version)) = step {
            *version = versions.next().unwrap_or_default();
        }
    }
    let mut plan = Vec::new();
    let mut steps = steps.into_iter().peekable();
    for (index, post) in posts.into_iter().enumerate() {
        while let Some((_, step)) = steps.next_if(|(position, _)| *position <= index) {
            plan.push(step);
        }
        plan.push(Step::Post(post));
    }
    plan.extend(steps.map(|(_, step)| step));
    plan
}

/// Divides the changes into POSTs.
fn posts(items: u32, chance: &mut Rng) -> Vec<Post> {
    let subjects = Subject::all();
    let mut posts = Vec::new();
    let mut numbers = 0..items;
    loop {
        let size = chance.usize(1..=MAX_ITEMS_PER_POST);
        let numbers: Vec<u32> = numbers.by_ref().take(size).collect();
        if numbers.is_empty() {
            return posts;
        }
        let subject = chance.choice(&subjects).copied().unwrap_or(Subject::TeamMessages);
        let changes = numbers.into_iter().map(|number| Change {
            number,
            kind: kind(subject, chance),
        });
        posts.push(Post {
            subject,
            changes: changes.collect(),
            repeated: chance.u8(..100) < 5,
            dropped: subject.is_steady() && chance.u8(..100) < 3,
        });
    }
}

/// Decides the kind of notification about a change.
fn kind(subject: Subject, chance: &mut Rng) -> Kind {
    match chance.u8(..200) {
        0..2 => Kind::Forged,
        2..5 if subject.is_rich() => Kind::Unreadable,
        _ => Kind::Genuine,
    }
}

/// Returns the faults, without an order.
fn disturbances(options: &Options, chance: &mut Rng) -> Vec<Disturbance> {
    let every = |items: u32, least: u32| (options.items / items).max(least);
    let mut all = Vec::new();
    for _ in 0..options.kills {
        let function = match chance.u8(..6) {
            0..2 => Function::Webhook,
            2..4 => Function::Decryption,
            4 => Function::Renewal,
            _ => Function::Reader,
        };
        all.push(Disturbance::Kill(function, chance.u16(..500)));
    }
    if options.faults > 0 {
        all.extend((0..every(300, 3)).map(|_| Disturbance::Weather(Weather::any(chance))));
        // As many as the share of calls to AWS that fail, of as many calls as there are likely to be.
        let faults = every(100, 5) * u32::from(options.faults) / 15;
        all.extend((0..faults).map(|_| Disturbance::Graph(any_fault(chance))));
        let wrong_lists = (0..every(2_000, 1)).flat_map(|_| WRONG_LISTS);
        all.extend(wrong_lists.map(Disturbance::Graph));
    }
    all.extend((0..every(400, 3)).map(|_| Disturbance::Renew));
    all.extend((0..every(1_000, 2)).map(|_| Disturbance::Configure(0)));
    // Microsoft keeps a key published for long after the last token of it. The simulator keeps the last few.
    all.extend((0..every(25_000, 1)).map(|_| Disturbance::ReplaceSigningKey));
    all.extend((0..every(25_000, 1)).map(|_| Disturbance::ReplaceKey));
    all.extend((0..every(25_000, 1)).map(|_| Disturbance::ReplaceCertificate));
    all.extend((0..every(500, 2)).map(|_| Disturbance::Age(steady(chance))));
    all.extend((0..every(1_000, 1)).map(|_| Disturbance::Remove(steady(chance))));
    all.extend((0..every(1_000, 1)).map(|_| Disturbance::Reauthorization(steady(chance))));
    all.extend((0..every(5_000, 1)).map(|_| Disturbance::Unlist(steady(chance))));
    all
}

/// Returns the keys that are replaced while a steady run lasts, with the POST before which each is: of both kinds one each ten
/// minutes.
fn replacements(minutes: u32, posts: usize) -> impl Iterator<Item = (usize, Disturbance)> {
    let times = usize::try_from(minutes / 10).unwrap_or_default();
    (1..=times).flat_map(move |time| {
        let position = posts * time / (times + 1);
        [Disturbance::ReplaceKey, Disturbance::ReplaceCertificate].map(|one| (position, one))
    })
}

fn any_fault(chance: &mut Rng) -> GraphFault {
    match chance.u8(..20) {
        0..5 => GraphFault::Throttled,
        5..10 => GraphFault::Unavailable,
        10..13 => GraphFault::Slow,
        13..16 => GraphFault::AnswerLost,
        16..18 => GraphFault::NoToken(steady(chance)),
        _ => GraphFault::NoSigningKeys,
    }
}

/// Returns one of the subscriptions that are always there.
fn steady(chance: &mut Rng) -> Subject {
    let steady: Vec<Subject> = Subject::all().into_iter().filter(|one| one.is_steady()).collect();
    chance.choice(steady).unwrap_or(Subject::TeamMessages)
}

/// The lists that say less than there is. Each comes in every run with faults.
const WRONG_LISTS: [GraphFault; 3] = [
    GraphFault::EmptyList,
    GraphFault::PartialList,
    GraphFault::NoNextPage,
];

/// Changes in the largest POST.
pub const MAX_ITEMS_PER_POST: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seed_alone_decides_on_the_plan() {
        let options = Options::default();
        assert_eq!(plan(&options), plan(&options));
        assert_ne!(plan(&options), plan(&Options { seed: 2, ..options }));
    }

    #[test]
    fn every_change_is_sent_once_and_in_order() {
        let options = Options {
            items: 3_000,
            ..Options::default()
        };
        let numbers: Vec<u32> = sent(&options)
            .iter()
            .flat_map(|post| &post.changes)
            .map(|one| one.number)
            .collect();
        assert_eq!(numbers, (0..3_000).collect::<Vec<_>>());
    }

    #[test]
    fn as_many_functions_are_killed_as_are_asked_for() {
        for kills in [0, 1, 200] {
            let options = Options {
                kills,
                ..Options::default()
            };
            let killed = count(&options, |one| matches!(one, Disturbance::Kill(..)));
            assert_eq!(killed, kills);
        }
        for function in Function::ALL {
            let options = Options {
                kills: 200,
                ..Options::default()
            };
            assert!(
                count(
                    &options,
                    |one| matches!(one, Disturbance::Kill(which, _) if which == function)
                ) > 10
            );
        }
    }

    #[test]
    fn a_steady_run_replaces_both_keys_each_ten_minutes() {
        let replaced = |minutes, which| {
            let options = Options {
                steady: true,
                minutes,
                ..Options::default()
            };
            count(&options, |one| one == which)
        };
        for which in [Disturbance::ReplaceKey, Disturbance::ReplaceCertificate] {
            assert_eq!(replaced(60, which) - replaced(2, which), 6, "{which:?}");
        }
    }

    #[test]
    fn without_faults_no_call_fails() {
        let options = Options {
            faults: 0,
            ..Options::default()
        };
        let fails = |one| matches!(one, Disturbance::Weather(_) | Disturbance::Graph(_));
        assert_eq!(count(&options, fails), 0);
        assert!(count(&Options::default(), fails) > 20);
    }

    #[test]
    fn even_a_short_run_has_everything_in_it() {
        let options = Options {
            items: 500,
            kills: 5,
            ..Options::default()
        };
        let named = |one: Disturbance| std::mem::discriminant(&one);
        let mut kinds: Vec<_> = disturbed(&options).into_iter().map(named).collect();
        kinds.dedup();
        let different: std::collections::HashSet<_> = kinds.into_iter().collect();
        assert_eq!(different.len(), 12);
        for wrong in WRONG_LISTS {
            assert_eq!(
                count(&options, |one| one == Disturbance::Graph(wrong)),
                1,
                "{wrong:?}"
            );
        }
        let posts = sent(&options);
        let changes = || posts.iter().flat_map(|post| &post.changes);
        assert!(changes().any(|one| one.kind == Kind::Forged));
        assert!(posts.iter().any(|post| post.repeated) && posts.iter().any(|post| post.dropped));
    }

    #[test]
    fn versions_of_the_configuration_are_written_in_their_order() {
        let versions: Vec<u32> = disturbed(&Options {
            items: 20_000,
            ..Options::default()
        })
        .into_iter()
        .filter_map(|one| match one {
            Disturbance::Configure(version) => Some(version),
            _ => None,
        })
        .collect();
        assert_eq!(versions, (1..=20).collect::<Vec<_>>());
    }

    fn count(options: &Options, which: impl Fn(Disturbance) -> bool) -> u32 {
        let fitting = disturbed(options).into_iter().filter(|one| which(*one)).count();
        u32::try_from(fitting).unwrap()
    }

    fn disturbed(options: &Options) -> Vec<Disturbance> {
        let disturbance = |step| match step {
            Step::Disturb(one) => Some(one),
            Step::Post(_) => None,
        };
        plan(options).into_iter().filter_map(disturbance).collect()
    }

    fn sent(options: &Options) -> Vec<Post> {
        let post = |step| match step {
            Step::Post(one) => Some(one),
            Step::Disturb(_) => None,
        };
        plan(options).into_iter().filter_map(post).collect()
    }
}
