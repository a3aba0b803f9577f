//! Whoever watches endpoints and the ledger's calls to them, knows what was promised, and complains.

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};

use crate::http::Method;
use crate::ledger::testing::script::{Answered, Webhook};
use crate::ledger::testing::world::{BEGIN, World};

/// What was published: milliseconds from one attempt to the next, which may be up to a tenth longer.
const PAUSES: [u64; 9] = [5_000, 300_000, 1_800_000, 7_200_000, 18_000_000, 36_000_000, 50_400_000, 72_000_000, 86_400_000];
/// The longest pause that an endpoint can ask for.
const DAY_MS: u64 = 86_400_000;
/// After this time the ledger takes something that it began for lost.
const LEASE_MS: u64 = 300_000;
/// What endpoints ask for, and an event that each of these lets through or not.
const FILTERS: [&[&str]; 3] = [&["*"], &["checkout.*", "webhook.failing"], &["webhook.*", "checkout.session.created"]];

/// An endpoint as its owner knows it.
struct Endpoint {
    id: String,
    host: String,
    filter: &'static [&'static str],
    /// Its secrets, and when they end.
    secrets: Vec<(String, u64)>,
}

/// One event on its way to one endpoint.
#[derive(Default)]
struct Way {
    body: String,
    /// When that was sent of which nothing was heard yet.
    in_air: Vec<u64>,
    /// How many attempts came to an end since it was last sent anew.
    ended: usize,
    /// When it was last sent anew.
    anew: u64,
    /// Before this moment it must not be sent again; never, if none.
    earliest: Option<u64>,
    /// An attempt outlived its lease: what comes of it late disturbs the pauses.
    is_loose: bool,
}

/// The watcher.
pub struct Watch {
    pub world: World,
    endpoints: Vec<Endpoint>,
    deleted: HashSet<String>,
    ways: HashMap<(String, String), Way>,
    /// What every event was owed to.
    owed: HashSet<(String, String)>,
    reached: HashSet<(String, String)>,
    asked_ms: u64,
    /// The hosts that were called before the last turn.
    enabled: HashSet<String>,
    /// How many webhooks and answers were looked at, and the last event.
    seen: (usize, usize, String),
}

fn lets_through(filter: &[&str], name: &str) -> bool {
    filter.iter().any(|entry| *entry == name || entry.strip_suffix('*').is_some_and(|start| name.starts_with(start)))
}

impl Watch {
    pub fn new() -> Self {
        let (world, seen) = (World::new(), (0, 0, String::new()));
        let (endpoints, deleted, ways) = (Vec::new(), HashSet::new(), HashMap::new());
        let (owed, reached, enabled) = (HashSet::new(), HashSet::new(), HashSet::new());
        Self { world, endpoints, deleted, ways, owed, reached, asked_ms: 0, enabled, seen }
    }

    pub fn count(&self) -> usize {
        self.endpoints.len()
    }

    fn endpoint(&self, number: usize) -> Option<&Endpoint> {
        self.endpoints.get(number.checked_rem(self.count())?)
    }

    pub fn host(&self, number: usize) -> String {
        self.endpoint(number).map_or_else(String::new, |endpoint| endpoint.host.clone())
    }

    pub fn path(&self, number: usize) -> String {
        format!("webhooks/{}", self.endpoint(number).map_or("we_none", |endpoint| &endpoint.id))
    }

    /// A request of the operator's, refused or not; nothing in the air goes on.
    pub fn request(&mut self, method: Method, path: &str, body: &Value) -> Value {
        let turn = self.world.begin("operator", method, &format!("/api/v1/{path}"), body, &[]);
        let reply = self.world.fly(turn).expect("an answer");
        self.look();
        if reply.status == 200 { serde_json::from_str(&reply.text).expect("JSON") } else { Value::Null }
    }

    pub fn post(&mut self, path: &str, body: &Value) {
        self.request(Method::Post, path, body);
    }

    pub fn create(&mut self, kind: usize) {
        let (host, filter) = (format!("e{}.example", self.count() + self.deleted.len()), FILTERS[kind % FILTERS.len()]);
        let made = self.request(Method::Post, "webhooks", &json!({"url": format!("https://{host}/"), "event_types": filter}));
        if let (Some(id), Some(secret)) = (made["id"].as_str(), made["secret"].as_str()) {
            self.endpoints.push(Endpoint { id: id.to_owned(), host, filter, secrets: vec![(secret.to_owned(), u64::MAX)] });
        }
    }

    pub fn delete(&mut self, number: usize) {
        let path = self.path(number);
        if self.request(Method::Delete, &path, &Value::Null)["deleted"] == true {
            let number = number % self.count();
            self.deleted.insert(self.endpoints.remove(number).host);
        }
    }

