//! Which texts are filters (RFC 7644 section 3.4.2.2), and which are refused with which reason.

use usher::model::deviation::Strictness;
use usher::model::filter::{Filter, FilterError, ValuePath};
use usher::model::schema::SchemaSet;
use usher::model::scim_type::ScimType;

/// The text, and how it is printed.
const ACCEPTED: &[(&str, &str)] = &[
    // Every example of figure 2.
    (r#"userName eq "bjensen""#, r#"userName eq "bjensen""#),
    (r#"name.familyName co "O'Malley""#, r#"name.familyName co "O'Malley""#),
    (r#"userName sw "J""#, r#"userName sw "J""#),
    (
        r#"urn:ietf:params:scim:schemas:core:2.0:User:userName sw "J""#,
        r#"urn:ietf:params:scim:schemas:core:2.0:User:userName sw "J""#,
    ),
    ("title pr", "title pr"),
    (
        r#"meta.lastModified gt "2011-05-13T04:42:34Z""#,
        r#"meta.lastModified gt "2011-05-13T04:42:34Z""#,
    ),
    (
        r#"meta.lastModified ge "2011-05-13T04:42:34Z""#,
        r#"meta.lastModified ge "2011-05-13T04:42:34Z""#,
    ),
    (
        r#"meta.lastModified lt "2011-05-13T04:42:34Z""#,
        r#"meta.lastModified lt "2011-05-13T04:42:34Z""#,
    ),
    (
        r#"meta.lastModified le "2011-05-13T04:42:34Z""#,
        r#"meta.lastModified le "2011-05-13T04:42:34Z""#,
    ),
    (
        r#"title pr and userType eq "Employee""#,
        r#"title pr and userType eq "Employee""#,
    ),
    (
        r#"title pr or userType eq "Intern""#,
        r#"title pr or userType eq "Intern""#,
    ),
    (
        r#"schemas eq "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User""#,
        r#"schemas eq "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User""#,
    ),
    (
        r#"userType eq "Employee" and (emails co "example.com" or emails.value co "example.org")"#,
        r#"userType eq "Employee" and (emails co "example.com" or emails.value co "example.org")"#,
    ),
    (
        r#"userType ne "Employee" and not (emails co "example.com" or emails.value co "example.org")"#,
        r#"userType ne "Employee" and not (emails co "example.com" or emails.value co "example.org")"#,
    ),
    (
        r#"userType eq "Employee" and (emails.type eq "work")"#,
        r#"userType eq "Employee" and emails.type eq "work""#,
    ),
    (
        r#"userType eq "Employee" and emails[type eq "work" and value co "@example.com"]"#,
        r#"userType eq "Employee" and emails[type eq "work" and value co "@example.com"]"#,
    ),
    (
        r#"emails[type eq "work" and value co "@example.com"] or ims[type eq "xmpp" and value co "@foo.com"]"#,
        r#"emails[type eq "work" and value co "@example.com"] or ims[type eq "xmpp" and value co "@foo.com"]"#,
    ),
    // What clients send beyond them.
    (r#"USERNAME EQ "x""#, r#"USERNAME eq "x""#),
    (r#"userName eq"x""#, r#"userName eq "x""#),
    (r#"  userName   eq   "x"  "#, r#"userName eq "x""#),
    (
        r#"emails[type eq "work"].value eq "x""#,
        r#"emails[type eq "work" and value eq "x"]"#,
    ),
    (
        r#"emails[type eq "a" or type eq "b"].value sw "x""#,
        r#"emails[(type eq "a" or type eq "b") and value sw "x"]"#,
    ),
    (
        r#"emails[type eq "work"].value pr"#,
        r#"emails[type eq "work" and value pr]"#,
    ),
    (
        r#"roles[primary eq "True"].value eq "x""#,
        r#"roles[primary eq "True" and value eq "x"]"#,
    ),
    (r#"id eq "X" and manager eq "Y""#, r#"id eq "X" and manager eq "Y""#),
    ("active eq TRUE", "active eq true"),
    ("title eq null", "title eq null"),
    ("NOT(title pr)AND(title pr)", "not (title pr) and title pr"),
    ("((((title pr))))", "title pr"),
    (
        "title pr or title pr and active eq true",
        "title pr or (title pr and active eq true)",
    ),
    (r#"userName eq "a\"b\\cA""#, r#"userName eq "a\"b\\cA""#),
    (r#"userName eq "not (x) or [y]""#, r#"userName eq "not (x) or [y]""#),
    (r#"not (not (title pr))"#, "not (not (title pr))"),
    (
        r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value eq "x""#,
        r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value eq "x""#,
    ),
];

#[test]
fn the_grammar_of_figure_1_is_read_and_printed() {
    for (text, printed) in ACCEPTED {
        let filter: Filter = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(filter.to_string(), *printed, "{text}");
        assert_eq!(
            printed.parse::<Filter>().as_ref(),
            Ok(&filter),
            "{printed} does not read back"
        );
        filter
            .resolve(&SchemaSet::user(), Strictness::Lenient)
            .unwrap_or_else(|error| panic!("{text}: {error}"));
    }
}

/// The text and a part of the message.
const REFUSED: &[(&str, &str)] = &[
    ("", "expected an attribute"),
    ("   ", "expected an attribute"),
    ("userName", "expected an operator"),
    ("userName eq", "expected a value"),
    (r#"eq "x""#, "the operator \"\\\"x\\\"\"|expected an operator"),
    ("userName eq jyoung", "expected a value (text in double quotes"),
    ("userName eq 'jyoung'", "expected a value"),
    (
        r#"userName regex "x""#,
        "the operator \"regex\" at position 9 is not supported",
    ),
    (r#"userName eq "x"#, "is not a JSON string"),
    (r#"userName eq "\x""#, "is not a JSON string"),
    ("userName eq \"a\nb\"", "is not a JSON string"),
    (
        r#"userName eq "x" userName eq "y""#,
        "expected \"and\", \"or\" or the end",
    ),
    (r#"userName eq "x" xor title pr"#, "expected \"and\", \"or\" or the end"),
    (r#"userName eq "x" and"#, "expected an attribute"),
    (r#"or userName eq "x""#, "expected an operator|the operator"),
    ("(title pr", "expected \")\""),
    ("title pr)", "expected \"and\", \"or\" or the end"),
    ("()", "expected an attribute"),
    ("not title pr", "expected \"(\" after \"not\""),
    ("not", "expected \"(\" after \"not\""),
    ("not()", "expected an attribute"),
    (r#"emails[type eq "work""#, "expected \"]\""),
    ("emails[]", "expected an attribute"),
    (r#"emails[type eq "work"].value"#, "expected an operator"),
    (
        r#"emails[type eq "work"]value eq "x""#,
        "expected \"and\", \"or\" or the end",
    ),
    (r#"emails[type eq "work"].a.b eq "x""#, "expected an attribute"),
    (r#"emails.value[type eq "work"]"#, "is not complex"),
    (
        r#"emails[addresses[type eq "work"]]"#,
        "attribute \"addresses\" at position 7 is not defined",
    ),
    (r#"emails[value[type eq "work"]]"#, "is not complex"),
    (r#"name.givenName.first eq "x""#, "complex attributes do not nest"),
    (r#"1user eq "x""#, "is not an attribute name"),
    (r#"user!name eq "x""#, "is not an attribute name"),
    (r#".value eq "x""#, "is not an attribute name"),
    (r#"name. eq "x""#, "is not an attribute name"),
    (r#"http://x:userName eq "x""#, "is not the URN of a schema"),
    ("active eq 01", "expected a value"),
    ("active eq 1e999", "expected a value"),
    ("title pr pr", "expected \"and\", \"or\" or the end"),
    // Against the schema.
    (
        r#"favouriteColour eq "red""#,
        "attribute \"favouriteColour\" at position 0 is not defined",
    ),
    (
        r#"title pr and name.nick eq "x""#,
        "attribute \"name.nick\" at position 13 is not defined",
    ),
    (r#"userName.first eq "x""#, "is not defined"),
    (r#"urn:example:1.0:User:userName eq "x""#, "is not defined"),
    (
        r#"emails[colour eq "red"]"#,
        "attribute \"colour\" at position 7 is not defined",
    ),
    (r#"emails[emails.value eq "x"]"#, "is not defined"),
    (r#"name eq "x""#, "is complex; compare one of its sub-attributes"),
    (r#"addresses co "x""#, "such as \"addresses.formatted\""),
    (r#"userName[value eq "x"]"#, "is not complex"),
    ("active gt true", "operator \"gt\" at position 0 does not apply"),
    (r#"active co "t""#, "operator \"co\""),
    (
        r#"active eq "yes""#,
        "of type boolean and cannot be compared with \"yes\"",
    ),
    ("active eq 1", "of type boolean"),
    (
        "userName eq 5",
        "of type string and cannot be compared with the number \"5\"",
    ),
    ("userName eq true", "of type string"),
    ("title gt null", "cannot be compared with null"),
    (r#"meta.lastModified gt "yesterday""#, "of type dateTime"),
    (r#"x509Certificates.value gt "TUlJ""#, "operator \"gt\""),
    (r#"password eq "secret""#, "cannot be used in a filter"),
    ("password pr", "cannot be used in a filter"),
];

#[test]
fn everything_else_is_refused_with_place_and_cure() {
    for (text, message) in REFUSED {
        let refused = text
            .parse::<Filter>()
            .and_then(|filter| filter.resolve(&SchemaSet::user(), Strictness::Lenient));
        let error = refused.expect_err(text);
        let printed = error.to_string();
        assert!(
            message.split('|').any(|part| printed.contains(part)),
            "{text}: {printed}"
        );
    }
}

#[test]
fn a_filter_on_the_password_has_an_error_of_its_own() {
    let filter: Filter = "urn:ietf:params:scim:schemas:core:2.0:User:PASSWORD sw \"a\""
        .parse()
        .unwrap();
    let error = filter.resolve(&SchemaSet::user(), Strictness::Lenient).unwrap_err();
    assert_eq!(
        error,
        FilterError::Sensitive {
            at: 0,
            attribute: "password".to_owned()
        }
    );
    assert_eq!(error.scim_type(), ScimType::Sensitive);
}

#[test]
fn the_paths_of_patch_operations_are_read() {
    // RFC 7644 section 3.5.2, figure 8, and what clients send.
    for text in [
        "members",
        "name.familyName",
        r#"addresses[type eq "work"]"#,
        r#"members[value eq "2819c223-7f76-453a-919d-413861904646"]"#,
        r#"members[value eq "2819c223-7f76-453a-919d-413861904646"].displayName"#,
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value",
        r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager[value eq "x"].$ref"#,
    ] {
        let path = ValuePath::parse(text, Default::default()).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(path.to_string(), text);
    }
    for text in [
        "",
        "members]",
        "members[",
        "members[]",
        "a b",
        r#"emails["x"]"#,
        r#"emails[type eq "x"].a.b"#,
        "a.b[c pr]",
    ] {
        assert!(ValuePath::parse(text, Default::default()).is_err(), "{text}");
    }
}
