//! `usher verify` on a store that somebody else has written into.

use usher::directory::keys;
use usher::store::sled::{SledSettings, SledStore};
use usher::store::{Batch, Key, Store as _};

use crate::kit::gateway::Gateway;

/// Opens the gateway's store, which must not run, and writes into it.
async fn plant(gateway: &Gateway, fill: impl FnOnce(&mut Batch)) {
    let settings = SledSettings {
        cache_bytes: 16 << 20,
        ..SledSettings::default()
    };
    let store = SledStore::open(&gateway.data.join("store"), settings).expect("a store");
    let mut batch = Batch::new();
    fill(&mut batch);
    store.commit(batch).await.expect("planted");
    store.close().await.expect("closed");
}

#[tokio::test]
async fn what_is_broken_is_printed_with_its_place_and_the_code_is_4() {
    let mut gateway = Gateway::start();
    gateway.terminate();
    plant(&gateway, |batch| {
        batch.put(Key::new(&b"a stray"[..]), "1");
        batch.put(keys::invitation_secret("0000"), "nobody");
    })
    .await;
    let beside = gateway.command(&["verify"]).expect(4);
    assert!(
        beside
            .out
            .contains("broken: records: a stray is in no table that this release knows\n"),
        "{}",
        beside.out
    );
    let secret = "broken: invitations: gi0000\\x00 leads to no invitation that it opens\n";
    assert!(beside.out.contains(secret), "{}", beside.out);
    assert!(beside.sentence().contains("2 violations"), "{beside:?}");
    gateway.start_again();
    let running = gateway.command(&["verify"]).expect(4);
    assert_eq!(running.out, beside.out);
    let lines = gateway.command(&["verify", "--json"]).expect(4).out;
    let first: serde_json::Value = serde_json::from_str(lines.lines().next().expect("a line")).expect("JSON");
    assert_eq!(first["violation"]["place"], "gi0000\\x00");
}
