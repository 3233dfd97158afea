//! Whether the directory has switched an account off.

use super::entry::Entry;

/// ACCOUNTDISABLE, bit 2 of Active Directory's `userAccountControl`.
const ACCOUNT_DISABLE: i64 = 0x2;
/// The value by which OpenLDAP's password policy says "locked by an administrator, for ever" (draft-behera section 5.3.3).
const LOCKED_FOR_EVER: &str = "000001010000Z";

/// The attributes that [`account_state`] reads. They must be asked for by name: most are operational.
pub const ACCOUNT_ATTRIBUTES: [&str; 4] = [
    "userAccountControl",
    "lockoutTime",
    "nsAccountLock",
    "pwdAccountLockedTime",
];

/// What a directory says about an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountState {
    /// In use.
    Enabled,
    /// Switched off by an administrator: the person has left or may not work.
    Disabled,
    /// Locked for a while after wrong passwords. The person is still there: do not treat it as leaving.
    Locked,
}

/// Judges by `userAccountControl` (Active Directory), `nsAccountLock` (389-DS) and `pwdAccountLockedTime` (OpenLDAP).
///
/// A `userAccountControl` that is not a number counts as disabled: a leaver with access is the worse mistake.
pub fn account_state(entry: &Entry) -> AccountState {
    let attributes = &entry.attributes;
    let control = attributes
        .text("useraccountcontrol")
        .map(|text| text.trim().parse::<i64>());
    if control.is_some_and(|control| control.map_or(true, |bits| bits & ACCOUNT_DISABLE != 0)) {
        return AccountState::Disabled;
    }
    if attributes
        .texts("nsaccountlock")
        .any(|text| text.trim().eq_ignore_ascii_case("true"))
    {
        return AccountState::Disabled;
    }
    let mut locked_times = attributes.texts("pwdaccountlockedtime").peekable();
    let locked_by_policy = locked_times.peek().is_some();
    if locked_times.any(|time| time == LOCKED_FOR_EVER) {
        return AccountState::Disabled;
    }
    // lockoutTime is 0 after a reset, and counts 100 ns since 1601 otherwise.
    let locked_by_domain = attributes.text("lockouttime").is_some_and(|time| time.trim() != "0");
    match locked_by_policy || locked_by_domain {
        true => AccountState::Locked,
        false => AccountState::Enabled,
    }
}
