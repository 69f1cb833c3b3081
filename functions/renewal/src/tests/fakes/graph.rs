//! Microsoft Graph and its token endpoint, as doubles for the real client.

use std::{
    collections::{BTreeSet, HashMap},
    fmt,
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use graph_core::subscription::{
    compare::{resource_key, same_change_types},
    model::Subscription,
};
use graph_edge::{
    clock::Clock,
    testing::{Reply, Script, Sent, VirtualClock},
};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{super::APP, Log};

/// Subscriptions by tenant, with Graph's rule that one combination has one subscription.
pub(crate) struct FakeGraph {
    pub(super) log: Log,
    clock: VirtualClock,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    subscriptions: Vec<(String, Subscription)>,
    hidden: Vec<String>,
    /// The subscriptions that are gone and that lists go on showing.
    ghosts: Vec<(String, Subscription)>,
    vanishing: Vec<String>,
    bodies: Vec<Value>,
    failures: Vec<(String, Reply)>,
    latencies: Vec<(String, Duration)>,
    objects: Vec<String>,
    /// The members of groups that are members of the group.
    nested: Vec<String>,
    made: usize,
    /// When which calls for subscriptions arrived, by the first word of their line in the log.
    arrivals: Vec<(String, Timestamp)>,
    /// The ways in which lists and renewals are wrong.
    quirks: BTreeSet<Quirk>,
    /// Whether subscriptions disappear when they expire.
    has_ends: bool,
    /// The longest lifetime of a subscription, in minutes.
    longest: Option<i64>,
    /// To how many minutes Graph cuts a longer lifetime without a word.
    granted: Option<i64>,
    /// The claims of access tokens, if they are readable.
    claims: Option<Value>,
    /// The ids of the subscriptions that were created on beta: v1.0 does not find them, and beta does not find the others.
    betas: BTreeSet<String>,
    /// The ids of the subscriptions whose creations only a gateway answered.
    unanswered: BTreeSet<String>,
    /// The keys of all resources: each creation looks for a conflict among all subscriptions.
    keys: HashMap<String, String>,
}

/// A way in which Graph is wrong at times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Quirk {
    /// The second page of a list repeats the first.
    RepeatsPages,
    /// A list has a link to the same page.
    LinksInCircles,
    /// Lists show notification URLs without their query.
    DropsQueries,
    /// Subscriptions that are asked for by id are shown so.
    DropsQueriesById,
    /// A new notification URL cannot be validated.
    RefusesNewUrls,
    /// A second subscription for the same resource is accepted.
    TakesTwice,
    /// The handshake of every creation fails, after Graph has looked for a conflict.
    BlocksHandshakes,
    /// Creations and renewals are answered without the subscription, but for the id of a new one.
    AnswersLittle,
    /// A conflict does not name the other subscription.
    NamesNoConflict,
    /// A directory has a page for each object.
    PagesDirectories,
    /// Expiries are shown in an unreadable form.
    HidesEnds,
    /// The answer to the next creation that Graph carries out is lost on its way.
    LosesAnswer,
    /// Renewals are answered and extend nothing.
    KeepsEnds,
    /// A gateway answers creations that Graph carries out, and all that conflict with them.
    LosesAnswers,
}

impl FakeGraph {
    /// Returns a Graph without subscriptions.
    pub(super) fn new(log: Log, clock: VirtualClock) -> Self {
        Self {
            log,
            clock,
            state: Mutex::default(),
        }
    }

    /// Answers calls with `reply` if their line in the log starts with `call`.
    pub(crate) fn fail(&self, call: &str, reply: Reply) {
        self.state().failures.push((call.to_owned(), reply));
    }

    /// Delays calls if their line in the log starts with `call`.
    pub(crate) fn delay(&self, call: &str, seconds: u64) {
        let latency = Duration::from_secs(seconds);
        self.state().latencies.push((call.to_owned(), latency));
    }

    pub(crate) fn heal(&self) {
        self.state().failures.clear();
        self.state().latencies.clear();
        self.state().quirks.clear();
    }

    pub(crate) fn add(&self, tenant: &str, subscription: Subscription) {
        let mut state = self.state();
        state.know(&subscription);
        state.subscriptions.push((tenant.to_owned(), subscription));
    }

