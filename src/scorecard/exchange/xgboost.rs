//! XGBoost's JSON.
//!
//! Values and thresholds are single precision, and *less than* goes left; `default_left` is where missing values go;
//! `base_score` is a list in text and a probability, not a margin. A model that scikit-learn's wrapper stopped early
//! predicts with its best iterations only.

use serde_json::Value;

use crate::elementary::ln;
use crate::error::Error;
use crate::error::Result;
use crate::scorecard::exchange::trees::Node;
use crate::scorecard::exchange::trees::Raw;
use crate::scorecard::exchange::trees::TreeEnsemble;

fn at<'v>(value: &'v Value, path: &str) -> Result<&'v Value> {
    path.split('/')
        .try_fold(value, |value, key| value.get(key))
        .ok_or_else(|| Error::unknown("field of the model", path))
}

fn text(value: &Value, path: &str) -> Result<String> {
    match at(value, path)? {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        other => Err(Error::invalid(path.to_owned(), other, "text or a number")),
    }
}

fn list<T>(tree: &Value, name: &'static str, read: impl Fn(&Value) -> Option<T>) -> Result<Vec<T>> {
    let values = at(tree, name)?.as_array().ok_or_else(|| Error::invalid(name, "not a list", "a list"))?;
    values.iter().map(|value| read(value).ok_or_else(|| Error::invalid(name, value, "a number"))).collect()
}

fn whole(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_bool().map(i64::from))
}

/// `[5.2E-1]` or `5.2E-1`.
fn base_score(text: &str) -> Result<f64> {
    let bare = text.trim().trim_start_matches('[').trim_end_matches(']');
    let base = bare.parse::<f64>().map_err(|_| Error::invalid("base_score", text, "one number"))?;
    if base > 0.0 && base < 1.0 { Ok(base) } else { Err(Error::invalid("base_score", text, "a probability")) }
}

/// The margin a base score starts from, in XGBoost's single precision.
fn margin_of(base_score: f64) -> f64 {
    let odds_against = 1.0 / base_score as f32 - 1.0;
    f64::from(-ln(f64::from(odds_against)) as f32)
}

impl TreeEnsemble {
    /// Reads what XGBoost's `save_model("model.json")` writes.
    ///
    /// # Errors
    /// [`Error::is_unsupported`] for another booster than `gbtree`, another objective than `binary:logistic` or
    /// `reg:logistic`, nominal splits or vector leaves; [`Error::is_invalid`] or [`Error::is_unknown`] for text that is
    /// not such a model.
    pub fn from_xgboost_json(json: &str) -> Result<Self> {
        let model: Value =
            serde_json::from_str(json).map_err(|error| Error::invalid("XGBoost model", error, "JSON"))?;
        let objective = text(&model, "learner/objective/name")?;
        if objective != "binary:logistic" && objective != "reg:logistic" {
            return Err(Error::unsupported("objective", objective));
        }
        let booster = text(&model, "learner/gradient_booster/name")?;
        if booster != "gbtree" {
            return Err(Error::unsupported("booster", booster));
        }
        let parameters = at(&model, "learner/learner_model_param")?;
        let classes = text(parameters, "num_class")?;
        if classes != "0" && classes != "1" {
            return Err(Error::unsupported("num_class", classes));
        }
        let width: usize = text(parameters, "num_feature")?
            .parse()
            .map_err(|_| Error::invalid("num_feature", parameters, "a whole number"))?;
        let named: Vec<String> = model["learner"]["feature_names"]
            .as_array()
            .map(|names| names.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect())
            .unwrap_or_default();
        let names = match named.len() {
            0 if width < 65_000 => (0..width).map(|place| format!("f{place}")).collect(),
            found if found == width => named,
            found => return Err(Error::invalid("number of feature names", found, format!("{width}"))),
        };
        let mut raw = Raw::new("xgboost", true, names);
        raw.base = margin_of(base_score(&text(parameters, "base_score")?)?);
        let forest = at(&model, "learner/gradient_booster/model")?;
        let trees = at(forest, "trees")?.as_array().ok_or_else(|| Error::invalid("trees", "not a list", "a list"))?;
        let attributes = &model["learner"]["attributes"];
        let best = attributes["best_iteration"].as_str().and_then(|text| text.parse::<usize>().ok());
        let parallel = text(forest, "gbtree_model_param/num_parallel_tree").ok().and_then(|t| t.parse::<usize>().ok());
        let used = match best {
            Some(best) if attributes.get("scikit_learn").is_some() => {
                best.saturating_add(1).saturating_mul(parallel.unwrap_or(1).max(1)).min(trees.len())
            }
            _ => trees.len(),
        };
        for (place, tree) in trees[..used].iter().enumerate() {
            raw.trees.push(read_tree(tree).map_err(|error| error.at(format!("tree {place}")))?);
        }
        Self::try_from(raw)
    }
}

