//! Published pages: prose that somebody wrote, with marked places for tables and charts.
//!
//! A place begins with `<!-- table: NAME -->` or `<!-- chart: NAME -->` on a line of its own and ends
//! with `<!-- end -->`; what is between them is written anew by each run.

const END: &str = "<!-- end -->";

/// What stands at a place.
#[derive(Debug, PartialEq)]
pub enum Place<'a> {
    /// A table of this name.
    Table(&'a str),
    /// A chart of this name.
    Chart(&'a str),
}

/// `text` with new contents in all places.
///
/// # Errors
///
/// What `content` says, and where a place does not end or an end has no place.
pub fn fill(
    text: &str,
    content: impl Fn(Place<'_>) -> Result<String, String>,
) -> Result<String, String> {
    let mut filled = String::new();
    let mut lines = (1..).zip(text.lines());
    while let Some((number, line)) = lines.next() {
        filled += line;
        filled.push('\n');
        let Some(place) = place(line) else {
            if line.trim() == END {
                return Err(format!("line {number}: an end without a beginning"));
            }
            continue;
        };
        let new = content(place).map_err(|why| format!("line {number}: {why}"))?;
        if lines.find(|(_, line)| line.trim() == END).is_none() {
            return Err(format!("line {number}: no `{END}` follows"));
        }
        filled += &format!("\n{}\n\n{END}\n", new.trim());
    }
    Ok(filled)
}

fn place(line: &str) -> Option<Place<'_>> {
    let inner = line.trim().strip_prefix("<!--")?.strip_suffix("-->")?;
    let (kind, name) = inner.trim().split_once(": ")?;
    match kind {
        "table" => Some(Place::Table(name)),
        "chart" => Some(Place::Chart(name)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_names(place: Place<'_>) -> Result<String, String> {
        match place {
            Place::Table("latency") => Ok("| new |\n".into()),
            Place::Chart("tail") => Ok("![Tail](tail.svg)".into()),
            other => Err(format!("{other:?} is nothing")),
        }
    }

    #[test]
    fn places_are_filled_and_prose_stays() {
        let text = "# Page\n\n<!-- table: latency -->\nold\n<!-- end -->\nprose\n\n\
                    <!-- chart: tail -->\n<!-- end -->\n";
        let expected = "# Page\n\n<!-- table: latency -->\n\n| new |\n\n<!-- end -->\nprose\n\n\
                        <!-- chart: tail -->\n\n![Tail](tail.svg)\n\n<!-- end -->\n";
        let filled = fill(text, with_names).unwrap();
        assert_eq!(filled, expected);
        assert_eq!(fill(&filled, with_names).unwrap(), expected);
    }

    #[test]
    fn a_place_that_nobody_fills_is_an_error_with_its_line() {
        let unknown = fill("\n<!-- table: x -->\n<!-- end -->\n", with_names);
        assert_eq!(unknown.unwrap_err(), "line 2: Table(\"x\") is nothing");
        let open = fill("<!-- table: latency -->\nprose\n", with_names);
        assert!(open.unwrap_err().contains("no `<!-- end -->` follows"));
        let stray = fill("prose\n<!-- end -->\n", with_names);
        assert!(stray.unwrap_err().starts_with("line 2:"));
    }
}
