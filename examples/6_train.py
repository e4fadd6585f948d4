"""Train a small binary network on the digits, fold it, and evaluate the integers."""

from mapping import fold
from sim.evaluate import evaluate
from training.data import open_set
from training.recipe import of
from training.train import Plan, train

data = open_set("digits", flat=True)  # comes with scikit-learn; nothing is downloaded
recipe = of("digits", "ste", epochs=8)
plan = Plan(method="ste", net="mlp", timesteps=4, options={"hidden": (64,)}, recipe=recipe)
trained = train(data, plan)  # straight-through estimator, one-bit weights, seed 0
print(f"trained in float32: {trained.held_out_accuracy:.1%} of the held-out digits")

network = fold(trained.network)
print(network)
result = evaluate(network, data.test.inputs, data.test.labels)
print(f"integers: {result.accuracy:.1%}; {result.mismatches} of {result.compared:,} values differ")
assert result.mismatches == 0 and result.accuracy > 0.9
