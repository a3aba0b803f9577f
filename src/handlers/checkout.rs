//! `/checkout`: one link from the shop to the provider.
//!
//! 1. The link is read, and its signature checked.
//! 2. What the checks need is found out: the provider list, rates, the amount in dollars for a provider that takes nothing else.
//!    Most of the time all of it is at hand. What is not, the edge's cache is asked for, and then the gateway, which creates the
//!    wallet at the same time: if the checks then fail, it stays unused.
//! 3. Currency, state and minimum are checked.
//! 4. The wallet is created, if it was not.
//! 5. The gateway is asked for the provider's URL, or the customer goes on to the hosted page.
//!
//! A list or a rate that cannot be had stops nothing that could go on without.

use super::ledger::{self, Wanted};
use super::{country_of, payment, wallet};
use crate::callback::target::Target;
use crate::checkout::eligibility::{Payment, Refusal};
use crate::checkout::link::{Choice, Link};
use crate::error::Error;
use crate::flow::{Callee, Context, Outcome, answer, ask_all};
use crate::gateway::opaque::Opaque;
use crate::gateway::payment::{self as gateway_payment, MAX_HOPS};
use crate::gateway::rates::Conversion;
use crate::gateway::wallet::{Created, Order};
use crate::gateway::{accepted, page};
use crate::http::{Call, Fault, Reply, Request, Response};
use crate::known::{self, Question};
use crate::ledger::id::AccountId;
use crate::ledger::session::Draft;
use crate::livery::request_headers;
use crate::memory::Subject;
use crate::money::{Amount, Currency};
use crate::query;
use crate::split::Split;

