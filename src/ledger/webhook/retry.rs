//! When a webhook is tried again: a function of the attempt, what came of it, `Retry-After`, the moment and chance.

use crate::http::Now;

/// Seconds from one attempt to the next: ten attempts over three days (Standard Webhooks, "Deliverability").
pub const PAUSES: [u32; 9] = [5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600, 20 * 3600, 24 * 3600];
/// How much longer a pause may be by chance, in hundredths of it: endpoints that failed together are not called together again.
const JITTER_PERCENT: u64 = 10;
/// The longest pause that an endpoint may ask for, in milliseconds: a day.
pub const LONGEST_MS: u64 = 24 * 3_600_000;

/// What came of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The endpoint took it: 2xx.
    Taken,
    /// It wants none any more: 410.
    Gone,
    /// Anything else, a redirect too; or nothing.
    Failed,
}

impl Outcome {
    /// What an answer with this status means; none came where there is no status.
    #[must_use]
    pub const fn of(status: Option<u16>) -> Self {
        match status {
            Some(200..300) => Self::Taken,
            Some(410) => Self::Gone,
            _ => Self::Failed,
        }
    }
}

/// What follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing: it arrived.
    Delivered,
    /// Another attempt at that moment.
    At(Now),
    /// Nothing: those were all.
    GivenUp,
    /// Nothing, and the endpoint is disabled.
    Disable,
}

/// What follows the attempt of that number, the first being 1, which ended `now`. `wait_ms` is how long the endpoint asked to be
/// left alone, `chance` any number.
#[must_use]
pub fn next(attempt: u32, outcome: Outcome, wait_ms: Option<u64>, now: Now, chance: u64) -> Next {
    match outcome {
        Outcome::Taken => return Next::Delivered,
        Outcome::Gone => return Next::Disable,
        Outcome::Failed => {}
    }
    let pause = attempt.checked_sub(1).and_then(|number| PAUSES.get(usize::try_from(number).ok()?));
    let Some(pause) = pause.map(|seconds| u64::from(*seconds) * 1000) else { return Next::GivenUp };
    let jitter = chance % (pause * JITTER_PERCENT / 100 + 1);
    let asked = wait_ms.unwrap_or(0).min(LONGEST_MS);
    Next::At(Now(now.0 + (pause + jitter).max(asked)))
}

/// How long `Retry-After` asks to wait, in milliseconds: seconds, or a date (RFC 9110, 10.2.3). None where it says neither.
#[must_use]
pub fn wait_ms(header: &str, now: Now) -> Option<u64> {
    let text = header.trim();
    if !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit()) {
        // Longer than any number: as long as may be.
        return Some(text.parse::<u64>().map_or(u64::MAX, |seconds| seconds.saturating_mul(1000)));
    }
    let date = httpdate::parse_http_date(text).ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(date.as_secs().saturating_mul(1000).saturating_sub(now.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ten_attempts_take_three_days() {
        let (mut now, mut attempts) = (Now(0), 1);
        while let Next::At(next) = next(attempts, Outcome::Failed, None, now, 0) {
            (now, attempts) = (next, attempts + 1);
        }
        assert_eq!((attempts, now.0 / 60_000), (10, 75 * 60 + 35));
    }

    #[test]
    fn what_is_answered_decides() {
        let next = |status| next(1, Outcome::of(status), None, Now(0), 0);
        assert_eq!([next(Some(200)), next(Some(204)), next(Some(299))], [Next::Delivered; 3]);
        assert_eq!(next(Some(410)), Next::Disable);
        for failed in [None, Some(101), Some(199), Some(300), Some(302), Some(308), Some(404), Some(429), Some(500), Some(530)] {
            assert_eq!(next(failed), Next::At(Now(5000)), "{failed:?}");
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = Now(784_111_777_000);
        for (text, expected) in [
            ("120", Some(120_000)),
            (" 0 ", Some(0)),
            ("Sun, 06 Nov 1994 08:50:37 GMT", Some(60_000)),
            ("Sunday, 06-Nov-94 08:50:37 GMT", Some(60_000)),
            ("Sun Nov  6 08:50:37 1994", Some(60_000)),
            ("Sun, 06 Nov 1994 08:40:00 GMT", Some(0)),
            ("99999999999999999999999", Some(u64::MAX)),
            ("", None),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
        ] {
            assert_eq!(wait_ms(text, now), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn it_is_never_earlier_than_published_nor_a_tenth_later(attempt in 1_u32..12, now in 0_u64..1 << 50, chance: u64, wait: Option<u64>) {
            match next(attempt, Outcome::Failed, wait, Now(now), chance) {
                Next::At(at) => {
                    let pause = u64::from(PAUSES[attempt as usize - 1]) * 1000;
                    let asked = wait.unwrap_or(0).min(LONGEST_MS);
                    prop_assert!(at.0 >= now + pause.max(asked) && at.0 <= now + (pause + pause / 10).max(asked));
                }
                other => prop_assert!(attempt >= 10 && other == Next::GivenUp),
            }
        }

        #[test]
        fn no_header_panics(text in "\\PC{0,40}", now: u64) {
            let _ = wait_ms(&text, Now(now));
        }
    }
}
