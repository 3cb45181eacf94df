//! Runs Apache Kafka's own tools (and kcat) against the broker under test and against the reference broker, and
//! compares what they print. Expectations come from the reference alone; `scenarios/*.txt` says what is run.

mod diff;
mod disk;
mod dump;
mod lane;
mod mask;
mod report;
mod scenario;

use std::process::ExitCode;
use std::thread;
use std::time::Instant;

use compat_harness::{Broker, Jars, Kind, StartError, Tools, jars};

use crate::lane::{Lane, Observed};
use crate::report::Report;
use crate::scenario::Scenario;

const USAGE: &str = "compat-kafka-tools [--quick] [--only TEXT] [--self-check] [--show] [--list]
  --quick       only the scenarios marked so
  --only TEXT   only scenarios and checks whose name holds TEXT
  --self-check  the reference on both sides: what differs then is not masked well enough
  --show        print what the reference answered, masked, also where both agree
  --list        print the names and end";

/// Kafka waits 3 s for more members by default, which says nothing about what is compared.
const SETTINGS: &[(&str, &str)] = &[("group.initial.rebalance.delay.ms", "0")];

#[derive(Debug, Default)]
struct Options {
    quick: bool,
    only: Option<String>,
    self_check: bool,
    show: bool,
    list: bool,
}

impl Options {
    fn parse() -> Result<Options, String> {
        let mut options = Options::default();
        let mut args = std::env::args().skip(1);
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--quick" => options.quick = true,
                "--self-check" => options.self_check = true,
                "--show" => options.show = true,
                "--list" => options.list = true,
                "--only" => options.only = Some(args.next().ok_or("--only wants a text")?),
                _ => return Err(format!("unknown argument {arg}\n{USAGE}")),
            }
        }
        Ok(options)
    }

    fn wants(&self, scenario: &Scenario) -> bool {
        // The checks of what is on disk need their topics filled.
        let fills =
            scenario.name == disk::FILL && self.only.as_ref().is_some_and(|only| "disk".contains(only));
        let named = self.only.as_ref().is_none_or(|only| scenario.name.contains(only));
        (named || fills) && (!self.quick || scenario.has("quick"))
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
    let scenarios: Vec<Scenario> = read_scenarios()?.into_iter().filter(|s| options.wants(s)).collect();
    if options.list {
        scenarios.iter().for_each(|scenario| println!("{} {}", scenario.name, scenario.words.join(" ")));
        return Ok(true);
    }
    let mut report = Report::default();
    let jars = match Jars::find_or_fetch() {
        Ok(jars) => jars,
        Err(why) => {
            report.missing("everything with Kafka's tools", &why);
            return Ok(report.close());
        }
    };
    let tools = Tools::new(jars.clone()).map_err(|e| e.to_string())?;
    let subject = if options.self_check { Kind::Reference(jars.clone()) } else { Kind::Gracchus };
    let begun = Instant::now();
    let (mut reference, mut subject) =
        both(|| Broker::start(Kind::Reference(jars), SETTINGS), || Broker::start(subject, SETTINGS))?;
    println!("both brokers run after {:.1} s", begun.elapsed().as_secs_f32());
    compare_all(&mut report, &tools, [&reference, &subject], &scenarios, options.show);
    if scenarios.iter().any(|scenario| scenario.name == disk::FILL) {
        disk::check(&mut report, &tools, &mut reference, &mut subject)?;
    }
    Ok(report.close())
}

fn read_scenarios() -> Result<Vec<Scenario>, String> {
    let folder = compat_harness::repository_root().join("compat/kafka-tools/scenarios");
    let entries = std::fs::read_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let mut scenarios = Vec::new();
    for path in paths {
        let text = std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        scenarios.extend(scenario::parse(&text).map_err(|why| format!("{}: {why}", path.display()))?);
    }
    Ok(scenarios)
}

/// Both at once: most of a tool's time is waiting for the other side.
fn both<T: Send>(
    left: impl FnOnce() -> Result<T, StartError> + Send,
    right: impl FnOnce() -> Result<T, StartError>,
) -> Result<(T, T), String> {
    let (left, right) = thread::scope(|scope| {
        let left = scope.spawn(left);
        let right = right();
        (left.join(), right)
    });
    let left = left.map_err(|_| "starting the reference panicked".to_owned())?;
    Ok((left.map_err(|e| format!("the reference: {e}"))?, right.map_err(|e| format!("the subject: {e}"))?))
}

fn compare_all(
    report: &mut Report,
    tools: &Tools,
    brokers: [&Broker; 2],
    scenarios: &[Scenario],
    show: bool,
) {
    let [reference, subject] = brokers.map(|broker| Lane { address: broker.address(), tools });
    let unserved = subject.unserved_apis();
    for scenario in scenarios {
        if scenario.has("kcat")
            && let Err(why) = jars::on_path("kcat")
        {
            report.missing(&scenario.name, &why);
            continue;
        }
        if let Some(api) = unserved.iter().find(|api| scenario.has(&format!("api:{api}"))) {
            report.skip(&scenario.name, &format!("{api} is not served yet"));
            continue;
        }
        let begun = Instant::now();
        let problems = compare(&reference, &subject, scenario, show);
        report.check(&scenario.name, begun, &problems);
    }
}

fn compare(reference: &Lane<'_>, subject: &Lane<'_>, scenario: &Scenario, show: bool) -> Vec<String> {
    let (left, right) = thread::scope(|scope| {
        let left = scope.spawn(|| reference.run(scenario));
        let right = subject.run(scenario);
        (left.join().unwrap_or_else(|_| Err("panicked".to_owned())), right)
    });
    for observed in left.iter().flatten().filter(|_| show) {
        println!("$ {}", observed.title);
        observed.lines.iter().for_each(|line| println!("  | {line}"));
    }
    match (left, right) {
        (Ok(left), Ok(right)) => left.into_iter().zip(right).flat_map(|(a, b)| differences(a, b)).collect(),
        (left, right) => {
            let sides = [("reference", left.err()), ("subject", right.err())];
            sides.into_iter().filter_map(|(side, why)| why.map(|why| format!("{side}: {why}"))).collect()
        }
    }
}

fn differences(mut reference: Observed, mut subject: Observed) -> Vec<String> {
    if reference.served_only {
        let missing = mask::keep_served(&mut reference.lines, &mut subject.lines);
        println!("     ({missing} rows of APIs not served yet are left out of {})", reference.title);
    }
    let mut shown = diff::lines(&reference.lines, &subject.lines);
    if !shown.is_empty() {
        shown.insert(0, format!("$ {}   (- reference, + subject)", reference.title));
    }
    shown
}
