//! The same for many people: planned, looked at, confirmed or discarded (S001-31..38, S003-28). See [`crate::directory::bulk`].

mod listed;

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use tracing::Instrument as _;

use crate::directory::bulk::Named;
use crate::directory::job::{ConfirmJob, DiscardJob};
use crate::directory::{Directory, DirectoryError};
use crate::model::bulk::BulkTask;
use crate::model::id::{GroupId, JobId, ResourceId};
use crate::model::job::{Job, JobState, Task};
use crate::model::list::List;
use crate::model::slug::Slug;

use super::caller::{Administrator, Body, Parameters, Place};
use super::listing::Listing;
use super::problem::Problem;
use super::{groups, resources, users};
use listed::Items;
pub(super) use listed::{Jobs, Reader};

/// How long a confirmation waits for the work to be done, before it answers that it goes on.
const WAIT: Duration = Duration::from_secs(10);
/// Selected people that are read at once.
const PAGE: usize = 500;

/// What is done to each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Kind {
    AddToGroup,
    RemoveFromGroup,
    GiveRole,
    WithdrawRole,
    AssignLicence,
    FreeLicence,
    Invite,
    Resend,
    RevokeInvitation,
    Suspend,
    Reactivate,
    Move,
    AssignResource,
    WithdrawResource,
    Delete,
}

/// What to plan, and for whom.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Planned {
    operation: Kind,
    /// Identifiers or login ids, in the order in which they have their turn.
    #[serde(default)]
    users: Vec<String>,
    /// Instead of `users`: everybody whom the list of users shows for this filter, state, text or saved view.
    filter: Option<String>,
    state: Option<String>,
    q: Option<String>,
    view: Option<String>,
    /// The group, by identifier or name: of `add_to_group`, `remove_from_group` and `move`; of `give_role` and `withdraw_role` for a
    /// role that is held in a group.
    group: Option<String>,
    /// Of `give_role` and `withdraw_role`.
    role: Option<Slug>,
    /// Of `assign_licence` and `free_licence`.
    licence: Option<Slug>,
    /// Of `assign_licence`: who pays.
    cost_centre: Option<Slug>,
    /// Of `assign_resource` and `withdraw_resource`: by identifier or as TYPE:NAME.
    resource: Option<String>,
    /// Of `move`: whether the product takes what they did before along.
    take_history: Option<bool>,
}

/// The parts of a request, each taken once: what is left over does not belong to the operation.
struct Parts {
    operation: Kind,
    group: Option<GroupId>,
    role: Option<Slug>,
    licence: Option<Slug>,
    cost_centre: Option<Slug>,
    resource: Option<ResourceId>,
    take_history: Option<bool>,
}

fn needed<T>(name: &str, part: &mut Option<T>) -> Result<T, Problem> {
    part.take()
        .ok_or_else(|| Problem::bad_request(format!("{name}: is needed for this operation")))
}

impl Parts {
    fn task(mut self) -> Result<BulkTask, Problem> {
        let task = match self.operation {
            Kind::AddToGroup => BulkTask::AddToGroup {
                group: needed("group", &mut self.group)?,
            },
            Kind::RemoveFromGroup => BulkTask::RemoveFromGroup {
                group: needed("group", &mut self.group)?,
            },
            Kind::GiveRole => BulkTask::GiveRole {
                role: needed("role", &mut self.role)?,
                group: self.group.take(),
            },
            Kind::WithdrawRole => BulkTask::WithdrawRole {
                role: needed("role", &mut self.role)?,
                group: self.group.take(),
            },
            Kind::AssignLicence => BulkTask::AssignLicence {
                licence: needed("licence", &mut self.licence)?,
                cost_centre: self.cost_centre.take(),
            },
            Kind::FreeLicence => BulkTask::FreeLicence {
                licence: needed("licence", &mut self.licence)?,
            },
            Kind::Invite => BulkTask::Invite,
            Kind::Resend => BulkTask::Resend,
            Kind::RevokeInvitation => BulkTask::RevokeInvitation,
            Kind::Suspend => BulkTask::Suspend,
            Kind::Reactivate => BulkTask::Reactivate,
            Kind::Move => BulkTask::Move {
                to: needed("group", &mut self.group)?,
                take_history: self.take_history.take().unwrap_or_default(),
            },
            Kind::AssignResource => BulkTask::AssignResource {
                resource: needed("resource", &mut self.resource)?,
            },
            Kind::WithdrawResource => BulkTask::WithdrawResource {
                resource: needed("resource", &mut self.resource)?,
            },
            Kind::Delete => BulkTask::Delete,
        };
        let left_over = [
            ("group", self.group.is_some()),
            ("role", self.role.is_some()),
            ("licence", self.licence.is_some()),
            ("cost_centre", self.cost_centre.is_some()),
            ("resource", self.resource.is_some()),
            ("take_history", self.take_history.is_some()),
        ];
        match left_over.into_iter().find(|(_, is_there)| *is_there) {
            Some((name, _)) => Err(Problem::bad_request(format!(
                "{name}: does not belong to {}: leave it out",
                task.as_str()
            ))),
            None => Ok(task),
        }
    }
}

