//! Search filters: what RFC 4515 accepts, what it refuses and where.

use ldap3::parse_filter;
use proptest::prelude::*;
use usher::ldap::Filter;
use usher::ldap::filter::FilterErrorReason::{
    self, AttributeType, Blank, Close, Escape, Open, Operator, Surplus, TooDeep, Unescaped,
};

const ACCEPTED: [&str; 19] = [
    "(objectClass=*)",
    "(cn=Babs Jensen)",
    "(!(cn=Tim Howes))",
    "(&(objectClass=Person)(|(sn=Jensen)(cn=Babs J*)))",
    "(o=univ*of*mich*)",
    "(seeAlso=)",
    "(cn:caseExactMatch:=Fred Flintstone)",
    "(cn:=Betty Rubble)",
    "(sn:dn:2.4.6.8.10:=Barney Rubble)",
    "(o:dn:=Ace Industry)",
    "(:1.2.3:=Wilma Flintstone)",
    "(o=Parens R Us \\28for all your parenthetical needs\\29)",
    "(sn=Lu\\c4\\8di\\c4\\87)",
    "(1.3.6.1.4.1.1466.0=\\04\\02\\48\\69)",
    "(&)",
    "(|)",
    "(userAccountControl:1.2.840.113556.1.4.803:=2)",
    "(modifyTimestamp>=20260101000000Z)",
    "(cn;lang-fr~=Élodie)",
];

const REFUSED: [(&str, usize, FilterErrorReason); 25] = [
    // RFC 4515 section 3 takes the flag in any case; the library that sends filters knows only small letters.
    ("(:DN:2.4.6.8.10:=Dino)", 6, Operator),
    ("", 1, Open),
    ("cn=x", 1, Open),
    ("(cn=x", 6, Close),
    ("(cn=x))", 7, Surplus),
    ("(cn=x)(sn=y)", 7, Surplus),
    ("(&(a=b) (c=d))", 8, Blank),
    ("( cn=x)", 2, Blank),
    ("(cn =x)", 4, Blank),
    ("(& (a=b))", 3, Blank),
    ("(!)", 3, Open),
    ("(!(a=b)(c=d))", 8, Close),
    ("(=x)", 2, AttributeType),
    ("(1.02=x)", 2, AttributeType),
    ("(c_n=x)", 3, Operator),
    ("(cn)", 4, Operator),
    ("(cn>x)", 5, Operator),
    ("(cn=Doe\\, Jane)", 8, Escape),
    ("(cn=a\\4)", 6, Escape),
    ("(cn=a(b)", 6, Unescaped),
    ("(cn=a\0b)", 6, Unescaped),
    ("(cn=a**b)", 7, Unescaped),
    ("(cn>=a*)", 7, Unescaped),
    ("(:=x)", 2, AttributeType),
    ("(&(a=b)", 8, Close),
];

#[test]
fn good_filters_are_accepted_here_and_by_the_library_that_sends_them() {
    for text in ACCEPTED {
        let filter = Filter::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert!(parse_filter(filter.as_str()).is_ok(), "{text}");
    }
}

#[test]
fn bad_filters_are_refused_with_their_place() {
    for (text, position, reason) in REFUSED {
        let error = Filter::parse(text).expect_err(text);
        assert_eq!((error.position, error.reason), (position, reason), "{text:?}");
    }
    let deep = format!("{}(a=b){}", "(!".repeat(33), ")".repeat(33));
    assert_eq!(Filter::parse(&deep).expect_err("deep").reason, TooDeep);
}

#[test]
fn a_message_names_the_place_and_the_cure() {
    let message = Filter::parse("(&(a=b) (c=d))").expect_err("a blank").to_string();
    assert_eq!(
        message,
        "not a search filter: a blank between the parts of a filter, remove it at character 8"
    );
}

#[test]
fn built_filters_take_values_literally() {
    let injected = Filter::equals("uid", "*)(objectClass=*").expect("a good filter");
    assert_eq!(injected.as_str(), "(uid=\\2a\\29\\28objectClass=\\2a)");
    for name in ["uid)(x", "uid=x", "uid ", "", "a;", "1.02", "*"] {
        assert_eq!(Filter::equals(name, "a").expect_err(name).reason, AttributeType);
        assert!(
            Filter::present(name).is_err() && Filter::at_least(name, "a").is_err(),
            "{name:?}"
        );
    }
    let person = Filter::equals("objectClass", "person").expect("a good filter");
    let changed = Filter::at_least("modifyTimestamp", "20260101000000Z").expect("a good filter");
    let mail = Filter::present("mail").expect("a good filter");
    let built = Filter::all([person, Filter::any([changed, mail.negated()])]);
    assert_eq!(
        built.to_string(),
        "(&(objectClass=person)(|(modifyTimestamp>=20260101000000Z)(!(mail=*))))"
    );
    assert_eq!(built.as_str().parse(), Ok(built.clone()));
}

proptest! {
    #[test]
    fn what_is_accepted_here_can_be_sent(text in "[(][&|!()a1=*><~:; \\\\.-]{0,16}[)]") {
        if let Ok(filter) = Filter::parse(&text) {
            prop_assert!(parse_filter(filter.as_str()).is_ok(), "{}", text);
        }
    }

    #[test]
    fn any_value_can_be_searched_for(value in "\\PC{0,16}|[\\x00()*\\\\a ]{0,8}") {
        let filter = Filter::equals("cn", &value).expect("values are escaped");
        prop_assert!(parse_filter(filter.as_str()).is_ok());
    }
}
