//! Medians, ratios of measurements that belong together, and how sure they are.

/// How often the rounds are drawn anew for an interval.
const DRAWS: usize = 2000;

/// A small generator of repeatable numbers (splitmix64): the same seed gives the same order and the same intervals.
#[derive(Clone, Debug)]
pub struct Random(pub u64);

impl Random {
    /// A number below `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((mixed ^ (mixed >> 31)) % limit as u64).expect("below a usize")
    }

    /// Brings the items into random order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

/// A median with the ends of its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    pub median: f64,
    pub low: f64,
    pub high: f64,
}

/// The value below which this share (0 to 1) of the values lies; not a number where there are none.
pub fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let place = share * last as f64;
    let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    below + (above - below) * place.fract()
}

/// The middle value.
pub fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// The median of the values, with a bootstrap interval: as many values are drawn with replacement, again and again, and the
/// middle 95 % of the medians of those draws are the interval.
pub fn bootstrap(values: &[f64], random: &mut Random) -> Estimate {
    let mut draw = || -> f64 { median(&(0..values.len()).map(|_| values[random.below(values.len())]).collect::<Vec<_>>()) };
    let medians: Vec<f64> = (0..DRAWS).map(|_| draw()).collect();
    Estimate { median: median(values), low: quantile(&medians, 0.025), high: quantile(&medians, 0.975) }
}

/// The median of the ratios round by round. What slows the machine for a whole round falls out of it.
pub fn paired_ratio(ours: &[f64], theirs: &[f64], random: &mut Random) -> Estimate {
    assert_eq!(ours.len(), theirs.len(), "measurements that do not belong together");
    bootstrap(&ours.iter().zip(theirs).map(|(ours, theirs)| ours / theirs).collect::<Vec<_>>(), random)
}

/// The median of the differences round by round.
pub fn paired_difference(ours: &[f64], theirs: &[f64], random: &mut Random) -> Estimate {
    assert_eq!(ours.len(), theirs.len(), "measurements that do not belong together");
    bootstrap(&ours.iter().zip(theirs).map(|(ours, theirs)| ours - theirs).collect::<Vec<_>>(), random)
}
