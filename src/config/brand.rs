//! The operator's look.

use super::{Origin, Reader};
use crate::web_url;

/// What our pages and the hosted page look like.
#[derive(Clone, Debug)]
pub struct Brand {
    /// The name in titles and texts.
    pub name: String,
    /// An image's URL.
    pub logo: Option<String>,
    /// CSS colour of the page.
    pub background: Option<String>,
    /// CSS colour of accents.
    pub theme: Option<String>,
    /// CSS colour of buttons.
    pub button: Option<String>,
    /// Where customers find help.
    pub support: Option<String>,
}

impl Brand {
    pub(super) fn read(reader: &mut Reader<'_>, origin: Option<&Origin>) -> Self {
        let host = origin.map(|origin| origin.host().to_owned()).unwrap_or_default();
        Self {
            name: reader.parsed("BRAND_NAME", name).unwrap_or(host),
            logo: reader.parsed("BRAND_LOGO", link),
            background: reader.parsed("BRAND_BACKGROUND", colour),
            theme: reader.parsed("BRAND_THEME", colour),
            button: reader.parsed("BRAND_BUTTON", colour),
            support: reader.parsed("SUPPORT_URL", link_or_mail),
        }
    }

    /// The hosted page's parameters for this brand, each with its value.
    pub fn parameters(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let all = [("logo", &self.logo), ("background", &self.background), ("theme", &self.theme), ("button", &self.button)];
        all.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?)))
    }
}

fn name(text: &str) -> Result<String, &'static str> {
    if text.chars().count() <= 80 { Ok(text.to_owned()) } else { Err("is longer than 80 characters") }
}

/// `#` with 3 to 8 hexadecimal digits, or a CSS colour name: the two forms that the gateway's document describes, and
/// nothing that could end a style rule.
pub(super) fn colour(text: &str) -> Result<String, &'static str> {
    let hex =
        text.strip_prefix('#').is_some_and(|d| matches!(d.len(), 3 | 4 | 6 | 8) && d.bytes().all(|b| b.is_ascii_hexdigit()));
    let word = (3..=24).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphabetic());
    if hex || word { Ok(text.to_owned()) } else { Err("is not a colour: write #6366f1 or a CSS name such as navy") }
}

fn link(text: &str) -> Result<String, &'static str> {
    let url = web_url::parse(text).filter(|url| url.scheme() == "https" && url.host().is_some());
    url.map(String::from).ok_or("is not an https URL")
}

fn link_or_mail(text: &str) -> Result<String, &'static str> {
    let mail = web_url::parse(text).filter(|url| url.scheme() == "mailto");
    mail.map(String::from).map_or_else(|| link(text).map_err(|_| "is neither an https nor a mailto URL"), Ok)
}
