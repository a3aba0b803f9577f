//! The operator's settings, read once and validated whole.
//!
//! Every mistake is reported, not just the first, and none of them ever shows a secret's value. What a setting means is
//! in the README; what it may hold is decided here.

use core::fmt;
use std::sync::Arc;

use crate::limits::Quota;
use crate::livery::names::Names;
use crate::secret::Secret;
use crate::signing::Keys;
use crate::split::{Share, Split, SplitError, Stake};
use crate::wallet::{Wallet, WalletError};
use crate::web_url;

mod brand;
mod hosts;
mod keys;

pub use brand::Brand;
pub use hosts::{AllowedHost, Base, Origin};
pub use keys::Partner;

/// Everything the operator decides.
#[derive(Debug)]
pub struct Config {
    /// Whom every payment pays; `None` where merchants pass their own wallet.
    pub payout: Option<Wallet>,
    /// Who shares with the merchant; `None` where callers may say so themselves.
    pub split: Option<Split>,
    /// Where Livery itself is reached.
    pub origin: Origin,
    /// Signs links and seals callback tokens.
    pub keys: Keys,
    /// The gateway's control API.
    pub api: Base,
    /// The gateway's hosted checkout.
    pub checkout: Base,
    /// What must not be seen of the gateway.
    pub names: Arc<Names>,
    /// How long the gateway may take, in milliseconds.
    pub timeout_ms: u32,
    /// How many requests of one client that need the gateway are served.
    pub per_client: Quota,
    /// How often the state of one payment can be asked for.
    pub per_token: Quota,
    /// How pages look.
    pub brand: Brand,
    /// Affiliates whose own Livery calls this one.
    pub downlines: Vec<Partner>,
    /// The Livery that this one calls in the gateway's place.
    pub upline: Option<Partner>,
    /// Whether checkout links work without a signature.
    pub allow_unsigned_links: bool,
    /// Opens the operator's API.
    pub admin_token: Option<Secret<String>>,
    /// A Polygon node for checking payments on chain.
    pub polygon_rpc: Option<Secret<String>>,
    /// How many blocks have to confirm a payment there, its own among them.
    pub confirmations: u64,
    /// Hosts that merchants' URLs may lead to though they are not public.
    pub allowed_private_hosts: Vec<AllowedHost>,
    /// After how many minutes, counted from its customer's coming, a session of which nothing is heard is asked for.
    pub poll_minutes: Vec<u32>,
}

/// What is wrong with one setting. Its text never holds the setting's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The setting's name.
    pub setting: &'static str,
    /// What is wrong and what to write instead.
    pub problem: &'static str,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.setting, self.problem)
    }
}

const DEFAULT_API: &str = "https://api.anexpay.net";
const DEFAULT_CHECKOUT: &str = "https://checkout.anexpay.net";
const DEFAULT_DOMAINS: &str = "anexpay.net";
const DEFAULT_TIMEOUT_MS: u32 = 30_000;
/// Polygon's blocks come every two seconds and are final after two or three of its milestones.
const DEFAULT_CONFIRMATIONS: u64 = 12;
const DEFAULT_POLL_MINUTES: [u32; 6] = [10, 30, 120, 480, 1440, 4320];
const MAX_TIMEOUT_MS: u32 = 120_000;

/// Reads settings one by one and keeps what is wrong with them.
struct Reader<'s> {
    source: &'s dyn Fn(&str) -> Option<String>,
    mistakes: Vec<Mistake>,
}

