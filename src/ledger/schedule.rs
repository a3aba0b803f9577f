//! When something is tried again: fixed times, so that they can be published.

use crate::http::Now;

/// Seconds from one try to the next.
#[derive(Debug)]
pub struct Schedule(&'static [u32]);

const MINUTE: u32 = 60;
const HOUR: u32 = 60 * MINUTE;

/// Of calls to the merchant: eleven tries over three days.
pub const DELIVERY: Schedule =
    Schedule(&[10, MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, 24 * HOUR, 24 * HOUR]);

/// Of verifying a payment: fifteen tries over three days. The gateway itself may need a moment to know of it.
pub const VERIFICATION: Schedule = Schedule(&[
    2,
    5,
    15,
    30,
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    15 * MINUTE,
    HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
    24 * HOUR,
    24 * HOUR,
]);

impl Schedule {
    /// The moment of the next try after so many failed ones, of which the last was now; `None` after the last.
    #[must_use]
    pub fn next(&self, failed: u32, now: Now) -> Option<Now> {
        let pause = self.0.get(usize::try_from(failed.checked_sub(1)?).ok()?)?;
        Some(Now(now.0 + u64::from(*pause) * 1000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(schedule: &Schedule) -> f64 {
        let mut now = Now(0);
        for failed in 1.. {
            let Some(next) = schedule.next(failed, now) else { break };
            now = next;
        }
        f64::from(u32::try_from(now.seconds()).unwrap()) / 3600.0
    }

    #[test]
    fn everything_is_tried_for_about_three_days() {
        assert!((70.0..73.0).contains(&hours(&DELIVERY)), "{}", hours(&DELIVERY));
        assert!((70.0..73.0).contains(&hours(&VERIFICATION)), "{}", hours(&VERIFICATION));
        assert_eq!(
            (DELIVERY.next(0, Now(5)), DELIVERY.next(1, Now(5)), DELIVERY.next(11, Now(5))),
            (None, Some(Now(10_005)), None)
        );
    }
}
