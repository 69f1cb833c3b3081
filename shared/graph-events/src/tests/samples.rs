//! Resources in the form of Microsoft's samples, with values of this project.

use serde_json::{Value, json};

/// Returns names of entities with samples: contents, and resource data of basic notifications.
pub(super) fn all() -> Vec<(&'static str, Value)> {
    let mut samples = vec![
        ("team", team()),
        ("channel", channel()),
        ("chatMessage", chat_message()),
        ("presence", presence()),
        ("message", message()),
        ("event", event()),
        ("contact", contact()),
        ("driveItem", json!({"@odata.type": "#Microsoft.Graph.DriveItem"})),
        ("listItem", json!({"@odata.type": "#Microsoft.Graph.ListItem"})),
        ("callRecord", call_record()),
        ("alert", alert()),
        (
            "user",
            json!({
                "@odata.type": "#Microsoft.Graph.User", "@odata.id": "Users/u-7", "id": "u-7",
                "organizationId": "t-1", "eventTime": "2026-05-04T03:02:01.1234567Z",
                "sequenceNumber": 638_991_231_234_567_891_u64
            }),
        ),
        (
            "group",
            json!({
                "@odata.type": "#Microsoft.Graph.Group", "@odata.id": "Groups/g-7", "id": "g-7",
                "organizationId": "t-1", "eventTime": "2026-05-04T03:02:01Z", "sequenceNumber": 7,
                "members@delta": [{"id": "u-7"}, {"id": "u-8", "@removed": "deleted"}]
            }),
        ),
    ];
    for entity in [
        "team",
        "channel",
        "chatMessage",
        "presence",
        "alert",
        "callRecord",
        "conversation",
    ] {
        let basic =
            json!({"id": "1", "@odata.type": format!("#Microsoft.Graph.{entity}"), "@odata.id": "x('1')"});
        samples.push((entity, basic));
    }
    for entity in ["message", "event", "contact"] {
        let basic = json!({
            "@odata.type": format!("#Microsoft.Graph.{entity}"), "@odata.id": "Users/u-7/Items/i-7",
            "@odata.etag": "W/\"CQAAAB\"", "id": "i-7"
        });
        samples.push((entity, basic));
    }
    samples
}

fn team() -> Value {
    json!({
        "id": "b7d1", "createdDateTime": "2026-01-05T06:07:08.9Z", "displayName": "Harbour",
        "description": "Ships in and out", "internalId": "19:harbour@thread.tacv2", "specialization": "none",
        "visibility": "hiddenMembership", "webUrl": "https://teams.example/l/team/1?groupId=b7d1",
        "isArchived": true, "isMembershipLimitedToOwners": true,
        "memberSettings": {
            "allowCreateUpdateChannels": false, "allowCreatePrivateChannels": true,
            "allowDeleteChannels": false, "allowAddRemoveApps": true, "allowCreateUpdateRemoveTabs": false,
            "allowCreateUpdateRemoveConnectors": true
        },
        "guestSettings": {"allowCreateUpdateChannels": true, "allowDeleteChannels": false},
        "messagingSettings": {
            "allowUserEditMessages": false, "allowUserDeleteMessages": true, "allowOwnerDeleteMessages": false,
            "allowTeamMentions": true, "allowChannelMentions": false
        },
        "funSettings": {
            "allowGiphy": false, "giphyContentRating": "strict", "allowStickersAndMemes": true,
            "allowCustomMemes": false
        }
    })
}

fn channel() -> Value {
    json!({
        "id": "19:quay@thread.tacv2", "createdDateTime": "2026-01-05T06:07:08.123Z", "displayName": "Quay 3",
        "description": "What lies at quay 3", "isFavoriteByDefault": false, "email": "",
        "webUrl": "https://teams.example/l/channel/19%3Aquay%40thread.tacv2/Quay%203",
        "membershipType": "shared", "moderationSettings": null
    })
}

fn chat_message() -> Value {
    json!({
        "@odata.context": "https://graph.example/$metadata#teams('b7d1')/channels('19%3Aquay')/messages/$entity",
        "id": "1790000000001", "replyToId": "1790000000000", "etag": "1790000000001", "messageType": "message",
        "createdDateTime": "2026-09-21T12:26:40.001Z", "lastModifiedDateTime": "2026-09-21T12:26:41Z",
        "lastEditedDateTime": null, "deletedDateTime": null, "subject": null, "summary": null,
        "chatId": null, "importance": "urgent", "locale": "en-us", "webUrl": "https://teams.example/l/message/1",
        "onBehalfOf": null, "policyViolation": null, "eventDetail": null,
        "from": {
            "application": null, "device": null,
            "user": {
                "@odata.type": "#microsoft.graph.teamworkUserIdentity", "id": "u-7", "displayName": "Ines",
                "userIdentityType": "aadUser", "tenantId": "t-1"
            }
        },
        "body": {"contentType": "html", "content": "<p>Moored <at id=\"0\">Jon</at></p>"},
        "channelIdentity": {"teamId": "b7d1", "channelId": "19:quay@thread.tacv2"},
        "attachments": [{
            "id": "a-1", "contentType": "reference", "contentUrl": "https://files.example/plan.pdf",
            "content": null, "name": "plan.pdf", "thumbnailUrl": null, "teamsAppId": null
        }],
        "mentions": [{
            "id": 0, "mentionText": "Jon",
            "mentioned": {
                "application": null, "device": null, "conversation": null, "tag": null,
                "user": {"id": "u-8", "displayName": "Jon", "userIdentityType": "aadUser"}
            }
        }],
        "reactions": [{
            "reactionType": "like", "displayName": "Like", "reactionContentUrl": null,
            "createdDateTime": "2026-09-21T12:27:00Z",
            "user": {"user": {"id": "u-8", "displayName": null, "userIdentityType": "aadUser"}}
        }],
        "replies": [], "hostedContents": [{"@microsoft.graph.temporaryId": "1"}], "messageHistory": []
    })
}