    pub fn rotate(&mut self, number: usize, seconds: u64) {
        let (now, path) = (self.world.now.get(), format!("{}/rotate-secret", self.path(number)));
        let rotated = self.request(Method::Post, &path, &json!({"overlap_seconds": seconds}));
        let Some(secret) = rotated["secret"].as_str() else { return };
        let number = number % self.count();
        let secrets = &mut self.endpoints[number].secrets;
        for (_, end) in secrets.iter_mut() {
            *end = (*end).min(now + seconds * 1000);
        }
        secrets.push((secret.to_owned(), u64::MAX));
    }

    /// From now on who does not take something asks for so many seconds.
    pub fn asks(&mut self, seconds: Option<u64>) {
        self.asked_ms = seconds.unwrap_or(0) * 1000;
        *self.world.script.retry_after.borrow_mut() = seconds.map(|seconds| seconds.to_string());
    }

    pub fn retry(&mut self, number: usize) {
        let all = self.world.database().select("SELECT id FROM objects WHERE kind = 'webhook_delivery' ORDER BY id");
        if let Some(which) = number.checked_rem(all.len()) {
            self.anew(&format!("webhook-deliveries/{}/retry", all[which][0]), &json!({}));
        }
    }

    pub fn replay(&mut self, number: usize, which: &str) {
        self.anew(&format!("{}/replay", self.path(number)), &json!({"since": BEGIN, "which": which}));
    }

    /// Sends something anew: it has all its attempts again, of which one that is under way is the first.
    fn anew(&mut self, path: &str, body: &Value) {
        let before = self.deliveries();
        let is_retry = path.ends_with("retry");
        let answer = self.request(Method::Post, path, body);
        if answer.is_null() {
            return;
        }
        for (id, (status, key)) in self.deliveries() {
            let was_over = before.get(&id).is_some_and(|(before, _)| before != "pending") && status == "pending";
            if was_over || (is_retry && answer["id"] == id) {
                let way = self.ways.entry(key).or_default();
                (way.ended, way.anew, way.earliest) = (0, self.world.now.get(), Some(0));
            }
        }
    }

    /// Each delivery's state, and what is on its way where.
    fn deliveries(&self) -> HashMap<String, (String, (String, String))> {
        let sql = "SELECT id, status, webhook_endpoint, event FROM objects WHERE kind = 'webhook_delivery'";
        let host = |id: &str| self.endpoints.iter().find(|endpoint| endpoint.id == id).map(|endpoint| endpoint.host.clone());
        let read = |row: Vec<String>| {
            let [id, status, endpoint, event] = row.try_into().expect("four columns");
            Some((id, (status, (host(&endpoint)?, event))))
        };
        self.world.database().select(sql).into_iter().filter_map(read).collect()
    }

    pub fn step(&mut self, which: usize) -> bool {
        let went_on = self.world.step(which);
        self.look();
        went_on
    }

    pub fn crash(&mut self) {
        self.world.crash();
        for way in self.ways.values_mut().filter(|way| !way.in_air.is_empty()) {
            // Nobody knows what came of it: it comes again at once, unless an earlier attempt's late answer was the end of it.
            way.in_air.clear();
            way.earliest = way.earliest.map(|_| 0);
        }
    }

    fn ring(&mut self) {
        self.world.ring();
        self.look();
        let idle = "SELECT subject, due FROM tasks t JOIN objects e ON e.id = t.lane AND e.kind = 'webhook_endpoint' AND e.status = 'enabled'
            WHERE leased = 0 AND (SELECT count(*) FROM tasks u WHERE u.lane = t.lane AND u.leased = 1) < iif(e.hidden ->> '$.failed_at' IS NULL, 4, 1) AND max(due, coalesce((e.hidden ->> '$.failed_at') + 100, 0)) <= ";
        let idle = self.world.database().select(&format!("{idle}{}", self.world.now.get()));
        // No more than this are begun in one turn; the alarm rings again at once.
        let begun = self.world.database().select("SELECT count(*) >= 24 FROM tasks WHERE leased = 1");
        assert!(idle.is_empty() || begun == [["1"]], "something due was not begun: {idle:?}");
    }

    /// What waits for no reply goes on first: a step after the other takes no time.
    pub fn jump(&mut self, seconds: u64) {
        while self.world.step_where(<[_]>::is_empty) {
            self.look();
        }
        self.world.now.set(self.world.now.get() + seconds * 1000);
        if self.world.database().wake.get().is_some_and(|wake| wake.0 <= self.world.now.get()) {
            self.ring();
        }
    }

