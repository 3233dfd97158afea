//! Plays a trace back up to a moment, and builds what the disk could hold after the power went at that moment.
//!
//! The model is strict about data: only what `fsync` or `fdatasync` covered is certain to be there; of every later write each
//! page of 4 KiB is kept or lost by chance. It is kind about names: files are made, renamed and removed in order, as on a
//! journalling file system.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

use super::writer;

const PAGE: usize = 4096;
const HEADER_BYTES: usize = 24;

pub(super) struct Trace {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
    /// The folder's path: the same names begin every path of the trace.
    root: String,
    /// The entries that are acknowledgements.
    acks: Vec<usize>,
}

struct Entry {
    kind: Kind,
    thread: u32,
    path: String,
    offset: usize,
    data: Range<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Write,
    SyncBegins,
    SyncEnded,
    SetLength,
    Rename,
    Unlink,
    Create,
    RangeSync,
    MakeFolder,
}

/// A file as the trace has left it.
#[derive(Default)]
struct Traced {
    changes: Vec<Change>,
    /// How many of the changes are certain to be on the disk.
    durable: usize,
}

enum Change {
    Write { offset: usize, data: Range<usize> },
    SetLength(usize),
}

/// How the power cut treats what was not synced.
enum Luck {
    KeepsAll,
    LosesAll,
    Keeps(f64),
}

