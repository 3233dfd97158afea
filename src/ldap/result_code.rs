//! The words for LDAP result codes (RFC 4511 section 4.1.9 and appendix A).

/// `success`.
pub const SUCCESS: u32 = 0;
/// `protocolError`.
pub const PROTOCOL_ERROR: u32 = 2;
/// `sizeLimitExceeded`.
pub const SIZE_LIMIT_EXCEEDED: u32 = 4;
/// `referral`.
pub const REFERRAL: u32 = 10;
/// `adminLimitExceeded`.
pub const ADMIN_LIMIT_EXCEEDED: u32 = 11;
/// `noSuchObject`.
pub const NO_SUCH_OBJECT: u32 = 32;
/// `invalidDNSyntax`.
pub const INVALID_DN_SYNTAX: u32 = 34;
/// `busy`.
pub const BUSY: u32 = 51;
/// `unavailable`.
pub const UNAVAILABLE: u32 = 52;
/// `unwillingToPerform`.
pub const UNWILLING_TO_PERFORM: u32 = 53;
/// `e-syncRefreshRequired` (RFC 4533 section 2.6).
pub const SYNC_REFRESH_REQUIRED: u32 = 4096;
/// `unavailableCriticalExtension`.
pub const UNAVAILABLE_CRITICAL_EXTENSION: u32 = 12;
/// `insufficientAccessRights`.
pub const INSUFFICIENT_ACCESS_RIGHTS: u32 = 50;
/// `inappropriateAuthentication`.
pub const INAPPROPRIATE_AUTHENTICATION: u32 = 48;
/// `invalidCredentials`.
pub const INVALID_CREDENTIALS: u32 = 49;

/// The name of a code as the RFC writes it.
pub fn name(code: u32) -> &'static str {
    match code {
        SUCCESS => "success",
        1 => "operationsError",
        PROTOCOL_ERROR => "protocolError",
        3 => "timeLimitExceeded",
        SIZE_LIMIT_EXCEEDED => "sizeLimitExceeded",
        7 => "authMethodNotSupported",
        8 => "strongerAuthRequired",
        REFERRAL => "referral",
        ADMIN_LIMIT_EXCEEDED => "adminLimitExceeded",
        UNAVAILABLE_CRITICAL_EXTENSION => "unavailableCriticalExtension",
        13 => "confidentialityRequired",
        16 => "noSuchAttribute",
        17 => "undefinedAttributeType",
        18 => "inappropriateMatching",
        21 => "invalidAttributeSyntax",
        NO_SUCH_OBJECT => "noSuchObject",
        33 => "aliasProblem",
        INVALID_DN_SYNTAX => "invalidDNSyntax",
        INAPPROPRIATE_AUTHENTICATION => "inappropriateAuthentication",
        INVALID_CREDENTIALS => "invalidCredentials",
        INSUFFICIENT_ACCESS_RIGHTS => "insufficientAccessRights",
        BUSY => "busy",
        UNAVAILABLE => "unavailable",
        UNWILLING_TO_PERFORM => "unwillingToPerform",
        80 => "other",
        SYNC_REFRESH_REQUIRED => "e-syncRefreshRequired",
        _ => "unknown code",
    }
}

/// What an operator can do about a code.
pub fn cure(code: u32) -> &'static str {
    match code {
        1 => "read the server's log; Active Directory answers so when the bind did not succeed",
        3 => "raise the reading account's time limit on the server, or narrow the filter",
        SIZE_LIMIT_EXCEEDED | ADMIN_LIMIT_EXCEEDED => {
            "raise the reading account's size and lookthrough limits on the server, also for paged searches"
        }
        7 | 8 | 13 => "the server demands another bind or TLS; use ldaps:// or start_tls = true",
        REFERRAL => "point urls at a server that holds the base itself",
        UNAVAILABLE_CRITICAL_EXTENSION => {
            "the server lacks what was asked for at this base: paging, without which nothing is known to be complete, \
             or content synchronisation"
        }
        NO_SUCH_OBJECT => "check the base and that the reading account may see it",
        INVALID_DN_SYNTAX => "check the spelling of the distinguished name",
        INAPPROPRIATE_AUTHENTICATION | INVALID_CREDENTIALS => "check bind_dn and bind_password",
        INSUFFICIENT_ACCESS_RIGHTS => "give the reading account the right to read",
        BUSY | UNAVAILABLE => "the server is busy or going down; the next run may succeed",
        UNWILLING_TO_PERFORM => "the server is unwilling; its text or log says why",
        SYNC_REFRESH_REQUIRED => "a full reading is needed",
        _ => "read the server's log",
    }
}
