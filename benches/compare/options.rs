//! What the caller wants: rounds, seconds, rows, seed.

use std::{env, time::Duration};

use crate::work::Work;

const USAGE: &str =
    "npm run bench -- [--quick] [--rounds N] [--seconds S] [--starts N] [--rows wallet,payment,...] [--seed N] [--keep]
  --quick    three short rounds, and nothing is written
  --rounds   how often each contender's turn comes in each row (12)
  --seconds  how long a turn lasts (1)
  --starts   cold starts of each contender (20)
  --rows     some of the rows, by their short names; docs/ is then left alone
  --seed     of the order and the intervals (1)
  --keep     write nothing into docs/";

/// What to do.
#[derive(Clone, Debug)]
pub struct Options {
    pub rounds: usize,
    pub turn: Duration,
    pub starts: usize,
    pub rows: Option<Vec<String>>,
    pub seed: u64,
    /// Whether the result goes into docs/.
    pub writes: bool,
}

impl Options {
    /// Reads the command line.
    ///
    /// # Errors
    /// The text to show instead of a benchmark.
    pub fn read() -> Result<Self, String> {
        let mut options = Self { rounds: 12, turn: Duration::from_secs(1), starts: 20, rows: None, seed: 1, writes: true };
        let mut words = env::args().skip(1);
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("{word} needs a value\n{USAGE}"));
            match word.as_str() {
                "--bench" => {}
                "--quick" => options = options.quick(),
                "--keep" => options.writes = false,
                "--rounds" => options.rounds = number(&value()?)?,
                "--seconds" => options.turn = Duration::try_from_secs_f64(number(&value()?)?).map_err(|e| e.to_string())?,
                "--starts" => options.starts = number(&value()?)?,
                "--seed" => options.seed = number(&value()?)?,
                "--rows" => options.rows = Some(value()?.split(',').map(str::to_owned).collect()),
                _ => return Err(USAGE.into()),
            }
        }
        options.writes &= options.rows.is_none();
        if options.rounds == 0 || options.starts == 0 { Err(USAGE.into()) } else { Ok(options) }
    }

    fn quick(self) -> Self {
        Self { rounds: 3, turn: Duration::from_millis(300), starts: 4, writes: false, ..self }
    }

    /// The rows that are wanted.
    ///
    /// # Errors
    /// A name that is none.
    pub fn choose(&self, all: Vec<Work>) -> Result<Vec<Work>, String> {
        let Some(wanted) = &self.rows else { return Ok(all) };
        let known: Vec<&str> = all.iter().map(|work| work.name).collect();
        if let Some(wrong) = wanted.iter().find(|name| !known.contains(&name.as_str())) {
            return Err(format!("there is no row {wrong}; the rows are {}", known.join(", ")));
        }
        Ok(all.into_iter().filter(|work| wanted.iter().any(|name| name == work.name)).collect())
    }
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{text} is not a number for this\n{USAGE}"))
}
