//! The Worker's settings, and the workerd configuration made from them and from `wrangler.toml`.
use super::secrets::Secrets;
use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

/// Stands for the Worker's own host and port in the value of a setting.
pub const OWN_HOST: &str = "{own host}";
/// In front of a value that stands in wrangler.toml without quotes: a number, or true and false.
pub const UNQUOTED: &str = "unquoted:";
/// 32 bytes that every test knows.
pub const SIGNING_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
/// The request header that becomes `request.cf`, as JSON.
pub const CF_HEADER: &str = "x-test-cf";
/// A port on which nothing listens: tests that forget to set a gateway must not reach the real one.
const NOWHERE: &str = "http://127.0.0.1:9";

/// The Worker's settings: a signing key, a development domain, and what a test sets. The `[vars]` of `wrangler.toml` stay
/// out of it, because operators edit them.
#[derive(Clone, Debug)]
pub struct Settings {
    bindings: BTreeMap<String, String>,
    v8_flags: &'static str,
    cache: Option<String>,
}

impl Settings {
    /// A valid configuration without wallets, whose gateway is unreachable.
    pub fn new() -> Self {
        let none = Self { bindings: BTreeMap::new(), v8_flags: "", cache: None };
        none.set("CHECKOUT_DOMAIN", OWN_HOST).set("SIGNING_KEY", SIGNING_KEY).gateway(NOWHERE, NOWHERE)
    }

    /// Points the Worker at a gateway.
    pub fn gateway(self, api: &str, checkout: &str) -> Self {
        self.set("GATEWAY_API_URL", api).set("GATEWAY_CHECKOUT_URL", checkout)
    }

    /// Sets one setting; [`OWN_HOST`] in its value becomes the Worker's own.
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.bindings.insert(name.into(), value.into());
        self
    }

    /// Removes one setting.
    pub fn unset(mut self, name: &str) -> Self {
        self.bindings.remove(name);
        self
    }

    /// Who holds the Worker's cache: host and port of an HTTP server. Otherwise it has none, and using it fails.
    pub fn cache(mut self, host: &str) -> Self {
        self.cache = Some(host.into());
        self
    }

    /// V8 collects its whole heap each time it collects anything: what stays then is in use. Otherwise it first lets a
    /// hundred MiB and more pile up, among which no leak would be seen.
    pub fn collecting_eagerly(mut self) -> Self {
        self.v8_flags = "\"--gc-global\"";
        self
    }

    /// What no answer may name: the gateway's domains, and the gateway that is configured.
    pub fn hidden(&self) -> Vec<String> {
        let domains = self.bindings.get("GATEWAY_DOMAINS").into_iter().flat_map(|list| list.split(','));
        let urls = ["GATEWAY_API_URL", "GATEWAY_CHECKOUT_URL"].map(|name| self.bindings.get(name));
        let hosts = urls.into_iter().flatten().filter_map(|url| url.split('/').nth(2));
        let hidden = ["anexpay.net"].into_iter().chain(domains).chain(hosts);
        hidden.map(|name| name.trim().to_lowercase()).filter(|name| !name.is_empty()).collect()
    }

    /// What neither an answer nor the log may show.
    pub fn secrets(&self) -> Secrets {
        Secrets::among(self.bindings.iter().map(|(name, value)| (name.as_str(), value.as_str())))
    }

    fn bindings(&self, own_host: &str) -> String {
        let mut list = String::new();
        for (name, value) in &self.bindings {
            let (kind, value) = value.strip_prefix(UNQUOTED).map_or(("text", value.as_str()), |json| ("json", json));
            let value = value.replace(OWN_HOST, own_host);
            write!(list, "(name = {}, {kind} = {}), ", quoted(name), quoted(&value)).expect("writing to a string");
        }
        list
    }
}

/// What is deployed: `wrangler.toml`.
pub fn wrangler() -> toml::Table {
    let text = fs::read_to_string(project().join("wrangler.toml")).expect("wrangler.toml");
    text.parse().expect("wrangler.toml is TOML")
}

/// The runtime behaviour that is deployed is the one that is tested.
pub fn compatibility_date() -> String {
    wrangler()["compatibility_date"].as_str().expect("a date as text").to_owned()
}

/// The flags that are deployed, as a Cap'n Proto list.
fn compatibility_flags() -> String {
    let wrangler = wrangler();
    let flags = wrangler["compatibility_flags"].as_array().expect("flags as a list");
    flags.iter().map(|flag| quoted(flag.as_str().expect("a flag as text")) + ", ").collect()
}

/// The project's folder.
pub fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// A workerd configuration for the bundle in the same folder.
pub fn workerd_config(settings: &Settings, own_host: &str) -> String {
    format!(
        r#"using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "livery", worker = .livery),
    (name = "internet", network = (allow = ["public", "private", "local"], tlsOptions = (trustBrowserCas = true))),
    (name = "ledgers", disk = (path = "ledgers", writable = true)),
    {cache}
  ],
  sockets = [(name = "http", http = (cfBlobHeader = "{CF_HEADER}"), service = "livery")],
  v8Flags = [{v8_flags}],
);

const livery :Workerd.Worker = (
  compatibilityDate = {date},
  compatibilityFlags = [{flags}],
  modules = [
    (name = "index.js", esModule = embed "index.js"),
    (name = "index_bg.wasm", wasm = embed "index_bg.wasm"),
  ],
  bindings = [{bindings}(name = "LEDGER", durableObjectNamespace = "Ledger")],
  durableObjectNamespaces = [(className = "Ledger", uniqueKey = "ledger", enableSql = true)],
  durableObjectStorage = (localDisk = "ledgers"),
  globalOutbound = "internet",
  {cache_outbound}
);
"#,
        date = quoted(&compatibility_date()),
        flags = compatibility_flags(),
        v8_flags = settings.v8_flags,
        cache = settings
            .cache
            .as_ref()
            .map(|host| format!("(name = \"cache\", external = (address = {}, http = ())),", quoted(host)))
            .unwrap_or_default(),
        cache_outbound = settings.cache.as_ref().map_or("", |_| "cacheApiOutbound = \"cache\","),
        bindings = settings.bindings(own_host),
    )
}

/// A Cap'n Proto text literal.
fn quoted(text: &str) -> String {
    let mut literal = String::from("\"");
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => literal.extend(['\\', char::from(byte)]),
            b' '..=b'~' => literal.push(char::from(byte)),
            _ => write!(literal, "\\x{byte:02x}").expect("writing to a string"),
        }
    }
    literal + "\""
}
