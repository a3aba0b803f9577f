//! Replay: what happened is sent to an endpoint again, or for the first time.

use serde::Serialize;

use crate::error::Error;
use crate::flow::Context;
use crate::ledger::event::Type;
use crate::ledger::objects::Kept;
use crate::ledger::webhook::delivery::{self, Delivery};
use crate::ledger::webhook::endpoint::Endpoint;

/// How many events are looked at in one request.
pub const PAGE: u32 = 500;

/// Which events of a range are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Those that failed, and those that were never owed to the endpoint, because it was disabled or did not exist.
    Failed,
    /// All that it wants, those that it took too.
    All,
}

/// What came of a replay.
#[derive(Debug, Serialize)]
pub struct Replayed {
    /// `webhook_replay`
    pub object: &'static str,
    /// The endpoint.
    pub webhook_endpoint: String,
    /// How many events are on their way now.
    pub count: u32,
    /// Whether the range goes on behind the last event looked at.
    pub has_more: bool,
    /// The last event looked at: where to go on.
    pub last_event: Option<String>,
}

impl Replayed {
    /// So many events on their way to an endpoint.
    #[must_use]
    pub fn of(endpoint: &Endpoint, count: u32, has_more: bool, last_event: Option<String>) -> Self {
        Self { object: "webhook_replay", webhook_endpoint: endpoint.id.clone(), count, has_more, last_event }
    }
}

/// A range of events: by their moments, and behind one of them.
#[derive(Debug)]
pub struct Range<'a> {
    /// The first moment, in milliseconds since 1970 UTC.
    pub since: u64,
    /// The last.
    pub until: u64,
    /// The event to go on behind.
    pub after: Option<&'a str>,
}

/// Sends the events of a range that the endpoint wants, as far as one request goes.
///
/// # Errors
/// [`Error::Books`] where the database fails.
pub fn range(cx: &Context<'_>, endpoint: &Endpoint, range: &Range<'_>, which: Which) -> Result<Replayed, Error> {
    // Ids begin with their moment, so a range of moments is one of ids.
    let id = |moment: u64| format!("evt_{:012x}", moment.min((1 << 48) - 1));
    let (first, end) = (id(range.since), id(range.until.saturating_add(1)));
    let first = range.after.filter(|after| **after > *first).map_or(first, str::to_owned);
    let sql = "SELECT id, type, data ->> '$.data.object.id' FROM objects
        WHERE kind = 'event' AND livemode = ? AND id > ? AND id < ? ORDER BY id LIMIT ?";
    let values = [endpoint.livemode.into(), (&first).into(), (&end).into(), PAGE.into()];
    let (mut count, mut last, mut seen) = (0, None, 0);
    for row in cx.books.rows(sql, &values)? {
        let [event, kind, about] = [0, 1, 2].map(|column| row.text(column).unwrap_or_default());
        let is_for_one = kind == Type::WebhookTest.as_str();
        if !is_for_one && endpoint.wants(&kind, &about) && one(cx, endpoint, &event, &kind, which)? {
            count += 1;
        }
        (last, seen) = (Some(event), seen + 1);
    }
    Ok(Replayed::of(endpoint, count, seen == PAGE, last))
}

/// Sends one event, unless it is on its way already, or was taken and only failed ones are wanted; whether it did.
///
/// # Errors
/// [`Error::Books`] where the database fails.
pub fn one(cx: &Context<'_>, endpoint: &Endpoint, event: &str, kind: &str, which: Which) -> Result<bool, Error> {
    let condition = "kind = 'webhook_delivery' AND livemode = ? AND event = ? AND webhook_endpoint = ?";
    let values = [endpoint.livemode.into(), event.into(), (&endpoint.id).into()];
    let Some(mut known) = Kept::<Delivery>::find(cx.books, condition, &values)? else {
        return delivery::owe(cx, event, kind, endpoint).map(|_| true);
    };
    let is_wanted = match known.shown.status {
        delivery::Status::Pending => false,
        delivery::Status::Delivered => which == Which::All,
        delivery::Status::Failed | delivery::Status::Canceled => true,
    };
    if is_wanted {
        delivery::again(cx, &mut known)?;
    }
    Ok(is_wanted)
}
