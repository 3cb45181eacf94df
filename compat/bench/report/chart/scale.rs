//! From quantities to places on an axis.

/// An axis from zero.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Linear {
    step: f64,
    top: f64,
}

impl Linear {
    /// Long enough for `most`, with steps that people count in: not more than six.
    pub fn up_to(most: f64) -> Linear {
        let most = if most > 0.0 { most } else { 1.0 };
        let magnitude = 10f64.powf((most / 6.0).log10().floor());
        let steps = [1.0, 2.0, 2.5, 5.0, 10.0].map(|factor| factor * magnitude);
        let step = steps.into_iter().find(|step| step * 6.0 >= most).unwrap_or(10.0 * magnitude);
        Linear { step, top: (most / step).ceil().max(1.0) * step }
    }

    /// Part of the axis, 0 to 1.
    pub fn place(&self, value: f64) -> f64 {
        (value / self.top).clamp(0.0, 1.0)
    }

    /// Where its lines are.
    pub fn ticks(&self) -> Vec<f64> {
        (0..=(self.top / self.step).round() as u32).map(|count| f64::from(count) * self.step).collect()
    }
}

/// An axis on which each power of ten is as long as the next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Logarithmic {
    least: f64,
    most: f64,
}

impl Logarithmic {
    /// From the 1, 2 or 5 below `least` to that above `most`; both above zero.
    pub fn between(least: f64, most: f64) -> Logarithmic {
        let (below, above) = (power_below(least), power_below(most));
        let steps = |power: f64| [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power);
        let least = steps(below).into_iter().rfind(|step| *step <= least).unwrap_or(below);
        let most = steps(above).into_iter().find(|step| *step >= most).unwrap_or(10.0 * above);
        Logarithmic { least, most: most.max(2.0 * least) }
    }

    /// Part of the axis, 0 to 1.
    pub fn place(&self, value: f64) -> f64 {
        ((value / self.least).ln() / (self.most / self.least).ln()).clamp(0.0, 1.0)
    }

    /// Where its lines are: at its ends and at each power of ten between.
    pub fn ticks(&self) -> Vec<f64> {
        let mut ticks = vec![self.least];
        let mut power = power_below(self.least) * 10.0;
        while power < self.most * 0.999 {
            ticks.push(power);
            power *= 10.0;
        }
        ticks.push(self.most);
        ticks
    }
}

/// The power of ten that is not above `value`.
fn power_below(value: f64) -> f64 {
    // What a division left below a power of ten belongs to it.
    10f64.powf((value.log10() + 1e-9).floor())
}

/// A number at a line of an axis: without digits that say nothing.
pub fn tick_text(value: f64) -> String {
    let rounded = (value * 1e6).round() / 1e6;
    if rounded >= 10_000.0 { format!("{}k", rounded / 1e3) } else { format!("{rounded}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_linear_axis_counts_in_round_steps_to_just_above_the_most() {
        let ticks = |most| Linear::up_to(most).ticks();
        assert_eq!(ticks(95.0), [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]);
        assert_eq!(ticks(0.5), [0.0, 0.1, 0.2, 0.30000000000000004, 0.4, 0.5]);
        assert_eq!(ticks(1_500.0).last(), Some(&1_500.0));
        assert_eq!(ticks(0.0), Linear::up_to(1.0).ticks());
        assert_eq!(Linear::up_to(95.0).place(50.0), 0.5);
    }

    #[test]
    fn a_logarithmic_axis_ends_at_round_numbers() {
        let ticks = |least, most| Logarithmic::between(least, most).ticks().into_iter().map(tick_text);
        assert_eq!(ticks(0.12, 17.0).collect::<Vec<_>>(), ["0.1", "1", "10", "20"]);
        assert_eq!(ticks(0.0912, 160.0).collect::<Vec<_>>(), ["0.05", "0.1", "1", "10", "100", "200"]);
        assert_eq!(ticks(1.0, 1.0).collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(ticks(0.1, 1000.0).collect::<Vec<_>>(), ["0.1", "1", "10", "100", "1000"]);
        let axis = Logarithmic::between(0.1, 100.0);
        assert!((axis.place(1.0) - 1.0 / 3.0).abs() < 1e-9);
    }

    #[test]
    fn numbers_at_an_axis_are_short() {
        assert_eq!(
            [0.30000000000000004, 2.5, 8_000.0, 42_500.0].map(tick_text),
            ["0.3", "2.5", "8000", "42.5k"]
        );
    }
}
