//! Distinguished names: what RFC 4514 accepts, what it refuses and where, and which spellings are one name.

use proptest::prelude::*;
use usher::ldap::dn::DnErrorReason::{self, AttributeType, EqualSign, Escape, HexValue, TooManyRdns, Unescaped, Utf8};
use usher::ldap::{Dn, DnKey};

use crate::kit::directory_ldif::{Directory, SPECIAL_GROUPS};

/// Every text in a row is the same name.
const SAME: [&[&str]; 21] = [
    &["", "   "],
    &[
        "cn=Ada Lovelace,dc=example",
        "CN=ada lovelace,DC=EXAMPLE",
        "cn = Ada Lovelace , dc = example",
    ],
    &["cn=a", "2.5.4.3=a", "OID.2.5.4.3=a", "commonName=A"],
    &[
        "uid=a,dc=x",
        "userid=a,domainComponent=x",
        "0.9.2342.19200300.100.1.1=A,0.9.2342.19200300.100.1.25=X",
    ],
    &[
        "cn=Doe\\, Jane",
        "cn=Doe\\2C Jane",
        "cn=Doe\\2c\\20Jane",
        "cn=Doe\\, \\4aane",
    ],
    &["cn=R\\+D", "cn=R\\2BD", "cn=r\\2bd"],
    &["cn=back\\\\slash", "cn=back\\5Cslash"],
    &["cn=eq=uals", "cn=eq\\=uals", "cn=eq\\3duals"],
    &["cn=quo\\\"ted", "cn=quo\\22ted"],
    &["cn=a\\;b\\<c\\>d", "cn=a\\3bb\\3Cc\\3ed"],
    &["cn=\\#hash", "cn=\\23hash"],
    // RFC 4518 section 2.6.1: spaces at the ends are not significant, several are as good as one.
    &[
        "cn=two words",
        "cn=two  words",
        "cn=\\ two words\\ ",
        "cn=\\20two \\20 words",
        "cn=two\\09words",
    ],
    &[
        "cn=Lučić",
        "cn=Lu\\C4\\8Di\\C4\\87",
        "CN=LUČIĆ",
        "cn=Luc\u{30c}ic\u{301}",
    ],
    &["cn=李 小龍", "cn=\\E6\\9D\\8E \\E5\\B0\\8F\\E9\\BE\\8D"],
    &["cn=ＡＢＣ", "cn=abc"],
    &["cn=ΣΩΚΡΆΤΗΣ", "cn=σωκράτης"],
    &["cn=soft\u{ad}hyphen", "cn=softhyphen"],
    &["cn=a+uid=b,dc=x", "uid=b+cn=a,dc=x", "UID=B + CN=A,dc=x"],
    &[
        "1.3.6.1.4.1.1466.0=#04024869",
        "1.3.6.1.4.1.1466.0=Hi",
        "1.3.6.1.4.1.1466.0=#0C024869",
    ],
    &["cn=#0203010203", "CN=#0203010203 "],
    &["cn=", "CN= "],
];

/// No two of these are one name.
const DIFFERENT: [&str; 17] = [
    "",
    "cn=a",
    "sn=a",
    "cn=a,cn=b",
    "cn=b,cn=a",
    "cn=a+cn=b",
    "cn=a\\,cn\\=b",
    "cn=a\\+cn\\=b",
    "cn=a b",
    "cn=ab",
    "cn=a\\5cb",
    "cn=é",
    "cn=e",
    "cn=ß",
    "cn=ss",
    "cn=ı",
    "cn=\\#020101",
];

const REFUSED: [(&str, usize, DnErrorReason); 24] = [
    ("people", 7, EqualSign),
    ("cn", 3, EqualSign),
    ("=a", 1, AttributeType),
    ("1a=b", 1, AttributeType),
    ("2.5.=b", 1, AttributeType),
    ("c n=b", 3, EqualSign),
    ("cn=a,", 6, AttributeType),
    (",cn=a", 1, AttributeType),
    ("cn=a,,dc=x", 6, AttributeType),
    ("cn=a+", 6, AttributeType),
    ("cn=a;dc=x", 5, Unescaped),
    ("cn=\"Doe, Jane\"", 4, Unescaped),
    ("cn=a<b", 5, Unescaped),
    ("cn=a>b", 5, Unescaped),
    ("cn=a\0", 5, Unescaped),
    ("cn=a\\", 5, Escape),
    ("cn=a\\x", 5, Escape),
    ("cn=a\\4", 5, Escape),
    ("cn=a\\4g", 5, Escape),
    ("cn=\\C4", 4, Utf8),
    ("cn=\\ff\\fe", 4, Utf8),
    ("cn=#", 4, HexValue),
    ("cn=#040", 4, HexValue),
    ("cn=#0405aa", 4, HexValue),
];

