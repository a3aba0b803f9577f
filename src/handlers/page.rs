//! `/pay.php`, and whatever the hosted page loads and submits.

use super::country_of;
use super::payment::{check_values, repaired_address};
use crate::error::Error;
use crate::flow::{Context, Outcome, answer, ask_gateway};
use crate::gateway::object::Object;
use crate::gateway::{GatewayError, accepted, page};
use crate::http::{Body, Call, Method, Reply, Request, RequestBody, Response};
use crate::livery::location::{self, Destination};
use crate::livery::{request_headers, response_headers, scrub};
use crate::query::{self, Params};

/// The parameters of the hosted page that a merchant has to give.
const REQUIRED: [&str; 4] = ["address", "amount", "email", "currency"];
/// Parameters that only the operator may set, by the names that PHP would read.
const OPERATORS: [&str; 6] = ["affiliate", "affiliate_fee", page::DOMAIN, "merchant_fee", "sub_affiliate", "sub_affiliate_fee"];

/// The hosted page in the operator's livery.
///
/// # Errors
/// The [`Error`] of the first value that is wrong.
#[inline(never)]
pub fn hosted(cx: &Context<'_>, request: &Request<'_>) -> Outcome {
    let country = country_of(cx.config, request)?;
    let params =
        Params::read(request.query, &["address", "amount", "background", "button", "currency", "email", "logo", "theme"])?;
    for name in REQUIRED {
        params.required(name)?;
    }
    check_operators(&query::without(request.query, &[page::DOMAIN]), cx)?;
    check_values(&params)?;
    let query = page::query(cx.config, &repaired_address(request.query, &params)?);
    let headers = request_headers::for_page(request.headers, country);
    pass(cx, page::request(cx.config, request.method, request.path, &query, headers, None))
}

/// An asset of the hosted page, or a form on it.
///
/// # Errors
/// The [`Error`] of a parameter that only the operator may set, or of a body that cannot be passed on.
#[inline(never)]
pub fn asset(cx: &Context<'_>, request: &Request<'_>) -> Outcome {
    let country = country_of(cx.config, request)?;
    check_operators(request.query, cx)?;
    let mut headers = request_headers::for_page(request.headers, country);
    let body = if request.method == Method::Post { Some(form(cx, request, &mut headers)?) } else { None };
    pass(cx, page::request(cx.config, request.method, request.path, request.query, headers, body))
}

/// A form's body and content type, if it is of a kind whose parameters can be checked.
fn form(cx: &Context<'_>, request: &Request<'_>, headers: &mut Vec<(&'static str, String)>) -> Result<Vec<u8>, Error> {
    let RequestBody::Whole(body) = &request.body else { return Err(Error::BodyTooLarge) };
    let content_type = request.headers.get("content-type").unwrap_or_default();
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match kind.as_str() {
        "application/x-www-form-urlencoded" => check_operators(core::str::from_utf8(body).map_err(|_| Error::MediaType)?, cx)?,
        _ if body.is_empty() => return Ok(Vec::new()),
        "application/json" => check_operators(&fields_of(body).ok_or(Error::MediaType)?, cx)?,
        _ => return Err(Error::MediaType),
    }
    headers.push(("content-type", kind));
    Ok(body.clone())
}

/// The names of a JSON object's fields as a query without values. `None` for all else: what is not understood here may well be
/// there.
fn fields_of(body: &[u8]) -> Option<String> {
    let object: Object = serde_json::from_str(core::str::from_utf8(body).ok()?).ok()?;
    Some(query::build(object.names().map(|name| (name, ""))))
}

/// Refuses the operator's parameters; our own `domain` may come back from a page that was given it.
///
/// # Errors
/// [`Error::OperatorsParameter`] with the first of them.
fn check_operators(raw: &str, cx: &Context<'_>) -> Result<(), Error> {
    for pair in query::readings(raw) {
        let name = pair.name();
        let Some(param) = OPERATORS.iter().find(|known| **known == name) else { continue };
        let is_ours = *param == page::DOMAIN && pair.is_plain() && pair.value().as_deref() == Some(cx.config.origin.host());
        if !is_ours {
            return Err(Error::OperatorsParameter(param));
        }
    }
    Ok(())
}

fn pass(cx: &Context<'_>, call: Call) -> Outcome {
    let (called, method) = (call.url.clone(), call.method);
    let is_conditional = call.headers.iter().any(|(name, _)| name.starts_with("if-"));
    ask_gateway(cx, call, move |cx, reply| {
        let reply = accepted(reply).map_err(|error| missing_page(error, method))?;
        match reply.status {
            200..=203 => answer(passed(cx, &reply)?),
            // Nobody who has no copy can use a 304.
            304 if !is_conditional => Err(GatewayError::InvalidReply.into()),
            204 | 304 => answer(Response { body: Body::Empty, ..passed(cx, &reply)? }),
            301 | 302 | 303 | 307 | 308 => answer(redirect(cx, &called, &reply)?),
            _ => Err(GatewayError::InvalidReply.into()),
        }
    })
}

/// Most refusals of an asset mean that there is none.
fn missing_page(error: GatewayError, method: Method) -> Error {
    match error {
        GatewayError::Rejected { status: 404 | 410, .. } if method != Method::Post => Error::NotFound,
        other => other.into(),
    }
}

fn passed(cx: &Context<'_>, reply: &Reply) -> Result<Response, Error> {
    let response = response_headers::pass(&cx.config.names, reply);
    Ok(response.ok_or(GatewayError::InvalidReply)?)
}

/// A redirect of the gateway's: to its own pages under our host, to others as they are.
fn redirect(cx: &Context<'_>, called: &str, reply: &Reply) -> Result<Response, Error> {
    let location = reply.headers.get("location").ok_or(GatewayError::InvalidReply)?;
    let location = match location::resolve(cx.config, called, &location).ok_or(GatewayError::InvalidReply)? {
        Destination::Elsewhere(url) => url,
        Destination::Gateway { path_and_query, .. } => cx.config.origin.url(&scrub::scrub(&cx.config.names, &path_and_query)),
    };
    let headers = passed(cx, reply)?.headers.into_iter().filter(|(name, _)| *name != "content-type");
    Ok(Response { status: reply.status, headers: headers.collect(), body: Body::Empty }.header("location", location))
}
