//! Configuration files: every fault is one sentence with the place and the cure, exit code 2.

use crate::kit::gateway::{Ran, usher};

#[track_caller]
fn refused(text: &str) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("usher.toml");
    std::fs::write(&file, text).expect("a file");
    let checked = Ran::of(usher().args(["check", "--config"]).arg(&file)).expect(2);
    let mut serve = usher();
    let data = folder.path().join("data");
    let served = Ran::of(
        serve
            .args(["serve", "--listen", "127.0.0.1:0", "--config"])
            .arg(&file)
            .arg("--data")
            .arg(&data),
    );
    // What `check` finds stops `serve`, unless a flag stands in for it.
    assert!(served.code == 2, "{served:?}");
    assert!(!data.exists(), "a broken configuration makes nothing");
    checked.sentence().to_owned()
}

#[test]
fn a_field_that_is_not_known_is_named_with_its_line() {
    let sentence = refused("[server]\nlisen = \"127.0.0.1:1\"\n");
    assert!(
        sentence.contains("line 2, column 1: unknown field `lisen`"),
        "{sentence}"
    );
    assert!(sentence.contains("`listen`"), "{sentence}");
}

#[test]
fn a_value_of_another_type_is_named_with_its_line() {
    let sentence = refused("[server]\n\nbody_bytes_max = \"much\"\n");
    assert!(sentence.contains("line 3, column 18"), "{sentence}");
}

#[test]
fn a_file_that_is_not_toml_is_named_with_its_line() {
    let sentence = refused("[server\n");
    assert!(sentence.contains("line 1, column"), "{sentence}");
}

#[test]
fn a_value_out_of_range_is_named_by_its_path() {
    for (text, path) in [
        ("[server]\nrequest_timeout_s = 0\n", "server.request_timeout_s"),
        ("[server]\nheader_timeout_s = 4000\n", "server.header_timeout_s"),
        ("[server]\nshutdown_grace_s = 4000\n", "server.shutdown_grace_s"),
        ("[server]\nbody_bytes_max = 1\n", "server.body_bytes_max"),
        ("[server]\nconnections_max = 0\n", "server.connections_max"),
        ("[server]\npublic_url = \"usher.example.com\"\n", "server.public_url"),
        ("[server]\nmetrics_listen = \"9464\"\n", "server.metrics_listen"),
        ("[store]\ncache_mib = 1\n", "store.cache_mib"),
        ("[log]\nlevel = \"=loud=\"\n", "log.level"),
    ] {
        let sentence = refused(text);
        assert!(sentence.contains(path), "{path}: {sentence}");
    }
}

#[test]
fn an_address_that_is_none_is_named_by_its_path() {
    for listen in ["8080", "localhost", "127.0.0.1:http", ":8080"] {
        let ran = Ran::of(usher().args(["serve", "--listen", listen])).expect(2);
        assert!(ran.sentence().contains("server.listen"), "{ran:?}");
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let ran = Ran::of(usher().args(["serve", "--config", "/nowhere/usher.toml"])).expect(2);
    assert!(ran.sentence().contains("/nowhere/usher.toml"), "{ran:?}");
}

#[test]
fn the_example_files_have_nothing_wrong_and_say_the_defaults() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
    let ran = Ran::of(
        usher()
            .args(["check", "--config"])
            .arg(root.join("usher.example.toml"))
            .arg("--org-file")
            .arg(root.join("organisation.example.toml")),
    )
    .expect(0);
    assert_eq!(ran.out.matches("nothing wrong").count(), 2, "{}", ran.out);
    let text = std::fs::read_to_string(root.join("usher.example.toml")).expect("a file");
    let shown: usher::config::Config = toml::from_str(&text).expect("TOML");
    assert_eq!(shown, usher::config::Config::default());
}

#[test]
fn check_wants_something_to_check() {
    Ran::of(usher().arg("check")).expect(2);
}