/// What the link asked for, on its way through the steps.
struct Checkout {
    source: Source,
    email: String,
    look: Vec<(&'static str, String)>,
    headers: Vec<(&'static str, String)>,
}

/// Where its wallet comes from.
enum Source {
    /// The gateway, for this order: nothing is recorded.
    Order(Order),
    /// The account's ledger, for a session that is made from this.
    Draft(AccountId, Box<Draft>),
    /// It is there.
    Made,
}

/// A checkout with a provider, until it is decided on.
struct Opening {
    checkout: Checkout,
    payment: Payment,
    /// The amount in dollars, where the provider takes nothing else.
    dollars: Option<Result<Amount, Error>>,
    /// What came of creating the wallet, if that was asked for.
    wallet: Option<Result<Reply, Fault>>,
}

/// Opens a checkout link.
///
/// # Errors
/// The [`Error`] of the first thing that is wrong with it.
#[inline(never)]
pub fn open(cx: &Context<'_>, request: &Request<'_>) -> Outcome {
    let country = country_of(cx.config, request)?;
    let link = Link::parse(cx.config, request.query, cx.now)?;
    let target = Target::parse(cx.config, &link.callback)?;
    let headers = request_headers::for_customer(request.headers, country);
    let source = source(cx, &link, &target)?;
    let checkout = Checkout { source, email: link.email, look: link.look, headers };
    proceed(cx, checkout, None, link.amount, link.currency, link.choice)
}

/// A merchant who has an account is paid as it says, and what it says is recorded; another names a wallet.
fn source(cx: &Context<'_>, link: &Link, target: &Target) -> Result<Source, Error> {
    let account = match &link.account {
        Some(_) if link.address.is_some() => {
            return Err(Error::Value("address", "is decided by the account: leave one of the two away"));
        }
        Some(account) => account.clone(),
        None => {
            let payout = wallet::payout(cx.config, link.address)?;
            let split = wallet::operators_split(cx.config).unwrap_or(Split::Plain);
            let order = wallet::order(cx.config, payout, split, target)?;
            if cx.config.payout.is_none() {
                return Ok(Source::Order(order));
            }
            AccountId::main()
        }
    };
    Ok(Source::Draft(account, Box::new(draft(link, target))))
}

/// Goes on to pay what a session asks for, whose address its ledger told.
///
/// # Errors
/// The [`Error`] of the first thing that is wrong with it.
pub fn pay(
    cx: &Context<'_>,
    opened: Reply,
    email: String,
    (amount, currency): (Amount, Currency),
    choice: Choice,
    headers: Vec<(&'static str, String)>,
) -> Outcome {
    let checkout = Checkout { source: Source::Made, email, look: Vec::new(), headers };
    proceed(cx, checkout, Some(Ok(opened)), amount, currency, choice)
}

fn proceed(
    cx: &Context<'_>,
    checkout: Checkout,
    wallet: Option<Result<Reply, Fault>>,
    amount: Amount,
    currency: Currency,
    choice: Choice,
) -> Outcome {
    match choice {
        Choice::Hosted => create_wallet(cx, checkout, wallet, Next::Hosted(amount, currency)),
        Choice::Provider(provider) => {
            let payment = Payment { provider, amount, currency };
            payment.check_currency()?;
            find_out(cx, Box::new(Opening { checkout, payment, dollars: None, wallet }))
        }
    }
}

/// The session that a link stands for.
fn draft(link: &Link, target: &Target) -> Draft {
    let riders = link.riders.clone();
    Draft {
        livemode: true,
        amount: Some(link.amount.as_str().to_owned()),
        currency: Some(link.currency.to_string()),
        provider: if let Choice::Provider(provider) = &link.choice { Some(provider.clone()) } else { None },
        customer_email: Some(link.email.clone()),
        client_reference_id: riders.reference,
        metadata: riders.metadata,
        success_url: riders.success_url,
        cancel_url: riders.cancel_url,
        callback: Some(target.as_str().to_owned()),
        expires_at: riders.expires.map(|seconds| seconds.saturating_mul(1000)),
        digest: Some(riders.digest),
        ..Draft::default()
    }
}

/// Step 2, at hand or at the edge.
fn find_out(cx: &Context<'_>, mut opening: Box<Opening>) -> Outcome {
    let subjects = opening.questions(cx)?.iter().map(Question::subject).collect();
    let at_the_gateway = |cx: &Context<'_>| {
        let questions = opening.questions(cx)?;
        if questions.is_empty() { decide(cx, opening) } else { ask(cx, opening, questions) }
    };
    known::look_up(cx, subjects, Box::new(at_the_gateway))
}

/// Step 2, at the gateway's. The wallet is asked for at the same time, unless one of the questions brought nothing just now.
fn ask(cx: &Context<'_>, mut opening: Box<Opening>, questions: Vec<Question>) -> Outcome {
    let mut calls: Vec<(Callee, Call)> = questions.iter().map(|question| (Callee::Gateway, question.call(cx.config))).collect();
    let is_doubtful = questions.iter().any(|question| cx.memory.entry(question.subject()).is_doubtful(cx.now));
    let with_wallet = opening.wallet.is_none() && !is_doubtful;
    if with_wallet {
        calls.push(wallet_call(cx, &opening.checkout)?);
    }
    let learnt = move |cx: &Context<'_>, mut came: Vec<Result<Reply, Fault>>| {
        if with_wallet {
            opening.wallet = came.pop();
        }
        for (question, came) in questions.into_iter().zip(came) {
            opening.learn(cx, &question, came);
        }
        find_out(cx, opening)
    };
    ask_all(cx, calls, Box::new(learnt))
}

impl Opening {
    /// What the checks need to know and nobody has told. An answer always settles its question: it is known, or failed.
    fn questions(&mut self, cx: &Context<'_>) -> Result<Vec<Question>, Error> {
        let (mut questions, list) = (Vec::new(), known::providers(cx));
        let listed = list.as_ref().and_then(|list| list.find(&self.payment.provider));
        self.payment.check_active(listed)?;
        let mut rates = self.payment.rates_needed(listed);
        if list.is_none() && !cx.memory.entry(Subject::Providers).failed_lately(cx.now) {
            questions.push(Question::Providers);
            // Most minimums are in dollars.
            rates = vec![self.payment.paid_in()];
        }
        let Payment { amount, currency, .. } = &self.payment;
        if self.payment.needs_conversion() && self.dollars.is_none() {
            let rate = known::rate(cx, *currency);
            self.dollars = rate.and_then(|rate| rate.convert(amount)).map(|told| in_dollars(&self.payment, Some(&told)));
            if self.dollars.is_none() {
                questions.push(Question::Rate(*currency, amount.clone()));
            }
        }
        let is_known = |currency| currency == Currency::USD || known::rate(cx, currency).is_some();
        rates.retain(|currency| !is_known(*currency) && !cx.memory.entry(Subject::Rate(*currency)).failed_lately(cx.now));
        questions.extend(rates.into_iter().map(|currency| Question::Rate(currency, Amount::one())));
        Ok(questions)
    }

