//! `/checkout/ACCOUNT/SESSION`: the customer comes to pay one checkout session.

use super::checkout;
use super::country_of;
use crate::checkout::link::{self, Choice};
use crate::error::Error;
use crate::flow::{Context, Outcome, answer, ask_ledger};
use crate::gateway::object::Object;
use crate::http::{Reply, Request, Response};
use crate::ledger::session;
use crate::ledger::state::Status;
use crate::livery::request_headers;
use crate::livery::scrub::scrub;
use crate::money::Amount;
use crate::pages::{self, Face, Form};
use crate::query::{ParamError, Params};
use crate::web_url;

use super::ledger::{self, Wanted};

/// What stands in a `success_url` for the session's id.
const SESSION_ID: &str = "{SESSION_ID}";

/// Sends the customer on to pay, or to the shop where the session is paid.
///
/// # Errors
/// [`Error::Refused`] where it cannot be paid any more; [`Error::Param`] where nobody knows the customer's e-mail address.
pub fn open(cx: &Context<'_>, request: &Request<'_>, face: &Face) -> Outcome {
    let (account, session) = session::of_path(request.path).ok_or(Error::NotFound)?;
    let params = Params::read(request.query, &["email", "provider"])?;
    let email = params.optional("email")?.map(|text| link::email("email", text)).transpose()?;
    let chosen = params.optional("provider")?.map(link::provider_id).transpose()?;
    let headers = request_headers::for_customer(request.headers, country_of(cx.config, request)?);
    let (face, path) = (face.clone(), request.path.to_owned());
    let call = ledger::call(&account, ledger::WALLET, &Wanted::Session(session.to_owned()))?;
    ask_ledger(call, move |cx, came| {
        let reply = ledger::told(came)?;
        let opened: Object = serde_json::from_str(&reply.text).map_err(|_| Error::Internal)?;
        let session = opened.object("session").ok_or(Error::Internal)?;
        if session.text("status").as_deref() == Some("paid") {
            return paid(cx, &session);
        }
        if session.value("livemode").is_some_and(|livemode| livemode.get() == "false") {
            return Err(Error::TestSession);
        }
        match session.text("customer_email").or(email) {
            Some(email) => pay(cx, reply, &session, email, chosen, headers),
            None if face.form == Form::Html => {
                answer(pages::email(&cx.config.brand, &face, &path, chosen.as_deref()).ok_or(Error::Internal)?)
            }
            None => Err(Error::Param("email", ParamError::Missing)),
        }
    })
}

/// Back to the shop. A URL is spelt as browsers spell it: whatever stands in it can stand in a header.
fn paid(cx: &Context<'_>, session: &Object) -> Outcome {
    let url = session.text("success_url").ok_or(Error::State(Status::Paid))?;
    let url = web_url::parse(&url.replace(SESSION_ID, &session.text("id").unwrap_or_default())).ok_or(Error::Internal)?;
    answer(Response::redirect(scrub(&cx.config.names, url.as_str()).into_owned()))
}

fn pay(
    cx: &Context<'_>,
    reply: Reply,
    session: &Object,
    email: String,
    chosen: Option<String>,
    headers: Vec<(&'static str, String)>,
) -> Outcome {
    let field = |name| session.text(name).ok_or(Error::Internal);
    let amount = Amount::parse(&field("amount")?).map_err(|_| Error::Internal)?;
    let currency = field("currency")?.parse().map_err(|_| Error::Internal)?;
    let choice = session.text("provider").or(chosen).map_or(Choice::Hosted, Choice::Provider);
    checkout::pay(cx, reply, email, (amount, currency), choice, headers)
}
