//! Errors as they stand in a log: no name of an entry is in them.

use proptest::prelude::{any, prop_assert, proptest};
use usher::ldap::ReadError;
use usher::ldap::read_error::IncompleteReason;
use usher::provision::logged::unnamed;

#[test]
fn an_error_about_an_entry_keeps_everything_but_its_name() {
    let gap = ReadError::from(IncompleteReason::RangeGap {
        dn: "cn=Ada King Lovelace,ou=people,o=A \\\"B\\\" C".to_owned(),
        attribute: "member".to_owned(),
        at: 1500,
    });
    let logged = unnamed(&gap);
    assert!(logged.contains("the values of member of"), "{logged}");
    for name in ["Ada", "King", "Lovelace", "people"] {
        assert!(!logged.contains(name), "{logged}");
    }
}

#[test]
fn an_error_without_a_name_is_as_it_was() {
    for text in [
        "the server fell silent; set changes = \"auto\"",
        "no answer for 30 s; check the server's load or raise entry_timeout",
    ] {
        assert_eq!(unnamed(&text), text);
    }
}

proptest! {
    #[test]
    fn whatever_a_server_says_around_a_name_the_name_is_withheld(
        before in "[ a-z\"(]{0,20}", after in "(\"[ a-z\"]{0,20})?", middle in "[A-Z]{4}( [A-Z]{4})?", is_two in any::<bool>()
    ) {
        let second = if is_two { format!(",ou={middle}") } else { String::new() };
        let logged = unnamed(&format!("{before}cn={middle}{second}{after}"));
        prop_assert!(!logged.contains(&middle[..4]), "{logged}");
    }
}