    /// Continues with the state of `other`.
    pub(crate) fn resume(&self, other: &Self) {
        let (mut state, other) = (self.state(), other.state());
        state.subscriptions.clone_from(&other.subscriptions);
        state.bodies.clone_from(&other.bodies);
        state.keys.clone_from(&other.keys);
        state.betas.clone_from(&other.betas);
        state.made = other.made;
    }

    /// Sets the objects of every `forEach` entry.
    pub(crate) fn set_objects(&self, ids: &[&str]) {
        self.state().objects = ids.iter().map(|id| (*id).to_owned()).collect();
    }

    /// Sets the users who are in the group of an entry because a group of theirs is.
    pub(crate) fn set_nested(&self, ids: &[&str]) {
        self.state().nested = ids.iter().map(|id| (*id).to_owned()).collect();
    }

    /// Leaves a subscription out of lists, as Graph does at times.
    pub(crate) fn hide(&self, id: &str) {
        self.state().hidden.push(id.to_owned());
    }

    /// Removes a subscription, which lists go on showing, as Graph does at times.
    pub(crate) fn ghost(&self, id: &str) {
        let state = &mut *self.state();
        let gone = state.subscriptions.extract_if(.., |(_, one)| one.id == id);
        state.ghosts.extend(gone);
    }

    /// Makes Graph wrong in this way from now on.
    pub(crate) fn quirk(&self, quirk: Quirk) {
        self.state().quirks.insert(quirk);
    }

    /// Removes subscriptions at their end from now on.
    pub(crate) fn end_in_time(&self) {
        self.state().has_ends = true;
    }

    /// Accepts no subscription for more than `minutes`.
    pub(crate) fn limit(&self, minutes: i64) {
        self.state().longest = Some(minutes);
    }

    /// Cuts the lifetimes of subscriptions to `minutes` without a word.
    pub(crate) fn grant(&self, minutes: i64) {
        self.state().granted = Some(minutes);
    }

    /// Issues readable access tokens with these claims.
    pub(crate) fn claim(&self, claims: Value) {
        self.state().claims = Some(claims);
    }

    /// Ends a subscription at the moment of its renewal or deletion.
    pub(crate) fn vanish_at_next_write(&self, id: &str) {
        self.state().vanishing.push(id.to_owned());
    }

    pub(crate) fn remove(&self, id: &str) {
        self.state().subscriptions.retain(|(_, one)| one.id != id);
    }

    pub(crate) fn change(&self, id: &str, change: impl Fn(&mut Subscription)) {
        let state = &mut *self.state();
        let changed = state.subscriptions.iter_mut().find(|(_, one)| one.id == id);
        if let Some((_, one)) = changed {
            change(one);
            let one = one.clone();
            state.know(&one);
        }
    }

    pub(crate) fn all(&self) -> Vec<Subscription> {
        let state = self.state();
        state.subscriptions.iter().map(|(_, one)| one.clone()).collect()
    }

    /// Returns the bodies of all creations and renewals.
    pub(crate) fn bodies(&self) -> Vec<Value> {
        self.state().bodies.clone()
    }

    /// Returns the most calls for subscriptions in 20 seconds of those whose line in the log starts with one of `words`.
    pub(crate) fn most_at_once(&self, words: &[&str]) -> usize {
        let state = self.state();
        let arrivals = state.arrivals.iter();
        let of_kind = arrivals.filter(|(word, _)| words.contains(&word.as_str()));
        let times: Vec<Timestamp> = of_kind.map(|(_, at)| *at).collect();
        let in_window = |(index, last): (usize, &Timestamp)| {
            let before = times[..=index].iter().rev();
            before
                .take_while(|at| last.duration_since(**at).as_secs() < 20)
                .count()
        };
        times.iter().enumerate().map(in_window).max().unwrap_or_default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl fmt::Debug for FakeGraph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FakeGraph")
    }
}

