//! What may stand on a whiteboard, a canvas or a sheet: kinds of objects, and fields with their types.

use crate::document::DocumentType;
use crate::limits::Limits;
use crate::operation::Operation;
use crate::value::{FieldName, Value, Write};

/// The schema of one type of document.
#[derive(Debug)]
pub struct Schema {
    /// Words for what an object may be.
    pub kinds: &'static [&'static str],
    /// The fields that an object may have, whatever it is.
    pub fields: &'static [FieldRule],
}

/// The rule for one field.
#[derive(Clone, Copy, Debug)]
pub struct FieldRule {
    /// Its name.
    pub name: &'static str,
    /// What it may hold.
    pub holds: FieldType,
    /// Whether it is about looks: [`Operation::Style`] writes these alone.
    pub is_style: bool,
}

/// What a field may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FieldType {
    /// [`Value::Boolean`].
    Boolean,
    /// [`Value::Number`] or [`Value::Integer`].
    Number,
    /// A number that is not negative.
    Extent,
    /// A number from 0 to 1.
    Share,
    /// [`Value::Text`], replaced as a whole.
    Text,
    /// [`Value::Points`].
    Points,
    /// [`Value::Set`].
    Set,
    /// [`Value::Integer`] that operations add to.
    Counter,
    /// Boolean, number or text.
    Scalar,
    /// Text that several people edit at once, by [`Operation::Text`] alone.
    SharedText,
}

const fn field(name: &'static str, holds: FieldType) -> FieldRule {
    FieldRule {
        name,
        holds,
        is_style: false,
    }
}

const fn style(name: &'static str, holds: FieldType) -> FieldRule {
    FieldRule {
        name,
        holds,
        is_style: true,
    }
}

/// Fields of everything that has a place on a surface.
macro_rules! surface_fields {
    ($($more:expr),* $(,)?) => {
        &[
            field("x", FieldType::Number),
            field("y", FieldType::Number),
            field("width", FieldType::Extent),
            field("height", FieldType::Extent),
            field("rotation", FieldType::Number),
            field("order", FieldType::Number),
            field("parent", FieldType::Text),
            field("label", FieldType::SharedText),
            field("title", FieldType::Text),
            field("source", FieldType::Text),
            field("tags", FieldType::Set),
            field("votes", FieldType::Counter),
            field("locked", FieldType::Boolean),
            style("fill", FieldType::Text),
            style("stroke", FieldType::Text),
            style("stroke_width", FieldType::Extent),
            style("stroke_dash", FieldType::Text),
            style("opacity", FieldType::Share),
            style("corner_radius", FieldType::Extent),
            style("font", FieldType::Text),
            style("font_size", FieldType::Extent),
            style("color", FieldType::Text),
            style("align", FieldType::Text),
            $($more),*
        ]
    };
}

static WHITEBOARD: Schema = Schema {
    kinds: &[
        "rectangle",
        "ellipse",
        "triangle",
        "line",
        "arrow",
        "path",
        "text",
        "note",
        "image",
        "group",
    ],
    fields: surface_fields![field("points", FieldType::Points)],
};

static CANVAS: Schema = Schema {
    kinds: &["node", "edge", "group", "text", "image", "link"],
    fields: surface_fields![
        field("from", FieldType::Text),
        field("to", FieldType::Text),
        field("from_side", FieldType::Text),
        field("to_side", FieldType::Text),
        field("data", FieldType::Text),
        field("points", FieldType::Points),
    ],
};

static SHEET: Schema = Schema {
    kinds: &["cell", "row", "column", "range", "chart"],
    fields: &[
        field("value", FieldType::Scalar),
        field("formula", FieldType::Text),
        field("note", FieldType::SharedText),
        field("order", FieldType::Number),
        field("from", FieldType::Text),
        field("to", FieldType::Text),
        field("data", FieldType::Text),
        field("x", FieldType::Number),
        field("y", FieldType::Number),
        field("width", FieldType::Extent),
        field("height", FieldType::Extent),
        field("hidden", FieldType::Boolean),
        field("tags", FieldType::Set),
        field("votes", FieldType::Counter),
        style("format", FieldType::Text),
        style("fill", FieldType::Text),
        style("color", FieldType::Text),
        style("bold", FieldType::Boolean),
        style("italic", FieldType::Boolean),
        style("align", FieldType::Text),
        style("font", FieldType::Text),
        style("font_size", FieldType::Extent),
    ],
};

impl DocumentType {
    /// The schema of its objects; `None` for a type whose content is Yjs.
    #[must_use]
    pub fn schema(self) -> Option<&'static Schema> {
        match self {
            Self::Text | Self::Richtext => None,
            Self::Whiteboard => Some(&WHITEBOARD),
            Self::Canvas => Some(&CANVAS),
            Self::Sheet => Some(&SHEET),
        }
    }
}

