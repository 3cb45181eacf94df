//! What is to be reached, row by row. A row may stay unmeasured, but none may be missing.

use crate::report::goals::Bound::{
    FlatOver, Limit, NoDrift, Number, Part, Reference, ReferenceOrDisk, ReferenceOrNumber, Under,
    WhereDiskIsTheLimit,
};
use crate::report::goals::{Bound, Goal};
use crate::results::Metric::{
    self, CpuMicrosPerRequest, CpuPercent, CpuSecondsPerGigabyte, KilobytesEach, LatencyAverageMs,
    LatencyP50Ms, LatencyP99Ms, LatencyP999Ms, MegabytesPerSecond, MemoryMegabytes, MemoryPeakMegabytes,
    OpenFiles, RecordsPerSecond, RequestsPerSecond, TookMs,
};
use crate::subject::Subject;

/// One row of the summary: a workload, or one of several sides of it.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub title: &'static str,
    /// As in `Workload::name` and in the results.
    pub workload: &'static str,
    /// The goals in short.
    pub reach: &'static str,
    /// Part and metric of the figures that the summary shows.
    pub headline: (&'static str, Metric),
    pub goals: &'static [Goal],
}

const fn flushed(part: &'static str, metric: Metric, bound: Bound) -> Goal {
    Goal::new(Subject::Flushed, part, metric, bound)
}

const fn relaxed(part: &'static str, metric: Metric, bound: Bound) -> Goal {
    Goal::new(Subject::Relaxed, part, metric, bound)
}

/// CPU where the disk is the limit: at most 1.5 of that of the flushed limit.
const fn disk_cpu(metric: Metric, rate: Metric, of_reference: f64) -> Goal {
    flushed("", metric, WhereDiskIsTheLimit { factor: 1.5, rate, of_reference })
}

