//! A group's picture: a reference, or a small image inside a `data:` URL (RFC 2397).

/// Bytes of a reference.
pub const AVATAR_URL_MAX: usize = 2048;

/// Bytes of a `data:` URL: it is part of the group's record, which every look at the group reads.
pub const AVATAR_DATA_MAX: usize = 32 * 1024;

/// Image types that cannot carry a script.
const IMAGE_TYPES: [&str; 4] = ["image/png", "image/jpeg", "image/gif", "image/webp"];

/// Checks a picture.
///
/// # Errors
/// What is wrong with it and what would be right.
pub fn check_avatar(avatar: &str) -> Result<(), String> {
    if avatar.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err("must not hold white space or control characters".to_owned());
    }
    if let Some(data) = avatar.strip_prefix("data:") {
        if avatar.len() > AVATAR_DATA_MAX {
            let bytes = avatar.len();
            return Err(format!(
                "{bytes} bytes are too many for an image inside the record, at most {AVATAR_DATA_MAX} are stored: refer to it by https instead"
            ));
        }
        let is_image = data
            .split_once(";base64,")
            .is_some_and(|(kind, bytes)| IMAGE_TYPES.contains(&kind) && is_base64(bytes));
        return if is_image {
            Ok(())
        } else {
            Err(format!(
                "must be \"data:TYPE;base64,...\" with one of the types {}",
                IMAGE_TYPES.join(", ")
            ))
        };
    }
    if avatar.len() > AVATAR_URL_MAX {
        return Err(format!(
            "{} bytes are too many, at most {AVATAR_URL_MAX} are stored",
            avatar.len()
        ));
    }
    let has_host = |rest: &str| !rest.is_empty() && !rest.starts_with('/');
    match avatar
        .strip_prefix("https://")
        .or_else(|| avatar.strip_prefix("http://"))
    {
        Some(rest) if has_host(rest) => Ok(()),
        _ => Err("must be an https:// or data: URL".to_owned()),
    }
}

fn is_base64(text: &str) -> bool {
    use base64::Engine as _;
    !text.is_empty() && base64::engine::general_purpose::STANDARD.decode(text).is_ok()
}
