//! The static files of the hosted page: text that names the gateway's hosts, and binary that must arrive unchanged.

use crate::wire::reply::Reply;

/// The file at a path.
pub(super) fn find(path: &str) -> Option<Reply> {
    let (content_type, body): (&str, &[u8]) = match path {
        "/assets/app.css" => ("text/css", include_bytes!("../../assets/app.css")),
        "/assets/theme.css" => ("text/css", include_bytes!("../../assets/theme.css")),
        "/assets/app.js" => ("application/javascript", include_bytes!("../../assets/app.js")),
        "/assets/logo.svg" => ("image/svg+xml", include_bytes!("../../assets/logo.svg")),
        "/assets/badge.png" => ("image/png", include_bytes!("../../assets/badge.png")),
        "/assets/font.woff2" => ("font/woff2", include_bytes!("../../assets/font.woff2")),
        "/robots.txt" => ("text/plain", b"User-agent: *\nDisallow: /\nSitemap: https://www.anexpay.net/sitemap.xml\n"),
        _ => return None,
    };
    let reply = Reply::new(200, content_type, body).with("cache-control", "public, max-age=86400");
    Some(reply.with("last-modified", "Wed, 01 Jul 2026 09:00:00 GMT"))
}
