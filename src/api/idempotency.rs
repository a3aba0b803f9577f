//! `Idempotency-Key`: the same request twice has one effect and one answer (draft-ietf-httpapi-idempotency-key-header-07).
//!
//! A record belongs to whoever made it and is kept for a day. Refused requests leave none, so that they can be mended and sent
//! again under the same key.

use sha2::{Digest as _, Sha256};

use crate::api::{Ask, object};
use crate::error::Error;
use crate::http::Now;
use crate::http::{Body, Method, RequestBody, Response};
use crate::ledger::task;

/// The header.
pub const HEADER: &str = "idempotency-key";
/// Longest key, in bytes.
const MAX_KEY: usize = 255;
/// How long a record is kept, in milliseconds.
pub const KEPT_MS: u64 = 24 * 3_600_000;

/// Lets the handler work, unless it did for the same request before.
///
/// # Errors
/// [`Error::Idempotency`] where the key was used for another request; what the handler says.
pub fn once(ask: &Ask<'_>, handler: fn(&Ask<'_>) -> Result<Response, Error>) -> Result<Response, Error> {
    let Some(key) = key_of(ask)? else { return handler(ask) };
    let (books, actor, fingerprint) = (ask.cx.books, ask.actor.name(), fingerprint(ask));
    let sql = "SELECT fingerprint, status, body FROM idempotency WHERE actor = ? AND key = ? AND created > ?";
    let oldest = Now(ask.cx.now.0.saturating_sub(KEPT_MS));
    if let Some(row) = books.row(sql, &[actor.into(), (&key).into(), oldest.into()])? {
        if row.text(0) != Some(fingerprint) {
            return Err(Error::Idempotency);
        }
        let status = row.number(1).and_then(|status| u16::try_from(status).ok()).unwrap_or(200);
        return Ok(object(status, row.text(2).unwrap_or_default()).header("idempotent-replayed", "true"));
    }
    let response = handler(ask)?;
    let Body::Text(text) = &response.body else { return Ok(response) };
    let shown = without_secret(text);
    let sql = "INSERT OR REPLACE INTO idempotency (actor, key, fingerprint, created, status, body) VALUES (?, ?, ?, ?, ?, ?)";
    let values = [
        actor.into(),
        (&key).into(),
        (&fingerprint).into(),
        ask.cx.now.into(),
        u32::from(response.status).into(),
        shown.as_str().into(),
    ];
    books.run(sql, &values)?;
    task::plan_once(ask.cx, task::Kind::Prune, "", Now(ask.cx.now.0 + KEPT_MS))?;
    Ok(response)
}

/// A secret is shown once and stored nowhere: a repeated request gets the object without it.
fn without_secret(text: &str) -> String {
    let mut fields: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text).unwrap_or_default();
    match fields.remove("secret") {
        Some(_) => serde_json::to_string(&fields).unwrap_or_default(),
        None => text.to_owned(),
    }
}

/// The key, where one was sent with a request that writes: a quoted string as the draft has it, or bare as Stripe's clients
/// send it.
fn key_of(ask: &Ask<'_>) -> Result<Option<String>, Error> {
    let header = ask.request.headers.get(HEADER).filter(|_| matches!(ask.request.method, Method::Post | Method::Patch));
    let Some(text) = header else { return Ok(None) };
    let key = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(&text);
    if key.is_empty() || key.len() > MAX_KEY {
        return Err(Error::Value("Idempotency-Key", "is empty or longer than 255 characters"));
    }
    Ok(Some(key.to_owned()))
}

/// What two requests have in common that are the same one.
fn fingerprint(ask: &Ask<'_>) -> String {
    let request = ask.request;
    let body = if let RequestBody::Whole(body) = &request.body { body.as_slice() } else { &[] };
    let hash = Sha256::new().chain_update(request.method.as_str()).chain_update([0]).chain_update(request.path);
    let hash = hash.chain_update([0]).chain_update(request.query).chain_update([0]).chain_update(body);
    base16ct::lower::encode_string(&hash.finalize())
}

/// Forgets what is older than a day, a part at a time; when to come again.
///
/// # Errors
/// [`Error::Books`] where the database fails.
pub fn prune(cx: &crate::flow::Context<'_>) -> Result<(), Error> {
    let oldest = Now(cx.now.0.saturating_sub(KEPT_MS));
    let sql = "DELETE FROM idempotency WHERE (actor, key) IN
        (SELECT actor, key FROM idempotency WHERE created <= ? ORDER BY created LIMIT 1000)";
    cx.books.run(sql, &[oldest.into()])?;
    match cx.books.row("SELECT min(created) FROM idempotency", &[])?.and_then(|row| row.number(0)) {
        Some(created) => task::plan(cx, task::Kind::Prune, "", Now((created + KEPT_MS).max(cx.now.0 + 1000))),
        None => task::done(cx, task::Kind::Prune, ""),
    }
}
