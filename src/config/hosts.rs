//! Hosts among the settings: our own, the gateway's two, the domains to hide, and private hosts that merchants may be on.

use url::{Host, Url};

use crate::public_host;
use crate::web_url::{self, authority};

/// Where Livery itself is reached: the fixed `domain` parameter, and the root of every URL that it shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    url: Url,
    host: String,
    loopback: bool,
}

const ORIGIN_PROBLEM: &str = "is not a host: write just the name, such as pay.example.com, or 127.0.0.1:8787 for development";

impl Origin {
    /// Reads a host with or without port.
    ///
    /// # Errors
    /// A text for the operator where it is something else.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let url = web_url::parse(&format!("https://{text}/")).ok_or(ORIGIN_PROBLEM)?;
        let host = authority(&url).ok_or(ORIGIN_PROBLEM)?;
        if !host.eq_ignore_ascii_case(text) {
            return Err(ORIGIN_PROBLEM);
        }
        let loopback = is_loopback(&url);
        Ok(Self { url, host, loopback })
    }

    /// `http` on a loopback host, which is where development happens, `https` everywhere else.
    #[must_use]
    pub const fn scheme(&self) -> &'static str {
        if self.loopback { "http" } else { "https" }
    }

    /// The host, with its port where it has one.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Whether this is development: merchants may then be on loopback too.
    #[must_use]
    pub const fn is_development(&self) -> bool {
        self.loopback
    }

    /// Whether that host, as [`public_host::canonical`] gives it, is ours, on whatever port.
    #[must_use]
    pub fn is_host(&self, host: &Host<&str>) -> bool {
        public_host::canonical(&self.url).is_some_and(|own| own == *host)
    }

    /// Our port on this very machine, in development.
    #[must_use]
    pub fn loopback_port(&self) -> Option<u16> {
        self.loopback.then(|| self.url.port().unwrap_or(80))
    }

    /// The absolute URL of one of our own paths.
    #[must_use]
    pub fn url(&self, path_and_query: &str) -> String {
        format!("{}://{}{path_and_query}", self.scheme(), self.host)
    }
}

/// The root of one of the gateway's two services.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base(Url);

impl Base {
    /// Reads a URL without path, query or credentials; `http` is for loopback hosts only.
    ///
    /// # Errors
    /// A text for the operator where it is something else.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let url = web_url::parse(text).ok_or("is not a URL: write one such as https://api.example.com")?;
        let bare = url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        match url.scheme() {
            _ if !bare => Err("has more than scheme and host: leave path, query and credentials away"),
            "https" => Ok(Self(url)),
            "http" if is_loopback(&url) => Ok(Self(url)),
            _ => Err("must start with https:// (http:// is for loopback hosts only)"),
        }
    }

    /// The absolute URL of a path, with its query if it has one, byte for byte.
    #[must_use]
    pub fn url(&self, path_and_query: &str) -> String {
        format!("{}{path_and_query}", self.0.as_str().trim_end_matches('/'))
    }

    /// Whether a URL points at this service.
    #[must_use]
    pub fn is_root_of(&self, url: &Url) -> bool {
        self.0.origin() == url.origin()
    }

    /// The host, with its port where that is not the scheme's own.
    #[must_use]
    pub fn host_and_port(&self) -> String {
        authority(&self.0).unwrap_or_default()
    }

    /// The port on this very machine, where the service is here.
    #[must_use]
    pub fn loopback_port(&self) -> Option<u16> {
        if is_loopback(&self.0) { self.0.port_or_known_default() } else { None }
    }
}

/// A host that merchants' URLs may lead to though it is not public.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedHost {
    host: Host<String>,
    /// The only port of it, where not every one is meant.
    port: Option<u16>,
}

impl AllowedHost {
    /// Reads a host with or without port. It has to be spelt as it is shown: `10.5`, say, is a mistyped address, or one in
    /// disguise. There is no `*` for many.
    fn parse(text: &str) -> Option<Self> {
        let url = web_url::parse(&format!("http://{text}/")).filter(|_| !text.contains('*'))?;
        let text = text.to_ascii_lowercase();
        let port = match text.strip_prefix(url.host_str()?)? {
            "" => None,
            rest => Some(rest.strip_prefix(':')?.parse().ok()?),
        };
        Some(Self { host: public_host::canonical(&url)?.to_owned(), port })
    }

    /// Whether a URL leads there, however its host is spelt.
    #[must_use]
    pub fn is_at(&self, url: &Url) -> bool {
        let is_host = public_host::canonical(url).is_some_and(|host| self.host == host);
        is_host && self.port.is_none_or(|port| url.port_or_known_default() == Some(port))
    }
}

/// A list of hosts that are allowed.
pub(super) fn allowed(text: &str) -> Result<Vec<AllowedHost>, &'static str> {
    let problem = "is not a list of hosts: write such as shop.internal, 10.0.0.5:8080, [fd00::1], separated by commas";
    let hosts = text.split(',').map(str::trim).filter(|host| !host.is_empty());
    hosts.map(|host| AllowedHost::parse(host).ok_or(problem)).collect()
}

/// A domain to hide, in lower case.
pub(super) fn domain(text: &str) -> Result<String, &'static str> {
    let problem = "is not a list of domains: write names such as example.com, separated by commas";
    let url = web_url::parse(&format!("https://{text}/")).ok_or(problem)?;
    match url.host() {
        Some(Host::Domain(domain)) if domain.contains('.') && domain.eq_ignore_ascii_case(text) => Ok(domain.to_owned()),
        _ => Err(problem),
    }
}

fn is_loopback(url: &Url) -> bool {
    url.host().is_some_and(|host| public_host::is_loopback(&host))
}
