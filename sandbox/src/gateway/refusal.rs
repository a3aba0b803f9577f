//! The HTML page that refuses a request. Like the real one it says where it comes from.

use askama::Template;

use crate::wire::reply::Reply;

/// What the checkout pages say to an address they did not make.
pub(super) const ADDRESS: &str = "Provided wallet address is not allowed";

#[derive(Template)]
#[template(path = "refusal.html")]
struct Page<'a> {
    status: u16,
    sentence: &'a str,
}

/// Refuses with a status and a sentence.
pub(super) fn page(status: u16, sentence: &str) -> Reply {
    Reply::page(status, &Page { status, sentence })
}
