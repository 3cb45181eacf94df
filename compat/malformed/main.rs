//! Sends the same malformed frames to Gracchus and to Apache Kafka, each over a connection of its own, and compares what
//! a client sees. Nothing expected is written down but the differences that are meant (`explain`).

mod batches;
mod case;
mod cases;
mod exchange;
mod explain;
mod fill;
mod frames;
mod group_cases;
mod lies;
mod outcome;
mod report;
mod values;
mod world;

use std::process::ExitCode;
use std::thread;
use std::time::Instant;

use compat_harness::{Broker, Jars, Kind};

use crate::case::Case;
use crate::report::Compared;
use crate::world::World;

const USAGE: &str = "compat-malformed [--write] [--only TEXT] [--self-check] [--seed N]
  --write       write docs/MALFORMED.md
  --only TEXT   only the cases whose API and name hold TEXT
  --self-check  the reference on both sides: what differs then depends on timing
  --seed N      of the random changes; 4,301 if it is not given";

/// For both brokers: the same node id, groups that do not wait for more members, and records that stay although they are
/// old. A topic that is created by being asked for is there a moment later on one of them.
const SETTINGS: &[(&str, &str)] = &[
    ("node.id", "1"),
    ("group.initial.rebalance.delay.ms", "0"),
    ("offsets.topic.num.partitions", "5"),
    ("log.retention.ms", "-1"),
    ("auto.create.topics.enable", "false"),
];
/// Random changes of each API and version.
const RANDOM_EACH: usize = 30;

#[derive(Debug)]
struct Options {
    write: bool,
    only: Option<String>,
    self_check: bool,
    seed: u64,
}

impl Options {
    fn parse() -> Result<Options, String> {
        let mut options = Options { write: false, only: None, self_check: false, seed: 4301 };
        let mut args = std::env::args().skip(1);
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--write" => options.write = true,
                "--self-check" => options.self_check = true,
                "--only" => options.only = Some(args.next().ok_or("--only wants a text")?),
                "--seed" => {
                    let seed = args.next().and_then(|seed| seed.parse().ok());
                    options.seed = seed.ok_or("--seed wants a number")?;
                }
                _ => return Err(format!("unknown argument {arg}\n{USAGE}")),
            }
        }
        Ok(options)
    }

    fn wants(&self, case: &Case) -> bool {
        let api = case.api.map_or("", |api| api.name());
        self.only.as_ref().is_none_or(|only| format!("{api} v{} {}", case.version, case.name).contains(only))
    }
}

fn main() -> ExitCode {
    match Options::parse().and_then(|options| run(&options)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::from(2)
        }
    }
}

fn run(options: &Options) -> Result<bool, String> {
    let jars = Jars::find_or_fetch()?;
    let cases: Vec<Case> = all(options.seed).into_iter().filter(|case| options.wants(case)).collect();
    let subject = if options.self_check { Kind::Reference(jars.clone()) } else { Kind::Gracchus };
    let reference = Broker::start(Kind::Reference(jars), SETTINGS).map_err(|e| e.to_string())?;
    let subject = Broker::start(subject, SETTINGS).map_err(|e| e.to_string())?;
    let begun = Instant::now();
    let compared = compare(&reference, &subject, cases)?;
    let took = begun.elapsed().as_secs();
    let unexplained = tell(&compared, options, took);
    let complaints = complaints(&subject);
    complaints.iter().take(20).for_each(|line| println!("Gracchus wrote: {line}"));
    if options.write {
        let path = compat_harness::repository_root().join("docs/MALFORMED.md");
        let text = report::document(&compared, &header(options));
        std::fs::write(&path, text).map_err(|e| format!("{}: {e}", path.display()))?;
    }
    Ok(unexplained == 0 && complaints.is_empty())
}

/// Every case, in the order in which both brokers are sent them.
fn all(seed: u64) -> Vec<Case> {
    let mut all = Vec::new();
    frames::frames(&mut all);
    lies::headers(&mut all);
    lies::bodies(&mut all);
    batches::batches(&mut all);
    cases::values(&mut all);
    // Last: what they change by chance is nothing that the others rest on.
    lies::random(&mut all, seed, RANDOM_EACH);
    all
}

/// Both brokers at once, each its cases one after the other: what a case changes, it changes on both before the next.
fn compare(reference: &Broker, subject: &Broker, cases: Vec<Case>) -> Result<Vec<Compared>, String> {
    let (kafka, ours) = thread::scope(|scope| {
        let kafka = scope.spawn(|| outcomes(reference, &cases));
        let ours = outcomes(subject, &cases);
        (kafka.join(), ours)
    });
    let kafka =
        kafka.map_err(|_| "the reference's side panicked")?.map_err(|e| format!("the reference: {e}"))?;
    let ours = ours.map_err(|e| format!("Gracchus: {e}"))?;
    let both = cases.into_iter().zip(kafka).zip(ours);
    Ok(both.map(|((case, kafka), ours)| Compared { case, kafka, ours }).collect())
}

fn outcomes(broker: &Broker, cases: &[Case]) -> Result<Vec<String>, String> {
    let world = World::make(broker.socket_address());
    let one = |case: &Case| match exchange::exchange(world.address, &world.own(&case.frame)) {
        Ok(seen) => Ok(outcome::outcome(case, &seen)),
        Err(error) => {
            Err(format!("no connection for {} v{} {}: {error}", case.name, case.version, case.frame.len()))
        }
    };
    cases.iter().map(one).collect()
}

/// Prints what differs; how many of the differences nobody has explained.
fn tell(compared: &[Compared], options: &Options, took: u64) -> usize {
    let different: Vec<&Compared> = compared.iter().filter(|compared| compared.differs()).collect();
    let unexplained: Vec<&&Compared> = different.iter().filter(|compared| compared.why().is_none()).collect();
    unexplained.iter().for_each(|compared| println!("{}", compared.line()));
    println!(
        "seed {}: {} cases in {took} s, {} differ, {} of them not explained",
        options.seed,
        compared.len(),
        different.len(),
        unexplained.len()
    );
    unexplained.len()
}

/// Warnings, errors and panics in what our broker wrote: no input from a client is worth one.
fn complaints(subject: &Broker) -> Vec<String> {
    if subject.is_reference() {
        return Vec::new();
    }
    let is_complaint = |line: &&str| [" WARN ", " ERROR ", "panicked"].iter().any(|word| line.contains(word));
    subject.log().lines().filter(is_complaint).map(str::to_owned).collect()
}

fn header(options: &Options) -> String {
    format!(
        "# Malformed input, beside Apache Kafka 4.3.1

Written by `cargo run --release -p compat-malformed -- --write` (random changes: seed {}). Both brokers are sent the same
bytes, each case over a connection of its own, and an ordinary request behind it.
",
        options.seed
    )
}
