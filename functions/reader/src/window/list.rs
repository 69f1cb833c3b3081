//! The pages of a list, in one turn.

use std::time::Duration;

use graph_core::{
    read::{self, ContentSource, Limit, Page, Parts, Reading, Request, Shortfall, Turned},
    subscription::config::{Entry, Tenant},
};
use graph_edge::{
    deadline::Deadline,
    graph::{MAX_PAGE_BYTES, ReadAnswer},
    sqs::Reason,
};
use tracing::{error, warn};

use super::{TurnResult, end, event_of, move_to_failed_queue, send_completed};
use crate::{
    Deps,
    deps::Obstacle,
    ports::{GraphReader, Ports},
};

/// A turn for a window of a configured entry.
pub(super) struct Turn<'a, P: Ports> {
    pub(super) entry: &'a Entry,
    pub(super) tenant: &'a Tenant,
    pub(super) deps: &'a Deps<P>,
    /// When the rest of a list continues as a new message.
    pub(super) turn_ends: Deadline,
    pub(super) deadline: Deadline,
}

impl<P: Ports> Turn<'_, P> {
    /// Reads page after page until the end, or until the turn is over; then the rest goes on as a message.
    pub(super) async fn read(&self, mut reading: Reading, result: &mut TurnResult) -> Result<(), Obstacle> {
        let turn_ends = self.turn_ends.min(self.deadline);
        let begun = reading.pages();
        while let Some(request) = reading.request() {
            let wait = if turn_ends.left().is_zero() {
                Some(Duration::ZERO)
            } else {
                self.ask(&mut reading, &request, turn_ends, result).await?
            };
            if let Some(wait) = wait {
                // No sooner than Graph allows: the queue keeps the rest back.
                let rest = [reading.rest()];
                self.deps.enqueue_windows(rest, wait, self.deadline).await?;
                result.rest = None;
                return Ok(());
            }
            result.rest = (reading.pages() > begun).then(|| reading.rest());
        }
        // From here on nothing is left that could be read apart from the rest.
        result.rest = None;
        end(reading.completed(), self.deps, self.deadline, result).await
    }

    /// Asks for one page and delivers its changes; returns how long the rest has to wait where that is beyond the turn.
    async fn ask(
        &self,
        reading: &mut Reading,
        request: &Request,
        turn_ends: Deadline,
        result: &mut TurnResult,
    ) -> Result<Option<Duration>, Obstacle> {
        let (limit, path) = (reading.limit(), reading.resource().clone());
        let mut size = match ContentSource::of(self.entry) {
            ContentSource::None => SMALL,
            ContentSource::Notification | ContentSource::Reader => LARGE,
        };
        // The room is held until the events are stored: until then the page is in memory.
        let (_room, answer) = loop {
            let room = self
                .deps
                .room_for_page(size, limit, self.tenant, &path, turn_ends);
            let room = match room.await {
                Ok(room) => room,
                Err(wait) => return Ok(Some(wait)),
            };
            match self.get(request, size).await {
                // Lists of Teams show whole messages even to who wants no content; most of their pages are small.
                ReadAnswer::TooLarge if size < LARGE => size = LARGE,
                answer => break (room, answer),
            }
        };
        match answer {
            ReadAnswer::Body(body) => self.take_page(reading, &body, result).await?,
            ReadAnswer::TooLarge => _ = reading.too_large(),
            ReadAnswer::NotNow(wait) => {
                let wait = self.deps.pause_reads(limit, self.tenant, &path, wait);
                let goes_on = reading.waits() == Turned::Again;
                return Ok(Some(wait).filter(|wait| goes_on && *wait >= turn_ends.left()));
            }
            // A person may replace the credential: what Graph refuses for good is another status.
            ReadAnswer::Refused(401) | ReadAnswer::NotSignedIn => return Err(Obstacle::NotSignedIn),
            ReadAnswer::Refused(status) => self.take_refusal(reading, status, result).await?,
            ReadAnswer::OtherList => {
                let problem = "names a next page on another host or of another list";
                self.odd_answer(reading, problem, result).await?;
            }
            ReadAnswer::Unavailable | ReadAnswer::NoToken => return Err(Obstacle::GraphUnavailable),
        }
        Ok(None)
    }

    /// Asks for a page of so many MiB at the most.
    async fn get(&self, request: &Request, mebibytes: u32) -> ReadAnswer {
        let immutable_ids = self.entry.options.immutable_ids;
        let max_bytes = usize::try_from(mebibytes).map_or(MAX_PAGE_BYTES, |size| size * MEBIBYTE);
        self.deps
            .graph
            .read(self.tenant, request, immutable_ids, max_bytes)
            .await
    }

    /// Delivers the changes that a page shows.
    async fn take_page(
        &self,
        reading: &mut Reading,
        body: &[u8],
        result: &mut TurnResult,
    ) -> Result<(), Obstacle> {
        let Ok(page) = Page::parse(body) else {
            return self.odd_answer(reading, "is not a page of a list", result).await;
        };
        let changes = reading.take(&page);
        let mut events = Vec::with_capacity(changes.len());
        let (is_drive, delivered) = (
            reading.window().gap.is_none(),
            &self.deps.memory.delivered_changes,
        );
        let mut numbers = Vec::new();
        for change in &changes {
            if is_drive {
                let Some(number) = delivered.new_number(reading.window(), change) else {
                    continue;
                };
                numbers.push(number);
            }
            match read::event(change, reading.window(), ContentSource::of(self.entry)) {
                Ok(event) => events.push(event_of(reading.window(), event)),
                Err(_) => reading.falls_short(Shortfall::OddItem),
            }
        }
        let count = events.len();
        let queue = &self.deps.delivery_queue;
        self.deps.store(queue, events, self.deadline).await?;
        delivered.note(numbers);
        // A drive's changes are new ones, which nothing was lost of.
        if reading.window().gap.is_some() {
            result.events += count;
        }
        Ok(())
    }

    /// Ends a reading whose answer cannot be understood.
    async fn odd_answer(
        &self,
        reading: &mut Reading,
        problem: &str,
        result: &mut TurnResult,
    ) -> Result<(), Obstacle> {
        let window = reading.window();
        let kept = move_to_failed_queue(window, Reason::OddAnswer, self.deps, self.deadline).await?;
        result.failed.push(kept);
        error!(
            subscription = window.subscription,
            problem,
            "Microsoft Graph's answer for subscription {} {problem}; its window is in FailedQueue{}",
            window.subscription,
            if window.gap.is_some() {
                ", and CatchUpCompleted says that it is incomplete"
            } else {
                ""
            }
        );
        reading.end(Shortfall::OddAnswer);
        Ok(())
    }

    /// Ends a reading that Graph refuses, or asks in another way.
    async fn take_refusal(
        &self,
        reading: &mut Reading,
        status: u16,
        result: &mut TurnResult,
    ) -> Result<(), Obstacle> {
        if reading.refused(status) == Turned::Again {
            return Ok(());
        }
        let window = reading.window();
        if !matches!(status, 403 | 404 | 410) {
            let kept = move_to_failed_queue(window, Reason::ReadRefused, self.deps, self.deadline).await?;
            result.failed.push(kept);
        }
        result.forbidden += usize::from(status == 403);
        warn!(
            subscription = window.subscription,
            status,
            "Microsoft Graph refuses to list the resource of subscription {} ({status}){}",
            window.subscription,
            if window.gap.is_some() {
                "; CatchUpCompleted says that the window is incomplete, and why"
            } else {
                ""
            }
        );
        Ok(())
    }

    /// Makes a window of each part of a tenant-wide resource.
    pub(super) async fn split(&self, mut parts: Parts, result: &mut TurnResult) -> Result<(), Obstacle> {
        let mut forbidden = 0;
        while let Some(request) = parts.request() {
            let Some(path) = parts.path() else {
                parts.falls_short(Shortfall::OddAnswer);
                break;
            };
            let turn_ends = self.turn_ends.min(self.deadline);
            let room = self
                .deps
                .room_for_page(LARGE, Limit::OTHER, self.tenant, &path, turn_ends);
            let _room = match room.await {
                Ok(room) => room,
                Err(wait) => {
                    let Some(again) = parts.later() else { break };
                    return self.deps.enqueue_windows([again], wait, self.deadline).await;
                }
            };
            match self.get(&request, LARGE).await {
                ReadAnswer::Body(body) => match Page::parse(&body) {
                    Ok(page) => parts.take(&page),
                    Err(_) => parts.falls_short(Shortfall::OddAnswer),
                },
                ReadAnswer::NotNow(wait) => {
                    self.deps.pause_reads(Limit::OTHER, self.tenant, &path, wait);
                    parts.waits();
                }
                ReadAnswer::TooLarge | ReadAnswer::OtherList => parts.falls_short(Shortfall::OddAnswer),
                ReadAnswer::Refused(401) | ReadAnswer::NotSignedIn => return Err(Obstacle::NotSignedIn),
                ReadAnswer::Refused(status) => {
                    forbidden += usize::from(status == 403);
                    parts.falls_short(Shortfall::of(status));
                }
                ReadAnswer::Unavailable | ReadAnswer::NoToken => return Err(Obstacle::GraphUnavailable),
            }
        }
        if let Some(completed) = parts.completed() {
            result.forbidden += forbidden;
            return send_completed(completed, self.deps, self.deadline, result).await;
        }
        self.deps
            .enqueue_windows(parts.windows(), Duration::ZERO, self.deadline)
            .await
    }
}

/// How many MiB are read of a page at the most: at first where no content is asked for, and in the end.
const SMALL: u32 = 1;
const LARGE: u32 = 8;
const MEBIBYTE: usize = 1_048_576;
const _: () = assert!(8 * MEBIBYTE == MAX_PAGE_BYTES, "a page has to fit");