impl Reader<'_> {
    /// The setting's text; empty counts as unset.
    fn text(&self, setting: &'static str) -> Option<String> {
        (self.source)(setting).map(|v| v.trim().to_owned()).filter(|v| !v.is_empty())
    }

    fn mistake(&mut self, setting: &'static str, problem: &'static str) {
        self.mistakes.push(Mistake { setting, problem });
    }

    /// A setting that `parse` understands; what it does not understand is a mistake.
    fn parsed<T>(&mut self, setting: &'static str, parse: fn(&str) -> Result<T, &'static str>) -> Option<T> {
        let text = self.text(setting)?;
        parse(&text).map_err(|why| self.mistake(setting, why)).ok()
    }

    /// The same for a setting that has to be there; `missing` says how to get one.
    fn required<T>(
        &mut self,
        setting: &'static str,
        missing: &'static str,
        parse: fn(&str) -> Result<T, &'static str>,
    ) -> Option<T> {
        if self.text(setting).is_none() {
            self.mistake(setting, missing);
        }
        self.parsed(setting, parse)
    }

    fn wallet(&mut self, setting: &'static str) -> Option<Wallet> {
        self.parsed(setting, |text| Wallet::parse(text).map_err(WalletError::text))
    }

    fn share(&mut self, setting: &'static str) -> Option<Share> {
        self.parsed(setting, |text| Share::parse(text).map_err(SplitError::text))
    }

    /// The operator's split, and a mistake for each combination that is none.
    fn split(&mut self, payout: Option<Wallet>) -> Option<Split> {
        let affiliate = self.wallet("AFFILIATE_WALLET");
        let share = self.share("AFFILIATE_FEE");
        let sub_wallet = self.wallet("SUB_AFFILIATE_WALLET");
        let sub_share = self.share("SUB_AFFILIATE_FEE");
        self.needs("AFFILIATE_FEE", "AFFILIATE_WALLET", "is a share for nobody: set AFFILIATE_WALLET too");
        self.needs("SUB_AFFILIATE_WALLET", "SUB_AFFILIATE_FEE", "has no share: set SUB_AFFILIATE_FEE too");
        self.needs("SUB_AFFILIATE_FEE", "SUB_AFFILIATE_WALLET", "is a share for nobody: set SUB_AFFILIATE_WALLET too");
        self.needs(
            "SUB_AFFILIATE_WALLET",
            "AFFILIATE_FEE",
            "needs a fixed share above it: set AFFILIATE_WALLET and AFFILIATE_FEE too",
        );
        let wallet = affiliate?;
        let split = match (share, sub_wallet, sub_share) {
            (None, _, _) => Split::Affiliate(wallet),
            (Some(share), Some(sub), Some(sub_share)) => {
                Split::ThreeWay { affiliate: Stake { wallet, share }, sub_affiliate: Stake { wallet: sub, share: sub_share } }
            }
            (Some(share), _, _) => Split::Custom(Stake { wallet, share }),
        };
        let setting = if sub_wallet.is_some() { "SUB_AFFILIATE_WALLET" } else { "AFFILIATE_WALLET" };
        split.check(payout).map_err(|why| self.mistake(setting, why.text())).ok()?;
        Some(split)
    }

    /// Reports `setting` where it is set without the `other` that gives it a meaning.
    fn needs(&mut self, setting: &'static str, other: &'static str, problem: &'static str) {
        if self.text(setting).is_some() && self.text(other).is_none() {
            self.mistake(setting, problem);
        }
    }

    fn hidden_domains(&mut self) -> Vec<String> {
        let text = self.text("GATEWAY_DOMAINS").unwrap_or_else(|| DEFAULT_DOMAINS.to_owned());
        let mut hidden = Vec::new();
        for domain in text.split(',').map(str::trim).filter(|d| !d.is_empty()) {
            match hosts::domain(domain) {
                Ok(domain) => hidden.push(domain),
                Err(why) => self.mistake("GATEWAY_DOMAINS", why),
            }
        }
        hidden
    }

    fn names(&mut self, mut hidden: Vec<String>, origin: &Origin, api: &Base, checkout: &Base) -> Names {
        hidden.extend([api.host_and_port(), checkout.host_and_port()]);
        let names = Names::new(&hidden, origin.scheme(), origin.host());
        if names.hides(origin.host()) {
            self.mistake("CHECKOUT_DOMAIN", "is one of the gateway's own hosts, which are hidden: use your own subdomain");
        }
        names
    }

    fn timeout(text: &str) -> Result<u32, &'static str> {
        let allowed = |ms: &u32| (1..=MAX_TIMEOUT_MS).contains(ms);
        text.parse().ok().filter(allowed).ok_or("is not a number of milliseconds between 1 and 120000")
    }

    fn flag(text: &str) -> Result<bool, &'static str> {
        match text {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err("is neither true nor false"),
        }
    }

    fn confirmations(text: &str) -> Result<u64, &'static str> {
        let allowed = |blocks: &u64| (1..=10_000).contains(blocks);
        text.parse().ok().filter(allowed).ok_or("is not a number of blocks between 1 and 10000")
    }

    fn minutes(text: &str) -> Result<Vec<u32>, &'static str> {
        let problem = "is not a list of minutes in rising order, such as 10,30,120; write 0 to ask nothing";
        let minutes: Vec<u32> = text.split(',').map(|part| part.trim().parse()).collect::<Result<_, _>>().map_err(|_| problem)?;
        let is_rising = minutes.windows(2).all(|pair| matches!(pair, [a, b] if a < b));
        match minutes.as_slice() {
            [0] => Ok(Vec::new()),
            [first, ..] if *first > 0 && is_rising && minutes.len() <= 20 => Ok(minutes),
            _ => Err(problem),
        }
    }

    fn polygon_rpc(text: &str) -> Result<Secret<String>, &'static str> {
        let url = web_url::parse(text).filter(|url| matches!(url.scheme(), "https" | "http"));
        url.map(|_| Secret::new(text.to_owned())).ok_or("is not an http(s) URL of a Polygon node")
    }
}

