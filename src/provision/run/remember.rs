//! What is left of a run when everything was applied: the failure list, what the groups hold, and the run itself with the mark
//! from which the next reading goes on, in this order.

use crate::provision::failure::list::Renewal;
use crate::provision::held::kept;
use crate::provision::lease::Claim;
use crate::provision::roster::{Learned, Learning};
use crate::provision::state::Remember;

use super::{Rest, RunError, RunReport, Running};

impl Running<'_> {
    pub(super) async fn remember(&self, report: &RunReport, rest: Rest, claim: &Claim) -> Result<(), RunError> {
        let settings = self.fingerprint();
        let renewal = Renewal {
            directory: self.directory,
            permit: &self.permit,
            lease: claim,
            connection: &self.connection.name,
            failures: &report.failures,
            settled: rest.settled.as_ref(),
            read: rest.listed,
            limit: self.connection.failures_listed,
        };
        let failures = renewal.renew().await.map_err(RunError::Interrupted)?;
        // Now that everything that follows from it is done.
        let learning = Learning {
            directory: self.directory,
            permit: &self.permit,
            lease: claim,
            connection: &self.connection.name,
        };
        learning.learn(&rest.learned).await.map_err(RunError::Interrupted)?;
        let remember = Remember {
            report,
            settings: &settings,
            lease: claim,
            next: &rest.next,
            knows_groups: matches!(rest.learned, Learned::All(_)),
            failures: &failures,
            keep: self.connection.runs_kept,
        };
        let remembered = self.directory.run(&self.permit, &remember).await;
        remembered.map_err(RunError::Interrupted)?;
        let swept = kept::sweep(self.place(claim, "")).await;
        swept.map_err(RunError::Interrupted)
    }
}
