//! Java's properties format, which `server.properties` is written in (`java.util.Properties.load`).

use std::iter::Peekable;
use std::str::Chars;

use super::Settings;

/// A file that is no properties file.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: \\u must be followed by four hexadecimal digits")]
pub struct PropertiesError {
    /// Counted from 1.
    pub line: usize,
}

/// Reads a whole file. The last one of several equal keys counts. Text that is not UTF-8 is ISO 8859-1, as Java has it.
pub fn parse(bytes: &[u8]) -> Result<Settings, PropertiesError> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().map(|b| char::from(*b)).collect(),
    };
    let mut settings = Settings::new();
    for (line, logical) in logical_lines(&text) {
        let mut chars = logical.chars().peekable();
        let key = unescape(&mut chars, true).ok_or(PropertiesError { line })?;
        skip_separator(&mut chars);
        let value = unescape(&mut chars, false).ok_or(PropertiesError { line })?;
        settings.insert(key, value);
    }
    Ok(settings)
}

const fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\x0c')
}

/// Lines without comments and blank ones, with their continuations, and the number of their first line. A line whose
/// last backslash is not itself escaped goes on in the next one, blanks at whose start do not count.
fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let mut found: Vec<(usize, String)> = Vec::new();
    let mut continues = false;
    let lines = text.replace("\r\n", "\n");
    for (index, natural) in lines.split(['\n', '\r']).enumerate() {
        let line = natural.trim_start_matches(is_blank);
        if !continues && (line.is_empty() || line.starts_with(['#', '!'])) {
            continue;
        }
        let backslashes = line.chars().rev().take_while(|c| *c == '\\').count();
        let goes_on = backslashes % 2 == 1;
        let content = if goes_on { &line[..line.len() - 1] } else { line };
        match found.last_mut() {
            Some((_, whole)) if continues => whole.push_str(content),
            _ => found.push((index + 1, content.to_owned())),
        }
        continues = goes_on;
    }
    found.retain(|(_, line)| !line.is_empty());
    found
}

/// Reads a key up to its separator, or a value up to its end. `None` for a broken `\u`.
fn unescape(chars: &mut Peekable<Chars<'_>>, is_key: bool) -> Option<String> {
    // `\u` gives UTF-16, where one character may take two escapes.
    let mut units: Vec<u16> = Vec::new();
    let mut buffer = [0; 2];
    while let Some(c) = chars.next_if(|c| !is_key || !(is_blank(*c) || matches!(c, '=' | ':'))) {
        let c = match (c, if c == '\\' { chars.next() } else { None }) {
            ('\\', Some('u')) => {
                let digits: String = chars.by_ref().take(4).collect();
                if digits.len() != 4 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
                    return None;
                }
                units.push(u16::from_str_radix(&digits, 16).ok()?);
                continue;
            }
            ('\\', Some('t')) => '\t',
            ('\\', Some('n')) => '\n',
            ('\\', Some('r')) => '\r',
            ('\\', Some('f')) => '\x0c',
            ('\\', Some(other)) => other,
            ('\\', None) => break,
            (plain, _) => plain,
        };
        units.extend_from_slice(c.encode_utf16(&mut buffer));
    }
    Some(String::from_utf16_lossy(&units))
}

/// Blanks, at most one `=` or `:`, and blanks again.
fn skip_separator(chars: &mut Peekable<Chars<'_>>) {
    while chars.next_if(|c| is_blank(*c)).is_some() {}
    if chars.next_if(|c| matches!(c, '=' | ':')).is_some() {
        while chars.next_if(|c| is_blank(*c)).is_some() {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(String, String)> {
        parse(text.as_bytes()).unwrap().into_iter().collect()
    }

    fn pair(key: &str, value: &str) -> (String, String) {
        (key.to_owned(), value.to_owned())
    }

    #[test]
    fn keys_end_at_an_equals_sign_a_colon_or_a_blank() {
        for text in ["a.b=c", "a.b = c", "a.b:c", "a.b c", "  a.b\t=  c", "a.b : c"] {
            assert_eq!(read(text), [pair("a.b", "c")], "{text}");
        }
        assert_eq!(read("a == c"), [pair("a", "= c")]);
        assert_eq!(read("listeners=PLAINTEXT://:9092"), [pair("listeners", "PLAINTEXT://:9092")]);
        assert_eq!(read("a\\=b\\ c=d"), [pair("a=b c", "d")]);
        assert_eq!(read("lonely"), [pair("lonely", "")]);
    }

    #[test]
    fn values_keep_their_inner_and_trailing_blanks() {
        assert_eq!(read("a=b  c "), [pair("a", "b  c ")]);
        assert_eq!(read("a=\\ b"), [pair("a", " b")]);
    }

    #[test]
    fn comments_and_blank_lines_do_not_count() {
        assert_eq!(read("# a=1\n ! b=2\n\n  \t\nc=3#4"), [pair("c", "3#4")]);
        assert_eq!(read("a=1\\\n#2"), [pair("a", "1#2")], "a continuation is no comment");
    }

    #[test]
    fn a_backslash_at_the_end_continues_the_line() {
        assert_eq!(read("a=b,\\\n   c,\\\r\n\td\ne=f"), [pair("a", "b,c,d"), pair("e", "f")]);
        assert_eq!(read("a=b\\\\\nc=d"), [pair("a", "b\\"), pair("c", "d")]);
        assert_eq!(read("a=b\\"), [pair("a", "b")]);
    }

    #[test]
    fn escapes_are_javas() {
        assert_eq!(read("a=\\t\\n\\r\\f\\q\\u0041\\ud83d\\ude00"), [pair("a", "\t\n\r\x0cqA😀")]);
        assert_eq!(parse(b"x=1\na=\\u00g0"), Err(PropertiesError { line: 2 }));
        assert_eq!(parse(b"a=\\u12"), Err(PropertiesError { line: 1 }));
    }

    #[test]
    fn text_is_utf_8_or_else_latin_1() {
        assert_eq!(read("a=ä"), [pair("a", "ä")]);
        assert_eq!(parse(b"a=\xe4").unwrap()["a"], "ä");
    }

    #[test]
    fn the_last_one_of_equal_keys_counts_and_any_line_ending_is_taken() {
        assert_eq!(read("a=1\rb=2\r\na=3"), [pair("a", "3"), pair("b", "2")]);
    }
}
