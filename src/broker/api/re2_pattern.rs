//! Whether a text is a regular expression to Kafka where that compiles them with RE2/J (1.8). Only the syntax is looked at:
//! there is nothing yet that such an expression is matched against.

use std::collections::HashSet;

/// How deep groups may be nested. RE2/J goes down until its stack is full, which is further.
const DEPTH_MAX: usize = 1000;

/// How often a repetition may ask for something.
const TIMES_MAX: u32 = 1000;

#[rustfmt::skip]
const CLASSES: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "word",
    "xdigit",
];

#[rustfmt::skip]
const CATEGORIES: [&str; 37] = [
    "Any", "C", "Cc", "Cf", "Co", "Cs", "L", "Ll", "Lm", "Lo", "Lt", "Lu", "M", "Mc", "Me", "Mn", "N", "Nd", "Nl", "No",
    "P", "Pc", "Pd", "Pe", "Pf", "Pi", "Po", "Ps", "S", "Sc", "Sk", "Sm", "So", "Z", "Zl", "Zp", "Zs",
];

/// Whether RE2/J compiles it.
pub fn is_re2_pattern(text: &str) -> bool {
    let mut parser = Parser { rest: text, names: HashSet::new(), depth: 0, can_repeat: false };
    parser.expression().is_some() && parser.depth == 0
}

/// Goes through the text once, without descending: groups that are open are counted.
struct Parser<'a> {
    rest: &'a str,
    /// Groups that have a name so far.
    names: HashSet<&'a str>,
    /// Groups that are open.
    depth: usize,
    /// There is something here that a repetition could be about.
    can_repeat: bool,
}

/// What `{` begins.
enum Braces<'a> {
    /// A repetition, and what follows it.
    Repetition(&'a str),
    /// Nothing: it is a letter.
    Letter,
}

/// Each function takes what it is about, and answers `None` where it finds something else.
impl<'a> Parser<'a> {
    fn next(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let next = chars.next()?;
        self.rest = chars.as_str();
        Some(next)
    }

    fn eat(&mut self, wanted: &str) -> bool {
        let behind = self.rest.strip_prefix(wanted);
        self.rest = behind.unwrap_or(self.rest);
        behind.is_some()
    }

