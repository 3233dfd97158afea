//! The table of routes. A router of the web framework does not tell what it serves; this one keeps a list beside it, from which
//! the OpenAPI document is made, so that the two cannot part.

use axum::Router;
use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{self, MethodRouter};

use crate::directory::Directory;

/// The handlers of one address, by method.
pub struct Methods {
    served: Vec<Method>,
    handlers: MethodRouter<Directory>,
}

macro_rules! methods {
    ($($name:ident $method:ident),*) => {
        $(
            #[doc = concat!("Answers ", stringify!($method), " with this handler.")]
            pub fn $name<H, T>(handler: H) -> Methods
            where
                H: Handler<T, Directory>,
                T: 'static,
            {
                Methods { served: vec![Method::$method], handlers: routing::$name(handler) }
            }
        )*

        impl Methods {
            $(
                #[doc = concat!("Answers ", stringify!($method), " as well.")]
                #[must_use]
                pub fn $name<H, T>(mut self, handler: H) -> Self
                where
                    H: Handler<T, Directory>,
                    T: 'static,
                {
                    self.served.push(Method::$method);
                    Self { handlers: self.handlers.$name(handler), ..self }
                }
            )*
        }
    };
}

methods!(get GET, post POST, put PUT, patch PATCH, delete DELETE);

/// One method of one address, with the address as OpenAPI writes it: `/organisations/{org}/users`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Served {
    /// The method.
    pub method: Method,
    /// The address, relative to `/api/v1`.
    pub path: String,
}

/// Routes, and the list of what they serve.
#[derive(Default)]
pub struct Routes {
    router: Router<Directory>,
    served: Vec<Served>,
}

impl Routes {
    /// None.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// One more address.
    #[must_use]
    pub fn route(mut self, path: &str, methods: Methods) -> Self {
        let entries = methods.served.into_iter().map(|method| Served {
            method,
            path: path.to_owned(),
        });
        self.served.extend(entries);
        Self {
            router: self.router.route(path, methods.handlers),
            ..self
        }
    }

    /// Others beside these.
    #[must_use]
    pub fn merge(mut self, others: Self) -> Self {
        self.served.extend(others.served);
        Self {
            router: self.router.merge(others.router),
            ..self
        }
    }

    /// Others under a prefix; their `/` is the prefix itself.
    #[must_use]
    pub fn nest(mut self, prefix: &str, others: Self) -> Self {
        let entries = others.served.into_iter().map(|served| Served {
            path: format!("{prefix}{}", served.path.trim_end_matches('/')),
            ..served
        });
        self.served.extend(entries);
        Self {
            router: self.router.nest(prefix, others.router),
            ..self
        }
    }

    /// What is served.
    #[must_use]
    pub fn served(&self) -> &[Served] {
        &self.served
    }

    /// The router that serves it.
    pub fn into_router(self) -> Router<Directory> {
        self.router
    }
}