impl Script for FakeGraph {
    fn reply(&self, sent: &Sent<'_>) -> Reply {
        if let [tenant, "oauth2", ..] = sent.path {
            let line = match user(sent.body) {
                Some(user) => format!("login {tenant}+{user}"),
                None => format!("login {tenant}"),
            };
            let state = self.state();
            let failure = state.failures.iter().find(|(call, _)| line.starts_with(call));
            let granted = || grant(tenant, sent.body, state.claims.as_ref());
            let reply = failure.map_or_else(granted, |(_, reply)| reply.clone());
            return reply.after(state.latency(&line));
        }
        let tenant = sent.token.split('.').next().unwrap_or_default();
        let line = line(sent, tenant);
        self.log.lock().unwrap().push(line.clone());
        let mut state = self.state();
        let word = line.split(' ').next().unwrap_or_default().to_owned();
        state.arrivals.push((word, self.clock.now()));
        let latency = state.latency(&line);
        let failure = state.failures.iter().find(|(call, _)| line.starts_with(call));
        let reply = match failure {
            Some((_, reply)) => reply.clone(),
            None => state.carry_out(sent, tenant, self.clock.now()),
        };
        reply.after(latency)
    }
}

/// Returns the line of a request in the log.
fn line(sent: &Sent<'_>, tenant: &str) -> String {
    match (sent.method, sent.path) {
        ("GET", [_, "subscriptions"]) => format!("list {}", &tenant[..1]),
        ("POST", [_, "subscriptions"]) => {
            let body: Value = serde_json::from_slice(sent.body).unwrap();
            format!("create {}", body["resource"].as_str().unwrap())
        }
        ("GET", [_, "subscriptions", id]) => format!("get {id}"),
        ("PATCH", [_, "subscriptions", id]) => format!("update {id}"),
        ("DELETE", [_, "subscriptions", id]) => format!("delete {id}"),
        ("GET", [_, "groups", ..]) => "members".to_owned(),
        (_, [_, what, ..]) => (*what).to_owned(),
        _ => "?".to_owned(),
    }
}

impl State {
    /// Returns how long the call takes that has this line in the log.
    fn latency(&self, line: &str) -> Duration {
        let mut latencies = self.latencies.iter();
        let found = latencies.find(|(call, _)| line.starts_with(call.as_str()));
        found.map_or(Duration::ZERO, |(_, latency)| *latency)
    }

    fn carry_out(&mut self, sent: &Sent<'_>, tenant: &str, now: Timestamp) -> Reply {
        // An expired subscription is gone.
        let has_ended = |one: &Subscription| one.expiration_date_time.is_some_and(|end| end <= now);
        if self.has_ends {
            self.subscriptions.retain(|(_, one)| !has_ended(one));
        }
        match (sent.method, sent.path) {
            (_, [version, "subscriptions", id]) if self.betas.contains(*id) != (*version == "beta") => {
                not_found()
            }
            ("GET", [_, "subscriptions"]) => {
                let all = self.subscriptions.iter().chain(&self.ghosts);
                let own = all.filter(|(id, _)| id == tenant);
                let shown = own
                    .map(|(_, one)| one)
                    .filter(|one| !self.hidden.contains(&one.id));
                let shown = shown.map(|one| self.without_query(self.show(one), Quirk::DropsQueries));
                let mut page = json!({"value": shown.collect::<Vec<_>>()});
                let is_first = sent.query.is_empty();
                if self.has(Quirk::LinksInCircles) || self.has(Quirk::RepeatsPages) && is_first {
                    page["@odata.nextLink"] = json!("https://graph.test/v1.0/subscriptions?$skiptoken=1");
                }
                ok(&page)
            }
            ("POST", [version, ..]) => {
                let before = self.subscriptions.len();
                let reply = self.create(serde_json::from_slice(sent.body).unwrap(), tenant, now);
                let made = self.subscriptions.iter().skip(before);
                let made = made.filter(|_| *version == "beta");
                self.betas.extend(made.map(|(_, one)| one.id.clone()));
                reply
            }
            ("GET", [_, "subscriptions", id]) => self.find(id, tenant).map_or_else(not_found, |one| {
                ok(&self.without_query(self.show(one), Quirk::DropsQueriesById))
            }),
            ("PATCH", [.., id]) => self.update(id, &serde_json::from_slice(sent.body).unwrap(), now),
            ("DELETE", [.., id]) => {
                let is_there = self.subscriptions.iter().any(|(_, one)| one.id == *id);
                self.subscriptions.retain(|(_, one)| one.id != *id);
                if is_there && !self.vanishing.iter().any(|vanishing| vanishing == id) {
                    Reply::new(204, "")
                } else {
                    not_found()
                }
            }
            _ => {
                let nested = self
                    .nested
                    .iter()
                    .filter(|_| sent.path.contains(&"transitiveMembers"));
                let objects = self.objects.iter().chain(nested).map(|id| json!({"id": id}));
                if !self.has(Quirk::PagesDirectories) {
                    return ok(&json!({"value": objects.collect::<Vec<_>>()}));
                }
                let digits = |char: &char| char.is_ascii_digit();
                let number = sent.query.rsplit("token=").next().unwrap_or_default();
                let number: usize = number
                    .chars()
                    .take_while(digits)
                    .collect::<String>()
                    .parse()
                    .unwrap_or(0);
                let mut page = json!({"value": objects.clone().skip(number).take(1).collect::<Vec<_>>()});
                if objects.count() > number + 1 {
                    let next = number + 1;
                    page["@odata.nextLink"] =
                        json!(format!("https://graph.test/v1.0/users?$skiptoken={next}"));
                }
                ok(&page)
            }
        }
    }

