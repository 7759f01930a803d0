//! Relative links in Markdown lead somewhere.

use std::collections::BTreeSet;

/// The links of one Markdown file that lead to nothing among `files`.
pub(crate) fn check(path: &str, text: &str, files: &BTreeSet<String>) -> Vec<String> {
    let mut findings = Vec::new();
    let mut fenced = false;
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        for target in targets(&without_code(line)) {
            if is_elsewhere(target) {
                continue;
            }
            let found = resolve(path, target).is_some_and(|place| exists(&place, files));
            if !found {
                findings.push(format!(
                    "{path}:{}: the link to {target} leads nowhere",
                    index + 1
                ));
            }
        }
    }
    findings
}

/// Code between backticks is no link.
fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect::<Vec<_>>().join("`")
}

/// Targets of `[text](target "title")`, `[name]: target` and `src="target"` or `href="target"`.
fn targets(line: &str) -> Vec<&str> {
    let mut targets = Vec::new();
    for (start, end) in [("](", ')'), ("src=\"", '"'), ("href=\"", '"')] {
        for (at, _) in line.match_indices(start) {
            let rest = &line[at + start.len()..];
            targets.extend(rest.split(end).next());
        }
    }
    if line.starts_with('[') {
        targets.extend(line.split_once("]: ").map(|(_, target)| target));
    }
    targets
        .into_iter()
        .filter_map(|target| target.split_whitespace().next())
        .map(|target| target.trim_start_matches('<').trim_end_matches('>'))
        .collect()
}

/// Another site, another place on the same page, or a footnote.
fn is_elsewhere(target: &str) -> bool {
    target.starts_with('#') || target.contains("://") || target.starts_with("mailto:")
}

/// The path from the root that `target` means in the file `from`; none if it leaves the work tree.
fn resolve(from: &str, target: &str) -> Option<String> {
    let target = target
        .split(['#', '?'])
        .next()
        .unwrap_or(target)
        .replace("%20", " ");
    let folder = from.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut parts: Vec<&str> = if target.starts_with('/') {
        Vec::new()
    } else {
        folder.split('/').collect()
    };
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.retain(|part| !part.is_empty());
                parts.pop()?;
            }
            _ => parts.push(part),
        }
    }
    parts.retain(|part| !part.is_empty());
    Some(parts.join("/"))
}

fn exists(place: &str, files: &BTreeSet<String>) -> bool {
    let below = format!("{place}/");
    place.is_empty()
        || files.contains(place)
        || files
            .range(below.clone()..)
            .next()
            .is_some_and(|file| file.starts_with(&below))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(path: &str, text: &str) -> usize {
        let files = [
            "README.md",
            "docs/map.md",
            "docs/decisions/0001.md",
            "docs/shot.png",
        ];
        check(path, text, &files.map(str::to_owned).into_iter().collect()).len()
    }

    #[test]
    fn links_to_files_and_folders_of_the_work_tree_are_fine() {
        assert_eq!(
            broken(
                "README.md",
                "[map](docs/map.md#top) ![a](docs/shot.png \"title\")"
            ),
            0
        );
        assert_eq!(
            broken(
                "docs/map.md",
                "[home](../README.md), [all](decisions/), [r](/README.md)"
            ),
            0
        );
        assert_eq!(
            broken("README.md", "<img src=\"docs/shot.png\" alt=\"\">"),
            0
        );
        assert_eq!(
            broken("README.md", "[web](https://example.com/x) [here](#there)"),
            0
        );
    }

    #[test]
    fn links_that_lead_nowhere_are_found() {
        assert_eq!(broken("README.md", "[map](map.md)"), 1);
        assert_eq!(broken("README.md", "[name]: docs/gone.md"), 1);
        assert_eq!(broken("docs/map.md", "[out](../../README.md)"), 1);
        assert_eq!(broken("README.md", "<img src=\"shot.png\">"), 1);
    }

    #[test]
    fn code_is_not_a_link() {
        assert_eq!(broken("README.md", "```\n[a](b)\n```\nand `[a](b)` too"), 0);
    }
}