    /// What stands before the next `end`, which is taken too.
    fn until(&mut self, end: &str) -> Option<&'a str> {
        let (text, behind) = self.rest.split_once(end)?;
        self.rest = behind;
        Some(text)
    }

    fn expression(&mut self) -> Option<()> {
        let mut is_repeated = false;
        while !self.rest.is_empty() {
            let was_repeated = std::mem::take(&mut is_repeated);
            match self.rest.as_bytes()[0] {
                b'(' => self.group()?,
                b')' => {
                    self.depth = self.depth.checked_sub(1)?;
                    self.next();
                    self.can_repeat = true;
                }
                b'|' => {
                    self.next();
                    self.can_repeat = false;
                }
                b'[' => {
                    self.class()?;
                    self.can_repeat = true;
                }
                b'*' | b'+' | b'?' => {
                    self.next();
                    is_repeated = true;
                }
                b'{' => match self.braces()? {
                    Braces::Repetition(behind) => {
                        self.rest = behind;
                        is_repeated = true;
                    }
                    Braces::Letter => {
                        self.next();
                        self.can_repeat = true;
                        // RE2/J takes it for a repetition still when it looks at what follows.
                        is_repeated = true;
                        continue;
                    }
                },
                b'\\' => self.escape()?,
                _ => {
                    self.next();
                    self.can_repeat = true;
                }
            }
            if is_repeated {
                if was_repeated || !self.can_repeat {
                    return None;
                }
                // Not greedy.
                self.eat("?");
            }
        }
        Some(())
    }

    /// The beginning of a group, or flags.
    fn group(&mut self) -> Option<()> {
        let opens = if self.eat("(?P<") || self.eat("(?<") {
            let name = self.until(">")?;
            let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            if !is_name || !self.names.insert(name) {
                return None;
            }
            true
        } else if self.eat("(?") {
            self.flags()?
        } else {
            self.next();
            true
        };
        if opens {
            if self.depth == DEPTH_MAX {
                return None;
            }
            self.depth += 1;
            self.can_repeat = false;
        }
        Some(())
    }

    /// Whether they are for a group that begins with them.
    fn flags(&mut self) -> Option<bool> {
        let (mut is_off, mut has_flag) = (false, false);
        loop {
            match self.next()? {
                'i' | 'm' | 's' | 'U' => has_flag = true,
                '-' if !is_off => (is_off, has_flag) = (true, false),
                end @ (':' | ')') if has_flag || !is_off => return Some(end == ':'),
                _ => return None,
            }
        }
    }

    fn braces(&self) -> Option<Braces<'a>> {
        let number = |text: &'a str| {
            let digits = text.bytes().take_while(u8::is_ascii_digit).count();
            text.split_at(digits)
        };
        let (min, mut behind) = number(&self.rest[1..]);
        let mut max = min;
        if let Some(text) = behind.strip_prefix(',') {
            (max, behind) = number(text);
        }
        let Some(behind) = behind.strip_prefix('}') else { return Some(Braces::Letter) };
        if min.is_empty() {
            return Some(Braces::Letter);
        }
        let times = |text: &str| text.parse::<u32>().ok().filter(|times| *times <= TIMES_MAX);
        let min = times(min)?;
        if !max.is_empty() && times(max)? < min {
            return None;
        }
        Some(Braces::Repetition(behind))
    }

    /// What begins with a backslash, outside of a class.
    fn escape(&mut self) -> Option<()> {
        if self.eat(r"\Q") {
            let (quoted, behind) = self.rest.split_once(r"\E").unwrap_or((self.rest, ""));
            self.rest = behind;
            self.can_repeat |= !quoted.is_empty();
            return Some(());
        }
        let is_place = [r"\A", r"\b", r"\B", r"\z"].iter().any(|place| self.eat(place));
        if !is_place && !self.family()? {
            self.next();
            self.escaped()?;
        }
        self.can_repeat = true;
        Some(())
    }

    /// A family of characters. Answers whether there is one here.
    fn family(&mut self) -> Option<bool> {
        if [r"\d", r"\D", r"\s", r"\S", r"\w", r"\W"].iter().any(|family| self.eat(family)) {
            return Some(true);
        }
        if !self.eat(r"\p") && !self.eat(r"\P") {
            return Some(false);
        }
        let name = if self.eat("{") {
            self.until("}")?
        } else {
            let (letter, behind) = self.rest.split_at(self.rest.chars().next()?.len_utf8());
            self.rest = behind;
            letter
        };
        is_unicode_family(name.strip_prefix('^').unwrap_or(name)).then_some(true)
    }

    /// The character that stands behind a backslash.
    fn escaped(&mut self) -> Option<char> {
        let code = match self.next()? {
            digit @ '0'..='7' => {
                let more = self.rest.bytes().take(2).take_while(|b| matches!(b, b'0'..=b'7')).count();
                if digit != '0' && more == 0 {
                    return None;
                }
                let (digits, behind) = self.rest.split_at(more);
                self.rest = behind;
                u32::from_str_radix(&format!("{digit}{digits}"), 8).ok()?
            }
            'x' if self.eat("{") => hexadecimal(self.until("}")?)?,
            'x' => {
                let digits = self.rest.get(..2)?;
                self.rest = &self.rest[2..];
                hexadecimal(digits)?
            }
            'a' => 7,
            'f' => 12,
            'n' => 10,
            'r' => 13,
            't' => 9,
            'v' => 11,
            letter if letter.is_ascii_alphanumeric() => return None,
            other => return Some(other),
        };
        Some(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn class(&mut self) -> Option<()> {
        self.next();
        self.eat("^");
        let mut is_empty = true;
        while is_empty || !self.eat("]") {
            is_empty = false;
            if self.rest.starts_with("[:") && self.rest.contains(":]") {
                self.eat("[:");
                let name = self.until(":]")?;
                if !CLASSES.contains(&name.strip_prefix('^').unwrap_or(name)) {
                    return None;
                }
                continue;
            }
            if self.family()? {
                continue;
            }
            let first = self.element()?;
            if self.rest.starts_with('-') && !self.rest.starts_with("-]") {
                self.next();
                if !self.rest.is_empty() && self.element()? < first {
                    return None;
                }
            }
        }
        Some(())
    }

    /// One character of a class.
    fn element(&mut self) -> Option<char> {
        match self.next()? {
            '\\' => self.escaped(),
            other => Some(other),
        }
    }
}

fn hexadecimal(digits: &str) -> Option<u32> {
    let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_hexdigit());
    let code = is_number.then(|| digits.trim_start_matches('0'))?;
    if code.is_empty() {
        return Some(0);
    }
    u32::from_str_radix(code, 16).ok().filter(|code| *code <= u32::from(char::MAX))
}

