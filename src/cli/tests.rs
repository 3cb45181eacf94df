//! From arguments, environment and file to the configuration.

use std::ffi::OsString;

use super::*;

/// A command with an environment and, when there is one, a file that stands where `FILE` is written.
struct Case<'a> {
    args: &'a [&'a str],
    environment: &'a [(&'a str, &'a str)],
    file: Option<&'a str>,
}

fn setup(case: &Case<'_>) -> Result<Setup, CliError> {
    let file = case.file.map(|text| {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        file
    });
    let args = ["gracchus"].iter().chain(case.args).map(|arg| match (&file, *arg) {
        (Some(file), "FILE") => file.path().as_os_str().to_owned(),
        _ => OsString::from(arg),
    });
    let Parsed::Flags(flags) = Flags::parse_args(args)? else { panic!("help was asked for") };
    let variables = case.environment.iter().map(|(k, v)| (OsString::from(k), OsString::from(v)));
    Setup::new(&flags, Environment::read(variables)?)
}

fn run(args: &[&str]) -> Result<Setup, CliError> {
    setup(&Case { args, environment: &[], file: None })
}

fn with_file(args: &[&str], file: &str) -> Result<Setup, CliError> {
    setup(&Case { args, environment: &[], file: Some(file) })
}

/// The line that a user sees, of an error that calls for another command or configuration.
fn refused(args: &[&str]) -> String {
    usage(run(args))
}

fn usage(result: Result<Setup, CliError>) -> String {
    match result {
        Err(CliError::Usage(line)) => {
            assert!(!line.contains('\n'), "{line}");
            line
        }
        other => panic!("{other:?}"),
    }
}

fn help() -> String {
    match Flags::parse_args(["gracchus".into(), "--help".into()]) {
        Ok(Parsed::Print(text)) => text,
        other => panic!("{other:?}"),
    }
}

const COMBINED: &str = "\
process.roles=broker,controller
node.id=7
controller.quorum.voters=7@localhost:9093
listeners=PLAINTEXT://:9092,CONTROLLER://:9093
inter.broker.listener.name=PLAINTEXT
advertised.listeners=PLAINTEXT://localhost:9092
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL
num.network.threads=3
num.io.threads=8
log.dirs=/tmp/a,/tmp/b
log.retention.hours=24
";

#[test]
fn help_fits_a_screen_and_shows_examples() {
    let page = help();
    assert!(page.lines().count() <= 24, "{} lines\n{page}", page.lines().count());
    assert!(page.lines().all(|line| line.chars().count() <= 80), "{page}");
    assert!(page.contains("Examples:") && page.contains("--ephemeral"));
}

