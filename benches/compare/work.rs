//! What is asked of the contenders: the rows of the table.

use crate::{
    contender::{BARE, LIVERY, TIDY, VENDOR},
    stub,
};

/// One row.
pub struct Work {
    /// As `--rows` names it.
    pub name: &'static str,
    /// As the table names it.
    pub title: &'static str,
    pub target: String,
    pub status: u16,
    /// What the answer must contain.
    pub marker: String,
    /// Customers at once.
    pub connections: usize,
    /// Size of the body, where CPU is told per megabyte.
    pub megabytes: Option<f64>,
    /// Whether a browser asks, and not a shop's server.
    pub is_of_browser: bool,
    /// Which contenders do this job.
    pub contenders: Vec<usize>,
}

const CONNECTIONS: usize = 16;
const MERCHANT: &str = "0xF977814e90dA44bFA03b6295A0616a897441aceC";
/// Stands where each request has a number of its own.
pub const ORDER_NUMBER: &str = "{order}";
const CALLBACK: &str = "callback=https%3A%2F%2Fshop.example%2Forders.php%3Fnumber%3D{order}";
const ORDER: &str = "amount=25.00&provider=moonpay&email=a%40shop.example&currency=EUR";

/// Every row.
pub fn all() -> Vec<Work> {
    let address = stub::address_in();
    let everyone = || vec![LIVERY, BARE, VENDOR, TIDY];
    let (small, large) = (stub::SMALL_PAGE, stub::LARGE_PAGE);
    vec![
        data("wallet", "wallet creation", format!("/control/wallet.php?address={MERCHANT}&{CALLBACK}"), "ipn_token", everyone()),
        row(
            "payment",
            "provider redirect",
            format!("/process-payment.php?address={address}&{ORDER}"),
            302,
            stub::PROVIDER,
            everyone(),
        ),
        row(
            "checkout",
            "/checkout link",
            format!("/checkout?address={MERCHANT}&{CALLBACK}&{ORDER}"),
            302,
            stub::PROVIDER,
            own_work(),
        ),
        page("page", "hosted page, 50 KB", format!("/pay.php?address={address}&{ORDER}"), small),
        page(
            "large-page",
            "hosted page, 1 MB",
            format!("/pay.php?address={address}&{}", ORDER.replace("amount=25.00", stub::LARGE)),
            large,
        ),
        data("providers", "provider list", "/control/provider-status".into(), "moonpay", everyone()),
        data("rates", "rate", "/control/convert.php?from=EUR&value=1258.31".into(), "1351.76", everyone()),
        row("not-found", "404", "/control/nothing.php".into(), 404, "not_found", own_work()),
        row("bad-input", "bad input", format!("/control/wallet.php?address=0x123&{CALLBACK}"), 400, "\"address\"", own_work()),
    ]
}

/// What a passthrough cannot do.
fn own_work() -> Vec<usize> {
    vec![LIVERY, TIDY]
}

fn data(name: &'static str, title: &'static str, target: String, marker: &str, contenders: Vec<usize>) -> Work {
    row(name, title, target, 200, marker, contenders)
}

/// The bare passthrough is the limit here too, though it hides nothing.
fn page(name: &'static str, title: &'static str, target: String, bytes: usize) -> Work {
    let row = row(name, title, target, 200, stub::PAGE_END, vec![LIVERY, BARE, TIDY]);
    Work { megabytes: Some(bytes as f64 / 1e6), connections: 4, is_of_browser: true, ..row }
}

fn row(name: &'static str, title: &'static str, target: String, status: u16, marker: &str, contenders: Vec<usize>) -> Work {
    Work {
        name,
        title,
        target,
        status,
        marker: marker.into(),
        connections: CONNECTIONS,
        megabytes: None,
        is_of_browser: status == 302,
        contenders,
    }
}
