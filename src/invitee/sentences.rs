//! What the pages say, in the languages that they speak: one table. The person's own language counts first, then what the browser
//! asks for (RFC 9110 s12.5.4), then the organisation's; English is last.

use crate::model::mail::language;
use crate::model::password_policy::{Criterion, CriterionKey};

/// The sentences of one language. `{}` is where a name, a time or a number goes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sentences {
    /// The language's tag (RFC 5646).
    pub(super) language: &'static str,
    pub(super) title: &'static str,
    pub(super) hello: &'static str,
    pub(super) choose: &'static str,
    pub(super) choose_new: &'static str,
    pub(super) good_until: &'static str,
    pub(super) user_name: &'static str,
    pub(super) password: &'static str,
    pub(super) must: &'static str,
    pub(super) again: &'static str,
    pub(super) set: &'static str,
    pub(super) accept: &'static str,
    pub(super) welcome: &'static str,
    pub(super) done: &'static str,
    pub(super) close: &'static str,
    /// A heading, a sentence, and what can be done, for a link that sets a password.
    pub(super) reset_closed: [&'static str; 4],
    /// The same for an invitation.
    pub(super) invitation_closed: [&'static str; 5],
    pub(super) busy: [&'static str; 2],
    pub(super) broken: [&'static str; 2],
    pub(super) met: &'static str,
    pub(super) unmet: &'static str,
    /// Two passwords differ.
    pub(super) different: &'static str,
    /// The policy refuses the password.
    pub(super) refused: &'static str,
    pub(super) no_seat: &'static str,
    /// The criteria in the order of [`CriterionKey`], with two more: a length of one, and a history of one.
    criteria: [&'static str; 10],
}

const ENGLISH: Sentences = Sentences {
    language: "en",
    title: "Choose a password",
    hello: "Hello{},",
    choose: "choose a password for your account.",
    choose_new: "choose a new password for your account.",
    good_until: "This page is good until {}.",
    user_name: "User name",
    password: "Password",
    must: "The password must",
    again: "The same password again",
    set: "Set the password",
    accept: "Accept the invitation",
    welcome: "Welcome to {}",
    done: "Your password is set. From now on you sign in with the user name {}.",
    close: "You can close this page.",
    reset_closed: [
        "This link cannot be used",
        "It may have been used already, replaced by a newer one, or its time is over. Your password is as it was.",
        "If you got more than one link, use the newest.",
        "If not, ask for a new one.",
    ],
    invitation_closed: [
        "This invitation cannot be used",
        "It may have been used already, withdrawn, replaced by a newer one, or its time is over.",
        "If you have chosen a password before, sign in with it.",
        "If you got more than one invitation, use the newest.",
        "If not, ask the person who invited you for a new one.",
    ],
    busy: [
        "Too many requests",
        "Try again in {} seconds. Your link is not affected.",
    ],
    broken: [
        "Something went wrong",
        "Try again in a moment. Your link is not affected.",
    ],
    met: "met",
    unmet: "not met",
    different: "The two passwords are not the same.",
    refused: "The password does not meet every criterion.",
    no_seat: "{} has no free seat for you at the moment. Ask the person who invited you, and come back later: the invitation \
              stays good.",
    criteria: [
        "have at least {} characters",
        "have at most {} bytes",
        "have an upper-case letter",
        "have a lower-case letter",
        "have a digit",
        "have a symbol, such as a full stop or a dash",
        "not have a login name inside",
        "not be one of the last {} passwords",
        "not be empty",
        "not be the last password",
    ],
};

const DUTCH: Sentences = Sentences {
    language: "nl",
    title: "Kies een wachtwoord",
    hello: "Hallo{},",
    choose: "kies een wachtwoord voor uw account.",
    choose_new: "kies een nieuw wachtwoord voor uw account.",
    good_until: "Deze pagina is geldig tot {}.",
    user_name: "Gebruikersnaam",
    password: "Wachtwoord",
    must: "Het wachtwoord moet",
    again: "Hetzelfde wachtwoord nog eens",
    set: "Wachtwoord instellen",
    accept: "Uitnodiging aannemen",
    welcome: "Welkom bij {}",
    done: "Uw wachtwoord is ingesteld. Voortaan meldt u zich aan met de gebruikersnaam {}.",
    close: "U kunt deze pagina sluiten.",
    reset_closed: [
        "Deze link kan niet worden gebruikt",
        "Misschien is hij al gebruikt, door een nieuwere vervangen of verlopen. Uw wachtwoord is zoals het was.",
        "Hebt u meer dan één link gekregen, gebruik dan de nieuwste.",
        "Zo niet, vraag dan een nieuwe aan.",
    ],
    invitation_closed: [
        "Deze uitnodiging kan niet worden gebruikt",
        "Misschien is zij al gebruikt, ingetrokken, door een nieuwere vervangen of verlopen.",
        "Hebt u al eerder een wachtwoord gekozen, meld u dan daarmee aan.",
        "Hebt u meer dan één uitnodiging gekregen, gebruik dan de nieuwste.",
        "Zo niet, vraag dan een nieuwe aan degene die u heeft uitgenodigd.",
    ],
    busy: [
        "Te veel verzoeken",
        "Probeer het over {} seconden opnieuw. Uw link blijft geldig.",
    ],
    broken: [
        "Er is iets misgegaan",
        "Probeer het zo dadelijk opnieuw. Uw link blijft geldig.",
    ],
    met: "in orde",
    unmet: "niet in orde",
    different: "De twee wachtwoorden zijn niet gelijk.",
    refused: "Het wachtwoord voldoet niet aan alle eisen.",
    no_seat: "{} heeft op dit moment geen vrije plaats voor u. Vraag het aan degene die u heeft uitgenodigd en kom later terug: de \
              uitnodiging blijft geldig.",
    criteria: [
        "minstens {} tekens hebben",
        "hoogstens {} bytes hebben",
        "een hoofdletter hebben",
        "een kleine letter hebben",
        "een cijfer hebben",
        "een leesteken of ander symbool hebben, zoals een punt of een streepje",
        "geen aanmeldnaam bevatten",
        "niet een van de laatste {} wachtwoorden zijn",
        "niet leeg zijn",
        "niet het laatste wachtwoord zijn",
    ],
};

const GERMAN: Sentences = Sentences {
    language: "de",
    title: "Passwort wählen",
    hello: "Guten Tag{},",
    choose: "bitte wählen Sie ein Passwort für Ihr Konto.",
    choose_new: "bitte wählen Sie ein neues Passwort für Ihr Konto.",
    good_until: "Diese Seite gilt bis {}.",
    user_name: "Benutzername",
    password: "Passwort",
    must: "Das Passwort muss",
    again: "Noch einmal dasselbe Passwort",
    set: "Passwort setzen",
    accept: "Einladung annehmen",
    welcome: "Willkommen bei {}",
    done: "Ihr Passwort ist gesetzt. Von jetzt an melden Sie sich mit dem Benutzernamen {} an.",
    close: "Sie können diese Seite schließen.",
    reset_closed: [
        "Dieser Link kann nicht verwendet werden",
        "Vielleicht wurde er schon verwendet, durch einen neueren ersetzt oder ist abgelaufen. Ihr Passwort ist, wie es war.",
        "Wenn Sie mehrere Links bekommen haben, verwenden Sie den neuesten.",
        "Wenn nicht, fordern Sie einen neuen an.",
    ],
    invitation_closed: [
        "Diese Einladung kann nicht verwendet werden",
        "Vielleicht wurde sie schon verwendet, zurückgezogen, durch eine neuere ersetzt oder ist abgelaufen.",
        "Wenn Sie schon ein Passwort gewählt haben, melden Sie sich damit an.",
        "Wenn Sie mehrere Einladungen bekommen haben, verwenden Sie die neueste.",
        "Wenn nicht, bitten Sie die Person, die Sie eingeladen hat, um eine neue.",
    ],
    busy: [
        "Zu viele Anfragen",
        "Versuchen Sie es in {} Sekunden noch einmal. Ihr Link bleibt gültig.",
    ],
    broken: [
        "Etwas ist schiefgegangen",
        "Versuchen Sie es gleich noch einmal. Ihr Link bleibt gültig.",
    ],
    met: "erfüllt",
    unmet: "nicht erfüllt",
    different: "Die beiden Passwörter sind nicht gleich.",
    refused: "Das Passwort erfüllt nicht alle Bedingungen.",
    no_seat: "{} hat im Augenblick keinen freien Platz für Sie. Fragen Sie die Person, die Sie eingeladen hat, und kommen Sie später \
              wieder: die Einladung bleibt gültig.",
    criteria: [
        "mindestens {} Zeichen haben",
        "höchstens {} Bytes haben",
        "einen Großbuchstaben haben",
        "einen Kleinbuchstaben haben",
        "eine Ziffer haben",
        "ein Satzzeichen oder anderes Zeichen haben, etwa einen Punkt oder einen Strich",
        "keinen Anmeldenamen enthalten",
        "keines der letzten {} Passwörter sein",
        "etwas enthalten",
        "ein anderes als das letzte sein",
    ],
};

/// Every language, English last.
const ALL: [&Sentences; 3] = [&DUTCH, &GERMAN, &ENGLISH];

impl Sentences {
    /// The sentences for a reader: the first of these languages that the pages speak.
    pub(super) fn of<'a>(wanted: impl IntoIterator<Item = &'a str>) -> &'static Self {
        let tags = wanted.into_iter().filter_map(language::tag);
        tags.filter_map(|tag| {
            let primary = tag.split('-').next().unwrap_or_default().to_owned();
            ALL.into_iter().find(|known| known.language == primary)
        })
        .next()
        .unwrap_or(&ENGLISH)
    }

    /// What a password must do.
    pub(super) fn criterion(&self, criterion: &Criterion) -> String {
        let place = match (criterion.key, criterion.number) {
            (CriterionKey::Length, Some(1)) => 8,
            (CriterionKey::History, Some(1)) => 9,
            (CriterionKey::Length, _) => 0,
            (CriterionKey::Bytes, _) => 1,
            (CriterionKey::Upper, _) => 2,
            (CriterionKey::Lower, _) => 3,
            (CriterionKey::Digit, _) => 4,
            (CriterionKey::Symbol, _) => 5,
            (CriterionKey::NotUserName, _) => 6,
            (CriterionKey::History, _) => 7,
        };
        let number = criterion.number.unwrap_or_default().to_string();
        filled(self.criteria.get(place).copied().unwrap_or_default(), &number)
    }
}

/// A sentence with what goes into it.
pub(super) fn filled(sentence: &str, value: &str) -> String {
    sentence.replacen("{}", value, 1)
}

/// The languages that a browser asks for, the most wanted first; those that it refuses are left out.
pub(super) fn asked_for(accept_language: &str) -> Vec<&str> {
    let mut ranges: Vec<(&str, f32)> = accept_language
        .split(',')
        .filter_map(|range| {
            let (tag, weight) = range.split_once(';').unwrap_or((range, "q=1"));
            let weight = weight
                .trim()
                .strip_prefix("q=")
                .and_then(|weight| weight.trim().parse().ok());
            Some((tag.trim(), weight.filter(|weight: &f32| *weight > 0.0)?))
        })
        .collect();
    ranges.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    ranges.into_iter().map(|(tag, _)| tag).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_wanted_language_that_the_pages_speak_is_spoken() {
        for (accept, language) in [
            ("de", "de"),
            ("nl-BE,en;q=0.5", "nl"),
            ("en;q=0.1, de-CH;q=0.9", "de"),
            ("fr, ja;q=0.9", "en"),
            ("de;q=0, nl;q=0.2", "nl"),
            ("", "en"),
            ("*", "en"),
            (";;;,q=,de;q=x", "en"),
        ] {
            assert_eq!(Sentences::of(asked_for(accept)).language, language, "{accept}");
        }
    }

    #[test]
    fn every_language_says_every_criterion_with_its_number_and_english_in_the_words_of_the_policy() {
        use crate::model::password_policy::PasswordPolicy;
        let policy = PasswordPolicy {
            upper: true,
            lower: true,
            digit: true,
            symbol: true,
            not_user_name: true,
            history: 3,
            ..PasswordPolicy::default()
        };
        let mut criteria = policy.check("", &[]);
        criteria.extend(policy.history_criterion(false));
        assert_eq!(criteria.len(), 8);
        for criterion in &criteria {
            assert_eq!(ENGLISH.criterion(criterion), criterion.text);
            for other in [&DUTCH, &GERMAN] {
                let said = other.criterion(criterion);
                let number = criterion.number.map(|number| number.to_string()).unwrap_or_default();
                assert!(
                    said.contains(&number) && !said.contains("{}") && said != criterion.text,
                    "{said}"
                );
            }
        }
    }
}