impl Config {
    /// Reads all settings from `source`, which gives a setting's text by its name.
    ///
    /// # Errors
    /// Every mistake, in the order of the settings.
    pub fn read(source: &dyn Fn(&str) -> Option<String>) -> Result<Self, Vec<Mistake>> {
        let mut reader = Reader { source, mistakes: Vec::new() };
        let config = Self::assemble(&mut reader);
        match config {
            Some(config) if reader.mistakes.is_empty() => Ok(config),
            _ => Err(reader.mistakes),
        }
    }

    fn assemble(reader: &mut Reader<'_>) -> Option<Self> {
        let payout = reader.wallet("PAYOUT_WALLET");
        let split = reader.split(payout);
        let origin = reader.required(
            "CHECKOUT_DOMAIN",
            "is missing: write the host that this Worker is reached at, such as pay.example.com",
            Origin::parse,
        );
        let keys = reader.required("SIGNING_KEY", "is missing: make one with `openssl rand -base64 32`", Keys::parse);
        let api = reader.parsed("GATEWAY_API_URL", Base::parse).or_else(|| Base::parse(DEFAULT_API).ok());
        let checkout = reader.parsed("GATEWAY_CHECKOUT_URL", Base::parse).or_else(|| Base::parse(DEFAULT_CHECKOUT).ok());
        let timeout_ms = reader.parsed("GATEWAY_TIMEOUT_MS", Reader::timeout).unwrap_or(DEFAULT_TIMEOUT_MS);
        let per_client = reader.parsed("RATE_LIMIT_PER_CLIENT", Quota::parse).unwrap_or(Quota::PER_CLIENT);
        let per_token = reader.parsed("RATE_LIMIT_PER_TOKEN", Quota::parse).unwrap_or(Quota::PER_TOKEN);
        let brand = Brand::read(reader, origin.as_ref());
        let downlines = reader.parsed("DOWNLINE_KEYS", keys::partners).unwrap_or_default();
        let upline = reader.parsed("UPLINE_KEY", keys::partner);
        let allow_unsigned_links = reader.parsed("ALLOW_UNSIGNED_LINKS", Reader::flag).unwrap_or(false);
        let admin_token = reader.parsed("ADMIN_TOKEN", keys::token);
        let polygon_rpc = reader.parsed("POLYGON_RPC_URL", Reader::polygon_rpc);
        let confirmations = reader.parsed("POLYGON_CONFIRMATIONS", Reader::confirmations).unwrap_or(DEFAULT_CONFIRMATIONS);
        let poll_minutes = reader.parsed("STATUS_POLL_MINUTES", Reader::minutes).unwrap_or_else(|| DEFAULT_POLL_MINUTES.to_vec());
        let allowed_private_hosts = reader.parsed("ALLOWED_PRIVATE_HOSTS", hosts::allowed).unwrap_or_default();
        let share_is_wrong = reader.mistakes.iter().any(|mistake| mistake.setting.ends_with("_FEE"));
        if upline.is_some() && !share_is_wrong && matches!(split, Some(Split::Affiliate(_) | Split::ThreeWay { .. })) {
            reader.mistake(
                "UPLINE_KEY",
                "goes with AFFILIATE_WALLET and AFFILIATE_FEE, your own share, or with none of the affiliate settings",
            );
        }
        if upline.is_some() && !downlines.is_empty() {
            reader.mistake("DOWNLINE_KEYS", "cannot be served behind another Livery: a payment is shared three ways at the most, leave UPLINE_KEY or these away");
        }
        let hidden = reader.hidden_domains();
        let (origin, api, checkout) = (origin?, api?, checkout?);
        let names = reader.names(hidden, &origin, &api, &checkout);
        Some(Self {
            payout,
            split,
            origin,
            keys: keys?,
            api,
            checkout,
            names: Arc::new(names),
            timeout_ms,
            per_client,
            per_token,
            brand,
            downlines,
            upline,
            allow_unsigned_links,
            admin_token,
            polygon_rpc,
            confirmations,
            allowed_private_hosts,
            poll_minutes,
        })
    }
}

#[cfg(test)]
mod tests;
