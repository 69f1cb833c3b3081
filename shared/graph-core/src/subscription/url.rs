//! Our own notification URLs, and what their query says about the subscription that carries them.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// What the query of one of our URLs says: `{base}?s={name}&k={keyId}&c={certificateId}`.
///
/// Graph keeps the query of a notification URL and shows it in its list, where it blanks the client state and the
/// certificate. Nothing that arrives at the URL is believed because of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NotificationUrl {
    /// The subscription's name; empty where the URL names none.
    pub name: String,
    /// The id of the key that the client state was minted with; empty where the URL names none.
    pub key_id: String,
    /// The certificate of a subscription with resource data.
    pub certificate_id: Option<String>,
}

impl NotificationUrl {
    /// Returns what the query of `url` says, wherever it leads: a key that was named at an address that is no longer
    /// ours is named all the same.
    #[must_use]
    pub fn anywhere(url: &str) -> Self {
        Self::from_query(url.split_once('?').map_or("", |(_, query)| query))
    }

    fn from_query(query: &str) -> Self {
        let mut ours = Self::default();
        for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            let value = || percent_decode_str(value).decode_utf8_lossy().into_owned();
            match name {
                "s" => ours.name = value(),
                "k" => ours.key_id = value(),
                "c" => ours.certificate_id = Some(value()).filter(|id| !id.is_empty()),
                _ => {}
            }
        }
        ours
    }
}

/// A base URL of ours: scheme, host, port and path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl {
    text: String,
    parts: Parts,
}

impl BaseUrl {
    /// Reads an http or https URL without user, query and fragment.
    ///
    /// # Errors
    ///
    /// Returns an error when `url` is anything else.
    pub fn parse(url: &str) -> Result<Self, InvalidBaseUrl> {
        match Parts::parse(url) {
            Some((parts, None)) => Ok(Self {
                text: url.to_owned(),
                parts,
            }),
            _ => Err(InvalidBaseUrl),
        }
    }

    /// Returns the URL that carries `ours`.
    #[must_use]
    pub fn url(&self, ours: &NotificationUrl) -> String {
        let encode = |value| utf8_percent_encode(value, RESERVED);
        let mut url = format!(
            "{}?s={}&k={}",
            self.text,
            encode(&ours.name),
            encode(&ours.key_id)
        );
        if let Some(certificate_id) = &ours.certificate_id {
            url.push_str("&c=");
            url.extend(encode(certificate_id));
        }
        url
    }

    /// Returns what `url` says, if it is at this place: same scheme, host, port and path.
    #[must_use]
    pub fn read(&self, url: &str) -> Option<NotificationUrl> {
        // As it was written, nearly always; the rest is for other spellings.
        let as_written = url
            .strip_prefix(&self.text)
            .and_then(|rest| rest.strip_prefix('?'));
        if let Some(query) =
            as_written.filter(|query| query.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#'))
        {
            return Some(NotificationUrl::from_query(query));
        }
        let (parts, query) = Parts::parse(url)?;
        (parts == self.parts).then(|| NotificationUrl::from_query(query.unwrap_or_default()))
    }
}

/// Returned when a base URL is not plain http or https.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an http or https address without user, query and fragment")]
pub struct InvalidBaseUrl;

/// What two URLs at the same place have in common, in one spelling.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Parts {
    scheme: String,
    host: String,
    port: u16,
    path: String,
}