/// Whether Unicode has a category or a script of this name. Scripts in another spelling pass too.
fn is_unicode_family(name: &str) -> bool {
    let is_word = name.bytes().all(|b| b.is_ascii_alphabetic() || b == b'_');
    let is_script = || regex_syntax::parse(&format!(r"\p{{Script={name}}}")).is_ok();
    CATEGORIES.contains(&name) || is_word && name.len() > 2 && !name.starts_with("Is") && is_script()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAKEN: &[&str] = &[
        "",
        "x.*",
        "|",
        "a|b",
        "{",
        "a{",
        "a{1",
        "a{,2}",
        "a{1,2",
        "a{x}",
        "a{1}{",
        "(a{)",
        "a{01}",
        "a{1,1000}",
        "a{2,}?",
        "^{1}",
        "a(?i)*",
        "(?)",
        "(?i-s:a)",
        "(?U)a",
        "(?P<n>a)(?<m>b)",
        "[{]",
        "[]a]",
        "[^]a]",
        "[[a]",
        "[[:a]",
        "[a-]",
        "[[:^alpha:]]",
        "[a&&b]",
        "^[^a-z]+?$",
        r"\Q{",
        r"\Qa\E{2}",
        r"\x{0000041}",
        r"\x41",
        r"\0",
        r"\08",
        r"\12",
        r"\pN",
        r"\p{Greek}",
        r"\p{^Lu}",
        r"\P{Any}",
        r"\A\b\B\z",
        r"\_",
        r"\é",
        "é",
    ];
    const REFUSED: &[&str] = &[
        "(",
        ")",
        "*",
        "|*",
        "(*",
        "[",
        "[]",
        "[a-",
        "[z-a]",
        "[a--b]",
        r"[a-\d]",
        "[[:nope:]]",
        "{1}",
        "{*",
        "x{{1}",
        "a**",
        "a{1}{2}",
        "a*{2}",
        "a{2,1}",
        "a{1001}",
        "a{1,1001}",
        "a{99999999999}",
        "(?",
        "(?i",
        "(?-)",
        "(?i-)",
        "(?x)a",
        "(?=a)",
        "(?P<n>a)(?P<n>b)",
        "(?<n",
        "(?<>a)",
        "(?<a-b>a)",
        r"\",
        r"\8",
        r"\1",
        r"\C",
        r"\Z",
        r"\h",
        r"\u0041",
        r"\x4",
        r"\x{}",
        r"\x{110000}",
        r"\p",
        r"\p{Nope}",
        r"\p{IsGreek}",
        r"\p{Cn}",
        r"\pé",
    ];

    /// As RE2/J 1.8 answers.
    #[test]
    fn patterns_are_taken_and_refused_as_by_re2j() {
        for pattern in TAKEN {
            assert!(is_re2_pattern(pattern), "{pattern}");
        }
        for pattern in REFUSED {
            assert!(!is_re2_pattern(pattern), "{pattern}");
        }
    }

    #[test]
    fn a_pattern_that_is_nested_without_end_is_refused() {
        assert!(!is_re2_pattern(&"(".repeat(16_000)));
        let nested = |depth| format!("{}a{}", "(".repeat(depth), ")".repeat(depth));
        assert!(is_re2_pattern(&nested(DEPTH_MAX)));
        assert!(!is_re2_pattern(&nested(10_000)));
    }
}
