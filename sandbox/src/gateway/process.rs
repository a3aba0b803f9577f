//! `process-payment.php`: sends the customer to the provider, through as many redirects of its own as are asked for.

use super::{
    link::{self, Link},
    refusal,
};
use crate::{names, opaque, php::Parameters, providers::Provider, records::Received, state::Shared, wire::reply::Reply};

/// Path of a redirect that stays on the gateway; the number of those still to come follows.
pub(super) const HOP: &str = "/process-payment.php/hop/";

/// The customer arrives.
pub(super) fn arrive(shared: &Shared, request: &Received, query: &Parameters) -> Reply {
    match shared.read(|state| state.settings.internal_redirects) {
        0 => leave(shared, request, query),
        hops => onward(request, hops - 1),
    }
}

/// The customer is between two redirects of the gateway's own.
pub(super) fn hop(shared: &Shared, request: &Received, query: &Parameters, hops: &str) -> Reply {
    match hops.parse::<u32>() {
        Ok(0) => leave(shared, request, query),
        Ok(hops) => onward(request, hops - 1),
        Err(_) => refusal::page(404, "Page not found"),
    }
}

/// A redirect to the next hop, each time in another spelling, the query unchanged.
fn onward(request: &Received, hops: u32) -> Reply {
    let origin = match hops % 4 {
        0 => format!("https://{}", names::CHECKOUT),
        1 => format!("//{}", names::API),
        2 => String::new(),
        _ => format!("HTTPS://{}:443", names::API.to_uppercase()),
    };
    Reply::redirect(302, &format!("{origin}{HOP}{hops}?{}", request.query))
}

/// A redirect to the provider, if all is in order.
fn leave(shared: &Shared, request: &Received, query: &Parameters) -> Reply {
    if !link::is_intact(&request.query, query) {
        return refusal::page(403, "This payment link was changed");
    }
    let checked = Link::read(shared, query).and_then(|link| {
        let provider = query.get("provider").and_then(Provider::find).ok_or("Provided provider is not available")?;
        provider.check(link.value, &link.currency)?;
        Ok(provider_url(shared, &link, provider, link::country(request)))
    });
    match checked {
        Ok(url) => Reply::redirect(302, &url),
        Err(sentence) => refusal::page(400, sentence),
    }
}

/// The provider's own signed URL. Its query mixes every legal spelling of a byte, which only a byte-exact copy keeps.
fn provider_url(shared: &Shared, link: &Link, provider: &Provider, country: &str) -> String {
    let names_gateway = shared.read(|state| state.settings.provider_url_names_gateway);
    let hook = if names_gateway { format!("&webhook=https%3A%2F%2F{}%2Fhook.php", names::API) } else { String::new() };
    let raw = format!(
        "apiKey=pk_sandbox_1&currencyCode=usdc_polygon&walletAddress={}&baseCurrencyCode={}&baseCurrencyAmount={}\
         &email={}&country={country}&theme=%23aBcDeF&note=Paid%20by+card%2Bfee~%e2%82%ac{hook}",
        link.polygon_address_in,
        link.currency.to_lowercase(),
        link.amount,
        opaque::percent_encoded(&link.email),
    );
    format!("{}/{}/buy?{raw}&signature={}", shared.urls.provider, provider.id, opaque::provider_signature(&raw))
}
