//! What a filter tells an index, and what it asks about edges that are not stored with the resource.

use std::cell::RefCell;

use serde_json::json;
use usher::model::deviation::Strictness;
use usher::model::filter::{Filter, ResolvedFilter};
use usher::model::schema::SchemaSet;

use super::samples::{object, user_filter};

fn group_filter(text: &str) -> ResolvedFilter {
    let filter: Filter = text.parse().expect(text);
    filter.resolve(&SchemaSet::group(), Strictness::Lenient).expect(text)
}

fn terms(filter: &ResolvedFilter) -> Vec<Vec<String>> {
    let print = |list: Vec<_>| -> Vec<String> {
        list.into_iter()
            .map(|term: usher::model::filter::EqualityTerm<'_>| format!("{}={}", term.path, term.literal))
            .collect()
    };
    filter.conjuncts().into_iter().map(print).collect()
}

#[test]
fn equalities_that_hold_for_every_match_are_found() {
    let cases: &[(&str, &[&[&str]])] = &[
        (r#"USERNAME eq "A""#, &[&[r#"userName="A""#]]),
        (
            r#"id eq "X" and manager eq "Y""#,
            &[
                &[r#"id="X""#],
                &[r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value="Y""#],
            ],
        ),
        (
            r#"userName eq "a" or userName eq "b""#,
            &[&[r#"userName="a""#, r#"userName="b""#]],
        ),
        (r#"userName eq "a" or title pr"#, &[]),
        (
            r#"(userName eq "a" and title pr) or externalId eq "b""#,
            &[&[r#"userName="a""#, r#"externalId="b""#]],
        ),
        (
            r#"emails[type eq "work"].value eq "x""#,
            &[&[r#"emails.type="work""#], &[r#"emails.value="x""#]],
        ),
        (
            r#"emails eq "x" and active eq "True""#,
            &[&[r#"emails.value="x""#], &["active=true"]],
        ),
        (r#"groups.value eq "g" and title pr"#, &[&[r#"groups.value="g""#]]),
        (r#"groups[value eq "g"]"#, &[&[r#"groups.value="g""#]]),
        (r#"not (userName eq "a")"#, &[]),
        (r#"userName ne "a""#, &[]),
        (r#"groups.value ne "g""#, &[]),
        ("title eq null", &[]),
        (r#"userName sw "a" and title co "b""#, &[]),
    ];
    for (text, expected) in cases {
        assert_eq!(terms(&user_filter(text)), *expected, "{text}");
    }
}

#[test]
fn only_single_equalities_are_equality_terms() {
    let filter = user_filter(r#"userName eq "a" and (title eq "x" or title eq "y")"#);
    let paths: Vec<_> = filter
        .equality_terms()
        .into_iter()
        .map(|term| (term.path.to_string(), term.case_exact))
        .collect();
    assert_eq!(paths, [("userName".to_owned(), false)]);
    assert!(user_filter(r#"externalId eq "a""#).equality_terms()[0].case_exact);
}

#[test]
fn a_question_about_members_is_put_to_the_caller() {
    let group = object(json!({"id": "g", "displayName": "Tour Guides"}));
    let asked = RefCell::new(Vec::new());
    let ask = |text: &str, answer: bool| {
        group_filter(text).matches_with(&group, &|term| {
            let equality = term.equality().map(|term| format!("{}={}", term.path, term.literal));
            asked
                .borrow_mut()
                .push((term.attribute.to_string(), equality, term.is_presence()));
            answer
        })
    };
    for text in [
        r#"members.value eq "u""#,
        r#"members eq "u""#,
        r#"members[value eq "u"]"#,
        r#"members[value eq "u"].value pr"#,
    ] {
        assert!(ask(text, true), "{text}");
        assert!(!ask(text, false), "{text}");
    }
    let equality = ("members".to_owned(), Some(r#"members.value="u""#.to_owned()), false);
    let asked_so_far = asked.take();
    assert_eq!(asked_so_far[..6], vec![equality; 6]);
    assert_eq!(asked_so_far[6].1, None, "two conditions are not one equality");

    assert!(ask("members pr", true));
    assert_eq!(asked.take(), [("members".to_owned(), None, true)]);
    assert!(!ask("members eq null", true), "there are members");
    assert!(ask(
        r#"displayName eq "tour guides" and not (members[type eq "Group"])"#,
        false
    ));
}

#[test]
fn a_question_about_members_can_be_answered_from_the_elements() {
    let with = object(
        json!({"displayName": "A", "members": [{"value": "u1", "type": "User"}, {"value": "g1", "type": "Group"}]}),
    );
    let without = object(json!({"displayName": "B"}));
    let cases = [
        (r#"members.value eq "u1""#, true, false),
        (r#"members[value eq "u1" and type eq "Group"]"#, false, false),
        (r#"members.type eq "group""#, true, false),
        (r#"members.value ne "u1""#, true, true),
        ("members pr", true, false),
        ("members.display pr", false, false),
        ("members eq null", false, true),
    ];
    for (text, first, second) in cases {
        assert_eq!(group_filter(text).matches(&with), first, "{text}");
        assert_eq!(group_filter(text).matches(&without), second, "{text}");
    }
}

#[test]
fn a_reader_can_see_whether_members_are_asked_about() {
    assert!(group_filter(r#"displayName eq "a" or not (members.value eq "x")"#).asks("members"));
    assert!(!group_filter(r#"displayName eq "members""#).asks("members"));
}
