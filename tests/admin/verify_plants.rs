//! Verification finds every kind of damage, planted past the directory into the store itself.

use std::sync::Arc;

use serde_json::Value;
use usher::directory::keys::{self, Count, Index, Table, Unique};
use usher::model::id::{GroupId, InvitationId, MailId, OrganisationId, TokenId, UserId};
use usher::model::invitation::InvitationState;
use usher::model::mail::{MailState, TemplateName};
use usher::model::membership::Member;
use usher::store::memory::MemoryStore;
use usher::store::{Batch, Key, Scan, Store, Versioned};

use super::verify::{lived_in, verify};
use crate::kit::gateway::Inside;
use crate::kit::scim::slug;

/// A store with damage to plant.
struct Plot {
    store: Arc<dyn Store>,
    organisation: OrganisationId,
}

impl Plot {
    async fn under(&self, table: Table) -> Vec<(Key, Versioned)> {
        let scan = Scan::prefix(&keys::table(self.organisation, table), 1000);
        self.store.scan(scan).await.expect("entries")
    }

    async fn first(&self, table: Table) -> (Key, Versioned) {
        self.under(table).await.into_iter().next().expect("an entry")
    }

    async fn first_of(&self, prefix: &Key) -> (Key, Versioned) {
        let entries = self.store.scan(Scan::prefix(prefix, 1)).await.expect("entries");
        entries.into_iter().next().expect("an entry")
    }

    async fn user(&self) -> UserId {
        UserId::new(keys::last_uuid(&self.first(Table::User).await.0).expect("an id"))
    }

    async fn group(&self) -> GroupId {
        GroupId::new(keys::last_uuid(&self.first(Table::Group).await.0).expect("an id"))
    }

    /// The membership of somebody in their home group.
    async fn home_edge(&self) -> (GroupId, Member) {
        let edges = self.under(Table::GroupMember).await.into_iter();
        let mut home = edges.filter(|(_, stored)| String::from_utf8_lossy(&stored.value).contains("\"home\""));
        let (key, _) = home.next().expect("a home");
        let member = keys::member_of(&key).expect("a member");
        let group = uuid::Uuid::from_slice(&key.as_bytes()[18..34]).expect("a group");
        (GroupId::new(group), member)
    }

    async fn commit(&self, fill: impl FnOnce(&mut Batch)) {
        let mut batch = Batch::new();
        fill(&mut batch);
        self.store.commit(batch).await.expect("planted");
    }

    async fn delete(&self, key: Key) {
        self.commit(|batch| {
            batch.delete(key);
        })
        .await;
    }

    async fn put(&self, key: Key, value: &str) {
        let value = value.to_owned();
        self.commit(|batch| {
            batch.put(key, value);
        })
        .await;
    }

    /// Changes a JSON record where it is.
    async fn edit(&self, (key, stored): (Key, Versioned), change: impl FnOnce(&mut Value)) {
        let mut record: Value = serde_json::from_slice(&stored.value).expect("JSON");
        change(&mut record);
        self.put(key, &record.to_string()).await;
    }
}

/// Plants, verifies, and asserts that exactly these invariants are broken.
#[track_caller]
fn assert_broken(violations: &[Value], expected: &[&str]) {
    let mut broken: Vec<&str> = violations
        .iter()
        .map(|violation| violation["invariant"].as_str().expect("a name"))
        .collect();
    broken.sort_unstable();
    broken.dedup();
    assert_eq!(broken, expected, "{violations:#?}");
    assert!(
        violations
            .iter()
            .all(|violation| violation["place"].as_str().is_some_and(|place| !place.is_empty()))
    );
}

macro_rules! damage {
    ($($name:ident => [$($invariant:literal),+], $plot:ident $plant:block)*) => {
        $(
            #[tokio::test]
            async fn $name() {
                let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
                let inside = Inside::over(Arc::clone(&store));
                let root = lived_in(&inside).await;
                let found = inside.directory.find_organisation(&slug("acme")).await.expect("a read").expect("acme");
                let $plot = Plot { store, organisation: found.organisation.id };
                $plant
                let (violations, done) = verify(&root).await;
                assert_broken(&violations, &[$($invariant),+]);
                assert_eq!(done["violations"], violations.len());
            }
        )*
    };
}

