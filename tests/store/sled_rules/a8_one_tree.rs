//! Everything is in sled's default tree.

use std::fs;
use std::path::{Path, PathBuf};

use usher::store::Store;
use usher::store::sled::{SEGMENT_BYTES, SledStore};

use super::put;
use crate::store::kit::{folder, settings};

#[tokio::test]
async fn a_store_has_one_tree() {
    let folder = folder();
    let store = SledStore::open(folder.path(), settings()).unwrap();
    for organisation in ["acme", "globex", "initech"] {
        put(&store, &format!("{organisation}/user"), "one").await.unwrap();
    }
    store.close().await.unwrap();
    let raw = sled::Config::new()
        .path(folder.path())
        .segment_size(SEGMENT_BYTES)
        .open()
        .unwrap();
    let names: Vec<_> = raw.tree_names().iter().map(|name| name.to_vec()).collect();
    assert_eq!(names, [b"__sled__default".to_vec()]);
}

#[test]
fn the_code_opens_no_other_tree_and_never_flushes_in_the_background() {
    let mut offences = Vec::new();
    for file in rust_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) {
        let text = fs::read_to_string(&file).unwrap();
        for call in [".open_tree(", ".flush_async(", "flush_every_ms(Some"] {
            if text.contains(call) {
                offences.push(format!("{}: {call}", file.display()));
            }
        }
    }
    assert!(offences.is_empty(), "{offences:?}");
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let files = below(folder);
    assert!(!files.is_empty(), "{} has no code", folder.display());
    files
}

fn below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(below(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}
