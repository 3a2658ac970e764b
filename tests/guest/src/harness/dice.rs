// SPDX-License-Identifier: GPL-2.0

//! Numbers by chance that a seed repeats.

/// A generator of numbers.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// The stream that belongs to these numbers and to no others.
    pub fn new(parts: &[u64]) -> Self {
        let mut dice = Self(0x9e37_79b9_7f4a_7c15);
        for part in parts {
            dice.0 ^= *part;
            dice.0 = dice.word();
        }
        dice
    }

    /// Any number.
    pub fn word(&mut self) -> u64 {
        // Splitmix64: neighbouring seeds give streams that have nothing in common.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    /// A number below `sides`.
    pub fn roll(&mut self, sides: u32) -> u32 {
        ((self.word() >> 32) % u64::from(sides)) as u32
    }

    /// True so many times out of a hundred.
    pub fn percent(&mut self, share: u32) -> bool {
        self.roll(100) < share
    }

    /// One of these.
    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.roll(from.len() as u32) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::Dice;

    #[test]
    fn a_seed_repeats_and_another_does_not() {
        let numbers = |parts: &[u64]| {
            let mut dice = Dice::new(parts);
            (0..8).map(|_| dice.word()).collect::<Vec<_>>()
        };
        assert_eq!(numbers(&[1, 2]), numbers(&[1, 2]));
        assert_ne!(numbers(&[1, 2]), numbers(&[2, 1]));
        assert_ne!(numbers(&[1]), numbers(&[1, 0]));
    }

    #[test]
    fn every_side_comes_up() {
        let mut dice = Dice::new(&[7]);
        let mut seen = [false; 6];
        for _ in 0..200 {
            seen[dice.roll(6) as usize] = true;
        }
        assert_eq!(seen, [true; 6]);
    }
}
