//! The composition root: the only place that names a concrete engine and puts the doors together.
//!
//! [`serve`] is the whole life of a gateway: bind, open the store, prepare an empty one, say where it is, answer requests,
//! stop in order. [`run`] is the part in the middle: the caller owns the port and the signal, so that a test can bind port 0.

mod address;
pub mod app;
pub mod bootstrap;
pub mod connections;
pub mod health;
pub mod metrics;
pub mod open;
pub mod presence;
pub mod private_file;
pub mod secret_key;
pub mod signal;
pub mod sweep;
pub mod tls;

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::TimeDelta;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub use connections::{Service, run};

use crate::config::{Config, ConfigError, ServerConfig};
use crate::delivery::mailer::{Mailer, MailerSettings};
use crate::delivery::transport::{Transport, TransportError};
use crate::directory::hashing::HashCost;
use crate::directory::job::JobLimits;
use crate::directory::select::ListLimits;
use crate::directory::{Directory, DirectoryError, Principal};
use crate::model::clock::SystemClock;
use crate::model::id::OrganisationId;
use crate::provision::schedule::{self, Scheduler};
use bootstrap::{Bootstrap, Start};
use presence::Presence;
use signal::Stop;
use tls::{Certificate, TlsError};

/// Why a gateway did not start, or did not end well. Each message is one sentence with the place and the cure.
#[derive(Debug, Error)]
pub enum ServeError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}; choose another address with --listen (port 0 takes a free one)")]
    Bind {
        /// The address as it was given.
        address: String,
        /// What the system says.
        source: io::Error,
    },
    /// Another program listens there.
    #[error(
        "cannot listen on {address}: the port is in use; stop the other program or choose another port with --listen"
    )]
    PortInUse {
        /// The address as it was given.
        address: String,
    },
    /// A file of the data folder cannot be written.
    #[error("data folder: {} cannot be written: {source}; name a writable folder with --data", path.display())]
    Data {
        /// The folder or file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The system does not tell of signals.
    #[error("signals cannot be received: {0}; allow this process to handle SIGTERM and SIGINT")]
    Signals(io::Error),
    /// The key for secrets in the store cannot be used.
    #[error("{place}: {reason}")]
    Key {
        /// The file or the environment variable.
        place: String,
        /// What is wrong and what would be right.
        reason: String,
    },
    /// HTTPS cannot be spoken.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Mail cannot be handed over.
    #[error(transparent)]
    Mail(#[from] TransportError),
    /// The configuration says something that shows only when it is used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] crate::store::sled::OpenError),
    /// The store was opened and did not answer.
    #[error("the store cannot be used: {0}")]
    Directory(#[from] DirectoryError),
    /// The store did not close.
    #[error("the store did not close in order: {0}; look at it with usher verify")]
    Close(crate::store::StoreError),
}

/// Runs a gateway until SIGTERM or SIGINT. `out` is told, once, where it is and what to do next.
///
/// # Errors
/// [`ServeError`].
pub async fn serve(config: &Config, out: &mut (dyn Write + Send)) -> Result<(), ServeError> {
    let stop = Stop::listen().map_err(ServeError::Signals)?;
    let certificate = certificate(&config.server)?;
    let (listener, address) = bind(&config.server.listen).await?;
    let measured = match &config.server.metrics_listen {
        Some(address) => Some(bind(address).await?),
        None => None,
    };
    let data = config.store.data.as_path();
    open::make_data_folder(data)?;
    let transport = Transport::new(&config.mail, data)?;
    let directory = Directory::new(open::store(&config.store)?, Arc::new(SystemClock));
    let directory = with_secrets(directory, config)?;
    let local = local_url(address, certificate.is_some());
    if certificate.is_none() && !address.ip().is_loopback() && !is_https(&config.server) {
        tracing::warn!(
            listen = %address,
            "the gateway is reached over HTTP from other machines: set server.tls_certificate and server.tls_key, or \
             server.public_url to the https address of the proxy in front of it"
        );
    }
    let public = public_url(&config.server, &local);
    let start = bootstrap::prepare(&directory, data, &public).await?;
    let presence = Presence::announce(data, &local, config.server.tls_certificate.as_deref())?;
    tracing::info!(listen = %address, engine = directory.store().engine(), "the gateway is ready");
    tell(out, &start, [&local, &public], data).map_err(|source| ServeError::Data {
        path: PathBuf::from("standard output"),
        source,
    })?;
    tokio::spawn(tidy_up(directory.clone()));
    tokio::spawn(metrics::keep_up());
    tokio::spawn(sweep::keep_sweeping(directory.clone()));
    if let Some((listener, address)) = measured {
        tracing::info!(listen = %address, "metrics are shown to everyone who reaches this address");
        let routes = metrics::open_router(directory.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
    }
    // Both engines are this process's own, so whoever holds a lease is no more.
    let broken_off = schedule::broken_off(&directory).await?;
    let scheduler = Scheduler::new(directory.clone()).making_up_for(broken_off);
    let work = start_work(&directory, scheduler, config, &public, transport)?;
    let service = Service {
        app: app::router(&directory, config, &public),
        tls: certificate.as_ref().map(Certificate::acceptor).transpose()?,
    };
    if let Some(certificate) = certificate {
        tokio::spawn(certificate.follow());
    }
    run(listener, service, &config.server, stop.received()).await;
    presence.withdraw();
    for (what, stop, task) in work {
        if stop.send(()).is_err() || task.await.is_err() {
            tracing::error!("the {what} ended before the gateway did");
        }
    }
    if let Err(error) = directory.flush_journal().await {
        tracing::warn!(%error, "the last entries of request journals could not be written");
    }
    directory.store().close().await.map_err(ServeError::Close)?;
    tracing::info!("the gateway has stopped");
    Ok(())
}

/// Work in the background: what it is, what tells it to stop, and its end.
type Work = (&'static str, oneshot::Sender<()>, JoinHandle<()>);

/// Starts what works beside the requests.
fn start_work(
    directory: &Directory,
    scheduler: Scheduler,
    config: &Config,
    public_url: &str,
    transport: Transport,
) -> Result<Vec<Work>, ServeError> {
    // Told to stop, or left alone by whoever would tell: both end it.
    let stop = || {
        let (stop, stopped) = oneshot::channel::<()>();
        (stop, async move { drop(stopped.await) })
    };
    let (stop_runs, stopped) = stop();
    let runs = tokio::spawn(scheduler.run(stopped));
    let settings = MailerSettings {
        public_url: public_url.to_owned(),
        from: config.mail.sender()?,
        retry: config.mail.retry(),
    };
    let (stop_mail, stopped) = stop();
    let mail = tokio::spawn(Mailer::new(directory.clone(), transport, settings).run(stopped));
    Ok(vec![("scheduler", stop_runs, runs), ("mailer", stop_mail, mail)])
}

/// The directory with the key for secrets in its store, with passwords hashed, jobs and lists bounded as the configuration says.
///
/// # Errors
/// As [`secret_key::load`].
pub fn with_secrets(directory: Directory, config: &Config) -> Result<Directory, ServeError> {
    let key = secret_key::load(&config.sign_in, &config.store.data)?;
    let cost = HashCost {
        memory_kib: config.sign_in.hash_memory_kib,
        iterations: config.sign_in.hash_iterations,
        parallelism: config.sign_in.hash_parallelism,
        at_once: config.sign_in.hashes_at_once,
    };
    let jobs = JobLimits {
        items_max: config.jobs.items_max,
        plan_lives: TimeDelta::minutes(i64::from(config.jobs.plan_minutes)),
        kept: TimeDelta::days(i64::from(config.jobs.kept_days)),
    };
    let lists = ListLimits {
        page_size: config.lists.page_size,
        looked_at: config.lists.looked_at_max,
        sorted: config.lists.sorted_max,
        reached: config.lists.reached_max,
    };
    Ok(directory
        .with_sealing_key(key)
        .with_hashing(cost)
        .with_jobs(jobs)
        .with_list_limits(lists))
}

async fn bind(address: &str) -> Result<(TcpListener, SocketAddr), ServeError> {
    let refused = |source: io::Error| match source.kind() {
        io::ErrorKind::AddrInUse => ServeError::PortInUse {
            address: address.to_owned(),
        },
        _ => ServeError::Bind {
            address: address.to_owned(),
            source,
        },
    };
    let listener = TcpListener::bind(address).await.map_err(refused)?;
    let bound = listener.local_addr().map_err(refused)?;
    Ok((listener, bound))
}

/// The certificate that the configuration names, if it names one.
fn certificate(config: &ServerConfig) -> Result<Option<Arc<Certificate>>, TlsError> {
    match (&config.tls_certificate, &config.tls_key) {
        (Some(chain), Some(key)) => Certificate::load(chain, key).map(Some),
        _ => Ok(None),
    }
}

fn is_https(config: &ServerConfig) -> bool {
    config
        .public_url
        .as_deref()
        .is_some_and(|url| url.starts_with("https://"))
}

/// The address as this machine reaches it.
fn local_url(mut address: SocketAddr, is_https: bool) -> String {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    let scheme = if is_https { "https" } else { "http" };
    format!("{scheme}://{address}")
}

/// The address as clients reach it.
fn public_url(config: &ServerConfig, local: &str) -> String {
    let url = config.public_url.as_deref().unwrap_or(local);
    url.trim_end_matches('/').to_owned()
}

fn tell(out: &mut (dyn Write + Send), start: &Start, urls: [&str; 2], data: &Path) -> io::Result<()> {
    let [local, public] = urls;
    let known = if local == public {
        String::new()
    } else {
        format!(", is known to clients as {public}")
    };
    writeln!(
        out,
        "usher listens on {local}{known} and keeps its data in {}",
        data.display()
    )?;
    match start {
        Start::Again => {}
        Start::First(made) => tell_first(out, made, data)?,
    }
    out.flush()
}

fn tell_first(out: &mut (dyn Write + Send), made: &Bootstrap, data: &Path) -> io::Result<()> {
    writeln!(
        out,
        "\n  organisation          {}\n  SCIM base URL         {}\n  SCIM token            {}\n  \
         admin API             {}\n  administrator token   {}\n",
        made.organisation, made.scim_base_url, made.scim_token, made.admin_base_url, made.admin_token
    )?;
    writeln!(
        out,
        "This is shown once and kept in {} (only you may read it).\n\
         Next: enter the SCIM base URL and token in your identity provider, then see who came in with: usher user list",
        data.join(bootstrap::FILE).display()
    )
}

/// Finishes what an earlier process left half done: members of groups that were deleted, what groups give, resources whose time
/// is over, indexes of custom attributes, jobs.
async fn tidy_up(directory: Directory) {
    let organisations = match directory.list_organisations().await {
        Ok(organisations) => organisations,
        Err(error) => return tracing::warn!(%error, "organisations could not be listed"),
    };
    for settings in organisations {
        if let Err(error) = directory.purge_groups(settings.organisation.id).await {
            tracing::warn!(%error, organisation.id = %settings.organisation.id, "deleted groups could not be purged");
        }
        if let Err(error) = directory.resume_group_gives(settings.organisation.id).await {
            tracing::warn!(%error, organisation.id = %settings.organisation.id, "what groups give did not reach everyone");
        }
        if let Err(error) = directory.settle_role_links(settings.organisation.id).await {
            tracing::warn!(%error, organisation.id = %settings.organisation.id, "links of roles and groups could not be followed");
        }
        if let Err(error) = directory.close_resources(settings.organisation.id).await {
            tracing::warn!(%error, organisation.id = %settings.organisation.id, "resources could not be removed");
        }
        if let Err(error) = settle(&directory, settings.organisation.id).await {
            tracing::warn!(%error, organisation.id = %settings.organisation.id, "custom attributes could not be indexed");
        }
        // Last: items of a job rely on what the others bring in line.
        if let Err(error) = directory.resume_jobs(settings.organisation.id).await {
            tracing::warn!(%error, organisation.id = %settings.organisation.id, "confirmed work on many people could not go on");
        }
    }
}

async fn settle(directory: &Directory, organisation: OrganisationId) -> Result<(), DirectoryError> {
    let permit = Principal::system().administer(organisation)?;
    directory.settle_custom_attributes(&permit).await
}
