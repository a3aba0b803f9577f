//! The gateway's routes, the same on both of its hosts.

mod assets;
mod brand;
mod hosted;
mod link;
mod process;
mod rates;
mod refusal;
mod status;
mod wallets;

use crate::{php::Parameters, providers, records::Received, state::Shared, wire::reply::Reply};

/// Answers a request to either host.
pub(crate) fn answer(shared: &Shared, request: &Received) -> Reply {
    let query = Parameters::read(&request.query);
    let reply = match request.path.as_str() {
        "/control/wallet.php" => wallets::create(shared, &query, wallets::Endpoint::Plain),
        "/control/affiliate.php" => wallets::create(shared, &query, wallets::Endpoint::Affiliate),
        "/control/custom-affiliate.php" => wallets::create(shared, &query, wallets::Endpoint::CustomAffiliate),
        "/control/custom-sub-affiliate.php" => wallets::create(shared, &query, wallets::Endpoint::CustomSubAffiliate),
        "/control/convert.php" => rates::convert(&query),
        "/control/payment-status.php" => status::answer(shared, &query),
        "/control/provider-status" | "/control/provider-status/" => Reply::new(200, "application/json", providers::LIST),
        "/process-payment.php" => process::arrive(shared, request, &query),
        "/pay.php" => hosted::page(shared, request, &query),
        "/receipt.php" => hosted::receipt(request),
        path => elsewhere(shared, request, &query, path),
    };
    brand::dress(reply, request)
}

fn elsewhere(shared: &Shared, request: &Received, query: &Parameters, path: &str) -> Reply {
    if let Some(hops) = path.strip_prefix(process::HOP) {
        return process::hop(shared, request, query, hops);
    }
    match path.strip_prefix("/crypto/").and_then(|rest| rest.strip_suffix("/info.php")) {
        Some(ticker) => rates::info(ticker),
        None => assets::find(path).unwrap_or_else(|| refusal::page(404, "Page not found")),
    }
}
