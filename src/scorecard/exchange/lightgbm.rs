//! LightGBM's text.
//!
//! Values are double precision, and *up to and including* goes left. Each column has one of three kinds of missing: none
//! (NaN is then read as zero), zero, or NaN.

use std::collections::HashMap;

use crate::error::Error;
use crate::error::Result;
use crate::scorecard::exchange::trees::MissingRule;
use crate::scorecard::exchange::trees::Node;
use crate::scorecard::exchange::trees::Raw;
use crate::scorecard::exchange::trees::TreeEnsemble;

type Fields<'t> = HashMap<&'t str, &'t str>;

fn fields<'t>(lines: &[&'t str]) -> Fields<'t> {
    lines.iter().filter_map(|line| line.split_once('=')).map(|(key, value)| (key.trim(), value.trim())).collect()
}

fn field<'t>(fields: &Fields<'t>, name: &'static str) -> Result<&'t str> {
    fields.get(name).copied().ok_or_else(|| Error::unknown("field of the model", name))
}

fn list<T: std::str::FromStr>(fields: &Fields<'_>, name: &'static str) -> Result<Vec<T>> {
    let one = |text: &str| text.parse().map_err(|_| Error::invalid(name, text, "a number"));
    field(fields, name)?.split_whitespace().map(one).collect()
}

impl TreeEnsemble {
    /// Reads what LightGBM's `save_model("model.txt")` writes.
    ///
    /// # Errors
    /// [`Error::is_unsupported`] for another objective than `binary` or `cross_entropy`, several classes, nominal splits or linear leaves;
    /// [`Error::is_invalid`] or [`Error::is_unknown`] for text that is not such a model.
    pub fn from_lightgbm_text(text: &str) -> Result<Self> {
        let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
        let first_tree = lines.iter().position(|line| line.starts_with("Tree=")).unwrap_or(lines.len());
        let head = fields(&lines[..first_tree]);
        let objective = field(&head, "objective")?;
        let mut words = objective.split_whitespace();
        // Cross-entropy is the binary objective for labels between 0 and 1.
        if !matches!(words.next(), Some("binary" | "cross_entropy")) {
            return Err(Error::unsupported("objective", objective));
        }
        for (name, only) in [("num_class", "1"), ("num_tree_per_iteration", "1")] {
            let found = field(&head, name)?;
            if found != only {
                return Err(Error::unsupported(name, found));
            }
        }
        let names: Vec<String> = field(&head, "feature_names")?.split_whitespace().map(str::to_owned).collect();
        let width: usize = field(&head, "max_feature_idx")?
            .parse::<usize>()
            .map_err(|_| Error::invalid("max_feature_idx", "not a number", "a whole number"))?
            .saturating_add(1);
        if names.len() != width {
            return Err(Error::invalid("number of feature names", names.len(), format!("{width}")));
        }
        let mut raw = Raw::new("lightgbm", false, names);
        raw.scale = match words.find_map(|word| word.strip_prefix("sigmoid:")) {
            Some(slope) => slope.parse().map_err(|_| Error::invalid("sigmoid", slope, "a number"))?,
            None => 1.0,
        };
        let end = lines
            .iter()
            .position(|line| *line == "end of trees")
            .ok_or_else(|| Error::unknown("line of the model", "end of trees (the file is cut off)"))?;
        let mut rules: Vec<Option<MissingRule>> = vec![None; width];
        let starts: Vec<usize> = (first_tree..end).filter(|&line| lines[line].starts_with("Tree=")).collect();
        for (place, &start) in starts.iter().enumerate() {
            let stop = starts.get(place + 1).copied().unwrap_or(end);
            let tree = read_tree(&fields(&lines[start..stop]), &mut rules);
            raw.trees.push(tree.map_err(|error| error.at(format!("tree {place}")))?);
        }
        if lines[..first_tree].contains(&"average_output") && !raw.trees.is_empty() {
            raw.scale /= raw.trees.len() as f64;
        }
        raw.missing = rules.into_iter().map(Option::unwrap_or_default).collect();
        Self::try_from(raw)
    }
}

