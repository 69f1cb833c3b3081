//! The shared state of a run: the stack, the simulator, and the observations.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

use graph_simulator::{self as graph, Item, Registered, Simulator};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use stack::{Function, Pair, Programs, Progress, Stack};

use crate::Error;
use crate::ends::Ends;
use crate::evidence::Evidence;
use crate::flaw::{Flaw, flaws};
use crate::logs::Secrets;
use crate::options::Options;
use crate::subject::{self, Subject};
use crate::weather::Weather;

/// The stack in its world.
pub struct World {
    /// What the run is asked for.
    pub options: Options,
    /// Tells the waiting person.
    pub progress: Progress,
    pair: Pair,
    refresh_token: String,
    /// The version of the configuration that was written last.
    pub version: Cell<u32>,
    /// The last version after which renewal has put everything right. This one and all later ones may be in force.
    pub settled: Cell<u32>,
    /// The changes and the observations.
    pub evidence: RefCell<Evidence>,
    /// Secrets that must not be in a log.
    pub secrets: RefCell<Secrets>,
    /// What the programs of each function wrote, and how they ended, once the run is over.
    pub programs: RefCell<BTreeMap<&'static str, Programs>>,
    /// The faults, and when each began.
    pub disturbed: RefCell<Vec<(Timestamp, String)>>,
    /// Ids of subscriptions that Graph's list leaves out.
    pub unlisted: RefCell<BTreeSet<String>>,
    /// Which subscriptions may end.
    pub ends: RefCell<Ends>,
    /// Messages in the queues that changes pass.
    pub backlog: Cell<usize>,
    /// How often each function was killed.
    pub killed: RefCell<BTreeMap<&'static str, u32>>,
    /// Functions that were not running when they were to be killed.
    pub escaped: Cell<u32>,
    /// Disturbances that did something.
    pub disturbances: Cell<u64>,
    /// Upgrades that came to their end.
    pub upgrades: Cell<u64>,
    /// Kinds of keys that renewal has replaced.
    pub rotated: RefCell<BTreeSet<&'static str>>,
    /// Wrong lists and tokens that Graph was told to answer with, each of which somebody has to ask for.
    pub graph_faults: Cell<u64>,
}

impl World {
    /// Deploys the stack and has renewal subscribe to everything.
    pub async fn start(options: Options) -> Result<Self, Error> {
        let progress = Progress::start();
        // Backoff at a fiftieth of Microsoft's pace: eleven attempts within minutes.
        let simulator = graph::Options {
            apps: subject::apps().into(),
            retry_scale: 0.02,
            // Lists have several pages, of which each can be wrong.
            page_size: 3,
            ..graph::Options::default()
        };
        let stack = stack::Options {
            unreliable: true,
            renewal_minutes: "1".to_owned(),
            earlier: options.upgrade.clone(),
            ..stack::Options::default()
        };
        let pair = Pair::start(simulator, stack, progress).await?;
        let refresh_token = pair.simulator.issue_refresh_token(&subject::signed_in_app());
        let world = Self {
            options,
            progress,
            pair,
            refresh_token,
            version: Cell::default(),
            settled: Cell::default(),
            evidence: RefCell::default(),
            secrets: RefCell::default(),
            programs: RefCell::default(),
            disturbed: RefCell::default(),
            unlisted: RefCell::default(),
            ends: RefCell::default(),
            backlog: Cell::default(),
            killed: RefCell::default(),
            escaped: Cell::default(),
            disturbances: Cell::default(),
            upgrades: Cell::default(),
            rotated: RefCell::default(),
            graph_faults: Cell::default(),
        };
        world.prepare().await?;
        Ok(world)
    }

