//! Secrets that must be read again, and so cannot be hashed: they lie in the store encrypted (AES-256-GCM), with a key that
//! is not in the store. Whoever has a copy of the store alone cannot read them.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use zeroize::Zeroizing;

/// The key.
pub struct SealingKey(Zeroizing<[u8; 32]>);

/// What cannot be opened or made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The text is no key.
    #[error("is not 32 bytes in base64: make one with: openssl rand -base64 32")]
    NotAKey,
    /// It was sealed with another key, for another place, or is damaged.
    #[error("cannot be decrypted: the key is another one than it was encrypted with")]
    Closed,
}

impl SealingKey {
    /// The key of these bytes.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The key that a text says: 32 bytes in base64.
    ///
    /// # Errors
    /// [`SealError::NotAKey`].
    pub fn parse(text: &str) -> Result<Self, SealError> {
        let bytes = Zeroizing::new(STANDARD.decode(text.trim()).map_err(|_| SealError::NotAKey)?);
        let bytes: [u8; 32] = bytes.as_slice().try_into().map_err(|_| SealError::NotAKey)?;
        Ok(Self::new(bytes))
    }

    /// The text that [`SealingKey::parse`] understands.
    #[must_use]
    pub fn text(&self) -> Zeroizing<String> {
        Zeroizing::new(STANDARD.encode(self.0.as_slice()))
    }

    /// Encrypts. `place` says where the result belongs: it opens nowhere else. `random` must be new for each call; with 96
    /// random bits a key is good for far more secrets than there are people.
    ///
    /// # Errors
    /// [`SealError::Closed`], which a secret of any sensible length never meets.
    pub fn seal(&self, secret: &[u8], place: &str, random: &[u8; 32]) -> Result<String, SealError> {
        let mut nonce = [0; NONCE_LEN];
        nonce.copy_from_slice(&random[..NONCE_LEN]);
        let mut sealed = secret.to_vec();
        self.key()?
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(place.as_bytes()),
                &mut sealed,
            )
            .map_err(|_| SealError::Closed)?;
        Ok(STANDARD_NO_PAD.encode([nonce.as_slice(), &sealed].concat()))
    }

    /// Decrypts what was sealed for this place.
    ///
    /// # Errors
    /// [`SealError::Closed`].
    pub fn open(&self, sealed: &str, place: &str) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let bytes = STANDARD_NO_PAD.decode(sealed).map_err(|_| SealError::Closed)?;
        let (nonce, rest) = bytes.split_at_checked(NONCE_LEN).ok_or(SealError::Closed)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError::Closed)?;
        let mut rest = Zeroizing::new(rest.to_vec());
        let opened = self
            .key()?
            .open_in_place(nonce, Aad::from(place.as_bytes()), &mut rest)
            .map_err(|_| SealError::Closed)?
            .len();
        rest.truncate(opened);
        Ok(rest)
    }

    fn key(&self) -> Result<LessSafeKey, SealError> {
        let key = UnboundKey::new(&AES_256_GCM, self.0.as_slice()).map_err(|_| SealError::NotAKey)?;
        Ok(LessSafeKey::new(key))
    }
}
