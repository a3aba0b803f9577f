//! How many webhooks one account delivers each second.

use std::time::{Duration, Instant};

use crate::endpoints::Manner;
use crate::options::Options;
use crate::report::{row, spread};
use crate::stage::{CREATED, Stage};

/// Events that wait for each endpoint.
const BACKLOG: usize = 1000;
/// How long a steady load lasts, in tenths of a second.
const STEADY: usize = 40;

pub fn measure(options: &Options) -> String {
    let (stage, events) = (Stage::start(), options.times(BACKLOG));
    stage.create_many(events);
    let until = stage.last_event();
    backlog(&stage, until, 1, Manner::AtOnce);
    let mut waiting = format!(
        "| {events} events wait for each endpoint | webhooks each second | of them to each | CPU of workerd for one, ms |\n\
         |---|--:|--:|--:|\n"
    );
    for (count, manner, words) in [
        (1, Manner::AtOnce, "1 endpoint that answers at once"),
        (4, Manner::AtOnce, "4 endpoints that answer at once"),
        (1, Manner::Slowly, "1 endpoint that answers after 50 ms"),
        (4, Manner::Slowly, "4 endpoints that answer after 50 ms"),
    ] {
        row(&mut waiting, words, &backlog(&stage, until, count, manner));
    }
    let mut steadily = "| sessions are created | each second | webhooks each second | created → arrived, p50 ms | p99 ms |\n\
                        |---|--:|--:|--:|--:|\n"
        .to_owned();
    let time = Duration::from_millis(100) * options.times(STEADY) as u32;
    for (count, rate, words) in [
        (1, Some(50), "1 endpoint, 50 sessions each second"),
        (4, Some(50), "4 endpoints, 50 sessions each second"),
        (1, None, "1 endpoint, as many as eight callers can have made"),
    ] {
        row(&mut steadily, words, &steady(&stage, time, count, rate));
    }
    format!("{waiting}\n{steadily}")
}

/// Endpoints of the same manner, for the events of created sessions.
struct Group<'s> {
    stage: &'s Stage,
    urls: Vec<String>,
    ids: Vec<String>,
}

impl<'s> Group<'s> {
    fn make(stage: &'s Stage, count: usize, manner: Manner, status: &str) -> Self {
        let urls: Vec<String> = (0..count).map(|_| stage.endpoints.url(manner)).collect();
        let ids = urls.iter().map(|url| stage.endpoint(url, &[CREATED], status)).collect();
        Self { stage, urls, ids }
    }

    fn enable(&self) {
        for id in &self.ids {
            self.stage.set_status(id, "enabled");
        }
    }

    /// When so many have come to each.
    fn all_came(&self, count: usize) -> Instant {
        self.urls.iter().map(|url| self.stage.endpoints.all_came(url, count)).max().expect("an endpoint")
    }
}

impl Drop for Group<'_> {
    fn drop(&mut self) {
        for id in &self.ids {
            self.stage.delete(id);
        }
    }
}

/// Lets what happened until then wait for so many endpoints, and then has it delivered.
fn backlog(stage: &Stage, until: u64, count: usize, manner: Manner) -> [String; 3] {
    let group = Group::make(stage, count, manner, "paused");
    let events = group.ids.iter().map(|id| stage.replay(id, until)).max().expect("an endpoint");
    let (began, cpu) = (Instant::now(), stage.cpu_ms());
    group.enable();
    let took = group.all_came(events).duration_since(began).as_secs_f64();
    let (all, cpu) = ((events * count) as f64, stage.cpu_ms() - cpu);
    [format!("{:.0}", all / took), format!("{:.0}", events as f64 / took), format!("{:.2}", cpu / all)]
}

/// Sessions that are created while their webhooks are delivered.
fn steady(stage: &Stage, time: Duration, count: usize, rate: Option<u32>) -> Vec<String> {
    let group = Group::make(stage, count, Manner::AtOnce, "enabled");
    let began = Instant::now();
    let (asked, took) = stage.create_for(time, rate);
    let end = group.all_came(asked.len());
    let arrivals = asked.iter().flat_map(|asked| group.urls.iter().map(move |url| (asked, url)));
    let ages = arrivals.map(|((number, sent), url)| stage.endpoints.came(url, CREATED, *number).duration_since(*sent));
    let ages: Vec<f64> = ages.map(|age| age.as_secs_f64() * 1e3).collect();
    let per_second = |count: usize, time: Duration| format!("{:.0}", count as f64 / time.as_secs_f64());
    let rates = [per_second(asked.len(), took), per_second(ages.len(), end.duration_since(began))];
    [rates, spread(&ages)].concat()
}
