//! Several values in one cell: `a; b; c`. A value that holds `;` or `"`, or white space at an end, is in quotes, with its own quotes
//! doubled.

/// The values as one text.
pub fn join(values: impl IntoIterator<Item = String>) -> String {
    let written: Vec<String> = values
        .into_iter()
        .map(|value| {
            let is_plain = !value.contains([';', '"']) && value.trim() == value && !value.is_empty();
            if is_plain {
                value
            } else {
                format!("\"{}\"", value.replace('"', "\"\""))
            }
        })
        .collect();
    written.join("; ")
}

/// The values of a text. What is empty between two `;` counts for nothing.
#[must_use]
pub fn split(text: &str) -> Vec<String> {
    let mut values = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (value, after) = match rest.strip_prefix('"') {
            Some(quoted) => {
                let (value, after) = unquoted(quoted);
                let after = after.split_once(';').map_or("", |(_, after)| after);
                (Some(value), after)
            }
            None => {
                let (value, after) = rest.split_once(';').unwrap_or((rest, ""));
                let value = value.trim();
                ((!value.is_empty()).then(|| value.to_owned()), after)
            }
        };
        values.extend(value);
        rest = after.trim_start();
    }
    values
}

/// A quoted value, and what follows its closing quote.
fn unquoted(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut rest = text;
    while let Some((part, after)) = rest.split_once('"') {
        value.push_str(part);
        match after.strip_prefix('"') {
            Some(more) => {
                value.push('"');
                rest = more;
            }
            None => return (value, after),
        }
    }
    value.push_str(rest);
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::{join, split};

    #[test]
    fn whatever_was_joined_is_split_again() {
        for values in [
            vec![],
            vec!["a"],
            vec!["a", "b c"],
            vec!["North; South", "say \"x\"", " edge "],
            vec!["\"", ";", "\";\""],
        ] {
            assert_eq!(split(&join(values.iter().map(|value| (*value).to_owned()))), values);
        }
    }

    #[test]
    fn people_write_lists_carelessly() {
        assert_eq!(split(" a ;b;; c;"), ["a", "b", "c"]);
        assert_eq!(split("\"open"), ["open"]);
        assert_eq!(split("  "), [""; 0]);
    }
}
