//! From a filter as written to one whose every attribute, operator and value agree with the schema.

use super::term::{Node, Term, Test};
use super::{ElementFilter, ExternalTerm, Filter, FilterError, Literal, Operator, ResolvedFilter};
use crate::model::attribute::AttributePath;
use crate::model::deviation::{Deviation, Journal, Strictness};
use crate::model::fold::fold;
use crate::model::instant::instant;
use crate::model::schema::{Attribute, AttributeType, SchemaSet};

impl Filter {
    /// Checks the filter against the schemas of a resource type.
    ///
    /// # Errors
    ///
    /// [`FilterError::UnknownAttribute`], [`FilterError::Sensitive`], or a mismatch of attribute, operator and value; on a
    /// strict connection also what a lenient one tolerates.
    pub fn resolve(&self, schemas: &SchemaSet, strictness: Strictness) -> Result<ResolvedFilter, FilterError> {
        let mut journal = Journal::new(strictness);
        let root = Scope::Resource(schemas).node(&mut journal, self)?;
        Ok(ResolvedFilter {
            root,
            schemas: schemas.clone(),
            deviations: journal.into_deviations(),
        })
    }

    /// Checks the filter of a value path against the attribute in front of the brackets.
    ///
    /// # Errors
    ///
    /// As for [`Filter::resolve`].
    pub(crate) fn resolve_elements(
        &self,
        journal: &mut Journal,
        attribute: &Attribute,
    ) -> Result<ElementFilter, FilterError> {
        let root = Scope::Elements(attribute).node(journal, self)?;
        Ok(ElementFilter {
            filter: Box::new(self.clone()),
            root: Box::new(root),
        })
    }
}

/// What the names in a filter refer to.
#[derive(Clone, Copy)]
enum Scope<'a> {
    /// The attributes of a resource.
    Resource(&'a SchemaSet),
    /// The sub-attributes of an element; of a simple element, its `value`.
    Elements(&'a Attribute),
}

/// An attribute that a filter names.
struct Found<'a> {
    path: AttributePath,
    /// The attribute in front of the dot.
    attribute: &'a Attribute,
    leaf: &'a Attribute,
    is_edge: bool,
}

impl<'a> Scope<'a> {
    fn node(self, journal: &mut Journal, filter: &Filter) -> Result<Node, FilterError> {
        match filter {
            Filter::And(parts) => Ok(Node::And(self.nodes(journal, parts)?)),
            Filter::Or(parts) => Ok(Node::Or(self.nodes(journal, parts)?)),
            Filter::Not(part) => Ok(Node::Not(Box::new(self.node(journal, part)?))),
            Filter::Present { path, at } => Ok(present(self.find(journal, path, at.0)?, Test::Present)),
            Filter::Compare {
                path,
                operator,
                literal,
                at,
            } => {
                let found = self.find(journal, path, at.0)?.comparable(journal, at.0)?;
                comparison(journal, found, *operator, literal, at.0)
            }
            Filter::Values {
                path,
                filter,
                at,
                sub_after,
            } => {
                let found = self.find(journal, path, at.0)?;
                if sub_after.0 {
                    let attribute = found.path.to_string();
                    let refusal = FilterError::SubAfterBrackets {
                        at: at.0,
                        attribute: attribute.clone(),
                    };
                    journal.tolerate(Deviation::SubAfterBrackets { attribute }, refusal)?;
                }
                self.values(journal, found, filter, at.0)
            }
        }
    }

    fn nodes(self, journal: &mut Journal, parts: &[Filter]) -> Result<Vec<Node>, FilterError> {
        parts.iter().map(|part| self.node(journal, part)).collect()
    }

    fn values(self, journal: &mut Journal, found: Found<'_>, filter: &Filter, at: usize) -> Result<Node, FilterError> {
        let holds_elements = matches!(self, Self::Resource(_)) && found.path.sub.is_none();
        if !holds_elements || !(found.attribute.is_complex() || found.attribute.multi_valued) {
            return Err(FilterError::NotComplex {
                at,
                attribute: found.path.to_string(),
            });
        }
        let filter = Box::new(Scope::Elements(found.attribute).node(journal, filter)?);
        if found.is_edge {
            return Ok(Node::External(ExternalTerm {
                attribute: found.path,
                filter: Some(filter),
                or_absent: false,
            }));
        }
        Ok(Node::Values {
            path: found.path,
            filter,
        })
    }

