//! The wording of mails: what there is, what it may refer to, how it looks, and an organisation's own.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::directory::template::{DeleteTemplate, PutTemplate};
use crate::directory::{Directory, DirectoryError};
use crate::model::list::List;
use crate::model::mail::language;
use crate::model::mail::template::{MailTemplate, TemplateName, builtin};

use super::caller::{Administrator, Body, Parameters, Place};
use super::listing::{Known, Listing};
use super::problem::Problem;

/// `GET .../templates`: every event, with the languages that the organisation has its own wording in.
pub async fn list(
    State(directory): State<Directory>,
    caller: Administrator,
    Parameters(listing): Parameters<Listing>,
) -> Result<Json<Value>, Problem> {
    let question = listing.read(&directory, &caller, List::Templates).await?;
    let own = directory.list_templates(caller.organisation()).await?;
    let items = TemplateName::ALL.map(|name| {
        let languages = own.iter().filter(|template| template.name == name);
        json!({
            "name": name,
            "languages": languages.map(|template| template.language.as_str()).collect::<Vec<_>>(),
            "variables": name.variables(),
        })
    });
    Ok(Json(question.answer(&directory, Known::by("name", items)).await?))
}

/// Which wording.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    language: Option<String>,
}

/// `GET .../templates/{name}`: the wording that a reader of this language gets, and whether it is the organisation's own.
pub async fn retrieve(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, name)): Place<(String, String)>,
    Parameters(wanted): Parameters<Wanted>,
) -> Result<Json<Value>, Problem> {
    let name = parse(&name)?;
    let wording = directory
        .wording(caller.organisation(), name, wanted.language.as_deref())
        .await?;
    Ok(Json(view(&wording)))
}

/// `GET .../templates/{name}/variables`: what its wording may refer to.
pub async fn variables(_: Administrator, Place((_, name)): Place<(String, String)>) -> Result<Json<Value>, Problem> {
    Ok(Json(json!({ "items": parse(&name)?.variables() })))
}

/// The wording in one language.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Wording {
    subject: String,
    text: String,
    html: Option<String>,
}

impl Wording {
    fn template(self, name: TemplateName, language: String) -> MailTemplate {
        MailTemplate {
            name,
            language,
            subject: self.subject,
            text: self.text,
            html: self.html,
        }
    }
}

/// `PUT .../templates/{name}/{language}`: the organisation's own wording.
pub async fn put(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, name, language)): Place<(String, String, String)>,
    Body(wording): Body<Wording>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let template = wording.template(parse(&name)?, tag(&language)?);
    let shown = view(&template);
    let is_new = directory.run(&caller.permit, &PutTemplate(template)).await?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(shown)))
}

/// `DELETE .../templates/{name}/{language}`: back to the built-in wording, or to that of another language.
pub async fn delete(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, name, language)): Place<(String, String, String)>,
) -> Result<StatusCode, Problem> {
    let delete = DeleteTemplate {
        name: parse(&name)?,
        language: tag(&language)?,
    };
    if directory.run(&caller.permit, &delete).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(DirectoryError::not_found("template", format!("{name} in {language}")).into())
    }
}

/// What to look at: a wording that is not stored, or the one that a reader of the language gets.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Look {
    language: Option<String>,
    wording: Option<Wording>,
}

/// `POST .../templates/{name}/preview`: the mail with samples for its variables.
pub async fn preview(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, name)): Place<(String, String)>,
    Body(look): Body<Look>,
) -> Result<Json<Value>, Problem> {
    let name = parse(&name)?;
    let template = match look.wording {
        Some(wording) => {
            let language = look.language.as_deref().unwrap_or(language::LAST);
            wording.template(name, tag(language)?)
        }
        None => {
            directory
                .wording(caller.organisation(), name, look.language.as_deref())
                .await?
        }
    };
    let refused =
        |error: crate::model::mail::template::TemplateError| DirectoryError::invalid("template", error.to_string());
    template.check().map_err(refused)?;
    Ok(Json(json!(template.preview().map_err(refused)?)))
}

fn parse(name: &str) -> Result<TemplateName, DirectoryError> {
    name.parse().map_err(|_| DirectoryError::not_found("template", name))
}

fn tag(text: &str) -> Result<String, DirectoryError> {
    let refused = || {
        DirectoryError::invalid(
            "language",
            format!("{text:?} is not a language tag, such as de or pt-br"),
        )
    };
    language::tag(text).ok_or_else(refused)
}

fn view(template: &MailTemplate) -> Value {
    let mut shown = json!(template);
    shown["builtin"] = json!(builtin(template.name, &template.language).as_ref() == Some(template));
    shown
}
