//! The notification URLs of the stack, whose query describes the subscription.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::catalogue::Version;

/// The stack that owns a subscription. It stays the same if the stack gets another address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StackId(String);

impl StackId {
    /// Parses the id that AWS CloudFormation gives to a stack: a GUID, of which the first part is used.
    ///
    /// # Errors
    ///
    /// Returns an error when `text` does not begin with letters and digits.
    pub fn parse(text: &str) -> Result<Self, InvalidStackId> {
        let first = text.split('-').next().unwrap_or_default();
        let is_plain = first.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if first.is_empty() || first.len() > MAX_STACK_ID_LENGTH || !is_plain {
            return Err(InvalidStackId);
        }
        Ok(Self(first.to_owned()))
    }

    /// Returns the id as it is written in a URL.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the parsed `url` if it belongs to this stack, whatever its address.
    #[must_use]
    pub fn read(&self, url: &str) -> Option<NotificationUrl> {
        Some(NotificationUrl::anywhere(url)).filter(|ours| ours.stack_id == self.0)
    }
}

/// The text is not the id of a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the id of a stack; use the last part of AWS::StackId")]
pub struct InvalidStackId;

/// The most characters of a stack's id in a URL.
const MAX_STACK_ID_LENGTH: usize = 16;

/// The parsed query of a stack's notification URL:
/// `{base}?i={stackId}&s={name}&k={keyId}&c={certificateId}&d={digest}`, and the flags `f=1`, `p=i` and `v=beta`.
///
/// Graph keeps the query of a notification URL and shows it in its list, unlike the client state and the certificate.
/// The webhook does not trust it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NotificationUrl {
    /// The stack that created the subscription; empty if the URL names none.
    pub stack_id: String,
    /// The subscription's name; empty if the URL names none.
    pub name: String,
    /// The id of the key that minted the client state; empty if the URL names none.
    pub key_id: String,
    /// The certificate of a subscription with resource data.
    pub certificate_id: Option<String>,
    /// The digest of the wanted subscription ([`Desired::digest`](super::plan::Desired::digest)); empty if the URL has
    /// none.
    pub digest: String,
    /// Whether the reader adds the content.
    pub fetch_content: bool,
    /// Whether the ids of Outlook items are immutable.
    pub immutable_ids: bool,
    /// The API version that created the subscription and manages it: the other one does not find it.
    pub version: Version,
}

impl NotificationUrl {
    /// Parses the query of `url`, whatever its address: a subscription at a former address still names its key.
    #[must_use]
    pub fn anywhere(url: &str) -> Self {
        let query = url.split_once('?').map_or("", |(_, query)| query);
        let mut ours = Self::default();
        for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            let value = || percent_decode_str(value).decode_utf8_lossy().into_owned();
            match name {
                "i" => ours.stack_id = value(),
                "s" => ours.name = value(),
                "k" => ours.key_id = value(),
                "c" => ours.certificate_id = Some(value()).filter(|id| !id.is_empty()),
                "d" => ours.digest = value(),
                "f" => ours.fetch_content = value() == "1",
                "p" => ours.immutable_ids = value() == "i",
                "v" if value() == Version::Beta.as_str() => ours.version = Version::Beta,
                _ => {}
            }
        }
        ours
    }
}

/// A base URL of the stack: scheme, host, port and path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl {
    text: String,
    place: String,
}

impl BaseUrl {
    /// Parses an http or https URL without user, query and fragment.
    ///
    /// # Errors
    ///
    /// Returns an error when `url` is anything else.
    pub fn parse(url: &str) -> Result<Self, InvalidBaseUrl> {
        let place = place(url).filter(|_| !url.contains('?'));
        Ok(Self {
            text: url.trim_end_matches('/').to_owned(),
            place: place.ok_or(InvalidBaseUrl)?,
        })
    }

    /// Returns the URL with the parameters in `ours`.
    #[must_use]
    pub fn url(&self, ours: &NotificationUrl) -> String {
        let certificate_id = ours.certificate_id.as_deref().unwrap_or_default();
        let version = match ours.version {
            Version::V1 => "",
            Version::Beta => Version::Beta.as_str(),
        };
        let parameters = [
            ("i", ours.stack_id.as_str()),
            ("s", &ours.name),
            ("k", &ours.key_id),
            ("c", certificate_id),
            ("d", &ours.digest),
            ("f", if ours.fetch_content { "1" } else { "" }),
            ("p", if ours.immutable_ids { "i" } else { "" }),
            ("v", version),
        ];
        let parameters = parameters.into_iter().filter(|(_, value)| !value.is_empty());
        let query =
            parameters.map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, RESERVED)));
        format!("{}?{}", self.text, query.collect::<Vec<_>>().join("&"))
    }

    /// Returns whether `url` has this scheme, host, port and path.
    #[must_use]
    pub fn is_at(&self, url: &str) -> bool {
        place(url).as_ref() == Some(&self.place)
    }
}

/// The base URL is not plain http or https.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an http or https address without user, query and fragment")]
pub struct InvalidBaseUrl;

/// Returns the place of an http or https URL, in one spelling (RFC 3986, sections 3 and 6.2).
fn place(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    let default_port = match scheme.as_str() {
        "https" => 443,
        "http" => 80,
        _ => return None,
    };
    // The URL may come from Graph's list. One with such characters is not made by a stack.
    if rest
        .contains(|character: char| character == '#' || character.is_whitespace() || character.is_control())
    {
        return None;
    }
    let place = rest.split_once('?').map_or(rest, |(place, _)| place);
    let (authority, path) = place.split_at(place.find('/').unwrap_or(place.len()));
    // A colon inside brackets belongs to an IPv6 address (RFC 3986, section 3.2.2).
    let (host, port) = match authority
        .rsplit_once(':')
        .filter(|(_, port)| !port.ends_with(']'))
    {
        Some((host, port)) => (host, port.parse::<u16>().ok()?),
        None => (authority, default_port),
    };
    // With user information, two spellings would lead to one place.
    if host.is_empty() || host.contains('@') {
        return None;
    }
    let (host, path) = (host.to_ascii_lowercase(), path.trim_end_matches('/'));
    Some(format!("{scheme}://{host}:{port}{path}"))
}

/// All but the characters that RFC 3986 leaves unreserved.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

#[cfg(test)]
mod tests;