impl Schema {
    /// The rule for a field, if it may be there.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&'static FieldRule> {
        self.fields.iter().find(|rule| rule.name == name)
    }

    /// Checks everything in an operation that does not depend on the document.
    ///
    /// # Errors
    ///
    /// In words, what its author did wrong.
    pub(crate) fn check(&self, operation: &Operation, limits: &Limits) -> Result<(), String> {
        match operation {
            Operation::Create { kind, fields, .. } => {
                if !self.kinds.contains(&kind.as_str()) {
                    return Err(format!("no kind of object is called {kind:?}"));
                }
                check_count(fields.len(), limits)?;
                let mut fields = fields.iter();
                fields.try_for_each(|(name, value)| self.check_value(name, value, limits))
            }
            Operation::Update { writes, .. } => {
                check_count(writes.len(), limits)?;
                let mut writes = writes.iter();
                writes.try_for_each(|(name, write)| self.check_write(name, write, limits))
            }
            Operation::Style { fields, .. } => {
                check_count(fields.len(), limits)?;
                for (name, value) in fields {
                    if !self.rule(name)?.is_style {
                        return Err(format!("the field {name:?} is not about style"));
                    }
                    if let Some(value) = value {
                        self.check_value(name, value, limits)?;
                    }
                }
                Ok(())
            }
            Operation::Move { x, y, .. } => check_numbers(&[*x, *y]),
            Operation::Resize { width, height, .. } => {
                check_numbers(&[*width, *height])?;
                let negative = *width < 0.0 || *height < 0.0;
                let reason = "width and height must not be negative";
                (!negative).then_some(()).ok_or_else(|| reason.to_owned())
            }
            Operation::Delete { .. } => Ok(()),
            Operation::Text { target, .. } => {
                let Some(target) = target else {
                    return Err("the document has no text of its own: name an object".to_owned());
                };
                let is_text = self.rule(&target.field)?.holds == FieldType::SharedText;
                let reason = || format!("the field {:?} is not a shared text", target.field);
                is_text.then_some(()).ok_or_else(reason)
            }
        }
    }

    fn rule(&self, name: &FieldName) -> Result<&'static FieldRule, String> {
        self.field(name.as_str())
            .ok_or_else(|| format!("no field is called {:?}", name.as_str()))
    }

    fn check_write(&self, name: &FieldName, write: &Write, limits: &Limits) -> Result<(), String> {
        let holds = self.rule(name)?.holds;
        let fits = match write {
            Write::Set(value) => return self.check_value(name, value, limits),
            Write::Clear => holds != FieldType::SharedText,
            Write::Add(_) => holds == FieldType::Counter,
            Write::Unite { add, .. } => {
                check_count(add.len(), limits)?;
                holds == FieldType::Set
            }
        };
        let reason = || format!("the field {:?} cannot be written like that", name.as_str());
        fits.then_some(()).ok_or_else(reason)
    }

    /// Whether a field may have this value.
    ///
    /// # Errors
    ///
    /// In words, why not.
    pub(crate) fn check_value(
        &self,
        name: &FieldName,
        value: &Value,
        limits: &Limits,
    ) -> Result<(), String> {
        let holds = self.rule(name)?.holds;
        let fits = match value {
            Value::Boolean(_) => matches!(holds, FieldType::Boolean | FieldType::Scalar),
            Value::Integer(number) => match holds {
                FieldType::Number | FieldType::Counter | FieldType::Scalar => true,
                FieldType::Extent => *number >= 0,
                FieldType::Share => (0..=1).contains(number),
                _ => false,
            },
            Value::Number(number) => {
                check_numbers(&[*number])?;
                match holds {
                    FieldType::Number | FieldType::Scalar => true,
                    FieldType::Extent => *number >= 0.0,
                    FieldType::Share => (0.0..=1.0).contains(number),
                    _ => false,
                }
            }
            Value::Text(_) => matches!(holds, FieldType::Text | FieldType::Scalar),
            Value::Points(points) => {
                points
                    .iter()
                    .try_for_each(|(x, y)| check_numbers(&[*x, *y]))?;
                holds == FieldType::Points
            }
            Value::Set(words) => {
                check_count(words.len(), limits)?;
                holds == FieldType::Set
            }
        };
        if !fits {
            return Err(format!(
                "the field {:?} cannot hold this value",
                name.as_str()
            ));
        }
        let (bytes, max) = (value.weight(), limits.value_bytes_max);
        let reason = || format!("a value has at most {max} bytes, this one {bytes}");
        (bytes <= max).then_some(()).ok_or_else(reason)
    }
}

fn check_numbers(numbers: &[f64]) -> Result<(), String> {
    let finite = numbers.iter().all(|number| number.is_finite());
    let reason = || "a number must be finite".to_owned();
    finite.then_some(()).ok_or_else(reason)
}

fn check_count(count: usize, limits: &Limits) -> Result<(), String> {
    let max = limits.list_entries_max;
    let reason = || format!("at most {max} entries, got {count}");
    (count <= max).then_some(()).ok_or_else(reason)
}
