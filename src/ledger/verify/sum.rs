//! Sums of coins and of dollars, as integers; and whether what came is enough.

use crate::money::Amount;

/// Quanta in one coin or dollar: the finest division that a coin has.
const ONE: u128 = 10_u128.pow(DECIMALS);
const DECIMALS: u32 = 18;
/// Quanta in a millionth.
const MILLIONTH: u128 = ONE / 1_000_000;

/// A decimal of up to 18 places, exact: of coins, or of dollars for one coin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quantity(u128);

impl Quantity {
    /// Reads a plain positive decimal, as [`Amount`] has it; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let decimal = Amount::parse(text).ok()?.value();
        let quanta = 10_u128.checked_pow(DECIMALS.checked_sub(decimal.scale())?)?;
        Some(Self(u128::try_from(decimal.mantissa()).ok()?.checked_mul(quanta)?))
    }

    /// The product, rounded down to a quantum; `None` beyond 10²⁰.
    #[must_use]
    pub fn times(self, other: Self) -> Option<Self> {
        let ((a, b), (c, d)) = ((self.0 / ONE, self.0 % ONE), (other.0 / ONE, other.0 % ONE));
        let whole = a.checked_mul(c)?.checked_mul(ONE)?;
        let mixed = a.checked_mul(d)?.checked_add(b.checked_mul(c)?)?;
        // The other terms are whole quanta, so that only here something is rounded.
        let fraction = b.checked_mul(d)? / ONE;
        Some(Self(whole.checked_add(mixed)?.checked_add(fraction)?))
    }

    /// How many base units of a token with so many decimals, 18 at the most, hold this: rounded up, since a part of a unit
    /// cannot be paid.
    #[must_use]
    pub fn base_units(self, decimals: u32) -> u128 {
        self.0.div_ceil(10_u128.pow(DECIMALS.saturating_sub(decimals)))
    }
}

/// US dollars, in millionths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Dollars(u64);

impl Dollars {
    /// The most that is ever counted: about nine billion dollars. Numbers beyond it are not exact in JavaScript, through which
    /// they reach the store.
    pub const MAX: Self = Self((1 << 53) - 1);

    /// So many millionths; `None` for more than [`Dollars::MAX`].
    #[must_use]
    pub fn from_millionths(millionths: u64) -> Option<Self> {
        Some(Self(millionths)).filter(|dollars| *dollars <= Self::MAX)
    }

    /// Reads a plain positive decimal, rounded down to a millionth; `None` for anything else, and for more than [`Dollars::MAX`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Quantity::parse(text).and_then(Self::from_quantity)
    }

    /// Rounded down to a millionth; `None` for more than [`Dollars::MAX`].
    #[must_use]
    pub fn from_quantity(dollars: Quantity) -> Option<Self> {
        Self::from_millionths(u64::try_from(dollars.0 / MILLIONTH).ok()?)
    }

    /// In millionths.
    #[must_use]
    pub const fn millionths(self) -> u64 {
        self.0
    }

    /// Both together; `None` for more than [`Dollars::MAX`].
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        Self::from_millionths(self.0.checked_add(other.0)?)
    }

    const fn without(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

/// How much less than expected is still enough, in hundredths of a percent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tolerance(u16);

impl Tolerance {
    const WHOLE: u16 = 10_000;

    /// So many basis points; `None` for more than 10 000.
    #[must_use]
    pub fn from_basis_points(basis_points: u16) -> Option<Self> {
        (basis_points <= Self::WHOLE).then_some(Self(basis_points))
    }
}

/// Whether what came is what was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// Too little, even with the tolerance.
    Short {
        /// What is missing of the whole, not of what would be tolerated.
        missing: Dollars,
    },
    /// The whole, or as much of it as the tolerance asks for.
    Full,
    /// More than the whole.
    Over {
        /// How much more.
        by: Dollars,
    },
}