    /// Time passes as it should: the alarm goes off when it was set to, and replies come.
    pub fn wait(&mut self, seconds: u64) {
        let end = self.world.now.get() + seconds * 1000;
        while self.step(0) {}
        while let Some(wake) = self.world.database().wake.get().filter(|wake| wake.0 <= end) {
            self.world.now.set(self.world.now.get().max(wake.0));
            self.ring();
            while self.step(0) {}
        }
        self.world.now.set(end);
    }

    /// Looks at what the last turn did.
    fn look(&mut self) {
        let answered: Vec<Answered> = self.world.script.answered.borrow()[self.seen.1..].to_vec();
        for answered in &answered {
            self.ends(answered);
        }
        let sent: Vec<Webhook> = self.world.script.webhooks.borrow()[self.seen.0..].to_vec();
        for sent in &sent {
            self.is_sent(sent);
        }
        (self.seen.0, self.seen.1) = (self.seen.0 + sent.len(), self.seen.1 + answered.len());
        self.events();
        self.tables();
        self.enabled = self.are_enabled();
        assert_eq!(*self.world.failed.borrow(), Vec::<String>::new(), "a task failed");
    }

    fn are_enabled(&self) -> HashSet<String> {
        let sql = "SELECT id FROM objects WHERE kind = 'webhook_endpoint' AND status = 'enabled'";
        let ids = self.world.database().select(sql).concat();
        self.endpoints.iter().filter(|endpoint| ids.contains(&endpoint.id)).map(|endpoint| endpoint.host.clone()).collect()
    }

    fn is_sent(&mut self, sent: &Webhook) {
        let endpoint = self.endpoints.iter().find(|endpoint| endpoint.host == sent.host);
        let endpoint = endpoint.unwrap_or_else(|| panic!("{} was deleted and is called", sent.host));
        let status = format!("SELECT status FROM objects WHERE kind = 'webhook_endpoint' AND id = '{}'", endpoint.id);
        assert_eq!(self.world.database().select(&status), [["enabled"]], "{}", sent.host);
        let valid: Vec<_> = endpoint.secrets.iter().filter(|(_, end)| sent.at < *end).collect();
        assert!(valid.len() == sent.signatures() && valid.iter().all(|(secret, _)| sent.is_signed_with(secret)));
        assert_eq!(sent.header("webhook-timestamp"), (sent.at / 1000).to_string());
        assert_eq!(sent.json()["id"], sent.id());
        let new = || Way { body: sent.body.clone(), earliest: Some(0), ..Way::default() };
        let way = self.ways.entry((sent.host.clone(), sent.id().to_owned())).or_insert_with(new);
        way.is_loose |= way.in_air.iter().any(|began| began + LEASE_MS <= sent.at);
        way.in_air.retain(|began| began + LEASE_MS > sent.at);
        assert!(way.body.is_empty() || way.body == sent.body, "{} differs from its first attempt", sent.id());
        way.body.clone_from(&sent.body);
        assert!(way.is_loose || way.in_air.is_empty(), "{} is under way twice", sent.id());
        assert!(way.ended < PAUSES.len() + 1 || way.is_loose, "{} was tried ten times before", sent.id());
        let earliest = way.earliest.unwrap_or_else(|| panic!("{} came to its end and is sent again", sent.id()));
        assert!(way.is_loose || sent.at >= earliest, "{} comes {} ms too early", sent.id(), earliest - sent.at);
        way.in_air.push(sent.at);
    }

    fn ends(&mut self, answered: &Answered) {
        let key = (answered.host.clone(), answered.id.clone());
        let renewed = format!("SELECT hidden ->> '$.renewed_at' FROM objects WHERE id = '{}'", self.id_of(&answered.host));
        let renewed: u64 =
            self.world.database().select(&renewed).concat().first().map_or(0, |moment| moment.parse().expect("a moment"));
        let way = self.ways.get_mut(&key).expect("what was sent");
        let began = answered.began;
        if let Some(which) = way.in_air.iter().position(|sent| *sent == began) {
            way.in_air.remove(which);
        }
        way.is_loose |= began + LEASE_MS <= answered.at;
        way.ended += 1;
        let is_taken = answered.status.is_some_and(|status| (200..300).contains(&status));
        if is_taken {
            self.reached.insert(key.clone());
        }
        if began < renewed && began < way.anew && !self.deleted.contains(&answered.host) {
            // It went to where it is not wanted any more, and is asked for again.
            (way.ended, way.earliest) = (0, Some(0));
            return;
        }
        // Whoever enabled it again, paused or disabled it meanwhile has not heard that it wants no more.
        let is_gone = answered.status == Some(410) && began >= renewed && self.enabled.contains(&answered.host);
        let is_over = is_taken || is_gone || self.deleted.contains(&answered.host);
        let Some(pause) = PAUSES.get(way.ended - 1).filter(|_| !is_over) else {
            way.earliest = None;
            return;
        };
        let asked = if answered.status.is_some() { self.asked_ms.min(DAY_MS) } else { 0 };
        let (from, to) = (answered.at + pause.max(&asked), answered.at + (pause + pause / 10).max(asked));
        if way.earliest.is_some() {
            way.earliest = Some(from);
        }
        if !way.is_loose {
            self.is_planned(answered, from, to);
        }
    }

