//! Profiles: what a kind of product needs, as a file that comes with the gateway.

use serde_json::json;

use crate::kit::gateway::Inside;
use usher::provision::profile::PROFILES;

#[tokio::test]
async fn every_profile_makes_an_organisation_and_applying_it_again_changes_nothing() {
    let inside = Inside::new();
    let root = inside.administrator().await;
    for profile in PROFILES {
        let org = format!("org-{}", profile.name);
        let file = format!("[organisation]\nslug = \"{org}\"\nprofile = \"{}\"\n", profile.name);
        let first = root.apply(&org, &file).await.expect(200);
        assert_eq!(first["changes"][0]["outcome"], "created", "{first:#}");
        let second = root.apply(&org, &file).await.expect(200);
        for change in second["changes"].as_array().expect("a list") {
            assert_eq!(change["outcome"], "unchanged", "{}: {change:#}", profile.name);
        }
        let verified = root
            .get(&format!("/api/v1/organisations/{org}/verify"))
            .await
            .expect(200);
        assert_eq!(verified["done"]["violations"], 0, "{}: {verified:#}", profile.name);
    }
}

#[tokio::test]
async fn a_files_own_part_replaces_the_profiles_part_of_the_same_name_and_keeps_the_others() {
    let inside = Inside::new();
    let root = inside.administrator().await;
    let file = "[organisation]\nslug = \"acme\"\nprofile = \"vsight\"\ninvitation_hours = 24\n\
                [[licences]]\nkey = \"expert\"\nname = \"Expert\"\nlimit = 12\n";
    root.apply("acme", file).await.expect(200);
    let licences = root.get("/api/v1/organisations/acme/licences").await.expect(200);
    assert_eq!(licences["items"][0]["limit"], 12, "{licences:#}");
    let roles = root.get("/api/v1/organisations/acme/roles").await.expect(200);
    let keys: Vec<_> = roles["items"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|role| role["key"].clone())
        .collect();
    assert_eq!(
        keys,
        [json!("admin"), json!("co-admin"), json!("expert"), json!("subscriber")]
    );
    let acme = root.get("/api/v1/organisations/acme").await.expect(200);
    assert_eq!(acme["invitation_hours"], 24, "{acme:#}");
}

#[tokio::test]
async fn an_unknown_profile_is_refused_with_the_names_of_those_there_are() {
    let inside = Inside::new();
    let root = inside.administrator().await;
    let refused = root
        .apply("acme", "[organisation]\nslug = \"acme\"\nprofile = \"zoom\"\n")
        .await
        .expect(422);
    let reason = refused["errors"][0]["reason"].as_str().expect("a reason");
    assert!(
        reason.contains("\"zoom\" is not a profile") && reason.contains("\"lynes\""),
        "{reason}"
    );
}

#[tokio::test]
async fn profiles_are_listed_with_what_they_are_for() {
    let inside = Inside::new();
    let root = inside.administrator().await;
    let listed = root.get("/api/v1/profiles").await.expect(200);
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(PROFILES.len()));
    let shown = root.get("/api/v1/profiles/lynes").await.expect(200);
    assert!(
        shown["file"].as_str().is_some_and(|file| file.contains("[[licences]]")),
        "{shown:#}"
    );
    root.get("/api/v1/profiles/zoom").await.expect(404);
}