    /// Shortens what would take minutes, and subscribes.
    async fn prepare(&self) -> Result<(), Error> {
        for (queue, seconds) in [
            ("NotificationQueue", RETRY_SECONDS),
            ("LifecycleQueue", LONGER_RETRY_SECONDS),
            ("ReadQueue", LONGER_RETRY_SECONDS),
        ] {
            self.stack()
                .set_visibility(self.stack().resource(queue)?, seconds)
                .await?;
        }
        for app in subject::apps() {
            self.secrets
                .borrow_mut()
                .add(&app.client_secret, "a client secret");
        }
        self.secrets
            .borrow_mut()
            .add(&self.refresh_token, "a refresh token");
        self.secrets.borrow_mut().add_content();
        self.make_lists();
        self.configure(0).await?;
        // On a busy machine the first run of all may take longer than its calls have time for.
        let mut report = Ok(Value::Null);
        for _ in 0..FIRST_RUNS {
            report = self.stack().invoke(Function::Renewal, &json!({})).await;
            if self.flaws().is_empty() {
                return Ok(());
            }
        }
        Err(Error::NotSubscribed {
            missing: self
                .flaws()
                .iter()
                .map(Flaw::to_string)
                .collect::<Vec<_>>()
                .join(", "),
            report: report?,
        })
    }

    /// Has Graph's lists exist, with something old in them.
    fn make_lists(&self) {
        let long_ago = self.simulator().now() - SignedDuration::from_hours(720);
        for app in subject::apps() {
            self.simulator().set_teams(&app.tenant_id, &subject::TEAMS);
        }
        for subject in Subject::all() {
            for collection in (0..2).filter_map(|number| subject.collection(number)) {
                let item = Item::new("there-before", long_ago);
                self.simulator()
                    .put_item(&subject.app().tenant_id, &collection, item);
            }
        }
    }

    /// Returns the stack.
    pub fn stack(&self) -> &Stack {
        &self.pair.stack
    }

    /// Returns the simulator.
    pub fn simulator(&self) -> &Simulator {
        &self.pair.simulator
    }

    /// Returns how many functions were killed.
    pub fn kills(&self) -> u32 {
        self.killed.borrow().values().sum()
    }

    /// Notes something for the record of the run.
    pub fn note(&self, what: String) {
        let now = self.simulator().now();
        self.disturbed.borrow_mut().push((now, what));
    }

    /// Writes a version of the configuration.
    pub async fn configure(&self, version: u32) -> Result<(), Error> {
        let earlier = self.version.replace(version);
        self.ends.borrow_mut().configure(earlier, version);
        let document = subject::config(version, &self.refresh_token);
        Ok(self.stack().write_config(&document).await?)
    }

    /// Has calls to AWS fail in another way.
    pub async fn set_weather(&self, weather: Weather) -> Result<(), Error> {
        let rules = weather.rules(self.options.faults);
        Ok(self.stack().microburst()?.set_rules(&rules).await?)
    }

    /// Returns a live subscription to a subject, if there is one.
    pub fn subscription(&self, subject: Subject) -> Option<Registered> {
        let live = self.simulator().subscriptions();
        live.into_iter().find(|one| subject.is_of(one))
    }

    /// Notes a report of renewal, which began under a version of the configuration.
    pub fn note_report(&self, version: u32, report: &Value) {
        let live = self.simulator().subscriptions();
        let is_right = flaws(&live, version, self.simulator().now()).is_empty();
        if report.get("failed") == Some(&json!(0)) && is_right && version == self.version.get() {
            self.settled.set(version);
        }
    }

    /// Returns what is wrong with the live subscriptions under the configuration that was written last.
    pub fn flaws(&self) -> Vec<Flaw> {
        let live = self.simulator().subscriptions();
        flaws(&live, self.version.get(), self.simulator().now())
    }
}

/// Runs that renewal has for subscribing to everything before anything goes wrong.
const FIRST_RUNS: usize = 3;

/// After how many seconds NotificationQueue hands over again what was not done; minutes on AWS.
const RETRY_SECONDS: u16 = 10;

/// The same of the queues whose work takes seconds: a message that comes again meanwhile uses up one of its tries.
const LONGER_RETRY_SECONDS: u16 = 20;