/// The table.
pub const ROWS: &[Row] = &[
    Row {
        title: "Start to the first answer; idle memory",
        workload: "start",
        reach: "under 50 ms, under 20 MB",
        headline: ("", TookMs),
        goals: &[flushed("", TookMs, Under(50.0)), flushed("", MemoryMegabytes, Under(20.0))],
    },
    Row {
        title: "Produce 1 KB, acks=all, 1 partition, librdkafka",
        workload: "client-produce-1k",
        reach: "flushed: 1.2 × Kafka's unflushed throughput, CPU at most 0.75 of its; relaxed: 1.4 ×, at most \
                1.1 CPU s/GB; memory under 200 MB",
        headline: ("", MegabytesPerSecond),
        goals: &[
            flushed("", MegabytesPerSecond, ReferenceOrDisk(1.2)),
            flushed("", CpuSecondsPerGigabyte, Reference(0.75)),
            disk_cpu(CpuSecondsPerGigabyte, MegabytesPerSecond, 1.2),
            flushed("", MemoryPeakMegabytes, Under(200.0)),
            relaxed("", MegabytesPerSecond, Reference(1.4)),
            relaxed("", CpuSecondsPerGigabyte, Number(1.1)),
            relaxed("", MemoryPeakMegabytes, Under(200.0)),
        ],
    },
    Row {
        title: "Produce 100 B, 6 partitions, linger 5 ms, librdkafka",
        workload: "client-produce-100b",
        reach: "flushed: 1.3 × Kafka's, CPU at most 0.5 of its; relaxed: 1.5 ×, at most 1.5 CPU s/GB",
        headline: ("", RecordsPerSecond),
        goals: &[
            flushed("", MegabytesPerSecond, ReferenceOrDisk(1.3)),
            flushed("", CpuSecondsPerGigabyte, Reference(0.5)),
            disk_cpu(CpuSecondsPerGigabyte, MegabytesPerSecond, 1.3),
            relaxed("", MegabytesPerSecond, Reference(1.5)),
            relaxed("", CpuSecondsPerGigabyte, Number(1.5)),
        ],
    },
    Row {
        title: "Produce 1 KB of compressible JSON with lz4, zstd and gzip, librdkafka, 1 partition",
        workload: "client-produce-compressed",
        reach: "CPU at most 0.7 of Kafka's, throughput not below it",
        headline: ("lz4", MegabytesPerSecond),
        goals: &[
            flushed("lz4", MegabytesPerSecond, Reference(1.0)),
            flushed("lz4", CpuSecondsPerGigabyte, Reference(0.7)),
            relaxed("lz4", MegabytesPerSecond, Reference(1.0)),
            relaxed("lz4", CpuSecondsPerGigabyte, Reference(0.7)),
            flushed("zstd", MegabytesPerSecond, Reference(1.0)),
            flushed("zstd", CpuSecondsPerGigabyte, Reference(0.7)),
            relaxed("zstd", MegabytesPerSecond, Reference(1.0)),
            relaxed("zstd", CpuSecondsPerGigabyte, Reference(0.7)),
            flushed("gzip", MegabytesPerSecond, Reference(1.0)),
            flushed("gzip", CpuSecondsPerGigabyte, Reference(0.7)),
            relaxed("gzip", MegabytesPerSecond, Reference(1.0)),
            relaxed("gzip", CpuSecondsPerGigabyte, Reference(0.7)),
        ],
    },
    Row {
        title: "Produce, replayed 900 KB batches, 6 partitions, 2 connections",
        workload: "replay-900k",
        reach: "relaxed: 2 × Kafka's and 0.75 of the limit; flushed: 0.75 of the flushed limit and not below Kafka's \
                unflushed",
        headline: ("", MegabytesPerSecond),
        goals: &[
            relaxed("", MegabytesPerSecond, Reference(2.0)),
            relaxed("", MegabytesPerSecond, Limit(0.75)),
            flushed("", MegabytesPerSecond, Limit(0.75)),
            flushed("", MegabytesPerSecond, ReferenceOrDisk(1.0)),
            flushed("", CpuSecondsPerGigabyte, Limit(1.5)),
        ],
    },
    Row {
        title: "Produce, replayed 16 KB batches, 6 connections",
        workload: "replay-16k",
        reach: "relaxed: 3 × Kafka's, at most 60 µs; flushed: 1.5 × Kafka's unflushed, p99 under 5 ms",
        headline: ("", RequestsPerSecond),
        goals: &[
            relaxed("", RequestsPerSecond, Reference(3.0)),
            relaxed("", CpuMicrosPerRequest, Number(60.0)),
            flushed("", RequestsPerSecond, ReferenceOrDisk(1.5)),
            flushed("", LatencyP99Ms, Under(5.0)),
            disk_cpu(CpuMicrosPerRequest, RequestsPerSecond, 1.5),
        ],
    },
    Row {
        title: "One record a request, 16 connections",
        workload: "replay-one-record",
        reach: "relaxed: 4 × Kafka's, at most 35 µs; flushed: 2 × Kafka's unflushed, at most 50 µs",
        headline: ("", RequestsPerSecond),
        goals: &[
            relaxed("", RequestsPerSecond, Reference(4.0)),
            relaxed("", CpuMicrosPerRequest, Number(35.0)),
            flushed("", RequestsPerSecond, ReferenceOrDisk(2.0)),
            flushed("", CpuMicrosPerRequest, Number(50.0)),
            disk_cpu(CpuMicrosPerRequest, RequestsPerSecond, 2.0),
        ],
    },
    Row {
        title: "One record a request, 1 connection, acks=all",
        workload: "replay-one-by-one",
        reach: "relaxed: p50 under 0.18 ms; flushed: p50 under 0.5 ms, p99 under 1.5 ms",
        headline: ("", LatencyP50Ms),
        goals: &[
            relaxed("", LatencyP50Ms, Under(0.18)),
            flushed("", LatencyP50Ms, Under(0.5)),
            flushed("", LatencyP99Ms, Under(1.5)),
        ],
    },
    Row {
        title: "flush.messages=1 on Kafka too",
        workload: "flush-messages-1",
        reach: "3 × Kafka's",
        headline: ("", MegabytesPerSecond),
        goals: &[
            flushed("", MegabytesPerSecond, ReferenceOrDisk(3.0)),
            disk_cpu(CpuSecondsPerGigabyte, MegabytesPerSecond, 3.0),
        ],
    },
    Row {
        title: "Consume 1 KB from the page cache, librdkafka",
        workload: "client-consume-1k",
        reach: "at least Kafka's throughput, CPU at most 0.6 of its",
        headline: ("", MegabytesPerSecond),
        goals: &[
            flushed("", MegabytesPerSecond, Reference(1.0)),
            flushed("", CpuSecondsPerGigabyte, Reference(0.6)),
        ],
    },
    Row {
        title: "Fetch replay, 6 partitions, 2 connections",
        workload: "fetch-replay",
        reach: "at least Kafka's throughput, CPU at most 0.8 of its",
        headline: ("", MegabytesPerSecond),
        goals: &[
            flushed("", MegabytesPerSecond, Reference(1.0)),
            flushed("", CpuSecondsPerGigabyte, Reference(0.8)),
        ],
    },
    Row {
        title: "EndToEndLatency, 100 B, acks=all",
        workload: "end-to-end-latency",
        reach: "flushed: average under 1 ms, p99 under 2 ms, p99.9 under 5 ms",
        headline: ("EndToEndLatency", LatencyAverageMs),
        goals: &[
            flushed("EndToEndLatency", LatencyAverageMs, Under(1.0)),
            flushed("EndToEndLatency", LatencyP99Ms, Under(2.0)),
            flushed("EndToEndLatency", LatencyP999Ms, Under(5.0)),
        ],
    },
    Row {
        title: "5,000 partitions: create; one record to each; memory; files open",
        workload: "partitions-5000",
        reach: "0.5 s; 1 s; 60 MB; under 1,100",
        headline: ("one record to each", TookMs),
        goals: &[
            flushed("create", TookMs, Number(500.0)),
            flushed("one record to each", TookMs, Number(1_000.0)),
            flushed("afterwards", MemoryMegabytes, Number(60.0)),
            flushed("afterwards", OpenFiles, Under(1_100.0)),
        ],
    },
    Row {
        title: "The same 5,000 partitions after SIGKILL: restart",
        workload: "partitions-5000",
        reach: "first answer under 1 s, all readable under 1.5 s",
        headline: ("restart: all readable", TookMs),
        goals: &[
            flushed("restart: first answer", TookMs, Under(1_000.0)),
            flushed("restart: all readable", TookMs, Under(1_500.0)),
        ],
    },
    Row {
        title: "1,000 partitions, each getting a 100 B record every 100 ms from 10 producers, acks=all",
        workload: "many-partitions-trickle",
        reach: "flushed: p99 not above Kafka's or 25 ms, CPU at most half of its",
        headline: ("", LatencyP99Ms),
        goals: &[
            flushed("", LatencyP99Ms, ReferenceOrNumber(1.0, 25.0)),
            flushed("", CpuPercent, Reference(0.5)),
        ],
    },
    Row {
        title: "5,000 idle connections",
        workload: "idle-connections",
        reach: "under 10 KB each",
        headline: ("", KilobytesEach),
        goals: &[flushed("", KilobytesEach, Under(10.0))],
    },
    Row {
        title: "1,000 groups of 2 members committing every 100 ms",
        workload: "groups-1000",
        reach: "half of Kafka's CPU",
        headline: ("", CpuPercent),
        goals: &[flushed("", CpuPercent, Reference(0.5))],
    },
    Row {
        title: "64 consumers long-polling 1,000 idle partitions",
        workload: "long-poll-64",
        reach: "under 1 % of a core",
        headline: ("each waits for all", CpuPercent),
        goals: &[
            flushed("each waits for all", CpuPercent, Under(1.0)),
            flushed("each waits for its share", CpuPercent, Under(1.0)),
        ],
    },
    Row {
        title: "Growth: produce and tail-consume rate at 0, 1, 5, 20 GB in one partition; lookup by offset and time",
        workload: "growth",
        reach: "flat within noise",
        headline: ("produce, 20 GB", MegabytesPerSecond),
        goals: &[
            flushed("produce", MegabytesPerSecond, FlatOver(PRODUCE)),
            flushed("tail fetch", MegabytesPerSecond, FlatOver(TAIL_FETCH)),
            flushed("lookup by offset", LatencyP50Ms, FlatOver(LOOKUP_BY_OFFSET)),
            flushed("lookup by time", LatencyP50Ms, FlatOver(LOOKUP_BY_TIME)),
        ],
    },
    Row {
        title: "A slow consumer reading cold data from disk beside a tail consumer",
        workload: "slow-consumer",
        reach: "tail p99 within 1.5 × of that without",
        headline: ("beside a cold reader", LatencyP99Ms),
        goals: &[flushed("beside a cold reader", LatencyP99Ms, Part(1.5, "alone"))],
    },
    Row {
        title: "16 producers and 16 consumers at once for ten minutes",
        workload: "soak",
        reach: "no drift in memory or latency",
        headline: ("minute 10", LatencyP99Ms),
        goals: &[
            flushed("", MemoryMegabytes, NoDrift(10)),
            flushed("", LatencyP50Ms, NoDrift(10)),
            flushed("", LatencyP99Ms, NoDrift(10)),
        ],
    },
];

