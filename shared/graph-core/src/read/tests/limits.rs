//! The limits of Microsoft Graph.

use super::*;

#[test]
fn reads_stay_below_the_limits_in_every_window() {
    let application = application(("t", "c"));
    let resource = graph_events::ResourcePath::parse("/chats/c1/messages").unwrap();
    for (limit, most, seconds) in [
        (Limit::CHAT, 1, 2),
        (Limit::EXPORT, 100, 1),
        (Limit::OUTLOOK, 1_000, 20),
    ] {
        let (mut limiter, mut now, mut taken) = (Limiter::default(), at(0), Vec::new());
        while taken.len() < 3 * most {
            match limiter.take(limit, application, &resource, now) {
                Ok(()) => taken.push(now),
                Err(wait) => now += SignedDuration::try_from(wait).unwrap(),
            }
        }
        for (index, first) in taken.iter().enumerate() {
            let end = *first + SignedDuration::from_secs(seconds);
            assert!(taken[index..].iter().take_while(|time| **time < end).count() <= most);
        }
        assert_eq!(now.duration_since(at(0)), SignedDuration::from_secs(2 * seconds));
    }
}

#[test]
fn requests_wait_as_long_as_graph_asks() {
    let application = application(("t", "c"));
    let path = |chat: &str| graph_events::ResourcePath::parse(&format!("/chats/{chat}/messages")).unwrap();
    let mut limiter = Limiter::default();
    limiter.close(
        Limit::CHAT,
        application,
        &path("c1"),
        std::time::Duration::from_secs(40),
        at(0),
    );
    assert_eq!(
        limiter.take(Limit::CHAT, application, &path("c1"), at(10)),
        Err(std::time::Duration::from_secs(30))
    );
    assert_eq!(
        limiter.take(Limit::CHAT, application, &path("c2"), at(10)),
        Ok(())
    );
    assert_eq!(
        limiter.take(Limit::CHAT, application, &path("c1"), at(40)),
        Ok(())
    );
}

#[test]
fn a_pause_of_one_mailbox_or_service_is_none_of_another() {
    let application = application(("t", "c"));
    let path = |path: &str| graph_events::ResourcePath::parse(path).unwrap();
    let mut limiter = Limiter::default();
    let pause = std::time::Duration::from_mins(15);
    let (anna, boris) = (path("/users/a/messages/1"), path("/users/b/messages/1"));
    limiter.close(Limit::OUTLOOK, application, &anna, pause, at(0));
    limiter.close(Limit::OTHER, application, &path("/drives/d/root"), pause, at(0));
    for (limit, path, is_free) in [
        (Limit::OUTLOOK, &anna, false),
        (Limit::OUTLOOK, &boris, true),
        (Limit::CHAT, &path("/chats/c1/messages"), true),
        (Limit::OTHER, &path("/drives/e/root"), false),
    ] {
        let taken = limiter.take(limit, application, path, at(1));
        assert_eq!(taken.is_ok(), is_free, "{path}");
    }
}