impl Parts {
    /// Splits an http or https URL into its place and its query (RFC 3986, sections 3 and 6.2).
    fn parse(url: &str) -> Option<(Self, Option<&str>)> {
        let (scheme, rest) = url.split_once("://")?;
        let scheme = scheme.to_ascii_lowercase();
        let default_port = match scheme.as_str() {
            "https" => 443,
            "http" => 80,
            _ => return None,
        };
        // URLs come back from Graph's list. What no URL holds is not one of ours.
        if rest.contains(|character: char| {
            character == '#' || character.is_whitespace() || character.is_control()
        }) {
            return None;
        }
        let (place, query) = match rest.split_once('?') {
            Some((place, query)) => (place, Some(query)),
            None => (rest, None),
        };
        let (authority, path) = place.split_at(place.find('/').unwrap_or(place.len()));
        // A colon inside of brackets belongs to an IPv6 address.
        let (host, port) = match authority
            .rsplit_once(':')
            .filter(|(_, port)| !port.ends_with(']'))
        {
            Some((host, port)) => (host, port.parse().ok()?),
            None => (authority, default_port),
        };
        // User information would make two spellings of one place.
        if host.is_empty() || host.contains('@') {
            return None;
        }
        let path = path.trim_end_matches('/').to_owned();
        Some((
            Self {
                scheme,
                host: host.to_ascii_lowercase(),
                port,
                path,
            },
            query,
        ))
    }
}

/// All but the characters that RFC 3986 leaves unreserved.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_url_of_ours_names_the_entry_the_key_and_the_certificate() {
        let ours = ours("team-messages", "k3f9a2bc", Some("c-20261122-k3f9a2bc"));
        let url = origin().url(&ours);
        assert_eq!(
            url,
            "https://h.example/notifications?s=team-messages&k=k3f9a2bc&c=c-20261122-k3f9a2bc"
        );
        assert_eq!(origin().read(&url), Some(ours));
    }

    #[test]
    fn a_name_with_an_object_id_is_encoded() {
        let ours = ours("mail/4f", "k", None);
        let url = origin().url(&ours);
        assert_eq!(url, "https://h.example/notifications?s=mail%2F4f&k=k");
        assert_eq!(origin().read(&url), Some(ours));
    }

    #[test]
    fn the_same_place_in_another_spelling_is_ours() {
        for url in [
            "HTTPS://H.Example/notifications?s=a",
            "https://h.example:443/notifications?s=a",
            "https://h.example/notifications/?s=a",
            "https://h.example/notifications?x=1&s=a&y",
        ] {
            assert_eq!(origin().read(url), Some(ours("a", "", None)), "{url}");
        }
    }

    #[test]
    fn another_place_is_not_ours() {
        for url in [
            "http://h.example/notifications?s=a",
            "https://h.example.evil.example/notifications?s=a",
            "https://h.example:8443/notifications?s=a",
            "https://h.example/lifecycle?s=a",
            "https://h.example/Notifications?s=a",
            "https://h.example/notifications/more?s=a",
            "https://user@h.example/notifications?s=a",
            "https://h.example/notifications#?s=a",
            "EventHub:https://h.example/notifications",
            "",
        ] {
            assert_eq!(origin().read(url), None, "{url}");
        }
    }

    #[test]
    fn a_base_with_a_query_a_user_or_another_scheme_is_refused() {
        for url in [
            "https://h/n?x=1",
            "https://u@h/n",
            "ftp://h/n",
            "h/n",
            "https:///n",
            "https://h:port/n",
        ] {
            assert_eq!(BaseUrl::parse(url), Err(InvalidBaseUrl), "{url}");
        }
    }

    #[test]
    fn an_address_of_version_six_has_its_port_behind_the_bracket() {
        let origin = BaseUrl::parse("http://[::1]:8080/n").unwrap();
        assert!(origin.read("http://[::1]:8080/n?s=a").is_some());
        assert!(origin.read("http://[::1]/n?s=a").is_none());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(name in "\\PC{1,40}", key in "\\PC{1,8}", certificate in proptest::option::of("\\PC{1,30}")) {
            let ours = ours(&name, &key, certificate.as_deref());
            prop_assert_eq!(origin().read(&origin().url(&ours)), Some(ours));
        }

        #[test]
        fn any_text_is_read_without_panic(url in "\\PC{0,60}") {
            let _ = origin().read(&url);
        }
    }

    fn origin() -> BaseUrl {
        BaseUrl::parse("https://h.example/notifications").unwrap()
    }

    fn ours(name: &str, key_id: &str, certificate_id: Option<&str>) -> NotificationUrl {
        NotificationUrl {
            name: name.to_owned(),
            key_id: key_id.to_owned(),
            certificate_id: certificate_id.map(str::to_owned),
        }
    }
}
