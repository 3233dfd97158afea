//! The head: the engine's own record, written in the same sled batch as the commits that it counts.
//!
//! It tells two kinds of damage that no record's checksum can tell. A log that lost its end has an older head, which the
//! watermark shows. A log that lost something in its middle has a head that counts records which are not there, which a scrub
//! shows.

use sha2::{Digest, Sha256};

/// The head's key in the tree; users' keys start with [`super::envelope::PREFIX`].
pub const KEY: &[u8] = &[0];

const FORMAT: u8 = 1;
const BYTES: usize = 1 + 8 + 32 + 8 + 8 + 4;

/// What the store holds, in a few numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Head {
    /// The number of the last commit; 0 before the first.
    pub commit: u64,
    /// A hash over every commit so far, each chained to the one before (SHA-256).
    pub chain: [u8; 32],
    /// How many records there are, and what their checksums add up to.
    pub tally: Tally,
}

/// A count of records and a sum over their checksums: two stores with one tally hold, but for chance, the same records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many records.
    pub records: u64,
    /// The sum of their checksums, each stretched to 64 bits.
    pub sum: u64,
}

impl Tally {
    /// Counts a record in.
    pub fn add(&mut self, checksum: u32) {
        self.records = self.records.wrapping_add(1);
        self.sum = self.sum.wrapping_add(stretch(checksum));
    }

    /// Counts a record out.
    pub fn subtract(&mut self, checksum: u32) {
        self.records = self.records.wrapping_sub(1);
        self.sum = self.sum.wrapping_sub(stretch(checksum));
    }
}

impl Head {
    /// Chains one more commit; `digest` has taken in what it changes.
    pub fn advance(&mut self, digest: Sha256) {
        self.commit += 1;
        self.chain = Sha256::new()
            .chain_update(self.chain)
            .chain_update(self.commit.to_be_bytes())
            .chain_update(digest.finalize())
            .finalize()
            .into();
    }

    /// The bytes that are stored.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(BYTES);
        bytes.push(FORMAT);
        bytes.extend_from_slice(&self.commit.to_be_bytes());
        bytes.extend_from_slice(&self.chain);
        bytes.extend_from_slice(&self.tally.records.to_be_bytes());
        bytes.extend_from_slice(&self.tally.sum.to_be_bytes());
        let checksum = crc32fast::hash(&bytes);
        bytes.extend_from_slice(&checksum.to_be_bytes());
        bytes
    }

    /// The head that was stored, or what is wrong with it.
    ///
    /// # Errors
    /// A sentence for the operator.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let bytes: &[u8; BYTES] = bytes
            .try_into()
            .map_err(|_| format!("the head has {} bytes and not {BYTES}", bytes.len()))?;
        let (body, checksum) = bytes.split_at(BYTES - 4);
        if crc32fast::hash(body).to_be_bytes() != checksum {
            return Err("the head's checksum is wrong".to_owned());
        }
        if body[0] != FORMAT {
            return Err(format!("the head has format {}, this program knows {FORMAT}", body[0]));
        }
        Ok(Self {
            commit: number(&body[1..9]),
            chain: chain(&body[9..41]),
            tally: Tally {
                records: number(&body[41..49]),
                sum: number(&body[49..57]),
            },
        })
    }
}

/// Eight bytes, big endian.
fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn chain(bytes: &[u8]) -> [u8; 32] {
    let mut chain = [0; 32];
    chain.copy_from_slice(bytes);
    chain
}

/// Spreads 32 bits over 64, so that sums of few records differ in many bits (the multiplier of Knuth's hash).
fn stretch(checksum: u32) -> u64 {
    u64::from(checksum).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
