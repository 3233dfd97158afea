//! The first start: an empty store gets an organisation, a SCIM connection and two tokens, written to
//! `<data>/bootstrap.json`.
//!
//! Nobody is ever locked out: the file is written, durably, with tokens that open nothing yet; then one commit makes them
//! valid together with everything else. A crash before the commit leaves an empty store, and the next start begins anew.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::directory::Directory;
use crate::directory::first_start::FirstStart;
use crate::directory::token::MintedToken;
use crate::model::slug::{NotASlug, Slug};

use super::{ServeError, private_file};

/// The file's name.
pub const FILE: &str = "bootstrap.json";

/// The organisation of the first start.
const ORGANISATION: &str = "default";

/// Its SCIM connection.
const CONNECTION: &str = "scim";

/// What the file says.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bootstrap {
    /// The organisation's slug.
    pub organisation: String,
    /// Where a SCIM client of the organisation connects.
    pub scim_base_url: String,
    /// What it shows.
    pub scim_token: String,
    /// Where the admin API is.
    pub admin_base_url: String,
    /// What the gateway's administrator shows.
    pub admin_token: String,
}

impl Bootstrap {
    /// What the data folder says; `None` when the file is gone.
    ///
    /// # Errors
    /// The system's; [`io::ErrorKind::InvalidData`] for a file that says something else.
    pub fn find(data: &Path) -> io::Result<Option<Self>> {
        match std::fs::read(data.join(FILE)) {
            Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The same with the gateway at another address.
    fn at(mut self, url: &str) -> Self {
        self.scim_base_url = format!("{url}/scim/{}/v2", self.organisation);
        self.admin_base_url = format!("{url}/api/v1");
        self
    }

    fn write(&self, data: &Path) -> io::Result<()> {
        private_file::replace(&data.join(FILE), &serde_json::to_vec_pretty(self)?)
    }
}

/// What a start found.
pub enum Start {
    /// An empty store, which is empty no more.
    First(Bootstrap),
    /// A store that was there.
    Again,
}

/// Prepares an empty store; on any other, brings the addresses in the file up to date.
///
/// # Errors
/// [`ServeError::Data`], [`ServeError::Directory`].
pub async fn prepare(directory: &Directory, data: &Path, url: &str) -> Result<Start, ServeError> {
    let failed = |source| ServeError::Data {
        path: data.join(FILE),
        source,
    };
    if !directory.list_organisations().await?.is_empty() {
        refresh(data, url).map_err(failed)?;
        return Ok(Start::Again);
    }
    let first = first(directory).map_err(|error| failed(io::Error::other(error)))?;
    let made = Bootstrap {
        organisation: first.organisation.to_string(),
        scim_base_url: String::new(),
        scim_token: first.scim.text(),
        admin_base_url: String::new(),
        admin_token: first.admin.text(),
    }
    .at(url);
    made.write(data).map_err(failed)?;
    directory.first_start(&first).await?;
    Ok(Start::First(made))
}

fn first(directory: &Directory) -> Result<FirstStart, NotASlug> {
    Ok(FirstStart {
        organisation: ORGANISATION.parse::<Slug>()?,
        connection: CONNECTION.parse::<Slug>()?,
        admin: MintedToken::new(directory.clock()),
        scim: MintedToken::new(directory.clock()),
    })
}

/// The port may be another one than last time. A file that the operator has removed or changed is left alone.
fn refresh(data: &Path, url: &str) -> io::Result<()> {
    let path: PathBuf = data.join(FILE);
    match Bootstrap::find(data) {
        Ok(Some(known)) => {
            let present = known.clone().at(url);
            if present == known { Ok(()) } else { present.write(data) }
        }
        Ok(None) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            tracing::warn!(%error, file = %path.display(), "the file is not as usher wrote it, and stays as it is");
            Ok(())
        }
        Err(error) => Err(error),
    }
}
