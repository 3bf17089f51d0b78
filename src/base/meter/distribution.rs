//! The numbers that a histogram met, as far as it tells them apart.

/// Numbers below 4 have a bucket each; from there on each power of two has four, so that a number
/// is known to an eighth. The last one takes all from 2^31 on.
pub const BUCKETS: usize = 120;

/// The bucket of a number.
pub const fn bucket(number: u64) -> usize {
    if number < 4 {
        return number as usize;
    }
    let exponent = 63 - number.leading_zeros();
    let quarter = (number >> (exponent - 2)) & 3;
    let bucket = 4 * (exponent as usize - 1) + quarter as usize;
    if bucket < BUCKETS { bucket } else { BUCKETS - 1 }
}

/// The least number of a bucket, and that of the next.
const fn bounds(bucket: usize) -> (u64, u64) {
    if bucket < 4 {
        return (bucket as u64, bucket as u64 + 1);
    }
    let width = 1 << (bucket / 4 - 1);
    let least = (4 + bucket as u64 % 4) * width;
    (least, least + width)
}

/// How many numbers there were in each bucket, and their sum.
#[derive(Clone, Debug)]
pub struct Distribution {
    counts: Box<[u64; BUCKETS]>,
    /// How many there were, those too that were not measured.
    count: u64,
    sum: u64,
    grain: u64,
    unit: f64,
}

impl Distribution {
    /// Buckets count in steps of `grain`; what is told is what was recorded by `unit`.
    pub fn new(counts: Box<[u64; BUCKETS]>, sum: u64, grain: u64, unit: f64) -> Self {
        let count = counts.iter().sum();
        Self { counts, count, sum, grain, unit }
    }

    /// The same of more numbers than those that were measured.
    #[must_use]
    pub fn counted(self, count: u64) -> Self {
        Self { count, ..self }
    }

    /// How many there were.
    pub fn count(&self) -> u64 {
        self.count
    }

    fn measured(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Their sum.
    pub fn sum(&self) -> f64 {
        self.sum as f64 / self.unit
    }

    /// What came after `earlier`, a former state of the same.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let mut later = self.clone();
        for (count, before) in later.counts.iter_mut().zip(earlier.counts.iter()) {
            *count = count.saturating_sub(*before);
        }
        later.count = later.count.saturating_sub(earlier.count);
        later.sum = later.sum.saturating_sub(earlier.sum);
        later
    }

    /// Takes those of another in.
    pub fn absorb(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(other.counts.iter()) {
            *count += more;
        }
        self.count += other.count;
        self.sum += other.sum;
    }

    /// The number that a part of them, such as 0.99, does not exceed; not a number when there are
    /// none.
    pub fn quantile(&self, part: f64) -> f64 {
        let rank = (part * self.measured() as f64).ceil().max(1.0);
        let mut passed = 0;
        let mut counts = self.counts.iter();
        let found = counts.position(|count| {
            passed += count;
            passed as f64 >= rank
        });
        found.map_or(f64::NAN, |bucket| self.middle(bucket))
    }

    /// The least, to its bucket.
    pub fn min(&self) -> f64 {
        self.counts.iter().position(|count| *count > 0).map_or(0.0, |bucket| self.middle(bucket))
    }

    /// The largest, to its bucket.
    pub fn max(&self) -> f64 {
        self.counts.iter().rposition(|count| *count > 0).map_or(0.0, |bucket| self.middle(bucket))
    }

    /// Their mean.
    pub fn mean(&self) -> f64 {
        match self.measured() {
            0 => 0.0,
            measured => self.sum() / measured as f64,
        }
    }

    /// How far they are spread around it, as far as the buckets tell.
    pub fn deviation(&self) -> f64 {
        let (measured, mean) = (self.measured(), self.mean());
        if measured < 2 {
            return 0.0;
        }
        let squares = self.counts.iter().enumerate().filter(|(_, count)| **count > 0);
        let squares =
            squares.map(|(bucket, count)| *count as f64 * (self.middle(bucket) - mean).powi(2));
        (squares.sum::<f64>() / (measured - 1) as f64).sqrt()
    }

    fn middle(&self, bucket: usize) -> f64 {
        let (least, next) = bounds(bucket);
        let last = next * self.grain - 1;
        (least * self.grain + last) as f64 / 2.0 / self.unit
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::meter::Histogram;

    #[test]
    fn buckets_join_without_gaps() {
        for at in 0..BUCKETS - 1 {
            let (least, next) = bounds(at);
            assert_eq!((bucket(least), bucket(next - 1), bucket(next)), (at, at, at + 1));
        }
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
        assert_eq!(bounds(BUCKETS - 1).1, 1 << 31);
    }

    #[test]
    fn quantiles_are_right_to_an_eighth() {
        let histogram = Histogram::default();
        (1..=10_000).for_each(|number| histogram.record(number));
        let numbers = histogram.read();
        for (part, right) in [(0.5, 5000.0), (0.9, 9000.0), (0.99, 9900.0), (0.0001, 1.0)] {
            let told = numbers.quantile(part);
            assert!((told / right - 1.0_f64).abs() <= 0.125, "{part}: {told} for {right}");
        }
        assert_eq!((numbers.mean(), numbers.min()), (5000.5, 1.0));
        assert!((numbers.max() / 10_000.0 - 1.0).abs() <= 0.125, "{}", numbers.max());
        assert!((numbers.deviation() / 2886.9 - 1.0).abs() <= 0.05, "{}", numbers.deviation());
    }

    #[test]
    fn what_came_since_is_told_apart() {
        let histogram = Histogram::default();
        histogram.record(1);
        let earlier = histogram.read();
        assert_eq!(earlier.since(&earlier).count(), 0);
        assert!(earlier.since(&earlier).quantile(0.5).is_nan());
        histogram.record(3);
        let mut since = histogram.read().since(&earlier);
        assert_eq!((since.count(), since.sum(), since.quantile(0.5)), (1, 3.0, 3.0));
        since.absorb(&earlier);
        assert_eq!((since.count(), since.sum(), since.min()), (2, 4.0, 1.0));
    }
}
