//! Filling a template in.

use std::collections::BTreeMap;
use std::io;

use minijinja::{AutoEscape, Environment, UndefinedBehavior, filters};
use serde::Serialize;

use super::{MailTemplate, Part, RENDERED_BYTES_MAX, TemplateError};

/// Steps that one part may take: far more than the longest template has.
const FUEL: u64 = 100_000;

/// A mail's parts, filled in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rendered {
    /// The subject, in one line.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// HTML, if the template has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub html: Option<String>,
}

/// Fills in the variables of the template's event; one that is not given is empty, others are left out.
///
/// # Errors
/// [`TemplateError::Syntax`] for a template that was not checked; [`TemplateError::TooLong`].
pub fn render(template: &MailTemplate, values: &BTreeMap<String, String>) -> Result<Rendered, TemplateError> {
    let known = template.name.variables().iter();
    let values: BTreeMap<&str, &str> = known
        .map(|variable| (variable.name, values.get(variable.name).map_or("", String::as_str)))
        .collect();
    let subject = render_part(Part::Subject, &template.subject, &values)?;
    // A value with a line break must not start a header of its own (RFC 5322 s2.2).
    let subject = subject.split_whitespace().collect::<Vec<_>>().join(" ");
    let html = template.html.as_deref();
    Ok(Rendered {
        subject,
        text: render_part(Part::Text, &template.text, &values)?,
        html: html.map(|html| render_part(Part::Html, html, &values)).transpose()?,
    })
}

fn render_part(part: Part, source: &str, values: &BTreeMap<&str, &str>) -> Result<String, TemplateError> {
    let environment = environment(part);
    let mut out = Bounded(Vec::new());
    let failed = |error: minijinja::Error| fault(part, &error);
    let template = environment.template_from_str(source).map_err(failed)?;
    if let Err(error) = template.render_captured_to(values, &mut out) {
        return Err(if out.is_full() {
            TemplateError::TooLong { part }
        } else {
            failed(error)
        });
    }
    // What is written is text by construction.
    Ok(String::from_utf8_lossy(&out.0).into_owned())
}

/// An environment that has the filters which cannot make much out of little, and nothing else.
pub(super) fn environment(part: Part) -> Environment<'static> {
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    environment.set_keep_trailing_newline(true);
    environment.set_trim_blocks(true);
    environment.set_lstrip_blocks(true);
    environment.set_auto_escape_callback(move |_| match part {
        Part::Html => AutoEscape::Html,
        Part::Subject | Part::Text => AutoEscape::None,
    });
    environment.add_filter("upper", filters::upper);
    environment.add_filter("lower", filters::lower);
    environment.add_filter("title", filters::title);
    environment.add_filter("capitalize", filters::capitalize);
    environment.add_filter("trim", filters::trim);
    environment.add_filter("length", filters::length);
    environment
}

/// The template language's own words for what is wrong.
pub(super) fn fault(part: Part, error: &minijinja::Error) -> TemplateError {
    TemplateError::Syntax {
        part,
        line: error.line().unwrap_or(1),
        reason: error.detail().map_or_else(|| error.kind().to_string(), str::to_owned),
    }
}

/// As many bytes as may come out of a part.
struct Bounded(Vec<u8>);

impl Bounded {
    fn is_full(&self) -> bool {
        self.0.len() >= RENDERED_BYTES_MAX
    }
}

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = RENDERED_BYTES_MAX - self.0.len();
        if room == 0 && !bytes.is_empty() {
            return Err(io::ErrorKind::WriteZero.into());
        }
        let taken = bytes.len().min(room);
        self.0.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
