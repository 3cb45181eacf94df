//! Whether a text is a regular expression to Kafka, which compiles those of subscriptions with Java's `Pattern` (of Java 17).
//! Only the syntax is looked at: there is nothing that such an expression is matched against here. Not looked up are names
//! that Unicode gives to characters, blocks and scripts.

use std::collections::HashSet;

/// How deep groups and classes may be nested: the parser goes down as deep. Java's goes until its stack is full.
const DEPTH_MAX: usize = 200;

/// What may stand in `\p{...}` without `In` or `Is` before it, besides what begins with `java`.
#[rustfmt::skip]
const PROPERTIES: &[&str] = &[
    "ASCII", "Alnum", "Alpha", "Blank", "C", "Cc", "Cf", "Cn", "Cntrl", "Co", "Cs", "Digit", "Graph", "L", "L1", "LC",
    "LD", "Ll", "Lm", "Lo", "Lower", "Lt", "Lu", "M", "Mc", "Me", "Mn", "N", "Nd", "Nl", "No", "P", "Pc", "Pd", "Pe",
    "Pf", "Pi", "Po", "Print", "Ps", "Punct", "S", "Sc", "Sk", "Sm", "So", "Space", "Upper", "XDigit", "Z", "Zl", "Zp",
    "Zs", "all",
];

/// Whether Java compiles it.
pub fn is_java_pattern(text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    let mut parser =
        Parser { rest: &text, depth: 0, names: HashSet::new(), has_comments: false, refers_back: false };
    parser.alternatives().is_some() && parser.rest.is_empty()
}

struct Parser<'a> {
    rest: &'a [char],
    depth: usize,
    /// Groups that have a name so far.
    names: HashSet<String>,
    /// White space and what stands behind `#` are passed over (flag `x`).
    has_comments: bool,
    /// There was a reference to a group, which a look behind cannot have in it.
    refers_back: bool,
}

/// One of the elements of a class or a sequence.
enum Escape {
    One(char),
    /// Of several characters, or a place between them.
    Other,
}

