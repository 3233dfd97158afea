//! `usher template`.

use std::io::Write as _;
use std::path::PathBuf;

use axum::http::Method;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::choosing::{Choosing, Listed};
use super::failure::Failure;
use super::gateway::{Gateway, Payload, escaped};
use super::output::{self, cell};
use super::target::Target;
use crate::model::list::List;

/// The wording of mails: invitation, password-reset, guest-invitation, sign-in-warning, password-set.
#[derive(Debug, Args)]
#[command(after_help = concat!(
    "Examples:\n",
    "  usher template list --org acme\n",
    "  usher template variables invitation\n",
    "  usher template show invitation --language de --org acme\n",
    "  usher template set invitation de --subject 'Willkommen bei {{ organisation }}' --text de.txt --html de.html\n",
    "  usher template preview invitation --language de --org acme\n",
    "  usher template remove invitation de --org acme\n\n",
    "Templates can also be declared in an organisation file: usher apply FILE",
))]
pub struct Template {
    #[command(subcommand)]
    action: Action,
    /// The organisation's short name
    #[arg(long, env = "USHER_ORG", default_value = "default", global = true)]
    org: String,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the events, with the languages that the organisation has its own wording in
    List {
        #[command(flatten)]
        choosing: Box<Choosing>,
    },
    /// List what a wording may refer to
    Variables {
        /// Which event
        name: String,
    },
    /// Show the wording that a reader of this language gets
    Show {
        /// Which event
        name: String,
        /// The reader's language
        #[arg(long)]
        language: Option<String>,
    },
    /// Show the mail that a reader of this language gets, with samples for its variables
    Preview {
        /// Which event
        name: String,
        /// The reader's language
        #[arg(long)]
        language: Option<String>,
    },
    /// Set the organisation's own wording in a language
    Set {
        /// Which event
        name: String,
        /// The language: de, pt-br
        language: String,
        /// The subject line
        #[arg(long)]
        subject: String,
        /// The file with the plain text
        #[arg(long, value_name = "FILE")]
        text: PathBuf,
        /// The file with the HTML
        #[arg(long, value_name = "FILE")]
        html: Option<PathBuf>,
    },
    /// Go back to the built-in wording, or to that of another language
    Remove {
        /// Which event
        name: String,
        /// The language
        language: String,
    },
}

impl Template {
    /// Runs the action.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn run(self) -> Result<(), Failure> {
        let gateway = Gateway::find(&self.target).await?;
        let outcome = self.act(&gateway).await;
        gateway.close().await?;
        outcome
    }

    async fn act(&self, gateway: &Gateway) -> Result<(), Failure> {
        let all = format!("/organisations/{}/templates", escaped(&self.org));
        let one = |name: &str| format!("{all}/{}", escaped(name));
        let (method, path, payload) = match &self.action {
            Action::List { choosing } => {
                let listed = Listed {
                    gateway,
                    organisation: &format!("/organisations/{}", escaped(&self.org)),
                    list: List::Templates,
                    json: self.json,
                };
                let row = |item: &Value| columns(item, &["name", "languages"]);
                let heading = &["TEMPLATE", "OWN LANGUAGES"];
                return choosing.print(listed, &all, &[], (heading, &row)).await;
            }
            Action::Variables { name } => (Method::GET, format!("{}/variables", one(name)), Payload::Empty),
            Action::Show { name, language } => {
                let path = match language {
                    Some(language) => format!("{}?language={}", one(name), escaped(language)),
                    None => one(name),
                };
                (Method::GET, path, Payload::Empty)
            }
            Action::Preview { name, language } => (
                Method::POST,
                format!("{}/preview", one(name)),
                Payload::Json(json!({ "language": language })),
            ),
            Action::Set {
                name,
                language,
                subject,
                text,
                html,
            } => {
                let html = html.as_ref().map(read).transpose()?;
                let wording = json!({ "subject": subject, "text": read(text)?, "html": html });
                (
                    Method::PUT,
                    format!("{}/{}", one(name), escaped(language)),
                    Payload::Json(wording),
                )
            }
            Action::Remove { name, language } => (
                Method::DELETE,
                format!("{}/{}", one(name), escaped(language)),
                Payload::Empty,
            ),
        };
        let answer = gateway.ask(method, &path, payload).await?;
        self.show(&answer)
    }

    fn show(&self, answer: &Value) -> Result<(), Failure> {
        let mut out = std::io::stdout();
        match &self.action {
            _ if self.json => Ok(output::json(&mut out, answer)?),
            Action::List { .. } | Action::Variables { .. } => {
                let rows = rows(answer, &["name", "meaning", "sample"]);
                Ok(output::table(&mut out, &["VARIABLE", "MEANING", "SAMPLE"], &rows)?)
            }
            Action::Show { .. } | Action::Preview { .. } => {
                for part in ["subject", "text", "html"] {
                    if let Some(text) = answer[part].as_str() {
                        writeln!(out, "-- {part}\n{}\n", text.trim_end())?;
                    }
                }
                Ok(())
            }
            Action::Set { name, language, .. } => Ok(writeln!(out, "{name} in {language} is set")?),
            Action::Remove { name, language } => Ok(writeln!(out, "{name} in {language} is removed")?),
        }
    }
}

fn rows(answer: &Value, names: &[&str]) -> Vec<Vec<String>> {
    let items = answer["items"].as_array().into_iter().flatten();
    items.map(|item| columns(item, names)).collect()
}

fn columns(item: &Value, names: &[&str]) -> Vec<String> {
    let column = |value: &Value| match value.as_array() {
        Some(values) if values.is_empty() => "-".to_owned(),
        Some(values) => values.iter().map(cell).collect::<Vec<_>>().join(","),
        None => cell(value),
    };
    names.iter().map(|name| column(&item[*name])).collect()
}

fn read(path: &PathBuf) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| Failure::Usage(format!("{}: {error}", path.display())))
}