    fn find(self, journal: &mut Journal, path: &AttributePath, at: usize) -> Result<Found<'a>, FilterError> {
        let unknown = || FilterError::UnknownAttribute {
            at,
            attribute: path.to_string(),
        };
        let found = match self {
            Self::Resource(schemas) => {
                let resolved = schemas.resolve(path).ok_or_else(unknown)?;
                if resolved.extension.is_some() && path.schema.is_none() {
                    let attribute = path.to_string();
                    let refusal = FilterError::Unqualified {
                        at,
                        attribute: attribute.clone(),
                        canonical: resolved.path().to_string(),
                    };
                    journal.tolerate(Deviation::UnqualifiedAttribute { attribute }, refusal)?;
                }
                let is_edge = resolved.extension.is_none() && schemas.is_edge(&resolved.attribute.name);
                let leaf = resolved.sub.unwrap_or(resolved.attribute);
                Found {
                    path: resolved.path(),
                    attribute: resolved.attribute,
                    leaf,
                    is_edge,
                }
            }
            Self::Elements(parent) => {
                if path.schema.is_some() || path.sub.is_some() {
                    return Err(unknown());
                }
                let leaf = if parent.is_complex() {
                    parent.sub_attribute(&path.name).ok_or_else(unknown)?
                } else if path.name.eq_ignore_ascii_case("value") {
                    parent
                } else {
                    return Err(unknown());
                };
                let name = if parent.is_complex() {
                    leaf.name.as_str()
                } else {
                    "value"
                };
                Found {
                    path: AttributePath::core(name),
                    attribute: leaf,
                    leaf,
                    is_edge: false,
                }
            }
        };
        if found.attribute.is_secret() || found.leaf.is_secret() {
            return Err(FilterError::Sensitive {
                at,
                attribute: found.path.to_string(),
            });
        }
        Ok(found)
    }
}

impl Found<'_> {
    /// A bare multi-valued attribute stands for its `value`, as RFC 7644 section 3.4.2.2 itself writes `emails co "..."`. For
    /// a single complex one, such as `manager eq "..."`, the section asks for a sub-attribute.
    fn comparable(self, journal: &mut Journal, at: usize) -> Result<Self, FilterError> {
        if !self.leaf.is_complex() {
            return Ok(self);
        }
        let needed = |example: Option<&Attribute>| FilterError::SubAttributeNeeded {
            at,
            attribute: self.path.to_string(),
            example: example.map(|sub| sub.name.clone()).unwrap_or_default(),
        };
        let Some(value) = self.leaf.sub_attribute("value") else {
            return Err(needed(self.leaf.sub_attributes.first()));
        };
        if !self.leaf.multi_valued {
            let attribute = self.path.to_string();
            journal.tolerate(Deviation::BareComplex { attribute }, needed(Some(value)))?;
        }
        Ok(Self {
            path: self.path.child(&value.name),
            leaf: value,
            ..self
        })
    }
}

/// `pr`, `eq null` and `ne null`.
fn present(found: Found<'_>, test: Test) -> Node {
    if !found.is_edge {
        return Node::Term(Term {
            path: found.path,
            test,
            literal: Literal::Null,
            case_exact: true,
            absent_is_false: false,
        });
    }
    let filter = found.path.sub.as_ref().map(|sub| {
        Box::new(Node::Term(Term {
            path: AttributePath::core(sub),
            test: Test::Present,
            literal: Literal::Null,
            case_exact: true,
            absent_is_false: false,
        }))
    });
    let any = Node::External(ExternalTerm {
        attribute: found.path.parent(),
        filter,
        or_absent: false,
    });
    if test == Test::Absent {
        Node::Not(Box::new(any))
    } else {
        any
    }
}