const PRODUCE: &[&str] = &["produce, 0 GB", "produce, 1 GB", "produce, 5 GB", "produce, 20 GB"];
const TAIL_FETCH: &[&str] =
    &["tail fetch, 0 GB", "tail fetch, 1 GB", "tail fetch, 5 GB", "tail fetch, 20 GB"];
const LOOKUP_BY_OFFSET: &[&str] = &[
    "lookup by offset, 0 GB",
    "lookup by offset, 1 GB",
    "lookup by offset, 5 GB",
    "lookup by offset, 20 GB",
];
const LOOKUP_BY_TIME: &[&str] =
    &["lookup by time, 0 GB", "lookup by time, 1 GB", "lookup by time, 5 GB", "lookup by time, 20 GB"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_as_many_rows_as_were_asked_for() {
        assert_eq!(ROWS.len(), 21);
        for row in ROWS {
            let (part, metric) = row.headline;
            assert!(!row.goals.is_empty(), "{}: nothing to reach", row.title);
            let named = row.goals.iter().any(|goal| (goal.part, goal.metric) == (part, metric));
            let series = row.goals.iter().any(|goal| matches!(goal.bound, FlatOver(_) | NoDrift(_)));
            let same = metric == RecordsPerSecond;
            assert!(named || series || same, "{}: the headline has no goal", row.title);
        }
    }
}
