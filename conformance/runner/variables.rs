//! Variables of a case: `{{name}}` in paths, headers, bodies and expectations.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// The values by name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Variables(BTreeMap<String, String>);

impl Variables {
    /// What every case has: names that no other case uses, so that cases run side by side on one service.
    pub(crate) fn unique() -> Self {
        let unique = uuid::Uuid::new_v4().simple().to_string();
        let short = &unique[..12];
        let mut variables = Self::default();
        variables.set("uuid", uuid::Uuid::new_v4().to_string());
        variables.set("unique", short.to_owned());
        variables.set("userName", format!("u-{short}@example.com"));
        variables.set("groupName", format!("Group {short}"));
        variables
    }

    /// Sets one.
    pub(crate) fn set(&mut self, name: &str, value: String) {
        self.0.insert(name.to_owned(), value);
    }

    /// The same with `{{n}}`.
    pub(crate) fn counting(&self, n: u32) -> Self {
        let mut variables = self.clone();
        variables.set("n", n.to_string());
        variables
    }

    /// Adds those of another.
    pub(crate) fn extend(&mut self, other: Self) {
        self.0.extend(other.0.into_iter().filter(|(name, _)| name != "n"));
    }

    /// Puts the values into a text. A name may hold another: `{{id{{n}}}}`.
    ///
    /// # Errors
    /// A sentence about the variable that is not there.
    pub(crate) fn fill(&self, text: &str) -> Result<String, String> {
        let mut filled = text.to_owned();
        while let Some(end) = filled.find("}}") {
            let Some(start) = filled[..end].rfind("{{") else {
                break;
            };
            let name = &filled[start + 2..end];
            let value = self.0.get(name).ok_or_else(|| format!("no variable {name:?}"))?.clone();
            filled.replace_range(start..end + 2, &value);
        }
        Ok(filled)
    }

    /// Puts the values into every text of a document, and writes out `{"$repeat": times, "of": element}` in arrays.
    ///
    /// # Errors
    /// As [`Self::fill`].
    pub(crate) fn fill_json(&self, value: &Value) -> Result<Value, String> {
        Ok(match value {
            Value::String(text) => Value::String(self.fill(text)?),
            Value::Array(items) => {
                let mut filled = Vec::with_capacity(items.len());
                for item in items {
                    match repeated(item) {
                        Some((times, of)) => {
                            for n in 1..=times {
                                filled.push(self.counting(n).fill_json(of)?);
                            }
                        }
                        None => filled.push(self.fill_json(item)?),
                    }
                }
                Value::Array(filled)
            }
            Value::Object(object) => {
                let mut filled = Map::new();
                for (key, value) in object {
                    filled.insert(self.fill(key)?, self.fill_json(value)?);
                }
                Value::Object(filled)
            }
            plain => plain.clone(),
        })
    }
}

fn repeated(item: &Value) -> Option<(u32, &Value)> {
    let times = item.get("$repeat")?.as_u64()?;
    Some((u32::try_from(times).ok()?, item.get("of")?))
}