/// `POST .../bulk`: what would happen to each, and to the seats. Nothing is done before it is confirmed.
pub async fn plan(
    State(directory): State<Directory>,
    caller: Administrator,
    Body(planned): Body<Planned>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let organisation = caller.organisation();
    let group = match &planned.group {
        Some(named) => Some(groups::find(&directory, organisation, named).await?.id),
        None => None,
    };
    let resource = match &planned.resource {
        Some(named) => Some(resources::find(&directory, &caller, named).await?.id),
        None => None,
    };
    let parts = Parts {
        operation: planned.operation,
        group,
        role: planned.role,
        licence: planned.licence,
        cost_centre: planned.cost_centre,
        resource,
        take_history: planned.take_history,
    };
    let task = parts.task()?;
    let is_question = [&planned.filter, &planned.state, &planned.q, &planned.view]
        .into_iter()
        .any(Option::is_some);
    let people = match (is_question, planned.users.is_empty()) {
        (true, false) => {
            return Err(Problem::bad_request(
                "users: give either users, or a filter, state, q or view",
            ));
        }
        (true, true) => {
            let listing = Listing {
                filter: planned.filter,
                state: planned.state,
                q: planned.q,
                view: planned.view,
                ..Listing::default()
            };
            selected(&directory, &caller, listing).await?
        }
        (false, _) => found(&directory, &caller, planned.users).await?,
    };
    let job = directory
        .plan_bulk(&caller.principal, &caller.permit, task, people)
        .await?;
    let shown = shown(&directory, &caller, &job, Listing::default()).await?;
    Ok((StatusCode::CREATED, Json(shown)))
}

/// Everybody whom the list of users shows for a question, in the list's order. A person's list shows whom the person reaches.
async fn selected(directory: &Directory, caller: &Administrator, listing: Listing) -> Result<Vec<Named>, Problem> {
    let question = listing
        .read(directory, caller, List::Users)
        .await?
        .within(caller, "user.view");
    let mut people: Vec<Named> = Vec::new();
    let mut after = None;
    loop {
        let part = directory
            .select_users(caller.organisation(), &question.selection, after.as_ref(), PAGE)
            .await?;
        people.extend(part.items.into_iter().map(|user| Named {
            text: user.user_name,
            user: Some(user.id),
        }));
        after = part.next;
        if after.is_none() {
            break;
        }
        // Far too many are not read to the end.
        directory.check_items(people.len().max(1))?;
    }
    if people.is_empty() {
        return Err(Problem::bad_request(
            "filter: nobody is meant by this: look at the list of users",
        ));
    }
    Ok(people)
}

/// Users as they were named.
async fn found(directory: &Directory, caller: &Administrator, users: Vec<String>) -> Result<Vec<Named>, Problem> {
    directory.check_items(users.len())?;
    let mut people = Vec::with_capacity(users.len());
    for named in users {
        let user = match users::find(directory, caller.organisation(), &named).await {
            Ok(user) => Some(user.id),
            Err(DirectoryError::NotFound { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        people.push(Named { text: named, user });
    }
    Ok(people)
}

/// `GET .../bulk`: the newest first. A person sees their own.
pub async fn list(
    State(directory): State<Directory>,
    caller: Administrator,
    Parameters(listing): Parameters<Listing>,
) -> Result<Json<Value>, Problem> {
    let question = listing.read(&directory, &caller, List::Jobs).await?;
    let jobs = Jobs {
        organisation: caller.organisation(),
        reader: Reader::of(&caller),
        view: |job| Some(head(job)),
    };
    Ok(Json(question.answer(&directory, jobs).await?))
}

/// `GET .../bulk/{job}`: the plan, and what became of it; the items page by page.
pub async fn retrieve(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, job)): Place<(String, String)>,
    Parameters(listing): Parameters<Listing>,
) -> Result<Json<Value>, Problem> {
    let job = find(&directory, &caller, &job).await?;
    Ok(Json(shown(&directory, &caller, &job, listing).await?))
}

/// What stands for the plan that was seen.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Confirmation {
    /// The `confirm` of the plan.
    pub(super) confirm: String,
}

