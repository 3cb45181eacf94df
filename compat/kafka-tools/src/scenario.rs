//! Scenario files: what is typed at a terminal, in order, and how the answers are to be compared.
//!
//! One line each:
//! `[name] words`      a scenario begins; `quick` puts it into the quick part, `kcat` says that it needs kcat,
//!                     `api:Name` that it needs an API which the subject may not serve yet
//! `> file text`       append a line to a file in the scenario's directory, named `{dir}/file` in arguments
//! `$ tool args`       run a tool to its end
//! `& id tool args`    start a tool that goes on running
//! `< text`            a line of input for the tool above; `<N text` sends it N times with `{n}` counted from 1
//! `~ id text`         wait until the running tool has printed `text` (again)
//! `! id TERM|KILL|-`  end the running tool with that signal, or wait for its own end, and take its output
//! `% filter`          a filter for the tool above (for a running one: below its `!`), see [`Filter`]

use regex::Regex;

/// Changes what is compared; everything else must be equal.
#[derive(Clone, Debug)]
pub enum Filter {
    /// `sort`: the order of the lines is not promised.
    Sort,
    /// `keep REGEX`: only such lines.
    Keep(Regex),
    /// `hide REGEX`: all but such lines.
    Hide(Regex),
    /// `mask REGEX`: `*` in place of it.
    Mask(Regex),
    /// `until REGEX`: repeat the command until its output matches.
    Until(Regex),
    /// `code`: only the exit code counts.
    Code,
    /// `served`: rows of APIs that the subject does not serve are left out on both sides.
    Served,
}

#[derive(Clone, Debug)]
pub struct Call {
    pub tool: String,
    pub args: Vec<String>,
    pub stdin: String,
    pub filters: Vec<Filter>,
}

#[derive(Clone, Debug)]
pub enum Step {
    File { name: String, line: String },
    Run(Call),
    Start { id: String, call: Call },
    WaitFor { id: String, text: String },
    End { id: String, signal: String, filters: Vec<Filter> },
}

#[derive(Clone, Debug)]
pub struct Scenario {
    pub name: String,
    pub words: Vec<String>,
    pub steps: Vec<Step>,
}

impl Scenario {
    pub fn has(&self, word: &str) -> bool {
        self.words.iter().any(|have| have == word)
    }
}

/// Reads one file. The error names the line.
pub fn parse(text: &str) -> Result<Vec<Scenario>, String> {
    let mut scenarios: Vec<Scenario> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some((name, words)) = line.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            let words = words.split_whitespace().map(str::to_owned).collect();
            scenarios.push(Scenario { name: name.to_owned(), words, steps: Vec::new() });
            continue;
        }
        let steps = scenarios.last_mut().map(|scenario| &mut scenario.steps);
        let done = steps.ok_or_else(|| "a step before any scenario".to_owned()).and_then(|to| add(to, line));
        done.map_err(|why| format!("line {}: {why}: {line}", index + 1))?;
    }
    Ok(scenarios)
}

fn add(steps: &mut Vec<Step>, line: &str) -> Result<(), String> {
    let (verb, rest) = line.split_at_checked(1).ok_or("not a step")?;
    let text = rest.strip_prefix(' ').unwrap_or(rest);
    match verb {
        "$" => steps.push(Step::Run(call(text)?)),
        "<" => input(steps, rest)?,
        "%" => filters(steps)?.push(filter(text)?),
        ">" => {
            let (name, line) = two(text)?;
            steps.push(Step::File { name, line });
        }
        "&" => {
            let (id, command) = two(text)?;
            steps.push(Step::Start { id, call: call(&command)? });
        }
        "~" => {
            let (id, text) = two(text)?;
            steps.push(Step::WaitFor { id, text });
        }
        "!" => {
            let (id, signal) = two(text)?;
            steps.push(Step::End { id, signal, filters: Vec::new() });
        }
        _ => return Err("unknown verb".to_owned()),
    }
    Ok(())
}

fn two(text: &str) -> Result<(String, String), String> {
    let (first, second) = text.split_once(' ').ok_or("two words are wanted")?;
    Ok((first.to_owned(), second.to_owned()))
}

fn call(text: &str) -> Result<Call, String> {
    let mut words = words(text)?.into_iter();
    let tool = words.next().ok_or("no tool")?;
    Ok(Call { tool, args: words.collect(), stdin: String::new(), filters: Vec::new() })
}

fn input(steps: &mut [Step], rest: &str) -> Result<(), String> {
    let (Some(Step::Run(call)) | Some(Step::Start { call, .. })) = steps.last_mut() else {
        return Err("input for no tool".to_owned());
    };
    let (count, line) = rest.split_once(' ').unwrap_or((rest, ""));
    let count = if count.is_empty() { 1 } else { count.parse().map_err(|_| "not a count")? };
    for n in 1..=count {
        call.stdin.push_str(&line.replace("{n}", &n.to_string()));
        call.stdin.push('\n');
    }
    Ok(())
}

fn filters(steps: &mut [Step]) -> Result<&mut Vec<Filter>, String> {
    match steps.last_mut() {
        Some(Step::Run(call)) => Ok(&mut call.filters),
        Some(Step::End { filters, .. }) => Ok(filters),
        _ => Err("a filter for no output".to_owned()),
    }
}

fn filter(text: &str) -> Result<Filter, String> {
    let (name, argument) = text.split_once(' ').unwrap_or((text, ""));
    let regex = || Regex::new(argument).map_err(|e| e.to_string());
    match name {
        "sort" => Ok(Filter::Sort),
        "keep" => Ok(Filter::Keep(regex()?)),
        "hide" => Ok(Filter::Hide(regex()?)),
        "mask" => Ok(Filter::Mask(regex()?)),
        "until" => Ok(Filter::Until(regex()?)),
        "code" => Ok(Filter::Code),
        "served" => Ok(Filter::Served),
        _ => Err("unknown filter".to_owned()),
    }
}

/// Splits as a shell does: blanks between words, quotes of either kind around blanks.
fn words(text: &str) -> Result<Vec<String>, String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for c in text.chars() {
        match (quote, c) {
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (Some(open), _) if c == open => quote = None,
            (None, ' ') => words.extend(word.take()),
            _ => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    if quote.is_some() { Err("an open quote".to_owned()) } else { Ok(words) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_as_a_shell_does() {
        assert_eq!(words("a 'b c' d=\"e f\" ''").unwrap(), ["a", "b c", "d=e f", ""]);
        assert!(words("a 'b").is_err());
    }

    #[test]
    fn a_line_of_input_can_be_counted_out() {
        let scenarios = parse("[s] quick\n$ t\n<2 v{n}\n< last\n").unwrap();
        let Some(Step::Run(call)) = scenarios[0].steps.first() else { panic!("a step") };
        assert_eq!(call.stdin, "v1\nv2\nlast\n");
        assert!(scenarios[0].has("quick"));
    }

    #[test]
    fn every_scenario_file_is_understood() {
        for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios")).unwrap() {
            let path = entry.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            parse(&text).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
        }
    }
}
