//! Promise 7: whatever the gateway says wrong, on whatever route, Livery answers in time, in bounded memory and with the right
//! code, and the next request is served as if nothing had happened.
mod routes;
mod stage;
mod support;

use livery_sandbox::{Fault, documented};
use routes::{Row, Seen, Table, assert_fails, assert_served, json, row};
use stage::{Made, Stage};

use Seen::{Bare, InvalidReply, RateLimited, Rejected, Served, Unavailable};

/// Every fault that shows at once, and what becomes of it where JSON, a redirect or a page is wanted.
fn rows() -> Vec<Row> {
    let status = |code| Fault::Status(code, "<html><h1>Bad luck at api.anexpay.net</h1></html>".to_owned());
    let to = |url: &str| Fault::RedirectTo(url.to_owned());
    let pouring = |url: &str| Fault::RedirectFlood(url.to_owned());
    let coding = |name: &str| Fault::ContentEncoding(name.to_owned());
    vec![
        row(status(400), [Rejected; 3]),
        row(status(403), [Rejected; 3]),
        row(status(404), [Rejected; 3]),
        row(status(416), [Rejected; 3]),
        row(status(451), [Rejected; 3]),
        row(status(429), [RateLimited; 3]),
        row(status(500), [Unavailable; 3]),
        row(status(502), [Unavailable; 3]),
        row(status(503), [Unavailable; 3]),
        row(status(504), [Unavailable; 3]),
        row(status(599), [Unavailable; 3]),
        row(status(200), [InvalidReply, Served, Served]),
        row(Fault::Status(204, String::new()), [InvalidReply, InvalidReply, Bare(204)]),
        row(Fault::Status(205, String::new()), [InvalidReply; 3]),
        row(status(206), [InvalidReply; 3]),
        row(Fault::Status(304, String::new()), [InvalidReply; 3]),
        row(Fault::ResetBeforeHeaders, [Unavailable; 3]),
        row(Fault::Garbage, [Unavailable; 3]),
        row(Fault::ResetAfterHeaders, [Unavailable, Served, Unavailable]),
        row(Fault::TruncatedChunks, [Unavailable, Served, Unavailable]),
        row(Fault::TruncatedLength, [Unavailable, Served, Unavailable]),
        row(Fault::TruncatedJson, [InvalidReply, Served, Served]),
        row(Fault::MalformedJson, [InvalidReply, Served, Served]),
        row(Fault::EmptyBody, [InvalidReply, Served, Served]),
        row(Fault::HugeBody(60 << 20), [InvalidReply, Served, Served]),
        row(Fault::WrongContentType, [Served; 3]),
        row(to("https://provider.example/buy?a=%2f+"), [InvalidReply, Served, Served]),
        row(to("javascript:alert(1)"), [InvalidReply; 3]),
        row(to("data:text/html,hello"), [InvalidReply; 3]),
        row(pouring("https://provider.example/buy"), [InvalidReply, Served, Served]),
        row(pouring("javascript:alert(1)"), [InvalidReply; 3]),
        row(Fault::RedirectLoop, [InvalidReply, InvalidReply, Served]),
        row(coding("zstd"), [Served, Served, InvalidReply]),
    ]
}

#[test]
fn every_fault_on_every_route_has_its_code_and_harms_no_later_request() {
    Table::new(Stage::branded()).check(&rows());
}

/// In production a provider is on the public internet and speaks https, and nobody is sent anywhere else.
#[test]
fn no_customer_of_a_live_page_is_sent_into_a_private_network() {
    let stage = Stage::branded_with(|settings| settings.set("CHECKOUT_DOMAIN", "pay.shop.example"));
    let sample = &documented::WALLETS[0];
    let (address_in, ipn_token) = (sample.address_in.to_owned(), sample.ipn_token.to_owned());
    let made = Made { address_in, ipn_token, polygon_address_in: String::new(), callback_url: String::new() };
    let table = Table { routes: routes::routes(&stage, &made), stage };
    for url in ["http://127.0.0.1/", "https://127.0.0.1/", "https://localhost/a", "https://[::1]/", "http://provider.example/"] {
        let row = row(Fault::RedirectTo(url.to_owned()), [InvalidReply; 3]);
        for route in table.routes.iter().filter(|route| matches!(route.name, "payment" | "hosted page" | "asset")) {
            table.stage.sandbox.fault(route.path, row.fault.clone());
            table.assert_seen(&row, route);
        }
        table.stage.sandbox.clear_faults();
    }
}

/// The list is asked for before anything else is: a good one would be remembered, and no fault would show.
#[test]
fn a_provider_list_that_never_came_fails_like_the_rest() {
    let path = "/control/provider-status";
    let table = Table { stage: Stage::branded(), routes: vec![json("providers", path, path)] };
    let (stage, route) = (&table.stage, &table.routes[0]);
    let missing = row(Fault::MissingField("providers".into()), [InvalidReply; 3]);
    for row in rows().into_iter().chain([missing]).filter(|row| row.seen_on(route) != Served) {
        stage.sandbox.fault(path, row.fault.clone());
        table.assert_seen(&row, route);
        stage.sandbox.clear_faults();
        assert_eq!(stage.worker.get("/control/convert.php?from=EUR&value=10").send().status, 200, "{}", row.name);
    }
    assert_served(stage, "afterwards", route);
}

#[test]
fn a_checkout_goes_on_without_list_and_rates() {
    for row in rows().into_iter().filter(|row| row.seen[0] != Served) {
        // A Worker of its own: one that saw the list fail does not ask again at once.
        let table = Table::new(Stage::branded());
        table.stage.sandbox.fault("/control/provider-status", row.fault.clone());
        table.stage.sandbox.fault("/control/convert.php", row.fault);
        assert_served(&table.stage, &row.name, table.routes.last().expect("a route"));
        let asked = table.stage.sandbox.requests();
        assert!(asked.iter().any(|request| request.path == "/control/provider-status"), "{} proves nothing", row.name);
    }
}

#[test]
fn a_reply_that_lacks_a_field_is_not_used() {
    let table = Table::new(Stage::branded());
    let missing = |field: &str| Fault::MissingField(field.to_owned());
    let cases = [
        ("wallet", Fault::MissingAddressIn),
        ("wallet", missing("polygon_address_in")),
        ("wallet", missing("ipn_token")),
        ("checkout, at the wallet", Fault::MissingAddressIn),
        ("checkout, at the wallet", missing("polygon_address_in")),
        ("convert", missing("exchange_rate")),
        ("status", missing("status")),
    ];
    for (name, fault) in cases {
        let route = table.routes.iter().find(|route| route.name == name).expect("a route");
        let what = format!("{fault:?} on {name}");
        table.stage.sandbox.fault(route.path, fault);
        assert_fails(&table.stage, &what, route, (502, "gateway_invalid_reply"));
        table.stage.sandbox.clear_faults();
        assert_served(&table.stage, &what, route);
    }
}
