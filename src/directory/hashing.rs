//! Hashing passwords with argon2id (RFC 9106): off the threads that serve requests, and not too many at once, because each
//! takes the memory that makes guessing dear.
//!
//! Every sign-in costs one comparison, whoever is asked for: where there is no hash, one that no password has is compared
//! with, so that nobody learns from the time who exists.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use argon2::password_hash::{
    Output, ParamsString, PasswordHash, PasswordHasher as _, PasswordVerifier as _, SaltString,
};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use super::DirectoryError;

/// What one hash costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashCost {
    /// Kibibytes of memory.
    pub memory_kib: u32,
    /// Passes over it.
    pub iterations: u32,
    /// Lanes.
    pub parallelism: u32,
    /// Hashes at once, in the whole process.
    pub at_once: usize,
}

impl Default for HashCost {
    /// OWASP's first choice for argon2id: 19 MiB, two passes, one lane.
    fn default() -> Self {
        Self {
            memory_kib: 19 * 1024,
            iterations: 2,
            parallelism: 1,
            at_once: 4,
        }
    }
}

impl HashCost {
    /// Whether argon2 can work with it.
    #[must_use]
    pub fn is_possible(&self) -> bool {
        self.at_once > 0 && self.params().is_some()
    }

    fn params(&self) -> Option<Params> {
        Params::new(self.memory_kib, self.iterations, self.parallelism, None).ok()
    }
}

/// The place where passwords are hashed.
pub struct Hashing {
    params: Params,
    decoy: String,
    places: Arc<Semaphore>,
    operations: AtomicU64,
}

impl Hashing {
    /// With this cost. One that is not possible is the default.
    #[must_use]
    pub fn new(cost: HashCost) -> Self {
        let params = cost.params().unwrap_or_default();
        Self {
            decoy: decoy(&params),
            params,
            places: Arc::new(Semaphore::new(cost.at_once.clamp(1, Semaphore::MAX_PERMITS))),
            operations: AtomicU64::new(0),
        }
    }

    /// Hashes and comparisons so far: each is one full pass of argon2.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.operations.load(Ordering::Relaxed)
    }

    /// The password's hash as a PHC string.
    ///
    /// # Errors
    /// [`DirectoryError::Corrupt`] when it cannot be computed, which an argument of the caller never causes.
    pub async fn hash(&self, password: &str, salt: [u8; 16]) -> Result<String, DirectoryError> {
        let params = self.params.clone();
        self.work(password, move |password| {
            let salt = SaltString::encode_b64(&salt).map_err(|error| error.to_string())?;
            let hashed = argon2(params).hash_password(password, &salt);
            hashed.map(|hash| hash.to_string()).map_err(|error| error.to_string())
        })
        .await
    }

    /// Whether the password has this hash. Without one the same work is done, and the answer is no.
    ///
    /// # Errors
    /// As [`Hashing::hash`]; a hash that cannot be read is [`DirectoryError::Corrupt`].
    pub async fn verify(&self, password: &str, hash: Option<&str>) -> Result<bool, DirectoryError> {
        let params = self.params.clone();
        let is_decoy = hash.is_none();
        let hash = hash.unwrap_or(&self.decoy).to_owned();
        self.work(password, move |password| {
            let hash = PasswordHash::new(&hash).map_err(|error| error.to_string())?;
            // The cost is the hash's own: one from before a change of the settings is compared as it was made.
            let is_same = match argon2(params).verify_password(password, &hash) {
                Ok(()) => true,
                Err(argon2::password_hash::Error::Password) => false,
                Err(error) => return Err(error.to_string()),
            };
            Ok(is_same && !is_decoy)
        })
        .await
    }

    /// Whether a hash was made with another cost than the present one.
    #[must_use]
    pub fn is_outdated(&self, hash: &str) -> bool {
        let made_with = PasswordHash::new(hash)
            .ok()
            .and_then(|hash| Params::try_from(&hash).ok());
        made_with.is_some_and(|made_with| {
            (made_with.m_cost(), made_with.t_cost(), made_with.p_cost())
                != (self.params.m_cost(), self.params.t_cost(), self.params.p_cost())
        })
    }

    async fn work<T: Send + 'static>(
        &self,
        password: &str,
        work: impl FnOnce(&[u8]) -> Result<T, String> + Send + 'static,
    ) -> Result<T, DirectoryError> {
        let failed = |reason: String| DirectoryError::Corrupt(format!("a password could not be hashed: {reason}"));
        let password = Zeroizing::new(password.as_bytes().to_vec());
        // The place is held until the work is done, also when whoever asked hangs up.
        let place = Arc::clone(&self.places).acquire_owned().await;
        let place = place.map_err(|error| failed(error.to_string()))?;
        self.operations.fetch_add(1, Ordering::Relaxed);
        let working = tokio::task::spawn_blocking(move || {
            let done = work(&password);
            drop(place);
            done
        });
        working
            .await
            .map_err(|error| failed(error.to_string()))?
            .map_err(failed)
    }
}

impl Default for Hashing {
    fn default() -> Self {
        Self::new(HashCost::default())
    }
}

fn argon2(params: Params) -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// A hash of this cost that no password is known to have. Its bytes are not secret: finding a password for them is as hard
/// as for any other hash, and would open nothing.
fn decoy(params: &Params) -> String {
    let made = || {
        let salt = SaltString::encode_b64(&[0x75; 16]).ok()?;
        let output = Output::new(&[0x73; Params::DEFAULT_OUTPUT_LEN]).ok()?;
        let hash = PasswordHash {
            algorithm: Algorithm::Argon2id.ident(),
            version: Some(Version::V0x13.into()),
            params: ParamsString::try_from(params).ok()?,
            salt: Some(salt.as_salt()),
            hash: Some(output),
        };
        Some(hash.to_string())
    };
    // Constants of the right length and the numbers of valid parameters can always be written.
    made().unwrap_or_default()
}
