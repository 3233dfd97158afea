//! A filter is refused before it costs time or stack.

use std::time::{Duration, Instant};

use usher::model::deviation::Strictness;
use usher::model::filter::{Filter, FilterError, FilterLimits, ValuePath};

/// Parses on a small stack, drops the outcome there, and says how long it took.
fn on_a_small_stack(text: String, limits: FilterLimits) -> (Result<String, FilterError>, Duration) {
    let worker = move || {
        let start = Instant::now();
        let outcome = Filter::parse(&text, limits);
        let printed = outcome
            .as_ref()
            .map(|filter| filter.to_string().chars().take(20).collect())
            .map_err(Clone::clone);
        drop(outcome);
        (printed, start.elapsed())
    };
    std::thread::Builder::new()
        .stack_size(2 * 1024 * 1024)
        .spawn(worker)
        .expect("a thread")
        .join()
        .expect("no overflow")
}

#[test]
fn hostile_filters_are_refused_at_once_by_their_length() {
    for text in [
        "not (".repeat(200_000),
        "(".repeat(100_000),
        format!("a eq 1{}", " or a eq 1".repeat(200_000)),
    ] {
        let (outcome, time) = on_a_small_stack(text, FilterLimits::default());
        assert!(
            matches!(outcome, Err(FilterError::TooLong { limit: 16_384, .. })),
            "{outcome:?}"
        );
        assert!(time < Duration::from_millis(50), "{time:?}");
    }
}

#[test]
fn hostile_filters_are_refused_at_once_by_their_depth() {
    let limits = FilterLimits {
        length: usize::MAX,
        depth: usize::MAX,
    };
    for text in [
        "not (".repeat(200_000),
        "(".repeat(100_000),
        "a[".repeat(100_000),
        "(a[not (".repeat(100_000),
    ] {
        let (outcome, time) = on_a_small_stack(text, limits);
        assert!(
            matches!(
                outcome,
                Err(FilterError::TooDeep {
                    limit: FilterLimits::DEEPEST,
                    ..
                })
            ),
            "{outcome:?}"
        );
        assert!(time < Duration::from_millis(50), "{time:?}");
    }
}

#[test]
fn a_long_chain_is_flat() {
    let limits = FilterLimits {
        length: usize::MAX,
        depth: 1,
    };
    let text = format!("a eq 1{}", " or a eq 1".repeat(200_000));
    let (outcome, _) = on_a_small_stack(text, limits);
    assert_eq!(outcome.as_deref(), Ok("a eq 1 or a eq 1 or "));
}

#[test]
fn the_deepest_filter_that_is_allowed_fits_a_small_stack() {
    let depth = FilterLimits::DEEPEST;
    let text = format!("{}title pr{}", "not (".repeat(depth), ")".repeat(depth));
    let worker = move || {
        let filter = Filter::parse(
            &text,
            FilterLimits {
                length: usize::MAX,
                depth,
            },
        )
        .unwrap();
        let resolved = filter
            .resolve(&usher::model::schema::SchemaSet::user(), Strictness::Lenient)
            .unwrap();
        (filter.to_string().len(), resolved.matches(&super::samples::barbara()))
    };
    let thread = std::thread::Builder::new()
        .stack_size(2 * 1024 * 1024)
        .spawn(worker)
        .unwrap();
    assert_eq!(thread.join().expect("no overflow"), (depth * 6 + 8, true));
}

#[test]
fn depth_counts_parentheses_negations_and_value_paths() {
    let parse = |text: &str, depth| Filter::parse(text, FilterLimits { length: 1_000, depth });
    for (text, depth) in [
        ("((title pr))", 2),
        ("not (not (title pr))", 2),
        ("(emails[not (type pr)])", 3),
    ] {
        assert!(parse(text, depth).is_ok(), "{text}");
        assert!(
            matches!(parse(text, depth - 1), Err(FilterError::TooDeep { .. })),
            "{text}"
        );
    }
    assert!(
        parse("(title pr) and (title pr) and (title pr)", 1).is_ok(),
        "siblings are not depth"
    );
}

#[test]
fn the_limits_hold_for_paths_too() {
    let limits = FilterLimits { length: 20, depth: 1 };
    assert!(matches!(
        ValuePath::parse(&"a".repeat(21), limits),
        Err(FilterError::TooLong { length: 21, limit: 20 })
    ));
    assert!(matches!(
        ValuePath::parse("a[(b pr)]", limits),
        Err(FilterError::TooDeep { .. })
    ));
}
