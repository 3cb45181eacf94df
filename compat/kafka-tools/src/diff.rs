//! A line diff, for people.

/// More than this of one difference helps nobody.
const SHOWN: usize = 60;

/// Lines only on the left with `-`, only on the right with `+`, common ones near a difference with two blanks.
pub fn lines(left: &[String], right: &[String]) -> Vec<String> {
    let common = longest_common(left, right);
    let (mut out, mut i, mut j) = (Vec::new(), 0, 0);
    while i < left.len() || j < right.len() {
        let keep = |i: usize, j: usize| common.get(i).and_then(|row| row.get(j)).copied().unwrap_or(0);
        match (left.get(i), right.get(j)) {
            (Some(a), Some(b)) if a == b => {
                out.push(format!("  {a}"));
                (i, j) = (i + 1, j + 1);
            }
            (Some(a), None) => {
                out.push(format!("- {a}"));
                i += 1;
            }
            (Some(a), Some(_)) if keep(i + 1, j) >= keep(i, j + 1) => {
                out.push(format!("- {a}"));
                i += 1;
            }
            (_, Some(b)) => {
                out.push(format!("+ {b}"));
                j += 1;
            }
            (None, None) => break,
        }
    }
    near_changes(out)
}

/// `table[i][j]`: the length of the longest common subsequence of `left[i..]` and `right[j..]`.
fn longest_common(left: &[String], right: &[String]) -> Vec<Vec<u32>> {
    let mut table = vec![vec![0; right.len() + 1]; left.len() + 1];
    for i in (0..left.len()).rev() {
        for j in (0..right.len()).rev() {
            table[i][j] = if left[i] == right[j] {
                table[i + 1][j + 1] + 1
            } else {
                table[i + 1][j].max(table[i][j + 1])
            };
        }
    }
    table
}

fn near_changes(lines: Vec<String>) -> Vec<String> {
    const AROUND: usize = 2;
    let changed: Vec<usize> = (0..lines.len()).filter(|&at| !lines[at].starts_with("  ")).collect();
    let near = |at: &usize| changed.iter().any(|change| change.abs_diff(*at) <= AROUND);
    let mut shown: Vec<String> = (0..lines.len()).filter(near).map(|at| lines[at].clone()).collect();
    if shown.len() > SHOWN {
        let more = shown.len() - SHOWN;
        shown.truncate(SHOWN);
        shown.push(format!("and {more} lines more"));
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn only_the_lines_around_a_change_are_shown() {
        let shown = lines(&strings("a b c d e f"), &strings("a b c x e f g"));
        assert_eq!(shown, ["  b", "  c", "- d", "+ x", "  e", "  f", "+ g"]);
        assert!(lines(&strings("a b"), &strings("a b")).is_empty());
    }
}
