//! The criteria of a password, the growth of a lock-out, and what is kept of earlier passwords (S002-22..26).

use chrono::{DateTime, TimeDelta};
use uuid::Uuid;

use usher::model::clock::Timestamp;
use usher::model::credential::Credential;
use usher::model::id::UserId;
use usher::model::password_policy::{CriterionKey, LockOut, PasswordPolicy, prepared, unmet};

fn now() -> Timestamp {
    DateTime::from_timestamp(1_800_000_000, 0).expect("an instant")
}

/// The criteria that a password of `ada@acme.example` does not meet.
fn wrong(policy: &PasswordPolicy, password: &str) -> Vec<CriterionKey> {
    let criteria = policy.check(password, &["ada@acme.example"]);
    criteria
        .into_iter()
        .filter(|criterion| !criterion.met)
        .map(|criterion| criterion.key)
        .collect()
}

#[test]
fn each_criterion_is_judged_by_itself() {
    let plain = || PasswordPolicy {
        min_length: 6,
        ..PasswordPolicy::default()
    };
    let cases = [
        (plain(), "five5", "sixsix", CriterionKey::Length),
        (
            PasswordPolicy {
                max_bytes: 64,
                ..plain()
            },
            "é".repeat(33).leak() as &str,
            "é".repeat(32).leak() as &str,
            CriterionKey::Bytes,
        ),
        (
            PasswordPolicy { upper: true, ..plain() },
            "lower case 1",
            "Élan vital",
            CriterionKey::Upper,
        ),
        (
            PasswordPolicy { lower: true, ..plain() },
            "UPPER CASE 1",
            "UPPERß",
            CriterionKey::Lower,
        ),
        (
            PasswordPolicy { digit: true, ..plain() },
            "no digit",
            "digit 4",
            CriterionKey::Digit,
        ),
        (
            PasswordPolicy {
                symbol: true,
                ..plain()
            },
            "no symbol 1",
            "symbol-1",
            CriterionKey::Symbol,
        ),
        (
            PasswordPolicy {
                not_user_name: true,
                ..plain()
            },
            "xxADAxx",
            "xxad-axx",
            CriterionKey::NotUserName,
        ),
    ];
    for (policy, bad, good, key) in cases {
        assert_eq!(wrong(&policy, bad), [key], "{bad:?}");
        assert_eq!(wrong(&policy, good), [], "{good:?}");
    }
}

#[test]
fn characters_are_counted_not_bytes() {
    let policy = PasswordPolicy::default();
    assert_eq!(wrong(&policy, "ééééééé"), [CriterionKey::Length]);
    assert_eq!(wrong(&policy, "éééééééé"), []);
}

#[test]
fn everything_that_is_wrong_is_named_at_once_in_words() {
    let policy = PasswordPolicy {
        min_length: 6,
        upper: true,
        digit: true,
        ..PasswordPolicy::default()
    };
    let said = unmet(&policy.check("abcde", &[])).expect("something is wrong");
    assert_eq!(
        said,
        "must have at least 6 characters; must have an upper-case letter; must have a digit"
    );
    assert_eq!(unmet(&policy.check("Abcde6", &[])), None);
}

#[test]
fn a_policy_that_is_off_asks_for_a_password_and_no_more() {
    let policy = PasswordPolicy {
        enabled: false,
        upper: true,
        history: 5,
        max_age_days: 1,
        ..PasswordPolicy::default()
    };
    assert_eq!(wrong(&policy, "a"), []);
    assert_eq!(wrong(&policy, ""), [CriterionKey::Length]);
    assert_eq!(policy.history_kept(), 0);
    assert!(!policy.is_too_old(now() - TimeDelta::days(900), now()));
}

#[test]
fn a_short_login_name_may_stand_inside_a_password_but_not_be_it() {
    let policy = PasswordPolicy {
        min_length: 1,
        not_user_name: true,
        ..PasswordPolicy::default()
    };
    let keys = |password| {
        let criteria = policy.check(password, &["al"]);
        criteria.iter().all(|criterion| criterion.met)
    };
    assert!(keys("also good"));
    assert!(!keys("AL"));
}

#[test]
fn one_password_on_two_keyboards_is_one_password() {
    assert_eq!(prepared("e\u{301}lan"), prepared("\u{e9}lan"));
    assert_eq!(prepared("a\u{a0}b"), prepared("a b"));
    assert_ne!(prepared("Elan"), prepared("elan"));
}

#[test]
fn numbers_out_of_their_bounds_are_named() {
    let policy = PasswordPolicy {
        lock_out: LockOut {
            first_delay_s: 600,
            max_delay_s: 60,
            ..LockOut::default()
        },
        ..PasswordPolicy::default()
    };
    let error = policy
        .validate()
        .expect_err("the longest delay is shorter than the first");
    assert_eq!(error.field, "lock_out.max_delay_s");
    assert!(PasswordPolicy::default().validate().is_ok());
    let none = PasswordPolicy {
        min_length: 0,
        ..PasswordPolicy::default()
    };
    assert_eq!(none.validate().expect_err("no length").field, "min_length");
}

#[test]
fn the_delay_of_a_lock_out_grows_to_its_end() {
    let lock_out = LockOut {
        attempts: 3,
        first_delay_s: 10,
        growth: 3,
        max_delay_s: 100,
    };
    let delays: Vec<Option<i64>> = (0..8)
        .map(|failures| lock_out.delay(failures).map(|delay| delay.num_seconds()))
        .collect();
    assert_eq!(
        delays,
        [None, None, None, Some(10), Some(30), Some(90), Some(100), Some(100)]
    );
    assert_eq!(lock_out.delay(u32::MAX).map(|delay| delay.num_seconds()), Some(100));
    let never = LockOut {
        attempts: 0,
        ..lock_out
    };
    assert_eq!(never.delay(u32::MAX), None);
}

#[test]
fn as_many_earlier_passwords_are_kept_as_the_policy_asks_for() {
    let policy = PasswordPolicy {
        history: 3,
        ..PasswordPolicy::default()
    };
    let mut credential = Credential::none(UserId::new(Uuid::nil()));
    for hash in ["a", "b", "c", "d", "e"] {
        credential.replace(hash.to_owned(), &policy, now());
    }
    assert_eq!(credential.recent(3).collect::<Vec<_>>(), ["e", "d", "c"]);
    assert_eq!(credential.recent(24).count(), 3);
    assert_eq!(credential.version, 5);
    credential.replace("f".to_owned(), &PasswordPolicy::default(), now());
    assert_eq!(
        credential.recent(24).collect::<Vec<_>>(),
        ["f"],
        "no history, no memory"
    );
}

#[test]
fn a_stricter_policy_then_is_proof_now_and_a_weaker_one_is_not() {
    let weak = PasswordPolicy::default().strength();
    let strict = PasswordPolicy {
        min_length: 12,
        digit: true,
        ..PasswordPolicy::default()
    }
    .strength();
    assert!(strict.covers(&weak) && strict.covers(&strict));
    assert!(!weak.covers(&strict));
}