impl Trace {
    pub(super) fn read(trace: &Path, root: &Path) -> Self {
        let bytes = fs::read(trace).unwrap();
        let root = root.to_str().unwrap().to_owned();
        let mut entries = Vec::new();
        let mut at = 0;
        while at + HEADER_BYTES <= bytes.len() {
            let word = |place: usize| u32::from_ne_bytes(bytes[at + place..at + place + 4].try_into().unwrap());
            let path_at = at + HEADER_BYTES;
            let data_at = path_at + word(8) as usize;
            let end = data_at + word(12) as usize;
            entries.push(Entry {
                kind: Kind::of(word(0)),
                thread: word(4),
                path: String::from_utf8(bytes[path_at..data_at].to_vec()).unwrap(),
                offset: u64::from_ne_bytes(bytes[at + 16..at + 24].try_into().unwrap()) as usize,
                data: data_at..end,
            });
            at = end;
        }
        let ack_path = format!("{root}/{}", writer::ACKS);
        let acks = (0..entries.len())
            .filter(|place| entries[*place].kind == Kind::Write && entries[*place].path == ack_path)
            .collect();
        Self {
            bytes,
            entries,
            root,
            acks,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn acknowledgements(&self) -> u64 {
        self.acks.len() as u64
    }

    pub(super) fn first_acknowledgement(&self) -> usize {
        self.acks[0]
    }

    pub(super) fn an_acknowledgement(&self, luck: &mut StdRng) -> usize {
        *self.acks.choose(luck).unwrap()
    }

    /// An entry that makes, renames or removes a file after the store was made.
    pub(super) fn a_change_of_names(&self, luck: &mut StdRng) -> usize {
        let is_one = |place: &usize| matches!(self.entries[*place].kind, Kind::Create | Kind::Rename | Kind::Unlink);
        let places: Vec<usize> = (self.first_acknowledgement()..self.len()).filter(is_one).collect();
        *places.choose(luck).unwrap()
    }

    pub(super) fn summary(&self) -> String {
        let mut kinds: BTreeMap<Kind, usize> = BTreeMap::new();
        for entry in &self.entries {
            *kinds.entry(entry.kind).or_default() += 1;
        }
        format!(
            "{} entries, {} MiB, {} acknowledgements, {kinds:?}",
            self.entries.len(),
            self.bytes.len() >> 20,
            self.acks.len()
        )
    }

    /// Builds the folder as a cut before entry `moment` could have left it. Answers what had been acknowledged: by writer, the
    /// number of its last commit.
    pub(super) fn image_at(&self, moment: usize, luck: &mut StdRng, into: &Path) -> BTreeMap<u64, u64> {
        let (files, folders) = self.play(moment);
        fs::create_dir_all(into).unwrap();
        for folder in folders {
            fs::create_dir_all(self.inside(into, &folder)).unwrap();
        }
        for (path, file) in files {
            fs::write(self.inside(into, &path), self.content(&file, luck)).unwrap();
        }
        let mut acks = BTreeMap::new();
        for place in self.acks.iter().filter(|place| **place < moment) {
            let line = std::str::from_utf8(&self.bytes[self.entries[*place].data.clone()]).unwrap();
            let (writer, number) = line.trim_end().split_once(' ').unwrap();
            acks.insert(writer.parse().unwrap(), number.parse().unwrap());
        }
        acks
    }

    fn inside(&self, image: &Path, path: &str) -> PathBuf {
        image.join(path[self.root.len()..].trim_start_matches('/'))
    }

    /// The files by path, and the folders, that were there before entry `moment`.
    fn play(&self, moment: usize) -> (BTreeMap<String, Traced>, BTreeSet<String>) {
        let mut files: BTreeMap<String, Traced> = BTreeMap::new();
        let mut folders = BTreeSet::new();
        let mut syncing: BTreeMap<(u32, &str), usize> = BTreeMap::new();
        for entry in &self.entries[..moment] {
            let path = entry.path.as_str();
            match entry.kind {
                Kind::Write => files.entry(path.to_owned()).or_default().changes.push(Change::Write {
                    offset: entry.offset,
                    data: entry.data.clone(),
                }),
                Kind::SetLength => {
                    let change = Change::SetLength(entry.offset);
                    files.entry(path.to_owned()).or_default().changes.push(change);
                }
                Kind::SyncBegins => {
                    let covered = files.get(path).map_or(0, |file| file.changes.len());
                    syncing.insert((entry.thread, path), covered);
                }
                Kind::SyncEnded => {
                    let covered = syncing.remove(&(entry.thread, path)).unwrap_or(0);
                    if let Some(file) = files.get_mut(path) {
                        file.durable = file.durable.max(covered);
                    }
                }
                Kind::Rename => {
                    let to = String::from_utf8(self.bytes[entry.data.clone()].to_vec()).unwrap();
                    let file = files.remove(path).unwrap_or_default();
                    files.insert(to, file);
                }
                Kind::Unlink => drop(files.remove(path)),
                Kind::Create => drop(files.insert(path.to_owned(), Traced::default())),
                Kind::MakeFolder => drop(folders.insert(path.to_owned())),
                Kind::RangeSync => {}
            }
        }
        (files, folders)
    }

    fn content(&self, file: &Traced, luck: &mut StdRng) -> Vec<u8> {
        let mood = match luck.random_range(0..10) {
            0 => Luck::KeepsAll,
            1..=3 => Luck::LosesAll,
            _ => Luck::Keeps(*[0.2, 0.5, 0.8, 0.95].choose(luck).unwrap()),
        };
        let mut content = Vec::new();
        for (place, change) in file.changes.iter().enumerate() {
            match change {
                Change::SetLength(length) => content.resize(*length, 0),
                Change::Write { offset, data } if place < file.durable => {
                    overwrite(&mut content, *offset, &self.bytes[data.clone()]);
                }
                Change::Write { offset, data } => {
                    for (offset, data) in pages(*offset, data.clone()) {
                        let kept = match mood {
                            Luck::KeepsAll => true,
                            Luck::LosesAll => false,
                            Luck::Keeps(share) => luck.random_bool(share),
                        };
                        if kept {
                            overwrite(&mut content, offset, &self.bytes[data]);
                        }
                    }
                }
            }
        }
        content
    }
}

impl Kind {
    /// The numbers of `enum kind` in `recorder.c`.
    fn of(number: u32) -> Self {
        match number {
            1 => Self::Write,
            2 => Self::SyncBegins,
            3 => Self::SyncEnded,
            4 => Self::SetLength,
            5 => Self::Rename,
            6 => Self::Unlink,
            7 => Self::Create,
            8 => Self::RangeSync,
            9 => Self::MakeFolder,
            other => panic!("the trace has an entry of kind {other}"),
        }
    }
}

/// A write cut at the borders of the file's pages.
fn pages(offset: usize, data: Range<usize>) -> Vec<(usize, Range<usize>)> {
    let mut parts = Vec::new();
    let mut done = 0;
    while done < data.len() {
        let at = offset + done;
        let length = (PAGE - at % PAGE).min(data.len() - done);
        parts.push((at, data.start + done..data.start + done + length));
        done += length;
    }
    parts
}

fn overwrite(content: &mut Vec<u8>, offset: usize, data: &[u8]) {
    let end = offset + data.len();
    if content.len() < end {
        content.resize(end, 0);
    }
    content[offset..end].copy_from_slice(data);
}
