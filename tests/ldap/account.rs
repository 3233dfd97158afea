//! Accounts switched off, accounts locked by wrong passwords, and stable ids of each kind of server.

use usher::ldap::stable_id::StableIdError;
use usher::ldap::{AccountState, AttributeValue, Attributes, DnKey, Entry, StableId, StableIdKind, account_state};

#[test]
fn only_an_administrators_lock_disables() {
    use AccountState::{Disabled, Enabled, Locked};
    let table: [(&[(&str, &str)], AccountState); 18] = [
        (&[], Enabled),
        (&[("useraccountcontrol", "512")], Enabled),
        (&[("useraccountcontrol", "514")], Disabled),
        (&[("useraccountcontrol", "66050")], Disabled),
        (&[("useraccountcontrol", "66048")], Enabled),
        (&[("useraccountcontrol", "-2147483134")], Disabled),
        (&[("useraccountcontrol", "many")], Disabled),
        (&[("useraccountcontrol", "512"), ("lockouttime", "0")], Enabled),
        (
            &[("useraccountcontrol", "512"), ("lockouttime", "134000000000000000")],
            Locked,
        ),
        (
            &[("useraccountcontrol", "514"), ("lockouttime", "134000000000000000")],
            Disabled,
        ),
        (&[("nsaccountlock", "true")], Disabled),
        (&[("nsaccountlock", "TRUE")], Disabled),
        (&[("nsaccountlock", "false")], Enabled),
        (&[("pwdaccountlockedtime", "000001010000Z")], Disabled),
        (&[("pwdaccountlockedtime", "20260101120000Z")], Locked),
        (
            &[("pwdaccountlockedtime", "20260101120000Z"), ("nsaccountlock", "true")],
            Disabled,
        ),
        (&[("nsaccountlock", "")], Enabled),
        (&[("title", "true")], Enabled),
    ];
    for (attributes, expected) in table {
        assert_eq!(account_state(&entry(attributes)), expected, "{attributes:?}");
    }
}

#[test]
fn stable_ids_have_one_text_for_each_kind_of_server() {
    let text = |value: &str| vec![AttributeValue::Text(value.to_owned())];
    let guid: Vec<u8> = (0..16).collect();
    let table = [
        (
            StableIdKind::EntryUuid,
            text("C1F0D2A4-0000-4000-8000-0123456789AB"),
            "c1f0d2a4-0000-4000-8000-0123456789ab",
        ),
        (
            StableIdKind::ObjectGuid,
            vec![AttributeValue::from(guid)],
            "03020100-0504-0706-0809-0a0b0c0d0e0f",
        ),
        (
            StableIdKind::NsUniqueId,
            text("c32e6609-e5e711f1-bc45eb0b-27f56224"),
            "c32e6609-e5e711f1-bc45eb0b-27f56224",
        ),
    ];
    for (kind, values, expected) in table {
        assert_eq!(StableId::from_values(kind, &values).expect("an id").as_str(), expected);
        let twice = [values.clone(), values].concat();
        assert_eq!(StableId::from_values(kind, &twice), Err(StableIdError::Several));
        assert_eq!(StableId::from_values(kind, &[]), Err(StableIdError::Missing));
        assert_eq!(
            StableId::from_values(kind, &text("short")),
            Err(StableIdError::Malformed)
        );
    }
}

#[test]
fn a_value_is_text_when_it_is_utf8_and_bytes_in_any_case() {
    let text = AttributeValue::from("é".as_bytes().to_vec());
    let binary = AttributeValue::from(vec![0xff, 0xd8]);
    assert_eq!((text.as_text(), text.as_bytes()), (Some("é"), [0xc3, 0xa9].as_slice()));
    assert_eq!((binary.as_text(), binary.as_bytes()), (None, [0xff, 0xd8].as_slice()));
}

#[test]
fn attributes_are_found_in_any_case() {
    let entry = entry(&[("givenName", "Ada"), ("GIVENNAME", "Augusta")]);
    for name in ["givenName", "givenname", "GivenName"] {
        assert_eq!(
            entry.attributes.texts(name).collect::<Vec<_>>(),
            ["Ada", "Augusta"],
            "{name}"
        );
    }
    assert_eq!(entry.attributes.text("given"), None);
    assert_eq!(
        entry
            .attributes
            .iter()
            .map(|(name, _)| name.as_str())
            .collect::<Vec<_>>(),
        ["givenname"]
    );
}

fn entry(attributes: &[(&str, &str)]) -> Entry {
    let value = |text: &str| vec![AttributeValue::Text(text.to_owned())];
    let attributes: Attributes = attributes
        .iter()
        .map(|(name, text)| ((*name).to_owned(), value(text)))
        .collect();
    let id = value("00000000-0000-4000-8000-000000000001");
    Entry {
        dn: "cn=a".to_owned(),
        dn_key: DnKey::of("cn=a"),
        stable_id: StableId::from_values(StableIdKind::EntryUuid, &id).expect("an id"),
        attributes,
    }
}
