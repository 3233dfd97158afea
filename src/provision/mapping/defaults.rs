//! The attribute rules of a directory that names none of its own: what Active Directory, OpenLDAP and 389-DS use.

use crate::model::connection::AttributeRule;

use super::attributes::ENTERPRISE;

/// Where the core attributes come from. For an attribute of one value the first that is present wins.
const CORE: [(&str, &str); 19] = [
    ("userName", "uid"),
    ("userName", "sAMAccountName"),
    ("userName", "userPrincipalName"),
    ("userName", "mail"),
    ("name.givenName", "givenName"),
    ("name.familyName", "sn"),
    ("displayName", "displayName"),
    ("displayName", "cn"),
    ("title", "title"),
    ("preferredLanguage", "preferredLanguage"),
    ("emails", "mail"),
    ("phoneNumbers", "telephoneNumber"),
    ("phoneNumbers[type eq \"mobile\"].value", "mobile"),
    ("phoneNumbers[type eq \"fax\"].value", "facsimileTelephoneNumber"),
    ("addresses.streetAddress", "street"),
    ("addresses.locality", "l"),
    ("addresses.region", "st"),
    ("addresses.postalCode", "postalCode"),
    ("addresses.country", "c"),
];

/// Where those of the enterprise extension come from.
const EXTENSION: [(&str, &str); 7] = [
    ("employeeNumber", "employeeNumber"),
    ("employeeNumber", "employeeID"),
    ("department", "departmentNumber"),
    ("department", "department"),
    ("organization", "o"),
    ("organization", "company"),
    ("division", "division"),
];

/// The rules of kind `ldap`.
#[must_use]
pub fn ldap() -> Vec<AttributeRule> {
    let rule = |to: String, from: &str| AttributeRule {
        to,
        from: Some(from.to_owned()),
        value: None,
        expression: None,
        when: None,
    };
    let core = CORE.iter().map(|(to, from)| rule((*to).to_owned(), from));
    let extension = EXTENSION
        .iter()
        .map(|(to, from)| rule(format!("{ENTERPRISE}:{to}"), from));
    core.chain(extension).collect()
}
