//! What the caller wants.

use std::env;

const USAGE: &str = "npm run bench -- webhooks [--quick] [--keep] [--parts latency,rate,listeners,neighbours]
  --quick  a tenth of everything, and nothing is written
  --keep   write nothing into docs/
  --parts  some of the parts; docs/ is then left alone";
/// The parts, in their order.
pub const PARTS: [&str; 4] = ["latency", "rate", "listeners", "neighbours"];

pub struct Options {
    /// Which part of everything is done: 1 for all, 10 for a tenth.
    share: usize,
    /// Whether the result goes into docs/.
    pub writes: bool,
    parts: Vec<String>,
}

impl Options {
    /// That part of everything.
    pub fn share(share: usize) -> Self {
        Self { share, writes: share == 1, parts: PARTS.map(str::to_owned).to_vec() }
    }

    /// Reads the command line.
    ///
    /// # Errors
    /// The text to show instead of a benchmark.
    pub fn read() -> Result<Self, String> {
        let mut options = Self::share(1);
        let mut words = env::args().skip(1).filter(|word| word != "--bench");
        while let Some(word) = words.next() {
            match word.as_str() {
                "--quick" => options = Self { parts: options.parts, ..Self::share(10) },
                "--keep" => options.writes = false,
                "--parts" => {
                    options.parts = words.next().ok_or(USAGE)?.split(',').map(str::to_owned).collect();
                    options.writes = false;
                }
                _ => return Err(USAGE.into()),
            }
        }
        let is_known = |part: &String| PARTS.contains(&part.as_str());
        if options.parts.iter().all(is_known) { Ok(options) } else { Err(USAGE.into()) }
    }

    pub fn wants(&self, part: &str) -> bool {
        self.parts.iter().any(|wanted| wanted == part)
    }

    /// So many, or less if it has to be quick.
    pub const fn times(&self, count: usize) -> usize {
        count.div_ceil(self.share)
    }
}
