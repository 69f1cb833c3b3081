//! The endpoint validation handshake (Microsoft Graph, *receive change notifications through webhooks*).

/// What a query string asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum Handshake {
    /// It holds no validation token.
    NotAsked,
    /// To echo this token.
    Echo(String),
    /// To echo a token that Microsoft Graph never sends.
    Refused,
}

impl Handshake {
    /// Reads a raw query string.
    ///
    /// The token is opaque and has to come back exactly, decoded as a form: `%XX` is a byte and `+` a space. The
    /// parameter's name matches in any letter case, as senders differ in it.
    pub fn of(query: &str) -> Self {
        let mut parameters = form_urlencoded::parse(query.as_bytes());
        match parameters.find(|(name, _)| name.eq_ignore_ascii_case("validationToken")) {
            None => Self::NotAsked,
            Some((_, token)) if is_harmless(&token) => Self::Echo(token.into_owned()),
            Some(_) => Self::Refused,
        }
    }
}

/// Returns whether a token may be echoed to anybody who asks.
///
/// Microsoft says that it never sends HTML or script. A token with such characters is refused, not escaped, as an
/// escaped one would not match anyway. Nor is one with bytes that are not text, which cannot come back as they were.
fn is_harmless(token: &str) -> bool {
    (1..=MAX_TOKEN_BYTES).contains(&token.len())
        && !token
            .chars()
            .any(|char| char.is_control() || matches!(char, '<' | '>' | char::REPLACEMENT_CHARACTER))
}

const MAX_TOKEN_BYTES: usize = 4_096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_decoded_as_a_form() {
        let sentence =
            "Validation: Testing client application reachability for subscription Request-Id: 1b8f";
        let cases: &[(&str, &str)] = &[
            (
                "validationToken=Validation%3A+Testing+client+application+reachability+for+subscription+Request-Id%3A+1b8f",
                sentence,
            ),
            (
                "validationToken=Validation%3a%20Testing%20client%20application%20reachability%20for%20subscription%20Request-Id%3a%201b8f",
                sentence,
            ),
            ("validationtoken=abc", "abc"),
            ("VALIDATIONTOKEN=abc", "abc"),
            ("s=mail&k=k1&validationToken=a%2Bb%26c%3Dd%25", "a+b&c=d%"),
            ("validationToken=a=b", "a=b"),
            ("validationToken=%C3%BC%E2%82%AC", "ü€"),
            ("validationToken=100%", "100%"),
            ("validationToken=first&validationToken=second", "first"),
        ];
        for (query, expected) in cases {
            assert_eq!(
                Handshake::of(query),
                Handshake::Echo((*expected).to_owned()),
                "{query}"
            );
        }
    }

    #[test]
    fn a_query_without_a_token_is_not_a_handshake() {
        for query in [
            "",
            "s=mail&k=k1&c=c1",
            "token=abc",
            "validationTokens=abc",
            "&&=&",
        ] {
            assert_eq!(Handshake::of(query), Handshake::NotAsked, "{query}");
        }
    }

    #[test]
    fn a_token_that_graph_never_sends_is_refused() {
        let too_long = format!("validationToken={}", "a".repeat(MAX_TOKEN_BYTES + 1));
        for query in [
            "validationToken",
            "validationToken=",
            "validationToken=%3Cscript%3E",
            "validationToken=a<b",
            "validationToken=a>b",
            "validationToken=a%0D%0Ab",
            "validationToken=%00",
            "validationToken=%C2%85",
            "validationToken=%FF",
            &too_long,
        ] {
            assert_eq!(Handshake::of(query), Handshake::Refused, "{query}");
        }
    }

    #[test]
    fn the_longest_token_is_echoed() {
        let token = "a".repeat(MAX_TOKEN_BYTES);
        assert_eq!(
            Handshake::of(&format!("validationToken={token}")),
            Handshake::Echo(token)
        );
    }
}
