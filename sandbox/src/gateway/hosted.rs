//! `pay.php`: the hosted page with its list of providers, and the form on it.
//!
//! The page names the gateway's hosts in every spelling a browser understands, and works only if each of them was made to
//! point at whoever serves the page: its style, its scripts, its image and its form are on absolute URLs.

use askama::Template;

use super::{
    link::{self, Link},
    refusal,
};
use crate::{names, php::Parameters, providers::Provider, records::Received, state::Shared, wire::reply::Reply};

#[derive(Template)]
#[template(path = "pay.html")]
struct Page<'a> {
    link: &'a Link,
    country: &'a str,
    offers: &'a [Offer],
    logo: &'a str,
    background: &'a str,
    theme: &'a str,
    button: &'a str,
}

struct Offer {
    id: &'static str,
    name: &'static str,
    query: String,
}

#[derive(Template)]
#[template(path = "receipt.html")]
struct Receipt<'a> {
    email: &'a str,
}

/// The hosted page.
pub(super) fn page(shared: &Shared, request: &Received, query: &Parameters) -> Reply {
    let link = match Link::read(shared, query) {
        Ok(link) => link,
        Err(sentence) => return refusal::page(400, sentence),
    };
    let country = link::country(request);
    let offers: Vec<Offer> = Provider::offered(link.value, &link.currency, country)
        .map(|provider| Offer { id: &provider.id, name: &provider.name, query: link.signed_query(&provider.id) })
        .collect();
    let page = Page {
        link: &link,
        country,
        offers: &offers,
        logo: query.get("logo").unwrap_or("https://cdn.anexpay.net/assets/logo.svg"),
        background: colour(query, "background", "#ffffff"),
        theme: colour(query, "theme", "#1f2937"),
        button: colour(query, "button", "#2563eb"),
    };
    let reply = Reply::page(200, &page);
    match query.get("domain").filter(|domain| is_domain(domain)) {
        Some(domain) => Reply { body: rebranded(&String::from_utf8_lossy(&reply.body), domain).into_bytes(), ..reply },
        None => reply,
    }
}

/// The answer to the page's form.
pub(super) fn receipt(request: &Received) -> Reply {
    if request.method != "POST" {
        return refusal::page(405, "Method not allowed").with("allow", "POST");
    }
    let form = Parameters::read(&String::from_utf8_lossy(&request.body));
    Reply::page(200, &Receipt { email: form.get("email").unwrap_or_default() })
}

/// Replaces the checkout host as documented: every plain instance of it, and nothing else.
///
/// A loopback domain is a Worker under development, which has no certificate: the links to it are `http`.
fn rebranded(page: &str, domain: &str) -> String {
    let page = page.replace(names::CHECKOUT, domain);
    let host = domain.rsplit_once(':').map_or(domain, |(host, _)| host);
    if !matches!(host, "localhost" | "127.0.0.1" | "[::1]") {
        return page;
    }
    ["://", r":\/\/", "%3A%2F%2F"]
        .iter()
        .fold(page, |page, mark| page.replace(&format!("https{mark}{domain}"), &format!("http{mark}{domain}")))
}

fn is_domain(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte))
}

/// A colour by `#` and digits, or by name. Anything else, digits without their `#` above all, is silently ignored.
fn colour<'a>(query: &'a Parameters, name: &str, default: &'a str) -> &'a str {
    let is_colour = |value: &str| match value.strip_prefix('#') {
        Some(digits) => matches!(digits.len(), 3 | 6 | 8) && digits.bytes().all(|digit| digit.is_ascii_hexdigit()),
        None => !value.is_empty() && value.bytes().all(|letter| letter.is_ascii_alphabetic()),
    };
    query.get(name).filter(|value| is_colour(value)).unwrap_or(default)
}
