//! `/api/v1/api-keys`: made, shown once, listed, revoked.

use crate::api::access::{Actor, Key, KeyHash, Scope};
use crate::api::input::Input;
use crate::api::{Ask, object, with_secret};
use crate::error::{Access, Error};
use crate::http::Response;
use crate::ledger::event::{self, Type};
use crate::ledger::key::ApiKey;
use crate::ledger::live::{Close, listener};
use crate::ledger::objects::{Kept, Object, write};

const FIELDS: [&str; 3] = ["livemode", "name", "scopes"];

/// `POST api-keys`: the answer alone holds the key itself, as `secret`. A key makes no key that may do more than itself.
///
/// # Errors
/// The error of the first wrong field; [`Error::Access`] where more is asked for than the asker has.
pub fn create(ask: &Ask<'_>) -> Result<Response, Error> {
    let input = Input::read(ask.request, &FIELDS)?;
    let livemode = input.flag("livemode")?.unwrap_or(ask.actor.livemode());
    let scopes = scopes(&input)?;
    if let Actor::Key(own) = ask.actor {
        let has_all = own.scopes.contains(&Scope::all()) || scopes.iter().all(|scope| own.scopes.contains(scope));
        if !has_all || livemode != own.livemode {
            return Err(Access::Scope.into());
        }
    }
    let key = ApiKey::new(ask.account, livemode, random(ask));
    let shown = Key {
        id: key.id(),
        object: Key::KIND.to_owned(),
        name: input.text("name")?.unwrap_or_default(),
        livemode,
        hint: key.hint(),
        scopes,
        created_at: ask.cx.now.0,
        last_used_at: None,
        revoked_at: None,
    };
    let kept = Kept { shown, hidden: KeyHash { hash: key.hash() } };
    kept.insert(ask.cx.books)?;
    event::record(ask.cx, Type::KeyCreated, &kept.shown, "")?;
    with_secret(&kept.shown, &write(key.text().expose())?)
}

/// 24 random bytes.
fn random(ask: &Ask<'_>) -> [u8; 24] {
    let (first, second) = (ask.cx.books.random(), ask.cx.books.random());
    core::array::from_fn(|at| first.iter().chain(&second).nth(at).copied().unwrap_or_default())
}

fn scopes(input: &Input) -> Result<Vec<Scope>, Error> {
    let Some(names) = input.texts("scopes")? else { return Ok(vec![Scope::all()]) };
    let scopes = names.iter().map(|name| name.parse().map_err(|why| Error::Value("scopes", why)));
    let scopes: Vec<Scope> = scopes.collect::<Result<_, _>>()?;
    if scopes.is_empty() {
        Err(Error::Value("scopes", "is empty: leave it away for a key that may do everything"))
    } else {
        Ok(scopes)
    }
}

/// `GET api-keys/:`
///
/// # Errors
/// [`Error::Missing`] where there is none.
pub fn show(ask: &Ask<'_>) -> Result<Response, Error> {
    Ok(object(200, write(&Kept::<Key>::get(ask.cx.books, ask.mode(), ask.id)?.shown)?))
}

/// `DELETE api-keys/:`: it works no more; it stays in the list.
///
/// # Errors
/// [`Error::Missing`] where there is none.
pub fn revoke(ask: &Ask<'_>) -> Result<Response, Error> {
    let mut key = Kept::<Key>::get(ask.cx.books, ask.mode(), ask.id)?;
    if key.shown.revoked_at.is_none() {
        key.shown.revoked_at = Some(ask.cx.now.0);
        key.update(ask.cx.books)?;
        event::record(ask.cx, Type::KeyRevoked, &key.shown, "")?;
        listener::close_all(ask.cx, &key.shown.id, Close::Revoked)?;
    }
    Ok(object(200, write(&key.shown)?))
}