    /// Takes what the gateway told.
    fn learn(&mut self, cx: &Context<'_>, question: &Question, came: Result<Reply, Fault>) {
        match question {
            Question::Rate(currency, amount) if *amount == self.payment.amount && self.payment.needs_conversion() => {
                let told = known::told_conversion(cx, *currency, amount, came);
                self.dollars = Some(told.map_err(Error::from).and_then(|told| in_dollars(&self.payment, told.as_ref())));
            }
            // What it brought is in the memory now, or that it failed.
            _ => drop(question.told(cx, came)),
        }
    }
}

/// An amount that was converted; nothing where its currency is not known.
fn in_dollars(payment: &Payment, told: Option<&Conversion>) -> Result<Amount, Error> {
    let told = told.ok_or_else(|| Refusal::Currency { provider: payment.provider.clone(), takes: Currency::USD })?;
    Amount::parse(&told.value_coin).map_err(|why| Error::Amount("amount", why))
}

/// Step 3.
fn decide(cx: &Context<'_>, opening: Box<Opening>) -> Outcome {
    let Opening { checkout, payment, dollars, wallet } = *opening;
    let payment = match dollars {
        Some(amount) => Payment { amount: amount?, currency: Currency::USD, ..payment },
        None => payment,
    };
    let rate = |currency| known::rate(cx, currency).map(|rate| rate.dollars);
    let list = known::providers(cx);
    payment.check_minimum(list.as_ref().and_then(|list| list.find(&payment.provider)), &rate)?;
    create_wallet(cx, checkout, wallet, Next::Provider(payment))
}

/// Where the customer goes once there is a wallet.
enum Next {
    Hosted(Amount, Currency),
    Provider(Payment),
}

/// Step 4.
fn create_wallet(cx: &Context<'_>, checkout: Checkout, came: Option<Result<Reply, Fault>>, next: Next) -> Outcome {
    if let Some(came) = came {
        return go_on(cx, checkout, came, next);
    }
    let call = wallet_call(cx, &checkout)?;
    let told = |cx: &Context<'_>, mut came: Vec<_>| go_on(cx, checkout, came.pop().unwrap_or(Err(Fault::Unreachable)), next);
    ask_all(cx, vec![call], Box::new(told))
}

fn wallet_call(cx: &Context<'_>, checkout: &Checkout) -> Result<(Callee, Call), Error> {
    match &checkout.source {
        Source::Order(order) => {
            let call = order.request(cx.config, api_headers(checkout)).map_err(|why| Error::Split("address", why))?;
            Ok((Callee::Gateway, call))
        }
        Source::Draft(account, draft) => {
            Ok((Callee::Ledger, ledger::call(account, ledger::WALLET, &Wanted::Draft(draft.clone()))?))
        }
        Source::Made => Err(Error::Internal),
    }
}

/// Step 5.
fn go_on(cx: &Context<'_>, checkout: Checkout, came: Result<Reply, Fault>, next: Next) -> Outcome {
    let reply = if matches!(checkout.source, Source::Order(_)) { accepted(came)? } else { ledger::told(came)? };
    let address = Created::from_reply(&reply)?.address_in;
    match next {
        Next::Hosted(amount, currency) => {
            let query = payment_query(&address, &amount, currency, None, &checkout);
            answer(Response::redirect(cx.config.origin.url(&format!("{}?{query}", page::PATH))))
        }
        Next::Provider(payment) => {
            let query = payment_query(&address, &payment.amount, payment.currency, Some(&payment.provider), &checkout);
            payment::follow(cx, gateway_payment::request(cx.config, &query, checkout.headers), MAX_HOPS)
        }
    }
}

/// A payment link's query, in the order of the gateway's document.
fn payment_query(address: &Opaque, amount: &Amount, currency: Currency, provider: Option<&str>, checkout: &Checkout) -> String {
    let mut query = format!("address={}", address.encoded());
    query::append(&mut query, "amount", amount.as_str());
    for (name, value) in [("provider", provider), ("email", Some(checkout.email.as_str())), ("currency", Some(currency.as_str()))]
    {
        if let Some(value) = value {
            query::append(&mut query, name, value);
        }
    }
    if provider.is_none() {
        checkout.look.iter().for_each(|(name, value)| query::append(&mut query, name, value));
    }
    query
}

/// The customer's country is for calls that a provider's page depends on, and for no others.
fn api_headers(checkout: &Checkout) -> Vec<(&'static str, String)> {
    checkout.headers.iter().filter(|(name, _)| *name != request_headers::COUNTRY).cloned().collect()
}
