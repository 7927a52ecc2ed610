"""The peers of `benchmarks.learning`, each behind two verbs: fit, and the log-odds of a table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from salus.learning import score
from salus.learning.calibrate import logit_of
from salus.learning.stack import folds

# Settings that LightGBM is chosen from, by cross-validation on the training part (folds by person).
GRID = [
    {"num_leaves": leaves, "learning_rate": rate, "feature_fraction": share, "min_child_samples": least}
    for leaves, rate, share, least in (
        (8, 0.02, 0.1, 20), (8, 0.03, 0.3, 40), (16, 0.02, 0.2, 40), (31, 0.03, 0.3, 60), (4, 0.03, 0.2, 20),
        (63, 0.03, 0.3, 100),
    )
]  # fmt: skip
MOST_ROUNDS = 1500


@dataclass
class Salus:
    """Our own. out_of_fold: the log-odds of the training cases, by models that did not see the person."""

    artefact: Any
    out_of_fold: Any

    def logits(self, frame: pl.DataFrame) -> Any:
        return score.table(self.artefact, frame)[1]


@dataclass
class Peer:
    """A library's model on numbers (levels as codes). risk: its probabilities of a matrix."""

    table: Any
    risk: Callable[[Any], Any]
    booster: Any = None

    def logits(self, frame: pl.DataFrame) -> Any:
        return logit_of(np.clip(self.risk(self.table(frame)), 1e-7, 1 - 1e-7))

    def explained(self, frame: pl.DataFrame) -> list[Callable[[], Any]]:
        """Return calls that predict and explain one row each, by TreeSHAP."""
        rows = self.table(frame.head(200))

        def one(row: Any) -> Callable[[], Any]:
            return lambda: (self.booster.predict(row), self.booster.predict(row, pred_contrib=True))

        return [one(rows[at : at + 1]) for at in range(len(rows))]


def peers(learn: Any, task: Any) -> dict[str, Callable[[], Peer]]:
    """Return a function for each peer that fits it on the training cases."""
    codes, levels = _coded(learn.values)
    x, y = codes(learn.values), np.array(learn.outcomes)
    fold = folds(y, _numbered(learn.persons), 5, 1)
    return {
        "lightgbm": lambda: _lightgbm(codes, x, y, fold, levels),
        "xgboost": lambda: _xgboost(codes, x, y, fold),
        "hist_gradient_boosting": lambda: _hist(codes, x, y, levels),
        "logistic_regression": lambda: _logistic(learn.values, y),
    }


def _numbered(persons: list[str]) -> Any:
    return np.unique(np.array(persons, dtype=object), return_inverse=True)[1]


def _coded(frame: pl.DataFrame) -> tuple[Callable[[pl.DataFrame], Any], list[int]]:
    """Return what makes a matrix of a table, and which of its columns are levels."""
    names = {
        name: {level: code for code, level in enumerate(sorted(frame[name].drop_nulls().unique()))}
        for name in frame.columns
        if frame[name].dtype == pl.String
    }

    def matrix(table: pl.DataFrame) -> Any:
        columns = [
            np.array([names[name].get(one, np.nan) for one in table[name]], dtype=float)
            if name in names
            else table[name].to_numpy()
            for name in frame.columns
        ]
        return np.column_stack(columns)

    return matrix, [at for at, name in enumerate(frame.columns) if name in names]


def _lightgbm(codes: Any, x: Any, y: Any, fold: Any, levels: list[int]) -> Peer:
    import lightgbm

    fixed = {"objective": "binary", "metric": "auc", "verbose": -1, "num_threads": 1, "seed": 1,
             "lambda_l2": 5.0, "bagging_fraction": 0.8, "bagging_freq": 1, "cat_smooth": 50}  # fmt: skip
    splits = [(np.flatnonzero(fold != held), np.flatnonzero(fold == held)) for held in range(fold.max() + 1)]

    def data() -> Any:
        return lightgbm.Dataset(x, y, categorical_feature=levels, free_raw_data=False)

    grid = GRID if len(y) < 20_000 else GRID[1::2]
    best: tuple[float, int, dict[str, Any]] = (0.0, 0, {})
    for asked in grid:
        done = lightgbm.cv(
            {**fixed, **asked},
            data(),
            MOST_ROUNDS,
            folds=splits,
            callbacks=[lightgbm.early_stopping(50, verbose=False)],
        )
        reached = done["valid auc-mean"]
        best = max(best, (max(reached), len(reached), asked), key=lambda one: one[0])
    booster = lightgbm.train({**fixed, **best[2]}, data(), max(best[1], 10))
    return Peer(codes, booster.predict, booster)


def _xgboost(codes: Any, x: Any, y: Any, fold: Any) -> Peer:
    import xgboost

    asked = {
        "objective": "binary:logistic", "eval_metric": "auc", "eta": 0.03, "max_depth": 4, "subsample": 0.8,
        "colsample_bytree": 0.2, "min_child_weight": 5, "lambda": 5.0, "nthread": 1, "seed": 1,
    }  # fmt: skip
    splits = [(np.flatnonzero(fold != held), np.flatnonzero(fold == held)) for held in range(fold.max() + 1)]
    data = xgboost.DMatrix(x, y)
    done = xgboost.cv(asked, data, MOST_ROUNDS, folds=splits, early_stopping_rounds=50, as_pandas=False)
    booster = xgboost.train(asked, data, len(done["test-auc-mean"]))
    return Peer(codes, lambda table: booster.predict(xgboost.DMatrix(table)))


def _hist(codes: Any, x: Any, y: Any, levels: list[int]) -> Peer:
    from sklearn.ensemble import HistGradientBoostingClassifier

    few = [at for at in levels if np.nanmax(x[:, at], initial=0) < 255]
    model = HistGradientBoostingClassifier(
        learning_rate=0.03, max_iter=600, max_leaf_nodes=15, l2_regularization=5.0, early_stopping=True,
        categorical_features=few, random_state=1,
    )  # fmt: skip
    model.fit(x, y)
    return Peer(codes, lambda table: model.predict_proba(table)[:, 1])


def _logistic(frame: pl.DataFrame, y: Any) -> Peer:
    """Scaled, the median where nothing was measured and a mark that nothing was; levels one by one."""
    from sklearn.compose import make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, QuantileTransformer

    numbers = [at for at, name in enumerate(frame.columns) if frame[name].dtype != pl.String]
    levels = [at for at, name in enumerate(frame.columns) if frame[name].dtype == pl.String]

    def objects(table: pl.DataFrame) -> Any:
        columns = [
            table[name].fill_null("none") if at in levels else table[name]
            for at, name in enumerate(frame.columns)
        ]
        return np.column_stack([one.to_numpy().astype(object) for one in columns])

    number = make_pipeline(
        QuantileTransformer(n_quantiles=200, output_distribution="normal", subsample=20_000, random_state=1),
        SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True),
    )
    parts = make_column_transformer(
        (number, numbers), (OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=20), levels)
    )
    model = make_pipeline(parts, LogisticRegression(C=0.01 if len(y) < 20_000 else 0.1, max_iter=2000))
    model.fit(objects(frame), y)
    return Peer(objects, lambda table: model.predict_proba(table)[:, 1])