    /// The next attempt is planned between two moments.
    fn is_planned(&self, answered: &Answered, from: u64, to: u64) {
        let (event, endpoint) = (&answered.id, self.id_of(&answered.host));
        let sql = format!(
            "SELECT data ->> '$.next_attempt_at' FROM objects WHERE kind = 'webhook_delivery' AND event = '{event}'
            AND webhook_endpoint = '{endpoint}' AND status = 'pending'"
        );
        for row in self.world.database().select(&sql) {
            let next: u64 = row[0].parse().expect("a moment");
            assert!((from..=to).contains(&next), "{event} comes {} ms after its end", next - answered.at);
        }
    }

    fn id_of(&self, host: &str) -> &str {
        self.endpoints.iter().find(|endpoint| endpoint.host == host).map_or("", |endpoint| &endpoint.id)
    }

    /// Each new event is owed to whoever wants it.
    fn events(&mut self) {
        let sql = format!(
            "SELECT id, type, data ->> '$.data.object.id' FROM objects WHERE kind = 'event' AND id > '{}'
            ORDER BY id",
            self.seen.2
        );
        for row in self.world.database().select(&sql) {
            for endpoint in self.endpoints.iter().filter(|endpoint| wants(endpoint, &row)) {
                let sql = format!(
                    "SELECT status, (SELECT count(*) FROM objects d WHERE d.kind = 'webhook_delivery'
                    AND d.event = '{}' AND d.webhook_endpoint = e.id)
                    FROM objects e WHERE kind = 'webhook_endpoint' AND id = '{}'",
                    row[0], endpoint.id
                );
                let found = &self.world.database().select(&sql)[0];
                assert!(found[1] == "1" || found[0] == "disabled", "{row:?} is owed {} times to {}", found[1], endpoint.host);
                if found[1] == "1" {
                    self.owed.insert((endpoint.host.clone(), row[0].clone()));
                }
            }
            self.seen.2.clone_from(&row[0]);
        }
    }

    fn tables(&self) {
        let database = self.world.database();
        let forgotten = "SELECT id FROM objects o WHERE kind = 'webhook_delivery'
            AND (status = 'pending') <> EXISTS (SELECT 1 FROM tasks t WHERE t.subject = o.id)";
        assert_eq!(database.select(forgotten), Vec::<Vec<String>>::new(), "pending without a task, or the other way round");
        let due = "SELECT min(max(due, coalesce((e.hidden ->> '$.failed_at') + 100, 0))) FROM tasks t JOIN objects e ON e.id = t.lane AND e.kind = 'webhook_endpoint' AND e.status = 'enabled'
            WHERE leased = 0 AND (SELECT count(*) FROM tasks u WHERE u.lane = t.lane AND u.leased = 1) < iif(e.hidden ->> '$.failed_at' IS NULL, 4, 1)";
        let due: Option<u64> = database.select(due)[0][0].parse().ok();
        let wake = database.wake.get().map(|wake| wake.0);
        assert!(due.is_none() || wake.is_some_and(|wake| Some(wake) <= due), "the alarm {wake:?} is after {due:?}");
    }

    /// What did not arrive: of what was owed, unless it was given up as it should; or of all that is wanted.
    pub fn missed(&self, of_all: bool) -> Vec<String> {
        let mut missed = Vec::new();
        for event in
            self.world.database().select("SELECT id, type, data ->> '$.data.object.id' FROM objects WHERE kind = 'event'")
        {
            for endpoint in self.endpoints.iter().filter(|endpoint| wants(endpoint, &event)) {
                let key = (endpoint.host.clone(), event[0].clone());
                let was_given_up = || self.ways.get(&key).is_some_and(|way| way.earliest.is_none());
                let is_missing = !self.reached.contains(&key) && (of_all || (self.owed.contains(&key) && !was_given_up()));
                missed.extend(is_missing.then(|| format!("{key:?}")));
            }
        }
        missed
    }
}

fn wants(endpoint: &Endpoint, event: &[String]) -> bool {
    event[1] != "webhook.test" && event[2] != endpoint.id && lets_through(endpoint.filter, &event[1])
}
