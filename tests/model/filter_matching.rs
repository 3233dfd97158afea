//! What a filter matches.

use serde_json::json;
use usher::model::deviation::Strictness;
use usher::model::filter::Filter;
use usher::model::schema::SchemaSet;

use super::samples::{barbara, object, user_filter};

#[test]
fn a_user_matches_what_is_true_of_it() {
    let barbara = barbara();
    for text in [
        r#"userName eq "BJENSEN@example.com""#,
        r#"externalId eq "bjensen""#,
        r#"name.familyName eq "jensen""#,
        r#"name.familyName co "ENS""#,
        r#"userName sw "bj""#,
        r#"userName ew ".COM""#,
        r#"userName gt "a" and userName lt "c""#,
        r#"title ge "tour guide" and title le "tour guide""#,
        "title pr",
        "emails pr",
        "name pr",
        "active eq true",
        r#"active eq "True""#,
        r#"active ne "false""#,
        "nickName eq null",
        "title ne null",
        r#"nickName ne "Babs""#,
        "not (nickName pr)",
        r#"not (nickName eq "Babs")"#,
        // Any value will do.
        r#"emails.type eq "home""#,
        r#"emails ne "babs@jensen.org""#,
        r#"emails eq "babs@jensen.org""#,
        r#"emails.value co "jensen.org""#,
        // One element satisfies the whole filter.
        r#"emails[type eq "home" and value ew "jensen.org"]"#,
        r#"emails[type eq "home"].value eq "BABS@jensen.org""#,
        r#"emails[not (primary eq true)]"#,
        // RFC 7643 section 2.4: "primary" is false unless it says otherwise.
        "emails[primary eq false]",
        "emails.primary eq false",
        r#"emails[primary ne "True" and type eq "home"]"#,
        r#"roles[primary eq "True"].value eq "admin""#,
        // Instants, not texts.
        r#"meta.lastModified eq "2011-05-13T06:42:34+02:00""#,
        r#"meta.lastModified gt "2011-05-13T05:42:33.999+01:00""#,
        r#"meta.lastModified lt "2011-05-13T04:42:35""#,
        r#"meta.lastModified sw "2011-05""#,
        // Extensions, qualified or not.
        r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq "tour operations""#,
        r#"URN:IETF:params:scim:schemas:extension:Enterprise:2.0:user:DEPARTMENT pr"#,
        r#"department sw "Tour""#,
        r#"manager eq "26118915""#,
        r#"manager.value eq "26118915" and manager[value eq "26118915"]"#,
        r#"schemas eq "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User""#,
        r#"schemas eq "urn:ietf:params:scim:schemas:core:2.0:User""#,
        r#"groups.value eq "e9e30dba""#,
        r#"groups[display sw "tour"]"#,
        "groups pr",
        // Precedence: not, and, or.
        r#"title pr or title pr and nickName pr"#,
        r#"not (nickName pr) and title pr"#,
    ] {
        assert!(user_filter(text).matches(&barbara), "{text}");
    }
}

#[test]
fn a_user_does_not_match_what_is_false_of_it() {
    let barbara = barbara();
    for text in [
        r#"userName eq "bjensen""#,
        // externalId is caseExact.
        r#"externalId eq "BJENSEN""#,
        r#"id eq "2819C223-7F76-453A-919D-413861904646""#,
        r#"nickName eq "Babs""#,
        r#"nickName co """#,
        "nickName pr",
        "nickName ne null",
        "title eq null",
        "active eq false",
        r#"active eq "FALSE""#,
        r#"userName gt "c""#,
        r#"emails[type eq "work" and value eq "babs@jensen.org"]"#,
        r#"emails[type eq "work"].value eq "babs@jensen.org""#,
        r#"emails[type eq "other"]"#,
        "photos.primary eq false",
        r#"photos[type ne "photo"]"#,
        r#"meta.lastModified gt "2011-05-13T04:42:34Z""#,
        r#"meta.lastModified ne "2011-05-13T06:42:34+02:00""#,
        r#"groups.value eq "another""#,
        r#"schemas eq "urn:usher:scim:schemas:extension:2.0:User""#,
        r#"(title pr or title pr) and nickName pr"#,
        r#"not (title pr or nickName pr)"#,
    ] {
        assert!(!user_filter(text).matches(&barbara), "{text}");
    }
}

#[test]
fn letters_beyond_ascii_compare_without_case_and_composition() {
    let user = object(json!({"userName": "JOSE\u{301}.ΟΔΟΣ"}));
    assert!(user_filter("userName eq \"josé.οδοσ\"").matches(&user));
    assert!(user_filter("userName ew \"ΟΣ\"").matches(&user));
    assert!(!user_filter("userName eq \"jose.οδοσ\"").matches(&user));
}

#[test]
fn numbers_compare_by_value() {
    let group = object(json!({"displayName": "A", "urn:usher:scim:schemas:extension:2.0:Group": {"memberCount": 10}}));
    let matches = |text: &str| {
        text.parse::<Filter>()
            .unwrap()
            .resolve(&SchemaSet::group(), Strictness::Lenient)
            .unwrap()
            .matches(&group)
    };
    for text in [
        "memberCount eq 10",
        "memberCount eq 10.0",
        "memberCount gt 9",
        "memberCount le 1e1",
        "memberCount ne 11",
    ] {
        assert!(matches(text), "{text}");
    }
    for text in [
        "memberCount eq 1",
        "memberCount gt 10",
        "memberCount lt -5",
        "memberCount ne 10",
    ] {
        assert!(!matches(text), "{text}");
    }
    assert!(
        "memberCount eq \"10\""
            .parse::<Filter>()
            .unwrap()
            .resolve(&SchemaSet::group(), Strictness::Lenient)
            .is_err()
    );
    assert!(
        "memberCount sw 1"
            .parse::<Filter>()
            .unwrap()
            .resolve(&SchemaSet::group(), Strictness::Lenient)
            .is_err()
    );
}
