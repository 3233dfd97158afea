//! Bytes that no honest server sends: refused with their cause, before they cost memory or the process.

use std::ops::ControlFlow;

use usher::ldap::connection::ConnectFailure;
use usher::ldap::guard::TransportError;
use usher::ldap::guard::frame::FrameError;
use usher::ldap::read_error::IncompleteReason;
use usher::ldap::{ConnectError, Connection, ReadError, read_all};

use super::faults::{IMPATIENCE, PEOPLE, query, read};
use crate::kit::faulty_ldap::{Fault, FaultyLdap};

#[tokio::test]
async fn hostile_messages_are_refused_before_they_are_parsed() {
    let (outcome, _) = read(Fault::NestsDeeply, PEOPLE, "(objectClass=user)").await;
    assert!(
        matches!(
            outcome,
            Err(ReadError::Frame(
                FrameError::TooDeep { .. } | FrameError::Malformed { .. }
            ))
        ),
        "{outcome:?}"
    );
    let (outcome, _) = read(Fault::AnnouncesAHugeMessage, PEOPLE, "(objectClass=user)").await;
    assert!(
        matches!(outcome, Err(ReadError::Frame(FrameError::TooLarge { .. }))),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn an_endless_answer_fills_neither_memory_nor_time() {
    // Sockets buffer a few MiB on either side; what matters is that it is not a few GiB.
    let table = [
        (Fault::AnnouncesAHugeMessage, 16 << 20),
        (Fault::NeverEndsAPage, 64 << 20),
        (Fault::NeverEndsItsReferences, 64 << 20),
    ];
    for (fault, bytes_max) in table {
        let server = FaultyLdap::start(fault, PEOPLE).await;
        let mut settings = server.settings();
        settings.message_bytes_max = 1 << 20;
        let mut connection = Connection::open(&settings).await.expect("connected");
        let query = query("(objectClass=user)");
        let outcome = read_all(&mut connection, &query, |_| ControlFlow::Continue(())).await;
        let is_refused = match &outcome {
            Err(ReadError::Incomplete(IncompleteReason::PageTooLong { .. })) => fault == Fault::NeverEndsAPage,
            Err(ReadError::ConnectionLost { reason }) => reason.contains("in answer to one request"),
            Err(ReadError::Frame(FrameError::TooLarge { .. })) => fault == Fault::AnnouncesAHugeMessage,
            _ => false,
        };
        assert!(is_refused, "{fault:?}: {outcome:?}");
        drop(connection);
        assert!(
            server.endless_bytes_sent() < bytes_max,
            "{fault:?}: {}",
            server.endless_bytes_sent()
        );
    }
}

#[tokio::test]
async fn malformed_answers_are_errors_and_not_panics() {
    for fault in [Fault::SendsADnThatIsNotUtf8, Fault::SendsAnEntryWithoutParts] {
        let (outcome, _) = read(fault, PEOPLE, "(objectClass=user)").await;
        assert!(matches!(outcome, Err(ReadError::Decode(_))), "{fault:?}: {outcome:?}");
    }
    for fault in [Fault::SendsAnUnexpectedOperation, Fault::SendsAResultWithoutACode] {
        let (outcome, _) = read(fault, PEOPLE, "(objectClass=user)").await;
        assert!(matches!(outcome, Err(ReadError::Crashed)), "{fault:?}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_notice_of_disconnection_is_a_lost_connection() {
    let (outcome, _) = read(Fault::GivesNoticeOfDisconnection, PEOPLE, "(objectClass=user)").await;
    assert!(matches!(outcome, Err(ReadError::ConnectionLost { .. })), "{outcome:?}");
}

#[tokio::test]
async fn a_bind_that_is_not_answered_rightly_fails_with_its_cause() {
    let failure = connect_failure(Fault::NeverAnswersTheBind, false).await;
    assert!(matches!(failure, ConnectFailure::BindTimeout { .. }), "{failure:?}");
    let failure = connect_failure(Fault::AnswersTheBindWithGarbage, false).await;
    assert!(
        matches!(&failure, ConnectFailure::BindLost { reason } if reason.contains("not an LDAP message")),
        "{failure:?}"
    );
    let failure = connect_failure(Fault::AnswersTheBindWithoutAResult, false).await;
    assert!(matches!(failure, ConnectFailure::Crashed), "{failure:?}");
}

#[tokio::test]
async fn a_server_without_starttls_never_sees_the_password() {
    let failure = connect_failure(Fault::RefusesStartTls, true).await;
    let refused = matches!(
        failure,
        ConnectFailure::Transport(TransportError::StartTlsRefused { code: 2, .. })
    );
    assert!(refused, "{failure:?}");
    let failure = connect_failure(Fault::NeverAnswersStartTls, true).await;
    assert!(
        matches!(failure, ConnectFailure::Transport(TransportError::Timeout { .. })),
        "{failure:?}"
    );
    let failure = connect_failure(Fault::SlipsBytesInAfterStartTls, true).await;
    let refused = matches!(
        failure,
        ConnectFailure::Transport(TransportError::StartTlsMalformed { .. })
    );
    assert!(refused, "{failure:?}");
}

async fn connect_failure(fault: Fault, start_tls: bool) -> ConnectFailure {
    let server = FaultyLdap::start(fault, 1).await;
    let mut settings = server.settings();
    settings.start_tls = start_tls;
    if matches!(fault, Fault::NeverAnswersTheBind | Fault::NeverAnswersStartTls) {
        settings.connect_timeout = IMPATIENCE;
    }
    match Connection::open(&settings).await {
        Err(ConnectError::Servers { mut attempts }) => attempts.remove(0).failure,
        other => panic!("{fault:?}: {other:?}"),
    }
}
