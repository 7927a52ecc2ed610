// Scores and explains a learnt additive model (docs/reference/artefact.md) where there is no server to ask: the
// twin of salus/learning/score.py and novelty.py, equal to them to 1e-9. In a page it is `Additive`; in Node it
// is what `require` returns. Values are given by feature name: a number, a level, or null (not measured).
"use strict";
const Additive = (() => {
  const FORMAT = "salus-additive/1";
  const BLANK = "0".repeat(64);
  const SHOWN = 3;
  // At so many quantiles a value that is not known is tried; a level that no artefact lists.
  const TRIED = 16;
  const OTHER = "";
  // Of fewer training cases without a value, or with another level, nothing was learnt.
  const UNHEARD = 30;

  const isThere = (value) => value !== null && value !== undefined && !Number.isNaN(value);
  const has = (object, name) => Object.prototype.hasOwnProperty.call(object, name);
  const total = (numbers) => numbers.reduce((sum, one) => sum + one, 0);

  // How many of the ascending `edges` are at most `value` (below it, where `under`).
  const countUpTo = (edges, value, under = false) => {
    let [low, high] = [0, edges.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (edges[middle] < value || (!under && edges[middle] === value)) low = middle + 1;
      else high = middle;
    }
    return low;
  };

  const probability = (logit) =>
    logit >= 0 ? 1 / (1 + Math.exp(-logit)) : Math.exp(logit) / (1 + Math.exp(logit));

  const line = ({ knots, heights }) => {
    if (!knots || knots.length === 0) return () => 0;
    return (value) => {
      const after = countUpTo(knots, value);
      if (after === 0 || after === knots.length) return heights[after === 0 ? 0 : after - 1];
      const rise = (heights[after] - heights[after - 1]) / (knots[after] - knots[after - 1]);
      return heights[after - 1] + rise * (value - knots[after - 1]);
    };
  };

  // What gives the row (or column) of a value in a pair: 0 where there is none; of a level the last, any other.
  const indexed = (edges) => {
    if (typeof edges[0] !== "string") return (value) => (value === null ? 0 : 1 + countUpTo(edges, value));
    const places = new Map(edges.map((level, at) => [level, at + 1]));
    return (value) => (value === null ? 0 : places.get(value) ?? edges.length + 1);
  };
  // Of no levels, a level is in row 1, the only other; of no edges a number is too.
  const indexedOf = (edges) => (edges.length ? indexed(edges) : (value) => (value === null ? 0 : 1));

  const lookedAlone = (term) => {
    if (term.levels) {
      const scores = new Map(term.levels.map((level, at) => [level, term.scores[at]]));
      return (given) => {
        const value = given[term.feature];
        return value === null ? term.missing : scores.get(value) ?? term.other;
      };
    }
    const along = line(term);
    return (given) => {
      const value = given[term.feature];
      return value === null ? term.missing : term.scores[countUpTo(term.edges, value)] + along(value);
    };
  };

  const looked = (term) => {
    if (!term.features) return lookedAlone(term);
    const [one, other] = term.features;
    const [row, column] = term.edges.map(indexedOf);
    return (given) => term.scores[row(given[one])][column(given[other])];
  };

  // Everything that a term can be; of a curve at both sides of where a piece of it ends.
  const every = (term) => {
    if (term.features) return term.scores.flat();
    if (term.levels) return [...term.scores, term.other, term.missing];
    const along = line(term);
    const ends = term.knots && term.knots.length ? [...term.knots, ...term.edges] : [];
    const beside = ends.flatMap((at) =>
      [true, false].map((under) => term.scores[countUpTo(term.edges, at, under)] + along(at)));
    return [...(ends.length ? beside : term.scores), term.missing];
  };

  const featuresOf = (term) => term.features ?? [term.feature];

  // Each parameter's part of a term: half of a pair to each feature, and in equal parts to what it is made of.
  const shares = (term, features) => featuresOf(term).flatMap((at) => {
    const names = features[at].parameters;
    return names.map((name) => [name, 1 / (featuresOf(term).length * names.length)]);
  });

  const givenOf = (features, used, values) => {
    const given = features.map(() => null);
    for (const at of used) {
      const { name, how } = features[at];
      if (!has(values, name) || values[name] === undefined) {
        throw new TypeError(`Feature '${name}' was not given: give null where it was not measured.`);
      }
      if (!isThere(values[name])) continue;
      if (typeof values[name] !== (how === "level" ? "string" : "number")) {
        throw new TypeError(`Feature '${name}' has to be ${how === "level" ? "a level (text)" : "a number"}.`);
      }
      given[at] = values[name];
    }
    return given;
  };

  // From which to which a term may go where the features `unknown` are not known, before calibration.
  const ends = (term, given, unknown) => {
    const free = featuresOf(term).map((at) => unknown.has(at));
    if (!free.includes(true)) {
      const added = looked(term)(given);
      return [added, added];
    }
    let among = every(term);
    if (free.includes(false)) {
      const [one, other] = term.features;
      const [row, column] = term.edges.map(indexedOf);
      among = free[0] ? term.scores.map((each) => each[column(given[other])]) : term.scores[row(given[one])];
    }
    return [Math.min(...among), Math.max(...among)];
  };

  // The greatest number below x.
  const below = (x) => {
    if (x === 0) return -Number.MIN_VALUE;
    const number = new Float64Array([x]);
    new BigInt64Array(number.buffer)[0] += x > 0 ? -1n : 1n;
    return number[0];
  };

  // A value inside each bin: the middle, or the end of one that has no other.
  const inside = (edges) => {
    if (edges.length === 0) return [0];
    const middles = edges.slice(1).map((edge, at) => edges[at] / 2 + edge / 2);
    return [below(edges[0]), ...middles, edges[edges.length - 1]];
  };

  const quantiles = (values, counts) => {
    let sum = 0;
    const upTo = counts.map((count) => (sum += count));
    if (!(sum > 0)) return [];
    return Array.from({ length: TRIED }, (_, n) =>
      values[Math.min(countUpTo(upTo, ((n + 0.5) / TRIED) * sum), values.length - 1)]);
  };

  // The values of a feature at quantiles of the training cases that had one; levels in the order of their
  // scores. A feature that only pairs look at has no counts: each bin alike.
  const tried = (terms, at) => {
    const alone = terms.find((term) => term.feature === at);
    if (alone && alone.levels) {
      const told = alone.levels.map((level, n) => [alone.scores[n], level, alone.counts[n + 1]])
        .sort((one, other) => one[0] - other[0] || (one[1] < other[1] ? -1 : 1));
      const counts = [...told.map((one) => one[2]), alone.counts[alone.counts.length - 1]];
      return quantiles([...told.map((one) => one[1]), OTHER], counts);
    }
    if (alone) return quantiles(inside(alone.edges), alone.counts.slice(1));
    const pair = terms.find((term) => term.features && term.features.includes(at));
    const edges = pair.edges[pair.features.indexOf(at)];
    const values = typeof edges[0] === "string" ? [...edges, OTHER] : inside(edges);
    return quantiles(values, values.map(() => 1));
  };

  const some = (names) => {
    const more = names.length - SHOWN;
    return names.slice(0, SHOWN).join(", ") + (more > 0 ? ` and ${more} more` : "");
  };

  const why = (novelty, outside, far, missing) => {
    const thousands = String(novelty.n).replace(/\B(?=(\d{3})+$)/g, ",");
    const cases = `the ${thousands} cases that the model learnt from`;
    if (far.length) return `${some(far)}: far outside anything in ${cases}. Check the value and its unit.`;
    if (outside.length > novelty.outside) {
      return `${outside.length} values (${some(outside)}) are outside what is usual in ${cases}.`;
    }
    if (missing.length > novelty.missing) {
      const parameters = Object.keys(novelty.parameters).length;
      return `${missing.length} of ${parameters} parameters were not measured (${some(missing)}): ` +
        "too few to judge by.";
    }
    return "";
  };

  // What is unlike the training cases, and why the model abstains ("": it need not). `hidden`: names of
  // parameters that are there and not shown.
  const judged = (novelty, values, hidden) => {
    const value = (name) => (has(values, name) ? values[name] : null);
    const isNumber = (name) => typeof value(name) === "number";
    const numbers = Object.entries(novelty.features).filter(([name, usual]) =>
      isNumber(name) && (value(name) < usual[1] || value(name) > usual[2]));
    const unseen = Object.entries(novelty.levels).filter(([name, levels]) =>
      isThere(value(name)) && !levels.includes(value(name)));
    const far = numbers.filter(([name, usual]) => {
      const reach = novelty.far * (usual[2] - usual[1]);
      return reach > 0 && (value(name) < usual[0] - reach || value(name) > usual[3] + reach);
    }).map(([name]) => name);
    const missing = Object.entries(novelty.parameters).filter(([name, among]) =>
      !hidden.has(name) && !among.some((one) => isThere(value(one)))).map(([name]) => name);
    const outside = [...numbers, ...unseen].map(([name]) => name);
    return { outside, far, missing, why: why(novelty, outside, far, missing) };
  };

  // A model that scores by one calibration and one threshold: the whole model's, or those of a group.
  const calibrated = (artefact, calibration, threshold) => {
    const { features, terms, conformal: sets } = artefact;
    const used = new Set(terms.flatMap(featuresOf));
    const lookUps = terms.map(looked);
    const base = calibration.slope * artefact.intercept + calibration.intercept;

    const score = (values) => {
      const given = givenOf(features, used, values);
      const added = lookUps.map((look) => calibration.slope * look(given));
      const logit = base + total(added);
      return { logit, probability: probability(logit), base, contributions: added.map((one, at) => [at, one]) };
    };
    const byParameter = (scored) => {
      const sums = new Map();
      for (const [at, one] of scored.contributions) {
        for (const [name, share] of shares(terms[at], features)) {
          sums.set(name, (sums.get(name) ?? 0) + one * share);
        }
      }
      return [...sums].sort((one, other) => Math.abs(other[1]) - Math.abs(one[1]));
    };
    const spans = (values, hidden) => {
      const given = givenOf(features, used, values);
      const among = new Set(hidden);
      const unknown = new Set([...used].filter((at) => features[at].parameters.some((name) => among.has(name))));
      const found = terms.map((term) => ends(term, given, unknown));
      return [0, 1].map((side) => probability(base + total(found.map((end) => calibration.slope * end[side]))));
    };
    const thereOf = (given) => new Set([...used].filter((at) => given[at] !== null && features[at].how !== "count")
      .flatMap((at) => features[at].parameters));
    // The parameters of which this case lacks what nearly all training cases had, or has what nearly none had.
    const unlearnt = (values) => {
      const given = givenOf(features, used, values);
      const there = thereOf(given);
      const few = terms.filter((term) => {
        if (term.features || !term.counts.some((count) => count > 0)) return false;
        const value = given[term.feature];
        if (value === null) return term.counts[0] < UNHEARD;
        return Boolean(term.levels) && term.counts[term.counts.length - 1] < UNHEARD && !term.levels.includes(value);
      });
      const named = few.flatMap(({ feature: at }) =>
        features[at].parameters.filter((name) => given[at] !== null || !there.has(name)));
      return [...new Set(named)].sort();
    };
    // Of each parameter that was not measured, how far its value would move the logit, on average; most first.
    const wouldChange = (values) => {
      const given = givenOf(features, used, values);
      const there = thereOf(given);
      const names = new Set(terms.flatMap((term) => featuresOf(term).flatMap((at) => features[at].parameters)));
      const moved = (name) => {
        const free = new Map([...used].filter((at) => given[at] === null &&
          features[at].parameters.includes(name) &&
          features[at].parameters.every((one) => one === name || there.has(one)))
          .map((at) => [at, tried(terms, at)]).filter(([, among]) => among.length));
        const looks = lookUps.filter((_, n) => featuresOf(terms[n]).some((at) => free.has(at)));
        const sum = (of) => calibration.slope * total(looks.map((look) => look(of)));
        const moves = Array.from({ length: TRIED }, (_, n) =>
          Math.abs(sum(given.map((one, at) => (free.has(at) ? free.get(at)[n] : one))) - sum(given)));
        return total(moves) / TRIED;
      };
      return [...names].filter((name) => !there.has(name)).map((name) => [name, moved(name)])
        .filter(([, one]) => one > 0).sort((one, other) => other[1] - one[1]);
    };
    const conformal = (chance) => Object.entries({ no: chance, yes: 1 - chance })
      .filter(([name, strangeness]) => strangeness <= sets.quantiles[name]).map(([name]) => name);
    const novelty = (values, hidden = []) => judged(artefact.novelty, values, new Set(hidden));
    return { artefact, threshold, score, byParameter, spans, unlearnt, wouldChange, conformal, novelty };
  };

  // A model that scores, of a document of the format. What `read` returns has been checked against its digest.
  // `of` gives what answers for a person of a group, the whole model for any that has nothing of its own;
  // `spansOfAll` is `spans` where the group is hidden too.
  const of = (artefact) => {
    if (artefact?.format !== FORMAT) throw new TypeError(`format: it has to be '${FORMAT}'. Fetch the file again.`);
    const whole = calibrated(artefact, artefact.calibration, artefact.threshold.value);
    const groups = new Map((artefact.apart?.groups ?? []).map((one) =>
      [one.group, calibrated(artefact, one.calibration, one.threshold)]));
    const spansOfAll = (values, hidden) => {
      const every = [whole, ...groups.values()].map((one) => one.spans(values, hidden));
      return [Math.min(...every.map(([low]) => low)), Math.max(...every.map(([, high]) => high))];
    };
    return { ...whole, of: (group) => groups.get(group) ?? whole, spansOfAll };
  };

  // A model of the text of a file, refused where a byte of it was changed. Digests need a page that came over
  // https (or from this machine): elsewhere a browser has none.
  const read = async (text) => {
    const artefact = JSON.parse(text);
    const told = artefact.digest;
    const bytes = new TextEncoder().encode(text.replace(`"digest":"${told}"`, `"digest":"${BLANK}"`));
    if (!globalThis.crypto?.subtle) throw new Error("This page cannot check the file: open it over https.");
    const taken = new Uint8Array(await globalThis.crypto.subtle.digest("SHA-256", bytes));
    if ([...taken].map((byte) => byte.toString(16).padStart(2, "0")).join("") !== told) {
      throw new Error("The digest is not that of the file: it was changed. Fetch it again.");
    }
    return of(artefact);
  };

  return { of, read };
})();
if (typeof module !== "undefined") module.exports = Additive;