/// Holds all that was received for an order against what was expected. Nothing is never enough, whatever is tolerated.
#[must_use]
pub fn judge(expected: Dollars, tolerance: Tolerance, received: Dollars) -> Judgement {
    let nothing_came = received.0 == 0 && expected.0 > 0;
    let whole = u128::from(Tolerance::WHOLE);
    let is_short = u128::from(received.0) * whole < u128::from(expected.0) * (whole - u128::from(tolerance.0));
    if nothing_came || is_short {
        Judgement::Short { missing: expected.without(received) }
    } else if received > expected {
        Judgement::Over { by: received.without(expected) }
    } else {
        Judgement::Full
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use num_bigint::BigUint;
    use proptest::prelude::*;

    fn dollars(millionths: u64) -> Dollars {
        Dollars::from_millionths(millionths).unwrap()
    }

    fn judged(expected: u64, basis_points: u16, received: u64) -> Judgement {
        judge(dollars(expected), Tolerance::from_basis_points(basis_points).unwrap(), dollars(received))
    }

    #[test]
    fn decimals_are_read_to_the_last_of_18_places() {
        for (text, quanta) in [
            ("105.6", 105_600_000_000_000_000_000),
            ("0105.600", 105_600_000_000_000_000_000),
            ("0.000000000000000001", 1),
            ("1234567890.123456789012345678", 1_234_567_890_123_456_789_012_345_678),
            ("999999999999999", 999_999_999_999_999 * ONE),
        ] {
            assert_eq!(Quantity::parse(text), Some(Quantity(quanta)), "{text}");
        }
        for text in ["", "0", "0.0", "-1", "+1", "1e3", ".5", "5.", "1,5", " 1", "0.0000000000000000001", "1000000000000000"] {
            assert_eq!(Quantity::parse(text), None, "{text}");
        }
    }

    #[test]
    fn dollars_are_rounded_down_and_bounded() {
        let of = |text| Dollars::from_quantity(Quantity::parse(text).unwrap()).map(Dollars::millionths);
        assert_eq!(of("0.000000999999999999"), Some(0));
        assert_eq!(of("1.999999999999999999"), Some(1_999_999));
        assert_eq!(of("9007199254.740991"), Some(Dollars::MAX.0));
        assert_eq!(of("9007199254.740992"), None);
        assert_eq!(of("999999999999999"), None);
        assert_eq!(Dollars::MAX.checked_add(dollars(1)), None);
        assert_eq!(dollars(1).checked_add(dollars(2)), Some(dollars(3)));
    }

    #[test]
    fn a_part_of_a_base_unit_needs_a_whole_one() {
        let units = |text, decimals| Quantity::parse(text).unwrap().base_units(decimals);
        assert_eq!((units("1.000001", 6), units("1.0000010", 6), units("1.0000001", 6)), (1_000_001, 1_000_001, 1_000_001));
        assert_eq!(units("1.000000000000000001", 18), ONE + 1);
    }

    #[test]
    fn what_is_enough_is_decided_to_the_millionth() {
        let (missing, by) = (dollars(1), dollars(1));
        assert_eq!(judged(100, 0, 99), Judgement::Short { missing });
        assert_eq!(judged(100, 0, 100), Judgement::Full);
        assert_eq!(judged(100, 0, 101), Judgement::Over { by });
        // 40 % of 105 000 001 is no whole number of millionths: 63 000 000.6 are asked for.
        assert_eq!(judged(105_000_001, 4000, 63_000_000), Judgement::Short { missing: dollars(42_000_001) });
        assert_eq!(judged(105_000_001, 4000, 63_000_001), Judgement::Full);
        assert_eq!(judged(100, 10_000, 1), Judgement::Full);
        assert_eq!(judged(100, 10_000, 0), Judgement::Short { missing: dollars(100) });
        assert_eq!(judged(0, 0, 0), Judgement::Full);
        assert_eq!(judged(Dollars::MAX.0, 0, Dollars::MAX.0), Judgement::Full);
        assert_eq!(Tolerance::from_basis_points(10_001), None);
    }

    proptest! {
        #[test]
        fn a_product_is_exact(a in 1..10_u128.pow(33), b in 1..10_u128.pow(33), down in 0_u32..33) {
            let a = (a / 10_u128.pow(down)).max(1);
            let exact = BigUint::from(a) * b / ONE;
            match Quantity(a).times(Quantity(b)) {
                Some(product) => prop_assert_eq!(BigUint::from(product.0), exact),
                None => prop_assert!(exact > BigUint::from(10_u32).pow(38)),
            }
        }

        #[test]
        fn a_judgement_is_what_bigger_numbers_say(expected in 0..1_u64 << 53, bp in 0..=10_000_u16, near in -3..=3_i64, received in 0..1_u64 << 53, at_edge: bool) {
            let edge = (u128::from(expected) * u128::from(10_000 - bp)).div_ceil(10_000);
            let received = if at_edge { u64::try_from(edge).unwrap().saturating_add_signed(near).min(Dollars::MAX.0) } else { received };
            let is_enough = BigUint::from(received) * 10_000_u32 >= BigUint::from(expected) * (10_000 - bp);
            let reference = match received {
                0 if expected > 0 => Judgement::Short { missing: dollars(expected) },
                _ if !is_enough => Judgement::Short { missing: dollars(expected - received) },
                _ if received > expected => Judgement::Over { by: dollars(received - expected) },
                _ => Judgement::Full,
            };
            prop_assert_eq!(judged(expected, bp, received), reference);
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,50}|[0-9.]{0,50}") {
            if let Some(quantity) = Quantity::parse(&text) {
                let _ = (quantity.times(quantity), Dollars::from_quantity(quantity), quantity.base_units(6), quantity.base_units(99));
            }
        }
    }
}
