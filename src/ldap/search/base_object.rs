//! A search for one entry by its name (scope baseObject).

use ldap3::Ldap;
use ldap3::Scope;

use crate::ldap::connection::ReadLimits;
use crate::ldap::entry::RawEntry;
use crate::ldap::filter::Filter;
use crate::ldap::read_error::ReadError;
use crate::ldap::result_code::SUCCESS;

/// The entry at `dn`, or `None` when the server answers with success and nothing.
///
/// An empty `dn` is the root DSE (RFC 4512 section 5.1).
pub(crate) async fn read_base_object(
    ldap: &mut Ldap,
    dn: &str,
    attributes: Vec<String>,
    limits: ReadLimits,
) -> Result<Option<RawEntry>, ReadError> {
    read_matching(ldap, dn, &Filter::everything(), attributes, limits).await
}

/// The same when the entry matches `filter`. Controls set on `ldap` are sent along.
pub(crate) async fn read_matching(
    ldap: &mut Ldap,
    dn: &str,
    filter: &Filter,
    attributes: Vec<String>,
    limits: ReadLimits,
) -> Result<Option<RawEntry>, ReadError> {
    let failed = |error| ReadError::from_library(error, limits.entry_timeout);
    ldap.with_timeout(limits.entry_timeout);
    let mut stream = ldap
        .streaming_search(dn, Scope::Base, filter.as_str(), attributes)
        .await
        .map_err(failed)?;
    let mut found = None;
    while let Some(item) = stream.next().await.map_err(failed)? {
        if !item.is_ref() && !item.is_intermediate() {
            found = Some(RawEntry::decode(item)?);
        }
    }
    let result = stream.finish().await;
    match result.rc {
        SUCCESS => Ok(found),
        _ => Err(ReadError::from_result(result, dn)),
    }
}