fn comparison(
    journal: &mut Journal,
    found: Found<'_>,
    operator: Operator,
    literal: &Literal,
    at: usize,
) -> Result<Node, FilterError> {
    if *literal == Literal::Null {
        return match operator {
            Operator::Eq => Ok(present(found, Test::Absent)),
            Operator::Ne => Ok(present(found, Test::Present)),
            _ => Err(value_mismatch(&found, literal, at)),
        };
    }
    let (test, literal) = typed(journal, &found, operator, literal, at)?;
    let or_absent = test.holds_when_absent();
    let name = found.path.sub.clone().unwrap_or_else(|| found.path.name.clone());
    let term = Term {
        path: if found.is_edge {
            AttributePath::core(&name)
        } else {
            found.path.clone()
        },
        test,
        literal,
        case_exact: found.leaf.compares_exactly(),
        // RFC 7643 section 2.4: if not specified, "primary" is assumed to be false.
        absent_is_false: name == "primary" && found.leaf.type_ == AttributeType::Boolean,
    };
    if found.is_edge {
        let filter = Some(Box::new(Node::Term(term)));
        return Ok(Node::External(ExternalTerm {
            attribute: found.path.parent(),
            filter,
            or_absent,
        }));
    }
    Ok(Node::Term(term))
}

/// The test for the attribute's type, and the literal in that type.
fn typed(
    journal: &mut Journal,
    found: &Found<'_>,
    operator: Operator,
    literal: &Literal,
    at: usize,
) -> Result<(Test, Literal), FilterError> {
    let type_ = found.leaf.type_;
    let fits = match type_ {
        AttributeType::String | AttributeType::Reference | AttributeType::DateTime => true,
        AttributeType::Decimal | AttributeType::Integer => !operator.is_part(),
        // RFC 7644 section 3.4.2.2: an order on boolean and binary attributes is an invalidFilter.
        AttributeType::Boolean | AttributeType::Binary | AttributeType::Complex => {
            !operator.is_part() && !operator.is_order()
        }
    };
    if !fits {
        return Err(FilterError::OperatorMismatch {
            at,
            attribute: found.path.to_string(),
            operator,
            type_,
        });
    }
    let mismatch = || value_mismatch(found, literal, at);
    let test = match (type_, literal) {
        (AttributeType::Boolean, _) => {
            let boolean = boolean(literal).ok_or_else(mismatch)?;
            if let Literal::String(text) = literal {
                let deviation = Deviation::BooleanText {
                    attribute: found.path.to_string(),
                    text: text.clone(),
                };
                journal.tolerate(deviation, mismatch())?;
            }
            return Ok((Test::Boolean { operator, boolean }, Literal::Boolean(boolean)));
        }
        (AttributeType::Decimal | AttributeType::Integer, Literal::Number(number)) => Test::Number {
            operator,
            number: number.clone(),
        },
        (AttributeType::DateTime, Literal::String(text)) if !operator.is_part() => Test::Instant {
            operator,
            instant: instant(text).ok_or_else(mismatch)?,
        },
        (
            AttributeType::String | AttributeType::Reference | AttributeType::Binary | AttributeType::DateTime,
            Literal::String(text),
        ) => {
            let exact = found.leaf.compares_exactly();
            Test::Text {
                operator,
                text: if exact { text.clone() } else { fold(text).into_owned() },
                exact,
            }
        }
        _ => return Err(mismatch()),
    };
    Ok((test, literal.clone()))
}

/// `true`, `false`, and `"True"` or `"False"` as some clients write them.
fn boolean(literal: &Literal) -> Option<bool> {
    match literal {
        Literal::Boolean(boolean) => Some(*boolean),
        Literal::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Literal::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
        Literal::String(_) | Literal::Number(_) | Literal::Null => None,
    }
}

/// Numbers are in quotation marks as texts are: the request journal masks what stands in them.
fn value_mismatch(found: &Found<'_>, literal: &Literal, at: usize) -> FilterError {
    let shown = match literal {
        Literal::String(text) => format!("{:?}", text.chars().take(60).collect::<String>()),
        Literal::Number(number) => format!("the number \"{number}\""),
        Literal::Boolean(_) | Literal::Null => literal.to_string(),
    };
    FilterError::ValueMismatch {
        at,
        attribute: found.path.to_string(),
        type_: found.leaf.type_,
        found: shown,
    }
}