#[test]
fn all_spellings_of_a_name_have_one_key() {
    for spellings in SAME {
        let keys: Vec<DnKey> = spellings.iter().map(|text| key(text)).collect();
        for (text, key) in spellings.iter().zip(&keys) {
            assert_eq!(key, &keys[0], "{text:?} and {:?}", spellings[0]);
        }
    }
}

#[test]
fn different_names_have_different_keys() {
    for (index, one) in DIFFERENT.iter().enumerate() {
        for other in &DIFFERENT[index + 1..] {
            assert_ne!(key(one), key(other), "{one:?} and {other:?}");
        }
    }
}

#[test]
fn what_is_no_name_is_refused_with_its_place() {
    for (text, position, reason) in REFUSED {
        let error = Dn::parse(text).expect_err(text);
        assert_eq!((error.position, error.reason), (position, reason), "{text:?}");
    }
    let endless = vec!["cn=a"; 129].join(",");
    assert_eq!(Dn::parse(&endless).expect_err("too long").reason, TooManyRdns);
}

#[test]
fn a_text_that_is_no_name_is_equal_only_to_itself() {
    assert_eq!(DnKey::of("<GUID=5>"), DnKey::of("<GUID=5>"));
    assert_ne!(DnKey::of("<GUID=5>"), DnKey::of("<guid=5>"));
    assert_ne!(DnKey::of("<GUID=5>"), DnKey::of(""));
}

#[test]
fn a_name_is_displayed_with_the_escapes_that_it_needs() {
    let table = [
        ("CN = Doe\\2C Jane , DC=x", "CN=Doe\\, Jane,DC=x"),
        ("cn=\\20lead\\20", "cn=\\ lead\\ "),
        ("cn=\\20", "cn=\\ "),
        (
            "cn=\\23\\22\\2b\\3b\\3c\\3d\\3e\\5c\\00",
            "cn=\\#\\\"\\+\\;\\<\\=\\>\\\\\\00",
        ),
        ("cn=Lu\\C4\\8Di\\C4\\87", "cn=Lučić"),
        ("cn=a + uid=b", "cn=a+uid=b"),
        ("cn=#0203010203", "cn=#0203010203"),
    ];
    for (text, displayed) in table {
        assert_eq!(Dn::parse(text).expect(text).display(), displayed, "{text:?}");
    }
}

#[test]
fn a_name_knows_its_parent_and_what_it_is_within() {
    let dn = Dn::parse("uid=a,ou=people,dc=example,dc=com").expect("a name");
    let parent = dn.parent().expect("a parent");
    assert_eq!(parent.display(), "ou=people,dc=example,dc=com");
    let base = Dn::parse("DC=Example, DC=COM").expect("a name");
    assert!(dn.is_within(&base) && dn.is_within(&dn) && base.is_within(&base));
    assert!(!base.is_within(&dn) && !dn.is_within(&Dn::parse("dc=ample,dc=com").expect("a name")));
    let root = Dn::parse("").expect("the root");
    assert!(dn.is_within(&root) && root.parent().is_none());
    assert_eq!(dn.rdns()[0].assertions().collect::<Vec<_>>(), [("uid", Some("a"))]);
}

#[test]
fn every_generated_name_and_its_other_spelling_are_one() {
    let directory = Directory::generate(3000, SPECIAL_GROUPS);
    let mut keys = std::collections::HashSet::new();
    for user in &directory.users {
        assert_eq!(key(&user.dn), key(&user.other_dn), "{} and {}", user.dn, user.other_dn);
        assert!(keys.insert(key(&user.dn)), "{} is the name of two", user.dn);
    }
}

proptest! {
    #[test]
    fn any_value_survives_display_and_parse(value in "\\PC{0,20}|[ #,+\"\\\\<>;=\\x00]{0,8}") {
        let escaped: String = value.bytes().map(|byte| format!("\\{byte:02x}")).collect();
        let dn = Dn::parse(&format!("cn={escaped},dc=x")).expect("pairs may stand for anything");
        let again = Dn::parse(&dn.display()).expect("displayed names are names");
        prop_assert_eq!(&again, &dn);
        prop_assert_eq!(dn.rdns()[0].assertions().next(), Some(("cn", Some(value.as_str()))));
    }

    #[test]
    fn a_normal_form_is_its_own_normal_form(text in "(cn|UID|2\\.5\\.4\\.3)=\\PC{0,12}(\\+sn=[a-zA-Z ]{0,4})?,dc=[A-Z]{1,3}") {
        if let Ok(dn) = Dn::parse(&text) {
            let normal = dn.normalised();
            prop_assert_eq!(Dn::parse(normal.as_str()).expect("normal forms are names").normalised(), normal);
        }
    }

    #[test]
    fn no_text_panics(text in "[a-c0-9=,+# \\\\\"é\\x00]{0,24}") {
        let _ = Dn::parse(&text);
    }
}

fn key(text: &str) -> DnKey {
    Dn::parse(text)
        .unwrap_or_else(|error| panic!("{text:?}: {error}"))
        .normalised()
}