damage! {
    a_key_in_no_table => ["records"], plot {
        let mut bytes = keys::organisation_all(plot.organisation).as_bytes().to_vec();
        bytes.extend_from_slice(b"?x");
        plot.put(Key::new(bytes), "1").await;
    }
    a_key_outside_of_everything => ["records"], plot {
        plot.put(Key::new(&b"a stray"[..]), "1").await;
        plot.put(Key::new(&b"gz"[..]), "1").await;
        plot.put(Key::new(&b"zzz"[..]), "1").await;
    }
    a_record_that_cannot_be_read => ["records"], plot {
        let (key, _) = plot.first(Table::Tombstone).await;
        plot.put(key, "{").await;
    }
    a_record_at_another_ones_key => ["records"], plot {
        let (_, stored) = plot.first(Table::Invitation).await;
        let odd = keys::invitation(plot.organisation, InvitationId::new(uuid::Uuid::now_v7()));
        let closed = String::from_utf8(stored.value.to_vec()).expect("UTF-8");
        plot.put(odd, &closed).await;
    }
    a_user_name_that_nobody_bears => ["unique"], plot {
        let user = plot.user().await;
        plot.put(keys::unique(plot.organisation, Unique::UserName, "ghost"), &user.to_string()).await;
    }
    a_user_whose_name_is_lost => ["unique"], plot {
        plot.delete(keys::unique(plot.organisation, Unique::UserName, "grace")).await;
    }
    a_group_whose_name_leads_to_another => ["unique"], plot {
        let key = keys::unique(plot.organisation, Unique::GroupName, "engineering");
        plot.put(key, &uuid::Uuid::now_v7().to_string()).await;
    }
    an_index_entry_of_an_old_value => ["index"], plot {
        let user = plot.user().await;
        plot.put(keys::index(plot.organisation, Index::UserEmail, "old@acme.example", user.uuid()), "").await;
    }
    a_user_who_is_not_found_by_their_address => ["index"], plot {
        let entries = plot.under(Table::Index).await;
        plot.delete(entries[0].0.clone()).await;
    }
    a_link_to_nobody => ["links"], plot {
        let (_, stored) = plot.first(Table::Link).await;
        let value = String::from_utf8(stored.value.to_vec()).expect("UTF-8");
        plot.put(keys::link(plot.organisation, &slug("entra"), b'u', "ghost"), &value).await;
    }
    an_external_identifier_without_its_link => ["links"], plot {
        plot.delete(keys::link(plot.organisation, &slug("entra"), b'u', "ext-grace")).await;
    }
    an_edge_in_one_direction_only => ["edges"], plot {
        let (key, _) = plot.first(Table::MemberGroup).await;
        plot.delete(key).await;
    }
    an_edge_that_differs_from_its_other_direction => ["edges"], plot {
        let edge = plot.first(Table::GroupMember).await;
        plot.edit(edge, |edge| edge["origins"] = serde_json::json!(["direct"])).await;
    }
    an_edge_without_a_reason => ["edges"], plot {
        let (group, user) = (plot.group().await, plot.user().await);
        for key in [
            keys::group_member(plot.organisation, group, Member::User(user)),
            keys::member_group(plot.organisation, Member::User(user), group),
        ] {
            let stored = plot.store.get(key.clone()).await.expect("a read").expect("an edge");
            plot.edit((key, stored), |edge| edge["origins"] = serde_json::json!([])).await;
        }
    }
    an_edge_to_a_member_who_does_not_exist => ["counters", "edges"], plot {
        let (group, user) = (plot.group().await, plot.user().await);
        let key = keys::group_member(plot.organisation, group, Member::User(user));
        let stored = plot.store.get(key).await.expect("a read").expect("an edge");
        let value = String::from_utf8(stored.value.to_vec()).expect("UTF-8");
        let ghost = Member::User(UserId::new(uuid::Uuid::now_v7()));
        plot.put(keys::group_member(plot.organisation, group, ghost), &value).await;
        plot.put(keys::member_group(plot.organisation, ghost, group), &value).await;
    }
    an_invitation_that_a_user_names_and_that_is_gone => ["invitations"], plot {
        let user = plot.first(Table::User).await;
        plot.edit(user, |user| user["invitation"] = serde_json::json!(uuid::Uuid::now_v7())).await;
    }
    an_open_invitation_without_its_secret => ["invitations"], plot {
        let scan = Scan::prefix(&keys::invitation_secret_all(), 1);
        let (key, _) = plot.store.scan(scan).await.expect("a read").remove(0);
        plot.delete(key).await;
    }
    a_secret_that_opens_nothing => ["invitations"], plot {
        let target = format!("{} {}", plot.organisation, uuid::Uuid::now_v7());
        plot.put(keys::invitation_secret(&"0".repeat(64)), &target).await;
    }
    an_invitation_that_is_in_no_list => ["invitations"], plot {
        let (key, _) = plot.first(Table::InvitationIndex).await;
        plot.delete(key).await;
    }
    a_list_with_an_invitation_that_does_not_exist => ["invitations"], plot {
        let ghost = InvitationId::new(uuid::Uuid::now_v7());
        plot.put(keys::mail::invitation_in(plot.organisation, InvitationState::Sent, ghost), "").await;
    }
    an_invitation_that_never_ends => ["invitations"], plot {
        let (key, _) = plot.first_of(&keys::mail::all_ends()).await;
        plot.delete(key).await;
    }
    an_end_of_no_invitation => ["invitations"], plot {
        let ghost = InvitationId::new(uuid::Uuid::now_v7());
        plot.put(keys::mail::ends(1, plot.organisation, ghost), "").await;
    }
    a_mail_that_is_never_due => ["mail"], plot {
        let (key, _) = plot.first_of(&keys::mail::dues()).await;
        plot.delete(key).await;
    }
    a_mail_that_is_due_at_another_time => ["mail"], plot {
        let (key, _) = plot.first_of(&keys::mail::dues()).await;
        let (due_ms, organisation, id) = keys::mail::timed(&key).expect("a time");
        plot.put(keys::mail::due(due_ms + 1, organisation, MailId::new(id)), "").await;
    }
    a_mail_that_would_outlive_its_person => ["mail"], plot {
        let (key, _) = plot.first_of(&keys::mail::mails_by_person(plot.organisation)).await;
        plot.delete(key).await;
    }
    a_mail_that_is_lost => ["counters", "mail"], plot {
        let (key, _) = plot.first_of(&keys::mail::mails(plot.organisation, MailState::Queued)).await;
        plot.delete(key).await;
    }
    a_wording_that_cannot_be_filled_in => ["mail"], plot {
        let template = serde_json::json!({
            "v": 1, "name": "invitation", "language": "de", "subject": "x", "text": "{{ nobody }}",
        });
        let key = keys::mail::template(plot.organisation, TemplateName::Invitation, "de");
        plot.put(key, &template.to_string()).await;
    }
    a_listed_token_that_does_not_exist => ["tokens"], plot {
        plot.put(keys::token_entry(plot.organisation, TokenId::new(uuid::Uuid::now_v7())), "").await;
    }
    a_token_that_nobody_can_revoke => ["tokens"], plot {
        let (key, _) = plot.first(Table::TokenList).await;
        plot.delete(key).await;
    }
    a_licence_for_no_reason => ["seats"], plot {
        let user = plot.first(Table::User).await;
        plot.edit(user, |user| user["licences"]["pro"]["origins"] = serde_json::json!([])).await;
    }
    a_user_who_needs_a_seat_and_has_none => ["counters", "seats"], plot {
        let user = plot.first(Table::User).await;
        plot.edit(user, |user| user["licences"]["pro"]["seat"] = serde_json::json!("unneeded")).await;
    }
    a_place_in_a_queue_of_somebody_who_does_not_wait => ["seats"], plot {
        let user = plot.user().await;
        plot.put(keys::waiting(plot.organisation, &slug("pro"), 1, user), "").await;
    }
    somebody_who_waits_without_a_place_in_the_queue => ["seats"], plot {
        let (key, _) = plot.first(Table::Waiting).await;
        plot.delete(key).await;
    }
    more_seats_than_the_licence_has => ["counters", "seats"], plot {
        plot.put(keys::count(plot.organisation, &Count::Seats(slug("pro"))), "3").await;
    }
    somebody_who_waits_although_a_seat_is_free => ["seats"], plot {
        let licence = plot.first(Table::Licence).await;
        plot.edit(licence, |licence| licence["limit"] = serde_json::json!(3)).await;
    }
    a_wrong_number_of_users => ["counters"], plot {
        plot.put(keys::count(plot.organisation, &Count::Users), "7").await;
    }
    a_wrong_number_of_groups => ["counters"], plot {
        plot.put(keys::count(plot.organisation, &Count::Groups), "7").await;
    }
    a_wrong_number_of_people_who_wait => ["counters"], plot {
        plot.put(keys::count(plot.organisation, &Count::Waiting(slug("pro"))), "0").await;
    }
    a_wrong_number_of_people_linked => ["counters"], plot {
        plot.put(keys::count(plot.organisation, &Count::Linked(slug("entra"))), "0").await;
    }
    a_wrong_number_of_members => ["counters"], plot {
        let group = plot.group().await;
        plot.put(keys::count(plot.organisation, &Count::Members(group)), "9").await;
    }
    a_counter_of_a_group_that_is_gone => ["counters"], plot {
        let ghost = GroupId::new(uuid::Uuid::now_v7());
        plot.put(keys::count(plot.organisation, &Count::Members(ghost)), "1").await;
    }
    a_login_id_that_is_lost => ["unique"], plot {
        plot.delete(keys::unique(plot.organisation, Unique::UserName, "margaret@acme.example")).await;
    }
    a_home_group_without_the_membership => ["homes"], plot {
        let edge = plot.home_edge().await;
        plot.delete(keys::group_member(plot.organisation, edge.0, edge.1)).await;
        plot.delete(keys::member_group(plot.organisation, edge.1, edge.0)).await;
        let left = keys::count(plot.organisation, &Count::Members(edge.0));
        plot.put(left, "3").await;
    }
    a_membership_at_home_of_somebody_who_lives_elsewhere => ["homes", "index"], plot {
        let Member::User(user) = plot.home_edge().await.1 else { panic!("a user") };
        let key = keys::user(plot.organisation, user);
        let stored = plot.store.get(key.clone()).await.expect("a read").expect("a user");
        plot.edit((key, stored), |user| user["home_group"] = Value::Null).await;
    }
    a_guest_whose_link_is_gone => ["guests"], plot {
        let (key, _) = plot.first(Table::GuestLink).await;
        plot.delete(key).await;
    }
    a_link_whose_secret_is_lost => ["guests"], plot {
        let (_, stored) = plot.first(Table::GuestLink).await;
        let link: Value = serde_json::from_slice(&stored.value).expect("JSON");
        let hash = link["secret_hash"].as_str().expect("a hash");
        plot.delete(keys::people::guest_secret(hash)).await;
    }
    a_second_default_cost_centre => ["guests"], plot {
        let centre = "{\"v\":1,\"key\":\"sales\",\"name\":\"Sales\",\"default\":true}";
        plot.put(keys::named(plot.organisation, Table::CostCentre, &slug("sales")), centre).await;
    }
    views_of_somebody_who_is_not_there => ["views"], plot {
        let (_, stored) = plot.first(Table::View).await;
        let ghost = keys::people::views(plot.organisation, Some(UserId::new(uuid::Uuid::now_v7())));
        let text = String::from_utf8(stored.value.to_vec()).expect("UTF-8");
        plot.put(ghost, &text).await;
    }
    two_views_of_one_name => ["views"], plot {
        let views = plot.first(Table::View).await;
        plot.edit(views, |record| {
            let mut other = record["views"][0].clone();
            other["id"] = uuid::Uuid::now_v7().to_string().into();
            record["views"].as_array_mut().expect("a list").push(other);
        })
        .await;
    }
    a_seat_charged_to_nobody => ["seats"], plot {
        let user = plot.under(Table::User).await.into_iter().find(|(_, stored)| {
            String::from_utf8_lossy(&stored.value).contains("\"licences\"")
        });
        let user = user.expect("somebody with a licence");
        plot.edit(user, |user| user["licences"]["pro"]["cost_centre"] = "nowhere".into()).await;
    }
    a_gap_in_the_events => ["events"], plot {
        plot.delete(keys::event(plot.organisation, 3)).await;
    }
    a_lost_last_event => ["events"], plot {
        let last = keys::last_number(&plot.under(Table::Event).await.last().expect("events").0).expect("a number");
        plot.delete(keys::event(plot.organisation, last)).await;
    }
    an_event_behind_the_last_one => ["events"], plot {
        let (key, stored) = plot.under(Table::Event).await.pop().expect("events");
        let next = keys::last_number(&key).expect("a number") + 1;
        let value = String::from_utf8(stored.value.to_vec()).expect("UTF-8");
        plot.put(keys::event(plot.organisation, next), &value).await;
    }
    a_slug_that_leads_nowhere => ["shared"], plot {
        plot.put(keys::slug(&slug("ghost")), &uuid::Uuid::now_v7().to_string()).await;
    }
    an_organisation_without_its_slug => ["shared"], plot {
        plot.delete(keys::slug(&slug("acme"))).await;
    }
}
