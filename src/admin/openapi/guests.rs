//! Guests and the links by which they join.

use serde_json::Value;

use super::description::{Description, delete, get, post};
use super::schema::{boolean, integer, list, named, nullable, object, text, time, uuid, words};
use crate::admin::guests::{Joining, NewGuest, NewLink};

pub(super) fn descriptions() -> Vec<Description> {
    vec![
        get("guests", "Guests, in the order in which they came").answers_list(named("Guest")),
        post("guests", "Makes a guest; the secret is shown once")
            .takes::<NewGuest>()
            .answers_created(named("Guest")),
        delete("guests/{guest}", "Deletes a guest: nothing of the guest stays").answers_nothing(),
        post("guests/{guest}/disable", "Lets a guest in no more").answers(named("Guest")),
        get(
            "guest-links",
            "Links for many guests, in the order in which they were made; never their secrets",
        )
        .answers_list(named("GuestLink")),
        post("guest-links", "Makes a link for many guests; the secret is shown once")
            .takes::<NewLink>()
            .answers_created(named("GuestLink")),
        post(
            "guest-links/{link}/disable",
            "Closes a link: nobody joins by it any more; who has joined stays",
        )
        .answers(named("GuestLink")),
        post(
            "/guests/join",
            "Comes in as a guest, by the secret of a guest or of a link",
        )
        .open()
        .takes::<Joining>()
        .answers(object(
            [
                ("organisation", text()),
                ("guest", uuid()),
                ("name", text()),
                ("channels", list(text())),
            ],
            [],
        )),
    ]
}

pub(super) fn components() -> Vec<(&'static str, Value)> {
    vec![
        (
            "Guest",
            object(
                [
                    ("id", uuid()),
                    ("name", text()),
                    ("email", nullable(text())),
                    ("mobile", nullable(text())),
                    ("channels", list(text())),
                    ("link", nullable(uuid())),
                    ("enabled", boolean()),
                    ("created", time()),
                ],
                [
                    ("delivery", words(&["link", "qr", "email", "whatsapp", "sms"])),
                    ("secret", text()),
                    ("url", text()),
                    ("mail", nullable(uuid())),
                    ("to_do", nullable(text())),
                ],
            ),
        ),
        (
            "GuestLink",
            object(
                [
                    ("id", uuid()),
                    ("name", text()),
                    ("channels", list(text())),
                    ("enabled", boolean()),
                    ("limit", integer()),
                    ("joined", integer()),
                    ("expires", nullable(time())),
                    ("created", time()),
                ],
                [("secret", text()), ("url", text())],
            ),
        ),
    ]
}