/// `POST .../bulk/{job}/confirm`: does what the plan says, item by item, with the rights that the caller has at each. Answers 202
/// when it takes longer than a while: it goes on, and the job says how far it is. Confirmed again, it is not done again.
pub async fn confirm(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, job)): Place<(String, String)>,
    Body(confirmation): Body<Confirmation>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let id = parse(&job)?;
    work(&directory, &caller, id, &confirmation.confirm).await?;
    let job = find(&directory, &caller, &id.to_string()).await?;
    let status = if job.state == JobState::Running {
        StatusCode::ACCEPTED
    } else {
        StatusCode::OK
    };
    let shown = shown(&directory, &caller, &job, Listing::default()).await?;
    Ok((status, Json(shown)))
}

/// Confirms a job and does it. Answers when it is done, or goes on after a while.
pub(super) async fn work(
    directory: &Directory,
    caller: &Administrator,
    id: JobId,
    confirm: &str,
) -> Result<(), Problem> {
    directory.run(&caller.permit, &ConfirmJob { id, confirm }).await?;
    let worker = directory.clone();
    let principal = caller.principal.clone();
    let organisation = caller.organisation();
    // A task of its own: a client that hangs up has confirmed all the same.
    let work = async move {
        let done = worker.run_job(&principal, organisation, id).await;
        if let Err(error) = &done {
            tracing::warn!(%error, job.id = %id, "a job was broken off: it goes on within an hour, or when it is confirmed again");
        }
        done
    };
    let work = tokio::spawn(work.instrument(tracing::Span::current()));
    match tokio::time::timeout(WAIT, work).await {
        Ok(Ok(done)) => drop(done?),
        Ok(Err(_)) => return Err(Problem::internal()),
        Err(_) => {}
    }
    Ok(())
}

/// `POST .../bulk/{job}/discard`: the plan cannot be confirmed any more (S001-34).
pub async fn discard(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, job)): Place<(String, String)>,
) -> Result<Json<Value>, Problem> {
    let discarded = directory.run(&caller.permit, &DiscardJob(parse(&job)?)).await?;
    Ok(Json(head(&discarded)))
}

fn parse(id: &str) -> Result<JobId, DirectoryError> {
    id.parse().map_err(|_| DirectoryError::not_found("job", id))
}

async fn find(directory: &Directory, caller: &Administrator, id: &str) -> Result<Job, DirectoryError> {
    let job = directory.find_job(caller.organisation(), parse(id)?).await?;
    job.filter(|job| Reader::of(caller).may_see(job))
        .ok_or_else(|| DirectoryError::not_found("job", id))
}

/// A job with a page of its items.
async fn shown(directory: &Directory, caller: &Administrator, job: &Job, listing: Listing) -> Result<Value, Problem> {
    let question = listing.read(directory, caller, List::JobItems).await?;
    let items = Items {
        organisation: caller.organisation(),
        job: job.id,
    };
    let mut shown = head(job);
    let page = question.answer(directory, items).await?;
    if let (Some(shown), Value::Object(page)) = (shown.as_object_mut(), page) {
        shown.extend(page);
    }
    Ok(shown)
}

/// A job without its items.
fn head(job: &Job) -> Value {
    let task = match &job.task {
        Task::Bulk(task) => json!(task),
        // What its rows say is shown where imports are.
        Task::Import(task) => {
            json!({ "operation": "import", "mode": task.mode, "invite": task.invite, "creates": task.creates })
        }
    };
    json!({
        "id": job.id,
        "state": job.state,
        "task": task,
        "count": job.items,
        "planned": job.planned,
        "results": job.results,
        "seats": job.seats,
        "warnings": job.warnings,
        "confirm": job.confirm,
        "actor": job.actor,
        "created": job.created,
        "expires": job.expires,
        "confirmed": job.confirmed,
        "ended": job.ended,
    })
}
