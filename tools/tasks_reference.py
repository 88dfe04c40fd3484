"""Multiple-choice examples in four forms, and what lm-evaluation-harness itself makes of them.

Writes test/fixtures/tasks/*.jsonl (seeded, of a few sentences' parts: nothing is taken from any data set) and
test/fixtures/tasks/reference_MODEL.json: of every answer its log-likelihood, of every task the metrics with their
standard errors, by the harness's own task definitions (its YAML, its prompts, its tokenisation, its counting) on
transformers in float64.

    pip install lm_eval==0.4.13   # beside torch and transformers
    python tools/tasks_reference.py NAME=FOLDER_OF_THE_MODEL ...
"""
import json
import os
import random
import sys
from pathlib import Path

os.environ.setdefault("HF_DATASETS_OFFLINE", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

HERE = Path(__file__).resolve().parent.parent / "test" / "fixtures" / "tasks"
EXAMPLES = 24

NAMES = ["Lily", "Tim", "Tom", "Anna", "Mia", "Ben"]
THINGS = ["a red ball", "the little cat", "a big dog", "the old tree", "some cake", "a naïve bird", "the café", "his toy car"]
DOINGS = ["went to the park", "saw a rabbit", "played with the ball", "was very happy", "cried a lot", "ran home to mom"]
PLACES = ["in the garden", "at the shop", "under the bed", "by the river", "in the house"]


def piqa(rng):
    goal = f"How does {rng.choice(NAMES)} find {rng.choice(THINGS)} {rng.choice(PLACES)}?"
    sols = rng.sample([f"Look {rng.choice(PLACES)} and ask {rng.choice(NAMES)}.", f"{rng.choice(NAMES)} {rng.choice(DOINGS)}.",
                       "Say “hello” — très bien! — to all of the friends.", "Run."], 2)
    return {"goal": goal, "sol1": sols[0], "sol2": sols[1], "label": rng.randrange(2)}


def arc(rng):
    count = rng.choice([3, 4, 4, 5])
    labels = list("ABCDE" if rng.random() < 0.7 else "12345")[:count]
    texts = rng.sample([*THINGS, *PLACES], count)
    return {"id": f"q{rng.randrange(10**6)}", "question": f"What did {rng.choice(NAMES)} see {rng.choice(PLACES)}?",
            "choices": {"text": texts, "label": labels}, "answerKey": rng.choice(labels)}


def hellaswag(rng):
    name = rng.choice(NAMES)
    second = rng.choice(["", "she THEN", "the boy and Lily", "élan of the dog"])
    mark = rng.choice(["", " [title] Next day", " [header] [step]", "  [substeps]"])
    endings = [f"{rng.choice(DOINGS)}{rng.choice(['', ' [title] and', ' [step]'])} {rng.choice(PLACES)}." for _ in range(4)]
    return {"ind": rng.randrange(10**4), "activity_label": rng.choice(["Playing ball", "Baking a cake", "Walking the dog"]),
            "ctx_a": f"{name} {rng.choice(DOINGS)}.{mark}", "ctx_b": second, "endings": endings, "label": str(rng.randrange(4))}


def winogrande(rng):
    one, two = rng.sample(NAMES, 2)
    verb, rest = rng.choice([("was happy because", "found the ball."), ("gave the cake to", "and said thank you."), ("was sad and", "cried  ")])
    thing = rng.choice(THINGS)
    return {"sentence": f"{one} and {two} had {thing}. Then mom {verb} _ {rest}", "option1": one, "option2": two, "answer": str(rng.randrange(1, 3))}


FORMS = {"piqa": piqa, "arc_easy": arc, "hellaswag": hellaswag, "winogrande": winogrande}


def write_examples():
    HERE.mkdir(parents=True, exist_ok=True)
    for index, (name, make) in enumerate(FORMS.items()):
        rng = random.Random(1000 + index)
        lines = [json.dumps(make(rng), ensure_ascii=False) for _ in range(EXAMPLES)]
        (HERE / f"{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def task_config(name):
    """The harness's own definition, on the local file."""
    from lm_eval.tasks._yaml_loader import load_yaml
    import lm_eval

    root = Path(lm_eval.__file__).parent / "tasks"
    found = {"piqa": "piqa/piqa.yaml", "arc_easy": "arc/arc_easy.yaml", "hellaswag": "hellaswag/hellaswag.yaml", "winogrande": "winogrande/default.yaml"}
    config = load_yaml(str(root / found[name]))
    config.pop("tag", None)
    config.update(task=f"local_{name}", dataset_path="json", dataset_name=None, test_split=None, training_split=None,
                  validation_split="validation", dataset_kwargs={"data_files": {"validation": str(HERE / f"{name}.jsonl")}})
    config["metric_list"] = [{"metric": m, "aggregation": "mean", "higher_is_better": True}
                             for m in (["acc"] if name == "winogrande" else ["acc", "acc_norm", "acc_bytes"])]
    return config


def main(models):
    import lm_eval
    from lm_eval.api.task import ConfigurableTask
    from lm_eval.models.huggingface import HFLM

    write_examples()
    for model in models:
        key, folder = model.split("=", 1)
        lm = HFLM(pretrained=folder, dtype="float64", device="cpu", batch_size=1)
        tasks = {f"local_{name}": ConfigurableTask(config=task_config(name)) for name in FORMS}
        out = lm_eval.simple_evaluate(lm, tasks=list(tasks.values()), num_fewshot=0, log_samples=True, bootstrap_iters=1)
        figures = {}
        for name in FORMS:
            result = out["results"][f"local_{name}"]
            samples = sorted(out["samples"][f"local_{name}"], key=lambda sample: sample["doc_id"])
            figures[name] = {
                **{k.replace(",none", ""): v for k, v in result.items() if k.startswith(("acc",))},
                "log_likelihoods": [[float(answer[0][0]) for answer in sample["resps"]] for sample in samples],
            }
        (HERE / f"reference_{key}.json").write_text(json.dumps({"lm_eval": lm_eval.__version__, "tasks": figures}, indent=1) + "\n")
        print(key, {name: {k: v for k, v in f.items() if k != "log_likelihoods"} for name, f in figures.items()})


if __name__ == "__main__":
    main(sys.argv[1:])
