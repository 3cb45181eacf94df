//! How quantities are written: names and units of metrics, numbers with three digits that say something.

use crate::results::{Metric, Spread};

impl Metric {
    /// How a row of a table begins.
    pub const fn name(self) -> &'static str {
        match self {
            Metric::MegabytesPerSecond | Metric::RecordsPerSecond | Metric::RequestsPerSecond => "throughput",
            Metric::CpuSecondsPerGigabyte => "CPU per GB",
            Metric::CpuMicrosPerRequest => "CPU per request",
            Metric::CpuPercent => "CPU",
            Metric::LatencyAverageMs => "latency, average",
            Metric::LatencyP50Ms => "latency, p50",
            Metric::LatencyP99Ms => "latency, p99",
            Metric::LatencyP999Ms => "latency, p99.9",
            Metric::TookMs => "time",
            Metric::MemoryMegabytes => "memory",
            Metric::MemoryPeakMegabytes => "peak memory",
            Metric::KilobytesEach => "memory for each",
            Metric::OpenFiles => "open files",
        }
    }

    /// What follows a number.
    pub const fn unit(self) -> &'static str {
        match self {
            Metric::MegabytesPerSecond => "MB/s",
            Metric::RecordsPerSecond => "records/s",
            Metric::RequestsPerSecond => "requests/s",
            Metric::CpuSecondsPerGigabyte => "CPU s/GB",
            Metric::CpuMicrosPerRequest => "µs",
            Metric::CpuPercent => "% of a core",
            Metric::LatencyAverageMs | Metric::LatencyP50Ms | Metric::LatencyP99Ms => "ms",
            Metric::LatencyP999Ms | Metric::TookMs => "ms",
            Metric::MemoryMegabytes | Metric::MemoryPeakMegabytes => "MB",
            Metric::KilobytesEach => "KB",
            Metric::OpenFiles => "files",
        }
    }

    /// More is better: the rates. Of everything else less is.
    pub const fn is_rate(self) -> bool {
        matches!(self, Metric::MegabytesPerSecond | Metric::RecordsPerSecond | Metric::RequestsPerSecond)
    }
}

/// Three digits, or all of those before the point, in groups of three.
pub fn number(value: f64) -> String {
    let decimals = match value.abs() {
        size if size >= 99.95 => return grouped(value),
        size if size >= 9.995 => 1,
        size if size >= 0.9995 || size == 0.0 => 2,
        size => (2 - size.log10().floor() as i32).clamp(2, 6) as usize,
    };
    format!("{value:.decimals$}")
}

fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits.as_str()), |rest| ("-", rest));
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    format!("{sign}{text}")
}

/// The median, and the range in parentheses if there is one.
pub fn spread(spread: Spread) -> String {
    if spread.least == spread.most {
        return number(spread.median);
    }
    format!("{} ({}–{})", number(spread.median), number(spread.least), number(spread.most))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits_that_say_something() {
        let written =
            [0.0, 0.000_71, 0.0123, 0.18, 0.9999, 1.0, 2.345, 9.999, 23.04, 99.96, 893.2, 12_199.7, 1e6];
        let expected = [
            "0.00",
            "0.000710",
            "0.0123",
            "0.180",
            "1.00",
            "1.00",
            "2.35",
            "10.0",
            "23.0",
            "100",
            "893",
            "12,200",
            "1,000,000",
        ];
        assert_eq!(written.map(number), expected);
        assert_eq!(number(-1234.0), "-1,234");
    }

    #[test]
    fn a_range_is_written_only_where_there_is_one() {
        assert_eq!(spread(Spread { median: 2.0, least: 1.0, most: 250.0 }), "2.00 (1.00–250)");
        assert_eq!(spread(Spread { median: 2.0, least: 2.0, most: 2.0 }), "2.00");
    }
}
