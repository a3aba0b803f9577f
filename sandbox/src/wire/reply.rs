//! An answer as a value, before it is framed.

use std::io::Write as _;

use askama::Template;
use flate2::{Compression, write::GzEncoder};
use serde::Serialize;

use crate::records::Received;

/// An answer as a value.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: Vec::new(), body: body.into() }.with("content-type", content_type)
    }

    pub fn html(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self::new(status, "text/html; charset=UTF-8", body)
    }

    /// Renders a page, in which every value is escaped.
    pub fn page(status: u16, template: &impl Template) -> Self {
        match template.render() {
            Ok(page) => Self::html(status, page),
            Err(error) => Self::text(500, format!("livery-sandbox: {error}")),
        }
    }

    pub fn text(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self::new(status, "text/plain; charset=UTF-8", body)
    }

    /// JSON with the fields in the order the type declares them.
    pub fn json(value: &impl Serialize) -> Self {
        match serde_json::to_vec(value) {
            Ok(body) => Self::new(200, "application/json", body),
            Err(error) => Self::text(500, error.to_string()),
        }
    }

    pub fn redirect(status: u16, location: &str) -> Self {
        Self::html(status, "").with("location", location)
    }

    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same answer with this header in place of any of its name.
    pub fn replacing(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.with(name, value)
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Compresses a text for a caller that accepts gzip.
    pub fn gzipped_for(self, request: &Received) -> Self {
        let accepted = request.header("accept-encoding").is_some_and(|value| value.contains("gzip"));
        let text = ["text/", "application/javascript", "image/svg"];
        let is_text = self.header("content-type").is_some_and(|value| text.iter().any(|start| value.starts_with(start)));
        if !accepted || !is_text || self.body.is_empty() {
            return self;
        }
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        match encoder.write_all(&self.body).and_then(|()| encoder.finish()) {
            Ok(body) => Self { body, ..self }.with("content-encoding", "gzip").with("vary", "Accept-Encoding"),
            Err(_) => self,
        }
    }
}