    /// Returns a subscription as Graph shows it.
    fn show(&self, one: &Subscription) -> Value {
        let mut shown = json!(one);
        if self.has(Quirk::HidesEnds) {
            shown["expirationDateTime"] = json!("soon");
        }
        shown
    }

    /// Returns a shown subscription without the query of its URL, if Graph has this `quirk`.
    fn without_query(&self, mut shown: Value, quirk: Quirk) -> Value {
        if self.has(quirk) {
            let url = shown["notificationUrl"].as_str().unwrap().split('?').next();
            shown["notificationUrl"] = json!(url);
        }
        shown
    }

    fn has(&self, quirk: Quirk) -> bool {
        self.quirks.contains(&quirk)
    }

    fn know(&mut self, one: &Subscription) {
        let resource = one.resource.clone().unwrap_or_default();
        let key = resource_key(&resource);
        self.keys.insert(resource, key);
    }

    fn create(&mut self, body: Value, tenant: &str, now: Timestamp) -> Reply {
        let before = self.subscriptions.len();
        let answer = self.answer_creation(body, tenant, now);
        if self.subscriptions.len() > before && self.quirks.remove(&Quirk::LosesAnswer) {
            return gateway_timeout();
        }
        answer
    }

    fn answer_creation(&mut self, body: Value, tenant: &str, now: Timestamp) -> Reply {
        if let Some(refusal) = self.too_long(&body, now) {
            return refusal;
        }
        let mut wanted = body.clone();
        wanted["id"] = json!(format!("id-{}", self.made + 1));
        if let Some(granted) = self.granted {
            cut(&mut wanted, granted, now);
        }
        let wanted = read(&wanted);
        self.bodies.push(body);
        self.made += 1;
        self.know(&wanted);
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let key = |one: &Subscription| self.keys.get(one.resource.as_deref().unwrap_or_default());
        let existing = self.subscriptions.iter().find(|(id, one)| {
            id == tenant
                && key(one) == key(&wanted)
                && same_change_types(&text(&one.change_type), &text(&wanted.change_type))
        });
        if let Some((_, existing)) = existing.filter(|_| !self.quirks.contains(&Quirk::TakesTwice)) {
            if self.has(Quirk::LosesAnswers) && self.unanswered.contains(&existing.id) {
                return gateway_timeout();
            }
            if self.quirks.contains(&Quirk::NamesNoConflict) {
                let text = "A subscription already exists. It must be deleted before another one is created.";
                return Reply::refusal(409, "Conflict", text);
            }
            let text = format!(
                "Subscription Id {} already exists for the requested combination",
                existing.id
            );
            return Reply::refusal(409, "Conflict", &text);
        }
        if self.has(Quirk::BlocksHandshakes) {
            let text = "Subscription validation request timed out.";
            return Reply::refusal(400, "ValidationError", text);
        }
        let mut shown = self.show(&wanted);
        if self.has(Quirk::AnswersLittle) {
            shown = json!({"id": wanted.id});
        }
        let mut reply = Reply::new(201, shown.to_string());
        if self.has(Quirk::LosesAnswers) {
            self.unanswered.insert(wanted.id.clone());
            reply = gateway_timeout();
        }
        self.subscriptions.push((tenant.to_owned(), wanted));
        reply
    }

