//! `usher export`.

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use axum::http::Method;
use clap::{Args, ValueEnum};

use super::export::private;
use super::failure::Failure;
use super::gateway::{Gateway, escaped};
use super::target::Target;

/// Write a table as CSV or XLSX
#[derive(Debug, Args)]
#[command(after_help = concat!(
    "Examples:\n",
    "  usher export users --org acme > users.csv\n",
    "  usher export users --org acme --format xlsx --state active,prepared --output users.xlsx\n",
    "  usher export users --org acme --columns user_name,emails,attributes.department --separator semicolon --bom\n",
    "  usher export memberships --org acme --output memberships.csv\n\n",
    "Nobody whose data's processing is restricted is in a file. Texts that a spreadsheet would calculate begin with an\n",
    "apostrophe in CSV. A file is not of one moment: each part is as it was when it was read. The audit log has a command of\n",
    "its own: usher audit export --format csv",
))]
pub struct Export {
    /// Which table
    #[arg(value_enum)]
    table: Table,
    /// The kind of file
    #[arg(long, value_enum, default_value_t = Format::Csv)]
    format: Format,
    /// The columns, in their order, separated by commas; an unknown one is answered with those that there are
    #[arg(long)]
    columns: Option<String>,
    /// Where rows have a state: only in these, separated by commas; XLSX has one sheet for each
    #[arg(long)]
    state: Option<String>,
    /// Only what satisfies this filter (RFC 7644 section 3.4.2.2) over the names that the list shows
    #[arg(long)]
    filter: Option<String>,
    /// In the order of this column
    #[arg(long, value_name = "COLUMN")]
    sort: Option<String>,
    /// The greatest first
    #[arg(long, requires = "sort")]
    descending: bool,
    /// As this saved view says; see: usher view --help
    #[arg(long)]
    view: Option<String>,
    /// Of CSV: what stands between two cells
    #[arg(long, value_enum, default_value_t = Separator::Comma)]
    separator: Separator,
    /// Begin CSV with a byte order mark, for older spreadsheets
    #[arg(long)]
    bom: bool,
    /// Where to, readable by its owner alone; standard output unless told
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The organisation's short name
    #[arg(long, env = "USHER_ORG", default_value = "default")]
    org: String,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Table {
    Users,
    Groups,
    /// Members of groups
    Memberships,
    /// Roles that people hold
    RoleHolders,
    Resources,
    /// What resources are assigned to
    ResourceAssignments,
    /// Licences that people are meant to have
    LicenceHolders,
    Invitations,
    Guests,
    /// Links by which guests join
    GuestLinks,
    Roles,
    /// The catalogue of permissions
    Permissions,
    Licences,
    CostCentres,
    Connections,
    /// Tokens, without their secrets
    Tokens,
}

/// The kind of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// Comma separated values
    Csv,
    /// A workbook
    Xlsx,
}

/// What stands between two cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Separator {
    Comma,
    Semicolon,
    Tab,
}

/// The word of a value, as the admin API has it.
pub(super) fn word(value: impl ValueEnum) -> String {
    let value = value.to_possible_value();
    value.map(|value| value.get_name().to_owned()).unwrap_or_default()
}

impl Export {
    /// Asks for the table and writes it.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn run(self) -> Result<(), Failure> {
        check_output(self.format, self.output.as_deref())?;
        let mut path = format!(
            "/organisations/{}/export/{}?format={}&separator={}&bom={}",
            escaped(&self.org),
            word(self.table),
            word(self.format),
            word(self.separator),
            self.bom
        );
        if self.descending {
            path.push_str("&descending=true");
        }
        let asked = [
            ("columns", &self.columns),
            ("state", &self.state),
            ("filter", &self.filter),
            ("sort", &self.sort),
            ("view", &self.view),
        ];
        for (name, value) in asked {
            if let Some(value) = value {
                path = format!("{path}&{name}={}", escaped(value));
            }
        }
        let gateway = Gateway::find(&self.target).await?;
        let written = save(&gateway, &path, self.output.as_deref()).await;
        gateway.close().await?;
        written
    }
}

/// A workbook is nothing to look at on a terminal.
pub(super) fn check_output(format: Format, output: Option<&Path>) -> Result<(), Failure> {
    if format == Format::Xlsx && output.is_none() && std::io::stdout().is_terminal() {
        let what = "a workbook is no text: name a file with --output";
        return Err(Failure::Usage(what.to_owned()));
    }
    Ok(())
}

/// Writes an answer into a file, or to standard output. A file of the name is replaced only by a whole one.
pub(super) async fn save(gateway: &Gateway, path: &str, output: Option<&Path>) -> Result<(), Failure> {
    let Some(file) = output else {
        let mut out = std::io::stdout();
        let written = gateway.copy(Method::GET, path, &mut out).await;
        out.flush()?;
        return written;
    };
    let cannot = |error: std::io::Error| Failure::failed(format!("{}: {error}", file.display()));
    let mut name = file.as_os_str().to_owned();
    name.push(".part");
    let part = PathBuf::from(name);
    let mut out = private(&part).map_err(cannot)?;
    match gateway.copy(Method::GET, path, &mut out).await {
        Ok(()) => std::fs::rename(&part, file).map_err(cannot),
        Err(failure) => {
            std::fs::remove_file(&part).map_err(cannot)?;
            Err(failure)
        }
    }
}