fn read_tree(tree: &Fields<'_>, rules: &mut [Option<MissingRule>]) -> Result<Vec<Node>> {
    if tree.get("is_linear").is_some_and(|linear| *linear != "0") {
        return Err(Error::unsupported("leaf", "linear"));
    }
    if tree.get("num_cat").is_some_and(|nominal| *nominal != "0") {
        return Err(Error::unsupported("split", "nominal"));
    }
    let leaves: Vec<f64> = list(tree, "leaf_value")?;
    let leaf =
        |value: f64| Node { column: 0, threshold: 0.0, missing_left: false, left: 0, right: 0, leaf: Some(value) };
    if leaves.len() == 1 {
        return Ok(vec![leaf(leaves[0])]);
    }
    let column: Vec<u32> = list(tree, "split_feature")?;
    let threshold: Vec<f64> = list(tree, "threshold")?;
    let decision: Vec<u32> = list(tree, "decision_type")?;
    let left: Vec<i64> = list(tree, "left_child")?;
    let right: Vec<i64> = list(tree, "right_child")?;
    let splits = column.len();
    if [threshold.len(), decision.len(), left.len(), right.len(), leaves.len().wrapping_sub(1)]
        .iter()
        .any(|&len| len != splits)
    {
        return Err(Error::invalid("lists of a tree", splits, "as many entries in each, one fewer than leaves"));
    }
    // Inner nodes first, then leaves; ~n is leaf n.
    let child = |value: i64| -> Result<u32> {
        let place = if value >= 0 { value } else { splits as i64 - 1 - value };
        u32::try_from(place).map_err(|_| Error::unknown("child", value))
    };
    let mut nodes = Vec::new();
    for node in 0..splits {
        if decision[node] & 1 != 0 {
            return Err(Error::unsupported("split", "nominal"));
        }
        let rule = match (decision[node] >> 2) & 3 {
            0 => MissingRule::NanIsZero,
            1 => MissingRule::ZeroOrNan,
            2 => MissingRule::Nan,
            other => return Err(Error::unsupported("kind of missing", other)),
        };
        let known = rules.get_mut(column[node] as usize).ok_or_else(|| Error::unknown("column", column[node]))?;
        if known.is_some_and(|known| known != rule) {
            return Err(Error::unsupported("column", "two kinds of missing in one column"));
        }
        *known = Some(rule);
        nodes.push(Node {
            column: column[node],
            threshold: threshold[node],
            missing_left: decision[node] & 2 != 0,
            left: child(left[node])?,
            right: child(right[node])?,
            leaf: None,
        });
    }
    nodes.extend(leaves.into_iter().map(leaf));
    Ok(nodes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scorecard::table::Table;

    const MODEL: &str = "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\nmax_feature_idx=1\n\
        objective=binary sigmoid:1\nfeature_names=age debt\n\nTree=0\nnum_leaves=3\nnum_cat=0\nsplit_feature=1 0\n\
        threshold=0.1 -1\ndecision_type=2 10\nleft_child=1 -2\nright_child=-1 -3\nleaf_value=0.5 -0.25 -0.75\n\
        is_linear=0\nshrinkage=1\n\n\nTree=1\nnum_leaves=1\nnum_cat=0\nleaf_value=0.125\n\nend of trees\n";

    fn margins(model: &str, debt: f64, age: f64) -> f64 {
        let mut table = Table::new(1);
        table.push_f64("age", vec![age]).unwrap();
        table.push_f64("debt", vec![debt]).unwrap();
        TreeEnsemble::from_lightgbm_text(model).unwrap().margins(&table).unwrap()[0]
    }

    #[test]
    fn up_to_and_including_goes_left_in_double_precision() {
        assert_eq!(margins(MODEL, 0.1, -1.0), -0.25 + 0.125);
        assert_eq!(margins(MODEL, 0.1_f64.next_up(), -1.0), 0.5 + 0.125);
        assert_eq!(margins(MODEL, 0.0, 3.0), -0.75 + 0.125);
    }

    #[test]
    fn a_column_without_missing_values_in_training_reads_nan_as_zero() {
        // decision_type 2: missing kind none, so NaN is 0, which is below 0.1.
        assert_eq!(margins(MODEL, f64::NAN, 3.0), margins(MODEL, 0.0, 3.0));
        let zero = MODEL.replace("decision_type=2 10", "decision_type=4 10");
        assert_eq!(margins(&zero, 0.0, 3.0), 0.5 + 0.125);
        assert_eq!(margins(&zero, f64::NAN, 3.0), 0.5 + 0.125);
        // decision_type 10: missing kind NaN, missing goes left.
        assert_eq!(margins(MODEL, 0.0, f64::NAN), -0.25 + 0.125);
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for (from, to) in [
            ("objective=binary", "objective=multiclass"),
            ("num_class=1", "num_class=3"),
            ("num_cat=0", "num_cat=1"),
            ("decision_type=2", "decision_type=1"),
            ("is_linear=0", "is_linear=1"),
            ("max_feature_idx=1", "max_feature_idx=7"),
            ("left_child=1 -2", "left_child=1"),
            ("split_feature=1 0", "split_feature=1 8"),
            ("end of trees", ""),
            ("leaf_value=0.5 -0.25 -0.75", "leaf_value=0.5 -0.25 nan"),
        ] {
            assert!(TreeEnsemble::from_lightgbm_text(&MODEL.replace(from, to)).is_err(), "{from} {to}");
        }
    }
}