fn read_tree(tree: &Value) -> Result<Vec<Node>> {
    let left = list(tree, "left_children", whole)?;
    let right = list(tree, "right_children", whole)?;
    let column = list(tree, "split_indices", whole)?;
    let condition = list(tree, "split_conditions", Value::as_f64)?;
    let default_left = list(tree, "default_left", whole)?;
    let nominal = tree.get("split_type").and_then(Value::as_array);
    if nominal.is_some_and(|types| types.iter().any(|kind| whole(kind) != Some(0))) {
        return Err(Error::unsupported("split", "nominal"));
    }
    if tree["tree_param"]["size_leaf_vector"].as_str().is_some_and(|size| size != "0" && size != "1") {
        return Err(Error::unsupported("leaf", "a vector"));
    }
    let nodes = left.len();
    for (name, len) in [
        ("right_children", right.len()),
        ("split_indices", column.len()),
        ("split_conditions", condition.len()),
        ("default_left", default_left.len()),
    ] {
        if len != nodes {
            return Err(Error::invalid(name, len, format!("{nodes} entries, as left_children")));
        }
    }
    let place = |name: &'static str, value: i64| {
        u32::try_from(value).map_err(|_| Error::invalid(name, value, "a place in the list"))
    };
    (0..nodes)
        .map(|node| {
            let condition = condition[node] as f32;
            if left[node] < 0 {
                let leaf = Some(f64::from(condition));
                return Ok(Node { column: 0, threshold: 0.0, missing_left: false, left: 0, right: 0, leaf });
            }
            Ok(Node {
                column: place("split_indices", column[node])?,
                // Less than the threshold is up to the number before it.
                threshold: f64::from(condition.next_down()),
                missing_left: default_left[node] != 0,
                left: place("left_children", left[node])?,
                right: place("right_children", right[node])?,
                leaf: None,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scorecard::table::Table;

    fn model(edit: impl FnOnce(&mut Value)) -> String {
        let mut model = serde_json::json!({"learner": {
            "attributes": {}, "feature_names": ["age", "debt"],
            "gradient_booster": {"name": "gbtree", "model": {
                "gbtree_model_param": {"num_parallel_tree": "1"},
                "trees": [{
                    "left_children": [1, -1, -1], "right_children": [2, -1, -1], "split_indices": [1, 0, 0],
                    "split_conditions": [0.1, -0.5, 0.75], "default_left": [1, 0, 0], "split_type": [0, 0, 0],
                    "tree_param": {"size_leaf_vector": "1"}}]}},
            "learner_model_param": {"base_score": "[5E-1]", "num_class": "0", "num_feature": "2"},
            "objective": {"name": "binary:logistic"}}});
        edit(&mut model);
        model.to_string()
    }

    #[test]
    fn less_than_goes_left_in_single_precision() {
        let trees = TreeEnsemble::from_xgboost_json(&model(|_| {})).unwrap();
        let mut table = Table::new(4);
        table.push_f64("age", vec![0.0; 4]).unwrap();
        table.push_f64("debt", vec![f64::from(0.1_f32.next_down()), 0.1, 5.0, f64::NAN]).unwrap();
        assert_eq!(trees.margins(&table).unwrap(), [-0.5, 0.75, 0.75, -0.5]);
    }

    #[test]
    fn the_base_score_is_a_probability_in_a_list_in_text() {
        let text = model(|model| model["learner"]["learner_model_param"]["base_score"] = "[2.5E-1]".into());
        let trees = TreeEnsemble::from_xgboost_json(&text).unwrap();
        let mut table = Table::new(1);
        table.push_f32("age", vec![1.0]).unwrap();
        table.push_f32("debt", vec![0.0]).unwrap();
        // In single precision from the first sum on, as XGBoost adds.
        let start = f64::from(-3.0_f64.ln() as f32);
        assert_eq!(trees.margins(&table).unwrap()[0], f64::from((start - 0.5) as f32));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        let edits: [fn(&mut Value); 7] = [
            |m| m["learner"]["objective"]["name"] = "multi:softprob".into(),
            |m| m["learner"]["gradient_booster"]["name"] = "dart".into(),
            |m| m["learner"]["learner_model_param"]["num_class"] = "3".into(),
            |m| m["learner"]["learner_model_param"]["num_feature"] = "7".into(),
            |m| m["learner"]["gradient_booster"]["model"]["trees"][0]["split_type"] = serde_json::json!([1, 0, 0]),
            |m| m["learner"]["gradient_booster"]["model"]["trees"][0]["split_indices"] = serde_json::json!([9, 0, 0]),
            |m| {
                m["learner"]["gradient_booster"]["model"]["trees"][0]["right_children"] =
                    serde_json::json!([0, -1, -1]);
            },
        ];
        for edit in edits {
            assert!(TreeEnsemble::from_xgboost_json(&model(edit)).is_err());
        }
        assert!(TreeEnsemble::from_xgboost_json("{}").is_err() && TreeEnsemble::from_xgboost_json("tree").is_err());
    }
}
