//! The limits of Microsoft Graph.

use super::*;

#[test]
fn reads_stay_below_the_limits_in_every_window() {
    let application = application(("t", "c"));
    for (limit, resource, most, seconds) in [
        (Limit::CHAT, "/chats/c1/messages", 1, 2),
        (Limit::CHANNEL, "/teams/t1/channels/c1/messages", 1, 2),
        (Limit::EXPORT, "/teams/t1/channels/getAllMessages", 100, 1),
        (Limit::CALL_RECORDS, "/communications/callRecords", 750, 20),
        (Limit::OTHER, "/drives/d1/root", 15, 1),
        (Limit::OUTLOOK, "/groups/g1/events", 1_000, 20),
    ] {
        let resource = graph_events::ResourcePath::parse(resource).unwrap();
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

/// Windows and items of a mailbox count together; those of another mailbox, and of another application, do not.
#[test]
fn a_mailbox_is_read_five_thousand_times_in_ten_minutes() {
    let [own, other] = ["c", "d"].map(|client| application(("t", client)));
    let path = |path: &str| graph_events::ResourcePath::parse(path).unwrap();
    let (list, item) = (
        path("/users/a/mailFolders/f/messages"),
        path("/users/a/messages/1"),
    );
    let (mut limiter, mut now, mut taken) = (Limiter::default(), at(0), 0);
    while now < at(599) {
        let resource = if taken % 2 == 0 { &list } else { &item };
        match limiter.take(Limit::OUTLOOK, own, resource, now) {
            Ok(()) => taken += 1,
            Err(wait) => now += SignedDuration::try_from(wait).unwrap(),
        }
    }
    assert_eq!(taken, 5_000);
    assert_eq!(
        limiter.take(Limit::OUTLOOK, own, &path("/users/b/messages"), at(599)),
        Ok(())
    );
    assert_eq!(limiter.take(Limit::OUTLOOK, other, &list, at(599)), Ok(()));
}

/// A holder of a client state can name any number of chats.
#[test]
fn invented_objects_are_forgotten_and_their_long_names_cut() {
    let application = application(("t", "c"));
    let (mut limiter, mut most) = (Limiter::default(), 0);
    for second in 0..20_000 {
        let chat = format!("/chats/19:{second}{}/messages/1", "x".repeat(100));
        let path = graph_events::ResourcePath::parse(&chat).unwrap();
        assert_eq!(limiter.take(Limit::CHAT, application, &path, at(second)), Ok(()));
        most = most.max(limiter.scopes());
    }
    assert!(most <= 1_500, "{most}");
    for end in ["a", "b"] {
        let chat = format!("/chats/{}{end}/messages/1", "19:1".repeat(100));
        let path = graph_events::ResourcePath::parse(&chat).unwrap();
        let taken = limiter.take(Limit::CHAT, application, &path, at(20_000));
        assert_eq!(taken.is_ok(), end == "a", "they share a name of 200 bytes");
    }
}

/// Microsoft's figures (*throttling limits*): reads of the application in the tenant, and of the one object.
#[test]
fn two_instances_stay_within_what_graph_allows() {
    for (limit, tenant, object) in [
        (Limit::OUTLOOK, None, Some((10_000, 600))),
        (Limit::EXPORT, Some((200, 1)), None),
        (Limit::CHANNEL, Some((20, 1)), Some((1, 1))),
        (Limit::CHAT, Some((20, 1)), Some((1, 1))),
        (Limit::CALL_RECORDS, Some((1_500, 20)), None),
        (Limit::OTHER, Some((30, 1)), None),
    ] {
        let ours = [Some(limit.tenant), limit.object.map(|(_, rate)| rate)];
        for (ours, graphs) in ours.into_iter().zip([tenant, object]) {
            let Some((reads, seconds)) = graphs else { continue };
            let ours = ours.unwrap();
            assert!(
                2 * ours.reads * seconds <= reads * usize::try_from(ours.seconds).unwrap(),
                "{limit:?}"
            );
        }
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