#[test]
fn version_is_printed() {
    let printed = Flags::parse_args(["gracchus".into(), "--version".into()]);
    let Ok(Parsed::Print(text)) = printed else { panic!("{printed:?}") };
    assert_eq!(text, format!("gracchus {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn without_arguments_it_is_a_durable_loopback_node() {
    let setup = run(&[]).unwrap();
    assert_eq!(setup.config.listeners[0].bind.to_string(), "127.0.0.1:9092");
    assert_eq!(setup.config.log_dirs, ["./gracchus-data"]);
    assert!(setup.config.topic_defaults.flush_before_ack);
    assert!(setup.ephemeral.is_none() && setup.warnings.is_empty());
}

#[test]
fn a_combined_server_properties_is_taken_as_it_is() {
    for args in [["FILE"].as_slice(), &["-c", "FILE"], &["--config", "FILE"]] {
        let setup = with_file(args, COMBINED).unwrap();
        assert_eq!(setup.config.node_id.get(), 7);
        assert_eq!(setup.config.log_dirs, ["/tmp/a", "/tmp/b"]);
        assert_eq!(setup.config.listeners.len(), 1);
        assert_eq!(setup.config.controller_listeners.len(), 1);
        assert_eq!(
            setup.warnings,
            ["settings of Kafka that are not implemented here and have no effect: num.io.threads, \
              num.network.threads"]
        );
    }
    assert!(usage(with_file(&["FILE", "-c", "FILE"], COMBINED)).contains("cannot be used with"));
}

#[test]
fn flags_go_before_the_environment_and_that_before_the_file() {
    let retention = |args: &[&str], environment: &[(&str, &str)]| {
        let case = Case { args, environment, file: Some(COMBINED) };
        setup(&case).unwrap().config.topic_defaults.retention_ms / 3_600_000
    };
    let variable = [("KAFKA_LOG_RETENTION_HOURS", "48")];
    assert_eq!(retention(&[], &[]), 168);
    assert_eq!(retention(&["FILE"], &[]), 24);
    assert_eq!(retention(&["FILE"], &variable), 48);
    assert_eq!(retention(&["FILE", "--set", "log.retention.hours=72"], &variable), 72);
    assert_eq!(retention(&["FILE", "--override", "log.retention.hours=96"], &variable), 96);
}

#[test]
fn an_unknown_name_in_a_flag_is_refused_with_the_nearest_known_one() {
    assert_eq!(
        refused(&["--set", "log.retension.hours=1"]),
        "--set log.retension.hours=1: there is no setting log.retension.hours, did you mean log.retention.hours?"
    );
    assert!(refused(&["--set", "num.io.thread=1"]).ends_with("did you mean num.io.threads?"));
    assert!(refused(&["--set", "retention.ms=1"]).contains("log.retention.ms is its default for all topics"));
    assert_eq!(
        refused(&["--lisen", "x"]),
        "unexpected argument '--lisen' found, did you mean '--listen'? (gracchus --help lists the flags)"
    );
    assert!(refused(&["--set", "log.dirs"]).contains("KEY=VALUE is needed"));
}

#[test]
fn unknown_names_in_files_and_the_environment_are_one_warning() {
    let case = Case {
        args: &["FILE"],
        environment: &[("KAFKA_SUPER__USERS", "x"), ("KAFKA_HEAP_OPTS", "-Xmx1G")],
        file: Some("zookeeper.connect=z\nmy.plugin.setting=1\nnum.partitions=3\n"),
    };
    let warnings = setup(&case).unwrap().warnings;
    assert_eq!(
        warnings,
        ["unknown settings that have no effect: my.plugin.setting, super_users, zookeeper.connect"]
    );
}

#[test]
fn a_known_setting_without_effect_is_one_warning_in_flags_too() {
    let setup = run(&["--set", "num.io.threads=4", "--set", "log.cleaner.threads=2"]).unwrap();
    assert_eq!(setup.warnings.len(), 1);
    assert!(setup.warnings[0].ends_with("log.cleaner.threads, num.io.threads"), "{:?}", setup.warnings);
}

#[test]
fn bad_values_are_refused_in_kafkas_words() {
    let line = refused(&["--set", "log.retention.ms=soon"]);
    assert_eq!(line, "Invalid value soon for configuration log.retention.ms: Not a number of type LONG");
    let file = usage(with_file(&["FILE"], "num.partitions=0"));
    assert_eq!(file, "Invalid value 0 for configuration num.partitions: Value must be at least 1");
    assert!(
        usage(with_file(&["FILE"], "a=\\u12"))
            .ends_with("line 1: \\u must be followed by four hexadecimal digits")
    );
    assert!(refused(&["/no/such/file"]).starts_with("cannot read /no/such/file: "));
}

#[test]
fn a_role_alone_and_several_voters_are_refused() {
    assert!(usage(with_file(&["FILE"], "process.roles=broker\n")).starts_with("process.roles=broker: "));
    let voters = "controller.quorum.voters=1@a:1,2@b:1,3@c:1\n";
    assert!(usage(with_file(&["FILE"], voters)).contains("names 3 controllers"));
}

#[test]
fn listen_takes_the_place_of_every_listener_of_the_file() {
    let setup = with_file(&["FILE", "--listen", "[::1]:0"], COMBINED).unwrap();
    assert_eq!(setup.config.listeners.len(), 1);
    assert_eq!(setup.config.listeners[0].bind.to_string(), "[::1]:0");
    assert_eq!(setup.config.listeners[0].advertised, None);
    assert!(setup.config.controller_listeners.is_empty());
    assert!(refused(&["--listen", "9092"]).contains("HOST:PORT is needed"));
    assert!(refused(&["--listen", "a:1", "--set", "listeners=PLAINTEXT://b:1"]).contains("set twice"));
}

#[test]
fn advertise_is_for_the_first_listener_of_clients() {
    let told = |args: &[&str], file: &str| {
        let setup = with_file(args, file).unwrap();
        setup.config.listeners[0].advertised.as_ref().map(ToString::to_string)
    };
    assert_eq!(told(&["FILE"], COMBINED).as_deref(), Some("localhost:9092"));
    assert_eq!(told(&["FILE", "--advertise", "h:1"], COMBINED).as_deref(), Some("h:1"));
    assert_eq!(told(&["--advertise", "h"], "").as_deref(), Some("h:0"));
    let named = "listeners=CONTROLLER://:1,OUT://:2\ncontroller.listener.names=CONTROLLER\n\
                 listener.security.protocol.map=CONTROLLER:PLAINTEXT,OUT:PLAINTEXT\n";
    assert_eq!(told(&["FILE", "--advertise", "h:1"], named).as_deref(), Some("h:1"));
    for bad in ["0.0.0.0:1", ":1", "a b:1"] {
        refused(&["--advertise", bad]);
    }
}

#[test]
fn several_data_directories_are_kept_in_order() {
    let setup = run(&["--data-dir", "/b", "--data-dir", "/a"]).unwrap();
    assert_eq!(setup.config.log_dirs, ["/b", "/a"]);
    assert!(refused(&["--data-dir", "/a,b"]).contains("no comma"));
    assert!(refused(&["--data-dir", "/a", "--set", "log.dirs=/b"]).contains("log.dirs is set twice"));
    assert!(refused(&["--data-dir", "/a", "--ephemeral"]).contains("cannot be used with"));
}

#[test]
fn an_ephemeral_broker_has_a_directory_of_its_own_that_goes_away() {
    let setup =
        with_file(&["--ephemeral", "FILE"], "log.dirs=/precious\nmetadata.log.dir=/precious\n").unwrap();
    let dir = setup.ephemeral.as_ref().unwrap().path().to_owned();
    assert_eq!(setup.config.log_dirs, [dir.to_str().unwrap()]);
    assert_eq!(setup.config.metadata_log_dir, dir.to_str().unwrap());
    assert_eq!(setup.config.group_initial_rebalance_delay_ms, 0);
    assert!(!setup.config.topic_defaults.flush_before_ack);
    std::fs::write(dir.join("something"), "x").unwrap();
    drop(setup);
    assert!(!dir.exists());
}

#[test]
fn an_ephemeral_broker_keeps_what_was_set_by_hand() {
    let setup = run(&["--ephemeral", "--set", "group.initial.rebalance.delay.ms=9"]).unwrap();
    assert_eq!(setup.config.group_initial_rebalance_delay_ms, 9);
    let dir = setup.ephemeral.unwrap();
    let path = dir.path().to_owned();
    dir.remove().unwrap();
    assert!(!path.exists());
}

#[test]
fn the_cluster_id_comes_from_the_flag_or_the_environment() {
    let environment = [("CLUSTER_ID", "from-environment")];
    let id = |args: &[&str]| setup(&Case { args, environment: &environment, file: None }).unwrap().cluster_id;
    assert_eq!(id(&[]).as_deref(), Some("from-environment"));
    assert_eq!(id(&["--cluster-id", "from-flag"]).as_deref(), Some("from-flag"));
    assert_eq!(run(&[]).unwrap().cluster_id, None);
}