/// Each function takes what it is about, and answers `None` where it finds something else.
impl Parser<'_> {
    fn peek(&mut self) -> Option<char> {
        while self.has_comments {
            match self.rest {
                [blank, rest @ ..] if blank.is_ascii_whitespace() || *blank == '\x0b' => self.rest = rest,
                ['#', rest @ ..] => {
                    let line = rest.iter().position(|c| *c == '\n').unwrap_or(rest.len());
                    self.rest = &rest[line..];
                }
                _ => break,
            }
        }
        self.rest.first().copied()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.rest = &self.rest[1..];
        Some(next)
    }

    /// The next character, comments or not.
    fn next_raw(&mut self) -> Option<char> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn eat(&mut self, wanted: char) -> bool {
        let is_there = self.peek() == Some(wanted);
        if is_there {
            self.rest = &self.rest[1..];
        }
        is_there
    }

    /// Takes characters while they are of a kind, and answers them.
    fn take_while(&mut self, is_wanted: impl Fn(&char) -> bool) -> String {
        let count = self.rest.iter().take_while(|c| is_wanted(c)).count();
        let (taken, rest) = self.rest.split_at(count);
        self.rest = rest;
        taken.iter().collect()
    }

    /// What is one level deeper.
    fn nested(&mut self, inner: impl FnOnce(&mut Self) -> Option<()>) -> Option<()> {
        if self.depth == DEPTH_MAX {
            return None;
        }
        self.depth += 1;
        inner(self)?;
        self.depth -= 1;
        Some(())
    }

    fn alternatives(&mut self) -> Option<()> {
        self.sequence()?;
        while self.eat('|') {
            self.sequence()?;
        }
        Some(())
    }

    fn sequence(&mut self) -> Option<()> {
        loop {
            match self.peek() {
                None | Some('|' | ')') => return Some(()),
                Some('?' | '*' | '+') => return None,
                // A repetition of nothing.
                Some('{') => {}
                Some('(') => {
                    self.rest = &self.rest[1..];
                    let has_content = self.group()?;
                    if !has_content {
                        continue;
                    }
                }
                Some('[') => {
                    self.rest = &self.rest[1..];
                    self.nested(Self::class)?;
                }
                Some('\\') if self.rest.get(1) == Some(&'Q') => {
                    if self.quoted() == 0 {
                        continue;
                    }
                }
                Some('\\') => {
                    self.rest = &self.rest[1..];
                    self.escape(false)?;
                }
                Some(_) => drop(self.next()),
            }
            self.quantifier()?;
        }
    }

    /// How often what stands before it may come.
    fn quantifier(&mut self) -> Option<()> {
        match self.peek() {
            Some('?' | '*' | '+') => self.rest = &self.rest[1..],
            Some('{') => {
                self.rest = &self.rest[1..];
                self.repetition()?;
            }
            _ => return Some(()),
        }
        // Reluctant or possessive.
        let _ = self.eat('?') || self.eat('+');
        Some(())
    }

    fn repetition(&mut self) -> Option<()> {
        let min: i32 = self.take_while(char::is_ascii_digit).parse().ok()?;
        if self.eat(',') {
            let max = self.take_while(char::is_ascii_digit);
            if !max.is_empty() && max.parse::<i32>().ok()? < min {
                return None;
            }
        }
        self.eat('}').then_some(())
    }

    /// A group behind its parenthesis. Answers whether there is something that a quantifier could be about.
    fn group(&mut self) -> Option<bool> {
        let comments = self.has_comments;
        let refers_back = self.refers_back;
        let mut looks_behind = false;
        if self.eat('?') {
            match self.next_raw()? {
                ':' | '=' | '!' | '>' => {}
                '<' => match self.rest.first()? {
                    '=' | '!' => {
                        self.rest = &self.rest[1..];
                        looks_behind = true;
                        self.refers_back = false;
                    }
                    _ => {
                        let name = self.group_name()?;
                        if !self.names.insert(name) {
                            return None;
                        }
                    }
                },
                first => {
                    if !self.flags(first)? {
                        return Some(false);
                    }
                }
            }
        }
        self.nested(Self::alternatives)?;
        if !self.eat(')') {
            return None;
        }
        if looks_behind {
            if self.refers_back {
                return None;
            }
            self.refers_back = refers_back;
        }
        self.has_comments = comments;
        Some(true)
    }

    /// Flags of a group, of which the first has been taken. Answers whether they are for a group, or for all behind them.
    fn flags(&mut self, first: char) -> Option<bool> {
        let (mut flag, mut is_on) = (first, true);
        loop {
            match flag {
                'i' | 'm' | 's' | 'd' | 'u' | 'c' | 'U' => {}
                'x' => self.has_comments = is_on,
                '-' if is_on => is_on = false,
                ':' => return Some(true),
                ')' => return Some(false),
                _ => return None,
            }
            flag = self.next()?;
        }
    }

    /// A name of Latin letters and digits, and the bracket behind it.
    fn group_name(&mut self) -> Option<String> {
        let name = self.take_while(char::is_ascii_alphanumeric);
        let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic()) && self.eat('>');
        is_name.then_some(name)
    }

    /// `\Q` to `\E` or the end. Answers how many characters are quoted.
    fn quoted(&mut self) -> usize {
        let text = &self.rest[2..];
        let end = text.windows(2).position(|two| two == ['\\', 'E']);
        self.rest = end.map_or(&[], |end| &text[end + 2..]);
        end.unwrap_or(text.len())
    }

    /// A class behind its bracket.
    fn class(&mut self) -> Option<()> {
        self.eat('^');
        let mut is_empty = true;
        loop {
            match self.peek()? {
                ']' if !is_empty => {
                    self.rest = &self.rest[1..];
                    return Some(());
                }
                '[' => {
                    self.rest = &self.rest[1..];
                    self.nested(Self::class)?;
                }
                '&' if self.rest.get(1) == Some(&'&') => {
                    self.rest = &self.rest[2..];
                    if is_empty && matches!(self.peek(), Some(']' | '&')) {
                        return None;
                    }
                    continue;
                }
                '\\' if self.rest.get(1) == Some(&'Q') => {
                    if self.quoted() == 0 {
                        continue;
                    }
                }
                _ => self.range()?,
            }
            is_empty = false;
        }
    }

    /// An element of a class: one character, or from one to another.
    fn range(&mut self) -> Option<()> {
        let Escape::One(first) = self.element()? else { return Some(()) };
        let is_range = self.peek() == Some('-') && !matches!(self.rest.get(1), Some('[' | ']'));
        if !is_range {
            return Some(());
        }
        self.rest = &self.rest[1..];
        match self.element()? {
            Escape::One(last) if last >= first => Some(()),
            _ => None,
        }
    }

    fn element(&mut self) -> Option<Escape> {
        match self.next()? {
            '\\' => self.escape(true),
            other => Some(Escape::One(other)),
        }
    }

    /// What stands behind a backslash.
    fn escape(&mut self, in_class: bool) -> Option<Escape> {
        let one = |code: u32| Some(Escape::One(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)));
        match self.next_raw()? {
            '0' => one(self.octal()?),
            'x' if self.rest.first() == Some(&'{') => {
                self.rest = &self.rest[1..];
                let digits = self.take_while(char::is_ascii_hexdigit);
                let code = u32::from_str_radix(digits.trim_start_matches('0'), 16);
                let code = if digits.starts_with('0') { code.unwrap_or(0) } else { code.ok()? };
                (code <= u32::from(char::MAX) && self.next_raw() == Some('}')).then_some(())?;
                one(code)
            }
            'x' => one(self.hexadecimal(2)?),
            'u' => one(self.hexadecimal(4)?),
            'c' => one(u32::from(self.next_raw()?) ^ 64),
            'N' => self.unicode_name(),
            'a' => one(7),
            'e' => one(27),
            'f' => one(12),
            'n' => one(10),
            'r' => one(13),
            't' => one(9),
            'v' if in_class && self.rest.first() == Some(&'-') => one(11),
            'd' | 'D' | 'h' | 'H' | 's' | 'S' | 'v' | 'V' | 'w' | 'W' => Some(Escape::Other),
            'p' | 'P' => self.property(),
            '1'..='9' | 'A' | 'B' | 'G' | 'R' | 'X' | 'Z' | 'b' | 'k' | 'z' if in_class => None,
            'b' if self.rest.starts_with(&['{', 'g']) => self.grapheme_bound(),
            'A' | 'B' | 'G' | 'R' | 'X' | 'Z' | 'b' | 'z' => Some(Escape::Other),
            '1'..='9' => {
                self.refers_back = true;
                Some(Escape::Other)
            }
            'k' => {
                self.refers_back = true;
                let name = self.eat('<').then(|| self.group_name())??;
                self.names.contains(&name).then_some(Escape::Other)
            }
            letter if letter.is_ascii_alphabetic() => None,
            other => Some(Escape::One(other)),
        }
    }

    /// One to three octal digits, of which the first of three is at most 3.
    fn octal(&mut self) -> Option<u32> {
        let mut code = self.next_raw()?.to_digit(8)?;
        for most in [7, 0o37] {
            match self.rest.first().and_then(|digit| digit.to_digit(8)) {
                Some(digit) if code <= most => {
                    self.rest = &self.rest[1..];
                    code = code * 8 + digit;
                }
                _ => break,
            }
        }
        Some(code)
    }

    fn hexadecimal(&mut self, digits: usize) -> Option<u32> {
        (0..digits).try_fold(0, |code, _| Some(code * 16 + self.next_raw()?.to_digit(16)?))
    }

    /// `{NAME}` of a character.
    fn unicode_name(&mut self) -> Option<Escape> {
        let is_open = self.next_raw() == Some('{');
        let name = self.take_while(|c| c.is_ascii_alphanumeric() || matches!(c, ' ' | '-'));
        (is_open && !name.is_empty() && self.next_raw() == Some('}')).then_some(Escape::Other)
    }

    /// `{g}`: the bound of what a reader takes for one character.
    fn grapheme_bound(&mut self) -> Option<Escape> {
        let is_bound = self.rest.starts_with(&['{', 'g', '}']);
        self.rest = self.rest.get(3..)?;
        is_bound.then_some(Escape::Other)
    }

    /// A family of characters: one letter, or a name in braces.
    fn property(&mut self) -> Option<Escape> {
        let name = match self.next_raw()? {
            '{' => {
                let name = self.take_while(|c| *c != '}');
                self.next_raw()?;
                name
            }
            letter => letter.to_string(),
        };
        let is_word = |rest: &str| {
            !rest.is_empty()
                && rest.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | ' ' | '-'))
        };
        let named = ["In", "Is", "java"].iter().any(|prefix| name.strip_prefix(prefix).is_some_and(is_word));
        (named || PROPERTIES.contains(&name.as_str())).then_some(Escape::Other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAKEN: &[&str] = &[
        "",
        "x.*",
        "a|",
        "|",
        "a{2}",
        "a{2,}+",
        "{1}",
        "a{1}{2}",
        "a}",
        "]",
        "a++",
        "a*?",
        "(?i)a",
        "(?i-m:a)",
        "(?-x)",
        "(?<n>a)\\k<n>",
        "(?=a)(?!a)(?<=a)(?<!a*)(?>a)",
        "\\1",
        "\\Q[",
        "\\Qa\\E*",
        "[]a]",
        "[^]]",
        "[a&&[^b]]",
        "[a&&]",
        "[&&a]",
        "[a-]",
        "[a-[b]]",
        "[\\]-a]",
        "[\\v-\\x0c]",
        "[\\Q]\\E]",
        "\\0377",
        "\\018",
        "\\x41",
        "\\x{10ffff}",
        "\\u0041",
        "\\cA",
        "\\N{SPACE}",
        "\\p{Lu}\\pL\\P{IsLatin}",
        "\\b{g}",
        "\\b{1}",
        "\\R\\X\\h",
        "\\-é\\é",
        "(?x) a # (\n*",
        "(?x)[#\n]]",
    ];
    const REFUSED: &[&str] = &[
        "(",
        ")",
        "a)",
        "[",
        "[]",
        "[^]",
        "*",
        "a**",
        "?",
        "a{",
        "a{x}",
        "a{1",
        "a{,2}",
        "a{2,1}",
        "a{99999999999}",
        "(?",
        "(?i)*",
        "(?y)a",
        "(?P<n>a)",
        "(?<n>a)(?<n>b)",
        "(?<1>a)",
        "(?<n-m>a)",
        "\\k<n>",
        "\\k",
        "(a)(?<!\\1)",
        "\\",
        "\\E",
        "\\C",
        "\\y",
        "\\8[",
        "[z-a]",
        "[a-\\d]",
        "[a",
        "[a-",
        "[&&]",
        "[\\b]",
        "[\\1]",
        "\\0",
        "\\08[",
        "\\x4",
        "\\x{41",
        "\\x{110000}",
        "\\u004",
        "\\c",
        "\\N",
        "\\p{}",
        "\\p{Nope}",
        "\\pQ",
        "\\p{Lu",
        "\\b{g",
        "\\Qa\\E\\E",
        "(?x)[#]",
    ];

    /// As Java 17 answers.
    #[test]
    fn patterns_are_taken_and_refused_as_by_java() {
        for pattern in TAKEN {
            assert!(is_java_pattern(pattern), "{pattern}");
        }
        for pattern in REFUSED {
            assert!(!is_java_pattern(pattern), "{pattern}");
        }
    }

    #[test]
    fn a_pattern_that_is_nested_without_end_is_refused() {
        let nested =
            |open: &str, close: &str, depth| format!("{}a{}", open.repeat(depth), close.repeat(depth));
        for (open, close) in [("(", ")"), ("[", "]"), ("(?:", ")")] {
            assert!(is_java_pattern(&nested(open, close, DEPTH_MAX)));
            assert!(!is_java_pattern(&nested(open, close, 10_000)));
        }
        let beside = "(a)".repeat(10_000);
        assert!(is_java_pattern(&beside), "what is closed is left again");
    }
}
