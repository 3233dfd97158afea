//! `usher audit`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::failure::Failure;
use super::gateway::{Gateway, escaped};
use super::output::{self, cell};
use super::tables::{check_output, save, word};
use super::target::Target;

/// Show and export who changed what, through which door, from what to what.
#[derive(Debug, Args)]
#[command(after_help = concat!(
    "Examples:\n",
    "  usher audit list --org acme\n",
    "  usher audit list --org acme --door scim --kind user --from 2026-01-01T00:00:00Z\n",
    "  usher audit list --org acme --subject 0190a1b2-...     everything about one person or group\n",
    "  usher audit export --org acme --format csv > audit.csv\n",
    "  usher audit export --org acme --format xlsx --filter 'changes.kind eq \"role\"' --output audit.xlsx\n\n",
    "The log is kept for audit_days (organisation file), 365 unless told.",
))]
pub struct Audit {
    #[command(subcommand)]
    action: Action,
    /// What was done to the gateway itself, instead of an organisation
    #[arg(long, global = true)]
    gateway: bool,
    #[command(flatten)]
    filter: Filter,
    /// The organisation's short name
    #[arg(long, env = "USHER_ORG", default_value = "default", global = true)]
    org: String,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
struct Filter {
    /// Only by this token, connection or person
    #[arg(long, global = true)]
    actor: Option<String>,
    /// Only through this door: scim, ldap, api, invitee, person, system
    #[arg(long, global = true)]
    door: Option<String>,
    /// Only about this identifier or short name
    #[arg(long, global = true)]
    subject: Option<String>,
    /// Only this kind of thing: user, group, membership, role, licence, connection, token ...
    #[arg(long, global = true)]
    kind: Option<String>,
    /// Only in this request (x-request-id)
    #[arg(long, global = true)]
    request: Option<String>,
    /// Not before this instant (RFC 3339)
    #[arg(long, global = true, value_name = "INSTANT")]
    from: Option<String>,
    /// Before this instant (RFC 3339)
    #[arg(long, global = true, value_name = "INSTANT")]
    to: Option<String>,
}

/// What a list of changes is narrowed by besides.
#[derive(Debug, Args)]
struct Further {
    /// Only what satisfies this SCIM filter over the names that --json shows, such as: changes.outcome eq "deleted"
    #[arg(long, value_name = "FILTER")]
    filter: Option<String>,
    /// As this saved view says; see: usher view --help
    #[arg(long, value_name = "NAME")]
    view: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List changes, the newest first
    List {
        /// At most this many commits
        #[arg(long, default_value_t = 50)]
        limit: usize,
        #[command(flatten)]
        further: Further,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Print everything that is asked for
    Export {
        /// How
        #[arg(long, value_enum, default_value = "jsonl")]
        format: Format,
        #[command(flatten)]
        further: Further,
        /// Of CSV and XLSX: the columns, in their order, separated by commas
        #[arg(long)]
        columns: Option<String>,
        /// Where to, readable by its owner alone; standard output unless told
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One JSON object a line
    Jsonl,
    /// One field of a change a line, for spreadsheets
    Csv,
    /// The same as a workbook
    Xlsx,
}

impl Audit {
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
        let mut out = std::io::stdout();
        let base = if self.gateway {
            "/audit".to_owned()
        } else {
            format!("/organisations/{}/audit", escaped(&self.org))
        };
        match &self.action {
            Action::List { limit, further, json } => {
                let more = [("filter", &further.filter), ("view", &further.view)];
                let path = format!("{base}?{}", self.query(&more));
                let items = gateway.list(&path, Some(*limit)).await?;
                if *json {
                    return Ok(output::json(&mut out, &json!(items))?);
                }
                let rows: Vec<Vec<String>> = items.iter().flat_map(rows).collect();
                Ok(output::table(
                    &mut out,
                    &["AT", "BY", "WHAT", "SUBJECT", "CHANGED"],
                    &rows,
                )?)
            }
            Action::Export { .. } if self.gateway => {
                let what = "the gateway's own log is not exported: use usher audit list --gateway --json";
                Err(Failure::Usage(what.to_owned()))
            }
            Action::Export {
                format,
                further,
                columns,
                output,
            } => {
                if *format == Format::Xlsx {
                    check_output(super::tables::Format::Xlsx, output.as_deref())?;
                }
                let more = [
                    ("filter", &further.filter),
                    ("view", &further.view),
                    ("columns", columns),
                ];
                let path = format!("{base}/export?format={}&{}", word(*format), self.query(&more));
                save(gateway, &path, output.as_deref()).await
            }
        }
    }

    fn query(&self, more: &[(&'static str, &Option<String>)]) -> String {
        let filter = &self.filter;
        let pairs = [
            ("actor", &filter.actor),
            ("door", &filter.door),
            ("subject", &filter.subject),
            ("kind", &filter.kind),
            ("request", &filter.request),
            ("from", &filter.from),
            ("to", &filter.to),
        ];
        let given = pairs
            .iter()
            .chain(more)
            .filter_map(|(name, value)| Some((name, value.as_ref()?)));
        given
            .map(|(name, value)| format!("{name}={}", escaped(value)))
            .collect::<Vec<_>>()
            .join("&")
    }
}

/// A line for each change of a commit.
fn rows(entry: &Value) -> Vec<Vec<String>> {
    let actor = &entry["actor"];
    let by = match (&actor["connection"], &actor["token"]) {
        (Value::String(connection), _) => format!("{}:{connection}", cell(&actor["door"])),
        (_, Value::String(token)) => format!("{}:{token}", cell(&actor["door"])),
        _ => cell(&actor["door"]),
    };
    let changes = entry["changes"].as_array().into_iter().flatten();
    changes
        .map(|change| {
            let fields = change["fields"].as_object().into_iter().flatten();
            let mut told: Vec<String> = fields
                .map(|(name, pair)| format!("{name}: {} -> {}", cell(&pair["before"]), cell(&pair["after"])))
                .collect();
            let members = change["members"].as_array().map_or(0, Vec::len);
            if members > 0 {
                told.push(format!("{members} member{}", if members == 1 { "" } else { "s" }));
            }
            vec![
                cell(&entry["at"]),
                by.clone(),
                format!("{} {}", cell(&change["kind"]), cell(&change["outcome"])),
                cell(&change["subject"]),
                if told.is_empty() {
                    "-".to_owned()
                } else {
                    told.join("; ")
                },
            ]
        })
        .collect()
}
