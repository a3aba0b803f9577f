//! Which events somebody wants: all (`*`), those of a name (`payment.verified`), or those below one (`payment.*`).

use crate::error::Error;
use crate::ledger::event::Type;

/// Every event.
pub const ALL: &str = "*";
/// Most patterns in one filter.
const MOST: usize = 50;

/// The patterns that an event of that name falls under, the widest first.
pub fn patterns(name: &str) -> impl Iterator<Item = String> {
    let below = name.match_indices('.').map(|(at, _)| format!("{}.*", name.get(..at).unwrap_or_default()));
    [ALL.to_owned()].into_iter().chain(below).chain([name.to_owned()])
}

/// Whether a filter lets an event of that name through.
#[must_use]
pub fn wants(filter: &[String], name: &str) -> bool {
    patterns(name).any(|pattern| filter.contains(&pattern))
}

/// Checks a filter.
///
/// # Errors
/// [`Error::Value`] where a pattern can let nothing through, or there are none or too many.
pub fn check(param: &'static str, filter: &[String]) -> Result<(), Error> {
    let is_pattern = |text: &String| Type::ALL.iter().any(|kind| patterns(kind.as_str()).any(|pattern| pattern == *text));
    if filter.is_empty() || filter.len() > MOST {
        return Err(Error::Value(param, "is empty or has more than 50 entries: leave it away for all events"));
    }
    if filter.iter().all(is_pattern) {
        Ok(())
    } else {
        Err(Error::Value(param, "has an entry that is no event's type, such as checkout.session.paid, payment.* or *"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_a_name_or_the_beginning_of_names() {
        let all: Vec<String> = patterns("checkout.session.paid").collect();
        assert_eq!(all, ["*", "checkout.*", "checkout.session.*", "checkout.session.paid"]);
        let filter = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert!(wants(&filter("payment.* checkout.session.paid"), "payment.late"));
        assert!(!wants(&filter("payment.* checkout.session.paid"), "checkout.session.expired"));
        for good in ["*", "payment.* webhook.*", "checkout.session.paid", "checkout.*"] {
            assert_eq!(check("event_types", &filter(good)), Ok(()), "{good}");
        }
        for bad in ["", "payment", "pay*", "payment.", "*.paid", "payment.verified.*", "* nothing"] {
            assert!(check("event_types", &filter(bad)).is_err(), "{bad}");
        }
    }
}
