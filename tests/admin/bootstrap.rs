//! The first start cannot lock anybody out, whenever it is broken off.

use std::sync::Arc;

use usher::directory::Directory;
use usher::model::clock::SystemClock;
use usher::server::bootstrap::{self, Bootstrap, Start};
use usher::store::memory::MemoryStore;
use usher::store::{Batch, Committed, Found, Health, Read, Scrub, Store, StoreError};

/// A store whose process dies at every commit.
struct DiesAtCommit(MemoryStore);

#[async_trait::async_trait]
impl Store for DiesAtCommit {
    fn engine(&self) -> &'static str {
        self.0.engine()
    }

    async fn read(&self, reads: Vec<Read>) -> Result<Vec<Found>, StoreError> {
        self.0.read(reads).await
    }

    async fn commit(&self, _: Batch) -> Result<Committed, StoreError> {
        Err(StoreError::Closed)
    }

    fn health(&self) -> Health {
        self.0.health()
    }

    async fn scrub(&self) -> Result<Scrub, StoreError> {
        self.0.scrub().await
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.0.close().await
    }
}

fn over(store: impl Store) -> Directory {
    Directory::new(Arc::new(store), Arc::new(SystemClock))
}

fn kept(folder: &tempfile::TempDir) -> Bootstrap {
    Bootstrap::find(folder.path()).expect("readable").expect("a file")
}

#[tokio::test]
async fn a_first_start_that_dies_before_its_commit_begins_anew() {
    let folder = tempfile::tempdir().expect("a folder");
    let broken = over(DiesAtCommit(MemoryStore::new()));
    assert!(bootstrap::prepare(&broken, folder.path(), "http://a").await.is_err());
    let early = kept(&folder);
    let directory = over(MemoryStore::new());
    let start = bootstrap::prepare(&directory, folder.path(), "http://a")
        .await
        .expect("a start");
    assert!(matches!(start, Start::First(_)));
    let late = kept(&folder);
    assert!(early.admin_token != late.admin_token);
    assert!(directory.authenticate(&early.admin_token).await.is_err());
    directory
        .authenticate(&late.admin_token)
        .await
        .expect("the administrator");
    directory.authenticate(&late.scim_token).await.expect("the connection");
}

#[tokio::test]
async fn a_later_start_changes_nothing_but_the_address() {
    let folder = tempfile::tempdir().expect("a folder");
    let directory = over(MemoryStore::new());
    bootstrap::prepare(&directory, folder.path(), "http://a")
        .await
        .expect("a start");
    let first = kept(&folder);
    let again = bootstrap::prepare(&directory, folder.path(), "http://b")
        .await
        .expect("a start");
    assert!(matches!(again, Start::Again));
    let second = kept(&folder);
    assert_eq!(second.scim_base_url, "http://b/scim/default/v2");
    assert_eq!(second.admin_base_url, "http://b/api/v1");
    assert!(first.admin_token == second.admin_token && first.scim_token == second.scim_token);
}

#[tokio::test]
async fn a_file_that_the_operator_removed_or_changed_stays_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let directory = over(MemoryStore::new());
    bootstrap::prepare(&directory, folder.path(), "http://a")
        .await
        .expect("a start");
    let file = folder.path().join(bootstrap::FILE);
    std::fs::write(&file, "my notes").expect("written");
    bootstrap::prepare(&directory, folder.path(), "http://b")
        .await
        .expect("a start");
    assert_eq!(std::fs::read_to_string(&file).expect("readable"), "my notes");
    std::fs::remove_file(&file).expect("removed");
    bootstrap::prepare(&directory, folder.path(), "http://b")
        .await
        .expect("a start");
    assert!(!file.exists());
}
