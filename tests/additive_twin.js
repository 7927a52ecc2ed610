// Runs the JavaScript scorer on drawn cases: in Node (input on stdin, answers on stdout) and in a browser.
"use strict";
const SPECIAL = { inf: Infinity, "-inf": -Infinity, nan: NaN };
// JSON has no infinities: they come as {"number": "inf"}.
const numberOf = (value) => (value !== null && typeof value === "object" ? SPECIAL[value.number] : value);
const answersOf = async (Additive, drawn) => {
  const answers = [];
  for (const { text, cases, hidden, groups } of drawn) {
    const whole = await Additive.read(text);
    for (const [at, told] of cases.entries()) {
      const model = whole.of(groups[at]);
      const values = Object.fromEntries(Object.entries(told).map(([name, value]) => [name, numberOf(value)]));
      const scored = model.score(values);
      answers.push({
        ...scored, threshold: model.threshold, spansOfAll: whole.spansOfAll(values, hidden),
        byParameter: model.byParameter(scored), spans: model.spans(values, hidden),
        unlearnt: model.unlearnt(values), wouldChange: model.wouldChange(values),
        conformal: model.conformal(scored.probability), novelty: model.novelty(values, hidden),
      });
    }
  }
  return answers;
};
if (typeof require !== "undefined") {
  const drawn = JSON.parse(require("fs").readFileSync(0, "utf-8"));
  answersOf(require(process.argv[2]), drawn).then((answers) => process.stdout.write(JSON.stringify(answers)));
}
