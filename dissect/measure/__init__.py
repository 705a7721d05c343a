"""What finished runs say: contrasts paired by seed, their intervals, tests and verdicts; and what a plan needs.

What others call: `metric.Metric`, `effects.effects` over `paired.Contrast`s, `gains.gain` and `gains.summary`,
`contrasts.variants` and `contrasts.with_ten_crop`, `planning.seeds_needed`.
"""