    /// Returns the refusal of a creation or renewal for longer than Graph grants.
    fn too_long(&self, body: &Value, now: Timestamp) -> Option<Reply> {
        let expires_at: Timestamp = body["expirationDateTime"].as_str()?.parse().ok()?;
        let longest = self.longest?;
        let text = format!("Subscription expiration can only be {longest} minutes in the future.");
        (expires_at.duration_since(now).as_mins() > longest)
            .then(|| Reply::refusal(400, "InvalidRequest", &text))
    }

    fn update(&mut self, id: &str, body: &Value, now: Timestamp) -> Reply {
        if let Some(refusal) = self.too_long(body, now) {
            return refusal;
        }
        self.bodies.push(body.clone());
        self.made += 1;
        if self.has(Quirk::RefusesNewUrls) && body.get("notificationUrl").is_some() {
            let text = "Subscription validation request timed out.";
            return Reply::refusal(400, "ValidationError", text);
        }
        if self.vanishing.iter().any(|vanishing| vanishing == id) {
            self.subscriptions.retain(|(_, one)| one.id != id);
        }
        let Some(found) = self.subscriptions.iter_mut().find(|(_, one)| one.id == id) else {
            return not_found();
        };
        let mut shown = json!(found.1);
        for (name, value) in body.as_object().unwrap() {
            if name != "expirationDateTime" || !self.quirks.contains(&Quirk::KeepsEnds) {
                shown[name] = value.clone();
            }
        }
        if let Some(granted) = self.granted {
            cut(&mut shown, granted, now);
        }
        let updated = read(&shown);
        found.1.clone_from(&updated);
        if self.has(Quirk::AnswersLittle) {
            return Reply::new(204, "");
        }
        ok(&self.show(&updated))
    }

    /// Returns a subscription that a login may see: its own.
    fn find(&self, id: &str, login: &str) -> Option<&Subscription> {
        let found = self
            .subscriptions
            .iter()
            .find(|(owner, one)| one.id == id && owner == login)?;
        Some(&found.1)
    }
}

/// Cuts the lifetime of a shown subscription to so many minutes.
fn cut(shown: &mut Value, minutes: i64, now: Timestamp) {
    let longest = now + jiff::SignedDuration::from_mins(minutes);
    let asked = shown["expirationDateTime"]
        .as_str()
        .and_then(|end| end.parse().ok());
    shown["expirationDateTime"] = json!(asked.map_or(longest, |asked: Timestamp| asked.min(longest)));
}

/// Issues an access token that names its owner, and to a user the next refresh token as well.
fn grant(tenant: &str, form: &[u8], claims: Option<&Value>) -> Reply {
    let claims = claims.map_or_else(
        || "token".to_owned(),
        |claims| BASE64_URL_SAFE_NO_PAD.encode(claims.to_string()),
    );
    let user = user(form);
    let form = String::from_utf8_lossy(form);
    let client = form.split('&').find_map(|pair| pair.strip_prefix("client_id="));
    // Each application has subscriptions of its own.
    let tenant = match client.filter(|client| *client != APP) {
        Some(other) => format!("{other}+{tenant}"),
        None => tenant.to_owned(),
    };
    let login = user
        .as_ref()
        .map_or_else(|| tenant.clone(), |user| format!("{tenant}+{user}"));
    let mut body =
        json!({"token_type": "Bearer", "expires_in": 3599, "access_token": format!("{login}.{claims}")});
    if let Some(user) = user {
        body["refresh_token"] = json!(user);
    }
    ok(&body)
}

/// Returns the user who signs in. Here, a user's refresh token never expires and names the user.
fn user(form: &[u8]) -> Option<String> {
    let form = String::from_utf8_lossy(form);
    let mut pairs = form.split('&');
    pairs.find_map(|pair| Some(pair.strip_prefix("refresh_token=")?.to_owned()))
}

fn read(shown: &Value) -> Subscription {
    serde_json::from_str(&shown.to_string()).unwrap()
}

fn ok(body: &Value) -> Reply {
    Reply::new(200, body.to_string())
}

fn gateway_timeout() -> Reply {
    Reply::refusal(504, "GatewayTimeout", "")
}

fn not_found() -> Reply {
    Reply::refusal(404, "ResourceNotFound", "The object was not found.")
}
