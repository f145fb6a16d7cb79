//! Which prompt a request asks: an old one, by Zipf's law, or one that nobody asked before.

/// A mix of old and new prompts; the same seed gives the same prompts.
#[derive(Clone, Debug)]
pub struct Mix {
    /// Share of requests that ask an old prompt, 0 to 1.
    repeated: f64,
    /// Running sums of the old prompts' weights, the last one being 1.
    sums: Vec<f64>,
    seed: u64,
}

impl Mix {
    /// Of all requests this share asks one of so many old prompts, of which the n-th is asked `n^-exponent` as often as
    /// the first.
    pub fn new(repeated: f64, prompts: u32, exponent: f64, seed: u64) -> Self {
        let weights = (1..=prompts.max(1)).map(|rank| f64::from(rank).powf(-exponent));
        let mut sum = 0.0;
        let mut sums: Vec<f64> = weights
            .map(|weight| {
                sum += weight;
                sum
            })
            .collect();
        for one in &mut sums {
            *one /= sum;
        }
        Self {
            repeated,
            sums,
            seed,
        }
    }

    /// The old prompt that a request asks, from 0; none if it asks a new one.
    pub fn old(&self, number: u64) -> Option<usize> {
        let mut dice = Dice::new(self.seed, number);
        if dice.share() >= self.repeated {
            return None;
        }
        let place = dice.share();
        let rank = self.sums.partition_point(|sum| *sum <= place);
        Some(rank.min(self.sums.len() - 1))
    }

    /// The words of a request.
    pub fn prompt(&self, number: u64) -> String {
        let seed = self.seed;
        match self.old(number) {
            Some(rank) => {
                format!("Say in two sentences what topic {rank} of list {seed} is about.")
            }
            None => format!("Say in two sentences what entry {number} of book {seed} is about."),
        }
    }
}

/// Numbers that look random and follow from seed and number alone (`splitmix64`, <https://prng.di.unimi.it/splitmix64.c>).
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64, number: u64) -> Self {
        let mut dice = Self(seed);
        dice.0 = dice.next() ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        dice
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    /// From 0 to just below 1.
    pub(super) fn share(&mut self) -> f64 {
        let top = u32::try_from(self.next() >> 32).expect("32 bits are left");
        f64::from(top) / 4_294_967_296.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_repeated_share_comes_out(repeated in 0.0..1.0_f64, seed in any::<u64>()) {
            let mix = Mix::new(repeated, 50, 1.0, seed);
            let old = (0..20_000).filter(|number| mix.old(*number).is_some()).count();
            let share = f64::from(u32::try_from(old).unwrap()) / 20_000.0;
            prop_assert!((share - repeated).abs() < 0.02, "{share}");
        }

        #[test]
        fn frequencies_follow_zipf(seed in any::<u64>()) {
            let mix = Mix::new(1.0, 100, 1.0, seed);
            let mut counts = [0_u32; 100];
            for number in 0..50_000 {
                counts[mix.old(number).unwrap()] += 1;
            }
            let ratio = f64::from(counts[0]) / f64::from(counts[1]);
            prop_assert!((1.8..2.2).contains(&ratio), "{ratio}");
        }
    }

    #[test]
    fn the_seed_decides_and_new_prompts_are_new() {
        let one = Mix::new(0.0, 1, 1.0, 7);
        assert_eq!(one.prompt(3), Mix::new(0.0, 1, 1.0, 7).prompt(3));
        assert_ne!(one.prompt(3), one.prompt(4));
        assert_ne!(one.prompt(3), Mix::new(0.0, 1, 1.0, 8).prompt(3));
    }
}
