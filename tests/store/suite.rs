//! The acceptance suite: the behaviours of the contract, each a function over a fixture.

mod counting;
mod judging;
mod reading;
mod sizes;
mod writing;

pub(super) use counting::*;
pub(super) use judging::*;
pub(super) use reading::*;
pub(super) use sizes::*;
pub(super) use writing::*;

/// Names every behaviour once, and makes one test of each engine and behaviour.
macro_rules! store_suite {
    ($($engine:ident: $fixture:expr,)+) => {
        store_suite! { @behaviours
            { $($engine: $fixture,)+ }
            [
                a_key_that_was_never_written_reads_as_nothing,
                what_was_put_is_read_back_with_its_commit,
                a_put_replaces_the_value_and_the_version,
                a_deleted_key_reads_as_nothing,
                deleting_a_missing_key_is_no_error,
                a_key_that_is_written_again_has_a_new_version,
                later_writes_of_a_batch_win,
                the_empty_key_and_the_empty_value_are_ordinary,
                versions_grow_with_every_commit,
                a_refused_batch_takes_no_commit_number,
                answers_have_the_order_of_the_questions,
                a_scan_is_in_key_order_and_within_its_bounds,
                a_backward_scan_is_the_forward_scan_reversed,
                a_scan_answers_no_more_than_its_limit,
                a_scan_answers_no_more_than_the_contract_allows,
                pages_by_after_meet_every_key_once,
                impossible_ranges_are_empty,
                a_prefix_of_0xff_ends_at_the_end_of_the_store,
                absent_holds_only_where_nothing_is_stored,
                present_holds_only_where_something_is_stored,
                at_version_holds_only_for_the_commit_that_wrote_the_value,
                preconditions_see_the_state_before_the_batch,
                the_first_failed_precondition_is_named,
                nothing_of_a_refused_batch_is_written,
                of_two_that_decide_on_one_version_one_wins,
                a_counter_starts_at_zero_and_adds_up,
                a_counter_that_returns_to_zero_stays_stored,
                a_counter_never_passes_its_bound,
                a_decrease_ignores_the_upper_bound,
                a_counter_never_goes_below_zero,
                a_counter_never_wraps,
                a_counter_follows_the_writes_before_it,
                parallel_counts_are_all_counted_within_the_bound,
                a_counter_that_holds_no_number_is_damage,
                a_log_numbers_its_entries_from_one_without_gaps,
                parallel_appends_leave_no_gap,
                the_largest_value_and_key_are_kept,
                one_byte_more_is_refused,
                a_large_batch_is_one_commit,
                a_batch_above_the_bound_is_refused,
                a_closed_store_answers_closed,
                a_scrub_of_a_sound_store_counts_its_records,
            ]
        }
    };
    (@behaviours $engines:tt [$($behaviour:ident,)+]) => {
        $(store_suite! { @engines $engines $behaviour })+
    };
    (@engines { $($engine:ident: $fixture:expr,)+ } $behaviour:ident) => {
        mod $behaviour {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $engine() {
                    use crate::store::{kit, suite};
                    let fixture = $fixture;
                    suite::$behaviour(fixture.store.as_ref()).await;
                }
            )+
        }
    };
}
pub(super) use store_suite;