fn presence() -> Value {
    json!({
        "@odata.id": "communications/presences('u-7')", "@odata.type": "#microsoft.graph.presence", "id": "u-7",
        "availability": "DoNotDisturb", "activity": "Presenting", "outOfOfficeSettings": {"isOutOfOffice": false},
        "statusMessage": {
            "message": {"contentType": "text", "content": "At sea"},
            "publishedDateTime": "2026-09-21T12:26:40Z",
            "expiryDateTime": {"dateTime": "2026-09-22T00:00:00.0000000", "timeZone": "UTC"}
        },
        "sequenceNumber": "A1", "workLocation": null
    })
}

fn message() -> Value {
    let jon = json!({"emailAddress": {"name": "Jon", "address": "jon@fabrikam.example"}});
    json!({
        "@odata.context": "https://graph.example/$metadata#users('u-7')/messages/$entity", "id": "AAMk=",
        "@odata.etag": "W/\"CQAAAB\"", "subject": "Pilot at six", "bodyPreview": "Please be there",
        "body": {"contentType": "text", "content": "Please be there."}, "importance": "low", "isRead": false,
        "isDraft": false, "hasAttachments": true, "categories": ["Harbour"], "changeKey": "CQ",
        "receivedDateTime": "2026-09-21T12:26:40Z", "sentDateTime": "2026-09-21T12:26:39Z",
        "from": jon, "sender": jon, "toRecipients": [jon], "ccRecipients": [], "bccRecipients": [],
        "replyTo": [], "conversationId": "c", "conversationIndex": "AQ", "internetMessageId": "<1@example>",
        "parentFolderId": "AQMk", "webLink": "https://outlook.example/1", "inferenceClassification": "focused",
        "isDeliveryReceiptRequested": null, "isReadReceiptRequested": false, "flag": {"flagStatus": "notFlagged"},
        "createdDateTime": "2026-09-21T12:26:38Z", "lastModifiedDateTime": "2026-09-21T12:26:42Z"
    })
}

fn event() -> Value {
    json!({
        "id": "AAMk=", "subject": "Tide", "isAllDay": false, "isCancelled": false, "showAs": "oof",
        "start": {"dateTime": "2026-12-01T08:30:00.0000000", "timeZone": "UTC"},
        "end": {"dateTime": "2026-12-01T09:00:00.0000000", "timeZone": "UTC"}, "iCalUId": "0400", "type": "occurrence",
        "location": {
            "displayName": "Pier", "locationType": "default", "uniqueId": "p", "uniqueIdType": "private",
            "address": {}, "coordinates": {"latitude": 53.5, "longitude": -9.25}
        },
        "attendees": [{
            "type": "required", "status": {"response": "none"}, "emailAddress": {"name": "J", "address": "j@x.example"}
        }],
        "organizer": {"emailAddress": {"name": "Ines", "address": "ines@x.example"}}, "recurrence": null,
        "onlineMeeting": null, "reminderMinutesBeforeStart": 15, "importance": "normal", "sensitivity": "private"
    })
}

fn contact() -> Value {
    json!({
        "id": "AAMk=", "displayName": "Jon Quay", "givenName": "Jon", "surname": "Quay", "nickName": null,
        "birthday": null, "emailAddresses": [{"name": "Jon", "address": "jon@fabrikam.example"}],
        "businessPhones": ["+353 1 000"], "imAddresses": [], "homeAddress": {}, "companyName": "Fabrikam"
    })
}

fn call_record() -> Value {
    json!({
        "id": "c-7", "version": 2, "type": "groupCall", "modalities": ["audio", "videoBasedScreenSharing"],
        "startDateTime": "2026-09-21T12:00:00Z", "endDateTime": "2026-09-21T12:30:00.5Z",
        "lastModifiedDateTime": "2026-09-21T12:40:00Z", "joinWebUrl": "https://teams.example/l/meetup-join/1",
        "organizer": {"user": {"id": "u-7", "displayName": "Ines", "tenantId": "t-1"}, "phone": null},
        "participants": [{"guest": {"id": "x", "displayName": null}}], "organizer_v2": {"id": "u-7"},
        "participants_v2": []
    })
}

fn alert() -> Value {
    json!({
        "id": "a-7", "title": "Odd sign-in", "severity": "unknown", "status": "inProgress", "feedback": "truePositive",
        "confidence": 80, "category": "Access", "createdDateTime": "2026-09-21T12:00:00Z", "closedDateTime": null,
        "userStates": [{"userPrincipalName": "ines@x.example"}], "vendorInformation": {"vendor": "Contoso"}
    })
}
